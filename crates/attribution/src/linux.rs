//! Owners of Linux slab caches, vmalloc callers and allocation sites: `data/slab.txt`.

use std::sync::LazyLock;

use snapshot::{Tag, glob_matches};

use crate::blocks::{self, Block};
use crate::{Owner, Owners, Trust};

/// By what user-mode programs hold the objects of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldBy {
    /// Open files of any kind.
    Files,
    /// Open sockets.
    Sockets,
    /// Processes and threads themselves.
    Processes,
    /// Nothing that a process shows.
    Nothing,
}

/// What is known of a group of slab caches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheGroup {
    patterns: Vec<Vec<u8>>,
    /// Subsystem.
    pub owner: String,
    /// Module, where one is certain.
    pub module: Option<String>,
    /// What one object stands for.
    pub what: String,
    /// What growth usually means.
    pub growth: String,
    /// What to look at next.
    pub checks: Vec<String>,
    /// What usually ends it.
    pub helps: Vec<String>,
    /// By what programs hold it.
    pub held_by: HeldBy,
}

static GROUPS: LazyLock<Vec<CacheGroup>> =
    LazyLock::new(|| parse(include_str!("../data/slab.txt")).unwrap_or_default());

/// The group of a cache or vmalloc caller; the most specific pattern wins.
#[must_use]
pub fn cache_group(name: &[u8]) -> Option<&'static CacheGroup> {
    let mut best: Option<(usize, &CacheGroup)> = None;
    for group in GROUPS.iter() {
        for pattern in &group.patterns {
            let exact = !pattern.iter().any(|b| matches!(b, b'*' | b'?'));
            let fixed = if exact { usize::MAX } else { pattern.len() };
            if best.is_none_or(|(most, _)| fixed > most) && glob_matches(pattern, name) {
                best = Some((fixed, group));
            }
        }
    }
    best.map(|(_, group)| group)
}

fn parse(text: &str) -> Result<Vec<CacheGroup>, String> {
    blocks::parse(text)?.iter().map(group).collect()
}

fn group(block: &Block<'_>) -> Result<CacheGroup, String> {
    block.only(&[
        "caches", "owner", "module", "what", "growth", "check", "helps", "hold",
    ])?;
    let owned = |key| block.all(key).map(str::to_string).collect();
    Ok(CacheGroup {
        patterns: block
            .need("caches")?
            .split_whitespace()
            .map(|p| p.as_bytes().to_vec())
            .collect(),
        owner: block.need("owner")?.into(),
        module: block.get("module").map(str::to_string),
        what: block.need("what")?.into(),
        growth: block.need("growth")?.into(),
        checks: owned("check"),
        helps: owned("helps"),
        held_by: match block.need("hold")? {
            "file" => HeldBy::Files,
            "socket" => HeldBy::Sockets,
            "process" => HeldBy::Processes,
            "none" => HeldBy::Nothing,
            other => return Err(format!("line {}: {other:?} is no way to hold", block.line)),
        },
    })
}

/// The owners of a Linux tag.
pub(crate) fn owners(tag: &Tag) -> Owners {
    let mut answer = Owners::unknown(tag.clone());
    let text = String::from_utf8_lossy(tag.as_bytes()).into_owned();
    if let Some(module) = module_in(&text) {
        let mut owner = Owner::new(Trust::LoadedCode);
        owner.image = Some(module.to_string());
        owner.loaded = Some(true);
        owner.evidence = vec!["the kernel names the module beside the allocation".into()];
        answer.owners.push(owner);
    }
    if let Some(place) = source_place(&text) {
        let mut owner = Owner::new(Trust::LoadedCode);
        owner.component = Some(format!("kernel source {place}"));
        owner.evidence = vec!["/proc/allocinfo names the line that allocates".into()];
        if answer.owners.is_empty() {
            answer.owners.push(owner);
        }
    }
    let name = text.split(['+', ' ']).next().unwrap_or(&text);
    if let Some(group) = cache_group(name.as_bytes()) {
        if answer.owners.is_empty() {
            let mut owner = Owner::new(Trust::DriverSource);
            owner.image.clone_from(&group.module);
            owner.component = Some(group.owner.clone());
            owner.vendor = Some("Linux kernel".into());
            owner.evidence = vec!["the name of the cache, which the kernel's source gives".into()];
            answer.owners.push(owner);
        } else if let Some(first) = answer.owners.first_mut() {
            first.component.get_or_insert_with(|| group.owner.clone());
        }
        answer.shared = name.contains("kmalloc-");
        if answer.shared {
            answer.owners.clear();
            answer.caution = Some(
                "A size class that any part of the kernel uses: the name tells the size of the blocks, not who asked."
                    .into(),
            );
        }
        answer.explanation = Some(format!("{}: {} {}", group.owner, group.what, group.growth));
        answer.next = group.checks.clone();
        answer
            .next
            .extend(group.helps.iter().map(|help| format!("Usually helps: {help}")));
    } else if answer.owners.is_empty() {
        answer.next = how_to_find_out(&text);
    }
    answer
}

/// Adds what is known of the caches that the kernel counts under the same name, because they are alike in size and
/// flags (`mm/slab_common.c`, `find_mergeable`).
pub(crate) fn add_merged(answer: &mut Owners, aliases: &[String]) {
    const NAMED: usize = 8;
    let mut names = aliases.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if aliases.len() > NAMED {
        names.push_str(&format!(" and {} more", aliases.len() - NAMED));
    }
    let merged = format!(
        "The kernel counts other caches of the same size under this name, and does not tell them apart: {names}."
    );
    answer.caution = Some(match answer.caution.take() {
        Some(caution) => format!("{caution} {merged}"),
        None => merged,
    });
    if answer.shared {
        return;
    }
    for alias in aliases {
        let Some(group) = cache_group(alias.as_bytes()) else {
            continue;
        };
        if answer
            .owners
            .iter()
            .any(|owner| owner.component.as_deref() == Some(&group.owner))
        {
            continue;
        }
        let mut owner = Owner::new(Trust::Inference);
        owner.image.clone_from(&group.module);
        owner.component = Some(group.owner.clone());
        owner.vendor = Some("Linux kernel".into());
        owner.evidence = vec![format!("its cache {alias} is merged into this one")];
        answer.owners.push(owner);
    }
}

fn how_to_find_out(name: &str) -> Vec<String> {
    vec![
        format!("Look for the cache's name in the kernel's source, or in modules: `grep -rl '{name}' /lib/modules/$(uname -r)`."),
        "Other caches of the same size may be merged under one name: `ls -l /sys/kernel/slab` shows the aliases.".into(),
        "Where the kernel has /proc/allocinfo, read it: it names the source line of each allocation.".into(),
    ]
}

/// The module in `function+0x12/0x34 [module]`.
fn module_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('[')?;
    let (module, _) = rest.split_once(']')?;
    let ok = !module.is_empty()
        && module
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    ok.then_some(module)
}

/// The place in `path/file.c:123 …` of /proc/allocinfo.
fn source_place(text: &str) -> Option<&str> {
    let place = text.split_whitespace().next()?;
    let (file, line) = place.rsplit_once(':')?;
    let is_source = [".c", ".h", ".rs"].iter().any(|end| file.ends_with(end));
    (is_source && line.bytes().all(|b| b.is_ascii_digit())).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        let groups = parse(include_str!("../data/slab.txt")).unwrap();
        assert!(groups.len() > 45, "{}", groups.len());
        for group in &groups {
            assert!(
                group.what.ends_with('.') && group.growth.ends_with('.'),
                "{}",
                group.owner
            );
        }
    }

    #[test]
    fn linux_names_are_owned() {
        // tag, file, component, shared
        let cases = [
            ("filp", None, Some("virtual file system"), false),
            ("ext4_inode_cache", None, Some("files of a file system"), false),
            ("ext4_extent_status", Some("ext4"), Some("ext4"), false),
            ("kmalloc-256", None, None, true),
            ("kmalloc-cg-64", None, None, true),
            (
                "nf_conntrack",
                Some("nf_conntrack"),
                Some("connection tracking"),
                false,
            ),
            ("do_thing+0x12/0x34 [mymod]", Some("mymod"), None, false),
            (
                "bpf_prog_alloc_no_stats+0x33/0x100",
                None,
                Some("BPF and tracing"),
                false,
            ),
            (
                "fs/ext4/super.c:1234 func:x",
                None,
                Some("kernel source fs/ext4/super.c:1234"),
                false,
            ),
            ("my_own_cache", None, None, false),
        ];
        for (name, file, component, shared) in cases {
            let answer = owners(&Tag::from_bytes(name.as_bytes()));
            let first = answer.first();
            assert_eq!(first.and_then(|o| o.image.as_deref()), file, "{name}");
            assert_eq!(first.and_then(|o| o.component.as_deref()), component, "{name}");
            assert_eq!(answer.shared, shared, "{name}");
            assert!(
                !answer.next.is_empty() || first.is_some(),
                "{name} leads somewhere"
            );
        }
    }
}
