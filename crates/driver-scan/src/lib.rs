//! Bytes of a Windows driver in, the allocation calls in it and their tags out.
//!
//! This crate reads no files and knows no tag tables: it is fed the bytes of a PE image, which may be hostile. It never
//! panics, and time and memory are bounded by the size of the input.

mod arithmetic;
mod assume;
mod blocks;
mod call;
mod callbacks;
mod changes;
mod constants;
mod demands;
mod effects;
mod engine;
mod exec;
mod fields;
mod finding;
mod flow;
mod framework;
mod hash;
mod image;
mod indirect;
mod ir;
mod lift_arm64;
mod lift_arm64_fields;
mod lift_arm64_vector;
mod lift_x86;
mod lift_x86_vector;
mod limits;
mod local;
mod memory;
mod methods;
mod prefilter;
mod rivals;
mod rounds;
mod routines;
mod signer;
mod state;
mod stdcall;
mod tables;
mod targets;
mod value;
mod version;
mod walks;
mod xref;

pub use finding::{Arch, Certainty, DriverScan, TagUse};
pub use limits::{Limits, ScanError};
pub use prefilter::{ByteSearch, scan_bytes};

/// Finds the tags that a driver allocates under, in its code.
///
/// # Errors
/// When the bytes are no PE image of a known instruction set, or more than the limit.
pub fn scan(bytes: &[u8], limits: &Limits) -> Result<DriverScan, ScanError> {
    let image = image::Image::parse(bytes, limits)?;
    let mut scan = DriverScan {
        arch: Some(image.arch),
        linked_at: (!image.reproducible && image.timestamp != 0).then(|| i64::from(image.timestamp)),
        problems: image.problems.clone(),
        ..DriverScan::default()
    };
    version::read(&image, &mut scan);
    scan.signer = image.certificates.and_then(signer::common_name);
    if !engine::may_allocate(&image) {
        // Nothing that takes a tag is imported, and nothing that looks routines up.
        return Ok(scan);
    }
    let mut engine = engine::Engine::new(&image, limits);
    scan.kmdf = engine.wdf.is_some();
    engine.run();
    let (tags, freed, problems) = engine.into_findings();
    scan.tags = tags;
    scan.freed_tags = freed;
    scan.problems.extend(problems);
    Ok(scan)
}
