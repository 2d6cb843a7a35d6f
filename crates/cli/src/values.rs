//! Values as people type them: `90s`, `5m`, `1.5G`.

use std::time::Duration;

/// Parses a length of time: seconds, or a number with `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text)?;
    let seconds_per_unit = match unit {
        "" | "s" | "sec" => 1.0,
        "ms" => 0.001,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(format!("unknown unit '{unit}', use ms, s, m, h or d")),
    };
    Duration::try_from_secs_f64(number * seconds_per_unit).map_err(|_| "too long".to_owned())
}

/// Parses a size in bytes: a number, or one with `K`, `M`, `G` or `T` (powers of 1024).
///
/// # Errors
/// What is wrong with it, in words.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let power = match unit
        .to_ascii_uppercase()
        .trim_end_matches("IB")
        .trim_end_matches('B')
    {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(format!("unknown unit '{unit}', use K, M, G or T")),
    };
    let bytes = number * 1024_f64.powi(power);
    // The largest f64 below 2^64; casts saturate, but a size nobody can mean should be said to be one.
    if bytes >= 18_446_744_073_709_549_568.0 {
        Err("too large".to_owned())
    } else {
        Ok(bytes as u64)
    }
}

fn split(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = number
        .parse::<f64>()
        .map_err(|_| format!("'{text}' does not start with a number"))?;
    Ok((number, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_type_them() {
        let cases = [
            ("30", Ok(30_000)),
            ("1.5s", Ok(1500)),
            ("250ms", Ok(250)),
            ("5m", Ok(300_000)),
            ("2 h", Ok(7_200_000)),
            ("1d", Ok(86_400_000)),
            ("", Err(())),
            ("-1", Err(())),
            ("5 parsecs", Err(())),
            ("99999999999999999999999d", Err(())),
        ];
        for (text, expected) in cases {
            assert_eq!(
                duration(text).map(|d| d.as_millis()).map_err(|_| ()),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn sizes_as_people_type_them() {
        let cases = [
            ("0", Ok(0)),
            ("4096", Ok(4096)),
            ("1K", Ok(1024)),
            ("1.5M", Ok(1_572_864)),
            ("2GB", Ok(2 << 30)),
            ("1 TiB", Ok(1 << 40)),
            ("x", Err(())),
            ("1 lot", Err(())),
            ("99999999999T", Err(())),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text).map_err(|_| ()), expected, "{text:?}");
        }
    }
}
