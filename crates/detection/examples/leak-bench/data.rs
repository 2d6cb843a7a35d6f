//! Recordings with their truth: generated ones, and labelled CSV files.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use snapshot::{Counter, CounterWidth, History, Pool, Sample, Series, SeriesKey, Tag, Timestamp, Usage};
use synth::curves::{self, Palette, Plan};

/// Truth of one series.
#[derive(Clone, Debug)]
pub struct Truth {
    pub leak: bool,
    pub family: String,
    pub rate: Option<f64>,
}

/// A history and the truth of each of its series, in order.
pub struct Recording {
    pub name: String,
    pub history: History,
    pub truth: Vec<Truth>,
}

/// Lengths that constants are fitted on: samples, interval, jitter.
const KNOWN_LENGTHS: [(usize, f64, f64); 10] = [
    (11, 30.0, 0.0),
    (16, 20.0, 0.1),
    (40, 1.0, 0.0),
    (61, 5.0, 0.2),
    (120, 60.0, 0.0),
    (180, 10.0, 0.0),
    (240, 180.0, 0.1),
    (288, 300.0, 0.0),
    (500, 600.0, 0.3),
    (672, 900.0, 0.0),
];

/// Lengths that only judge.
const UNSEEN_LENGTHS: [(usize, f64, f64); 6] = [
    (13, 25.0, 0.15),
    (32, 1.0, 0.0),
    (90, 15.0, 0.0),
    (150, 120.0, 0.4),
    (400, 270.0, 0.05),
    (1000, 720.0, 0.0),
];

/// The recording of a seed. Every fourth holds no leak; `share` of the series of the others leaks.
pub fn generated(seed: u64, palette: Palette, share: f64) -> Recording {
    let lengths: &[(usize, f64, f64)] = if palette == Palette::Known {
        &KNOWN_LENGTHS
    } else {
        &UNSEEN_LENGTHS
    };
    let (samples, interval_s, jitter) = lengths[(seed as usize / 4) % lengths.len()];
    let leak_share = if seed % 4 == 3 { 0.0 } else { share };
    let plan = Plan {
        samples,
        interval_s,
        jitter,
        series: 150,
        leak_share,
        palette,
    };
    let made = curves::recording(seed, &plan);
    let mut history = History {
        clock_known: true,
        ..History::default()
    };
    history.samples = made
        .times
        .iter()
        .map(|&t| Sample {
            at: Timestamp((t * 1e6) as i64),
            ..Sample::default()
        })
        .collect();
    let mut truth = Vec::new();
    for labelled in made.series {
        let mut series = new_series(&labelled.tag, labelled.pool);
        for i in 0..labelled.bytes.len() {
            let usage = Usage {
                allocs: Counter::new(labelled.allocs[i]),
                frees: Counter::new(labelled.frees[i]),
                live: Counter::UNKNOWN,
                bytes: Counter::new(labelled.bytes[i]),
            };
            series.push(i as u32, usage);
        }
        history.series.push(series);
        truth.push(Truth {
            leak: labelled.leak,
            family: labelled.family.to_owned(),
            rate: labelled.rate_bytes_per_day,
        });
    }
    Recording {
        name: format!("seed-{seed}"),
        history,
        truth,
    }
}

fn new_series(tag: &str, pool: &str) -> Series {
    let pool = Pool::parse(pool).unwrap_or(Pool::Unknown);
    Series::new(
        SeriesKey {
            tag: Tag::parse_nt(tag),
            pool,
        },
        CounterWidth::Unknown,
    )
}

/// Reads `<folder>/<name>.csv.gz`; truth is empty when `truth.json` does not hold the recording.
pub fn from_csv(folder: &Path, name: &str) -> Result<Recording, String> {
    let path = folder.join(format!("{name}.csv.gz"));
    let file = std::fs::File::open(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .map_err(|e| format!("{}: {e}", path.display()))?;
    let mut history = History {
        clock_known: true,
        ..History::default()
    };
    let mut index: HashMap<(String, String), usize> = HashMap::new();
    let mut keys: Vec<(String, String)> = Vec::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let mut next = || fields.next().unwrap_or("").trim_matches('"').to_owned();
        let (time, tag, pool) = (next(), next(), next());
        let (allocs, frees, bytes) = (next(), next(), next());
        let at = Timestamp::parse(&time).ok_or_else(|| format!("{name}: time {time}"))?;
        if history.samples.last().is_none_or(|s| s.at != at) {
            history.samples.push(Sample {
                at,
                ..Sample::default()
            });
        }
        let key = (tag, pool);
        let slot = *index.entry(key.clone()).or_insert_with(|| {
            history.series.push(new_series(&key.0, &key.1));
            keys.push(key.clone());
            history.series.len() - 1
        });
        let counter = |s: &str| Counter::from(s.parse::<u64>().ok());
        let usage = Usage {
            allocs: counter(&allocs),
            frees: counter(&frees),
            live: Counter::UNKNOWN,
            bytes: counter(&bytes),
        };
        let sample = history.samples.len() as u32 - 1;
        history.series[slot].push(sample, usage);
    }
    let truth = labels(folder, name, &keys)?;
    Ok(Recording {
        name: name.to_owned(),
        history,
        truth,
    })
}

fn labels(folder: &Path, name: &str, keys: &[(String, String)]) -> Result<Vec<Truth>, String> {
    let path = folder.join("truth.json");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let all: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let Some(rows) = all.get(name).and_then(|v| v.as_array()) else {
        return Ok(Vec::new());
    };
    let by_key: HashMap<(String, String), Truth> = rows
        .iter()
        .map(|row| {
            let text = |k: &str| row.get(k).and_then(|v| v.as_str()).unwrap_or("").to_owned();
            let truth = Truth {
                leak: row.get("leak").and_then(|v| v.as_bool()).unwrap_or(false),
                family: text("family"),
                rate: row.get("rate_bytes_per_day").and_then(|v| v.as_f64()),
            };
            ((text("tag"), text("pool")), truth)
        })
        .collect();
    let none = Truth {
        leak: false,
        family: "?".to_owned(),
        rate: None,
    };
    Ok(keys
        .iter()
        .map(|k| by_key.get(k).cloned().unwrap_or_else(|| none.clone()))
        .collect())
}

/// Names of the recordings in a folder, sorted.
pub fn names(folder: &Path) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|e| e.file_name().to_str()?.strip_suffix(".csv.gz").map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

/// Reads a CSV `time,tag,pool,live,bytes` of slab caches, the last `last` samples of it (0 for all).
pub fn from_slab_csv(path: &Path, last: usize) -> Result<History, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut rows: Vec<(Timestamp, &str, &str, u64, u64)> = Vec::new();
    let mut times: Vec<Timestamp> = Vec::new();
    for line in text.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        let [time, tag, pool, live, bytes] = f[..] else {
            continue;
        };
        let Some(at) = Timestamp::parse(time) else {
            continue;
        };
        if times.last() != Some(&at) {
            times.push(at);
        }
        rows.push((
            at,
            tag,
            pool,
            live.parse().unwrap_or(0),
            bytes.parse().unwrap_or(0),
        ));
    }
    let from = if last == 0 {
        0
    } else {
        times.len().saturating_sub(last)
    };
    let times = times.split_off(from);
    let mut history = History {
        clock_known: true,
        ..History::default()
    };
    history.samples = times
        .iter()
        .map(|&at| Sample {
            at,
            ..Sample::default()
        })
        .collect();
    let mut index: HashMap<(&str, &str), usize> = HashMap::new();
    for (at, tag, pool, live, bytes) in rows {
        let Ok(sample) = times.binary_search(&at) else {
            continue;
        };
        let slot = *index.entry((tag, pool)).or_insert_with(|| {
            let pool = Pool::parse(pool).unwrap_or(Pool::Slab);
            let key = SeriesKey {
                tag: Tag::parse(tag),
                pool,
            };
            history.series.push(Series::new(key, CounterWidth::Bits64));
            history.series.len() - 1
        });
        let usage = Usage {
            live: Counter::new(live),
            bytes: Counter::new(bytes),
            ..Usage::ABSENT
        };
        history.series[slot].push(sample as u32, usage);
    }
    Ok(history)
}
