//! Wildcards over tags, as PoolMon has them.

/// True when `pattern` (`*` any run of bytes, `?` one byte, everything else itself, case kept) covers all of `text`.
///
/// Runs in O(pattern × text) and constant memory whatever the pattern.
#[must_use]
pub fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_poolmon() {
        let cases = [
            ("Nt*", "NtFC", true),
            ("nt*", "NtFC", false),
            ("??FC", "NtFC", true),
            ("*", "", true),
            ("", "x", false),
            ("*C*", "NtFC", true),
            ("Irp", "Irp ", false),
            ("Irp*", "Irp ", true),
            ("a*b*c", "aXbXbXc", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                glob_matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
