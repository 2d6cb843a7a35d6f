//! Takes host, user and path names out of what is handed to others, each name always by the same replacement.
//!
//! Kept on purpose: tags, drivers and their files in system folders, process names. Without them nobody could analyse the
//! evidence. What a program wrote into a name of its own (a process called after a customer) is kept too: the bundle can be
//! read before it is sent.

use std::collections::BTreeMap;

use serde_json::Value;
use snapshot::{History, MomentFacts};

/// Folders below which names say what is installed, not whose machine it is. Lower case, without the drive.
const SYSTEM_FOLDERS: [&str; 20] = [
    "\\windows\\",
    "\\systemroot\\",
    "\\program files\\",
    "\\program files (x86)\\",
    "\\programdata\\microsoft\\",
    "system32\\",
    "\\system32\\",
    "\\driverstore\\",
    "/proc/",
    "/sys/",
    "/usr/",
    "/lib/",
    "/lib64/",
    "/boot/",
    "/dev/",
    "/etc/",
    "/bin/",
    "/sbin/",
    "/run/",
    "/snap/",
];
/// Folders whose next component is a user's name. Lower case.
const HOME_FOLDERS: [&str; 4] = ["\\users\\", "/home/", "/users/", "\\documents and settings\\"];
/// Accounts that every machine has.
const COMMON_ACCOUNTS: [&str; 12] = [
    "public",
    "default",
    "all users",
    "default user",
    "root",
    "system",
    "administrator",
    "admin",
    "user",
    "users",
    "guest",
    "localservice",
];
/// Shorter names would be found inside everything.
const SHORTEST_NAME: usize = 3;

/// The history without host, user and path names, each replaced by the same word everywhere: what a redacted bundle
/// holds, for results that go elsewhere.
#[must_use]
pub fn redacted(history: &History) -> History {
    let mut out = Redactor::learn(history, &Value::Null).history(history);
    // A name too short to be looked for inside texts is still a name where it stands alone.
    if out.host.name.is_some() && out.host.name == history.host.name {
        out.host.name = Some("host".to_owned());
    }
    out
}

/// Replacements found so far.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    /// Names in lower case with what stands for them.
    names: BTreeMap<String, String>,
    paths: BTreeMap<String, String>,
    users: usize,
}

impl Redactor {
    /// Learns the names that occur in a history and in a report.
    pub(crate) fn learn(history: &History, report: &Value) -> Self {
        let mut redactor = Self::default();
        if let Some(host) = history.host.name.as_deref() {
            redactor.learn_host(host);
        }
        for (_, facts) in &history.facts {
            if let Ok(value) = serde_json::to_value(facts) {
                redactor.learn_value(&value);
            }
        }
        for problem in &history.problems {
            redactor.learn_text(&problem.message);
        }
        if let Some(host) = report.pointer("/source/host").and_then(Value::as_str) {
            redactor.learn_host(host);
        }
        redactor.learn_value(report);
        redactor
    }

    fn learn_host(&mut self, name: &str) {
        let lower = name.to_lowercase();
        if lower.len() >= SHORTEST_NAME && lower != "localhost" {
            // The short form of a full name is the same host.
            if let Some((short, _)) = lower.split_once('.')
                && short.len() >= SHORTEST_NAME
            {
                self.names.insert(short.to_owned(), "host-1".to_owned());
            }
            self.names.insert(lower, "host-1".to_owned());
        }
    }

    fn learn_value(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.learn_text(text),
            Value::Array(items) => items.iter().for_each(|item| self.learn_value(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.learn_value(field)),
            _ => {}
        }
    }

    fn learn_text(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        for folder in HOME_FOLDERS {
            for (at, _) in lower.match_indices(folder) {
                let rest = lower.get(at + folder.len()..).unwrap_or_default();
                let name = rest
                    .split(['\\', '/', '"', '\'', ':', '<', '>'])
                    .next()
                    .unwrap_or_default()
                    .trim();
                let common = COMMON_ACCOUNTS.contains(&name);
                if name.len() >= SHORTEST_NAME && !common && !self.names.contains_key(name) {
                    self.users += 1;
                    self.names.insert(name.to_owned(), format!("user-{}", self.users));
                }
            }
        }
        for path in paths(text).filter(|path| !is_system(path)) {
            let next = self.paths.len() + 1;
            self.paths
                .entry(path.to_owned())
                .or_insert_with(|| format!("path-{next}{}", extension(path)));
        }
    }

    /// The text without the names.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut out = text.to_owned();
        let mut paths: Vec<_> = self.paths.iter().collect();
        paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        for (path, with) in paths {
            out = out.replace(path.as_str(), with);
            // The same path inside JSON text.
            out = out.replace(&path.replace('\\', "\\\\"), with);
        }
        for (name, with) in self.names.iter().rev() {
            out = replace_word(&out, name, with);
        }
        out
    }

    /// The value with every string replaced.
    pub(crate) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => Value::Object(
                fields
                    .into_iter()
                    .map(|(name, field)| (name, self.value(field)))
                    .collect(),
            ),
            other => other,
        }
    }

    /// The history without the names. Tags stay.
    pub(crate) fn history(&self, history: &History) -> History {
        let mut out = history.clone();
        out.host.name = out.host.name.map(|name| self.text(&name));
        for (_, facts) in &mut out.facts {
            *facts = self.facts(facts);
        }
        for problem in &mut out.problems {
            problem.message = self.text(&problem.message);
        }
        for text in out.mapped.values_mut() {
            *text = self.text(text);
        }
        out
    }

    fn facts(&self, facts: &MomentFacts) -> MomentFacts {
        let value = serde_json::to_value(facts).map(|value| self.value(value));
        // Facts that cannot be rewritten are left out rather than handed over as they are.
        value.and_then(serde_json::from_value).unwrap_or_default()
    }
}

/// Paths in a text: from a drive, a share, a device or the root to the end of the last component.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) {
            let length = path_length(text, from);
            if length > 0 {
                let path = rest.get(..length)?;
                from += length;
                return Some(path);
            }
            from += rest.chars().next().map_or(1, char::len_utf8);
        }
        None
    })
}

/// Length of the path that begins at `at`, 0 where none does.
fn path_length(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inside = text
        .get(..at)
        .and_then(|t| t.chars().next_back())
        .is_some_and(|c| c.is_alphanumeric() || "/\\.:".contains(c));
    let bytes = rest.as_bytes();
    let drive = matches!(bytes, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let share = matches!(bytes, [b'\\', b'\\' | b'?' | b'A'..=b'Z' | b'a'..=b'z', ..]);
    let root = matches!(
        bytes,
        [b'/', b'A'..=b'Z' | b'a'..=b'z' | b'.' | b'_' | b'0'..=b'9', ..]
    );
    if inside || !(drive || share || root) {
        return 0;
    }
    let skip = if drive { 2 } else { 0 };
    let stops = |c: char| c.is_control() || "\"<>|*;,()[]{}'`".contains(c) || c == ':' || c == ' ' && root;
    let body = rest.get(skip..).unwrap_or_default();
    let mut end = skip + body.find(stops).unwrap_or(body.len());
    // A space is part of a Windows path when a component follows, or when the path is all there is.
    while let Some(space) = rest.get(..end).and_then(|path| path.rfind(' ')) {
        let (head, tail) = rest.get(..end).unwrap_or_default().split_at(space);
        let alone = at == 0 && end == text.len() && extension(head).is_empty();
        if tail.contains('\\') || alone {
            break;
        }
        end = space;
    }
    let components = rest
        .get(..end)
        .map_or(0, |path| path.matches(['\\', '/']).count());
    if components >= if drive { 1 } else { 2 } {
        end
    } else {
        0
    }
}

fn is_system(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let without_drive = lower
        .get(2..)
        .filter(|_| lower.as_bytes().get(1) == Some(&b':'))
        .unwrap_or(&lower);
    let home = HOME_FOLDERS.iter().any(|folder| lower.contains(folder));
    let system = |folder: &str| {
        without_drive.starts_with(folder)
            || (without_drive.starts_with("\\device\\") || without_drive.starts_with("\\??\\"))
                && without_drive.contains(folder)
    };
    !home && SYSTEM_FOLDERS.iter().any(|folder| system(folder))
}

/// Extension with its dot, kept because it tells the kind of file.
fn extension(path: &str) -> &str {
    let name = path.rsplit(['\\', '/']).next().unwrap_or_default();
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= 11 => name.get(at..).unwrap_or_default(),
        _ => "",
    }
}

/// Replaces `name`, which is in lower case, wherever it stands as a word of its own.
fn replace_word(text: &str, name: &str, with: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(&name) {
        let end = at + name.len();
        let word = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        let before = lower.get(..at).and_then(|t| t.chars().next_back());
        let after = lower.get(end..).and_then(|t| t.chars().next());
        if at >= from && word(before) && word(after) {
            out.push_str(text.get(from..at).unwrap_or_default());
            out.push_str(with);
            from = end;
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use snapshot::{HostFacts, Problem};

    fn redacted(texts: &[&str]) -> Vec<String> {
        let history = History {
            host: HostFacts {
                name: Some("BUILD-07.corp.example".into()),
                ..HostFacts::default()
            },
            problems: texts.iter().map(|t| Problem::new("test", *t)).collect(),
            ..History::default()
        };
        let redactor = Redactor::learn(&history, &Value::Null);
        redactor
            .history(&history)
            .problems
            .into_iter()
            .map(|p| p.message)
            .collect()
    }

    #[test]
    fn names_go_and_evidence_stays() {
        let cases = [
            ("build-07 and BUILD-07.CORP.example", "host-1 and host-1"),
            ("rebuild-070", "rebuild-070"),
            (r"C:\Users\Jane Doe\traces\boot.etl", "path-1.etl"),
            (r"process of jane doe", "process of user-1"),
            (
                r"C:\Windows\System32\drivers\acme.sys",
                r"C:\Windows\System32\drivers\acme.sys",
            ),
            (
                r"\SystemRoot\system32\drivers\acme.sys",
                r"\SystemRoot\system32\drivers\acme.sys",
            ),
            (
                r"\Device\HarddiskVolume3\Windows\acme.sys",
                r"\Device\HarddiskVolume3\Windows\acme.sys",
            ),
            (r"D:\Customers\Big Bank\a.dmp is large", "path-2.dmp is large"),
            (
                "/home/bob/week.csv:12:3: not a count",
                "path-3.csv:12:3: not a count",
            ),
            ("see /proc/slabinfo", "see /proc/slabinfo"),
            ("1/2 and 3/4/5", "1/2 and 3/4/5"),
            (r"\\fileserver\share\x.log", "path-4.log"),
        ];
        let out = redacted(&cases.map(|(text, _)| text));
        for ((text, expected), out) in cases.iter().zip(out) {
            assert_eq!(out, *expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_redacted_without_a_panic(text in "\\PC{0,60}", user in "[a-z]{3,8}") {
            let line = format!("{text} C:\\Users\\{user}\\x.etl {text}");
            let out = redacted(&[&line, &text]).concat();
            prop_assert!(COMMON_ACCOUNTS.contains(&user.as_str()) || !out.contains(&format!("\\{user}\\")), "{out}");
        }
    }
}
