//! Finds given tags as bytes: weak evidence, but fast, for tags that no code analysis found.

use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;

use crate::{Certainty, TagUse};

/// Most hits reported for one tag.
const MAX_HITS: usize = 16;
/// Above this many tags one automaton over all is faster than one search a tag.
const SINGLE: usize = 3;

/// A search for a set of tags, built once and used on many files.
#[derive(Debug)]
pub struct ByteSearch {
    tags: Vec<[u8; 4]>,
    /// Searches of their own for a few tags.
    finders: Vec<memmem::Finder<'static>>,
    /// One search for many.
    automaton: Option<AhoCorasick>,
}

impl ByteSearch {
    /// Prepares a search for `tags`.
    #[must_use]
    pub fn new(tags: &[[u8; 4]]) -> Self {
        let tags = tags.to_vec();
        let automaton = if tags.len() > SINGLE {
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .build(&tags)
                .ok()
        } else {
            None
        };
        let finders = match automaton {
            Some(_) => Vec::new(),
            None => tags
                .iter()
                .map(|tag| memmem::Finder::new(tag).into_owned())
                .collect(),
        };
        Self {
            tags,
            finders,
            automaton,
        }
    }

    /// True when one of the tags is anywhere in the bytes.
    #[must_use]
    pub fn is_match(&self, bytes: &[u8]) -> bool {
        match &self.automaton {
            Some(automaton) => automaton.is_match(bytes),
            None => self.finders.iter().any(|finder| finder.find(bytes).is_some()),
        }
    }

    /// Where the tags are, at most 16 places each. `rva` is the offset in `bytes` (of a file: the file offset). All
    /// findings have [`Certainty::Bytes`]: that bytes are there says nothing about what they are used for.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> Vec<TagUse> {
        let mut found = Vec::new();
        let mut hit = |index: usize, at: usize| {
            if let (Some(&tag), Ok(rva)) = (self.tags.get(index), u32::try_from(at)) {
                found.push(TagUse {
                    tag,
                    routine: String::new(),
                    rva,
                    certainty: Certainty::Bytes,
                });
            }
        };
        match &self.automaton {
            Some(automaton) => {
                let mut counts = vec![0usize; self.tags.len()];
                for found in automaton.find_overlapping_iter(bytes) {
                    let index = found.pattern().as_usize();
                    if let Some(count) = counts.get_mut(index).filter(|count| **count < MAX_HITS) {
                        *count += 1;
                        hit(index, found.start());
                    }
                }
            }
            None => {
                for (index, finder) in self.finders.iter().enumerate() {
                    finder
                        .find_iter(bytes)
                        .take(MAX_HITS)
                        .for_each(|at| hit(index, at));
                }
            }
        }
        found
    }
}

/// Finds `tags` as bytes; see [`ByteSearch`], which is faster over many files.
#[must_use]
pub fn scan_bytes(bytes: &[u8], tags: &[[u8; 4]]) -> Vec<TagUse> {
    ByteSearch::new(tags).find(bytes)
}
