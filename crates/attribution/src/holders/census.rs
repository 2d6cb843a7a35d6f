//! Which tag is which kernel object type.

/// Tag (without padding) and the type's name as the object manager gives it. The tag of a type is the first four
/// letters of its name, so further types are found by that rule (`ObpAllocateObject` of the kernel; the type's own
/// entry of `ObjectTypesInformation` states the tag where it was read).
const TYPES: [(&str, &str); 22] = [
    ("Proc", "Process"),
    ("Thre", "Thread"),
    ("Toke", "Token"),
    ("File", "File"),
    ("Even", "Event"),
    ("Sema", "Semaphore"),
    ("Muta", "Mutant"),
    ("Key", "Key"),
    ("Sect", "Section"),
    ("Time", "Timer"),
    ("Job", "Job"),
    ("IoCo", "IoCompletion"),
    ("ALPC", "ALPC Port"),
    ("Desk", "Desktop"),
    ("Wind", "WindowStation"),
    ("Symb", "SymbolicLink"),
    ("Dire", "Directory"),
    ("EtwR", "EtwRegistration"),
    ("EtwC", "EtwConsumer"),
    ("TpWo", "TpWorkerFactory"),
    ("WaCo", "WaitCompletionPacket"),
    ("Prof", "Profile"),
];

/// Tags that stand for parts of an object: one (or a fixed number) for each, with the object's tag.
const PARTS: [(&str, &str); 10] = [
    ("SeTd", "Toke"),
    ("SeAt", "Toke"),
    ("SeTl", "Toke"),
    ("IoFE", "File"),
    ("IoNm", "File"),
    ("FOCX", "File"),
    ("NtfC", "File"),
    ("Ntfc", "File"),
    ("CMkb", "Key"),
    ("AfdE", "File"),
];

/// The object type whose objects a tag counts; for parts the type of the whole.
pub(super) fn type_of_tag(tag: &str) -> Option<&'static str> {
    let whole = PARTS
        .iter()
        .find(|(part, _)| *part == tag)
        .map_or(tag, |(_, whole)| whole);
    TYPES
        .iter()
        .find(|(known, _)| *known == whole)
        .map(|(_, name)| *name)
}

/// True when the tag counts a part of an object and not the object itself.
pub(super) fn is_part(tag: &str) -> bool {
    PARTS.iter().any(|(part, _)| *part == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_types() {
        let cases = [
            ("Proc", Some("Process"), false),
            ("Key", Some("Key"), false),
            ("SeTd", Some("Token"), true),
            ("IoNm", Some("File"), true),
            ("NtFC", None, false),
            ("proc", None, false),
        ];
        for (tag, name, part) in cases {
            assert_eq!((type_of_tag(tag), is_part(tag)), (name, part), "{tag}");
        }
    }
}
