//! Where Windows keeps drivers and the debuggers' pooltag.txt.

use std::fs;
use std::path::{Path, PathBuf};

use snapshot::ModuleFacts;

/// Folders of drivers on this system: those that can be loaded, and the store they come from. Empty but on Windows.
#[must_use]
pub fn driver_folders() -> Vec<PathBuf> {
    let Some(root) = system_root() else {
        return Vec::new();
    };
    let system = root.join("System32");
    [
        system.join("drivers"),
        system.join("DriverStore").join("FileRepository"),
    ]
    .into_iter()
    .filter(|folder| folder.is_dir())
    .collect()
}

/// Files of the loaded modules, by the paths that the kernel gives.
#[must_use]
pub fn module_files(modules: &[ModuleFacts]) -> Vec<PathBuf> {
    let Some(root) = system_root() else {
        return Vec::new();
    };
    let path = |module: &ModuleFacts| resolve(module.path.as_deref().unwrap_or(&module.name), &root);
    modules.iter().map(path).filter(|path| path.is_file()).collect()
}

/// A path of the kernel's as one that can be opened: `\SystemRoot\…`, `\??\C:\…`, `\Windows\…`, and names alone, which
/// lie in the drivers folder or System32.
fn resolve(kernel_path: &str, root: &Path) -> PathBuf {
    let strip = |prefix: &str| {
        let head = kernel_path.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix)
            .then(|| kernel_path.get(prefix.len()..).unwrap_or_default())
    };
    if let Some(rest) = strip("\\SystemRoot\\").or_else(|| strip("%SystemRoot%\\")) {
        return join(root, rest);
    }
    if let Some(rest) = strip("\\??\\").or_else(|| strip("\\\\?\\")) {
        return PathBuf::from(rest);
    }
    if kernel_path.starts_with('\\') {
        // A path from the root of the system's volume.
        let mut volume = root.to_string_lossy().into_owned();
        volume.truncate(2);
        return PathBuf::from(format!("{volume}{kernel_path}"));
    }
    if kernel_path.contains(':') {
        return PathBuf::from(kernel_path);
    }
    if kernel_path.contains(['\\', '/']) {
        return join(root, kernel_path);
    }
    let drivers = root.join("System32").join("drivers").join(kernel_path);
    if drivers.is_file() {
        drivers
    } else {
        root.join("System32").join(kernel_path)
    }
}

fn join(base: &Path, rest: &str) -> PathBuf {
    rest.split(['\\', '/'])
        .filter(|part| !part.is_empty())
        .fold(base.to_owned(), |path, part| path.join(part))
}

/// The lists of the debuggers that are installed here, newest place first. Empty but on Windows.
#[must_use]
pub fn pooltag_files() -> Vec<PathBuf> {
    if !cfg!(windows) {
        return Vec::new();
    }
    let mut candidates = Vec::new();
    for variable in ["ProgramFiles(x86)", "ProgramFiles", "ProgramW6432"] {
        let Some(programs) = std::env::var_os(variable).map(PathBuf::from) else {
            continue;
        };
        for arch in ["x64", "arm64", "x86"] {
            let kit = programs.join("Windows Kits").join("10");
            candidates.push(
                kit.join("Debuggers")
                    .join(arch)
                    .join("triage")
                    .join("pooltag.txt"),
            );
            candidates.push(kit.join("Tools").join(arch).join("pooltag.txt"));
        }
        candidates.extend(in_packages(&programs.join("WindowsApps")));
    }
    let mut found: Vec<PathBuf> = candidates.into_iter().filter(|path| path.is_file()).collect();
    found.dedup();
    found.truncate(1);
    found
}

/// WinDbg from the store lies in a folder whose name holds its version.
fn in_packages(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_debugger = |name: &str| name.starts_with("Microsoft.WinDbg");
    let mut packages: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| is_debugger(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    packages.sort();
    packages.reverse();
    let list = |package: &PathBuf| {
        ["amd64", "arm64", "x86"].map(|arch| package.join(arch).join("triage").join("pooltag.txt"))
    };
    packages.iter().flat_map(list).collect()
}

fn system_root() -> Option<PathBuf> {
    if !cfg!(windows) {
        return None;
    }
    std::env::var_os("SystemRoot")
        .map(PathBuf::from)
        .filter(|root| root.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_paths_become_paths_that_can_be_opened() {
        let root = Path::new("C:\\Windows");
        let shown = |path: &str| resolve(path, root).to_string_lossy().replace('/', "\\");
        let cases = [
            (
                "\\SystemRoot\\system32\\ntoskrnl.exe",
                "C:\\Windows\\system32\\ntoskrnl.exe",
            ),
            (
                "\\systemroot\\System32\\drivers\\a.sys",
                "C:\\Windows\\System32\\drivers\\a.sys",
            ),
            ("\\??\\D:\\tools\\b.sys", "D:\\tools\\b.sys"),
            (
                "System32\\DRIVERS\\c.sys",
                "C:\\Windows\\System32\\DRIVERS\\c.sys",
            ),
            ("E:\\d.sys", "E:\\d.sys"),
            ("\\Windows\\system32\\e.sys", "C:\\Windows\\system32\\e.sys"),
            ("hal.dll", "C:\\Windows\\System32\\hal.dll"),
        ];
        for (kernel, path) in cases {
            assert_eq!(shown(kernel), path, "{kernel}");
        }
    }
}
