//! Fuzzes the checker's configuration, and the problems that `checker validate` reports.

#![no_main]

use std::path::Path;

use checker::config::{self, Environment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let variable = |name: &str| (name == "VARIABLE").then(|| "value".to_owned());
    let environment = Environment { variable: &variable, host_name: "host".to_owned() };
    let (config, problems) = config::from_text(text, Path::new("/nonexistent"), &environment);
    // An error in a single check leaves the rest of the configuration usable.
    assert_eq!(config.is_none(), problems.errors() > 0);
    assert!(config.is_some() || problems.has_errors());
    let _ = problems.lines("checker.json", text);
});
