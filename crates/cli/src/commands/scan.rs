//! `poolscope scan`.

use std::path::PathBuf;

use driver_scan::{Certainty, TagUse};
use report::words::plural;
use report::{Column, Paint, Style, Table};
use serde::Serialize;
use snapshot::{Problem, Tag, glob_matches};

use crate::args::{TableArgs, TableFormat};
use crate::csv;
use crate::driver_files::{self, Cache, ScanRun, ScannedFile, places};
use crate::exit::{Failure, Outcome};
use crate::ui::Ui;

/// List the tags that driver files allocate.
///
/// Disassembles Windows drivers (x64, x86, ARM64) and follows each tag to the allocation call. Takes files, folders and
/// archives, on any system; on Windows without a path the loaded modules and the drivers on disk.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope scan C:\\Windows\\System32\\drivers",
    after_help = "More examples:\n\x20 poolscope scan mydriver.sys --format json"
)]
pub struct Args {
    /// Driver files, folders or archives.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only tags that match GLOB; may be given several times.
    #[arg(long, value_name = "GLOB", help_heading = "Filters")]
    pub tag: Vec<String>,
    /// Scan every file again instead of using results of earlier runs.
    #[arg(long)]
    pub no_cache: bool,
    /// Format and place.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Runs the command.
///
/// # Errors
/// What cannot be read is [`Failure::Input`], what this machine cannot answer [`Failure::Unavailable`].
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    let paths = if args.paths.is_empty() {
        places::driver_folders()
    } else {
        args.paths.clone()
    };
    if paths.is_empty() {
        return Err(Failure::Usage(
            "name a driver file, a folder or an archive to scan".into(),
        ));
    }
    let cache = if args.no_cache {
        Cache::off()
    } else {
        Cache::of_user()
    };
    let mut found = driver_files::scan(&paths, cache, ui);
    if !args.tag.is_empty() {
        keep(&mut found, &args.tag);
    }
    if found.files.is_empty() && !found.problems.is_empty() && args.tag.is_empty() {
        let first = found
            .problems
            .first()
            .map(|problem| problem.message.clone())
            .unwrap_or_default();
        return Err(Failure::input(format!("nothing could be scanned: {first}")));
    }
    let mut out = ui.out(args.table.to.output.as_deref())?;
    let style = Style {
        color: out.look().color,
        width: out.look().width,
    };
    let text = match args.table.format {
        TableFormat::Text => in_words(&found, style),
        TableFormat::Json => as_json(&found)?,
        TableFormat::Csv => as_csv(&found),
    };
    out.text(&text)?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Leaves the tags that match, and the drivers that have some.
fn keep(found: &mut ScanRun, globs: &[String]) {
    let matches = |tag_use: &TagUse| {
        globs
            .iter()
            .any(|glob| glob_matches(glob.as_bytes(), &tag_use.tag))
    };
    for file in &mut found.files {
        file.scan.tags.retain(matches);
    }
    found.files.retain(|file| !file.scan.tags.is_empty());
}

/// `poolscope.scan/1`; docs/scan-json.md is its contract.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    drivers: Vec<Driver<'a>>,
    problems: &'a [Problem],
}

#[derive(Serialize)]
struct Driver<'a> {
    path: &'a str,
    sha256: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    company: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    kmdf: bool,
    tags: Vec<Use<'a>>,
    freed_tags: Vec<Use<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    problems: &'a [String],
}

#[derive(Serialize)]
struct Use<'a> {
    tag: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    routine: &'a str,
    rva: u32,
    certainty: &'static str,
}

fn as_json(found: &ScanRun) -> Result<String, Failure> {
    let document = Document {
        schema: "poolscope.scan/1",
        drivers: found.files.iter().map(driver).collect(),
        problems: &found.problems,
    };
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::input(format!("cannot write the scan as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

fn driver(file: &ScannedFile) -> Driver<'_> {
    let scan = &file.scan;
    Driver {
        path: &file.path,
        sha256: &file.sha256,
        arch: scan.arch.map(driver_scan::Arch::as_str),
        company: scan.company.as_deref(),
        product: scan.product.as_deref(),
        description: scan.description.as_deref(),
        original_name: scan.original_name.as_deref(),
        version: scan.version.as_deref(),
        signer: scan.signer.as_deref(),
        date: file.date.as_deref(),
        kmdf: scan.kmdf,
        tags: scan.tags.iter().map(json_use).collect(),
        freed_tags: scan.freed_tags.iter().map(json_use).collect(),
        problems: &scan.problems,
    }
}

fn json_use(tag_use: &TagUse) -> Use<'_> {
    Use {
        tag: Tag::from_nt(tag_use.tag).to_string(),
        routine: &tag_use.routine,
        rva: tag_use.rva,
        certainty: tag_use.certainty.as_str(),
    }
}

fn as_csv(found: &ScanRun) -> String {
    let mut text = csv::line(&["path", "tag", "routine", "rva", "certainty"]);
    let mut path = String::new();
    for file in &found.files {
        path.clear();
        csv::push_cells(&mut path, &[&file.path]);
        for tag_use in &file.scan.tags {
            let (tag, rva) = (Tag::from_nt(tag_use.tag).to_string(), tag_use.rva.to_string());
            let certainty = tag_use.certainty.as_str();
            text.push_str(&path);
            text.push(',');
            csv::push_cells(&mut text, &[&tag, &tag_use.routine, &rva, certainty]);
            text.push('\n');
        }
    }
    text
}

fn in_words(found: &ScanRun, style: Style) -> String {
    let mut text = String::new();
    let mut tags = 0;
    for file in &found.files {
        let uses = by_tag(&file.scan.tags);
        tags += uses.len();
        text.push_str(&of_driver(file, &uses, style));
        text.push('\n');
    }
    let drivers = plural(found.files.len(), "driver", "drivers");
    text.push_str(&format!("{drivers}, {}", plural(tags, "tag", "tags")));
    if !found.problems.is_empty() {
        text.push_str(&format!(
            ", {}:\n",
            plural(found.problems.len(), "problem", "problems")
        ));
        for problem in &found.problems {
            text.push_str(&style.wrap("- ", "  ", &problem.message));
        }
    } else {
        text.push('\n');
    }
    text
}

fn of_driver(file: &ScannedFile, uses_by_tag: &[([u8; 4], Vec<&TagUse>)], style: Style) -> String {
    let scan = &file.scan;
    let mut text = style.paint(Paint::Bold, &style.wrap("", "  ", &file.path));
    let mut about: Vec<String> = Vec::new();
    about.extend(scan.arch.map(|arch| arch.as_str().to_string()));
    about.extend(scan.company.clone());
    about.extend(scan.product.clone().or_else(|| scan.description.clone()));
    about.extend(scan.version.clone());
    about.extend(scan.signer.as_ref().map(|signer| format!("signed by {signer}")));
    text.push_str(&style.wrap("  ", "  ", &about.join(", ")));
    let mut table = Table::new(&[
        Column::words("tag", 4, 0),
        Column::words("how certain", 10, 0),
        Column::words("routine", 12, 2),
        Column::numbers("calls", 0),
        Column::words("first at", 8, 1),
    ]);
    for (tag, uses) in uses_by_tag {
        let Some(best) = uses.iter().min_by_key(|u| (u.certainty, u.rva)) else {
            continue;
        };
        let calls = uses.iter().filter(|u| u.certainty != Certainty::Bytes).count();
        table.row([
            Tag::from_nt(*tag).to_string(),
            best.certainty.as_str().to_string(),
            best.routine.clone(),
            if calls == 0 { "-".into() } else { calls.to_string() },
            format!("+{:#x}", best.rva),
        ]);
    }
    if table.is_empty() {
        text.push_str("  no tag found\n");
    } else {
        text.push_str(&table.render(style, 2));
    }
    for problem in &scan.problems {
        text.push_str(&style.wrap("  ! ", "    ", problem));
    }
    text
}

/// The uses of each tag, in the order of the tags.
fn by_tag(uses: &[TagUse]) -> Vec<([u8; 4], Vec<&TagUse>)> {
    let mut by_tag: std::collections::BTreeMap<[u8; 4], Vec<&TagUse>> = std::collections::BTreeMap::new();
    for tag_use in uses {
        by_tag.entry(tag_use.tag).or_default().push(tag_use);
    }
    by_tag.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_scan::{Arch, DriverScan};

    fn run() -> ScanRun {
        let of = |tag: &[u8; 4], certainty, rva| TagUse {
            tag: *tag,
            routine: if certainty == Certainty::Bytes {
                String::new()
            } else {
                "ExAllocatePoolWithTag".into()
            },
            rva,
            certainty,
        };
        let scan = DriverScan {
            arch: Some(Arch::X64),
            company: Some("Example Corp.".into()),
            version: Some("1.2.3".into()),
            tags: vec![
                of(b"Abc ", Certainty::Wrapper, 0x20),
                of(b"Abc ", Certainty::Direct, 0x10),
                of(b"Xy\0\xE4", Certainty::Bytes, 0x30),
            ],
            ..DriverScan::default()
        };
        let file = ScannedFile {
            path: "dir/a.sys".into(),
            sha256: "00".into(),
            date: None,
            scan,
        };
        ScanRun {
            files: vec![file],
            problems: vec![Problem::new("scan", "dir/b.sys: not a PE image")],
            ..ScanRun::default()
        }
    }

    #[test]
    fn results_in_every_format() {
        insta::assert_snapshot!(
            "text",
            in_words(
                &run(),
                Style {
                    color: false,
                    width: 80
                }
            )
        );
        insta::assert_snapshot!("json", as_json(&run()).unwrap());
        insta::assert_snapshot!("csv", as_csv(&run()));
    }

    #[test]
    fn filters_leave_matching_tags() {
        let mut found = run();
        keep(&mut found, &["Ab*".into()]);
        assert_eq!(found.files[0].scan.tags.len(), 2);
        keep(&mut found, &["zz".into()]);
        assert!(found.files.is_empty());
    }
}
