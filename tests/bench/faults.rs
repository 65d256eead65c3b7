//! Runs a thousand schedules with seeded faults between a checker and its store, and stops at the first failure.

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use support::fault_schedule::survive;

const SEEDS: u64 = 1_000;
const AT_ONCE: usize = 10;

pub(super) async fn measure() {
    println!("Seeded faults between a checker and its store: {SEEDS} schedules");
    let start = Instant::now();
    stream::iter(0..SEEDS).map(survive).buffer_unordered(AT_ONCE).collect::<()>().await;
    println!(
        "  no round was lost, no object is partial, and all histories are those of a rebuild ({:.0?})",
        start.elapsed()
    );
}
