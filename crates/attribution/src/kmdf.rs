//! The naming rule of KMDF: a driver that names no tag allocates its framework objects under the first four letters of
//! its service name.
//!
//! Source: documentation of `WDF_DRIVER_CONFIG.DriverPoolTag` and the published framework source
//! (microsoft/Windows-Driver-Frameworks): a name that begins with `WDF` in any case is used without these letters, and
//! with fewer than four letters left the tag is `FxDr`.

use snapshot::DriverFacts;

use crate::claim::Claim;
use crate::index::{DriverFile, file_name};
use crate::{Confidence, Trust};

/// The default tag of a service name.
pub(crate) fn default_tag(service: &str) -> Option<[u8; 4]> {
    let name = match service.get(..3) {
        Some(start) if start.eq_ignore_ascii_case("wdf") => service.get(3..)?,
        _ => service,
    };
    name.as_bytes().get(..4)?.try_into().ok()
}

/// Drivers whose name gives this tag. A scanned driver must use KMDF; of one that was not scanned it is not known.
pub(crate) fn claims(tag: [u8; 4], files: &[DriverFile], installed: &[DriverFacts]) -> Vec<Claim> {
    let mut claims = Vec::new();
    for file in files.iter().filter(|file| file.scan.kmdf) {
        let name = file.name();
        let stem = name.split('.').next().unwrap_or(&name);
        // Services are mostly called as the file, but the case of the name is the registry's.
        if default_tag(stem).is_some_and(|own| own.eq_ignore_ascii_case(&tag)) {
            let sentence =
                format!("{name} uses KMDF, which allocates for it under the first four letters of its name");
            let mut claim = Claim::new(Trust::KmdfName, Some(&name), sentence);
            claim.owner.vendor.clone_from(&file.scan.company);
            claim.owner.product.clone_from(&file.scan.product);
            claim.owner.version.clone_from(&file.scan.version);
            claim.owner.loaded = file.loaded;
            claims.push(claim);
        }
    }
    for driver in installed {
        let Some(service) = driver.service.as_deref() else {
            continue;
        };
        if default_tag(service) != Some(tag) {
            continue;
        }
        let file = driver.file.as_deref().map(file_name);
        let scanned = files.iter().find(|f| Some(f.name()) == file);
        if scanned.is_some_and(|f| !f.scan.kmdf) {
            continue;
        }
        let known = if scanned.is_some() {
            "which uses KMDF"
        } else {
            "if it is a KMDF driver"
        };
        let sentence = format!("the tag is the first four letters of the service {service}, {known}");
        let mut claim = Claim::new(Trust::KmdfName, file.as_deref(), sentence);
        if claim.owner.image.is_none() {
            claim.owner.component = Some(format!("service {service}"));
        }
        claim.owner.loaded = driver.running;
        claim.confidence = if scanned.is_some() {
            Confidence::High
        } else {
            Confidence::Medium
        };
        claims.push(claim);
    }
    claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_scan::DriverScan;

    #[test]
    fn the_frameworks_rule() {
        let cases = [
            ("amdacpbus2", Some(*b"amda")),
            ("WdfTestDrv", Some(*b"Test")),
            ("wdfabc", None),
            ("abc", None),
            ("", None),
            ("\u{e4}\u{e4}\u{e4}", Some([0xC3, 0xA4, 0xC3, 0xA4])),
        ];
        for (service, tag) in cases {
            assert_eq!(default_tag(service), tag, "{service}");
        }
    }

    #[test]
    fn only_kmdf_drivers_are_claimed() {
        let file = |kmdf| DriverFile {
            path: "C:\\x\\AmdAcpBus2.sys".into(),
            scan: DriverScan {
                kmdf,
                ..DriverScan::default()
            },
            ..DriverFile::default()
        };
        let service = DriverFacts {
            service: Some("amdacpbus2".into()),
            file: Some("amdacpbus2.sys".into()),
            ..DriverFacts::default()
        };
        assert_eq!(claims(*b"amda", &[file(true)], &[]).len(), 1);
        assert_eq!(
            claims(*b"amda", &[file(false)], std::slice::from_ref(&service)).len(),
            0
        );
        assert_eq!(claims(*b"amda", &[], std::slice::from_ref(&service)).len(), 1);
        assert_eq!(
            claims(*b"AMDA", &[], &[service]).len(),
            0,
            "a service name is known with its case"
        );
    }
}
