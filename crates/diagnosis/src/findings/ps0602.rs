//! VBS and HVCI status.

use super::{Context, Spec};
use crate::{Finding, Severity};

pub(super) const SPEC: Spec = Spec {
    code: "PS0602",
    title: "Status of virtualization-based security",
    trigger: "VBS was read. `ok`.",
    explanation: "Memory integrity (HVCI) can only be an amplifier where it runs. Where it does not, Secure System is not \
                  the story.",
    next: &[],
    sources: &["https://learn.microsoft.com/windows/security/hardware-security/enable-virtualization-based-protection-of-code-integrity"],
    find,
};

fn find(context: &Context<'_>, spec: &Spec) -> Vec<Finding> {
    let Some(vbs) = &context.draft.vbs else { return Vec::new() };
    let facts = &vbs.facts;
    if *facts == snapshot::VbsFacts::default() {
        return Vec::new();
    }
    let title = match vbs.hvci_running {
        Some(true) => "Memory integrity (HVCI) runs: it can be an amplifier here",
        Some(false) => "Memory integrity (HVCI) does not run: it is no amplifier here",
        None => "Whether memory integrity (HVCI) runs could not be read",
    };
    let mut finding = spec.finding(Severity::Ok, title.to_owned());
    let status = match facts.status {
        Some(0) => Some("off"),
        Some(1) => Some("configured, not running"),
        Some(2) => Some("running"),
        _ => None,
    };
    finding.evidence.extend(status.map(|s| format!("VBS is {s} (Win32_DeviceGuard).")));
    for (what, services) in [("configured", &facts.services_configured), ("running", &facts.services_running)] {
        if let Some(services) = services {
            let names: Vec<String> = services.iter().map(|&s| service(s)).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            finding.evidence.push(format!("Services {what}: {names}."));
        }
    }
    for (what, value) in [
        ("Secure kernel running", facts.secure_kernel_running),
        ("HVCI enabled", facts.hvci_enabled),
        ("HVCI strict", facts.hvci_strict),
    ] {
        finding.evidence.extend(value.map(|v| format!("{what}: {} (class 165).", if v { "yes" } else { "no" })));
    }
    vec![finding]
}

/// Service numbers of `Win32_DeviceGuard`.
fn service(number: u32) -> String {
    match number {
        1 => "Credential Guard".to_owned(),
        2 => "memory integrity (HVCI)".to_owned(),
        3 => "System Guard Secure Launch".to_owned(),
        4 => "SMM firmware measurement".to_owned(),
        5 => "kernel-mode hardware-enforced stack protection".to_owned(),
        other => format!("service {other}"),
    }
}
