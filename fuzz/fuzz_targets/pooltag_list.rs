//! Arbitrary bytes as a user's pooltag.txt: read, then asked.
#![no_main]

use attribution::TagList;
use libfuzzer_sys::fuzz_target;
use snapshot::Tag;

fuzz_target!(|bytes: &[u8]| {
    let list = TagList::parse("fuzz", bytes);
    for entry in list.entries().iter().take(64) {
        assert!(!entry.pattern.is_empty() && entry.pattern.len() <= 4);
        if !entry.is_wildcard() {
            assert!(!list.find(&Tag::from_bytes(&entry.pattern)).is_empty());
        }
    }
});
