//! What a diagnosis is given.

use attribution::Owners;
use detection::Analysis;
use snapshot::{History, Pool, Tag};

/// Facts, verdicts and a way to look up owners.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The recording.
    pub history: &'a History,
    /// What detection says of it.
    pub analysis: &'a Analysis,
    /// Who owns a tag of a pool.
    pub owners: &'a dyn Fn(&Tag, Pool) -> Owners,
    /// Settings.
    pub options: &'a Options,
}

/// Settings of a diagnosis.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to search for an unknown tag; `{tag}` is replaced by the tag, percent-encoded.
    pub search_url: String,
    /// Series that get a curve for drawing, at most.
    pub curves: usize,
    /// Points of a curve, at most.
    pub curve_points: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            search_url: attribution::DEFAULT_SEARCH.to_owned(),
            curves: 12,
            curve_points: 240,
        }
    }
}

impl Options {
    /// The address to search for `tag`, with every byte that is not plainly safe percent-encoded.
    #[must_use]
    pub fn search_address(&self, tag: &Tag) -> String {
        let mut encoded = String::new();
        for &byte in tag.as_bytes() {
            if byte.is_ascii_alphanumeric() {
                encoded.push(byte as char);
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        self.search_url.replace("{tag}", &encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_in_an_address_is_percent_encoded() {
        let options = Options {
            search_url: "https://example.org/?q={tag}".to_owned(),
            ..Options::default()
        };
        for (tag, address) in [(b"NtFC", "NtFC"), (b"Irp ", "Irp%20"), (b"a&<\"", "a%26%3C%22")] {
            assert_eq!(
                options.search_address(&Tag::from_nt(*tag)),
                format!("https://example.org/?q={address}")
            );
        }
    }
}
