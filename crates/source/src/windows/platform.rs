//! Drivers, filters, event-tracing sessions, events and virtualization-based security.

use std::time::UNIX_EPOCH;

use nt_abi::{Interface, PointerWidth, class};
use nt_query::{CallError, EventQuery, FilterClass, WmiValue};
use snapshot::{
    DriverFacts, EtwSession, HostEvent, MinifilterFacts, ModuleFacts, MomentFacts, Problem, Timestamp,
    VbsFacts,
};

use super::{fixed, refused};
use crate::nt::drivers::Service;
use crate::nt::platform::{DeviceGuard, VbsWitnesses};
use crate::{Want, events, nt};

pub(super) fn read(want: &Want, facts: &mut MomentFacts, problems: &mut Vec<Problem>) {
    if want.minifilters {
        facts.minifilters = minifilters(problems);
    }
    if want.etw {
        facts.etw_sessions = sessions(problems);
    }
    if want.events {
        facts.events = host_events(problems);
    }
    if want.vbs {
        facts.vbs = Some(vbs(problems));
    }
}

/// Installed and loaded drivers. Company, product and version are read from the files by those who scan them.
pub(super) fn drivers(modules: &[ModuleFacts], problems: &mut Vec<Problem>) -> Option<Vec<DriverFacts>> {
    let windows = nt_query::windows_directory().unwrap_or_else(|error| {
        problems.push(Problem::new("drivers", error.to_string()));
        "C:\\Windows".to_owned()
    });
    let services = match nt_query::drivers() {
        Ok(drivers) => drivers
            .into_iter()
            .map(|driver| Service {
                name: driver.service,
                display_name: driver.display_name,
                running: driver.running,
                path: driver.path,
                start: driver.start,
            })
            .collect(),
        Err(error) => {
            problems.push(refused("drivers", "service control manager", &error));
            Vec::new()
        }
    };
    let mut drivers = nt::drivers::join(&services, modules, &windows);
    for driver in &mut drivers {
        driver.date = driver.path.as_deref().and_then(file_date);
    }
    (!drivers.is_empty()).then_some(drivers)
}

fn file_date(path: &str) -> Option<String> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    let seconds = modified.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Timestamp::from_unix_seconds(i64::try_from(seconds).ok()?).to_rfc3339()
}

fn minifilters(problems: &mut Vec<Problem>) -> Option<Vec<MinifilterFacts>> {
    let answers = match nt_query::filters(FilterClass::Aggregate) {
        Ok(answers) => answers,
        Err(error) => {
            problems.push(refused("minifilters", Interface::FilterAggregate, &error));
            return None;
        }
    };
    let mut filters = Vec::new();
    for answer in &answers {
        match nt_abi::filter_aggregate(answer) {
            Ok(rows) => filters.extend(rows.into_iter().map(nt::platform::minifilter)),
            Err(error) => problems.push(Problem::new("minifilters", error.to_string())),
        }
    }
    Some(filters)
}

fn sessions(problems: &mut Vec<Problem>) -> Option<Vec<EtwSession>> {
    let answers = match nt_query::trace_sessions() {
        Ok(answers) => answers,
        Err(error) => {
            problems.push(refused("etw", Interface::EtwProperties, &error));
            return None;
        }
    };
    if answers.is_empty() {
        // Every Windows has sessions; none means that none is shown to us.
        let reason = "no session is shown; run as administrator to see those of the system";
        problems.push(Problem::new(
            "etw",
            format!("{}: {reason}", Interface::EtwProperties),
        ));
        return None;
    }
    let mut sessions = Vec::with_capacity(answers.len());
    for answer in &answers {
        match nt_abi::etw_properties(answer, PointerWidth::HERE) {
            Ok(properties) => sessions.push(nt::platform::session(properties)),
            Err(error) => problems.push(Problem::new("etw", error.to_string())),
        }
    }
    Some(sessions)
}

fn host_events(problems: &mut Vec<Problem>) -> Option<Vec<HostEvent>> {
    let query = EventQuery {
        log: nt_query::EventLog::Channel("System"),
        select: events::SELECT,
        most: events::MOST_EVENTS,
    };
    let mut found: Vec<HostEvent> = match nt_query::query_events(&query) {
        Ok(texts) => texts.iter().filter_map(|text| events::host_event(text)).collect(),
        Err(error) => {
            problems.push(refused("events", "event log System", &error));
            return last_shutdown().map(|event| vec![event]);
        }
    };
    found.extend(last_shutdown());
    Some(events::newest(found))
}

/// When somebody last chose "shut down" or "restart", which Fast Startup keeps apart from the kernel's boot.
fn last_shutdown() -> Option<HostEvent> {
    let time =
        nt_query::registry_binary("SYSTEM\\CurrentControlSet\\Control\\Windows", "ShutdownTime").ok()?;
    let ticks = i64::from_le_bytes(*time.first_chunk()?);
    (ticks > 0).then(|| HostEvent {
        at: Some(Timestamp::from_nt_100ns(ticks)),
        kind: "shutdown".to_owned(),
        provider: Some("registry ShutdownTime".to_owned()),
        summary: Some("last shutdown or restart".to_owned()),
        ..HostEvent::default()
    })
}

const DEVICE_GUARD: &str = "SYSTEM\\CurrentControlSet\\Control\\DeviceGuard";
const HVCI: &str =
    "SYSTEM\\CurrentControlSet\\Control\\DeviceGuard\\Scenarios\\HypervisorEnforcedCodeIntegrity";
const LSA: &str = "SYSTEM\\CurrentControlSet\\Control\\Lsa";

fn vbs(problems: &mut Vec<Problem>) -> VbsFacts {
    let number = |key: &str, name: &str| -> Option<u32> {
        // A value that is not there is a default, not a problem.
        nt_query::registry_number(key, name)
            .map_err(|error| matches!(error, CallError::Win32 { code: 2, .. }))
            .ok()
    };
    let witnesses = VbsWitnesses {
        isolated_user_mode: fixed(
            class::ISOLATED_USER_MODE,
            &[16],
            &[],
            "vbs",
            problems,
            nt_abi::isolated_user_mode,
        ),
        // The caller states the structure's length in its first field.
        code_integrity: fixed(
            class::CODE_INTEGRITY,
            &[8],
            &8_u32.to_le_bytes(),
            "vbs",
            problems,
            nt_abi::code_integrity,
        ),
        vbs_enabled: number(DEVICE_GUARD, "EnableVirtualizationBasedSecurity"),
        hvci_configured: number(HVCI, "Enabled"),
        credential_guard: number(LSA, "LsaCfgFlags"),
        device_guard: device_guard(problems),
    };
    nt::platform::vbs(&witnesses)
}

fn device_guard(problems: &mut Vec<Problem>) -> Option<DeviceGuard> {
    let properties = [
        "VirtualizationBasedSecurityStatus",
        "SecurityServicesConfigured",
        "SecurityServicesRunning",
    ];
    let rows = nt_query::wmi_query(
        "root\\Microsoft\\Windows\\DeviceGuard",
        "SELECT * FROM Win32_DeviceGuard",
        &properties,
    );
    let row = match rows {
        Ok(rows) => rows.into_iter().next()?,
        Err(error) => {
            problems.push(refused("vbs", "WMI Win32_DeviceGuard", &error));
            return None;
        }
    };
    let mut values = row.into_iter();
    let status = match values.next() {
        Some(WmiValue::Number(status)) => Some(status),
        _ => None,
    };
    let mut list = || match values.next() {
        // A zero stands for "none".
        Some(WmiValue::Numbers(services)) => {
            Some(services.into_iter().filter(|&service| service != 0).collect())
        }
        _ => None,
    };
    Some(DeviceGuard {
        status,
        configured: list(),
        running: list(),
    })
}
