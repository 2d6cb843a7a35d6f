//! The calls, each returning bytes, plain facts, or the code with which it was refused.

mod drivers;
mod etw;
mod events;
mod filters;
mod library;
mod memory;
mod nt;
mod privilege;
mod registry;
mod system;
mod wmi;

pub use drivers::{Driver, drivers};
pub use etw::trace_sessions;
pub use events::{EventLog, EventQuery, query_events};
pub use filters::{FilterClass, filters};
pub use library::restrict_dll_search;
pub use memory::{MemoryStatus, OwnUsage, PerformanceInfo, memory_status, own_usage, performance_info};
pub use nt::{object_types, system_information, system_information_fixed};
pub use privilege::{Privilege, enable_privilege};
pub use registry::{registry_binary, registry_number, registry_text};
pub use system::{Version, computer_name, version, windows_directory};
pub use wmi::{WmiValue, wmi_query};

/// Win32 error code of the last call on this thread.
pub(crate) fn last_error() -> u32 {
    // SAFETY: GetLastError has no preconditions.
    unsafe { windows_sys::Win32::Foundation::GetLastError() }
}
