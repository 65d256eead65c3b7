//! Damaged objects next to intact ones, in Chromium and on the command line. `make bench BENCH=mutants` checks ten
//! times as many.

use support::mutants;

/// The benchmark does not use this seed, so the mutants differ from the benchmark's.
const SEED: u64 = 16;

#[tokio::test]
async fn mutants_blank_no_page_and_hide_no_outage() {
    let report = mutants::run(SEED, 300).await;
    assert!(report.mutants >= 300 && report.page_loads > 20, "{report:?}");
}
