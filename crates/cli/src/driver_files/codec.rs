//! The bytes of the cache: results of scans, written once and read whole.
//!
//! Numbers are little-endian; strings are a u32 length and UTF-8. Reading checks every length and gives `None` on the
//! first that does not fit, so a damaged file costs a new scan and nothing else.

use driver_scan::{Arch, Certainty, DriverScan, TagUse};

use super::FileResult;

/// Certainties by their number in the file.
const CERTAINTIES: [Certainty; 6] = [
    Certainty::Direct,
    Certainty::Dataflow,
    Certainty::Wrapper,
    Certainty::ParameterBlock,
    Certainty::Framework,
    Certainty::Bytes,
];

/// Appends values.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn u32(&mut self, value: usize) {
        // A length beyond 4 GiB cannot occur in results that are bounded by their input.
        self.0
            .extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }

    pub(super) fn bytes<const N: usize>(&mut self, value: [u8; N]) {
        self.0.extend_from_slice(&value);
    }

    pub(super) fn text(&mut self, value: &str) {
        self.u32(value.len());
        self.0.extend_from_slice(value.as_bytes());
    }

    fn maybe(&mut self, value: Option<&str>) {
        self.0.push(u8::from(value.is_some()));
        if let Some(text) = value {
            self.text(text);
        }
    }

    fn texts(&mut self, values: &[String]) {
        self.u32(values.len());
        values.iter().for_each(|value| self.text(value));
    }

    fn uses(&mut self, uses: &[TagUse]) {
        self.u32(uses.len());
        for tag_use in uses {
            self.bytes(tag_use.tag);
            self.bytes(tag_use.rva.to_le_bytes());
            let number = CERTAINTIES
                .iter()
                .position(|c| *c == tag_use.certainty)
                .unwrap_or(5);
            self.0.push(u8::try_from(number).unwrap_or(5));
            self.text(&tag_use.routine);
        }
    }

    pub(super) fn result(&mut self, result: &FileResult) {
        self.texts(&result.problems);
        self.u32(result.images.len());
        for (name, sha256, scan) in &result.images {
            self.text(name);
            self.text(sha256);
            self.scan(scan);
        }
    }

    fn scan(&mut self, scan: &DriverScan) {
        let arch = match scan.arch {
            None => 0,
            Some(Arch::X64) => 1,
            Some(Arch::X86) => 2,
            Some(Arch::Arm64) => 3,
        };
        self.0
            .extend_from_slice(&[arch, u8::from(scan.kmdf), u8::from(scan.linked_at.is_some())]);
        self.bytes(scan.linked_at.unwrap_or(0).to_le_bytes());
        for text in [
            &scan.company,
            &scan.product,
            &scan.description,
            &scan.original_name,
            &scan.version,
            &scan.signer,
        ] {
            self.maybe(text.as_deref());
        }
        self.uses(&scan.tags);
        self.uses(&scan.freed_tags);
        self.texts(&scan.problems);
    }
}

/// Takes values from the front.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.bytes()?)).ok()
    }

    /// A count of things of at least `least` bytes each: more than the rest can hold is damage.
    fn count(&mut self, least: usize) -> Option<usize> {
        self.u32()
            .filter(|&count| count.checked_mul(least).is_some_and(|all| all <= self.0.len()))
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// Skips a part of known length, for entries that are not asked for.
    pub(super) fn part(&mut self) -> Option<&'a [u8]> {
        let length = self.u32()?;
        self.take(length)
    }

    fn flag(&mut self) -> Option<bool> {
        Some(self.bytes::<1>()? == [1])
    }

    fn maybe(&mut self) -> Option<Option<String>> {
        Some(if self.flag()? {
            Some(self.text()?.to_string())
        } else {
            None
        })
    }

    fn texts(&mut self) -> Option<Vec<String>> {
        let count = self.count(4)?;
        (0..count).map(|_| self.text().map(str::to_string)).collect()
    }

    fn uses(&mut self) -> Option<Vec<TagUse>> {
        let count = self.count(13)?;
        (0..count)
            .map(|_| {
                let tag = self.bytes()?;
                let rva = u32::from_le_bytes(self.bytes()?);
                let [number] = self.bytes()?;
                let certainty = *CERTAINTIES.get(usize::from(number))?;
                Some(TagUse {
                    tag,
                    rva,
                    certainty,
                    routine: self.text()?.to_string(),
                })
            })
            .collect()
    }

    pub(super) fn result(&mut self) -> Option<FileResult> {
        let problems = self.texts()?;
        let count = self.count(8)?;
        let images = (0..count)
            .map(|_| Some((self.text()?.to_string(), self.text()?.to_string(), self.scan()?)))
            .collect::<Option<_>>()?;
        Some(FileResult { images, problems })
    }

    fn scan(&mut self) -> Option<DriverScan> {
        let [arch, kmdf, linked] = self.bytes()?;
        let arch = match arch {
            0 => None,
            1 => Some(Arch::X64),
            2 => Some(Arch::X86),
            3 => Some(Arch::Arm64),
            _ => return None,
        };
        let at = i64::from_le_bytes(self.bytes()?);
        Some(DriverScan {
            arch,
            kmdf: kmdf == 1,
            linked_at: (linked == 1).then_some(at),
            company: self.maybe()?,
            product: self.maybe()?,
            description: self.maybe()?,
            original_name: self.maybe()?,
            version: self.maybe()?,
            signer: self.maybe()?,
            tags: self.uses()?,
            freed_tags: self.uses()?,
            problems: self.texts()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> FileResult {
        let tag_use = |certainty| TagUse {
            tag: *b"Ab\0\xE4",
            routine: "ExAllocatePool2".into(),
            rva: 7,
            certainty,
        };
        let scan = DriverScan {
            arch: Some(Arch::Arm64),
            company: Some("Caf\u{e9}".into()),
            linked_at: Some(-5),
            kmdf: true,
            tags: CERTAINTIES.map(tag_use).to_vec(),
            freed_tags: vec![tag_use(Certainty::Direct)],
            problems: vec!["cut".into()],
            ..DriverScan::default()
        };
        FileResult {
            images: vec![("a!b.sys".into(), "00ff".into(), scan)],
            problems: vec!["p".into()],
        }
    }

    #[test]
    fn results_are_read_back_and_damage_is_refused() {
        let mut writer = Writer::default();
        writer.result(&example());
        assert_eq!(Reader(&writer.0).result(), Some(example()));
        for cut in 0..writer.0.len() {
            assert_eq!(Reader(&writer.0[..cut]).result(), None, "cut at {cut}");
        }
        for at in 0..writer.0.len() {
            let mut damaged = writer.0.clone();
            damaged[at] ^= 0xFF;
            let _ = Reader(&damaged).result();
        }
    }
}
