//! Drivers: services joined with loaded modules, and their paths made into paths that can be opened.

use snapshot::{DriverFacts, ModuleFacts};

/// A driver service as the service control manager has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) running: bool,
    /// As configured; absent where it could not be read.
    pub(crate) path: Option<String>,
    pub(crate) start: Option<u32>,
}

/// Makes a driver's path as the kernel or the registry has it into one that can be opened.
///
/// `\??\C:\x` is `C:\x`; `\SystemRoot\x`, `%SystemRoot%\x` and relative paths are below the Windows folder;
/// `\Windows\x` is on its drive. Device and ARC paths stay as they are.
pub(crate) fn resolve(path: &str, windows: &str) -> String {
    let path = path.trim().trim_matches('"');
    let windows = windows.trim_end_matches('\\');
    let after = |prefix: &str| {
        let start = path.get(..prefix.len())?;
        start
            .eq_ignore_ascii_case(prefix)
            .then(|| path.get(prefix.len()..))
            .flatten()
    };
    for prefix in ["\\??\\", "\\\\?\\"] {
        if let Some(rest) = after(prefix) {
            return rest.to_owned();
        }
    }
    for prefix in ["\\SystemRoot\\", "SystemRoot\\", "%SystemRoot%\\", "%windir%\\"] {
        if let Some(rest) = after(prefix) {
            return format!("{windows}\\{rest}");
        }
    }
    let drive = windows.get(..2).unwrap_or_default();
    if after("\\Device\\").is_some() || path.contains('(') {
        return path.to_owned();
    }
    if path.starts_with('\\') && !path.starts_with("\\\\") {
        return format!("{drive}{path}");
    }
    if path.is_empty() || path.starts_with("\\\\") || path.as_bytes().get(1) == Some(&b':') {
        return path.to_owned();
    }
    if path.contains('\\') {
        format!("{windows}\\{path}")
    } else {
        format!("{windows}\\System32\\drivers\\{path}")
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// The name of a start type (`SERVICE_*_START`).
fn start_name(start: u32) -> Option<&'static str> {
    Some(match start {
        0 => "boot",
        1 => "system",
        2 => "auto",
        3 => "demand",
        4 => "disabled",
        _ => return None,
    })
}

/// All drivers: the services, then the loaded modules that no service stands for. A module that a service's file
/// matches lends its path, which is the one that was really loaded.
pub(crate) fn join(services: &[Service], modules: &[ModuleFacts], windows: &str) -> Vec<DriverFacts> {
    let mut matched = vec![false; modules.len()];
    let mut drivers: Vec<DriverFacts> = services
        .iter()
        .map(|service| {
            // Without a path the kernel looks for the service's name among the drivers.
            let configured = service
                .path
                .clone()
                .unwrap_or_else(|| format!("{}.sys", service.name));
            let mut path = resolve(&configured, windows);
            let file = file_name(&path).to_owned();
            let loaded = modules
                .iter()
                .position(|module| module.name.eq_ignore_ascii_case(&file));
            if let Some(index) = loaded {
                if let Some(flag) = matched.get_mut(index) {
                    *flag = true;
                }
                if let Some(loaded) = modules.get(index).and_then(|module| module.path.as_deref()) {
                    path = resolve(loaded, windows);
                }
            }
            DriverFacts {
                service: Some(service.name.clone()),
                display_name: Some(service.display_name.clone()).filter(|name| !name.is_empty()),
                file: Some(file),
                path: Some(path),
                running: Some(service.running),
                start: service.start.and_then(start_name).map(str::to_owned),
                ..DriverFacts::default()
            }
        })
        .collect();
    let alone = modules.iter().zip(&matched).filter(|(_, matched)| !**matched);
    drivers.extend(alone.map(|(module, _)| DriverFacts {
        file: Some(module.name.clone()),
        path: module.path.as_deref().map(|path| resolve(path, windows)),
        running: Some(true),
        ..DriverFacts::default()
    }));
    drivers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_every_kind_are_resolved() {
        let cases = [
            (
                "\\SystemRoot\\System32\\drivers\\ntfs.sys",
                "C:\\Windows\\System32\\drivers\\ntfs.sys",
            ),
            (
                "\\systemroot\\system32\\ntoskrnl.exe",
                "C:\\Windows\\system32\\ntoskrnl.exe",
            ),
            (
                "System32\\drivers\\tcpip.sys",
                "C:\\Windows\\System32\\drivers\\tcpip.sys",
            ),
            ("%SystemRoot%\\system32\\x.sys", "C:\\Windows\\system32\\x.sys"),
            ("\\??\\D:\\Vendor Tools\\v.sys", "D:\\Vendor Tools\\v.sys"),
            ("\"C:\\Program Files\\V\\v.sys\"", "C:\\Program Files\\V\\v.sys"),
            (
                "\\Windows\\System32\\win32k.sys",
                "C:\\Windows\\System32\\win32k.sys",
            ),
            ("C:\\x.sys", "C:\\x.sys"),
            ("x.sys", "C:\\Windows\\System32\\drivers\\x.sys"),
            (
                "\\Device\\HarddiskVolume3\\x.sys",
                "\\Device\\HarddiskVolume3\\x.sys",
            ),
            (
                "multi(0)disk(0)rdisk(0)partition(1)\\R\\x.sys",
                "multi(0)disk(0)rdisk(0)partition(1)\\R\\x.sys",
            ),
            ("\\\\server\\share\\x.sys", "\\\\server\\share\\x.sys"),
            ("ü", "C:\\Windows\\System32\\drivers\\ü"),
            ("", ""),
        ];
        for (path, expected) in cases {
            assert_eq!(resolve(path, "C:\\Windows\\"), expected, "{path}");
        }
    }

    #[test]
    fn services_and_modules_meet_by_file_name() {
        let service = |name: &str, path: Option<&str>, running| Service {
            name: name.to_owned(),
            display_name: format!("{name} driver"),
            running,
            path: path.map(str::to_owned),
            start: Some(3),
        };
        let module = |name: &str, path: &str| ModuleFacts {
            name: name.to_owned(),
            path: Some(path.to_owned()),
            ..ModuleFacts::default()
        };
        let drivers = join(
            &[
                service("Vendor", Some("\\??\\C:\\v\\VENDOR.sys"), true),
                service("Null", None, true),
                service("Off", Some("system32\\drivers\\off.sys"), false),
            ],
            &[
                module("vendor.sys", "\\SystemRoot\\System32\\DriverStore\\v\\vendor.sys"),
                module("Null.SYS", "\\SystemRoot\\System32\\Drivers\\Null.SYS"),
                module("hal.dll", "\\SystemRoot\\system32\\hal.dll"),
            ],
            "C:\\Windows",
        );
        let seen: Vec<_> = drivers
            .iter()
            .map(|d| {
                (
                    d.service.as_deref(),
                    d.path.as_deref().unwrap(),
                    d.running,
                    d.start.as_deref(),
                )
            })
            .collect();
        let expected = [
            (
                Some("Vendor"),
                "C:\\Windows\\System32\\DriverStore\\v\\vendor.sys",
                Some(true),
                Some("demand"),
            ),
            (
                Some("Null"),
                "C:\\Windows\\System32\\Drivers\\Null.SYS",
                Some(true),
                Some("demand"),
            ),
            (
                Some("Off"),
                "C:\\Windows\\system32\\drivers\\off.sys",
                Some(false),
                Some("demand"),
            ),
            (None, "C:\\Windows\\system32\\hal.dll", Some(true), None),
        ];
        assert_eq!(seen, expected);
    }
}
