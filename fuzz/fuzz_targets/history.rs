//! Fuzzes the checker's and the page's parsers for histories and latency sketches.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::history::{History, HistoryRows, Latencies, LatencyRows};

fuzz_target!(|content: &[u8]| {
    if let Ok(history) = History::parse(content) {
        let written = history.to_json();
        assert_eq!(History::parse(written.as_bytes()).expect("a written history is valid").to_json(), written);
    }
    if let Ok(latencies) = Latencies::parse(content) {
        let written = latencies.to_json();
        assert_eq!(Latencies::parse(written.as_bytes()).expect("written latency sketches are valid").to_json(), written);
    }
    if let Ok(rows) = HistoryRows::parse(content) {
        let _ = (rows.list_from(), rows.duplicate_node_evidence());
    }
    let _ = LatencyRows::parse(content);
});
