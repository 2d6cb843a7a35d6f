//! Sentences with commands and addresses in them, as markup.

/// `text` with what stands in backticks as code and https addresses as links. Everything is escaped first, so the only
/// markup that comes out is made here.
pub(super) fn rich(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick without its partner is a backtick.
    if parts.len().is_multiple_of(2) {
        return linked(text);
    }
    let mut out = String::with_capacity(text.len() + 32);
    for (at, part) in parts.into_iter().enumerate() {
        if at % 2 == 0 {
            out.push_str(&linked(part));
        } else {
            out.push_str("<code>");
            out.push_str(&escaped(part));
            out.push_str("</code>");
        }
    }
    out
}

const ADDRESS: &str = "https://";

fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(ADDRESS) {
        let (before, from) = rest.split_at(at);
        let end = from
            .find(|c: char| c.is_whitespace() || "<>\"'`".contains(c))
            .unwrap_or(from.len());
        let (address, after) = from.split_at(end);
        // What ends the sentence does not belong to the address.
        let address_only = address.trim_end_matches(['.', ',', ';', ':', ')']);
        let tail = address.strip_prefix(address_only).unwrap_or_default();
        out.push_str(&escaped(before));
        if address_only.len() > ADDRESS.len() {
            let shown = escaped(address_only);
            out.push_str(&format!(
                "<a href=\"{shown}\" rel=\"noreferrer noopener\">{shown}</a>"
            ));
        } else {
            out.push_str(&escaped(address_only));
        }
        out.push_str(&escaped(tail));
        rest = after;
    }
    out.push_str(&escaped(rest));
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_addresses_become_markup_and_nothing_else_does() {
        for (text, expected) in [
            ("plain <b> & 'x'", "plain &lt;b&gt; &amp; &#39;x&#39;"),
            ("run `a <b>` now", "run <code>a &lt;b&gt;</code> now"),
            ("one ` alone", "one ` alone"),
            (
                "see https://example.org/a?b=1&c=%22, and",
                "see <a href=\"https://example.org/a?b=1&amp;c=%22\" rel=\"noreferrer noopener\">https://example.org/a?b=1&amp;c=%22</a>, and",
            ),
            ("https:// alone", "https:// alone"),
            (
                "https://x.org/\"onclick=\"alert(1)",
                "<a href=\"https://x.org/\" rel=\"noreferrer noopener\">https://x.org/</a>&quot;onclick=&quot;alert(1)",
            ),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ("`https://x.org`", "<code>https://x.org</code>"),
        ] {
            assert_eq!(rich(text), expected, "{text}");
        }
    }
}
