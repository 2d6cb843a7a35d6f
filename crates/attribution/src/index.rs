//! Everything that is known about who owns which tag, in one place: [`OwnerIndex`].

use std::collections::{BTreeMap, BTreeSet};

use driver_scan::{Certainty, DriverScan, TagUse};
use snapshot::{DriverFacts, History, ModuleFacts, MomentFacts, OsKind, Pool, Tag, glob_matches};

use crate::claim::{self, Claim};
use crate::{
    Confidence, Knowledge, Known, ListEntry, Owners, TagList, Trust, evidence, families, kmdf, linux, mapped,
    shared,
};

/// Fewer loaded modules than this are no whole list, so nothing is concluded from absence.
const WHOLE_MODULE_LIST: usize = 20;

/// So many makers in whose code a tag is found make it a shared one.
const SHARED_MAKERS: usize = 4;

/// The step for owners of whom no more is known.
const WHEN_IT_GROWS: &str = "If it grows: the owner allocates, but somebody else may make it keep the memory. Compare with tags that \
                             grow by the same counts, and record the stacks of its allocations.";

/// Where to look a tag up when the user set nothing; `{tag}` is replaced.
pub const DEFAULT_SEARCH: &str = "https://www.bing.com/search?q=pool+tag+%22{tag}%22";

/// A driver file that was scanned.
#[derive(Clone, Debug, Default)]
pub struct DriverFile {
    /// Path, for people; the last part is the file name.
    pub path: String,
    /// Loaded now; `None` when that is not known (files of another machine).
    pub loaded: Option<bool>,
    /// File date, RFC 3339.
    pub date: Option<String>,
    /// What its code says.
    pub scan: DriverScan,
}

impl DriverFile {
    /// File name in lower case.
    #[must_use]
    pub fn name(&self) -> String {
        file_name(&self.path)
    }
}

/// Answers who owns a tag, from all evidence that was handed to it.
#[derive(Clone, Debug)]
pub struct OwnerIndex {
    knowledge: Knowledge,
    os: Option<OsKind>,
    lists: Vec<TagList>,
    files: Vec<DriverFile>,
    /// File name → file numbers.
    names: BTreeMap<String, Vec<usize>>,
    /// Tag (bit 31 masked) → file number and use number.
    uses: BTreeMap<[u8; 4], Vec<(usize, usize)>>,
    modules: Option<BTreeSet<String>>,
    installed: Vec<DriverFacts>,
    mapped: BTreeMap<[u8; 4], BTreeSet<mapped::Mapped>>,
    /// Slab cache → other caches that the kernel counts under its name.
    /// Slab cache → other caches that the kernel counts under its name.
    merged: BTreeMap<String, Vec<String>>,
    search: String,
}

impl Default for OwnerIndex {
    fn default() -> Self {
        Self::builtin()
    }
}

impl OwnerIndex {
    /// An index that knows what the program knows by itself.
    #[must_use]
    pub fn builtin() -> Self {
        Self {
            knowledge: Knowledge::builtin(),
            os: None,
            lists: Vec::new(),
            files: Vec::new(),
            names: BTreeMap::new(),
            uses: BTreeMap::new(),
            modules: None,
            installed: Vec::new(),
            mapped: BTreeMap::new(),
            merged: BTreeMap::new(),
            search: DEFAULT_SEARCH.into(),
        }
    }

    /// Which system the tags come from. Unknown: Windows tags are tried first, then slab caches.
    pub fn set_os(&mut self, os: Option<OsKind>) {
        self.os = os;
    }

    /// Where to look up unknown tags; `{tag}` is replaced by the tag.
    pub fn set_search_address(&mut self, template: impl Into<String>) {
        self.search = template.into();
    }

    /// Adds a user's pooltag.txt.
    pub fn add_list(&mut self, list: TagList) {
        self.lists.push(list);
    }

    /// Adds a scanned driver file. A copy of a file that was added already only tells whether it is loaded.
    pub fn add_driver(&mut self, file: DriverFile) {
        let name = file.name();
        let namesakes = self.names.entry(name).or_default();
        for &number in namesakes.iter() {
            if let Some(known) = self.files.get_mut(number).filter(|known| known.scan == file.scan) {
                if file.loaded == Some(true) {
                    known.loaded = file.loaded;
                }
                return;
            }
        }
        let number = self.files.len();
        namesakes.push(number);
        for (at, tag_use) in file.scan.tags.iter().enumerate() {
            self.uses
                .entry(unprotected(tag_use.tag))
                .or_default()
                .push((number, at));
        }
        self.files.push(file);
    }

    /// The loaded modules: tells which of the files and owners are loaded.
    pub fn set_modules(&mut self, modules: &[ModuleFacts]) {
        let names = modules.iter().map(|m| file_name(&m.name));
        self.modules = Some(names.collect());
    }

    /// Installed drivers: services, versions, makers.
    pub fn set_installed(&mut self, drivers: &[DriverFacts]) {
        self.installed = drivers.to_vec();
    }

    /// What a recording says beside the tags: modules and drivers.
    pub fn add_facts(&mut self, facts: &MomentFacts) {
        if let Some(modules) = &facts.modules {
            self.set_modules(modules);
        }
        if let Some(drivers) = &facts.drivers {
            self.set_installed(drivers);
        }
        for cache in facts.slab_caches.iter().flatten() {
            if let Some(aliases) = cache.aliases.as_ref().filter(|aliases| !aliases.is_empty()) {
                self.merged.insert(cache.name.clone(), aliases.clone());
            }
        }
    }

    /// The owners of a Linux tag, with those of the caches merged into it.
    fn linux(&self, tag: &Tag) -> Owners {
        let mut answer = linux::owners(tag);
        let name = String::from_utf8_lossy(tag.as_bytes());
        if let Some(aliases) = self.merged.get(name.as_ref()) {
            linux::add_merged(&mut answer, aliases);
        }
        answer
    }

    /// What a recording says beside its tags: the system, modules and drivers, and owners that its input named.
    pub fn add_history(&mut self, history: &History) {
        self.set_os(history.host.os);
        for (_, facts) in &history.facts {
            self.add_facts(facts);
        }
        for (key, text) in &history.mapped {
            self.add_mapped(&key.tag, text);
        }
    }

    /// What an input printed beside a tag: PoolMon's Mapped_Driver, or the debugger's text after a `!poolused` row.
    pub fn add_mapped(&mut self, tag: &Tag, text: &str) {
        if let Some(bytes) = four_bytes(tag) {
            self.mapped.entry(bytes).or_default().extend(mapped::read(text));
        }
    }

    /// Number of driver files scanned.
    #[must_use]
    pub fn driver_files(&self) -> &[DriverFile] {
        &self.files
    }

    /// Known tags that a pattern (`*`, `?`) covers: of the table, of the lists and of the scanned drivers, sorted.
    #[must_use]
    pub fn known_tags(&self, pattern: &[u8]) -> Vec<Tag> {
        let table = self.knowledge.rows().map(|known| known.pattern.to_vec());
        let lists = self
            .lists
            .iter()
            .flat_map(TagList::entries)
            .map(|entry| entry.pattern.clone());
        let code = self.uses.keys().map(|tag| tag.to_vec());
        let is_tag = |tag: &Vec<u8>| !tag.iter().any(|b| matches!(b, b'*' | b'?'));
        let found: BTreeSet<Vec<u8>> = table
            .chain(lists)
            .chain(code)
            .filter(|tag| is_tag(tag) && glob_matches(pattern, tag))
            .collect();
        found.iter().map(|tag| Tag::from_bytes(tag)).collect()
    }

    /// The owners of a series: the pool tells which system the tag is of.
    #[must_use]
    pub fn owners_in(&self, tag: &Tag, pool: Pool) -> Owners {
        match pool {
            Pool::Slab | Pool::SlabReclaimable | Pool::Vmalloc | Pool::CallSite => self.linux(tag),
            Pool::Nonpaged | Pool::Paged | Pool::Session => self.windows(tag),
            _ => self.owners(tag),
        }
    }

    /// The owners of a tag.
    #[must_use]
    pub fn owners(&self, tag: &Tag) -> Owners {
        match self.os {
            Some(OsKind::Linux) => self.linux(tag),
            Some(OsKind::Windows) => self.windows(tag),
            None => {
                let linux = self.linux(tag);
                if four_bytes(tag).is_none() {
                    return linux;
                }
                let windows = self.windows(tag);
                let guessed = windows.owners.iter().all(|owner| owner.trust >= Trust::KmdfName);
                if guessed && !windows.shared && !linux.owners.is_empty() {
                    linux
                } else {
                    windows
                }
            }
        }
    }

    fn windows(&self, tag: &Tag) -> Owners {
        let mut answer = Owners::unknown(tag.clone());
        let Some(bytes) = four_bytes(tag) else {
            answer.caution = Some("A Windows tag has four bytes.".into());
            return answer;
        };
        let code = self.code(bytes);
        if let Some(why) = self.shared(bytes, &code) {
            return self.answer_shared(answer, bytes, &why, &code);
        }
        let mut claims = code;
        claims.extend(self.table_claims(bytes));
        claims.extend(self.lists.iter().flat_map(|list| list_claims(list, bytes)));
        claims.extend(self.mapped_claims(bytes));
        claims.extend(kmdf::claims(bytes, &self.files, &self.installed));
        if claims.is_empty() {
            claims.extend(self.neighbour_claim(bytes).or_else(|| family_claim(bytes)));
        }
        for claim in &mut claims {
            self.complete(claim);
        }
        answer.owners = claim::merge(claims);
        self.explain(&mut answer, bytes);
        answer
    }

    /// Claims of scanned drivers, one a file.
    fn code(&self, tag: [u8; 4]) -> Vec<Claim> {
        let mut by_file: BTreeMap<usize, Vec<&TagUse>> = BTreeMap::new();
        for &(file, at) in self.uses.get(&tag).map_or(&[][..], Vec::as_slice) {
            if let Some(tag_use) = self.files.get(file).and_then(|f| f.scan.tags.get(at)) {
                by_file.entry(file).or_default().push(tag_use);
            }
        }
        by_file
            .into_iter()
            .filter_map(|(file, uses)| self.code_of(self.files.get(file)?, &uses))
            .collect()
    }

    fn code_of(&self, file: &DriverFile, uses: &[&TagUse]) -> Option<Claim> {
        let name = file.name();
        let (certainty, sentence) = evidence::of_code(&name, uses)?;
        let loaded = file.loaded.or_else(|| self.is_loaded(&name));
        let trust = match (certainty, loaded) {
            (Certainty::Bytes, _) => Trust::Bytes,
            (_, Some(true)) => Trust::LoadedCode,
            _ => Trust::DriverCode,
        };
        let mut claim = Claim::new(trust, Some(&name), sentence);
        let owner = &mut claim.owner;
        owner.vendor.clone_from(&file.scan.company);
        owner.product.clone_from(&file.scan.product);
        owner.component.clone_from(&file.scan.description);
        owner.version.clone_from(&file.scan.version);
        owner.signer.clone_from(&file.scan.signer);
        owner.date = file.date.clone().or_else(|| {
            file.scan
                .linked_at
                .and_then(|at| snapshot::Timestamp::from_unix_seconds(at).to_rfc3339())
        });
        owner.loaded = loaded;
        Some(claim)
    }

    /// Why a tag is shared: it is a known one, or code of drivers of many makers has it.
    fn shared(&self, tag: [u8; 4], code: &[Claim]) -> Option<String> {
        if let Some(why) = shared::why_shared(tag) {
            return Some(why.to_string());
        }
        if self
            .knowledge
            .exact(tag)
            .any(|known| known.confidence == Confidence::High)
        {
            return None;
        }
        let of_code = code.iter().filter(|c| c.owner.trust <= Trust::DriverCode);
        let makers: BTreeSet<String> = of_code
            .filter_map(|c| c.owner.vendor.as_ref().or(c.owner.image.as_ref()))
            .map(|maker| maker.to_ascii_lowercase())
            .collect();
        (makers.len() >= SHARED_MAKERS)
            .then(|| format!("code of drivers of {} makers allocates under it.", makers.len()))
    }

    fn answer_shared(&self, mut answer: Owners, tag: [u8; 4], why: &str, code: &[Claim]) -> Owners {
        answer.shared = true;
        answer.caution = Some(format!("A shared tag that identifies no driver: {why}"));
        let users = |trust: Trust| {
            let names = code
                .iter()
                .filter(|c| c.owner.trust == trust)
                .filter_map(|c| c.owner.image.as_deref());
            names
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
                .join(", ")
        };
        for (trust, whose) in [
            (Trust::LoadedCode, "Loaded drivers"),
            (Trust::DriverCode, "Drivers on disk"),
        ] {
            let names = users(trust);
            if !names.is_empty() {
                answer
                    .next
                    .push(format!("{whose} whose code allocates under it: {names}."));
            }
        }
        if let Some(family) = families::family_of(tag, &[]) {
            answer.explanation = Some(family.explanation());
            answer.next.extend(family.checks.iter().cloned());
        }
        answer.next.push(
            "Stop products one at a time while the rate is watched, or record the stacks of this tag's allocations."
                .into(),
        );
        answer
    }

    /// Claims of the knowledge table. The most specific rows win; wildcards stand beside exact rows only where those
    /// are all of low confidence.
    fn table_claims(&self, tag: [u8; 4]) -> Vec<Claim> {
        let exact: Vec<Known> = self.knowledge.exact(tag).collect();
        let by_list = |known: &Known| known.sources().any(|key| key.starts_with("ms"));
        let listed = exact
            .iter()
            .find(|known| by_list(known) && !known.file.is_empty())
            .copied();
        let firm = exact.iter().any(|known| known.confidence > Confidence::Low);
        let wild = if firm {
            Vec::new()
        } else {
            self.knowledge.wildcards(tag)
        };
        exact
            .iter()
            .chain(&wild)
            .map(|known| self.of_row(known, listed.as_ref()))
            .collect()
    }

    fn of_row(&self, known: &Known, listed: Option<&Known>) -> Claim {
        let (mut trust, mut sentence) = evidence::of_known(known);
        // The source of a driver proves what that driver does, not that it is installed here. Where Microsoft's list
        // gives the tag to a file that every system has, that file comes first unless the driver is really there.
        if let Some(other) = listed
            && trust == Trust::DriverSource
            && other.file != known.file
            && self.is_loaded(known.file) != Some(true)
        {
            trust = Trust::PublicReport;
            sentence.push_str(&format!(", but only where {} is loaded", known.file));
        }
        let mut claim = Claim::new(trust, Some(known.file), sentence);
        claim.owner.component = Some(known.component.to_string());
        claim.owner.vendor = Some(known.vendor).filter(|v| !v.is_empty()).map(str::to_string);
        claim.confidence = known.confidence;
        claim.specific = known.pattern.iter().filter(|&&b| b != b'?').count();
        claim
    }

    fn mapped_claims(&self, tag: [u8; 4]) -> Vec<Claim> {
        self.mapped
            .get(&tag)
            .into_iter()
            .flatten()
            .map(mapped::Mapped::claim)
            .collect()
    }

    /// What tags with the same beginning belong to: three letters shared by two or more tags of one file, or two
    /// letters by eight.
    fn neighbour_claim(&self, tag: [u8; 4]) -> Option<Claim> {
        [(3, 2), (2, 8)].into_iter().find_map(|(letters, least)| {
            let prefix = tag.get(..letters)?;
            let rows = self
                .knowledge
                .beginning_with(prefix)
                .filter(|known| !known.file.is_empty());
            let files: Vec<&str> = rows
                .filter(|known| known.confidence == Confidence::High)
                .map(|k| k.file)
                .collect();
            let first = *files.first()?;
            if files.len() < least || files.iter().any(|file| *file != first) {
                return None;
            }
            let letters = Tag::from_bytes(prefix);
            let sentence = format!(
                "all {} known tags that begin with {letters} belong to {first}",
                files.len()
            );
            let mut claim = Claim::new(Trust::Inference, Some(first), sentence);
            claim.confidence = Confidence::Low;
            Some(claim)
        })
    }

    /// Adds what is known of the file: loaded or not, service, version, maker.
    fn complete(&self, claim: &mut Claim) {
        let owner = &mut claim.owner;
        let Some(image) = owner.image.clone() else { return };
        if owner.loaded.is_none() {
            owner.loaded = self.is_loaded(&image);
        }
        let of_file = |driver: &&DriverFacts| driver.file.as_deref().is_some_and(|f| file_name(f) == image);
        let Some(facts) = self.installed.iter().find(of_file) else {
            return;
        };
        for (slot, value) in [
            (&mut owner.vendor, &facts.company),
            (&mut owner.product, &facts.product),
            (&mut owner.version, &facts.version),
            (&mut owner.date, &facts.date),
            (&mut owner.signer, &facts.signer),
        ] {
            if slot.is_none() {
                slot.clone_from(value);
            }
        }
        if owner.loaded.is_none() {
            owner.loaded = facts.running;
        }
    }

    /// Whether a file is among the loaded modules; `None` when that is not known, and for the kernel itself, of which it would say nothing.
    fn is_loaded(&self, file: &str) -> Option<bool> {
        let modules = self.modules.as_ref()?;
        if matches!(file, "ntoskrnl.exe" | "hal.dll") {
            return None;
        }
        if modules.contains(file) {
            return Some(true);
        }
        // win32k lives in three files of which old lists name the first.
        if file == "win32k.sys" && modules.iter().any(|m| m.starts_with("win32k")) {
            return Some(true);
        }
        (modules.len() >= WHOLE_MODULE_LIST).then_some(false)
    }

    fn explain(&self, answer: &mut Owners, tag: [u8; 4]) {
        let images: Vec<&str> = answer.owners.iter().filter_map(|o| o.image.as_deref()).collect();
        let family = families::family_of(tag, &images);
        if let Some(family) = family.filter(|family| answer.owners.is_empty() && !family.lists(tag)) {
            // Its steps are not proposed for what may as well be another maker's.
            answer.explanation = Some(format!(
                "unless other makers chose the same letters: {}",
                family.explanation()
            ));
        } else if let Some(family) = family {
            answer.explanation = Some(family.explanation());
            answer.next = family.checks.clone();
            answer
                .next
                .extend(family.helps.iter().map(|help| format!("Usually helps: {help}")));
            if let Some(address) = family.source {
                answer.next.push(format!("A public report of it: {address}"));
            }
        }
        let certain = answer
            .first()
            .is_some_and(|owner| owner.trust < Trust::KmdfName && owner.image.is_some());
        if certain && answer.next.is_empty() {
            answer.next.push(WHEN_IT_GROWS.into());
        }
        if !certain {
            answer.next.extend(self.how_to_find_out(&answer.tag));
        }
        let loaded = |file: &String| self.is_loaded(file) == Some(true);
        if let Some(liar) = shared::liars().iter().find(|liar| liar.files.iter().any(loaded))
            && !certain
        {
            let file = liar
                .files
                .iter()
                .find(|file| loaded(file))
                .map_or("a driver", String::as_str);
            answer.caution = Some(format!("This tag may lie: {file} is loaded, and {}", liar.why));
        }
    }

    /// The steps for a tag nobody knows.
    fn how_to_find_out(&self, tag: &Tag) -> Vec<String> {
        let quoted = tag.to_string();
        let escaped: String = tag.as_bytes().iter().map(|&b| url_byte(b)).collect();
        vec![
            format!(
                "Read the code of the installed drivers: `poolscope owner \"{quoted}\" --drivers C:\\Windows\\System32\\drivers` \
                 (searching the files for the letters, as findstr does, hits text and misses constants)."
            ),
            format!("Search for it: {}", self.search.replace("{tag}", &escaped)),
            "If it keeps growing, record the stacks of its allocations; they name the driver whatever the tag says.".into(),
            "A tag that is in no list and differs after each boot can be made up: VeraCrypt's driver draws one at each load."
                .into(),
        ]
    }
}

/// The only file of the family whose pattern covers the tag.
fn family_claim(tag: [u8; 4]) -> Option<Claim> {
    let family = families::family_of(tag, &[])?;
    let [file] = family.files() else { return None };
    let sentence = format!("the tag looks like one of the family \"{}\"", family.name);
    let mut claim = Claim::new(Trust::Inference, Some(file), sentence);
    claim.confidence = Confidence::Low;
    Some(claim)
}

/// Claims of a user's list.
fn list_claims(list: &TagList, tag: [u8; 4]) -> Vec<Claim> {
    let of_entry = |entry: &ListEntry| {
        let mut sentence = format!("{} line {}", list.name, entry.line);
        if entry.is_wildcard() {
            sentence.push_str(&format!(
                " (by the pattern {})",
                String::from_utf8_lossy(&entry.pattern)
            ));
        }
        if !entry.text.is_empty() {
            sentence.push_str(&format!(": {}", entry.text));
        }
        let mut claim = Claim::new(Trust::UserList, entry.file.as_deref(), sentence);
        claim.owner.component = entry.part.as_ref().map(|part| format!("kernel part {part}"));
        claim.specific = entry.pattern.iter().filter(|b| !matches!(b, b'?' | b'*')).count();
        claim
    };
    let found = list.find(&Tag::from_nt(tag));
    found
        .into_iter()
        .filter(|e| e.file.is_some() || !e.text.is_empty())
        .map(of_entry)
        .collect()
}

/// The four bytes of a Windows tag without bit 31; a shorter tag is filled with spaces, as tools trim them.
fn four_bytes(tag: &Tag) -> Option<[u8; 4]> {
    let bytes = tag.as_bytes();
    if bytes.is_empty() || bytes.len() > 4 {
        return None;
    }
    let mut four = *b"    ";
    four.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
    Some(unprotected(four))
}

const fn unprotected([a, b, c, d]: [u8; 4]) -> [u8; 4] {
    [a, b, c, d & 0x7F]
}

/// The last part of a Windows or Linux path, lower case.
pub(crate) fn file_name(path: &str) -> String {
    path.rsplit(['\\', '/'])
        .next()
        .unwrap_or(path)
        .trim()
        .to_ascii_lowercase()
}

/// One byte of a tag inside an address.
fn url_byte(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() {
        (byte as char).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests;
