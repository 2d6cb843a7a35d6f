//! From captured buffers to a history.

use nt_abi::{PoolTagRows, TimeOfDay};
use snapshot::{HistoryBuilder, Snapshot};

use super::*;

/// Puts the files in the order they were taken and makes samples, series and facts of them.
pub(super) fn history(mut files: Vec<Captured>, problems: Vec<Problem>) -> History {
    files.sort_by(|a, b| (a.at, a.sequence, &a.name).cmp(&(b.at, b.sequence, &b.name)));
    let mut history = History {
        kind: Some(SourceKind::Capture),
        host: HostFacts {
            os: Some(OsKind::Windows),
            ..HostFacts::default()
        },
        clock_known: true,
        problems,
        ..History::default()
    };
    refusals(&files, &mut history.problems);
    files.retain(|file| file.status.is_success());
    let boot = boot_of(&files, &mut history);
    samples(&files, boot.as_ref(), &mut history);
    if !history.samples.is_empty() {
        facts(&files, &mut history);
    }
    history
}

/// Each interface that refused, once.
fn refusals(files: &[Captured], problems: &mut Vec<Problem>) {
    for file in files.iter().filter(|file| !file.status.is_success()) {
        let problem = Problem::new(
            format!("class {}", file.class),
            format!("{}: {}", file.interface(), file.status),
        );
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

fn unreadable(file: &Captured, error: &AbiError) -> Problem {
    Problem::new("capture", format!("{}: {error}", file.name))
}

/// The boot of the capture, where class 3 was captured. A second boot in the same folder is told apart by it.
fn boot_of(files: &[Captured], history: &mut History) -> Option<TimeOfDay> {
    let mut found: Option<TimeOfDay> = None;
    for file in files.iter().filter(|file| file.class == class::TIME_OF_DAY) {
        match nt_abi::time_of_day(&file.buffer) {
            Ok(time) if found.is_none_or(|first| first.boot_identity() == time.boot_identity()) => {
                found = Some(time)
            }
            Ok(_) => {
                history.problems.push(Problem::new(
                    "capture",
                    "captures of several boots in one folder: boot unknown",
                ));
                return None;
            }
            Err(error) => history.problems.push(unreadable(file, &error)),
        }
    }
    found
}

fn table(file: &Captured) -> Option<Result<PoolTagRows<'_>, AbiError>> {
    match file.class {
        class::POOL_TAG => Some(nt_abi::pool_tags(&file.buffer, file.width)),
        class::POOL_TAG_2 => Some(nt_abi::pool_tags_2(&file.buffer, file.width)),
        _ => None,
    }
}

/// Makes a sample of every table. Where both classes were captured, class 255 is the better witness of the same.
fn samples(files: &[Captured], boot: Option<&TimeOfDay>, history: &mut History) {
    let wide = files
        .iter()
        .any(|file| file.class == class::POOL_TAG_2 && matches!(table(file), Some(Ok(_))));
    let wanted = if wide { class::POOL_TAG_2 } else { class::POOL_TAG };
    let mut builder = HistoryBuilder::new(SourceKind::Capture, history.host.clone());
    for file in files.iter().filter(|file| file.class == wanted) {
        match table(file) {
            Some(Ok(rows)) => builder.push(Snapshot {
                taken_at: Some(Timestamp::from_nt_100ns(file.at)),
                kernel_uptime_s: boot.and_then(|time| {
                    TimeOfDay {
                        now: file.at,
                        ..*time
                    }
                    .uptime_s()
                }),
                boot: boot.map(|time| BootId(time.boot_identity().to_string())),
                width: nt::tags::width(&rows),
                rows: nt::tags::usages(&rows),
                ..Snapshot::default()
            }),
            Some(Err(error)) => history.problems.push(unreadable(file, &error)),
            None => {}
        }
    }
    let built = builder.finish();
    history.samples = built.samples;
    history.series = built.series;
    history.boots = built.boots;
}

/// Adds the other classes to the sample they were taken with or after.
fn facts(files: &[Captured], history: &mut History) {
    let page = page_bytes(files, history);
    let mut problems = Vec::new();
    let mut by_sample: Vec<(u32, MomentFacts)> = Vec::new();
    for file in files
        .iter()
        .filter(|file| table(file).is_none() && file.class != class::TIME_OF_DAY)
    {
        let at = Timestamp::from_nt_100ns(file.at);
        let sample = history
            .samples
            .partition_point(|sample| sample.at <= at)
            .saturating_sub(1) as u32;
        if by_sample.last().is_none_or(|(last, _)| *last != sample) {
            by_sample.push((sample, MomentFacts::default()));
        }
        let Some((_, moment)) = by_sample.last_mut() else {
            continue;
        };
        if let Err(error) = add(moment, file, page, &mut problems) {
            problems.push(unreadable(file, &error));
        }
    }
    by_sample.retain(|(_, moment)| !moment.is_empty());
    history.host.physical_bytes = by_sample
        .iter()
        .find_map(|(_, m)| m.memory.as_ref().and_then(|m| m.physical));
    history.facts = by_sample;
    history.problems.append(&mut problems);
}

fn page_bytes(files: &[Captured], history: &mut History) -> u64 {
    let basic = files
        .iter()
        .filter(|file| file.class == class::BASIC)
        .find_map(|file| nt_abi::basic_info(&file.buffer, file.width).ok())
        .filter(|basic| basic.page_bytes.is_power_of_two());
    if let Some(basic) = basic {
        history.host.page_bytes = Some(basic.page_bytes.into());
        history.host.processors = Some(basic.processors.into());
    }
    basic.map_or(nt::PAGE_BYTES, |basic| basic.page_bytes.into())
}

fn add(
    moment: &mut MomentFacts,
    file: &Captured,
    page: u64,
    problems: &mut Vec<Problem>,
) -> Result<(), AbiError> {
    let (bytes, width) = (file.buffer.as_slice(), file.width);
    let memory = || moment.memory.clone().unwrap_or_default();
    let changed = match file.class {
        class::BASIC => {
            let mut memory = memory();
            nt::memory::basic(&mut memory, &nt_abi::basic_info(bytes, width)?);
            memory
        }
        class::PERFORMANCE => {
            let mut memory = memory();
            nt::memory::performance(&mut memory, &nt_abi::performance(bytes)?, page);
            memory
        }
        class::FILE_CACHE => {
            let mut memory = memory();
            nt::memory::file_cache(&mut memory, &nt_abi::file_cache(bytes, width)?);
            memory
        }
        class::MEMORY_LIST => {
            let mut memory = memory();
            nt::memory::lists(&mut memory, &nt_abi::memory_list(bytes, width)?, page);
            memory
        }
        class::MEMORY_USAGE => {
            let mut memory = memory();
            nt::memory::usage(&mut memory, &nt_abi::memory_usage(bytes)?);
            memory
        }
        class::PAGE_FILE | class::PAGE_FILE_EX => {
            let mut memory = memory();
            let files = nt_abi::page_files(bytes, width, file.class == class::PAGE_FILE_EX, None)?;
            nt::memory::page_files(&mut memory, &files, page);
            memory
        }
        class::PROCESS => {
            let mut memory = memory();
            let rows = nt_abi::processes(bytes, width, None)?;
            nt::process::sums(&mut memory, &rows);
            moment.processes = Some(nt::process::facts(&rows));
            memory
        }
        class::MODULE => {
            moment.modules = Some(nt::rows::modules(&nt_abi::modules(bytes, width)?));
            return Ok(());
        }
        class::MODULE_EX => {
            moment.modules = Some(nt::rows::modules(&nt_abi::modules_ex(bytes, width)?));
            return Ok(());
        }
        class::BIG_POOL => {
            moment.big_pool = Some(nt::rows::big_pool(&nt_abi::big_pool(bytes, width)?).0);
            return Ok(());
        }
        _ => {
            problems.push(Problem::new(
                "capture",
                format!("{}: {} is not used", file.name, file.interface()),
            ));
            return Ok(());
        }
    };
    moment.memory = Some(changed);
    Ok(())
}
