//! Facts beside the tags: memory counters, processes, modules, and what the other steps of a diagnosis read.
//!
//! Compatibility law: these types are stored in recordings as JSON. Fields may be added (they default to absent),
//! never renamed, retyped or removed. Every field may be absent; absent never means zero.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What was true at one moment. Each part is absent unless it was read at that moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MomentFacts {
    /// Memory counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryCounters>,
    /// Processes, largest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<Vec<ProcessFacts>>,
    /// Live objects and handles by type (`Process`, `File`; on Linux `file`, `socket`, `dentry`, …).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_types: Option<Vec<ObjectTypeFacts>>,
    /// Slab caches with the names merged into them (Linux).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slab_caches: Option<Vec<SlabCacheFacts>>,
    /// Allocations of a page and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub big_pool: Option<Vec<BigPoolBlock>>,
    /// Loaded kernel modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modules: Option<Vec<ModuleFacts>>,
    /// Installed drivers with their files' properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drivers: Option<Vec<DriverFacts>>,
    /// Minifilters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minifilters: Option<Vec<MinifilterFacts>>,
    /// ETW sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etw_sessions: Option<Vec<EtwSession>>,
    /// Crashes, pool exhaustion and shutdowns from the event log, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<HostEvent>>,
    /// Virtualization-based security.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vbs: Option<VbsFacts>,
    /// What poolscope itself cost up to here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_cost: Option<OwnCost>,
}

impl MomentFacts {
    /// True when nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// System-wide memory counters in bytes, unless a name says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryCounters {
    /// Physical memory the kernel manages.
    pub physical: Option<u64>,
    /// Available (free + zeroed + standby on Windows, MemAvailable on Linux).
    pub available: Option<u64>,
    /// Free and zeroed pages.
    pub free: Option<u64>,
    /// Standby list: cached, can be reused at once (Windows).
    pub standby: Option<u64>,
    /// Modified list, must be written first (Windows).
    pub modified: Option<u64>,
    /// Commit charge.
    pub committed: Option<u64>,
    /// Commit limit: physical memory and page files.
    pub commit_limit: Option<u64>,
    /// Nonpaged pool.
    pub nonpaged_pool: Option<u64>,
    /// Paged pool, resident or not.
    pub paged_pool: Option<u64>,
    /// The resident part of paged pool.
    pub paged_pool_resident: Option<u64>,
    /// Pages that drivers and processes locked or mapped for I/O, where known.
    pub driver_locked: Option<u64>,
    /// System cache working set (Windows); page cache and buffers, shared memory among them (Linux).
    pub cache: Option<u64>,
    /// Unreclaimable slab (Linux).
    pub slab_unreclaimable: Option<u64>,
    /// Reclaimable slab (Linux).
    pub slab_reclaimable: Option<u64>,
    /// vmalloc area in use (Linux).
    pub vmalloc: Option<u64>,
    /// Kernel stacks.
    pub kernel_stacks: Option<u64>,
    /// Page tables.
    pub page_tables: Option<u64>,
    /// Per-CPU allocations (Linux).
    pub per_cpu: Option<u64>,
    /// Anonymous memory mapped by processes (Linux).
    pub anonymous: Option<u64>,
    /// Shared memory and tmpfs (Linux).
    pub shared: Option<u64>,
    /// Huge pages set aside (Linux).
    pub huge_pages: Option<u64>,
    /// Sum of the processes' private working sets or resident sets, where it was computed.
    pub processes_resident: Option<u64>,
    /// Working set of the process `Secure System`.
    pub secure_system: Option<u64>,
    /// Working set of the process `Registry`.
    pub registry: Option<u64>,
    /// Working set of the process `Memory Compression`; pool of zswap (Linux).
    pub memory_compression: Option<u64>,
    /// Working sets of virtual machines' memory processes (`vmmem*`).
    pub virtual_machines: Option<u64>,
    /// Page files or swap: size.
    pub page_file_total: Option<u64>,
    /// Page files or swap: in use.
    pub page_file_used: Option<u64>,
    /// Handles of all processes (a count).
    pub handles: Option<u64>,
    /// Processes (a count).
    pub process_count: Option<u64>,
    /// Threads (a count).
    pub thread_count: Option<u64>,
    /// Nonpaged and paged pool allocations since boot, modulo 2^32 (counts).
    pub pool_allocations: Option<[u64; 2]>,
    /// Nonpaged and paged pool frees since boot, modulo 2^32 (counts).
    pub pool_frees: Option<[u64; 2]>,
    /// Number of open file objects on Linux (`file-nr`), a count.
    pub open_files: Option<u64>,
}

/// One process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessFacts {
    /// Process id.
    pub pid: u64,
    /// Image name.
    pub name: String,
    /// When it was created; tells a reused id.
    pub created: Option<Timestamp>,
    /// Working set or resident set, bytes.
    pub working_set: Option<u64>,
    /// Private bytes.
    pub private_bytes: Option<u64>,
    /// Open handles, or open files on Linux.
    pub handles: Option<u64>,
    /// Of these, by type (`socket`, `pipe`, `file`, `Event`, …), where it was read.
    pub handles_by_type: Option<Vec<(String, u64)>>,
    /// Threads.
    pub threads: Option<u64>,
    /// Nonpaged pool charged to it, bytes.
    pub quota_nonpaged: Option<u64>,
    /// Paged pool charged to it, bytes.
    pub quota_paged: Option<u64>,
}

/// Live objects and open handles of one kernel object type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectTypeFacts {
    /// Type name (`Process`, `File`).
    pub name: String,
    /// Live objects.
    pub objects: Option<u64>,
    /// Open handles.
    pub handles: Option<u64>,
    /// The type's pool tag.
    pub tag: Option<String>,
}

/// One slab cache of Linux. The kernel merges caches of like size and flags, and counts them under one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlabCacheFacts {
    /// The name it is counted under: the tag.
    pub name: String,
    /// Other names whose objects are counted here too.
    pub aliases: Option<Vec<String>>,
    /// Counted as reclaimable by the kernel. Objects that somebody holds open are not given back all the same.
    pub reclaimable: Option<bool>,
    /// Size of one object with its padding, bytes.
    pub object_bytes: Option<u64>,
}

/// One allocation of a page or more.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BigPoolBlock {
    /// Virtual address (0 where the kernel hides it).
    pub address: u64,
    /// Bytes.
    pub bytes: u64,
    /// Tag in printed form.
    pub tag: String,
    /// In nonpaged pool.
    pub nonpaged: bool,
}

/// One loaded kernel module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModuleFacts {
    /// File name.
    pub name: String,
    /// Path as the kernel gives it.
    pub path: Option<String>,
    /// Load address (0 where the kernel hides it).
    pub base: Option<u64>,
    /// Image size, bytes.
    pub bytes: Option<u64>,
    /// Reference count or load count.
    pub references: Option<u64>,
}

/// One installed driver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriverFacts {
    /// Service name.
    pub service: Option<String>,
    /// Display name.
    pub display_name: Option<String>,
    /// File name.
    pub file: Option<String>,
    /// Path on this host.
    pub path: Option<String>,
    /// Running now.
    pub running: Option<bool>,
    /// Start type (`boot`, `system`, `auto`, `demand`, `disabled`).
    pub start: Option<String>,
    /// Company of the version resource.
    pub company: Option<String>,
    /// Product of the version resource.
    pub product: Option<String>,
    /// File description of the version resource.
    pub description: Option<String>,
    /// File version.
    pub version: Option<String>,
    /// Link time or file date, RFC 3339.
    pub date: Option<String>,
    /// Common name of the file's own Authenticode signer.
    pub signer: Option<String>,
}

/// One minifilter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MinifilterFacts {
    /// Filter name.
    pub name: String,
    /// Altitude: higher is nearer to the application.
    pub altitude: Option<String>,
    /// Attached instances.
    pub instances: Option<u32>,
    /// Frame.
    pub frame: Option<u32>,
}

/// One event-tracing session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EtwSession {
    /// Session name.
    pub name: String,
    /// Size of one buffer, bytes.
    pub buffer_bytes: Option<u64>,
    /// Buffers allocated now.
    pub buffers: Option<u64>,
    /// Least and most buffers.
    pub buffers_min: Option<u64>,
    /// Most buffers.
    pub buffers_max: Option<u64>,
    /// Lost events.
    pub events_lost: Option<u64>,
    /// Log file mode bits as read.
    pub log_mode: Option<u32>,
    /// Buffers in paged pool (`EVENT_TRACE_USE_PAGED_MEMORY`).
    pub paged: Option<bool>,
    /// Log file.
    pub log_file: Option<String>,
}

/// What an event of the system log says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostEvent {
    /// When.
    pub at: Option<Timestamp>,
    /// `bugcheck`, `pool-exhausted`, `low-memory`, `dirty-shutdown`, `boot`, `shutdown`, …
    pub kind: String,
    /// Provider.
    pub provider: Option<String>,
    /// Event id.
    pub id: Option<u32>,
    /// Bugcheck code.
    pub bugcheck: Option<u32>,
    /// Bugcheck parameters.
    pub parameters: Option<Vec<u64>>,
    /// Dump file.
    pub dump: Option<String>,
    /// Tags that the event names, with bytes.
    pub tags: Option<Vec<(String, u64)>>,
    /// `cold`, `fast-startup`, `resume`.
    pub boot_type: Option<String>,
    /// A line for people.
    pub summary: Option<String>,
}

/// Virtualization-based security.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VbsFacts {
    /// 0 off, 1 configured, 2 running (`Win32_DeviceGuard`).
    pub status: Option<u32>,
    /// Services configured (1 Credential Guard, 2 HVCI, …).
    pub services_configured: Option<Vec<u32>>,
    /// Services running.
    pub services_running: Option<Vec<u32>>,
    /// Secure kernel runs (NT class 165).
    pub secure_kernel_running: Option<bool>,
    /// HVCI enabled (NT class 165).
    pub hvci_enabled: Option<bool>,
    /// HVCI in strict mode (NT class 165).
    pub hvci_strict: Option<bool>,
    /// Code integrity option bits (NT class 103).
    pub code_integrity_options: Option<u32>,
}

/// What poolscope itself used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnCost {
    /// Processor time since start, seconds.
    pub cpu_s: Option<f64>,
    /// Resident memory, bytes.
    pub resident: Option<u64>,
    /// Open handles or files.
    pub handles: Option<u64>,
    /// Time the last sample took, seconds.
    pub sample_s: Option<f64>,
}
