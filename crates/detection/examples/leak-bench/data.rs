//! Recordings with their truth: generated ones, and labelled CSV files.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use snapshot::{Counter, CounterWidth, History, Pool, Sample, Series, SeriesKey, Tag, Timestamp, Usage};
use synth::curves::{self, Palette, Plan};
use synth::random::Random;

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

/// Usual lengths of recordings: samples, interval, jitter. Half of those that constants are fitted on have one of
/// these, the others any length between.
const USUAL_LENGTHS: [(usize, f64, f64); 10] = [
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

/// Lengths of the palette "unseen".
const UNSEEN_LENGTHS: [(usize, f64, f64); 6] = [
    (13, 25.0, 0.15),
    (32, 1.0, 0.0),
    (90, 15.0, 0.0),
    (150, 120.0, 0.4),
    (400, 270.0, 0.05),
    (1000, 720.0, 0.0),
];

/// Lengths of the palette "former".
const FORMER_LENGTHS: [(usize, f64, f64); 8] = [
    (10, 60.0, 0.0),
    (12, 15.0, 0.3),
    (21, 5.0, 0.0),
    (60, 60.0, 0.1),
    (200, 30.0, 0.0),
    (365, 240.0, 0.2),
    (1440, 60.0, 0.0),
    (840, 1800.0, 0.0),
];

/// Lengths of the palette "blind".
const BLIND_LENGTHS: [(usize, f64, f64); 8] = [
    (11, 20.0, 0.2),
    (15, 60.0, 0.0),
    (25, 10.0, 0.0),
    (50, 2.0, 0.1),
    (100, 45.0, 0.0),
    (250, 300.0, 0.2),
    (480, 180.0, 0.0),
    (900, 600.0, 0.0),
];

/// A length for `seed`: a usual one, or 10 to 1,200 samples of 1 s to half an hour.
fn known_length(seed: u64) -> (usize, f64, f64) {
    let mut random = Random::new(seed ^ 0x1E46_7415);
    // A third are short: nothing is harder.
    if random.chance(0.3) {
        let samples = 10 + random.below(15);
        return (samples, random.log_range(1.0, 300.0).round(), 0.0);
    }
    if random.chance(0.5) {
        return USUAL_LENGTHS[random.below(USUAL_LENGTHS.len())];
    }
    let samples = random.log_range(10.0, 1_200.0) as usize;
    let interval = random.log_range(1.0, 1_800.0).round();
    let jitter = if random.chance(0.5) {
        0.0
    } else {
        random.range(0.0, 0.4)
    };
    (samples, interval, jitter)
}

/// The recording of a seed. Every fourth holds no leak; `share` of the series of the others leaks.
pub fn generated(seed: u64, palette: Palette, share: f64) -> Recording {
    let turn = seed as usize / 4;
    let (samples, interval_s, jitter) = match palette {
        Palette::Known => known_length(seed),
        Palette::Unseen => UNSEEN_LENGTHS[turn % UNSEEN_LENGTHS.len()],
        Palette::Former => FORMER_LENGTHS[turn % FORMER_LENGTHS.len()],
        Palette::Blind => BLIND_LENGTHS[turn % BLIND_LENGTHS.len()],
    };
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
    for (place, labelled) in made.series.into_iter().enumerate() {
        // Linux gives objects instead of allocations and frees, and they come in whole slabs.
        let live_only = palette == Palette::Known && place % 4 == 3;
        let in_slab = if place % 8 == 3 { 1 } else { 16 };
        let mut series = new_series(&labelled.tag, labelled.pool);
        for i in 0..labelled.bytes.len() {
            let (allocs, frees) = (labelled.allocs[i], labelled.frees[i]);
            let live = u64::from((allocs as u32).wrapping_sub(frees as u32)).next_multiple_of(in_slab);
            let bytes = Counter::new(labelled.bytes[i]);
            let usage = if live_only {
                Usage {
                    live: Counter::new(live),
                    bytes,
                    ..Usage::ABSENT
                }
            } else {
                Usage {
                    allocs: Counter::new(allocs),
                    frees: Counter::new(frees),
                    live: Counter::UNKNOWN,
                    bytes,
                }
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
