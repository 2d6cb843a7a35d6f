//! Tags that identify nobody and drivers whose tags may lie: `data/shared.txt`.

use std::sync::LazyLock;

use crate::blocks;

/// A tag that no owner can be claimed for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SharedTag {
    tag: Vec<u8>,
    why: String,
}

/// A driver whose tags may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Liar {
    /// Its files, lower case.
    pub(crate) files: Vec<String>,
    /// How it lies.
    pub(crate) why: String,
}

static DATA: LazyLock<(Vec<SharedTag>, Vec<Liar>)> =
    LazyLock::new(|| parse(include_str!("../data/shared.txt")).unwrap_or_default());

/// Why no owner can be claimed for this tag, if so.
pub(crate) fn why_shared(tag: [u8; 4]) -> Option<&'static str> {
    DATA.0
        .iter()
        .find(|shared| shared.tag == tag)
        .map(|shared| shared.why.as_str())
}

/// Drivers whose tags may lie.
pub(crate) fn liars() -> &'static [Liar] {
    &DATA.1
}

fn parse(text: &str) -> Result<(Vec<SharedTag>, Vec<Liar>), String> {
    let (mut tags, mut liars) = (Vec::new(), Vec::new());
    for block in blocks::parse(text)? {
        block.only(&["tags", "why", "liar"])?;
        let why = block.need("why")?;
        if let Some(files) = block.get("liar") {
            let files = files.split_whitespace().map(str::to_string).collect();
            liars.push(Liar {
                files,
                why: why.into(),
            });
        } else {
            let patterns = blocks::patterns(block.need("tags")?).into_iter();
            tags.extend(patterns.map(|tag| SharedTag { tag, why: why.into() }));
        }
    }
    Ok((tags, liars))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        let (tags, liars) = parse(include_str!("../data/shared.txt")).unwrap();
        assert!(tags.len() >= 15 && liars.len() >= 2);
        assert!(tags.iter().all(|t| t.tag.len() == 4));
        assert!(why_shared(*b"Ddk ").is_some());
        assert!(why_shared(*b"ddk ").is_none(), "case is kept");
    }
}
