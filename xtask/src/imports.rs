//! Which DLLs a Windows program needs at load: a program that copies onto any system may only need those every system
//! has. The rest is loaded when a step needs it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use object::LittleEndian;
use object::read::pe::PeFile64;

/// DLLs of every Windows from 10 and Server 2016 on, Server Core and Nano-sized images included.
const EVERYWHERE: &[&str] = &[
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "kernel32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "shell32.dll",
    "ucrtbase.dll",
    "user32.dll",
    "userenv.dll",
    "ws2_32.dll",
];

/// API sets of the kernel32 family resolve on every system since Windows 8.
const API_SET: &str = "api-ms-win-core-";

/// Lower-case names of the DLLs in the import table, sorted.
pub(crate) fn of(image: &[u8]) -> Result<BTreeSet<String>> {
    let file = PeFile64::parse(image).context("not a 64-bit Windows program")?;
    let mut names = BTreeSet::new();
    if let Some(table) = file.import_table()? {
        let mut descriptors = table.descriptors()?;
        while let Some(descriptor) = descriptors.next()? {
            let name = table.name(descriptor.name.get(LittleEndian))?;
            names.insert(String::from_utf8_lossy(name).to_lowercase());
        }
    }
    Ok(names)
}

/// Fails when the program needs a DLL that some system lacks.
pub(crate) fn check(exe: &Path) -> Result<BTreeSet<String>> {
    let names = of(&std::fs::read(exe).with_context(|| exe.display().to_string())?)?;
    let strange: Vec<&String> = names.iter().filter(|name| !is_everywhere(name)).collect();
    ensure!(
        strange.is_empty(),
        "{} needs DLLs that not every system has: {strange:?}",
        exe.display()
    );
    ensure!(
        names.contains("ntdll.dll") || names.contains("kernel32.dll"),
        "{}: no import table",
        exe.display()
    );
    Ok(names)
}

fn is_everywhere(name: &str) -> bool {
    EVERYWHERE.contains(&name) || name.starts_with(API_SET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dlls_of_every_system_pass() {
        for (name, everywhere) in [
            ("kernel32.dll", true),
            ("api-ms-win-core-synch-l1-2-0.dll", true),
            ("wevtapi.dll", false),
            ("oleaut32.dll", false),
            ("fltlib.dll", false),
            ("libgcc_s_seh-1.dll", false),
        ] {
            assert_eq!(is_everywhere(name), everywhere, "{name}");
        }
    }
}
