//! `leak-bench fit`: from generated recordings to `crates/detection/data/forest.txt`.

use std::fmt::Write as _;
use std::ops::Range;

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

/// The same, with only those kept that hold whatever the other statistics say: a drift with a great t may be a curve that
/// others show to be no line.
fn certain_directions() -> Vec<i8> {
    let certain = [
        "drift_t",
        "floor_drift_t",
        "opened_drift_t",
        "growth_objects",
        "relative_growth",
        "jump_regularity",
        "level_change",
        "backtrack",
    ];
    STATISTICS
        .iter()
        .zip(directions())
        .map(|(name, d)| if d == 2 || certain.contains(name) { d } else { 0 })
        .collect()
}

/// Share of leaks among the series of a machine that the probabilities assume.
const PRIOR: f64 = 0.05;

/// Share of the series that leak in recordings that are fitted on.
const LEAK_SHARE: f64 = 0.3;

/// What a forest is fitted on, and how. Seeds from 400,000 on are never fitted on.
struct Recipe {
    /// Seeds of the recordings of each palette.
    seeds: Range<u64>,
    /// Palettes and what a series of each weighs.
    palettes: Vec<(Palette, f64)>,
    options: Options,
}

/// The forests whose mean is the table: monotone trees on two palettes, and freer ones on three, each of which sees a part
/// of the series and statistics. They err in different places.
fn recipes() -> [Recipe; 2] {
    [
        Recipe {
            seeds: 1_000..4_000,
            palettes: vec![(Palette::Known, 1.5), (Palette::Unseen, 1.0)],
            options: Options {
                trees: 400,
                depth: 4,
                rate: 0.12,
                min_weight: 0.35,
                ridge: 1.0,
                row_share: 1.0,
                column_share: 1.0,
                direction: directions(),
            },
        },
        Recipe {
            seeds: 10_000..13_000,
            palettes: vec![
                (Palette::Known, 1.5),
                (Palette::Unseen, 1.0),
                (Palette::Former, 1.0),
            ],
            options: Options {
                trees: 450,
                depth: 5,
                rate: 0.08,
                min_weight: 0.35,
                ridge: 1.0,
                row_share: 0.7,
                column_share: 0.5,
                direction: certain_directions(),
            },
        },
    ]
}

/// A series: the statistics of each of its quantities, and whether it leaks.
struct Group {
    rows: Vec<Vec<f64>>,
    leak: bool,
    weight: f64,
}

impl Group {
    /// The greater margin of the quantities.
    fn margin(&self, forest: &Forest) -> f64 {
        let margins = self.rows.iter().map(|row| forest.margin(row));
        margins.fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Fits all forests, on the palette "known" alone where so wished, and writes the table.
pub fn run(known_only: bool) {
    let mut whole: Option<Forest> = None;
    let mut kept = Vec::new();
    for mut recipe in recipes() {
        if known_only {
            recipe.palettes.retain(|p| p.0 == Palette::Known);
        }
        let (forest, check) = fit_one(&recipe);
        whole = Some(match whole {
            None => forest,
            Some(before) => before.mean_with(forest),
        });
        // The last recipe has all palettes: the whole is recalibrated on what it kept.
        kept = check;
    }
    let forest = whole.expect("a recipe");
    let (slope, offset) = recalibrate(&forest, &kept);
    importance(&forest);
    std::fs::write(out(), table(&forest, slope, offset)).expect("write");
    println!("recalibration: {slope:.3} * margin + {offset:.3}");
}

/// Fits and recalibrates one forest, and gives the series that were kept from it.
fn fit_one(recipe: &Recipe) -> (Forest, Vec<Group>) {
    let mut groups = groups(recipe);
    weigh(&mut groups);
    let mut train = Vec::new();
    let mut check = Vec::new();
    for (i, group) in groups.into_iter().enumerate() {
        // Every fifth series is kept for the last step, the recalibration of the two quantities taken together.
        if i % 5 == 0 {
            check.push(group);
            continue;
        }
        let weight = group.weight / group.rows.len().max(1) as f64;
        let leak = group.leak;
        train.extend(group.rows.into_iter().map(|x| Row { x, leak, weight }));
    }
    let forest = fit(&train, &recipe.options);
    let (slope, offset) = recalibrate(&forest, &check);
    (forest.rescaled(slope, offset), check)
}

/// The series of the recordings of a recipe, weighed by palette.
fn groups(recipe: &Recipe) -> Vec<Group> {
    let mut groups = Vec::new();
    let all = recipe
        .palettes
        .iter()
        .flat_map(|of| recipe.seeds.clone().map(move |seed| (*of, seed)));
    for ((palette, weight), seed) in all {
        let recording = generated(seed, palette, LEAK_SHARE);
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
            let leak = truth.leak;
            groups.push(Group { rows, leak, weight });
        }
    }
    groups
}

/// Weighs leaks and others so that leaks have the share of [`PRIOR`].
fn weigh(groups: &mut [Group]) {
    let leaks = groups.iter().filter(|g| g.leak).count() as f64;
    let all = groups.len() as f64;
    println!("{all} series, {leaks} leaks");
    for group in groups {
        group.weight *= if group.leak {
            PRIOR * all / leaks
        } else {
            (1.0 - PRIOR) * all / (all - leaks)
        };
    }
}

fn out() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/forest.txt")
}

/// Logistic recalibration (Platt 1999) of the greater of both margins, by Newton steps.
fn recalibrate(forest: &Forest, check: &[Group]) -> (f64, f64) {
    let points: Vec<(f64, bool, f64)> = check
        .iter()
        .filter(|group| !group.rows.is_empty())
        .map(|group| (group.margin(forest), group.leak, group.weight))
        .collect();
    let (mut a, mut b) = (1.0, 0.0);
    for _ in 0..50 {
        let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 0.0, 1e-6, 0.0, 1e-6);
        for &(m, l, w) in &points {
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

/// The table as text: a tree a line, its nodes in preorder.
fn table(forest: &Forest, slope: f64, offset: f64) -> String {
    let mut text = String::from(
        "# Made by `cargo run --release -p detection --example leak-bench -- fit`. Do not edit.\n\
         # One tree a line in preorder: STATISTIC:THRESHOLD is a split, whose left side goes up to the threshold and\n\
         # follows at once; a number alone is a leaf.\n",
    );
    for (name, constant) in [("bias", forest.bias), ("slope", slope), ("offset", offset)] {
        let _ = writeln!(text, "{name} {:?}", short(constant));
    }
    for tree in &forest.trees {
        let mut words = Vec::new();
        flatten(tree, 0, &mut words);
        let _ = writeln!(text, "{}", words.join(" "));
    }
    text
}

/// Four decimals: more would be noise of the fit. Zero has no sign.
fn short(x: f64) -> f32 {
    ((x * 1e4).round() / 1e4 + 0.0) as f32
}

fn flatten(tree: &[crate::fit::Node], at: usize, words: &mut Vec<String>) {
    let node = tree[at];
    if node.leaf {
        words.push(format!("{:?}", short(node.value)));
        return;
    }
    words.push(format!("{}:{:.6}", node.feature, node.split as f32));
    flatten(tree, 2 * at + 1, words);
    flatten(tree, 2 * at + 2, words);
}
