//! Checks thousands of damaged objects in Chromium and on the command line. Stops at the first failure, and reports its
//! seed.

use std::time::Instant;

use support::mutants;

const MUTANTS: usize = 3_000;

pub(super) async fn measure() {
    println!("Damaged objects next to good ones");
    let start = Instant::now();
    let mut checked = 0;
    // Each seed runs with a separate store and browser.
    for seed in 0..10 {
        let report = mutants::run(seed, MUTANTS / 10).await;
        checked += report.mutants;
        println!("  seed {seed}: {report:?}");
    }
    println!(
        "  {checked} mutants in {:.0} s: no blank page, no wrong status, no script, no panic",
        start.elapsed().as_secs_f64()
    );
}
