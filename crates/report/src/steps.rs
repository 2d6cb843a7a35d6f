//! Text of single steps, used by their own commands and by the diagnosis.

use crate::table::{Column, Style, Table};
use crate::words::{bytes, count, duration, number, percent};
use crate::{Drivers, Etw, Event, Memory, Vbs};

/// Rows of a step in the first screenful.
const SCREENFUL: usize = 12;

fn opt<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map(show).unwrap_or_default()
}

fn yes(value: bool) -> String {
    if value { "yes".to_owned() } else { "no".to_owned() }
}

fn more(shown: usize, all: usize, style: Style) -> String {
    if shown >= all {
        String::new()
    } else {
        style.wrap("  ", "  ", &format!("{} more. All with --all.", all - shown))
    }
}

/// Where the memory is.
#[must_use]
pub fn memory_text(memory: &Memory, style: Style) -> String {
    let counter = |name: &str| memory.counters.as_ref().and_then(|c| c.get(name).copied());
    let physical = counter("physical");
    let share = |b: u64| {
        physical
            .filter(|&p| p > 0)
            .map(|p| percent(b as f64 / p as f64))
            .unwrap_or_default()
    };
    let mut table = Table::new(&[
        Column::words("PHYSICAL MEMORY", 12, 0),
        Column::numbers("BYTES", 0),
        Column::numbers("SHARE", 0),
        Column::words("", 6, 1),
    ]);
    if let Some(all) = physical {
        table.row(["all".to_owned(), bytes(all), String::new(), String::new()]);
    }
    for part in memory.parts.iter().flatten() {
        let b = part.bytes.unwrap_or(0);
        let kernel = if part.kernel == Some(true) { "kernel" } else { "" };
        table.row([
            part.name.clone().unwrap_or_default(),
            bytes(b),
            share(b),
            kernel.to_owned(),
        ]);
    }
    if let Some(rest) = memory.unaccounted {
        table.row(["unaccounted".to_owned(), bytes(rest), share(rest), String::new()]);
    }
    let mut out = if table.is_empty() {
        String::new()
    } else {
        table.render(style, 2)
    };
    if let Some(available) = counter("available") {
        out.push_str(&style.wrap(
            "  ",
            "  ",
            &format!("Available: {} ({}).", bytes(available), share(available)),
        ));
    }
    if let Some(committed) = counter("committed") {
        let limit = counter("commit_limit")
            .map(|l| format!(" of a limit of {}", bytes(l)))
            .unwrap_or_default();
        out.push_str(&style.wrap("  ", "  ", &format!("Committed: {}{limit}.", bytes(committed))));
    }
    for flag in memory.flags.iter().flatten() {
        let up = flag.above_absolute == Some(true) || flag.above_scaled == Some(true);
        if !up {
            continue;
        }
        let limit = |limit: Option<u64>, above: Option<bool>, what: &str| {
            limit.map(|l| {
                format!(
                    "{} the {what} limit of {}",
                    if above == Some(true) { "above" } else { "below" },
                    bytes(l)
                )
            })
        };
        let both: Vec<String> = [
            limit(flag.absolute, flag.above_absolute, "absolute"),
            limit(flag.scaled, flag.above_scaled, "scaled"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let name = flag.name.as_deref().unwrap_or_default().replace('_', " ");
        out.push_str(&style.wrap(
            "  ! ",
            "    ",
            &format!("{name} {}: {}.", opt(flag.value, bytes), both.join(", ")),
        ));
    }
    out
}

/// Processes by name, as far as they were read.
#[must_use]
pub fn processes_text(memory: &Memory, style: Style, all: bool) -> String {
    let groups = memory.processes.as_deref().unwrap_or_default();
    if groups.is_empty() {
        return String::new();
    }
    let rows = if all {
        groups.len()
    } else {
        groups.len().min(SCREENFUL)
    };
    let mut table = Table::new(&[
        Column::words("PROCESS", 12, 0),
        Column::numbers("COUNT", 3),
        Column::numbers("RESIDENT", 0),
        Column::numbers("PRIVATE", 0),
        Column::numbers("HANDLES", 1),
        Column::numbers("POOL CHARGED", 2),
    ]);
    for group in groups.iter().take(rows) {
        table.row([
            group.name.clone().unwrap_or_default(),
            opt(group.count, count),
            opt(group.working_set, bytes),
            opt(group.private_bytes, bytes),
            opt(group.handles, count),
            opt(group.pool_quota, bytes),
        ]);
    }
    let mut out = table.render(style, 2);
    out.push_str(&more(rows, groups.len(), style));
    out
}

/// Event-tracing sessions.
#[must_use]
pub fn etw_text(etw: &Etw, style: Style, all: bool) -> String {
    let sessions = etw.sessions.as_deref().unwrap_or_default();
    let rows = if all {
        sessions.len()
    } else {
        sessions.len().min(SCREENFUL)
    };
    let mut table = Table::new(&[
        Column::words("SESSION", 16, 0),
        Column::numbers("MEMORY", 0),
        Column::words("POOL", 8, 0),
        Column::numbers("BUFFERS", 2),
        Column::numbers("EACH", 2),
        Column::numbers("LOST", 0),
        Column::numbers("MODE", 3),
        Column::words("KNOWN AS / LOG FILE", 19, 1),
    ]);
    for s in sessions.iter().take(rows) {
        table.row([
            s.name.clone().unwrap_or_default(),
            opt(s.bytes, bytes),
            opt(s.paged, |paged| {
                if paged { "paged" } else { "nonpaged" }.to_owned()
            }),
            opt(s.buffers, count),
            opt(s.buffer_bytes, bytes),
            opt(s.events_lost, count),
            opt(s.log_mode, |m| format!("0x{m:X}")),
            s.known.clone().or_else(|| s.log_file.clone()).unwrap_or_default(),
        ]);
    }
    let mut out = if table.is_empty() {
        String::new()
    } else {
        table.render(style, 2)
    };
    out.push_str(&more(rows, sessions.len(), style));
    let etwb = etw
        .etwb
        .map(|b| format!("; the tag EtwB holds {}", bytes(b)))
        .unwrap_or_default();
    let total = format!(
        "{} sessions (15 to 25 usual, 30 elevated, 50 excessive) with {}, {} of it nonpaged{etwb}.",
        sessions.len(),
        opt(etw.total, bytes),
        opt(etw.nonpaged, bytes)
    );
    out.push_str(&style.wrap("  ", "  ", &total));
    out
}

/// Drivers and minifilters.
#[must_use]
pub fn drivers_text(drivers: &Drivers, style: Style, all: bool) -> String {
    let list = drivers.third_party.as_deref().unwrap_or_default();
    let rows = if all {
        list.len()
    } else {
        list.len().min(SCREENFUL)
    };
    let mut table = Table::new(&[
        Column::words("DRIVER", 12, 0),
        Column::words("COMPANY", 10, 0),
        Column::words("VERSION", 8, 0),
        Column::words("DATE", 10, 2),
        Column::words("SERVICE", 8, 4),
        Column::words("SIGNER", 10, 5),
        Column::words("ACCUSED TAGS", 12, 0),
        Column::words("PATH", 12, 3),
    ]);
    for d in list.iter().take(rows) {
        table.row([
            d.file.clone().or_else(|| d.service.clone()).unwrap_or_default(),
            d.company.clone().unwrap_or_default(),
            d.version.clone().unwrap_or_default(),
            d.date
                .as_deref()
                .map(|d| d.get(..10).unwrap_or(d).to_owned())
                .unwrap_or_default(),
            d.service.clone().unwrap_or_default(),
            d.signer.clone().unwrap_or_default(),
            d.suspects.as_ref().map(|s| s.join(", ")).unwrap_or_default(),
            d.path.clone().unwrap_or_default(),
        ]);
    }
    let mut out = style.wrap(
        "  ",
        "  ",
        &format!(
            "{} running drivers are not Microsoft's, of {} read.",
            list.len(),
            opt(drivers.total, count)
        ),
    );
    if !table.is_empty() {
        out.push_str(&table.render(style, 2));
    }
    out.push_str(&more(rows, list.len(), style));
    let filters = drivers.minifilters.as_deref().unwrap_or_default();
    if !filters.is_empty() {
        let mut table = Table::new(&[
            Column::words("MINIFILTER", 10, 0),
            Column::numbers("ALTITUDE", 0),
            Column::numbers("INSTANCES", 0),
        ]);
        for f in filters {
            table.row([
                f.name.clone().unwrap_or_default(),
                f.altitude.clone().unwrap_or_default(),
                opt(f.instances, |n| n.to_string()),
            ]);
        }
        out.push('\n');
        out.push_str(&table.render(style, 2));
    }
    out
}

/// The timeline of events, newest first.
#[must_use]
pub fn events_text(events: &[Event], style: Style, all: bool) -> String {
    if events.is_empty() {
        return style.wrap("  ", "  ", "No crash, exhaustion or shutdown in what was read.");
    }
    let rows = if all {
        events.len()
    } else {
        events.len().min(SCREENFUL)
    };
    let mut out = String::new();
    for event in events.iter().rev().take(rows) {
        let at = event.at.as_deref().unwrap_or("unknown time");
        let at = at.split('.').next().unwrap_or(at).trim_end_matches('Z');
        out.push_str(&style.wrap(
            &format!("  {at}  "),
            "                       ",
            &event_line(event),
        ));
    }
    out.push_str(&more(rows, events.len(), style));
    out
}

/// What an event says, in a line.
pub(crate) fn event_line(event: &Event) -> String {
    let mut parts = vec![event.kind.clone().unwrap_or_default()];
    if let Some(id) = event.id {
        parts.push(format!("(event {id})"));
    }
    if let Some(code) = event.bugcheck {
        parts.push(
            format!(
                "0x{code:X} {}",
                event.bugcheck_name.as_deref().unwrap_or_default()
            )
            .trim_end()
            .to_owned(),
        );
    }
    if let Some(parameters) = event.parameters.as_ref().filter(|p| !p.is_empty()) {
        parts.push(format!("[{}]", parameters.join(", ")));
    }
    if let Some(kind) = &event.boot_type {
        parts.push(kind.clone());
    }
    if let Some(dump) = &event.dump {
        parts.push(dump.clone());
    }
    for tag in event.tags.iter().flatten() {
        parts.push(format!(
            "{} {}",
            tag.tag.as_deref().unwrap_or_default(),
            opt(tag.bytes, bytes)
        ));
    }
    if event.bugcheck.is_none() {
        parts.extend(event.summary.clone());
    }
    parts.join(" ")
}

/// Virtualization-based security.
#[must_use]
pub fn vbs_text(vbs: &Vbs, style: Style) -> String {
    let status = match vbs.status {
        Some(0) => "off".to_owned(),
        Some(1) => "configured, not running".to_owned(),
        Some(2) => "running".to_owned(),
        Some(other) => format!("status {other}"),
        None => String::new(),
    };
    let services = |list: &Option<Vec<u32>>| {
        list.as_ref()
            .map(|l| l.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
            .unwrap_or_default()
    };
    let rows = [
        ("VBS", status),
        ("memory integrity (HVCI) running", opt(vbs.hvci_running, yes)),
        ("HVCI enabled (class 165)", opt(vbs.hvci_enabled, yes)),
        ("HVCI strict (class 165)", opt(vbs.hvci_strict, yes)),
        ("secure kernel running", opt(vbs.secure_kernel_running, yes)),
        ("services configured", services(&vbs.services_configured)),
        ("services running", services(&vbs.services_running)),
        ("Secure System", opt(vbs.secure_system, bytes)),
    ];
    let mut out = String::new();
    for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
        out.push_str(&style.wrap(&format!("  {name:<33}"), &" ".repeat(35), &value));
    }
    if let Some(r) = &vbs.regression {
        let verdict = if r.shown == Some(true) {
            "Secure System follows the pools in this recording (hypothesis: HVCI keeps records of kernel pages)"
        } else {
            "That Secure System follows the pools is not shown by this recording"
        };
        let line = format!(
            "{verdict}: slope {}, r {}, r of the changes {}, best lag {}, {} samples.",
            opt(r.slope, number),
            opt(r.r, number),
            opt(r.r_of_changes, number),
            opt(r.lag_s, duration),
            opt(r.samples, count)
        );
        out.push_str(&style.wrap("  ", "  ", &line));
    }
    out
}
