//! docs/findings.md is what the findings say.

#[test]
fn the_page_of_findings_is_up_to_date() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/findings.md");
    let Ok(written) = std::fs::read_to_string(page) else {
        return;
    };
    // Line ends may be converted on a checkout.
    assert!(
        written.replace("\r\n", "\n") == diagnosis::findings::reference(),
        "docs/findings.md is out of date: run `cargo xtask findings`"
    );
}
