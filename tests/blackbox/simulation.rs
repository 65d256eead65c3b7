//! Nodes that notify a channel in simulated worlds with faults: no outage is lost, and no message is sent twice unless a
//! node is killed after sending it. `make bench BENCH=simulation` runs a million worlds.

/// The number of worlds in this test.
const WORLDS: u64 = 10_000;

/// Worlds beyond those in which two nodes once sent the same news. In the first, a node did not consider that others
/// waited for it after it had returned. In the others, a node took its turn immediately after the provider accepted its
/// messages again, while another node was sending.
const FORMER_DUPLICATES: [u64; 4] = [447_393, 585_225, 704_944, 718_690];

#[test]
fn simulated_nodes_lose_no_outage_and_send_nothing_twice() {
    let (counts, violations) = simulation::run(0..WORLDS);
    assert!(violations.is_empty(), "{} violations, the first in {}", violations.len(), violations[0]);
    for seed in FORMER_DUPLICATES {
        assert_eq!(simulation::run_world(seed).err().map(|violation| violation.to_string()), None);
    }
    assert!(counts.outages > WORLDS && counts.messages > WORLDS && counts.interruptions > 0, "{counts}");
}
