//! Drivers inside archives: zip files, which wheels and packages of other systems are too.

use std::io::{Cursor, Read};

use super::{FileResult, scan_image};

/// Deepest archive inside an archive.
const MAX_DEPTH: usize = 3;
/// Most members looked at, in all archives of one file together.
const MAX_MEMBERS: usize = 20_000;
/// Largest member, unpacked.
const MAX_MEMBER: u64 = 128 << 20;
/// Most bytes unpacked from one file.
const MAX_UNPACKED: u64 = 1 << 30;

/// True for a zip archive.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Scans every driver in the archive.
pub(super) fn scan(bytes: &[u8], result: &mut FileResult) {
    let mut budget = Budget {
        members: MAX_MEMBERS,
        bytes: MAX_UNPACKED,
    };
    level(bytes, "", 0, &mut budget, result);
}

struct Budget {
    members: usize,
    bytes: u64,
}

fn level(bytes: &[u8], prefix: &str, depth: usize, budget: &mut Budget, result: &mut FileResult) {
    let mut archive = match zip::ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive,
        Err(error) => {
            return result
                .problems
                .push(format!("{prefix}not a readable archive: {error}"));
        }
    };
    for at in 0..archive.len() {
        if budget.members == 0 || budget.bytes == 0 {
            result.problems.push(format!(
                "{prefix}the archive holds more than is unpacked, the rest was left out"
            ));
            return;
        }
        budget.members -= 1;
        match archive.by_index(at) {
            Ok(mut member) => {
                let name = format!("{prefix}{}", member.name());
                if member.is_file() && wanted(&name) {
                    match unpack(&mut member, budget) {
                        Ok(inner) => one(&inner, &name, depth, budget, result),
                        Err(reason) => result.problems.push(format!("{name}: {reason}")),
                    }
                }
            }
            Err(error) => result.problems.push(format!("{prefix}member {at}: {error}")),
        }
    }
}

fn one(bytes: &[u8], name: &str, depth: usize, budget: &mut Budget, result: &mut FileResult) {
    if !is_zip(bytes) {
        scan_image(name, bytes, result);
    } else if depth >= MAX_DEPTH {
        result
            .problems
            .push(format!("{name}: archives are nested too deeply"));
    } else {
        level(bytes, &format!("{name}!"), depth + 1, budget, result);
    }
}

fn wanted(name: &str) -> bool {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    matches!(ending.as_str(), "sys" | "whl" | "zip" | "nupkg" | "jar")
}

/// Unpacks a member. Its header is not believed: what is read is counted.
fn unpack(member: &mut impl Read, budget: &mut Budget) -> Result<Vec<u8>, String> {
    let limit = MAX_MEMBER.min(budget.bytes);
    let mut out = Vec::new();
    let read = member
        .take(limit.saturating_add(1))
        .read_to_end(&mut out)
        .map_err(|e| e.to_string())? as u64;
    budget.bytes = budget.bytes.saturating_sub(read);
    if read > limit {
        return Err(format!("more than {limit} bytes unpacked"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            writer
                .start_file(*name, zip::write::SimpleFileOptions::default())
                .unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn problems(bytes: &[u8]) -> Vec<String> {
        let mut result = FileResult::default();
        scan(bytes, &mut result);
        result.problems
    }

    #[test]
    fn members_are_reached_through_nested_archives_and_named() {
        let inner = zip_of(&[("deep/x.sys", b"no image")]);
        let outer = zip_of(&[
            ("a.txt", b"x"),
            ("lib/inner.whl", &inner),
            ("top.sys", b"neither"),
        ]);
        let found = problems(&outer);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("lib/inner.whl!deep/x.sys: "), "{found:?}");
        assert!(found[1].starts_with("top.sys: "), "{found:?}");
    }

    #[test]
    fn nesting_and_damage_are_bounded() {
        let mut nested = zip_of(&[("x.sys", b"no image")]);
        for _ in 0..6 {
            nested = zip_of(&[("n.zip", &nested)]);
        }
        assert!(problems(&nested)[0].contains("nested too deeply"));
        let whole = zip_of(&[("x.sys", b"no image")]);
        assert!(!problems(&whole[..whole.len() / 2]).is_empty());
    }
}
