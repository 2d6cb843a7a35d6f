//! Numbers in words: the one place that says how sizes, rates, times and counts read in sentences and tables.
//!
//! Sizes are binary (1 KiB = 1024 bytes) and carry the unit's IEC name, so nobody has to guess.

/// Bytes per KiB.
pub const KIB: u64 = 1 << 10;
/// Bytes per MiB.
pub const MIB: u64 = 1 << 20;
/// Bytes per GiB.
pub const GIB: u64 = 1 << 30;
/// Seconds per day.
pub const DAY_S: f64 = 86_400.0;

/// A size with three significant digits: `21.4 GiB`, `512 KiB`, `17 B`.
#[must_use]
pub fn bytes(value: u64) -> String {
    bytes_f(value as f64)
}

/// As [`bytes`], for computed sizes; a sign is kept.
#[must_use]
pub fn bytes_f(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    if !value.is_finite() {
        return "?".to_owned();
    }
    let (sign, mut rest) = if value < 0.0 { ("-", -value) } else { ("", value) };
    let mut unit = 0;
    // 999.5 would print as 1000: switch units where the rounded number would need a fourth digit.
    while rest >= 999.5 && unit + 1 < UNITS.len() {
        rest /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("PiB");
    if unit == 0 {
        format!("{sign}{rest:.0} {name}")
    } else {
        format!("{sign}{} {name}", significant(rest))
    }
}

/// A rate of bytes a day: `+2.1 GiB/day`.
#[must_use]
pub fn per_day(value: f64) -> String {
    let sign = if value >= 0.0 { "+" } else { "" };
    format!("{sign}{}/day", bytes_f(value))
}

/// A rate with its 90 % interval: `+2.1 GiB/day (90 %: 2.0 GiB to 2.2 GiB)`.
#[must_use]
pub fn interval(rate: &detection::Rate) -> String {
    format!(
        "{} (90 %: {} to {})",
        per_day(rate.per_day),
        bytes_f(rate.low),
        bytes_f(rate.high)
    )
}

/// A count with thousands separators: `7,246,092`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A span of time in its two largest units: `4 d 22 h`, `3 min 20 s`, `45 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "?".to_owned();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let total = seconds.abs().round().min(1e15) as u64;
    let (days, hours, minutes, secs) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60);
    let text = match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, _) => two(minutes, "min", secs, "s"),
        (0, _, _) => two(hours, "h", minutes, "min"),
        (days, _, _) if days < 100 => two(days, "d", hours, "h"),
        (days, _, _) => format!("{} d", count(days)),
    };
    format!("{sign}{text}")
}

fn two(big: u64, big_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{big} {big_unit}")
    } else {
        format!("{big} {big_unit} {small} {small_unit}")
    }
}

/// A share in percent: `97 %`, `0.4 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        "?".to_owned()
    } else if value != 0.0 && value.abs() < 0.05 {
        "< 0.1 %".to_owned()
    } else if value.abs() < 9.95 {
        format!("{value:.1} %")
    } else {
        format!("{value:.0} %")
    }
}

/// Three significant digits without exponent, for numbers that are no sizes: `0.98`, `12.3`, `1,200`.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        "?".to_owned()
    } else if value.abs() >= 999.5 {
        let sign = if value < 0.0 { "-" } else { "" };
        format!("{sign}{}", count(value.abs().round() as u64))
    } else {
        significant(value)
    }
}

fn significant(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// `one`, or `many` with the number before it: `1 session`, `17 sessions`.
#[must_use]
pub fn plural(n: usize, one: &str, many: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{} {many}", count(n as u64))
    }
}

/// Words joined for a sentence: `a`, `a and b`, `a, b and c`; beyond `most` the rest is counted.
#[must_use]
pub fn list<S: AsRef<str>>(items: &[S], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    let more = items.len().saturating_sub(shown.len());
    match (shown.split_last(), more) {
        (None, _) => String::new(),
        (Some((last, [])), 0) => (*last).to_owned(),
        (Some((last, rest)), 0) => format!("{} and {last}", rest.join(", ")),
        (Some(_), more) => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_binary_unit() {
        let cases = [
            (0, "0 B"),
            (17, "17 B"),
            (1023, "1.00 KiB"),
            (1536, "1.50 KiB"),
            (999 * 1024, "999 KiB"),
            (1000 * 1024, "0.98 MiB"),
            (22_390_453_043, "20.9 GiB"),
            (u64::MAX, "16384 PiB"),
        ];
        for (value, text) in cases {
            assert_eq!(bytes(value), text, "{value}");
        }
        assert_eq!(per_day(-2048.0), "-2.00 KiB/day");
        assert_eq!(per_day(f64::NAN), "?/day");
    }

    #[test]
    fn times_counts_shares_and_lists_read_as_words() {
        for (seconds, text) in [
            (0.4, "0 s"),
            (59.6, "1 min"),
            (3_661.0, "1 h 1 min"),
            (424_224.0, "4 d 21 h"),
            (-90.0, "-1 min 30 s"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (7_246_092, "7,246,092")] {
            assert_eq!(count(value), text);
        }
        for (share, text) in [
            (0.0, "0.0 %"),
            (0.0001, "< 0.1 %"),
            (0.042, "4.2 %"),
            (0.971, "97 %"),
        ] {
            assert_eq!(percent(share), text);
        }
        assert_eq!(number(-1234.4), "-1,234");
        assert_eq!(plural(1, "leak", "leaks"), "1 leak");
        let cases: [(&[&str], &str); 4] = [
            (&[], ""),
            (&["a"], "a"),
            (&["a", "b", "c"], "a, b and c"),
            (&["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
        ];
        for (items, text) in cases {
            assert_eq!(list(items, 3), text);
        }
    }
}
