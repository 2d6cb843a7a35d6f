//! `poolscope snapshot`.

use std::cmp::Reverse;

use attribution::OwnerIndex;
use report::words::{bytes, count, duration};
use report::{Column, Style, Table};
use serde_json::json;
use snapshot::{CounterWidth, HistoryBuilder, HostFacts, Pool, Snapshot, SourceKind, TagUsage};
use source::Want;

use crate::args::{FilterArgs, TableArgs, TableFormat};
use crate::exit::{Failure, Outcome};
use crate::output::Out;
use crate::ui::Ui;

/// Name and version of the JSON this command writes.
const SCHEMA: &str = "poolscope.snapshot/1";

/// Rows shown on a terminal unless the user names a number: a screenful.
const ROWS_ON_TERMINAL: usize = 30;

/// Show the tags of this machine now.
///
/// Reads the kernel's counters once and prints them as a table, largest first: on a terminal the first screenful, in a
/// pipe or file all of them. `--top 0` shows all everywhere. What could not be read is said on standard error, and in
/// the JSON under `problems`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    before_help = "Example: poolscope snapshot --top 20",
    after_help = "More examples:\n\x20 poolscope snapshot --pool nonpaged --tag 'Nt*' --sort outstanding\n\x20 poolscope snapshot --format csv --output now.csv"
)]
pub struct Args {
    /// Which series to show.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Order of the rows, largest first (`tag` goes by name).
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "COLUMN",
        help_heading = "Filters"
    )]
    pub sort: SortBy,
    /// Format and place.
    #[command(flatten)]
    pub table: TableArgs,
}

/// Columns to sort by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SortBy {
    /// Bytes in use.
    #[default]
    Bytes,
    /// Allocations that were not freed yet.
    Outstanding,
    /// Allocations since boot.
    Allocs,
    /// Frees since boot.
    Frees,
    /// The tag's name.
    Tag,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::Unavailable`] when this machine shows no tags, [`Failure::Output`] when the result cannot be written.
pub fn run(args: &Args, ui: &Ui) -> Result<Outcome, Failure> {
    let mut source = source::live();
    let want = Want {
        tags: true,
        memory: true,
        ..Want::default()
    };
    let mut snapshot = source.snapshot(&want)?;
    let (host, problems) = source.host();
    for problem in problems {
        if !snapshot.problems.contains(&problem) {
            snapshot.problems.push(problem);
        }
    }
    for problem in &snapshot.problems {
        ui.warn(&format!("{}: {}", problem.step, problem.message));
    }
    let mut out = ui.out(args.table.to.output.as_deref())?;
    print(&host, snapshot, args, &mut out)?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Prints one snapshot as `args` say.
fn print(host: &HostFacts, mut snapshot: Snapshot, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let pools = pool_sums(&snapshot);
    select(&mut snapshot, args);
    let format = args.table.format;
    let look = out.look();
    let rows = match args.filter.top {
        Some(0) => usize::MAX,
        Some(top) => top,
        None if format == TableFormat::Text && look.terminal => ROWS_ON_TERMINAL,
        None => usize::MAX,
    };
    let selected = snapshot.rows.len();
    let rest: u64 = snapshot
        .rows
        .iter()
        .skip(rows)
        .filter_map(|row| row.usage.bytes.get())
        .sum();
    snapshot.rows.truncate(rows);
    match format {
        TableFormat::Text => {
            let style = Style {
                color: look.color,
                width: look.width,
            };
            let mut text = header(host, &snapshot, &pools);
            text.push('\n');
            text.push_str(&table(&snapshot, host, style));
            if selected > rows {
                let more = selected - rows;
                text.push_str(&format!(
                    "{} more rows with {}: --top 0 shows all\n",
                    count(more as u64),
                    bytes(rest)
                ));
            }
            out.text(&text)
        }
        TableFormat::Json => {
            let mut text = serde_json::to_string_pretty(&document(host, &snapshot, &pools))
                .map_err(|error| Failure::input(format!("cannot write JSON: {error}")))?;
            text.push('\n');
            out.text(&text)
        }
        TableFormat::Csv => {
            let mut builder = HistoryBuilder::new(SourceKind::Live, host.clone());
            builder.push(snapshot);
            Ok(recording::export::csv(&builder.finish(), out)?)
        }
    }
}

/// Keeps the rows that are wanted, in the order that is wanted.
fn select(snapshot: &mut Snapshot, args: &Args) {
    let filter = &args.filter;
    snapshot.rows.retain(|row| {
        filter.wants(&row.tag, row.pool)
            && filter
                .min_bytes
                .is_none_or(|least| row.usage.bytes.get().is_some_and(|bytes| bytes >= least))
    });
    let width = snapshot.width;
    // Ties and equal names fall back to the name, so that two runs print the same order.
    snapshot
        .rows
        .sort_by(|a, b| (&a.tag, a.pool).cmp(&(&b.tag, b.pool)));
    match args.sort {
        SortBy::Tag => {}
        by => snapshot.rows.sort_by_key(|row| Reverse(by.value(row, width))),
    }
}

impl SortBy {
    /// What to sort by; absent sorts last.
    fn value(self, row: &TagUsage, width: CounterWidth) -> Option<u64> {
        match self {
            Self::Bytes => row.usage.bytes.get(),
            Self::Outstanding => row.usage.outstanding(width),
            Self::Allocs => row.usage.allocs.get(),
            Self::Frees => row.usage.frees.get(),
            Self::Tag => None,
        }
    }
}

/// Bytes of each pool that has any row.
fn pool_sums(snapshot: &Snapshot) -> Vec<(Pool, u64)> {
    Pool::ALL
        .into_iter()
        .filter_map(|pool| {
            let mut known = snapshot
                .rows
                .iter()
                .filter(|row| row.pool == pool)
                .filter_map(|row| row.usage.bytes.get());
            let first = known.next()?;
            Some((pool, known.fold(first, u64::saturating_add)))
        })
        .collect()
}

fn header(host: &HostFacts, snapshot: &Snapshot, pools: &[(Pool, u64)]) -> String {
    let os = host.os.map(|os| match os {
        snapshot::OsKind::Windows => "Windows",
        snapshot::OsKind::Linux => "Linux",
    });
    let system: Vec<&str> = [os, host.build.as_deref()].into_iter().flatten().collect();
    let parts = [
        host.name.clone(),
        (!system.is_empty()).then(|| system.join(" ")),
        snapshot.kernel_uptime_s.map(|s| format!("up {}", duration(s))),
        snapshot
            .taken_at
            .and_then(snapshot::Timestamp::to_rfc3339)
            .map(|t| {
                t.split('.')
                    .next()
                    .unwrap_or(&t)
                    .trim_end_matches('Z')
                    .replace('T', " ")
                    + " UTC"
            }),
    ];
    let first: Vec<String> = parts.into_iter().flatten().collect();
    let second: Vec<String> = pools
        .iter()
        .map(|(pool, sum)| format!("{pool} {}", bytes(*sum)))
        .collect();
    // Host names are not ours: no control character of theirs may reach a terminal.
    let clean = |line: String| {
        line.chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect::<String>()
    };
    format!("{}\n{}\n", clean(first.join(", ")), second.join(", "))
}

fn table(snapshot: &Snapshot, host: &HostFacts, style: Style) -> String {
    let mut index = OwnerIndex::builtin();
    index.set_os(host.os);
    let mut table = Table::new(&[
        Column::words("TAG", 16, 0),
        Column::words("POOL", 16, 0),
        Column::numbers("BYTES", 0),
        Column::numbers("OUTSTANDING", 0),
        Column::numbers("EACH", 3),
        Column::numbers("ALLOCS", 2),
        Column::numbers("FREES", 2),
        Column::words("OWNER", 10, 1),
    ]);
    let cell = |value: Option<u64>, show: fn(u64) -> String| value.map_or_else(String::new, show);
    for row in &snapshot.rows {
        let outstanding = row.usage.outstanding(snapshot.width);
        let each = row
            .usage
            .bytes
            .get()
            .zip(outstanding)
            .and_then(|(bytes, count)| bytes.checked_div(count));
        table.row([
            row.tag.to_string(),
            row.pool.to_string(),
            cell(row.usage.bytes.get(), bytes),
            cell(outstanding, count),
            cell(each, bytes),
            cell(row.usage.allocs.get(), count),
            cell(row.usage.frees.get(), count),
            owner(&index, row),
        ]);
    }
    table.render(style, 0)
}

/// The most trusted owner in a word or two.
fn owner(index: &OwnerIndex, row: &TagUsage) -> String {
    let owners = index.owners_in(&row.tag, row.pool);
    if owners.shared {
        return "shared".to_owned();
    }
    let name = |owner: &attribution::Owner| owner.image.clone().or_else(|| owner.component.clone());
    owners.first().and_then(name).unwrap_or_default()
}

fn document(host: &HostFacts, snapshot: &Snapshot, pools: &[(Pool, u64)]) -> serde_json::Value {
    let tags: Vec<_> = snapshot
        .rows
        .iter()
        .map(|row| {
            let mut tag = json!({ "tag": row.tag.to_string(), "pool": row.pool.as_str() });
            let fields = [
                ("bytes", row.usage.bytes.get()),
                ("outstanding", row.usage.outstanding(snapshot.width)),
                ("allocs", row.usage.allocs.get()),
                ("frees", row.usage.frees.get()),
            ];
            // Absent is not zero, and not null either.
            for (name, value) in fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
            {
                tag[name] = value.into();
            }
            tag
        })
        .collect();
    let pools: serde_json::Map<_, _> = pools
        .iter()
        .map(|(pool, sum)| (pool.as_str().to_owned(), (*sum).into()))
        .collect();
    let mut document = json!({
        "schema": SCHEMA,
        "tool": { "name": "poolscope", "version": env!("CARGO_PKG_VERSION") },
        "host": host,
        "time": snapshot.taken_at.and_then(snapshot::Timestamp::to_rfc3339),
        "kernel_uptime_s": snapshot.kernel_uptime_s,
        "pools": pools,
        "memory": snapshot.facts.memory,
        "tags": tags,
        "problems": snapshot.problems,
    });
    drop_nulls(&mut document);
    document
}

/// Absent fields are left out.
fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snapshot::{Problem, Tag, Timestamp, Usage};

    use crate::ui::ColorChoice;

    fn kernel() -> Snapshot {
        let row = |tag: &str, pool, allocs: Option<u64>, frees: Option<u64>, bytes: Option<u64>| TagUsage {
            tag: Tag::parse(tag),
            pool,
            usage: Usage {
                allocs: allocs.into(),
                frees: frees.into(),
                bytes: bytes.into(),
                ..Usage::ABSENT
            },
        };
        Snapshot {
            taken_at: Some(Timestamp::from_unix_seconds(1_800_000_000)),
            kernel_uptime_s: Some(7200.0),
            width: CounterWidth::Bits64,
            rows: vec![
                row("Even", Pool::Nonpaged, Some(100), Some(90), Some(640)),
                row(
                    "NtFC",
                    Pool::Nonpaged,
                    Some(5_000_000),
                    Some(1_000_000),
                    Some(3 << 30),
                ),
                row("NtFC", Pool::Paged, Some(10), Some(10), Some(0)),
                row("A\\x01b ", Pool::Paged, None, None, Some(4096)),
            ],
            problems: vec![Problem::new("class 66", "refused")],
            ..Snapshot::default()
        }
    }

    fn host() -> HostFacts {
        HostFacts {
            os: Some(snapshot::OsKind::Windows),
            name: Some("PC\u{1b}[31m".to_owned()),
            ..HostFacts::default()
        }
    }

    fn printed(options: &[&str]) -> String {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            args: Args,
        }
        let line = <Line as clap::Parser>::try_parse_from([&["x"], options].concat()).expect("sound options");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("out");
        let mut out = Ui::new(true, ColorChoice::Never)
            .out(Some(&path))
            .expect("a file");
        print(&host(), kernel(), &line.args, &mut out).expect("the file takes it");
        out.finish().expect("the file takes it");
        std::fs::read_to_string(path).expect("the file is there")
    }

    #[test]
    fn rows_are_chosen_and_sorted_as_told() {
        let cases: [(&[&str], &[&str]); 7] = [
            (
                &[],
                &["NtFC nonpaged", "A\\x01b  paged", "Even nonpaged", "NtFC paged"],
            ),
            (
                &["--sort", "tag"],
                &["A\\x01b  paged", "Even nonpaged", "NtFC nonpaged", "NtFC paged"],
            ),
            (
                &["--sort", "frees", "--top", "2"],
                &["NtFC nonpaged", "Even nonpaged"],
            ),
            (&["--pool", "paged", "--min-bytes", "1"], &["A\\x01b  paged"]),
            (&["--tag", "Nt*", "--top", "1"], &["NtFC nonpaged"]),
            (
                &["--not", "Nt*", "--top", "0"],
                &["A\\x01b  paged", "Even nonpaged"],
            ),
            (&["--tag", "none"], &[]),
        ];
        for (options, expected) in cases {
            let json: serde_json::Value =
                serde_json::from_str(&printed(&[options, &["--format", "json"]].concat()))
                    .expect("sound JSON");
            let rows: Vec<String> = json["tags"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|tag| {
                    format!(
                        "{} {}",
                        tag["tag"].as_str().unwrap_or("?"),
                        tag["pool"].as_str().unwrap_or("?")
                    )
                })
                .collect();
            assert_eq!(rows, expected, "{options:?}");
        }
    }

    #[test]
    fn text_for_people() {
        insta::assert_snapshot!(printed(&[]));
    }

    #[test]
    fn json_is_exact_and_leaves_out_what_is_absent() {
        insta::assert_snapshot!(printed(&["--format", "json"]).replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    }
}
