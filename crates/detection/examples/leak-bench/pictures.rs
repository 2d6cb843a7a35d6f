//! Precision-recall curves and the reliability diagram as SVG.

use std::fmt::Write as _;
use std::path::Path;

use detection::{Config, judge};
use synth::curves::Palette;

use crate::data::{Recording, from_csv, generated, names};
use crate::methods::{METHODS, dense};
use crate::score::reliability;

const SIZE: f64 = 420.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;

/// Points of each method, ours last.
type Scored = Vec<(&'static str, &'static str, Vec<(f64, bool)>)>;

pub fn all(out: &Path, leakbench: &Path, count: u64) {
    std::fs::create_dir_all(out).expect("folder");
    let mut shared: Vec<Recording> = Vec::new();
    if let Ok(names) = names(leakbench) {
        shared = names
            .iter()
            .filter_map(|n| from_csv(leakbench, n).ok())
            .filter(|r| !r.truth.is_empty())
            .collect();
    }
    let sets: [(&str, &str, Vec<Recording>); 4] = [
        ("leakbench", "labelled recordings", shared),
        (
            "known",
            "stories fitted on, other seeds",
            (500_000..500_000 + count)
                .map(|s| generated(s, Palette::Known, 0.05))
                .collect(),
        ),
        (
            "unseen",
            "other stories, other seeds",
            (900_000..900_000 + count)
                .map(|s| generated(s, Palette::Unseen, 0.05))
                .collect(),
        ),
        (
            "blind",
            "stories and noises nothing was fitted on",
            (970_000..970_000 + count)
                .map(|s| generated(s, Palette::Blind, 0.05))
                .collect(),
        ),
    ];
    for (name, title, recordings) in &sets {
        if recordings.is_empty() {
            continue;
        }
        let scored = score(recordings);
        println!("{name}: best F1 of each method (precision, recall)");
        for (method, _, points) in &scored {
            let curve = curve(points);
            let f1 = |p: &(f64, f64)| 2.0 * p.0 * p.1 / (p.0 + p.1).max(1e-9);
            let best = curve
                .iter()
                .copied()
                .max_by(|a, b| f1(a).total_cmp(&f1(b)))
                .unwrap_or((0.0, 0.0));
            println!("  {method:36} F1 {:.3} ({:.3}, {:.3})", f1(&best), best.0, best.1);
        }
        std::fs::write(
            out.join(format!("precision-recall-{name}.svg")),
            precision_recall(title, &scored),
        )
        .expect("write");
        if let Some((_, _, points)) = scored.last() {
            std::fs::write(
                out.join(format!("reliability-{name}.svg")),
                diagram(title, points),
            )
            .expect("write");
        }
    }
}

fn score(recordings: &[Recording]) -> Scored {
    let mut scored: Scored = METHODS.iter().map(|m| (m.name, m.color, Vec::new())).collect();
    let mut ours = Vec::new();
    for recording in recordings {
        for (series, truth) in recording.history.series.iter().zip(&recording.truth) {
            let (t, y) = dense(&recording.history, series);
            for (method, (_, _, points)) in METHODS.iter().zip(&mut scored) {
                points.push(((method.score)(&t, &y), truth.leak));
            }
        }
        for j in judge(&recording.history, &Config::default()).judgements {
            ours.push((j.confidence.unwrap_or(0.0), recording.truth[j.series].leak));
        }
    }
    scored.push(("poolscope", "#1060d0", ours));
    scored
}

/// (precision, recall) from the strictest threshold down; series of equal score are called together.
fn curve(points: &[(f64, bool)]) -> Vec<(f64, f64)> {
    let mut points = points.to_vec();
    points.sort_by(|a, b| b.0.total_cmp(&a.0));
    let leaks = points.iter().filter(|p| p.1).count() as f64;
    let (mut found, mut called, mut out) = (0.0, 0.0, Vec::new());
    for group in points.chunk_by(|a, b| a.0 == b.0) {
        found += group.iter().filter(|p| p.1).count() as f64;
        called += group.len() as f64;
        out.push((found / called, found / leaks.max(1.0)));
    }
    out
}

fn frame(title: &str, x: &str, y: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{title}</text>",
        SIZE + LEFT + 30.0,
        SIZE + TOP + 50.0
    );
    for k in 0..=10 {
        let v = f64::from(k) / 10.0;
        let (px, py) = place(v, v);
        let _ = write!(
            svg,
            "<path d=\"M{px:.0} {TOP}V{:.0}M{LEFT} {py:.0}H{:.0}\" stroke=\"#e4e4e4\"/>\
             <text x=\"{px:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{v}</text>\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{v}</text>",
            TOP + SIZE,
            LEFT + SIZE,
            TOP + SIZE + 16.0,
            LEFT - 6.0,
            py + 4.0
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{x}</text>\
         <text transform=\"translate(18 {:.0}) rotate(-90)\" text-anchor=\"middle\">{y}</text>",
        LEFT + SIZE / 2.0,
        TOP + SIZE + 38.0,
        TOP + SIZE / 2.0
    );
    svg
}

fn place(x: f64, y: f64) -> (f64, f64) {
    (LEFT + SIZE * x, TOP + SIZE * (1.0 - y))
}

fn precision_recall(title: &str, scored: &Scored) -> String {
    let mut svg = frame(&format!("Precision and recall: {title}"), "recall", "precision");
    for (k, (name, color, points)) in scored.iter().enumerate() {
        let mut path = String::new();
        let mut before = (-1.0, -1.0);
        for (precision, recall) in curve(points) {
            let at = place(recall, precision);
            // Points closer than a pixel add nothing.
            if f64::hypot(at.0 - before.0, at.1 - before.1) < 0.7 {
                continue;
            }
            let _ = write!(
                path,
                "{}{:.1} {:.1}",
                if path.is_empty() { "M" } else { "L" },
                at.0,
                at.1
            );
            before = at;
        }
        let y = TOP + SIZE - 14.0 * (scored.len() - k) as f64;
        let _ = write!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\
             <text x=\"{:.0}\" y=\"{y:.0}\" fill=\"{color}\">{name}</text>",
            LEFT + 10.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn diagram(title: &str, points: &[(f64, bool)]) -> String {
    let mut svg = frame(
        &format!("Reliability: {title}"),
        "said confidence",
        "share that leaks",
    );
    let (a, b) = (place(0.0, 0.0), place(1.0, 1.0));
    let _ = write!(
        svg,
        "<path d=\"M{:.0} {:.0}L{:.0} {:.0}\" stroke=\"#888\" stroke-dasharray=\"4 4\"/>",
        a.0, a.1, b.0, b.1
    );
    for (said, is, n) in reliability(points) {
        if n == 0 {
            continue;
        }
        let at = place(said, is);
        let half = 1.645 * (is * (1.0 - is) / n as f64).sqrt().max(0.5 / n as f64);
        let (low, high) = (
            place(said, (is - half).max(0.0)),
            place(said, (is + half).min(1.0)),
        );
        let _ = write!(
            svg,
            "<path d=\"M{:.1} {:.1}V{:.1}\" stroke=\"#1060d0\"/>\
             <circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"#1060d0\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" font-size=\"10\">{n}</text>",
            low.0,
            low.1,
            high.1,
            at.0,
            at.1,
            at.0 + 6.0,
            at.1 + 12.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}
