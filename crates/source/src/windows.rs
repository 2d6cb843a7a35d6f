//! Live Windows: asks through `nt-query`, reads through `nt-abi`, translates with `nt`.

mod facts;
mod host;
mod platform;

use std::fmt::Display;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nt_abi::{Interface, NtStatus, PointerWidth, TimeOfDay, class};
use nt_query::{Buffer, CallError, Limits};
use snapshot::{BootId, CounterWidth, HostFacts, OwnCost, Problem, Snapshot, TagUsage, Timestamp};

use crate::{Source, SourceError, Want, nt};

/// The running Windows kernel.
#[derive(Debug, Default)]
pub struct WindowsSource {
    /// Every table is read into this one, so sampling allocates little once it has grown.
    buffer: Buffer,
    /// The class that gave the tags last time: the other need not be asked again.
    tag_class: Option<u32>,
    /// Privileges were asked for, and these were refused.
    privileges: Option<Vec<Problem>>,
}

impl WindowsSource {
    /// The kernel this program runs on. Asks nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Switches on what the token holds; once.
    fn enable_privileges(&mut self) -> &[Problem] {
        self.privileges.get_or_insert_with(|| {
            [
                nt_query::Privilege::ProfileSingleProcess,
                nt_query::Privilege::Debug,
            ]
            .into_iter()
            .filter_map(|privilege| {
                let error = nt_query::enable_privilege(privilege).err()?;
                let reason = format!(
                    "{} is not held ({error}); run as administrator for it",
                    privilege.name()
                );
                Some(Problem::new("privileges", reason))
            })
            .collect()
        })
    }

    fn tags(&mut self, problems: &mut Vec<Problem>) -> Result<(Vec<TagUsage>, CounterWidth), SourceError> {
        if self.tag_class != Some(class::POOL_TAG) {
            match nt_query::system_information(class::POOL_TAG_2, &mut self.buffer, Limits::TABLE) {
                Ok(()) => match nt_abi::pool_tags_2(self.buffer.bytes(), PointerWidth::HERE) {
                    Ok(table) => {
                        self.tag_class = Some(class::POOL_TAG_2);
                        return Ok((nt::tags::usages(&table), nt::tags::width(&table)));
                    }
                    Err(error) => problems.push(Problem::new("tags", error.to_string())),
                },
                // Kernels before 26H1 do not have it; that is no problem, there is class 22.
                Err(CallError::Status { status }) if NtStatus(status) == NtStatus::INVALID_INFO_CLASS => {}
                Err(error) => problems.push(refused("tags", Interface::System(class::POOL_TAG_2), &error)),
            }
        }
        let interface = Interface::System(class::POOL_TAG);
        nt_query::system_information(class::POOL_TAG, &mut self.buffer, Limits::TABLE).map_err(|error| {
            SourceError::Unavailable {
                interface: interface.to_string(),
                reason: reason(&error),
            }
        })?;
        let table = nt_abi::pool_tags(self.buffer.bytes(), PointerWidth::HERE).map_err(|error| {
            SourceError::Unavailable {
                interface: interface.to_string(),
                reason: error.to_string(),
            }
        })?;
        self.tag_class = Some(class::POOL_TAG);
        Ok((nt::tags::usages(&table), nt::tags::width(&table)))
    }

    /// Session pool, where the kernel keeps it apart. Its rows have 32-bit counters, so beside class 255 they would
    /// be read wrongly: they are left to kernels that have class 22.
    fn session_tags(&mut self, width: CounterWidth, problems: &mut Vec<Problem>) -> Vec<TagUsage> {
        if width != CounterWidth::Bits32 {
            return Vec::new();
        }
        let interface = Interface::System(class::SESSION_POOL_TAG);
        match nt_query::system_information(class::SESSION_POOL_TAG, &mut self.buffer, Limits::TABLE) {
            Ok(()) => match nt_abi::session_pool_tags(self.buffer.bytes(), PointerWidth::HERE) {
                Ok(sessions) => nt::tags::session_usages(&sessions),
                Err(error) => {
                    problems.push(Problem::new("session pool", error.to_string()));
                    Vec::new()
                }
            },
            Err(error) => {
                problems.push(refused("session pool", interface, &error));
                Vec::new()
            }
        }
    }
}

impl Source for WindowsSource {
    fn host(&mut self) -> (HostFacts, Vec<Problem>) {
        let mut problems = self.enable_privileges().to_vec();
        let host = host::host(&mut problems);
        (host, problems)
    }

    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, SourceError> {
        let started = Instant::now();
        self.enable_privileges();
        let mut problems = Vec::new();
        let (mut rows, mut width) = (Vec::new(), CounterWidth::Unknown);
        if want.tags {
            (rows, width) = self.tags(&mut problems)?;
        }
        let taken_at = now();
        if want.tags {
            rows.extend(self.session_tags(width, &mut problems));
        }
        let time = time_of_day(&mut problems);
        let facts = facts::read(&mut self.buffer, want, &mut problems);
        let mut snapshot = Snapshot {
            taken_at: time.map(|time| Timestamp::from_nt_100ns(time.now)).or(taken_at),
            kernel_uptime_s: time.and_then(|time| time.uptime_s()),
            boot: time.map(|time| BootId(time.boot_identity().to_string())),
            width,
            rows,
            facts,
            problems,
        };
        if want.own_cost {
            let usage = nt_query::own_usage();
            snapshot.facts.own_cost = Some(OwnCost {
                cpu_s: usage.cpu_s,
                resident: usage.working_set,
                handles: usage.handles,
                sample_s: Some(started.elapsed().as_secs_f64()),
            });
        }
        Ok(snapshot)
    }
}

/// The clock, where class 3 does not tell the time.
fn now() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp)
}

/// Kernel boot time and clock. The class refuses lengths beyond the one it knows, so both are tried.
fn time_of_day(problems: &mut Vec<Problem>) -> Option<TimeOfDay> {
    fixed(
        class::TIME_OF_DAY,
        &[48, 32],
        &[],
        "uptime",
        problems,
        nt_abi::time_of_day,
    )
}

/// Asks a class of fixed length and reads it; a refusal becomes a problem of `step`.
fn fixed<T>(
    class: u32,
    lengths: &[usize],
    prefill: &[u8],
    step: &str,
    problems: &mut Vec<Problem>,
    read: impl Fn(&[u8]) -> Result<T, nt_abi::AbiError>,
) -> Option<T> {
    match nt_query::system_information_fixed(class, lengths, prefill) {
        Ok(bytes) => read(&bytes)
            .map_err(|error| problems.push(Problem::new(step, error.to_string())))
            .ok(),
        Err(error) => {
            problems.push(refused(step, Interface::System(class), &error));
            None
        }
    }
}

/// Asks a class of varying length and reads it; a refusal becomes a problem of `step`.
fn table<T>(
    class: u32,
    buffer: &mut Buffer,
    step: &str,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(&Buffer) -> Result<T, nt_abi::AbiError>,
) -> Option<T> {
    match nt_query::system_information(class, buffer, Limits::TABLE) {
        Ok(()) => read(buffer)
            .map_err(|error| problems.push(Problem::new(step, error.to_string())))
            .ok(),
        Err(error) => {
            problems.push(refused(step, Interface::System(class), &error));
            None
        }
    }
}

/// A refusal in words: the interface and its status code.
fn refused(step: &str, interface: impl Display, error: &CallError) -> Problem {
    Problem::new(step, format!("{interface}: {}", reason(error)))
}

fn reason(error: &CallError) -> String {
    /// STATUS_ACCESS_DENIED and STATUS_PRIVILEGE_NOT_HELD.
    const NEEDS_RIGHTS: [u32; 2] = [0xC000_0022, 0xC000_0061];
    match error {
        CallError::Status { status } if NEEDS_RIGHTS.contains(status) => {
            format!("{} (run as administrator)", NtStatus(*status))
        }
        CallError::Status { status } => NtStatus(*status).to_string(),
        CallError::Win32 { code: 5, .. }
        | CallError::Hresult {
            code: 0x8007_0005, ..
        } => {
            format!("{error} (access denied: run as administrator)")
        }
        other => other.to_string(),
    }
}
