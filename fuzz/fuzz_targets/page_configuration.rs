//! Fuzzes the page's `config.json`: parsing a configuration, writing it and parsing it again yields the same values.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::page_config::PageConfig;

fuzz_target!(|text: &str| {
    let Ok(config) = PageConfig::parse(text) else { return };
    let again = PageConfig::parse(&config.to_json()).expect("a written page configuration is valid");
    assert!(again.skipped.is_empty(), "{:?}", again.skipped);
    assert_eq!(again, PageConfig { skipped: Vec::new(), ..config });
});
