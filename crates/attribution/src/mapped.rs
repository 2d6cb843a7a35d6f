//! Owners that an input names beside a tag.
//!
//! PoolMon's `Mapped_Driver` column (`[a.sys][b]`, `Unknown Driver`) comes from its tag list (`-g`) or from its own search
//! for pushed constants in the local drivers (`-c`); the debugger's `!poolused` prints the line of its own tag list
//! (`text, Binary : nt!mm`). Source: Microsoft's documentation of PoolMon, "PoolMon Examples".

use crate::Trust;
use crate::claim::Claim;
use crate::index::file_name;

/// Files taken from one text at most.
const MOST: usize = 16;

/// One file that an input names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mapped {
    file: String,
    by_debugger: bool,
}

impl Mapped {
    pub(crate) fn claim(&self) -> Claim {
        if self.by_debugger {
            let sentence = "the debugger's tag list, as printed by !poolused, names it";
            Claim::new(Trust::UserList, Some(&self.file), sentence.into())
        } else {
            let sentence =
                "PoolMon's Mapped_Driver column names it, from its tag list or its search of local drivers";
            Claim::new(Trust::PublicReport, Some(&self.file), sentence.into())
        }
    }
}

/// The files that a text names.
pub(crate) fn read(text: &str) -> Vec<Mapped> {
    let lower = text.to_ascii_lowercase();
    let debugger = lower
        .rsplit_once("binary")
        .and_then(|(_, rest)| rest.trim_start().strip_prefix(':'));
    let by_debugger = debugger.is_some();
    let column = debugger.unwrap_or(&lower);
    // Inside brackets a name stands for a file even without its ending.
    let bracketed = column.contains('[');
    let names = column.split([' ', '\t', ',', ';', '[', ']', '(', ')']);
    let found = names.filter_map(|name| file_of(name, bracketed));
    found
        .take(MOST)
        .map(|file| Mapped { file, by_debugger })
        .collect()
}

fn file_of(name: &str, bare_names: bool) -> Option<String> {
    let (module, part) = name
        .split_once('!')
        .map_or((name, false), |(module, _)| (module, true));
    if part && matches!(module, "nt" | "ntos" | "ntoskrnl") {
        return Some("ntoskrnl.exe".to_string());
    }
    let has_ending = [".sys", ".exe", ".dll"]
        .iter()
        .any(|end| module.ends_with(end) && module.len() > end.len());
    if has_ending {
        return Some(file_name(module));
    }
    let is_name = !module.is_empty()
        && module
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    (is_name && (bare_names || part)).then(|| format!("{module}.sys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_inputs_are_read() {
        let cases = [
            ("[npcap.sys]", vec!["npcap.sys"], false),
            ("Unknown Driver", vec![], false),
            ("[el90xbc5]", vec!["el90xbc5.sys"], false),
            ("[nt!io][ndis]", vec!["ntoskrnl.exe", "ndis.sys"], false),
            ("[A.SYS][b.sys] [c.sys]", vec!["a.sys", "b.sys", "c.sys"], false),
            ("Memory Manager , Binary : nt!mm", vec!["ntoskrnl.exe"], true),
            ("something, Binary: ntfs.sys", vec!["ntfs.sys"], true),
            ("UNKNOWN pooltag 'abcd', please update pooltag.txt", vec![], false),
            ("", vec![], false),
        ];
        for (text, files, by_debugger) in cases {
            let found = read(text);
            assert_eq!(
                found.iter().map(|m| m.file.as_str()).collect::<Vec<_>>(),
                files,
                "{text}"
            );
            assert!(found.iter().all(|m| m.by_debugger == by_debugger), "{text}");
        }
    }
}
