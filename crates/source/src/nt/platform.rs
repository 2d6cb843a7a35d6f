//! Sessions, filters, virtualization-based security and the product's name to facts.

use nt_abi::{CodeIntegrity, EVENT_TRACE_USE_PAGED_MEMORY, EtwProperties, FilterRow, IsolatedUserMode};
use snapshot::{EtwSession, MinifilterFacts, VbsFacts};

/// One event-tracing session.
pub(crate) fn session(properties: EtwProperties) -> EtwSession {
    EtwSession {
        name: properties.name,
        buffer_bytes: Some(u64::from(properties.buffer_kb) * 1024),
        buffers: Some(properties.buffers.into()),
        buffers_min: Some(properties.buffers_min.into()),
        buffers_max: Some(properties.buffers_max.into()),
        events_lost: Some(properties.events_lost.into()),
        log_mode: Some(properties.log_mode),
        paged: Some(properties.log_mode & EVENT_TRACE_USE_PAGED_MEMORY != 0),
        log_file: properties.log_file,
    }
}

/// One file system filter.
pub(crate) fn minifilter(row: FilterRow) -> MinifilterFacts {
    MinifilterFacts {
        name: row.name,
        altitude: row.altitude,
        instances: row.instances,
        frame: row.frame,
    }
}

/// What WMI, the registry and the two NT classes say of virtualization-based security; each part where it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VbsWitnesses {
    pub(crate) isolated_user_mode: Option<IsolatedUserMode>,
    pub(crate) code_integrity: Option<CodeIntegrity>,
    /// `DeviceGuard\EnableVirtualizationBasedSecurity`.
    pub(crate) vbs_enabled: Option<u32>,
    /// `DeviceGuard\Scenarios\HypervisorEnforcedCodeIntegrity\Enabled`.
    pub(crate) hvci_configured: Option<u32>,
    /// `Lsa\LsaCfgFlags`: 1 or 2 configure Credential Guard.
    pub(crate) credential_guard: Option<u32>,
    /// `Win32_DeviceGuard`, which knows best.
    pub(crate) device_guard: Option<DeviceGuard>,
}

/// What the WMI class `Win32_DeviceGuard` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceGuard {
    /// 0 off, 1 configured, 2 running.
    pub(crate) status: Option<u32>,
    pub(crate) configured: Option<Vec<u32>>,
    pub(crate) running: Option<Vec<u32>>,
}

/// Status and services as WMI has them. Without WMI the status is 2 where the secure kernel runs, else what the
/// registry configures; which services run is then unknown, apart from HVCI, which has fields of its own.
pub(crate) fn vbs(from: &VbsWitnesses) -> VbsFacts {
    let running = from.isolated_user_mode.map(|ium| ium.secure_kernel_running);
    let status = match (running, from.vbs_enabled) {
        (Some(true), _) => Some(2),
        (Some(false), Some(1)) => Some(1),
        (Some(false), _) => Some(0),
        (None, _) => None,
    };
    let mut configured = Vec::new();
    if from
        .credential_guard
        .is_some_and(|flags| flags == 1 || flags == 2)
    {
        configured.push(1);
    }
    if from.hvci_configured == Some(1) {
        configured.push(2);
    }
    let device_guard = from.device_guard.clone().unwrap_or_default();
    let asked = from.credential_guard.is_some() || from.hvci_configured.is_some();
    VbsFacts {
        status: device_guard.status.or(status),
        services_configured: device_guard.configured.or(asked.then_some(configured)),
        services_running: device_guard.running,
        secure_kernel_running: running,
        // Each class keeps its own field: a reader sees which of the two said it.
        hvci_enabled: from.isolated_user_mode.map(|ium| ium.hvci_enabled),
        hvci_strict: from.isolated_user_mode.map(|ium| ium.hvci_strict),
        code_integrity_options: from.code_integrity.map(|options| options.0),
    }
}

/// The product's name for people. The registry calls Windows 11 "Windows 10"; the build knows better.
pub(crate) fn product(name: &str, release: Option<&str>, build: u32) -> String {
    const FIRST_WINDOWS_11: u32 = 22_000;
    let name = match name.strip_prefix("Windows 10") {
        Some(edition) if build >= FIRST_WINDOWS_11 => format!("Windows 11{edition}"),
        _ => name.to_owned(),
    };
    match release {
        Some(release) if !release.is_empty() => format!("{name} {release}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vbs_status_is_what_runs_before_what_is_configured() {
        let ium = |running, hvci| {
            Some(IsolatedUserMode {
                secure_kernel_running: running,
                hvci_enabled: hvci,
                ..IsolatedUserMode::default()
            })
        };
        let base = VbsWitnesses {
            isolated_user_mode: ium(true, true),
            ..VbsWitnesses::default()
        };
        let facts = vbs(&base);
        assert_eq!(
            (facts.status, facts.hvci_enabled, facts.services_configured),
            (Some(2), Some(true), None)
        );
        let off = VbsWitnesses {
            isolated_user_mode: ium(false, false),
            vbs_enabled: Some(1),
            ..base
        };
        assert_eq!(vbs(&off).status, Some(1));
        assert_eq!(
            vbs(&VbsWitnesses {
                vbs_enabled: None,
                ..off
            })
            .status,
            Some(0)
        );
        let refused = VbsWitnesses {
            code_integrity: Some(CodeIntegrity(0x401)),
            hvci_configured: Some(1),
            credential_guard: Some(2),
            ..VbsWitnesses::default()
        };
        let facts = vbs(&refused);
        assert_eq!(
            (facts.status, facts.secure_kernel_running, facts.hvci_enabled),
            (None, None, None)
        );
        assert_eq!(
            (facts.services_configured, facts.code_integrity_options),
            (Some(vec![1, 2]), Some(0x401))
        );
    }

    #[test]
    fn windows_11_is_called_so() {
        assert_eq!(
            product("Windows 10 Pro", Some("25H2"), 26_200),
            "Windows 11 Pro 25H2"
        );
        assert_eq!(
            product("Windows 10 Pro", Some("22H2"), 19_045),
            "Windows 10 Pro 22H2"
        );
        assert_eq!(
            product("Windows Server 2016 Standard", None, 14_393),
            "Windows Server 2016 Standard"
        );
    }

    #[test]
    fn buffers_are_bytes_and_the_mode_tells_the_pool() {
        let properties = EtwProperties {
            buffer_kb: 64,
            buffers: 8,
            log_mode: 0x0100_0100,
            ..EtwProperties::default()
        };
        let facts = session(properties);
        assert_eq!(
            (facts.buffer_bytes, facts.buffers, facts.paged),
            (Some(65_536), Some(8), Some(true))
        );
    }

    #[test]
    fn filters_keep_name_altitude_and_instances() {
        let row = FilterRow {
            name: "WdFilter".to_owned(),
            altitude: Some("328010".to_owned()),
            instances: Some(5),
            frame: Some(0),
            legacy: false,
        };
        let facts = minifilter(row);
        assert_eq!(
            (facts.name.as_str(), facts.altitude.as_deref()),
            ("WdFilter", Some("328010"))
        );
        assert_eq!((facts.instances, facts.frame), (Some(5), Some(0)));
    }
}
