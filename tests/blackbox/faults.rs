//! Seeded faults between a checker and its store: no round is lost, no object is partial, and the histories equal
//! rebuilt ones. `make bench BENCH=faults` runs a thousand seeds.

use futures_util::{StreamExt as _, stream};
use support::fault_schedule::survive;

/// The number of schedules in this test.
const SEEDS: u64 = 50;
/// The number of schedules that run concurrently. It can be high because they spend most of their time waiting.
const AT_ONCE: usize = 10;

#[tokio::test]
async fn seeded_faults_lose_no_round_and_histories_converge() {
    stream::iter(0..SEEDS).map(survive).buffer_unordered(AT_ONCE).collect::<()>().await;
}
