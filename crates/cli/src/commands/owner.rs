//! `poolscope owner`.

use attribution::{Owner, OwnerIndex, Owners, OwnersDocument};
use report::{Paint, Style};
use snapshot::Tag;

use crate::args::{KnowledgeArgs, TableArgs, TableFormat};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;
use crate::{csv, knowledge};

/// Say who owns a tag, and how we know.
///
/// Owners are ranked by trust with the evidence for each. For unknown tags it says how to find out.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope owner NtFC",
    after_help = "More examples:\n\x20 poolscope owner 'Ntf*' --format json\n\x20 poolscope owner WDiv --drivers C:\\Windows\\System32\\drivers"
)]
pub struct Args {
    /// Tags, case kept, bytes that cannot be typed as `\xNN`; `*` and `?` match several known tags.
    #[arg(value_name = "TAG", required = true)]
    pub tags: Vec<String>,
    /// What to learn owners from.
    #[command(flatten)]
    pub knowledge: KnowledgeArgs,
    /// Format and place.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    let mut index = knowledge::live_index(&args.knowledge, ui)?;
    // Tags are asked for on any system; the name tells which one they are of.
    index.set_os(None);
    let answers = answers(&args.tags, &index, ui)?;
    let mut out = ui.out(args.table.to.output.as_deref())?;
    let style = Style {
        color: out.look().color,
        width: out.look().width,
    };
    let text = match args.table.format {
        TableFormat::Text => answers
            .iter()
            .map(|answer| in_words(answer, style))
            .collect::<Vec<_>>()
            .join("\n"),
        TableFormat::Json => as_json(answers)?,
        TableFormat::Csv => as_csv(&answers),
    };
    out.text(&text)?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Who owns each of the tags that were asked for.
///
/// # Errors
/// An empty tag.
pub fn answers(words: &[String], index: &OwnerIndex, ui: &Ui) -> Result<Vec<Owners>, Failure> {
    Ok(asked(words, index, ui)?
        .iter()
        .map(|tag| index.owners(tag))
        .collect())
}

/// The tags of the command line; patterns stand for the known tags they cover.
fn asked(words: &[String], index: &OwnerIndex, ui: &Ui) -> Result<Vec<Tag>, Failure> {
    let mut tags = Vec::new();
    for word in words {
        if word.is_empty() {
            return Err(Failure::Usage("an empty tag".into()));
        }
        if !word.contains(['*', '?']) {
            tags.push(as_tag(word));
            continue;
        }
        let known = index.known_tags(word.as_bytes());
        if known.is_empty() {
            ui.warn(&format!("no known tag matches {word}"));
        }
        tags.extend(known);
    }
    tags.dedup();
    Ok(tags)
}

/// Names of more than four bytes are of Linux and taken as they are; others get the padding that people leave out.
fn as_tag(word: &str) -> Tag {
    let tag = Tag::parse(word);
    if tag.as_bytes().len() < 4 {
        Tag::parse_nt(word)
    } else {
        tag
    }
}

/// Owner JSON (`poolscope.owners/1`).
///
/// # Errors
/// When an answer cannot be written as JSON.
pub fn as_json(answers: Vec<Owners>) -> Result<String, Failure> {
    let document = OwnersDocument::new(answers);
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::input(format!("cannot write the answer as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

fn as_csv(answers: &[Owners]) -> String {
    let mut text = csv::line(&[
        "tag",
        "shared",
        "rank",
        "image",
        "component",
        "vendor",
        "trust",
        "evidence",
    ]);
    for answer in answers {
        let (tag, shared) = (
            answer.tag.to_string(),
            if answer.shared { "true" } else { "false" },
        );
        if answer.owners.is_empty() {
            text.push_str(&csv::line(&[&tag, shared, "", "", "", "", "", ""]));
        }
        for (at, owner) in answer.owners.iter().enumerate() {
            let of = |value: &Option<String>| value.clone().unwrap_or_default();
            text.push_str(&csv::line(&[
                &tag,
                shared,
                &(at + 1).to_string(),
                &of(&owner.image),
                &of(&owner.component),
                &of(&owner.vendor),
                owner.trust.as_str(),
                &owner.evidence.join("; "),
            ]));
        }
    }
    text
}

/// One answer for people.
fn in_words(answer: &Owners, style: Style) -> String {
    let tag = format!("{:<4}", answer.tag.to_string());
    let mut text = String::new();
    let head = match (answer.first(), answer.shared) {
        (Some(owner), _) => name(owner),
        (None, true) => "shared by many drivers: no owner can be named".into(),
        (None, false) => "no owner known".into(),
    };
    text.push_str(&format!(
        "{}  {}\n",
        style.paint(Paint::Bold, &tag),
        style.paint(Paint::Bold, &head)
    ));
    for (at, owner) in answer.owners.iter().enumerate() {
        if at > 0 {
            text.push_str(&style.wrap("  or  ", "      ", &name(owner)));
        }
        let loaded = match owner.loaded {
            Some(true) => ", loaded now",
            Some(false) => ", not loaded now",
            None => "",
        };
        let trust = format!("how we know: {}{loaded}", owner.trust.in_words());
        text.push_str(&style.paint(Paint::Dim, &style.wrap("      ", "      ", &trust)));
        for sentence in &owner.evidence {
            text.push_str(&style.wrap("      - ", "        ", sentence));
        }
    }
    if let Some(caution) = &answer.caution {
        text.push_str(&style.wrap("      ", "      ", caution));
    }
    if let Some(explanation) = &answer.explanation {
        text.push_str(&style.wrap("      ", "      ", &format!("What growth means: {explanation}")));
    }
    if !answer.next.is_empty() {
        text.push_str(&style.paint(Paint::Dim, "      next\n"));
        for step in &answer.next {
            text.push_str(&style.wrap("      - ", "        ", step));
        }
    }
    text
}

/// An owner in one line: file, component, maker, version.
fn name(owner: &Owner) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(owner.image.clone());
    parts.extend(
        owner
            .component
            .clone()
            .filter(|component| Some(component) != owner.image.as_ref()),
    );
    let product = owner
        .product
        .as_ref()
        .filter(|product| owner.component.as_ref() != Some(*product));
    let mut maker = [owner.vendor.clone(), product.cloned()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    if let Some(version) = &owner.version {
        maker.push_str(&format!(" {version}"));
    }
    if !maker.trim().is_empty() {
        parts.push(maker.trim().to_string());
    }
    if let Some(signer) = &owner.signer {
        parts.push(format!("signed by {signer}"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(tag: &str) -> String {
        in_words(
            &OwnerIndex::builtin().owners(&as_tag(tag)),
            Style {
                color: false,
                width: 80,
            },
        )
    }

    #[test]
    fn answers_read_well_at_eighty_columns() {
        insta::assert_snapshot!("known", plain("NtFC"));
        insta::assert_snapshot!("shared", plain("Ddk"));
        insta::assert_snapshot!("linux", plain("filp"));
        for tag in ["NtFC", "Ddk", "filp", "q#~", "WDiv", "kmalloc-64"] {
            assert!(
                plain(tag)
                    .lines()
                    .all(|line| line.chars().count() <= 80 || !line.trim().contains(' ')),
                "{}",
                plain(tag)
            );
        }
    }

    #[test]
    fn padding_is_added_and_patterns_are_known_tags() {
        let ui = Ui::new(true, crate::ui::ColorChoice::Never);
        let index = OwnerIndex::builtin();
        let words = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|w| (*w).to_string()).collect();
            asked(&words, &index, &ui)
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            words(&["Irp", "sock_inode_cache", "Vpm\\0"]),
            ["Irp ", "sock_inode_cache", "Vpm\\x00"]
        );
        assert_eq!(words(&["WCs?"]), ["WCsc", "WCse", "WCss"]);
        assert_eq!(words(&["no such*"]), [""; 0]);
    }

    #[test]
    fn csv_has_a_line_for_each_owner() {
        let index = OwnerIndex::builtin();
        let text = as_csv(&[index.owners(&as_tag("NtFC")), index.owners(&as_tag("Ddk"))]);
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("NtFC,false,1,ntfs.sys,"), "{text}");
        assert!(text.contains("\"Ddk \",true,,"), "{text}");
    }
}
