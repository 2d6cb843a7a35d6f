//! Builds small `.evtx` files for the tests: one chunk, records of plain elements (MS-EVEN6 BinXml, and the format's
//! description in libevtx). No templates, no checksums.

/// Offset of the first record in a chunk.
const RECORDS_AT: usize = 512;

/// A binary XML fragment under construction; names are written inline at offsets counted from the chunk's beginning.
struct BinXml {
    bytes: Vec<u8>,
    origin: usize,
}

impl BinXml {
    fn name(&mut self, name: &str) {
        let at = self.origin + self.bytes.len() + 4;
        self.bytes.extend((at as u32).to_le_bytes());
        self.bytes.extend([0; 4]); // no next name of the same hash
        self.bytes.extend([0; 2]); // hash
        self.bytes
            .extend((name.encode_utf16().count() as u16).to_le_bytes());
        self.bytes
            .extend(name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    }

    fn value(&mut self, text: &str) {
        self.bytes.extend([0x05, 0x01]); // value, of type string
        self.bytes
            .extend((text.encode_utf16().count() as u16).to_le_bytes());
        self.bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    }

    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.bytes.push(if attributes.is_empty() { 0x01 } else { 0x41 });
        self.bytes.extend([0; 4]); // data size, which readers pass over
        self.name(name);
        if !attributes.is_empty() {
            self.bytes.extend([0; 4]); // attribute list size, likewise
        }
        for (index, (name, value)) in attributes.iter().enumerate() {
            self.bytes
                .push(if index + 1 == attributes.len() { 0x06 } else { 0x46 });
            self.name(name);
            self.value(value);
        }
        self.bytes.push(0x02);
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        if !text.is_empty() {
            self.value(text);
        }
        self.bytes.push(0x04);
    }
}

/// One event: provider, id, time, and named data.
pub(super) type Event<'a> = (&'a str, u32, &'a str, &'a [(&'a str, &'a str)]);

fn fragment(origin: usize, (provider, id, time, data): &Event<'_>) -> Vec<u8> {
    let mut xml = BinXml {
        bytes: vec![0x0F, 1, 1, 0],
        origin,
    };
    xml.open("Event", &[]);
    xml.open("System", &[]);
    xml.element("Provider", &[("Name", provider)], "");
    xml.element("EventID", &[], &id.to_string());
    xml.element("TimeCreated", &[("SystemTime", time)], "");
    xml.bytes.push(0x04);
    xml.open("EventData", &[]);
    for (name, value) in *data {
        xml.element("Data", &[("Name", name)], value);
    }
    xml.bytes.extend([0x04, 0x04, 0x00]);
    xml.bytes
}

/// The whole file.
pub(super) fn evtx(events: &[Event<'_>]) -> Vec<u8> {
    let mut chunk = vec![0; RECORDS_AT];
    let mut last_at = RECORDS_AT;
    for (index, event) in events.iter().enumerate() {
        last_at = chunk.len();
        let body = fragment(last_at + 24, event);
        let size = (24 + body.len() + 4) as u32;
        chunk.extend([0x2A, 0x2A, 0, 0]);
        chunk.extend(size.to_le_bytes());
        chunk.extend((index as u64 + 1).to_le_bytes());
        chunk.extend(132_000_000_000_000_000_u64.to_le_bytes());
        chunk.extend(body);
        chunk.extend(size.to_le_bytes());
    }
    let (count, free) = (events.len() as u64, chunk.len() as u32);
    chunk.resize(65_536, 0);
    let mut put = |at: usize, bytes: &[u8]| chunk[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"ElfChnk\0");
    for (at, value) in [(8, 1), (16, count), (24, 1), (32, count)] {
        put(at, &value.to_le_bytes());
    }
    for (at, value) in [(40, 128), (44, last_at as u32), (48, free)] {
        put(at, &value.to_le_bytes());
    }
    let mut file = vec![0; 4096];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"ElfFile\0");
    put(24, &(count + 1).to_le_bytes());
    put(32, &128_u32.to_le_bytes());
    put(36, &1_u16.to_le_bytes());
    put(38, &3_u16.to_le_bytes());
    put(40, &4096_u16.to_le_bytes());
    put(42, &1_u16.to_le_bytes());
    file.extend(chunk);
    file
}
