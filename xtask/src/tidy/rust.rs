//! Just enough Rust to tell code from comments, strings and tests. Keeps every byte at its place, so that an offset
//! means the same in each view.

/// Views of one source file, all of the same length and with the same lines.
pub(super) struct Rust {
    /// The code; comments and the insides of literals are spaces.
    pub code: String,
    /// The comments; everything else is spaces.
    pub comments: String,
    /// The code outside `#[cfg(test)]` and `#[test]` items.
    pub shipped: String,
}

impl Rust {
    pub(super) fn read(text: &str) -> Self {
        let (code, comments) = separate(text);
        let shipped = without_tests(&code);
        Self {
            code,
            comments,
            shipped,
        }
    }
}

/// Modules declared as `#[cfg(test)] mod name;`.
pub(super) fn test_modules(code: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for at in test_attributes(code) {
        let rest = skip_attributes(code, at);
        if let Some(declared) = code.get(rest..).and_then(|rest| rest.strip_prefix("mod ")) {
            let name = declared.split([';', '{', ' ']).next().unwrap_or_default();
            if declared
                .get(name.len()..)
                .is_some_and(|rest| rest.starts_with(';'))
            {
                names.push(name);
            }
        }
    }
    names
}

/// Splits into code and comments, blanking what does not belong. The quotes of strings stay in the code.
fn separate(text: &str) -> (String, String) {
    let bytes = text.as_bytes();
    let mut code = vec![b' '; bytes.len()];
    let mut comments = code.clone();
    for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        code[at] = *byte;
        comments[at] = *byte;
    }
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (end, kind) = if rest.starts_with(b"//") {
            (
                at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
                Kind::Comment,
            )
        } else if rest.starts_with(b"/*") {
            (at + block_comment(rest), Kind::Comment)
        } else if let Some(length) = string(bytes, at) {
            (at + length, Kind::Literal)
        } else {
            (at + 1, Kind::Code)
        };
        for place in at..end.min(bytes.len()) {
            match kind {
                Kind::Comment => comments[place] = bytes[place],
                Kind::Code => code[place] = bytes[place],
                Kind::Literal if place == at || place + 1 == end => code[place] = bytes[place],
                Kind::Literal if bytes[place] == b'\n' => code[place] = b'\n',
                Kind::Literal => {}
            }
        }
        at = end;
    }
    (
        String::from_utf8_lossy(&code).into_owned(),
        String::from_utf8_lossy(&comments).into_owned(),
    )
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Literal,
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// Length of the string or character literal that starts here, with its prefix.
fn string(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let prefix = if word_before {
        0
    } else {
        [&b"br"[..], b"cr", b"b", b"c", b"r"]
            .iter()
            .find(|p| rest.starts_with(p))
            .map_or(0, |p| p.len())
    };
    let raw = rest[..prefix].contains(&b'r');
    let body = &rest[prefix..];
    if raw {
        let hashes = body.iter().take_while(|byte| **byte == b'#').count();
        if body.get(hashes) != Some(&b'"') {
            return None;
        }
        let mut closing = vec![b'"'];
        closing.extend(std::iter::repeat_n(b'#', hashes));
        let inside = &body[hashes + 1..];
        let length = inside.windows(closing.len()).position(|window| window == closing);
        return Some(length.map_or(rest.len(), |length| prefix + hashes + 1 + length + closing.len()));
    }
    match body.first()? {
        b'"' => Some(prefix + escaped(body, b'"')),
        // A lifetime or label has no quote after its first character.
        b'\'' if body.get(1) == Some(&b'\\') => Some(prefix + escaped(body, b'\'')),
        b'\'' => {
            let text = std::str::from_utf8(body.get(1..body.len().min(6))?).ok();
            let width = text
                .and_then(|text| text.chars().next())
                .map_or(1, char::len_utf8);
            (body.get(1 + width) == Some(&b'\'')).then_some(prefix + width + 2)
        }
        _ => None,
    }
}

fn escaped(body: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < body.len() {
        match body[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    body.len()
}

/// Offsets of attributes that make the next item a test.
fn test_attributes(code: &str) -> Vec<usize> {
    ["#[cfg(test)]", "#[cfg(all(test", "#[test]", "#[cfg(any(test"]
        .iter()
        .flat_map(|attribute| code.match_indices(attribute).map(|(at, _)| at))
        .collect()
}

/// The offset of the item that these attributes belong to.
fn skip_attributes(code: &str, mut at: usize) -> usize {
    while let Some(rest) = code.get(at..) {
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with("#[") {
            break;
        }
        at += matching(trimmed.as_bytes(), b'[', b']');
    }
    at
}

/// Length up to and with the bracket that closes the first one.
fn matching(bytes: &[u8], open: u8, close: u8) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    bytes.len()
}

fn without_tests(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for at in test_attributes(code) {
        let item = skip_attributes(code, at);
        let rest = code.as_bytes().get(item..).unwrap_or_default();
        let end = match (
            rest.iter().position(|b| *b == b'{'),
            rest.iter().position(|b| *b == b';'),
        ) {
            (Some(brace), semicolon) if semicolon.is_none_or(|semicolon| brace < semicolon) => {
                brace + matching(&rest[brace..], b'{', b'}')
            }
            (_, Some(semicolon)) => semicolon + 1,
            _ => rest.len(),
        };
        for byte in bytes
            .iter_mut()
            .take(item + end)
            .skip(at)
            .filter(|byte| **byte != b'\n')
        {
            *byte = b' ';
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_are_not_code() {
        let cases = [
            ("a(\"unsafe\")", "a(\"      \")"),
            ("x // unsafe\ny", "x          \ny"),
            ("x /* a /* b */ c */ y", "x                   y"),
            ("r#\"un\"safe\"# z", "r          # z"),
            ("'\"' z", "' ' z"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("'\\'' z", "'  ' z"),
            ("b\"x\\\"y\" z", "b     \" z"),
            ("var\"x\"", "var\" \""),
        ];
        for (text, expected) in cases {
            assert_eq!(Rust::read(text).code, expected, "{text}");
        }
    }

    #[test]
    fn test_items_are_not_shipped() {
        let text = "fn a() {}\n#[cfg(test)]\n#[expect(x)]\nmod t { fn b() { { } } }\nfn c() {}\n#[cfg(test)]\nmod u;\nfn d() {}";
        let rust = Rust::read(text);
        let words: Vec<&str> = rust.shipped.split_whitespace().collect();
        assert_eq!(words, ["fn", "a()", "{}", "fn", "c()", "{}", "fn", "d()", "{}"]);
        assert_eq!(test_modules(&rust.code), ["u"]);
    }
}
