//! What growth of a tag family usually means: `data/families.txt`.

use std::sync::LazyLock;

use snapshot::glob_matches;

use crate::blocks::{self, Block};

/// How well a reading is founded; best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sure {
    /// A public report shows it.
    Reported,
    /// It follows from how the component works.
    Known,
    /// What people who look at such machines find; a hint.
    Experience,
    /// Concluded; the weakest.
    Inference,
}

impl Sure {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "reported" => Self::Reported,
            "known" => Self::Known,
            "experience" => Self::Experience,
            "inference" => Self::Inference,
            _ => return None,
        })
    }

    /// A remark for readers; nothing for what is well founded.
    #[must_use]
    pub const fn remark(self) -> Option<&'static str> {
        match self {
            Self::Reported | Self::Known => None,
            Self::Experience => Some("(a hint from experience)"),
            Self::Inference => Some("(inferred, not documented)"),
        }
    }
}

/// A family of tags that grow for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFamily {
    patterns: Vec<Vec<u8>>,
    files: Vec<String>,
    /// Short name.
    pub name: String,
    /// Who allocates and what for.
    pub what: String,
    /// What growth usually means.
    pub growth: String,
    /// What to look at next.
    pub checks: Vec<String>,
    /// What usually ends it.
    pub helps: Vec<String>,
    /// How well founded.
    pub sure: Sure,
    /// Address of a public report, where there is one.
    pub source: Option<&'static str>,
}

impl TagFamily {
    /// Driver files of the family, lower case.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// True when the family lists the tag itself, not only a pattern that fits it.
    #[must_use]
    pub fn lists(&self, tag: [u8; 4]) -> bool {
        self.patterns.iter().any(|pattern| *pattern == tag)
    }

    /// What it is and what growth means, as one paragraph.
    #[must_use]
    pub fn explanation(&self) -> String {
        let mut text = format!("{}: {} {}", self.name, self.what, self.growth);
        if let Some(remark) = self.sure.remark() {
            text.push(' ');
            text.push_str(remark);
        }
        text
    }
}

static FAMILIES: LazyLock<Vec<TagFamily>> =
    LazyLock::new(|| parse(include_str!("../data/families.txt")).unwrap_or_default());

/// Every family, in the order of the file.
#[must_use]
pub fn families() -> &'static [TagFamily] {
    &FAMILIES
}

/// The family of a tag: the most specific pattern wins. A pattern with wildcards is used only when one of the family's
/// files is among `owners`, or `owners` is empty: other makers use the same letters.
#[must_use]
pub fn family_of(tag: [u8; 4], owners: &[&str]) -> Option<&'static TagFamily> {
    let mut best: Option<(usize, &TagFamily)> = None;
    for family in families() {
        for pattern in &family.patterns {
            if !glob_matches(pattern, &tag) {
                continue;
            }
            let fixed = pattern.iter().filter(|&&b| b != b'?').count();
            let fits =
                fixed == 4 || owners.is_empty() || owners.iter().any(|o| family.files.iter().any(|f| f == o));
            if fits && best.is_none_or(|(most, _)| fixed > most) {
                best = Some((fixed, family));
            }
        }
    }
    best.map(|(_, family)| family)
}

fn parse(text: &str) -> Result<Vec<TagFamily>, String> {
    blocks::parse(text)?.iter().map(family).collect()
}

fn family(block: &Block<'_>) -> Result<TagFamily, String> {
    block.only(&[
        "tags", "files", "name", "what", "growth", "check", "helps", "sure", "source",
    ])?;
    let owned = |key| block.all(key).map(str::to_string).collect();
    let patterns = blocks::patterns(block.need("tags")?);
    if let Some(odd) = patterns.iter().find(|p| p.len() != 4) {
        return Err(format!(
            "line {}: {:?} has not four bytes",
            block.line,
            String::from_utf8_lossy(odd)
        ));
    }
    let sure = block.need("sure")?;
    Ok(TagFamily {
        patterns,
        files: block
            .get("files")
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_string)
            .collect(),
        name: block.need("name")?.into(),
        what: block.need("what")?.into(),
        growth: block.need("growth")?.into(),
        checks: owned("check"),
        helps: owned("helps"),
        sure: Sure::parse(sure).ok_or_else(|| format!("line {}: {sure:?} says not how sure", block.line))?,
        source: block.get("source").and_then(citation),
    })
}

/// The address behind a `gh:` key or a family's `source`.
#[must_use]
pub fn citation(key: &str) -> Option<&'static str> {
    let key = key.strip_prefix("gh:").unwrap_or(key);
    include_str!("../data/citations.tsv")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .find_map(|(name, address)| (name == key).then_some(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        let parsed = parse(include_str!("../data/families.txt")).unwrap();
        assert!(parsed.len() > 80, "{}", parsed.len());
        let mut seen = std::collections::BTreeSet::new();
        for family in &parsed {
            assert!(
                family.growth.ends_with('.') && family.what.ends_with('.'),
                "{}",
                family.name
            );
            for pattern in &family.patterns {
                assert!(
                    seen.insert(pattern.clone()),
                    "{} stands twice",
                    String::from_utf8_lossy(pattern)
                );
                assert!(
                    !pattern.contains(&b'?') || !family.files.is_empty(),
                    "{} needs files",
                    family.name
                );
            }
        }
    }

    #[test]
    fn the_most_specific_family_explains() {
        let cases: [(&[u8; 4], &[&str], Option<&str>); 8] = [
            (b"NtFC", &["ntfs.sys"], Some("NTFS opens")),
            (b"NtQQ", &["ntfs.sys"], Some("NTFS")),
            (b"NtQQ", &["other.sys"], None),
            (b"NtQQ", &[], Some("NTFS")),
            (b"NtFC", &["other.sys"], Some("NTFS opens")),
            (b"WCxx", &[], Some("container isolation filter")),
            (b"Irp ", &["ntoskrnl.exe"], Some("I/O requests and descriptors")),
            (b"qqqq", &[], None),
        ];
        for (tag, owners, name) in cases {
            assert_eq!(
                family_of(*tag, owners).map(|f| f.name.as_str()),
                name,
                "{tag:?} {owners:?}"
            );
        }
    }

    #[test]
    fn citations_are_addresses() {
        assert!(citation("gh:wsl40804").is_some_and(|a| a.starts_with("https://")));
        assert_eq!(citation("gh:nobody"), None);
    }
}
