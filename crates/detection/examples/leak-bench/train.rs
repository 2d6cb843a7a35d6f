//! `leak-bench fit`: from generated recordings to `calibration_table.rs`.

use std::fmt::Write as _;

use detection::axis::Axis;
use detection::study::{STATISTIC_COUNT, STATISTICS};
use synth::curves::Palette;

use crate::data::generated;
use crate::fit::{Forest, Options, Row, fit};

/// Direction in which each statistic speaks for a leak: 1 rising, -1 falling, 0 not known beforehand, 2 left out
/// because it would describe the generator and not a leak.
fn directions() -> Vec<i8> {
    STATISTICS
        .iter()
        .map(|name| match *name {
            "drift_t"
            | "floor_drift_t"
            | "late_drift_t"
            | "drift_t_without_jumps"
            | "effective_rises"
            | "separation"
            | "level_change"
            | "relative_growth"
            | "growth_objects"
            | "jump_regularity"
            | "opened_drift_t"
            | "tau"
            | "log_drift_t"
            | "white_t"
            | "walk_t" => 1,
            "saturation_gain" | "step_gain" | "backtrack" | "fall_share" | "quiet_tail" => -1,
            "free_ratio" => 2,
            _ => 0,
        })
        .collect()
}

/// Share of leaks among the series of a machine that the probabilities assume.
const PRIOR: f64 = 0.05;

/// First seed that is fitted on. Seeds from 500,000 on are never fitted on.
const FIRST_SEED: u64 = 1_000;

pub fn run(recordings: u64, depth: usize, trees: usize, palettes: &[Palette]) {
    let share = 0.3;
    let mut groups = Vec::new();
    let seeds = palettes
        .iter()
        .flat_map(|palette| (FIRST_SEED..FIRST_SEED + recordings).map(move |seed| (*palette, seed)));
    for (palette, seed) in seeds {
        let recording = generated(seed, palette, share);
        let axis = Axis::new(&recording.history);
        let Some(&span) = axis.boots.last() else { continue };
        let stage = detection::Stage::new(&axis, span);
        for (series, truth) in recording.history.series.iter().zip(&recording.truth) {
            let studied = detection::study_series(series, &axis, &stage);
            let mut rows: Vec<Vec<f64>> = [&studied.bytes, &studied.count]
                .into_iter()
                .flatten()
                .map(|s| s.values.to_vec())
                .collect();
            rows.dedup();
            groups.push((rows, truth.leak));
        }
    }
    let leaks = groups.iter().filter(|g| g.1).count() as f64;
    let others = groups.len() as f64 - leaks;
    let weight_leak = PRIOR / (leaks / groups.len() as f64);
    let weight_other = (1.0 - PRIOR) / (others / groups.len() as f64);
    println!("{} series, {leaks} leaks", groups.len());
    let mut train = Vec::new();
    let mut check = Vec::new();
    for (i, (rows, leak)) in groups.into_iter().enumerate() {
        // Every fifth series is kept for the last step, the recalibration of the two quantities taken together.
        if i % 5 == 0 {
            check.push((rows, leak));
            continue;
        }
        let weight = if leak { weight_leak } else { weight_other } / rows.len().max(1) as f64;
        train.extend(rows.into_iter().map(|x| Row { x, leak, weight }));
    }
    let options = Options {
        trees,
        depth,
        rate: 0.12,
        min_weight: 0.35,
        ridge: 1.0,
        direction: directions(),
    };
    let forest = fit(&train, &options);
    let (slope, offset) = recalibrate(&forest, &check, weight_leak, weight_other);
    importance(&forest);
    std::fs::write(out(), table(&forest, slope, offset)).expect("write");
    println!("recalibration: {slope:.3} * margin + {offset:.3}");
}

fn out() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/calibration_table.rs")
}

/// Logistic recalibration (Platt 1999) of the greater of both margins, by Newton steps.
fn recalibrate(forest: &Forest, check: &[(Vec<Vec<f64>>, bool)], leak: f64, other: f64) -> (f64, f64) {
    let points: Vec<(f64, bool)> = check
        .iter()
        .filter(|(rows, _)| !rows.is_empty())
        .map(|(rows, l)| {
            (
                rows.iter()
                    .map(|r| forest.margin(r))
                    .fold(f64::NEG_INFINITY, f64::max),
                *l,
            )
        })
        .collect();
    let (mut a, mut b) = (1.0, 0.0);
    for _ in 0..50 {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 0.0, 1e-6, 0.0, 1e-6);
        for &(m, l) in &points {
            let w = if l { leak } else { other };
            let p = 1.0 / (1.0 + (-(a * m + b)).exp());
            let e = w * (f64::from(u8::from(l)) - p);
            let h = w * p * (1.0 - p);
            ga += e * m;
            gb += e;
            haa += h * m * m;
            hab += h * m;
            hbb += h;
        }
        let det = haa * hbb - hab * hab;
        a += (ga * hbb - gb * hab) / det;
        b += (gb * haa - ga * hab) / det;
    }
    (a, b)
}

fn importance(forest: &Forest) {
    let mut used = [0usize; STATISTIC_COUNT];
    for node in forest
        .trees
        .iter()
        .flatten()
        .filter(|n| !n.leaf && n.split.is_finite() && n.split != 0.0)
    {
        used[usize::from(node.feature)] += 1;
    }
    let mut order: Vec<usize> = (0..STATISTIC_COUNT).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(used[i]));
    for i in order {
        println!("{:>24} {}", STATISTICS[i], used[i]);
    }
}

/// The table as Rust source: trees flattened in preorder.
fn table(forest: &Forest, slope: f64, offset: f64) -> String {
    let mut text = String::from(
        "//! Made by `cargo run --release -p detection --example leak-bench -- fit`. Do not edit.\n\n\
         use crate::calibration::Node;\n\n",
    );
    let _ = writeln!(text, "pub(crate) const BIAS: f32 = {:?};", short(forest.bias));
    let _ = writeln!(text, "pub(crate) const SLOPE: f32 = {:?};", short(slope));
    let _ = writeln!(text, "pub(crate) const OFFSET: f32 = {:?};", short(offset));
    let mut flat: Vec<String> = Vec::new();
    let mut roots: Vec<usize> = Vec::new();
    for tree in &forest.trees {
        roots.push(flat.len());
        flatten(tree, 0, &mut flat);
    }
    let _ = writeln!(
        text,
        "\npub(crate) static ROOTS: [u16; {}] = {:?};",
        roots.len(),
        roots
    );
    let _ = writeln!(
        text,
        "\n#[rustfmt::skip]\npub(crate) static NODES: [Node; {}] = [",
        flat.len()
    );
    for line in flat.chunks(16) {
        let _ = writeln!(text, "    {}", line.join(" "));
    }
    text.push_str("];\n");
    text
}

/// Four decimals: more would be noise of the fit.
fn short(x: f64) -> f32 {
    ((x * 1e4).round() / 1e4) as f32
}

fn flatten(tree: &[crate::fit::Node], at: usize, flat: &mut Vec<String>) {
    let node = tree[at];
    if node.leaf {
        flat.push(format!("Node::leaf({:?}),", short(node.value)));
        return;
    }
    let here = flat.len();
    flat.push(String::new());
    flatten(tree, 2 * at + 1, flat);
    let right = flat.len();
    flatten(tree, 2 * at + 2, flat);
    flat[here] = format!(
        "Node::split({}, {:.6}, {}),",
        node.feature, node.split as f32, right
    );
}
