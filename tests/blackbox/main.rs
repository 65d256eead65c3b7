//! What the whole does for people, each as a fact about the real programs: the checker's binary, a real S3 server,
//! a real web server, and the built page in a real browser. The parts are put together in `../harness`.

#![allow(clippy::expect_used, clippy::panic, reason = "in a test, the first surprise is where to stop")]

mod chain;
mod charts;
mod checks;
mod clock;
mod commands;
mod deploy;
mod doctor;
mod documents;
mod endurance;
mod every_state;
mod expiry;
mod explaining;
mod figures;
mod finding;
mod frames;
mod heartbeats;
mod history;
mod keyboard;
mod kinds;
mod languages;
mod leaks;
mod limits;
mod links;
mod long_ranges;
mod looks;
mod offline;
mod original;
mod page_trouble;
mod page_words;
mod pings;
mod policy;
mod preferences;
mod provisioning;
mod provisioning_place;
mod provisioning_trouble;
mod records;
mod rights;
mod scripts;
mod secrecy;
mod serving;
mod stopping;
mod storing;
mod summaries;
mod without;
