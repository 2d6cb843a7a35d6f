//! Puts together what is known of owners: the program's table, lists of the user's, drivers of this machine or of a
//! folder, and the facts of a recording.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use attribution::{DriverFile, OwnerIndex, TagList};
use snapshot::{MomentFacts, OsKind};
use source::Want;

use crate::args::KnowledgeArgs;
use crate::driver_files::{self, Cache, ScanRun, places};
use crate::exit::Failure;
use crate::ui::Ui;

/// Largest pooltag.txt that is read; real ones have half a megabyte.
const MAX_LIST: u64 = 16 << 20;

/// The index for tags of a recording or a file, from the options alone: nothing of this machine is looked at but a
/// pooltag.txt that is installed.
///
/// # Errors
/// A list or path that was named and cannot be read.
pub fn index(args: &KnowledgeArgs, ui: &Ui) -> Result<OwnerIndex, Failure> {
    let mut index = OwnerIndex::builtin();
    if let Some(address) = &args.search_url {
        index.set_search_address(address.clone());
    }
    add_lists(&mut index, args, ui)?;
    if !args.drivers.is_empty() {
        add_drivers(&mut index, &args.drivers, Cache::of_user(), ui)?;
    }
    Ok(index)
}

/// Adds driver files that somebody named.
///
/// # Errors
/// When there is no driver file among them.
pub fn add_drivers(index: &mut OwnerIndex, paths: &[PathBuf], cache: Cache, ui: &Ui) -> Result<(), Failure> {
    let run = driver_files::scan(paths, cache, ui);
    if run.files.is_empty() {
        return Err(Failure::input(no_drivers(paths, &run)));
    }
    add_scans(index, run, |_| None, ui);
    Ok(())
}

/// The index for tags of the running kernel: on Windows the loaded modules and the drivers on disk are scanned too,
/// unless the options name others or forbid it.
///
/// # Errors
/// As for [`index`].
pub fn live_index(args: &KnowledgeArgs, ui: &Ui) -> Result<OwnerIndex, Failure> {
    let mut index = index(args, ui)?;
    let this_system = match std::env::consts::OS {
        "windows" => Some(OsKind::Windows),
        "linux" => Some(OsKind::Linux),
        _ => None,
    };
    index.set_os(this_system);
    if this_system != Some(OsKind::Windows) || args.no_scan || !args.drivers.is_empty() {
        return Ok(index);
    }
    add_this_machine(&mut index, Cache::of_user(), ui);
    Ok(index)
}

/// Adds the drivers of this machine: those that are loaded, then those on disk.
pub fn add_this_machine(index: &mut OwnerIndex, cache: Cache, ui: &Ui) {
    let facts = loaded_modules(ui);
    index.add_facts(&facts);
    let loaded = places::module_files(&facts.modules.unwrap_or_default());
    let keys: BTreeSet<String> = loaded
        .iter()
        .map(|path| driver_files::same_file_key(path))
        .collect();
    let mut paths = loaded;
    paths.extend(places::driver_folders());
    if !paths.is_empty() {
        let run = driver_files::scan(&paths, cache, ui);
        // The store keeps other versions of loaded drivers under the same names: only the path tells them apart.
        let is_loaded = |path: &str| {
            (!keys.is_empty()).then(|| keys.contains(&driver_files::same_file_key(Path::new(path))))
        };
        add_scans(index, run, is_loaded, ui);
    }
}

fn loaded_modules(ui: &Ui) -> MomentFacts {
    let want = Want {
        modules: true,
        ..Want::default()
    };
    match source::live().snapshot(&want) {
        Ok(snapshot) => snapshot.facts,
        Err(error) => {
            ui.warn(&format!("which drivers are loaded is not known: {error}"));
            MomentFacts::default()
        }
    }
}

fn add_lists(index: &mut OwnerIndex, args: &KnowledgeArgs, ui: &Ui) -> Result<(), Failure> {
    for path in &args.pooltag {
        let list = read_list(path)?;
        if list.is_empty() {
            ui.warn(&format!(
                "{}: no line of the form `Tag - file - text`",
                path.display()
            ));
        }
        index.add_list(list);
    }
    if args.pooltag.is_empty() {
        for path in places::pooltag_files() {
            match read_list(&path) {
                Ok(list) => index.add_list(list),
                Err(failure) => ui.warn(&crate::exit::chain(&failure)),
            }
        }
    }
    Ok(())
}

fn read_list(path: &Path) -> Result<TagList, Failure> {
    let size = fs::metadata(path)
        .map_err(|error| Failure::file(path, error))?
        .len();
    if size > MAX_LIST {
        return Err(Failure::input(format!(
            "{}: {size} bytes are no tag list (limit {MAX_LIST})",
            path.display()
        )));
    }
    let bytes = fs::read(path).map_err(|error| Failure::file(path, error))?;
    Ok(TagList::parse(&path.display().to_string(), &bytes))
}

fn add_scans(index: &mut OwnerIndex, run: ScanRun, is_loaded: impl Fn(&str) -> Option<bool>, ui: &Ui) {
    for problem in run.problems.iter().take(5) {
        ui.warn(&problem.message);
    }
    if let Some(more) = run.problems.len().checked_sub(5).filter(|&n| n > 0) {
        ui.warn(&format!(
            "{more} more files could not be scanned; `poolscope scan` lists them"
        ));
    }
    for file in run.files {
        let loaded = is_loaded(&file.path);
        index.add_driver(DriverFile {
            path: file.path,
            loaded,
            date: file.date,
            scan: file.scan,
        });
    }
}

fn no_drivers(paths: &[PathBuf], run: &ScanRun) -> String {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let reason = run
        .problems
        .first()
        .map_or_else(String::new, |problem| format!(" ({})", problem.message));
    format!("no driver found in {}{reason}", names.join(", "))
}
