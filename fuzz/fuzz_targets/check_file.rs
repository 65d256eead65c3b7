//! Fuzzes check files: parsing a file, writing it and parsing it again yields the same results.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::check_file::{CheckFile, write_check_file};

fuzz_target!(|content: &[u8]| {
    let Ok(file) = CheckFile::parse(content) else { return };
    let written = write_check_file(&file.results);
    let again = CheckFile::parse(written.as_bytes()).expect("a written check file is valid");
    assert_eq!(again.results, file.results);
    assert!(again.skipped.is_empty(), "{:?}", again.skipped);
});
