//! Fuzzes notification logs, one per line of the input: writing a parsed log and parsing it again yields the same log,
//! and any logs can be merged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::notification::registers::Registers;
use shared::notification_log::{NUMBER_LIMIT, NotificationLog};

fuzz_target!(|content: &[u8]| {
    let lines = content.split(|byte| *byte == b'\n');
    let mut logs: Vec<NotificationLog> = lines.filter_map(|line| NotificationLog::parse(line).ok()).collect();
    for log in &logs {
        let again = NotificationLog::parse(log.to_json().as_bytes()).expect("a written log is valid");
        assert_eq!(again, NotificationLog { ignored: 0, ..log.clone() });
    }
    let merged = Registers::merge(&logs, i64::MAX);
    assert!((1..NUMBER_LIMIT).contains(&merged.next_number()));
    for register in logs.iter().flat_map(|log| &log.registers) {
        let current = merged.get(&register.channel, register.topic, &register.key);
        assert!(current.is_some_and(|current| current.number >= register.number));
        let _ = (merged.of_channel(&register.channel).count(), merged.served_since(&register.channel));
    }
    let now = logs.iter().map(|log| log.since).max().unwrap_or(0);
    if let Some((own, others)) = logs.split_first_mut() {
        own.prune(others, now);
    }
});
