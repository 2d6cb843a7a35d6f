//! One self-contained page.

mod rich;
mod views;

use askama::Template;
use serde::Serialize;

use crate::Report;
use views::{ActionView, ChartView, FamilyView, FindingView, OwnedView, PartView, TableView};

const UPLOT_JS: &str = include_str!("../assets/uPlot.iife.min.js");
const UPLOT_CSS: &str = include_str!("../assets/uPlot.min.css");
const CSS: &str = include_str!("../assets/report.css");
const JS: &str = include_str!("../assets/report.js");

/// Nothing is loaded from anywhere, and only these scripts and styles run: a hash each, so that no markup of an input
/// could run even if it got in. A test computes them.
const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
     script-src 'sha256-GcjUxq2Ikpp59K5J1vcWFWbf0Lo9FcxJXpdPeH63jx8=' 'sha256-VxolH4dlqc8NVlNZI0I2hvCUtULCvBzxQ1RrsI01Ap0='; style-src 'sha256-32MMao1vjur/JktQ9zzlsRT2Rv/ZoLt08EmwoAE1+gQ=' 'sha256-vti4K5JByfcrt6kcPnKErBA8NIW/eteXRt15lMYa3kw='";

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    csp: &'static str,
    uplot_css: &'static str,
    css: &'static str,
    uplot_js: &'static str,
    js: &'static str,
    version: &'a str,
    verdict: &'a str,
    summary: &'a [String],
    facts: Vec<(&'static str, String)>,
    findings: Vec<FindingView<'a>>,
    has_rest: bool,
    actions: Vec<ActionView<'a>>,
    parts: Vec<PartView>,
    flags: Vec<String>,
    charts: Vec<ChartView>,
    families: Vec<FamilyView>,
    owned: Vec<OwnedView>,
    tables: Vec<TableView>,
    vbs: Vec<(&'static str, String)>,
    data: String,
}

/// What the scripts are given.
#[derive(Serialize)]
struct Data<'a> {
    charts: &'a [ChartView],
    /// Times are moments, as opposed to the order of samples.
    clock: bool,
    /// Moments of events, unix seconds.
    events: Vec<f64>,
}

/// The report as one HTML file: no network, no external font, script or picture.
#[must_use]
pub fn html(report: &Report) -> String {
    let summary = report.summary.as_deref().unwrap_or_default();
    let (verdict, rest) = summary
        .split_first()
        .map_or(("poolscope report", summary), |(first, rest)| {
            (first.as_str(), rest)
        });
    let charts = views::charts(report);
    let clock = report.source.as_ref().is_some_and(|s| s.start.is_some());
    let page = Page {
        csp: CSP,
        uplot_css: UPLOT_CSS,
        css: CSS,
        uplot_js: UPLOT_JS,
        js: JS,
        version: report
            .tool
            .as_ref()
            .and_then(|t| t.version.as_deref())
            .unwrap_or_default(),
        verdict,
        summary: rest,
        facts: views::facts(report),
        findings: views::findings(report),
        has_rest: report
            .findings
            .as_ref()
            .is_some_and(|f| f.len() > views::SCREENFUL),
        actions: views::actions(report),
        parts: views::parts(report),
        flags: views::flags(report),
        families: views::families(report),
        owned: views::owned(report),
        tables: views::tables(report),
        vbs: views::vbs(report),
        data: script_json(&Data {
            charts: &charts,
            clock,
            events: views::marks(report),
        }),
        charts,
    };
    // Rendering writes into a string and has no other way to fail.
    page.render().unwrap_or_default()
}

/// JSON that cannot end its script element: `<` stands in strings only, where an escape means the same. So do the line
/// separators that older scripts take for line ends.
fn script_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|_| "null".to_owned())
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// RFC 4648, for 32 bytes.
    fn base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let bits =
                chunk.iter().fold(0_u32, |bits, &b| bits << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
            for i in 0..4 {
                let index = (bits >> (18 - 6 * i) & 63) as usize;
                out.push(if i <= chunk.len() {
                    ALPHABET[index] as char
                } else {
                    '='
                });
            }
        }
        out
    }

    #[test]
    fn the_policy_lets_exactly_our_own_scripts_and_styles_run() {
        for (name, asset) in [
            ("UPLOTJS", UPLOT_JS),
            ("REPORTJS", JS),
            ("UPLOTCSS", UPLOT_CSS),
            ("REPORTCSS", CSS),
        ] {
            let hash = base64(&Sha256::digest(asset.as_bytes()));
            assert!(
                CSP.contains(&format!("'sha256-{hash}'")),
                "put sha256-{hash} in place of {name}"
            );
            assert!(
                !asset.contains("</script") && !asset.contains("</style"),
                "{name} would end its element"
            );
        }
        assert!(!CSP.contains("unsafe"));
    }

    #[test]
    fn data_cannot_end_its_element() {
        let json = script_json(&"</script><script>alert(1)</script>\u{2028}&");
        assert!(!json.contains(['<', '>', '&', '\u{2028}']), "{json}");
        assert_eq!(
            serde_json::from_str::<String>(&json).unwrap(),
            "</script><script>alert(1)</script>\u{2028}&"
        );
    }
}
