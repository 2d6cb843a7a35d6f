//! What the page shows, as plain text cells.

use serde::Serialize;

use super::rich::rich;
use crate::steps::event_line;
use crate::text::{grows, owner};
use crate::words::{bytes, bytes_f, count, duration, number, percent};
use crate::{Report, Series};

pub(super) struct FindingView<'a> {
    pub(super) class: &'static str,
    pub(super) severity: &'a str,
    pub(super) code: &'a str,
    pub(super) title: &'a str,
    /// Markup, as `explanation` and `next`.
    pub(super) evidence: Vec<String>,
    pub(super) explanation: String,
    pub(super) next: Vec<String>,
    pub(super) open: bool,
    /// At the first finding of the rest: how many there are. Else 0.
    pub(super) rest: usize,
}

pub(super) struct ActionView<'a> {
    /// Markup.
    pub(super) text: String,
    pub(super) why: &'a str,
    pub(super) command: &'a str,
}

pub(super) struct PartView {
    pub(super) name: String,
    pub(super) bytes: String,
    pub(super) share: String,
    pub(super) of: &'static str,
    pub(super) color: usize,
    pub(super) x: String,
    pub(super) width: String,
}

/// A chart: its caption for people, its columns for the script.
#[derive(Serialize)]
pub(super) struct ChartView {
    #[serde(skip)]
    pub(super) name: String,
    #[serde(skip)]
    pub(super) verdict: String,
    #[serde(skip)]
    pub(super) caption: String,
    time: Vec<f64>,
    bytes: Vec<Option<u64>>,
    rate: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    onset: Option<f64>,
}

pub(super) struct FamilyView {
    pub(super) title: String,
    pub(super) members: Vec<String>,
    pub(super) reasons: Vec<String>,
}

pub(super) struct OwnedView {
    pub(super) name: String,
    pub(super) explanation: String,
    pub(super) lines: Vec<(String, String, Vec<String>)>,
    pub(super) holders: Vec<String>,
}

pub(super) struct TableView {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) note: String,
    /// Heading, and whether it is a column of numbers.
    pub(super) head: Vec<(&'static str, bool)>,
    pub(super) rows: Vec<Vec<CellView>>,
}

pub(super) struct CellView {
    pub(super) text: String,
    pub(super) number: bool,
    /// What the column sorts by when it is not the text; empty when absent.
    pub(super) sort: String,
    pub(super) badge: bool,
}

fn words(text: impl Into<String>) -> CellView {
    CellView {
        text: text.into(),
        number: false,
        sort: String::new(),
        badge: false,
    }
}

fn badge(text: &str) -> CellView {
    CellView {
        badge: true,
        ..words(text)
    }
}

fn amount<T: Copy + ToString>(value: Option<T>, show: impl Fn(T) -> String) -> CellView {
    CellView {
        text: value.map(show).unwrap_or_default(),
        number: true,
        sort: value.map(|v| v.to_string()).unwrap_or_default(),
        badge: false,
    }
}

fn text(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

/// Only words of ours become class names.
fn class(severity: &str) -> &'static str {
    ["critical", "warning", "notice", "ok"]
        .into_iter()
        .find(|s| *s == severity)
        .unwrap_or("other")
}

pub(super) fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let Some(s) = &report.source else {
        return Vec::new();
    };
    let rows = [
        ("host", s.host.clone()),
        ("system", s.product.clone().or_else(|| s.os.clone())),
        ("build", s.build.clone()),
        ("memory", s.physical_bytes.map(bytes)),
        ("kernel uptime", s.kernel_uptime_s.map(duration)),
        ("source", s.kind.clone()),
        ("samples", s.samples.map(count)),
        ("from", s.start.as_deref().map(to_second)),
        ("to", s.end.as_deref().map(to_second)),
    ];
    rows.into_iter()
        .filter_map(|(name, value)| value.map(|v| (name, v)))
        .collect()
}

/// RFC 3339 without the fraction.
fn to_second(at: &str) -> String {
    at.split_once('.')
        .map_or_else(|| at.to_owned(), |(whole, _)| format!("{whole}Z"))
}

/// Findings before the rest goes behind.
pub(super) const SCREENFUL: usize = 10;

pub(super) fn findings(report: &Report) -> Vec<FindingView<'_>> {
    let all = report.findings.as_deref().unwrap_or_default();
    all.iter()
        .enumerate()
        .map(|(at, f)| {
            let severity = f.severity.as_deref().unwrap_or_default();
            FindingView {
                class: class(severity),
                severity,
                code: f.code.as_deref().unwrap_or_default(),
                title: f.title.as_deref().unwrap_or_default(),
                evidence: f.evidence.iter().flatten().map(|line| rich(line)).collect(),
                explanation: f.explanation.as_deref().map(rich).unwrap_or_default(),
                next: f.next.iter().flatten().map(|line| rich(line)).collect(),
                open: at < 3 && matches!(severity, "critical" | "warning"),
                rest: if at == SCREENFUL {
                    all.len().saturating_sub(SCREENFUL)
                } else {
                    0
                },
            }
        })
        .collect()
}

pub(super) fn actions(report: &Report) -> Vec<ActionView<'_>> {
    let all = report.next.as_deref().unwrap_or_default();
    all.iter()
        .map(|a| ActionView {
            text: a.text.as_deref().map(rich).unwrap_or_default(),
            why: a.why.as_deref().unwrap_or_default(),
            command: a.command.as_deref().unwrap_or_default(),
        })
        .collect()
}

/// Colours there are for parts; the last two are for what is idle.
const COLORS: usize = 9;

pub(super) fn parts(report: &Report) -> Vec<PartView> {
    let Some(memory) = &report.memory else {
        return Vec::new();
    };
    let mut rows: Vec<(String, u64, bool)> = memory
        .parts
        .iter()
        .flatten()
        .map(|p| (text(&p.name), p.bytes.unwrap_or(0), p.kernel == Some(true)))
        .collect();
    rows.extend(memory.unaccounted.map(|b| ("unaccounted".to_owned(), b, false)));
    let sum: u64 = rows.iter().fold(0, |sum: u64, r| sum.saturating_add(r.1));
    let physical = memory.counters.as_ref().and_then(|c| c.get("physical").copied());
    let whole = physical.unwrap_or(0).max(sum).max(1) as f64;
    let mut x = 0.0;
    let mut next_color = 0;
    rows.into_iter()
        .map(|(name, b, kernel)| {
            let width = b as f64 / whole * 1000.0;
            let color = match name.as_str() {
                "free" => COLORS - 1,
                "standby (cache)" | "page cache" | "modified list" => COLORS - 2,
                _ => {
                    next_color += 1;
                    (next_color - 1) % (COLORS - 2)
                }
            };
            let view = PartView {
                bytes: bytes(b),
                share: percent(b as f64 / whole),
                of: if kernel { "kernel" } else { "" },
                color,
                x: format!("{x:.2}"),
                width: format!("{width:.2}"),
                name,
            };
            x += width;
            view
        })
        .collect()
}

pub(super) fn flags(report: &Report) -> Vec<String> {
    let flags = report.memory.iter().filter_map(|m| m.flags.as_ref()).flatten();
    flags
        .filter(|f| f.above_absolute == Some(true) || f.above_scaled == Some(true))
        .map(|f| {
            let limit = |what: &str, limit: Option<u64>, above: Option<bool>| {
                limit.map(|l| {
                    format!(
                        ", {} the {what} limit of {}",
                        if above == Some(true) { "above" } else { "below" },
                        bytes(l)
                    )
                })
            };
            format!(
                "{} {}{}{}",
                text(&f.name).replace('_', " "),
                f.value.map(bytes).unwrap_or_default(),
                limit("absolute", f.absolute, f.above_absolute).unwrap_or_default(),
                limit("scaled", f.scaled, f.above_scaled).unwrap_or_default(),
            )
        })
        .collect()
}

/// Moments of the timeline that charts mark, unix seconds.
pub(super) fn marks(report: &Report) -> Vec<f64> {
    let all = report.events.iter().flatten();
    all.filter_map(|e| snapshot::Timestamp::parse(e.at.as_deref()?))
        .map(snapshot::Timestamp::unix_seconds)
        .collect()
}

pub(super) fn charts(report: &Report) -> Vec<ChartView> {
    let all = report.series.iter().flatten();
    all.filter_map(|s| {
        let curve = s.curve.as_ref()?;
        Some(ChartView {
            name: name(s),
            verdict: text(&s.verdict),
            caption: caption(s),
            time: curve.time.clone().unwrap_or_default(),
            bytes: curve.bytes.clone().unwrap_or_default(),
            // A trend belongs to what is judged to grow.
            rate: s.rate_bytes_per_day.filter(|_| grows(s)),
            low: s.rate_low,
            high: s.rate_high,
            onset: s
                .onset
                .as_deref()
                .and_then(snapshot::Timestamp::parse)
                .map(snapshot::Timestamp::unix_seconds),
        })
    })
    .collect()
}

fn name(s: &Series) -> String {
    format!("{}/{}", text(&s.tag), text(&s.pool))
}

fn caption(s: &Series) -> String {
    let mut parts = Vec::new();
    parts.extend(s.bytes.map(|b| format!("{} now", bytes(b))));
    if let Some(rate) = s.rate_bytes_per_day.filter(|_| grows(s)) {
        let interval = s
            .rate_low
            .zip(s.rate_high)
            .map(|(l, h)| format!(" (90 %: {} to {})", bytes_f(l), bytes_f(h)))
            .unwrap_or_default();
        parts.push(format!(
            "{}{}/day{interval}",
            if rate > 0.0 { "+" } else { "" },
            bytes_f(rate)
        ));
    }
    parts.push(format!("owner {}", owner(s)));
    parts.join(", ")
}

pub(super) fn families(report: &Report) -> Vec<FamilyView> {
    let all = report.families.iter().flatten();
    all.map(|f| {
        let holder = f.holder.as_ref();
        let held = holder.and_then(|h| {
            h.process
                .clone()
                .or_else(|| h.image.clone())
                .or_else(|| h.series.clone())
        });
        let rate = f
            .rate_bytes_per_day
            .map(|r| format!(", +{}/day", bytes_f(r)))
            .unwrap_or_default();
        FamilyView {
            title: match held {
                Some(who) => format!("Family {}: most likely held by {who}{rate}", f.id.unwrap_or(0)),
                None => format!("Family {}{rate}", f.id.unwrap_or(0)),
            },
            members: f
                .members
                .iter()
                .flatten()
                .zip(f.ratio.iter().flatten())
                .map(|(m, r)| format!("{m} ×{r}"))
                .collect(),
            reasons: holder.and_then(|h| h.reasons.clone()).unwrap_or_default(),
        }
    })
    .collect()
}

pub(super) fn owned(report: &Report) -> Vec<OwnedView> {
    let all = report.series.iter().flatten();
    all.filter(|s| {
        matches!(s.verdict.as_deref(), Some("leak" | "suspect" | "unfreed")) && s.follows.is_none()
    })
    .take(12)
    .map(|s| OwnedView {
        name: name(s),
        explanation: text(&s.explanation),
        lines: owner_lines(s),
        holders: s
            .holders
            .iter()
            .flatten()
            .flat_map(|h| h.evidence.clone().unwrap_or_default())
            .collect(),
    })
    .collect()
}

fn owner_lines(s: &Series) -> Vec<(String, String, Vec<String>)> {
    if s.shared == Some(true) {
        return vec![(
            "Shared tag".to_owned(),
            "used by many drivers, identifies none".to_owned(),
            Vec::new(),
        )];
    }
    let owners = s.owners.as_deref().unwrap_or_default();
    if owners.is_empty() {
        return vec![(
            "Unknown".to_owned(),
            "in no list that poolscope knows".to_owned(),
            Vec::new(),
        )];
    }
    owners
        .iter()
        .map(|o| {
            let who = o
                .image
                .clone()
                .or_else(|| o.component.clone())
                .unwrap_or_default();
            let more: Vec<String> = [&o.component, &o.vendor, &o.product, &o.version]
                .into_iter()
                .flatten()
                .filter(|w| **w != who)
                .cloned()
                .chain(o.trust.iter().map(|t| format!("trust: {t}")))
                .collect();
            (who, more.join(", "), o.evidence.clone().unwrap_or_default())
        })
        .collect()
}

pub(super) fn tables(report: &Report) -> Vec<TableView> {
    [
        events(report),
        etw(report),
        drivers(report),
        minifilters(report),
        series(report),
        problems(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn series(report: &Report) -> Option<TableView> {
    let all = report.series.as_ref().filter(|s| !s.is_empty())?;
    let rows = all.iter().map(|s| {
        let verdict = text(&s.verdict);
        vec![
            amount(s.rank, |r| r.to_string()),
            words(text(&s.tag)),
            words(text(&s.pool)),
            badge(&verdict),
            amount(s.confidence, |c| format!("{c:.2}")),
            amount(s.bytes, bytes),
            amount(s.outstanding, count),
            amount(s.rate_bytes_per_day.filter(|_| grows(s)), bytes_f),
            amount(s.allocs, count),
            amount(s.frees, count),
            words(owner(s)),
        ]
    });
    Some(TableView {
        id: "series",
        title: "All series",
        note: String::new(),
        head: vec![
            ("rank", true),
            ("tag", false),
            ("pool", false),
            ("verdict", false),
            ("confidence", true),
            ("bytes", true),
            ("outstanding", true),
            ("per day", true),
            ("allocs", true),
            ("frees", true),
            ("owner", false),
        ],
        rows: rows.collect(),
    })
}

fn etw(report: &Report) -> Option<TableView> {
    let etw = report.etw.as_ref()?;
    let sessions = etw.sessions.as_ref()?;
    let rows = sessions.iter().map(|s| {
        vec![
            words(text(&s.name)),
            amount(s.bytes, bytes),
            words(
                s.paged
                    .map(|p| if p { "paged" } else { "nonpaged" })
                    .unwrap_or_default(),
            ),
            amount(s.buffers, count),
            amount(s.buffer_bytes, bytes),
            amount(s.events_lost, count),
            words(s.log_mode.map(|m| format!("0x{m:X}")).unwrap_or_default()),
            words(text(&s.log_file)),
            words(text(&s.known)),
        ]
    });
    Some(TableView {
        id: "etw",
        title: "Event-tracing sessions",
        note: format!(
            "{} sessions with {}{}. 15 to 25 are usual, 30 elevated, 50 excessive.",
            sessions.len(),
            etw.total.map(bytes).unwrap_or_default(),
            etw.etwb
                .map(|b| format!("; the tag EtwB holds {}", bytes(b)))
                .unwrap_or_default()
        ),
        head: vec![
            ("session", false),
            ("memory", true),
            ("pool", false),
            ("buffers", true),
            ("each", true),
            ("lost", true),
            ("mode", false),
            ("log file", false),
            ("known as", false),
        ],
        rows: rows.collect(),
    })
}

fn drivers(report: &Report) -> Option<TableView> {
    let drivers = report.drivers.as_ref()?;
    let list = drivers.third_party.as_ref().filter(|l| !l.is_empty())?;
    let rows = list.iter().map(|d| {
        vec![
            words(text(&d.file)),
            words(text(&d.company)),
            words(text(&d.version)),
            words(text(&d.date)),
            words(text(&d.service)),
            words(text(&d.signer)),
            words(d.suspects.as_ref().map(|s| s.join(", ")).unwrap_or_default()),
            words(text(&d.path)),
        ]
    });
    Some(TableView {
        id: "drivers",
        title: "Drivers",
        note: format!(
            "{} running drivers that are not Microsoft's, of {} read.",
            list.len(),
            drivers.total.map(count).unwrap_or_default()
        ),
        head: vec![
            ("file", false),
            ("company", false),
            ("version", false),
            ("date", false),
            ("service", false),
            ("signer", false),
            ("accused tags", false),
            ("path", false),
        ],
        rows: rows.collect(),
    })
}

fn minifilters(report: &Report) -> Option<TableView> {
    let filters = report
        .drivers
        .as_ref()?
        .minifilters
        .as_ref()
        .filter(|f| !f.is_empty())?;
    let rows = filters.iter().map(|f| {
        let altitude = f.altitude.as_deref().and_then(|a| a.parse::<f64>().ok());
        vec![
            words(text(&f.name)),
            CellView {
                text: text(&f.altitude),
                ..amount(altitude, |a| a.to_string())
            },
            amount(f.instances, |n| n.to_string()),
        ]
    });
    Some(TableView {
        id: "minifilters",
        title: "Minifilters",
        note: "From the application down.".to_owned(),
        head: vec![("filter", false), ("altitude", true), ("instances", true)],
        rows: rows.collect(),
    })
}

fn events(report: &Report) -> Option<TableView> {
    let events = report.events.as_ref().filter(|e| !e.is_empty())?;
    let rows = events
        .iter()
        .rev()
        .map(|e| vec![words(text(&e.at)), words(text(&e.kind)), words(event_line(e))]);
    Some(TableView {
        id: "events",
        title: "Timeline of events",
        note: String::new(),
        head: vec![("time", false), ("kind", false), ("what", false)],
        rows: rows.collect(),
    })
}

fn problems(report: &Report) -> Option<TableView> {
    let problems = report.problems.as_ref().filter(|p| !p.is_empty())?;
    Some(TableView {
        id: "problems",
        title: "Not read",
        note: String::new(),
        head: vec![("step", false), ("reason", false)],
        rows: problems
            .iter()
            .map(|p| vec![words(text(&p.step)), words(text(&p.message))])
            .collect(),
    })
}

pub(super) fn vbs(report: &Report) -> Vec<(&'static str, String)> {
    let Some(v) = &report.vbs else { return Vec::new() };
    let yes = |b: Option<bool>| b.map(|b| if b { "yes" } else { "no" }.to_owned());
    let regression = v.regression.as_ref().map(|r| {
        let verdict = if r.shown == Some(true) {
            "shown by this recording (the mechanism is a hypothesis)"
        } else {
            "not shown by this recording"
        };
        format!(
            "{verdict}: slope {}, r {}, r of the changes {}, lag {}",
            r.slope.map(number).unwrap_or_default(),
            r.r.map(number).unwrap_or_default(),
            r.r_of_changes.map(number).unwrap_or_else(|| "unknown".to_owned()),
            r.lag_s.map(duration).unwrap_or_default()
        )
    });
    let status = v.status.map(|s| match s {
        0 => "off".to_owned(),
        1 => "configured, not running".to_owned(),
        2 => "running".to_owned(),
        other => other.to_string(),
    });
    let rows = [
        ("VBS", status),
        ("memory integrity (HVCI) runs", yes(v.hvci_running)),
        ("HVCI strict", yes(v.hvci_strict)),
        ("secure kernel runs", yes(v.secure_kernel_running)),
        ("Secure System", v.secure_system.map(bytes)),
        ("Secure System follows the pools", regression),
    ];
    rows.into_iter()
        .filter_map(|(name, value)| value.map(|v| (name, v)))
        .collect()
}
