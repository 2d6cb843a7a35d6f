//! Facts of the host that stay the same.

use snapshot::{HostFacts, OsKind, Problem};

use crate::nt;

const CURRENT_VERSION: &str = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";

pub(super) fn host(problems: &mut Vec<Problem>) -> HostFacts {
    let mut say = |error: nt_query::CallError| problems.push(Problem::new("host", error.to_string()));
    let version = nt_query::version().map_err(&mut say).ok();
    let name = nt_query::computer_name().map_err(&mut say).ok();
    let info = nt_query::performance_info().map_err(&mut say).ok();
    let status = nt_query::memory_status().map_err(&mut say).ok();
    // Absent on systems that have no update revision (Wine, old builds): then the build stands alone.
    let revision = nt_query::registry_number(CURRENT_VERSION, "UBR").ok();
    let build = version.map(|version| match revision {
        Some(revision) => format!("{}.{revision}", version.build),
        None => version.build.to_string(),
    });
    let release = nt_query::registry_text(CURRENT_VERSION, "DisplayVersion")
        .or_else(|_| nt_query::registry_text(CURRENT_VERSION, "ReleaseId"))
        .ok();
    let product = nt_query::registry_text(CURRENT_VERSION, "ProductName").ok();
    HostFacts {
        os: Some(OsKind::Windows),
        name,
        build,
        product: product.map(|product| {
            nt::platform::product(&product, release.as_deref(), version.map_or(0, |v| v.build))
        }),
        physical_bytes: status.map(|status| status.physical),
        page_bytes: info.map(|info| info.page_bytes),
        processors: std::thread::available_parallelism()
            .ok()
            .and_then(|count| u32::try_from(count.get()).ok()),
    }
}
