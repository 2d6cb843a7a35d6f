//! The tag-like counters of Linux: slab caches, vmalloc callers, allocation call sites.

use std::collections::HashMap;
use std::io::ErrorKind;

use snapshot::{Pool, Problem, SlabCacheFacts, Tag, TagUsage, Usage};

use super::tree::{BadLines, Tree, Unreadable};
use super::{allocinfo, slab, vmalloc};

/// Names kept for one file. Kernels have hundreds of caches and some ten thousand call sites.
const NAMES_MAX: usize = 100_000;

/// Reads the three files again and again, without building names anew each time.
#[derive(Debug, Default)]
pub(super) struct TagReader {
    slabs: Names,
    callers: Names,
    sites: Names,
    scratch: Vec<u8>,
    sample: u64,
}

/// What one reading gave.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) rows: Vec<TagUsage>,
    pub(super) problems: Vec<Problem>,
    /// Why there is no slabinfo, when no file at all could be read.
    pub(super) nothing: Option<Unreadable>,
}

impl TagReader {
    pub(super) fn read(&mut self, tree: &Tree, page_bytes: u64, buffer: &mut Vec<u8>) -> Reading {
        self.sample += 1;
        let mut out = Reading {
            rows: Vec::with_capacity(self.known()),
            ..Reading::default()
        };
        let slabinfo = tree.read("proc/slabinfo", buffer);
        if slabinfo.is_ok() {
            self.slab_rows(tree, page_bytes, buffer, &mut out);
        }
        let vmallocinfo = tree.read("proc/vmallocinfo", buffer);
        if vmallocinfo.is_ok() {
            self.vmalloc_rows(page_bytes, buffer, &mut out);
        }
        let allocinfo = tree.read("proc/allocinfo", buffer);
        if allocinfo.is_ok() {
            self.site_rows(buffer, &mut out);
        }
        let any = slabinfo.is_ok() || vmallocinfo.is_ok() || allocinfo.is_ok();
        match slabinfo {
            Err(error) if !any => out.nothing = Some(error),
            Err(error) => out.problems.push(error.problem("slabinfo")),
            Ok(()) => {}
        }
        // Not every kernel is built with these two, so their absence says nothing.
        let gone = [("vmallocinfo", vmallocinfo), ("allocinfo", allocinfo)];
        for (step, result) in gone.into_iter().filter(|_| any) {
            if let Some(error) = result.err().filter(|e| e.kind != ErrorKind::NotFound) {
                out.problems.push(error.problem(step));
            }
        }
        if self.slabs.full || self.callers.full || self.sites.full {
            out.problems.push(Problem::new(
                "tags",
                format!("more than {NAMES_MAX} names: the rest was left out"),
            ));
        }
        out
    }

    fn known(&self) -> usize {
        self.slabs.map.len() + self.callers.map.len() + self.sites.map.len() + 64
    }

    fn slab_rows(&mut self, tree: &Tree, page_bytes: u64, text: &[u8], out: &mut Reading) {
        let (names, sample) = (&mut self.slabs, self.sample);
        let mut unsure = false;
        let bad = slab::parse(text, |line| {
            let pool = |name: &[u8]| {
                let known = reclaimable(tree, name);
                unsure |= known.is_none();
                // Caches for reclaimable kmalloc carry it in their name.
                let reclaimable = known.unwrap_or_else(|| name.starts_with(b"kmalloc-rcl-"));
                if reclaimable {
                    Pool::SlabReclaimable
                } else {
                    Pool::Slab
                }
            };
            names.add(
                sample,
                line.name,
                pool,
                line.active_objs,
                line.bytes(page_bytes),
                &mut out.rows,
            );
        });
        if unsure {
            out.problems.push(Problem::new(
                "slab flags",
                "/sys/kernel/slab could not be read, so reclaimable caches cannot be told from others: they are \
                 listed under `slab`",
            ));
        }
        report(&bad, "slabinfo", "/proc/slabinfo", out);
    }

    fn vmalloc_rows(&mut self, page_bytes: u64, text: &[u8], out: &mut Reading) {
        let (names, sample, scratch) = (&mut self.callers, self.sample, &mut self.scratch);
        let bad = vmalloc::parse(text, |area| {
            area.write_tag(scratch);
            let bytes = area.pages.saturating_mul(page_bytes);
            names.add(sample, scratch, |_| Pool::Vmalloc, 1, bytes, &mut out.rows);
        });
        names.add_vanished(sample, &mut out.rows);
        report(&bad, "vmallocinfo", "/proc/vmallocinfo", out);
    }

    fn site_rows(&mut self, text: &[u8], out: &mut Reading) {
        let (names, sample) = (&mut self.sites, self.sample);
        let bad = allocinfo::parse(text, |site| {
            // Most of the call sites of a kernel never run: one that holds nothing and never did is no row.
            if site.bytes > 0 || site.live > 0 {
                names.add(
                    sample,
                    site.site,
                    |_| Pool::CallSite,
                    site.live,
                    site.bytes,
                    &mut out.rows,
                );
            }
        });
        names.add_vanished(sample, &mut out.rows);
        report(&bad, "allocinfo", "/proc/allocinfo", out);
    }
}

fn report(bad: &BadLines, step: &str, path: &str, out: &mut Reading) {
    out.problems.extend(bad.problem(step, path));
}

/// The names of one file, each with its tag ready made and its row of the sample under way.
#[derive(Debug, Default)]
struct Names {
    map: HashMap<Box<[u8]>, Name>,
    full: bool,
}

#[derive(Debug)]
struct Name {
    tag: Tag,
    pool: Pool,
    /// The sample it was last seen in, and its row there.
    sample: u64,
    row: usize,
}

impl Names {
    /// Adds to the row of `name`, making it on first sight in this sample. `pool` is asked once for each name.
    fn add(
        &mut self,
        sample: u64,
        name: &[u8],
        pool: impl FnOnce(&[u8]) -> Pool,
        live: u64,
        bytes: u64,
        rows: &mut Vec<TagUsage>,
    ) {
        if !self.map.contains_key(name) {
            if self.map.len() >= NAMES_MAX {
                self.full = true;
                return;
            }
            let fresh = Name {
                tag: Tag::from_bytes(name),
                pool: pool(name),
                sample: 0,
                row: 0,
            };
            self.map.insert(name.into(), fresh);
        }
        let Some(known) = self.map.get_mut(name) else {
            return;
        };
        let so_far = if known.sample == sample {
            rows.get_mut(known.row)
        } else {
            None
        };
        match so_far {
            // The same name twice in one file: two caches of one driver, several areas of one caller.
            Some(row) => {
                row.usage.live = add(row.usage.live, live);
                row.usage.bytes = add(row.usage.bytes, bytes);
            }
            None => {
                (known.sample, known.row) = (sample, rows.len());
                rows.push(row(known, live, bytes));
            }
        }
    }

    /// Rows of zero for names that the file does not list any more: it lists all there is, so they hold nothing.
    fn add_vanished(&mut self, sample: u64, rows: &mut Vec<TagUsage>) {
        rows.extend(
            self.map
                .values()
                .filter(|name| name.sample != sample)
                .map(|name| row(name, 0, 0)),
        );
    }
}

fn row(name: &Name, live: u64, bytes: u64) -> TagUsage {
    let usage = Usage {
        live: Some(live).into(),
        bytes: Some(bytes).into(),
        ..Usage::ABSENT
    };
    TagUsage {
        tag: name.tag.clone(),
        pool: name.pool,
        usage,
    }
}

fn add(counter: snapshot::Counter, more: u64) -> snapshot::Counter {
    // One below the mark of "not read".
    snapshot::Counter::new(counter.get().unwrap_or(0).saturating_add(more).min(u64::MAX - 1))
}

/// Whether the kernel counts the cache as reclaimable; `None` when sysfs does not tell.
fn reclaimable(tree: &Tree, name: &[u8]) -> Option<bool> {
    let name = std::str::from_utf8(name).ok()?;
    if name.contains('/') || name.starts_with('.') {
        return None;
    }
    let folder = format!("sys/kernel/slab/{name}");
    if let Ok(target) = std::fs::read_link(tree.path(&folder)) {
        return slab::merged_id_is_reclaimable(target.file_name()?.to_str()?);
    }
    match tree.text(&format!("{folder}/reclaim_account")).ok()?.as_str() {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// The caches with the names that the kernel merged into each.
///
/// Merged caches are links in `/sys/kernel/slab` to one folder; `/proc/slabinfo` shows one of their names.
pub(super) fn slab_caches(tree: &Tree, buffer: &mut Vec<u8>) -> Result<Vec<SlabCacheFacts>, Unreadable> {
    tree.read("proc/slabinfo", buffer)?;
    let links = merged_names(tree);
    let mut caches = Vec::new();
    slab::parse(buffer, |line| {
        let name = String::from_utf8_lossy(line.name).into_owned();
        let group = links
            .iter()
            .flat_map(HashMap::values)
            .find(|names| names.contains(&name));
        caches.push(SlabCacheFacts {
            aliases: links.is_some().then(|| {
                let mut others: Vec<String> = group
                    .into_iter()
                    .flatten()
                    .filter(|other| **other != name)
                    .cloned()
                    .collect();
                others.sort();
                others
            }),
            reclaimable: reclaimable(tree, line.name),
            object_bytes: Some(line.object_bytes),
            name,
        });
    });
    Ok(caches)
}

/// Names by the id of the cache they are merged into; `None` when sysfs cannot be read.
fn merged_names(tree: &Tree) -> Option<HashMap<String, Vec<String>>> {
    let mut links: HashMap<String, Vec<String>> = HashMap::new();
    for entry in std::fs::read_dir(tree.path("sys/kernel/slab"))
        .ok()?
        .take(NAMES_MAX)
        .flatten()
    {
        let Ok(target) = std::fs::read_link(entry.path()) else {
            continue;
        };
        let id = target.file_name().map(|id| id.to_string_lossy().into_owned());
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(id) = id {
            links.entry(id).or_default().push(name);
        }
    }
    Some(links)
}
