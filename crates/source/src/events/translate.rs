//! What an event means for a diagnosis.
//!
//! Layouts seen in the events' own templates (the providers' manifests): WER-SystemErrorReporting 1001,
//! Resource-Exhaustion-Detector 2004, srv 2019 and 2020, Kernel-Power 41, EventLog 6005, 6006 and 6008,
//! Kernel-Boot 27.

use snapshot::{HostEvent, Tag, Timestamp};

use super::xml::{Element, elements};

/// Translates one rendered event; `None` for events that mean nothing here and for what is no event.
#[must_use]
pub fn host_event(xml: &str) -> Option<HostEvent> {
    let all = elements(xml);
    let system = |name: &str| {
        all.iter()
            .find(|e| e.path.strip_prefix("Event/System/") == Some(name))
    };
    let provider = system("Provider")?.attribute("Name")?.to_owned();
    let id: u32 = system("EventID")?.text.trim().parse().ok()?;
    let event = HostEvent {
        at: system("TimeCreated")
            .and_then(|e| e.attribute("SystemTime"))
            .and_then(Timestamp::parse),
        provider: Some(provider.clone()),
        id: Some(id),
        ..HostEvent::default()
    };
    let data = Data(&all);
    match (provider.to_ascii_lowercase().as_str(), id) {
        ("microsoft-windows-wer-systemerrorreporting" | "bugcheck", 1001) => bugcheck(event, &data),
        ("microsoft-windows-resource-exhaustion-detector", 2004) => Some(exhaustion(event, &all)),
        ("srv" | "microsoft-windows-smbserver", 2019 | 2020) => Some(pool_exhausted(event, id)),
        ("microsoft-windows-kernel-power", 41) => Some(power_loss(event, &data)),
        ("eventlog" | "microsoft-windows-eventlog", 6008) => Some(HostEvent {
            kind: "dirty-shutdown".to_owned(),
            summary: Some("the previous shutdown was unexpected".to_owned()),
            ..event
        }),
        ("eventlog" | "microsoft-windows-eventlog", 6005) => Some(HostEvent {
            kind: "boot".to_owned(),
            summary: Some("the event log service started".to_owned()),
            ..event
        }),
        ("eventlog" | "microsoft-windows-eventlog", 6006) => Some(HostEvent {
            kind: "shutdown".to_owned(),
            summary: Some("the event log service was stopped: an orderly shutdown".to_owned()),
            ..event
        }),
        ("microsoft-windows-kernel-boot", 27) => boot(event, &data),
        _ => None,
    }
}

/// The `Data` elements of `EventData`.
struct Data<'a>(&'a [Element]);

impl<'a> Data<'a> {
    fn all(&self) -> impl Iterator<Item = &'a Element> + use<'a> {
        self.0.iter().filter(|e| e.path == "Event/EventData/Data")
    }

    fn named(&self, name: &str) -> Option<&'a str> {
        self.all()
            .find(|e| e.attribute("Name") == Some(name))
            .map(|e| e.text.as_str())
    }

    /// By name, or by position where the template names nothing.
    fn get(&self, name: &str, position: usize) -> Option<&'a str> {
        self.named(name).or_else(|| {
            self.all()
                .nth(position)
                .filter(|e| e.attribute("Name").is_none())
                .map(|e| e.text.as_str())
        })
    }
}

/// A number as events write it: decimal, or hexadecimal with `0x`.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `0x0000009f (0x…, 0x…, 0x…, 0x…)`.
fn bugcheck(event: HostEvent, data: &Data<'_>) -> Option<HostEvent> {
    let text = data.get("param1", 0)?;
    let (code, parameters) = text
        .split_once('(')
        .map_or((text, ""), |(code, rest)| (code, rest.trim_end_matches(')')));
    let code = u32::try_from(number(code)?).ok()?;
    let parameters: Vec<u64> = parameters.split(',').filter_map(number).collect();
    let dump = data
        .get("param2", 1)
        .map(str::trim)
        .filter(|dump| !dump.is_empty());
    Some(HostEvent {
        kind: "bugcheck".to_owned(),
        bugcheck: Some(code),
        parameters: (!parameters.is_empty()).then_some(parameters),
        dump: dump.map(str::to_owned),
        summary: Some(format!("the kernel stopped with bugcheck 0x{code:X}")),
        ..event
    })
}

/// Tags of one pool in a 2004 event, largest first as the event lists them.
fn tags_of(all: &[Element], pool: &str) -> Vec<(String, u64)> {
    let mut tags = Vec::new();
    let mut name: Option<&str> = None;
    for element in all {
        let Some((_, inside)) = element.path.split_once(pool) else {
            continue;
        };
        match inside.rsplit_once('/') {
            Some((tag, "Name")) if tag.starts_with("/Tag_") => name = Some(&element.text),
            Some((tag, "PoolUsed")) if tag.starts_with("/Tag_") => {
                if let (Some(name), Some(bytes)) = (name.take(), number(&element.text)) {
                    tags.push((Tag::parse_nt(name).to_string(), bytes));
                }
            }
            _ => {}
        }
    }
    tags
}

fn exhaustion(event: HostEvent, all: &[Element]) -> HostEvent {
    let value = |name: &str| {
        all.iter()
            .find(|e| e.path.ends_with(&format!("/SystemInfo/{name}")))
            .and_then(|e| number(&e.text))
    };
    // The slash keeps `PagedPoolInfo` from being found inside `NonPagedPoolInfo`.
    let mut tags = tags_of(all, "/NonPagedPoolInfo");
    tags.extend(tags_of(all, "/PagedPoolInfo"));
    let megabytes = |bytes: u64| bytes >> 20;
    let mut summary = "Windows diagnosed low virtual memory".to_owned();
    if let (Some(charge), Some(limit)) = (value("SystemCommitCharge"), value("SystemCommitLimit")) {
        summary.push_str(&format!(
            ": commit {} of {} MB",
            megabytes(charge),
            megabytes(limit)
        ));
    }
    if let (Some(nonpaged), Some(paged)) = (value("NonPagedPoolUsage"), value("PagedPoolUsage")) {
        summary.push_str(&format!(
            ", nonpaged pool {} MB, paged pool {} MB",
            megabytes(nonpaged),
            megabytes(paged)
        ));
    }
    HostEvent {
        kind: "low-memory".to_owned(),
        tags: (!tags.is_empty()).then_some(tags),
        summary: Some(summary),
        ..event
    }
}

fn pool_exhausted(event: HostEvent, id: u32) -> HostEvent {
    let pool = if id == 2019 { "nonpaged" } else { "paged" };
    HostEvent {
        kind: "pool-exhausted".to_owned(),
        summary: Some(format!(
            "the server could not allocate from {pool} pool: it was empty"
        )),
        ..event
    }
}

fn power_loss(event: HostEvent, data: &Data<'_>) -> HostEvent {
    let code = data
        .named("BugcheckCode")
        .and_then(number)
        .and_then(|code| u32::try_from(code).ok());
    let code = code.filter(|&code| code != 0);
    let parameter = |index: usize| data.named(&format!("BugcheckParameter{index}")).and_then(number);
    let parameters: Option<Vec<u64>> = code.and_then(|_| (1..=4).map(parameter).collect());
    let summary = match code {
        Some(code) => format!("the system restarted after bugcheck 0x{code:X}"),
        None => "the system restarted without shutting down first".to_owned(),
    };
    HostEvent {
        kind: "dirty-shutdown".to_owned(),
        bugcheck: code,
        parameters,
        summary: Some(summary),
        ..event
    }
}

fn boot(event: HostEvent, data: &Data<'_>) -> Option<HostEvent> {
    let (boot_type, summary) = match number(data.get("BootType", 0)?)? {
        0 => ("cold", "the kernel was loaded afresh"),
        1 => (
            "fast-startup",
            "Fast Startup: the kernel of before the shutdown was resumed",
        ),
        2 => ("resume", "resumed from hibernation"),
        _ => return None,
    };
    Some(HostEvent {
        kind: "boot".to_owned(),
        boot_type: Some(boot_type.to_owned()),
        summary: Some(summary.to_owned()),
        ..event
    })
}
