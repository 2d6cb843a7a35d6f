//! The common name of the certificate that signed the image, from the Authenticode signature inside it.
//!
//! A WIN_CERTIFICATE (length, revision, type) holds a PKCS #7 SignedData (RFC 2315). Its signer info names issuer and serial
//! number of the signer's certificate, which is looked up among the certificates; the common name (2.5.4.3) of its subject
//! is the answer. Nothing is verified: the name says who claims to have signed, not that the signature holds.

/// Content type "signed data", 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// Attribute "common name", 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// Most certificates looked at.
const MAX_CERTIFICATES: usize = 64;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;

/// One DER element.
#[derive(Clone, Copy, Debug)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    /// Header and content.
    whole: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return None;
            }
            let length = rest
                .get(..count)?
                .iter()
                .fold(0usize, |sum, &byte| (sum << 8) | usize::from(byte));
            (length, rest.get(count..)?)
        };
        let content = rest.get(..length)?;
        let whole = self.0.get(..self.0.len() - rest.len() + length)?;
        self.0 = rest.get(length..)?;
        Some(Element { tag, content, whole })
    }

    /// The next element when it has this tag.
    fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }
}

/// The signer's common name; `None` when there is no signature or it cannot be read.
pub(crate) fn common_name(certificates: &[u8]) -> Option<String> {
    let length = u32::from_le_bytes(certificates.get(..4)?.try_into().ok()?) as usize;
    let kind = u16::from_le_bytes(certificates.get(6..8)?.try_into().ok()?);
    // WIN_CERT_TYPE_PKCS_SIGNED_DATA
    if kind != 2 {
        return None;
    }
    let mut content = Reader(
        Reader(certificates.get(8..length.min(certificates.len()))?)
            .expect(SEQUENCE)?
            .content,
    );
    if content.expect(OBJECT)?.content != SIGNED_DATA {
        return None;
    }
    let mut data = Reader(Reader(content.expect(0xa0)?.content).expect(SEQUENCE)?.content);
    data.expect(INTEGER)?;
    data.expect(SET)?;
    data.expect(SEQUENCE)?;
    let mut element = data.next()?;
    let certificates = (element.tag == 0xa0).then_some(element.content)?;
    element = data.next()?;
    if element.tag == 0xa1 {
        element = data.next()?;
    }
    let mut signer = Reader(Reader(element.content).expect(SEQUENCE)?.content);
    signer.expect(INTEGER)?;
    let mut name = Reader(signer.expect(SEQUENCE)?.content);
    let (issuer, serial) = (name.expect(SEQUENCE)?.whole, name.expect(INTEGER)?.content);
    let mut list = Reader(certificates);
    for _ in 0..MAX_CERTIFICATES {
        let certificate = list.next()?;
        if let Some(subject) = subject_of(certificate.content, issuer, serial) {
            return name_in(subject);
        }
    }
    None
}

/// The subject of a certificate when it has this issuer and serial number.
fn subject_of<'a>(certificate: &'a [u8], issuer: &[u8], serial: &[u8]) -> Option<&'a [u8]> {
    let mut fields = Reader(Reader(certificate).expect(SEQUENCE)?.content);
    let mut number = fields.next()?;
    if number.tag == 0xa0 {
        number = fields.next()?;
    }
    fields.expect(SEQUENCE)?;
    let from = fields.expect(SEQUENCE)?.whole;
    fields.expect(SEQUENCE)?;
    let subject = fields.expect(SEQUENCE)?.content;
    (number.content == serial && from == issuer).then_some(subject)
}

/// The common name in a distinguished name.
fn name_in(subject: &[u8]) -> Option<String> {
    let mut parts = Reader(subject);
    for _ in 0..32 {
        let mut attribute = Reader(Reader(parts.expect(SET)?.content).expect(SEQUENCE)?.content);
        if attribute.expect(OBJECT)?.content != COMMON_NAME {
            continue;
        }
        let value = attribute.next()?;
        let text = if value.tag == 0x1e {
            // BMPString: UTF-16, big-endian.
            let units: Vec<u16> = value
                .content
                .chunks_exact(2)
                .filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)))
                .collect();
            String::from_utf16_lossy(&units)
        } else {
            String::from_utf8_lossy(value.content).into_owned()
        };
        return Some(text.chars().take(256).collect());
    }
    None
}
