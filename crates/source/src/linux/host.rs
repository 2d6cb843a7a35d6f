//! Facts of the host and the units its counters are in.

use snapshot::{HostFacts, ModuleFacts, OsKind, Problem};

use super::tree::{BadLines, Tree, fields, lines, number};

/// `AT_PAGESZ` and `AT_CLKTCK` of `include/uapi/linux/auxvec.h`.
const AT_PAGESZ: usize = 6;
const AT_CLKTCK: usize = 17;

/// Page size and clock ticks, from `/proc/self/auxv`: pairs of machine words, what the C library's `sysconf` reads.
pub(super) fn parse_auxv(bytes: &[u8]) -> (Option<u64>, Option<u64>) {
    const WORD: usize = size_of::<usize>();
    let word = |chunk: &[u8]| chunk.try_into().ok().map(usize::from_ne_bytes);
    let find = |wanted: usize| {
        bytes.chunks_exact(2 * WORD).find_map(|pair| {
            let (key, value) = pair.split_at_checked(WORD)?;
            if word(key)? == wanted {
                word(value).map(|v| v as u64)
            } else {
                None
            }
        })
    };
    let page = find(AT_PAGESZ).filter(|&size| size.is_power_of_two() && (512..=1 << 24).contains(&size));
    let ticks = find(AT_CLKTCK).filter(|&ticks| (1..=1_000_000).contains(&ticks));
    (page, ticks)
}

/// Reads what does not change while the kernel runs.
pub(super) fn read(tree: &Tree, page_bytes: u64, physical_bytes: Option<u64>) -> (HostFacts, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut text = |path: &str| match tree.text(path) {
        Ok(text) if !text.is_empty() => Some(text),
        Ok(_) => None,
        Err(error) => {
            problems.push(error.problem("host"));
            None
        }
    };
    let host = HostFacts {
        os: Some(OsKind::Linux),
        name: text("proc/sys/kernel/hostname"),
        build: text("proc/sys/kernel/osrelease"),
        product: tree.text("etc/os-release").ok().as_deref().and_then(product_name),
        physical_bytes,
        page_bytes: Some(page_bytes),
        processors: text("sys/devices/system/cpu/online")
            .as_deref()
            .and_then(count_cpus),
    };
    (host, problems)
}

/// `PRETTY_NAME` of `os-release(5)`.
fn product_name(os_release: &str) -> Option<String> {
    let value = os_release
        .lines()
        .find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let name = value.trim_matches(['"', '\'']).trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Counts `0-3,5`.
fn count_cpus(list: &str) -> Option<u32> {
    list.split(',').try_fold(0u32, |sum, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// Boot identity: `/proc/sys/kernel/random/boot_id`.
pub(super) fn parse_boot_id(text: &str) -> Option<snapshot::BootId> {
    let id = text.trim();
    let sound = (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    sound.then(|| snapshot::BootId(id.to_owned()))
}

/// Seconds since boot, sleep included, from `/proc/uptime`.
pub(super) fn parse_uptime(text: &[u8]) -> Option<f64> {
    let field = std::str::from_utf8(fields(text).next()?).ok()?;
    field
        .parse::<f64>()
        .ok()
        .filter(|s| s.is_finite() && (0.0..1e11).contains(s))
}

/// Boot time in unix seconds: the line `btime` of `/proc/stat`.
pub(super) fn parse_btime(text: &[u8]) -> Option<i64> {
    let (_, line) = lines(text).find(|(_, line)| line.starts_with(b"btime "))?;
    i64::try_from(number(fields(line).nth(1)?)?).ok()
}

/// `/proc/modules`: `name bytes references users state address`. A hidden address is shown as 0 and is absent here.
pub(super) fn parse_modules(text: &[u8]) -> (Vec<ModuleFacts>, BadLines) {
    let mut bad = BadLines::default();
    let mut out = Vec::new();
    for (at, line) in lines(text) {
        let parts: Vec<&[u8]> = fields(line).take(6).collect();
        let [name, bytes, references, ..] = parts[..] else {
            bad.note(at, "expected `name bytes references …`");
            continue;
        };
        let Some(bytes) = number(bytes) else {
            bad.note(at, "the size is not a number");
            continue;
        };
        let address = parts.get(5).and_then(|field| {
            u64::from_str_radix(std::str::from_utf8(field.strip_prefix(b"0x")?).ok()?, 16).ok()
        });
        out.push(ModuleFacts {
            name: String::from_utf8_lossy(name).into_owned(),
            path: None,
            base: address.filter(|&a| a != 0),
            bytes: Some(bytes),
            references: number(references),
        });
    }
    (out, bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn auxv(pairs: &[(usize, usize)]) -> Vec<u8> {
        pairs
            .iter()
            .flat_map(|&(k, v)| [k.to_ne_bytes(), v.to_ne_bytes()])
            .flatten()
            .collect()
    }

    #[test]
    fn units_come_from_the_auxiliary_vector() {
        assert_eq!(
            parse_auxv(&auxv(&[(33, 1), (6, 4096), (17, 100), (0, 0)])),
            (Some(4096), Some(100))
        );
        assert_eq!(parse_auxv(&auxv(&[(6, 65536)])), (Some(65536), None));
        assert_eq!(parse_auxv(&auxv(&[(6, 4097), (17, 0)])), (None, None));
        assert_eq!(parse_auxv(b"abc"), (None, None));
    }

    #[test]
    fn small_files_of_the_host() {
        assert_eq!(count_cpus("0-3,5"), Some(5));
        assert_eq!(count_cpus("0"), Some(1));
        assert_eq!(count_cpus("3-0"), None);
        assert_eq!(count_cpus("0-4294967295"), None);
        assert_eq!(
            product_name("ID=debian\nPRETTY_NAME=\"Debian 13\"\n").as_deref(),
            Some("Debian 13")
        );
        assert_eq!(product_name("PRETTY_NAME=\"\""), None);
        assert_eq!(parse_uptime(b"1287.10 1739.65\n"), Some(1287.10));
        assert_eq!(parse_uptime(b"-1 0"), None);
        assert_eq!(parse_uptime(b"inf"), None);
        assert_eq!(
            parse_btime(b"cpu 1 2\nbtime 1700000000\nprocesses 3"),
            Some(1_700_000_000)
        );
        assert!(parse_boot_id("b252db17-9966-45cb-9210-abfd0b207aef\n").is_some());
        assert_eq!(parse_boot_id("<script>"), None);
        assert_eq!(parse_boot_id(""), None);
    }

    #[test]
    fn modules_with_and_without_addresses() {
        let text = b"nvme 57344 3 - Live 0xffffffffc0a00000\nloop 32768 0 a,b, Live 0x0000000000000000 (O)\nbad\nx y 1\n";
        let (modules, bad) = parse_modules(text);
        let got: Vec<_> = modules
            .iter()
            .map(|m| (m.name.as_str(), m.bytes, m.references, m.base))
            .collect();
        let expected = [
            ("nvme", Some(57344), Some(3), Some(0xffff_ffff_c0a0_0000)),
            ("loop", Some(32768), Some(0), None),
        ];
        assert_eq!(got, expected);
        let message = bad
            .problem("modules", "/proc/modules")
            .expect("two bad lines")
            .message;
        assert_eq!(
            message,
            "/proc/modules: line 3 skipped: expected `name bytes references …` (1 more lines like it)"
        );
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,60}") {
            parse_auxv(&bytes);
            parse_uptime(&bytes);
            parse_btime(&bytes);
            parse_modules(&bytes);
            parse_boot_id(&text);
            product_name(&text);
            count_cpus(&text);
        }
    }
}
