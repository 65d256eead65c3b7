//! What Checkup does for its users, tested with the real programs: the checker's binary, a real S3 server, a real web
//! server, and the built page in a real browser. The modules of `../support` run them.

#![allow(clippy::expect_used, clippy::panic, reason = "a test stops at the first error")]

mod appearance;
mod architecture;
mod charts;
mod check_kinds;
mod checks;
mod clock_jumps;
mod clock_skew;
mod commands;
mod content_security_policy;
mod degraded_environments;
mod deploy;
mod dns_records;
mod doctor;
mod documentation;
mod embedding;
mod end_to_end;
mod endurance;
mod expiry;
mod explain;
mod figures;
mod heartbeats;
mod history;
mod keyboard;
mod languages;
mod logging;
mod long_time_ranges;
mod offline;
mod original_checkup;
mod page_failures;
mod page_states;
mod page_words;
mod permalinks;
mod permissions;
mod ping;
mod provisioning;
mod provisioning_bucket;
mod provisioning_failures;
mod resource_leaks;
mod scripts;
mod search;
mod secrets;
mod serve;
mod shutdown;
mod storage;
mod summaries;
mod system_limits;
mod system_preferences;
mod texts;
