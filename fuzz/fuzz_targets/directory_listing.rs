//! Fuzzes the page's parser for the `index.json` of a directory.

#![no_main]

use libfuzzer_sys::fuzz_target;
use statuspage::source::fuzzing;

fuzz_target!(|body: &[u8]| fuzzing::parse_index(body));
