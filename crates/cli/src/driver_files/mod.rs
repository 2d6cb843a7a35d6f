//! Driver files on disk: finding them, reading them, scanning them on two threads, remembering the results.
//!
//! What the bytes mean is `driver-scan`'s business; here files are opened, never more than two in memory at a time.

mod archive;
mod cache;
mod codec;
mod find;
pub mod places;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::UNIX_EPOCH;

use driver_scan::{DriverScan, Limits};
use sha2::{Digest, Sha256};
use snapshot::{Problem, Timestamp};

use crate::ui::Ui;

pub use cache::Cache;

/// Equal for paths that name the same file.
#[must_use]
pub fn same_file_key(path: &Path) -> String {
    find::same_file_key(path)
}

/// Largest driver file or archive member that is read.
const MAX_FILE: u64 = 256 << 20;
/// Files scanned at the same time: the program runs beside a machine's real work.
const THREADS: usize = 2;

/// One driver image, on disk or inside an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScannedFile {
    /// Path as found; a member of an archive follows after `!`.
    pub path: String,
    /// Hash of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// When the file was last written, RFC 3339.
    pub date: Option<String>,
    /// What its code says.
    pub scan: DriverScan,
}

/// What came of a scan.
#[derive(Clone, Debug, Default)]
pub struct ScanRun {
    /// The images, in the order of the paths.
    pub files: Vec<ScannedFile>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// Bytes of the images that were scanned anew.
    pub scanned_bytes: u64,
    /// Files whose results were remembered.
    pub from_cache: usize,
}

/// What was seen in one file on disk: a driver has one image, an archive any number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileResult {
    /// Name inside an archive (empty for the file itself), hash, and scan.
    pub(crate) images: Vec<(String, String, DriverScan)>,
    /// What could not be read.
    pub(crate) problems: Vec<String>,
}

/// What identifies a file without reading it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    path: String,
    size: u64,
    modified_ns: i128,
}

/// Scans the drivers at and below `paths`.
pub fn scan(paths: &[PathBuf], cache: Cache, ui: &Ui) -> ScanRun {
    let mut run = ScanRun::default();
    let found = find::drivers(paths, &mut run.problems);
    let mut cache = cache;
    let (identities, mut results): (Vec<_>, Vec<_>) = remembered(&found, &cache).into_iter().unzip();
    let jobs: Vec<(PathBuf, Option<Identity>)> = found.into_iter().zip(identities).collect();
    run.from_cache = results.iter().flatten().count();
    let missing: Vec<usize> = (0..jobs.len())
        .filter(|&at| results.get(at).is_some_and(Option::is_none))
        .collect();
    let (fresh, bytes) = scan_all(&jobs, &missing, ui);
    run.scanned_bytes = bytes;
    for (at, result) in fresh {
        if let (Some((_, Some(identity))), Some(slot)) = (jobs.get(at), results.get_mut(at)) {
            cache.put(identity, &result);
            *slot = Some(result);
        } else if let Some(slot) = results.get_mut(at) {
            *slot = Some(result);
        }
    }
    if let Err(error) = cache.save() {
        ui.warn(&format!("results are not remembered for the next time: {error}"));
    }
    for ((path, identity), result) in jobs.into_iter().zip(results) {
        add(&mut run, &path, identity.as_ref(), result.unwrap_or_default());
    }
    run
}

/// What each file is, and what is remembered of it. Systems take longer to tell than the rest of a run that scans nothing, so
/// they are asked on all threads.
fn remembered(paths: &[PathBuf], cache: &Cache) -> Vec<(Option<Identity>, Option<FileResult>)> {
    /// For fewer files a thread is not worth its start.
    const FEW: usize = 64;
    let ask = |path: &PathBuf| {
        let identity = identity(path);
        let result = identity.as_ref().and_then(|identity| cache.get(identity));
        (identity, result)
    };
    if paths.len() <= FEW {
        return paths.iter().map(ask).collect();
    }
    thread::scope(|scope| {
        let parts: Vec<_> = paths
            .chunks(paths.len().div_ceil(THREADS))
            .map(|part| {
                (
                    part.len(),
                    scope.spawn(move || part.iter().map(ask).collect::<Vec<_>>()),
                )
            })
            .collect();
        parts
            .into_iter()
            // A part that was not told is scanned anew.
            .flat_map(|(files, part)| part.join().unwrap_or_else(|_| vec![(None, None); files]))
            .collect()
    })
}

fn add(run: &mut ScanRun, path: &Path, identity: Option<&Identity>, result: FileResult) {
    let shown = path.display().to_string();
    let date = identity.and_then(|i| {
        let micros = i64::try_from(i.modified_ns / 1_000_000_000).ok()?;
        Timestamp::from_unix_seconds(micros).to_rfc3339()
    });
    for (member, sha256, scan) in result.images {
        let path = if member.is_empty() {
            shown.clone()
        } else {
            format!("{shown}!{member}")
        };
        run.files.push(ScannedFile {
            path,
            sha256,
            date: date.clone(),
            scan,
        });
    }
    let step = |message: String| Problem::new("scan", format!("{shown}: {message}"));
    run.problems.extend(result.problems.into_iter().map(step));
}

/// Scans the jobs with these numbers; gives the results and the bytes read.
fn scan_all(
    jobs: &[(PathBuf, Option<Identity>)],
    numbers: &[usize],
    ui: &Ui,
) -> (Vec<(usize, FileResult)>, u64) {
    let progress = ui.progress(Some(numbers.len() as u64), "scanning drivers");
    let next = AtomicUsize::new(0);
    let done: Mutex<(Vec<(usize, FileResult)>, u64)> = Mutex::new((Vec::new(), 0));
    thread::scope(|scope| {
        for _ in 0..THREADS.min(numbers.len()) {
            scope.spawn(|| {
                while let Some(&number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Some((path, _)) = jobs.get(number) else {
                        continue;
                    };
                    let (result, bytes) = scan_file(path);
                    progress.step(1);
                    if let Ok(mut done) = done.lock() {
                        done.0.push((number, result));
                        done.1 += bytes;
                    }
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn scan_file(path: &Path) -> (FileResult, u64) {
    let mut result = FileResult::default();
    let bytes = match read_bounded(path) {
        Ok(bytes) => bytes,
        Err(reason) => {
            result.problems.push(reason);
            return (result, 0);
        }
    };
    if archive::is_zip(&bytes) {
        archive::scan(&bytes, &mut result);
    } else if bytes.starts_with(b"MSCF") {
        result
            .problems
            .push("cabinet archives are not read; unpack it first (`expand FILE -F:* FOLDER`)".into());
    } else {
        scan_image("", &bytes, &mut result);
    }
    (result, bytes.len() as u64)
}

/// Scans one image; what cannot be scanned becomes a problem.
pub(crate) fn scan_image(name: &str, bytes: &[u8], result: &mut FileResult) {
    match driver_scan::scan(bytes, &Limits::default()) {
        Ok(scan) => result.images.push((name.to_string(), hash(bytes), scan)),
        Err(error) if name.is_empty() => result.problems.push(error.to_string()),
        Err(error) => result.problems.push(format!("{name}: {error}")),
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    if size > MAX_FILE {
        return Err(format!("{size} bytes are more than the limit of {MAX_FILE}"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
    file.take(MAX_FILE)
        .read_to_end(&mut bytes)
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn identity(path: &Path) -> Option<Identity> {
    let meta = fs::metadata(path).ok()?;
    let modified = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Some(Identity {
        path: absolute.to_string_lossy().into_owned(),
        size: meta.len(),
        modified_ns: i128::try_from(modified.as_nanos()).ok()?,
    })
}

#[cfg(test)]
mod tests;
