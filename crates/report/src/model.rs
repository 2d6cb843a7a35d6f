//! The report as a value: exactly the JSON of `docs/report-json.md`.
//!
//! Compatibility law: fields may be added, never renamed, retyped or removed; every field may be absent; enumerations
//! are strings and may gain words. Sizes are bytes, times RFC 3339 in UTC, spans seconds (`_s`), rates bytes a day
//! unless a name says otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Declares a JSON object whose fields may all be absent.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }
    };
}

object! {
    /// The whole report.
    Report {
        /// `poolscope.report/1`.
        schema: String,
        /// What made it.
        tool: Tool,
        /// Where the numbers came from.
        source: Source,
        /// The answer in a few sentences, most important first.
        summary: Vec<String>,
        /// Every series with its verdict, by rank.
        series: Vec<Series>,
        /// Series that grow together.
        families: Vec<Family>,
        /// Findings, heaviest first.
        findings: Vec<Finding>,
        /// What to do next, in order.
        next: Vec<Action>,
        /// Where the memory is.
        memory: Memory,
        /// Event-tracing sessions.
        etw: Etw,
        /// Drivers and minifilters.
        drivers: Drivers,
        /// Crashes, exhaustion, boots and shutdowns, oldest first.
        events: Vec<Event>,
        /// Virtualization-based security.
        vbs: Vbs,
        /// What could not be read, and why.
        problems: Vec<Problem>,
    }
}

object! {
    /// The program.
    Tool {
        /// `poolscope`.
        name: String,
        /// Version.
        version: String,
    }
}

object! {
    /// Where the numbers came from.
    Source {
        /// `live`, `recording`, `csv`, `poolmon`, `poolused`, `slabinfo`, `capture`, …
        kind: String,
        /// `windows` or `linux`: the system that was measured.
        os: String,
        /// Host name.
        host: String,
        /// Build or kernel release.
        build: String,
        /// Product name.
        product: String,
        /// Physical memory.
        physical_bytes: u64,
        /// Seconds since kernel boot at the last sample.
        kernel_uptime_s: f64,
        /// Samples.
        samples: u64,
        /// Distinct boots.
        boots: u64,
        /// First sample.
        start: String,
        /// Last sample.
        end: String,
    }
}

object! {
    /// One (tag, pool).
    Series {
        /// The tag, other than printable bytes as `\xNN`.
        tag: String,
        /// Its pool.
        pool: String,
        /// `leak`, `suspect`, `unfreed`, `filling`, `stepped`, `cycling`, `steady`, `insufficient`, …
        verdict: String,
        /// Probability that it is a leak.
        confidence: f64,
        /// How it grows: `linear`, `bursty`, …
        shape: String,
        /// Bytes in use at the end.
        bytes: u64,
        /// Outstanding allocations at the end.
        outstanding: u64,
        /// Allocations as read.
        allocs: u64,
        /// Frees as read.
        frees: u64,
        /// Growth.
        rate_bytes_per_day: f64,
        /// Lower end of its 90 % interval.
        rate_low: f64,
        /// Upper end of its 90 % interval.
        rate_high: f64,
        /// Growth of the outstanding allocations, a day.
        count_rate_per_day: f64,
        /// Lower end of its 90 % interval.
        count_rate_low: f64,
        /// Upper end of its 90 % interval.
        count_rate_high: f64,
        /// When the growth began.
        onset: String,
        /// Growth over several horizons.
        rates: Rates,
        /// When it fills what is left.
        exhaustion: String,
        /// The same at the upper end of the rate.
        exhaustion_earliest: String,
        /// The same at the lower end of the rate.
        exhaustion_latest: String,
        /// What is filled then: `memory`, `commit`, `pool`.
        exhaustion_of: String,
        /// Seconds of recording that a verdict still needs.
        needs_s: f64,
        /// Family it belongs to.
        family: u32,
        /// 1 for the series that most needs attention.
        rank: u32,
        /// The series it merely follows, `TAG/pool`.
        follows: String,
        /// Used by many drivers: no owner is claimed.
        shared: bool,
        /// Owners, most trusted first.
        owners: Vec<Owner>,
        /// Who may hold what it counts; for accused series.
        holders: Vec<SeriesHolder>,
        /// Why the tag is shared, or how it may lie.
        caution: String,
        /// What growth of this tag usually means; for series that need attention.
        explanation: String,
        /// What to do about this tag; for series that need attention.
        next: Vec<String>,
        /// The numbers behind the verdict, by name.
        statistics: BTreeMap<String, f64>,
        /// Bytes over time, thinned, for drawing; for the first series only.
        curve: Curve,
    }
}

object! {
    /// Bytes a day over several horizons.
    Rates {
        /// Last minute.
        #[serde(rename = "1m")]
        minute: f64,
        /// Last hour.
        #[serde(rename = "1h")]
        hour: f64,
        /// Last day.
        #[serde(rename = "1d")]
        day: f64,
        /// Bytes now over kernel uptime.
        boot: f64,
    }
}

object! {
    /// Bytes over time.
    Curve {
        /// Unix seconds.
        time: Vec<f64>,
        /// Bytes; `null` in gaps.
        bytes: Vec<Option<u64>>,
    }
}

object! {
    /// One possible owner.
    Owner {
        /// Driver file, lower case.
        image: String,
        /// Component within it.
        component: String,
        /// Company.
        vendor: String,
        /// Product.
        product: String,
        /// File version.
        version: String,
        /// Loaded now.
        loaded: bool,
        /// `loaded-code`, `driver-code`, `driver-source`, `user-list`, `microsoft-list`, `public-report`, …
        trust: String,
        /// Why, one sentence each.
        evidence: Vec<String>,
    }
}

object! {
    /// Who may hold what a series counts.
    SeriesHolder {
        /// `handle-leak`, `reference-leak`, `cache`, `etw-sessions`, `surviving-blocks`, `filters`, …
        kind: String,
        /// The suspects, most likely first.
        who: Vec<Who>,
        /// Why, in sentences with numbers.
        evidence: Vec<String>,
        /// How to find out more.
        how_to_find_out: Vec<String>,
    }
}

object! {
    /// One that holds.
    Who {
        /// Process, driver file, session or filter.
        name: String,
        /// Process id.
        pid: u64,
        /// How many it holds, in the unit that the evidence says.
        amount: u64,
    }
}

object! {
    /// Series that grow together.
    Family {
        /// From 1.
        id: u32,
        /// `TAG/pool` each.
        members: Vec<String>,
        /// Growth of each in units of the smallest.
        ratio: Vec<u32>,
        /// Who most likely holds them.
        holder: Holder,
        /// Growth of all together.
        rate_bytes_per_day: f64,
        /// Bytes of all together.
        bytes: u64,
    }
}

object! {
    /// Who holds.
    Holder {
        /// Driver file.
        image: String,
        /// Component.
        component: String,
        /// Process name.
        process: String,
        /// Process id.
        pid: u64,
        /// Series that points there.
        series: String,
        /// Why, one sentence each.
        reasons: Vec<String>,
    }
}

object! {
    /// One statement of the diagnosis.
    Finding {
        /// Stable code.
        code: String,
        /// `critical`, `warning`, `notice`, `ok`, …
        severity: String,
        /// One line.
        title: String,
        /// Numbers, one sentence each.
        evidence: Vec<String>,
        /// Why it matters.
        explanation: String,
        /// What to do.
        next: Vec<String>,
        /// Series it is about.
        series: Vec<String>,
        /// Probability that it is so.
        confidence: f64,
    }
}

object! {
    /// One thing to do.
    Action {
        /// In the imperative.
        text: String,
        /// What points there.
        why: String,
        /// What to type.
        command: String,
    }
}

object! {
    /// Where the memory is.
    Memory {
        /// The counters by name, bytes or counts as `snapshot::MemoryCounters` says.
        counters: BTreeMap<String, u64>,
        /// Physical memory by use, without overlap.
        parts: Vec<MemoryPart>,
        /// What no part explains.
        unaccounted: u64,
        /// Share of physical memory that is pools or slabs, 0 to 1.
        pool_share: f64,
        /// Bytes of all tags by pool.
        tagged: BTreeMap<String, u64>,
        /// Red flags.
        flags: Vec<Flag>,
        /// Processes of the same name added up, largest working sets first. Shared memory counts in each.
        processes: Vec<ProcessGroup>,
    }
}

object! {
    /// Processes of the same name.
    ProcessGroup {
        /// Image name.
        name: String,
        /// How many.
        count: u64,
        /// Working or resident sets.
        working_set: u64,
        /// Private bytes.
        private_bytes: u64,
        /// Open handles or files.
        handles: u64,
        /// Nonpaged and paged pool charged to them.
        pool_quota: u64,
    }
}

object! {
    /// A part of physical memory.
    MemoryPart {
        /// What.
        name: String,
        /// How much.
        bytes: u64,
        /// Whether it is the kernel's.
        kernel: bool,
    }
}

object! {
    /// A red flag, absolute and scaled to the machine.
    Flag {
        /// `nonpaged_pool`, `paged_pool`, `secure_system`, `commit`, …
        name: String,
        /// The value.
        value: u64,
        /// The absolute limit.
        absolute: u64,
        /// Above it.
        above_absolute: bool,
        /// The limit scaled to the machine's memory.
        scaled: u64,
        /// Above it.
        above_scaled: bool,
    }
}

object! {
    /// Event-tracing sessions and their bill.
    Etw {
        /// Most memory first.
        sessions: Vec<EtwSession>,
        /// All buffers.
        total: u64,
        /// Of them in nonpaged pool.
        nonpaged: u64,
        /// Bytes of the tag `EtwB`.
        etwb: u64,
        /// Lost events of all.
        events_lost: u64,
    }
}

object! {
    /// One session.
    EtwSession {
        /// Name.
        name: String,
        /// Buffers × size.
        bytes: u64,
        /// Size of one buffer.
        buffer_bytes: u64,
        /// Buffers now.
        buffers: u64,
        /// Fewest buffers.
        buffers_min: u64,
        /// Most buffers.
        buffers_max: u64,
        /// Lost events.
        events_lost: u64,
        /// Log file mode bits.
        log_mode: u32,
        /// Buffers in paged pool.
        paged: bool,
        /// Log file.
        log_file: String,
        /// Who is known to run a session of this name.
        known: String,
    }
}

object! {
    /// Drivers and minifilters.
    Drivers {
        /// Running drivers that are not Microsoft's; suspects first.
        third_party: Vec<Driver>,
        /// Drivers read.
        total: u64,
        /// Nearest to the application first.
        minifilters: Vec<Minifilter>,
    }
}

object! {
    /// One driver.
    Driver {
        /// File name.
        file: String,
        /// Path.
        path: String,
        /// Service name.
        service: String,
        /// Display name.
        display_name: String,
        /// Running.
        running: bool,
        /// Start type.
        start: String,
        /// Company.
        company: String,
        /// Product.
        product: String,
        /// Description.
        description: String,
        /// Version.
        version: String,
        /// Link time or file date.
        date: String,
        /// Signer.
        signer: String,
        /// Accused series that lead to it.
        suspects: Vec<String>,
    }
}

object! {
    /// One minifilter.
    Minifilter {
        /// Name.
        name: String,
        /// Altitude.
        altitude: String,
        /// Attached instances.
        instances: u32,
        /// Frame.
        frame: u32,
    }
}

object! {
    /// One event of the system log.
    Event {
        /// When.
        at: String,
        /// `bugcheck`, `pool-exhausted`, `low-memory`, `dirty-shutdown`, `boot`, `shutdown`, …
        kind: String,
        /// Provider.
        provider: String,
        /// Event id.
        id: u32,
        /// Bugcheck code.
        bugcheck: u32,
        /// Its name.
        bugcheck_name: String,
        /// Bugcheck parameters, `0x…` each.
        parameters: Vec<String>,
        /// Dump file.
        dump: String,
        /// Tags it names, with bytes.
        tags: Vec<NamedTag>,
        /// `cold`, `fast-startup`, `resume`, …
        boot_type: String,
        /// A line for people.
        summary: String,
    }
}

object! {
    /// A tag named by an event.
    NamedTag {
        /// The tag.
        tag: String,
        /// Its bytes then.
        bytes: u64,
    }
}

object! {
    /// Virtualization-based security.
    Vbs {
        /// 0 off, 1 configured, 2 running.
        status: u32,
        /// Services configured, by number of `Win32_DeviceGuard`.
        services_configured: Vec<u32>,
        /// Services running.
        services_running: Vec<u32>,
        /// Secure kernel runs.
        secure_kernel_running: bool,
        /// HVCI enabled.
        hvci_enabled: bool,
        /// HVCI strict.
        hvci_strict: bool,
        /// Memory integrity runs, from whichever interface said so.
        hvci_running: bool,
        /// Working set of Secure System.
        secure_system: u64,
        /// Secure System regressed on pool bytes.
        regression: Regression,
    }
}

object! {
    /// Secure System regressed on pool bytes.
    Regression {
        /// Pairs.
        samples: u64,
        /// Bytes for each byte of pool.
        slope: f64,
        /// Correlation.
        r: f64,
        /// Lag with the highest correlation, positive when Secure System follows.
        lag_s: f64,
        /// Correlation at that lag.
        r_at_lag: f64,
        /// Correlation of the changes.
        r_of_changes: f64,
        /// Whether the recording shows that it follows.
        shown: bool,
    }
}

object! {
    /// Something that could not be read.
    Problem {
        /// Step or interface.
        step: String,
        /// What happened.
        message: String,
    }
}
