//! The plain-text form of the reviewed data files: blocks of `key: value` lines, separated by empty lines.
//!
//! A line that begins with `#` is a comment, one that begins with a space continues the value above. Keys may repeat.

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// Line it begins at, from 1.
    pub(crate) line: usize,
    fields: Vec<(&'a str, String)>,
}

impl Block<'_> {
    /// The first value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, value)| value.as_str())
    }

    /// All values of `key`, in order.
    pub(crate) fn all<'b>(&'b self, key: &'b str) -> impl Iterator<Item = &'b str> {
        self.fields
            .iter()
            .filter(move |(k, _)| *k == key)
            .map(|(_, value)| value.as_str())
    }

    /// The value of `key`, or an error that names the block.
    pub(crate) fn need(&self, key: &str) -> Result<&str, String> {
        self.get(key)
            .ok_or_else(|| format!("block at line {}: no `{key}`", self.line))
    }

    /// An error when a key is not among `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.fields.iter().find(|(key, _)| !known.contains(key)) {
            Some((key, _)) => Err(format!("block at line {}: unknown key `{key}`", self.line)),
            None => Ok(()),
        }
    }
}

/// Splits a file into blocks. An error names the line.
pub(crate) fn parse(text: &str) -> Result<Vec<Block<'_>>, String> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            open = false;
            continue;
        }
        if line.starts_with(' ') {
            let value = blocks
                .last_mut()
                .filter(|_| open)
                .and_then(|b| b.fields.last_mut());
            let (_, value) = value.ok_or_else(|| format!("line {}: continues nothing", at + 1))?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        let (key, value) = line
            .split_once(':')
            .ok_or_else(|| format!("line {}: no `key: value`", at + 1))?;
        if !open {
            blocks.push(Block {
                line: at + 1,
                fields: Vec::new(),
            });
            open = true;
        }
        if let Some(block) = blocks.last_mut() {
            block.fields.push((key.trim(), value.trim().to_string()));
        }
    }
    Ok(blocks)
}

/// Tag patterns of a `tags:` line: separated by spaces, an underscore stands for a space inside a tag.
pub(crate) fn patterns(value: &str) -> Vec<Vec<u8>> {
    value
        .split_whitespace()
        .map(|word| word.replace('_', " ").into_bytes())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocks_keys_and_continuations() {
        let blocks = parse("# head\na: 1\n  more\na: 2\n\n\nb: x: y\n").unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].all("a").collect::<Vec<_>>(), ["1 more", "2"]);
        assert_eq!(blocks[1].need("b").unwrap(), "x: y");
        assert!(blocks[1].need("a").unwrap_err().contains("line 7"));
        assert!(blocks[1].only(&["a"]).unwrap_err().contains("unknown key `b`"));
        assert!(parse("  lost\n").is_err());
        assert!(parse("no colon\n").is_err());
        assert_eq!(patterns("Irp_ Nt*"), [b"Irp ".to_vec(), b"Nt*".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
