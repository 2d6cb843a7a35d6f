//! Just enough XML for rendered events: elements, attributes, text, the five named entities and character numbers.
//!
//! Events are rendered by machines, so there is no DTD and no namespace to resolve; prefixes are dropped. Whatever is
//! not well-formed ends the reading, and what was read so far stands.

/// One element that holds text or attributes, in document order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Names from the root down, joined with `/`.
    pub(crate) path: String,
    /// Attributes in order.
    pub(crate) attributes: Vec<(String, String)>,
    /// Text directly inside; indentation between elements is none.
    pub(crate) text: String,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Deeper than any event; a document that is, is none.
const MAX_DEPTH: usize = 64;
/// More elements than any event has.
const MAX_ELEMENTS: usize = 20_000;

/// All elements of a document.
pub(crate) fn elements(document: &str) -> Vec<Element> {
    let mut all: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.find('<') {
        let (text, markup) = rest.split_at(at);
        if let Some(element) = open.last().and_then(|&index| all.get_mut(index))
            && !text.trim().is_empty()
        {
            element.text.push_str(&unescape(text));
        }
        let Some((tag, after)) = cut_tag(markup) else {
            break;
        };
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().is_none() || name.is_empty() {
                break;
            }
            continue;
        }
        if tag.starts_with(['?', '!']) {
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_at(tag.find(char::is_whitespace).unwrap_or(tag.len()));
        let name = name.rsplit(':').next().unwrap_or(name);
        let parent = open
            .last()
            .and_then(|&index| all.get(index))
            .map_or("", |element| element.path.as_str());
        let path = if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}/{name}")
        };
        all.push(Element {
            path,
            attributes: parse_attributes(attributes),
            text: String::new(),
        });
        if !closed {
            open.push(all.len() - 1);
        }
        if open.len() > MAX_DEPTH || all.len() > MAX_ELEMENTS {
            break;
        }
    }
    all
}

/// The inside of the tag that `markup` begins with, and what follows it. Quotes may hold `>`.
fn cut_tag(markup: &str) -> Option<(&str, &str)> {
    let inside = markup.strip_prefix('<')?;
    if let Some(comment) = inside.strip_prefix("!--") {
        let end = comment.find("-->")?;
        return Some(("!", comment.get(end + 3..)?));
    }
    let mut quote = None;
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '>') => return Some((inside.get(..at)?, inside.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

fn parse_attributes(mut text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            break;
        };
        let Some((value, after)) = rest.get(1..).and_then(|rest| rest.split_once(quote)) else {
            break;
        };
        attributes.push((name.trim().to_owned(), unescape(value)));
        text = after;
    }
    attributes
}

/// Resolves entities; what is none stays as it is.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, entity)) = rest.split_once('&') {
        out.push_str(before);
        let resolved = entity
            .split_once(';')
            .and_then(|(name, after)| Some((resolve(name)?, after)));
        match resolved {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = entity;
            }
        }
    }
    out.push_str(rest);
    out
}

fn resolve(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let value = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(value)
        }
    }
}
