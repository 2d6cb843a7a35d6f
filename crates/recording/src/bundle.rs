//! The evidence bundle: a zip with the recording, the report, facts, versions, the method and a manifest of hashes, so that
//! somebody else can analyse it on another system. [`crate::open`] reads it.

use std::fmt::Write as _;
use std::io::{Read, Seek, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use snapshot::{History, MomentFacts};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::redact::Redactor;
use crate::store::whole;
use crate::{ImportError, ImportErrorKind, OpenOptions, WriteError, open_bytes};

/// Form of the manifest.
const SCHEMA: &str = "poolscope.bundle/1";
const RECORDING: &str = "recording.poolscope";
const MANIFEST: &str = "manifest.json";
/// Most entries and bytes of an entry that are looked at.
const MOST_ENTRIES: usize = 256;
const MOST_ENTRY_BYTES: u64 = 1 << 30;

/// How the figures in a bundle came about, for the one who gets it.
const METHOD: &str = "\
Evidence bundle of poolscope
============================

recording.poolscope  the samples as they were read: an SQLite file, described in docs/recording-format.md of poolscope
report.json          the report that was made from it: docs/report-json.md
facts.json           what was read beside the tags, the last of each kind
versions.json        program, formats and the system the evidence comes from
manifest.json        size and SHA-256 of every other file

Counters are kept as the kernel gave them; rates, verdicts and findings are computed when reading. To repeat the analysis:

    poolscope diagnose BUNDLE.zip

What could not be read, and why, stands under `problems` in report.json.
";

/// What goes into a bundle.
#[derive(Clone, Debug)]
pub struct Bundle<'a> {
    /// The recording, with all facts that were read.
    pub history: &'a History,
    /// The report as JSON text.
    pub report_json: &'a str,
    /// Other texts by file name (`report.html`, `report.txt`).
    pub texts: Vec<(String, String)>,
    /// Name and version of the program.
    pub tool: &'a str,
    /// Replace host, user and path names consistently.
    pub redact: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    tool: String,
    redacted: bool,
    files: Vec<ManifestFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ManifestFile {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Writes `bundle` to `path`, replacing a file that is there.
///
/// # Errors
/// [`WriteError::Unfit`] when the report is no JSON or a text's name is no plain file name; see [`WriteError`] for the others.
pub fn write(path: &Path, bundle: &Bundle<'_>) -> Result<(), WriteError> {
    let files = files(bundle).map_err(|reason| WriteError::Unfit {
        path: path.to_path_buf(),
        reason,
    })?;
    let failed = |reason: String| WriteError::Failed {
        path: path.to_path_buf(),
        reason,
    };
    // Written beside it first, so that a full disk leaves no half bundle under the name asked for.
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let outcome =
        write_zip(partial, &files).and_then(|()| std::fs::rename(partial, path).map_err(|e| e.to_string()));
    outcome.map_err(|reason| {
        let _ = std::fs::remove_file(partial);
        failed(reason)
    })
}

fn files(bundle: &Bundle<'_>) -> Result<Vec<(String, Vec<u8>)>, String> {
    let report: Value =
        serde_json::from_str(bundle.report_json).map_err(|e| format!("the report is no JSON: {e}"))?;
    let redactor = bundle.redact.then(|| Redactor::learn(bundle.history, &report));
    let text = |text: &str| {
        redactor
            .as_ref()
            .map_or_else(|| text.to_owned(), |r| r.text(text))
    };
    let redacted = redactor.as_ref().map(|r| r.history(bundle.history));
    let history = redacted.as_ref().unwrap_or(bundle.history);
    let report = match &redactor {
        Some(redactor) => pretty(&redactor.value(report))?,
        None => bundle.report_json.to_owned(),
    };
    let mut files = vec![
        (
            RECORDING.to_owned(),
            whole::to_bytes(history).map_err(|e| e.to_string())?,
        ),
        ("report.json".to_owned(), report.into_bytes()),
        (
            "facts.json".to_owned(),
            pretty(&last_facts(history))?.into_bytes(),
        ),
        (
            "versions.json".to_owned(),
            pretty(&versions(bundle.tool, history))?.into_bytes(),
        ),
        ("README.txt".to_owned(), METHOD.as_bytes().to_vec()),
    ];
    for (name, content) in &bundle.texts {
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
            && !name.starts_with('.')
            && files.iter().all(|(known, _)| known != name)
            && name != MANIFEST;
        if !plain {
            return Err(format!("`{name}` is no plain file name, or is taken"));
        }
        files.push((name.clone(), text(content).into_bytes()));
    }
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        tool: bundle.tool.to_owned(),
        redacted: bundle.redact,
        files: files
            .iter()
            .map(|(name, content)| ManifestFile {
                name: name.clone(),
                bytes: content.len() as u64,
                sha256: sha256(content),
            })
            .collect(),
    };
    files.push((MANIFEST.to_owned(), pretty(&manifest)?.into_bytes()));
    Ok(files)
}

fn pretty(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| e.to_string())
}

/// The last facts of each kind over the whole recording.
fn last_facts(history: &History) -> MomentFacts {
    let all: Vec<(u64, MomentFacts)> = history
        .facts
        .iter()
        .map(|(at, facts)| (u64::from(*at), facts.clone()))
        .collect();
    crate::store::fact::last_of_each(&all)
        .map(|(_, facts)| facts)
        .unwrap_or_default()
}

fn versions(tool: &str, history: &History) -> Value {
    serde_json::json!({
        "tool": tool,
        "recording_format": crate::store::schema::VERSION,
        "bundle": SCHEMA,
        "source": history.kind.map(snapshot::SourceKind::as_str),
        "host": history.host,
    })
}

fn sha256(content: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn write_zip(path: &Path, files: &[(String, Vec<u8>)]) -> Result<(), String> {
    let file = std::fs::File::create(path).map_err(|e| e.to_string())?;
    let mut zip = ZipWriter::new(std::io::BufWriter::new(file));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in files {
        zip.start_file(name.as_str(), options)
            .map_err(|e| e.to_string())?;
        zip.write_all(content).map_err(|e| e.to_string())?;
    }
    let mut out = zip.finish().map_err(|e| e.to_string())?;
    out.flush()
        .and_then(|()| out.get_ref().sync_all())
        .map_err(|e| e.to_string())
}

/// Reads the recording in a bundle, or else the tables in an ordinary zip, in order of their names.
pub(crate) fn read(
    name: &Path,
    archive: impl Read + Seek,
    options: &OpenOptions,
) -> Result<History, ImportError> {
    let malformed = |reason: String| ImportError::new(name, ImportErrorKind::Malformed, reason);
    let mut zip = ZipArchive::new(archive).map_err(|e| malformed(format!("zip: {e}")))?;
    let mut names: Vec<String> = zip.file_names().take(MOST_ENTRIES).map(str::to_owned).collect();
    names.sort();
    let most = options.max_bytes.min(MOST_ENTRY_BYTES);
    if names.iter().any(|n| n == RECORDING) {
        let bytes = entry(name, &mut zip, RECORDING, most)?;
        if names.iter().any(|n| n == MANIFEST) {
            let manifest = entry(name, &mut zip, MANIFEST, 1 << 20)?;
            let manifest: Manifest =
                serde_json::from_slice(&manifest).map_err(|e| malformed(format!("{MANIFEST}: {e}")))?;
            let said = manifest
                .files
                .iter()
                .find(|file| file.name == RECORDING)
                .map(|file| file.sha256.as_str());
            if said != Some(sha256(&bytes).as_str()) {
                return Err(malformed(format!(
                    "{RECORDING} is not what {MANIFEST} says: it was changed or damaged"
                )));
            }
        }
        return open_bytes(&name.join(RECORDING), &bytes, options);
    }
    let mut parts = Vec::new();
    let mut total = 0_u64;
    for entry_name in names.iter().filter(|n| !n.ends_with('/')) {
        let bytes = entry(name, &mut zip, entry_name, most.saturating_sub(total))?;
        total = total.saturating_add(bytes.len() as u64);
        // Zips inside zips are how bombs are built; nothing of ours nests them.
        if bytes.starts_with(b"PK") {
            continue;
        }
        match open_bytes(&name.join(entry_name), &bytes, options) {
            Ok(part) => parts.push(part),
            Err(error) if error.kind == ImportErrorKind::Unrecognised => {}
            Err(error) => return Err(error),
        }
    }
    crate::import::merge(parts).ok_or_else(|| {
        ImportError::new(
            name,
            ImportErrorKind::Unrecognised,
            "a zip without a recording or a table of a known format",
        )
    })
}

fn entry<R: Read + Seek>(
    file: &Path,
    zip: &mut ZipArchive<R>,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, ImportError> {
    let malformed =
        |reason: String| ImportError::new(file, ImportErrorKind::Malformed, format!("{name}: {reason}"));
    let entry = zip.by_name(name).map_err(|e| malformed(e.to_string()))?;
    let mut bytes = Vec::new();
    entry
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| malformed(e.to_string()))?;
    if bytes.len() as u64 > most {
        let reason = format!("{name}: more than {most} bytes unpacked");
        return Err(ImportError::new(file, ImportErrorKind::TooLarge, reason));
    }
    Ok(bytes)
}
