//! Nodes that notify a channel in simulated worlds with faults: no outage is lost, and no message is sent twice unless a
//! node is killed after sending it. `make bench BENCH=simulation` runs a million worlds.

/// The number of worlds in this test.
const WORLDS: u64 = 10_000;

/// A world beyond those in which two nodes sent the same news until a node that returns considered how long the others
/// wait for it.
const RETURNING_NODE: u64 = 447_393;

#[test]
fn simulated_nodes_lose_no_outage_and_send_nothing_twice() {
    let (counts, violations) = simulation::run(0..WORLDS);
    assert!(violations.is_empty(), "{} violations, the first in {}", violations.len(), violations[0]);
    assert_eq!(simulation::run_world(RETURNING_NODE).err().map(|violation| violation.to_string()), None);
    assert!(counts.outages > WORLDS && counts.messages > WORLDS && counts.interruptions > 0, "{counts}");
}
