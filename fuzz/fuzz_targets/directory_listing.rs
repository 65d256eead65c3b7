//! The `index.json` of a directory, as the page reads it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use statuspage::source::fuzzing;

fuzz_target!(|body: &[u8]| fuzzing::parse_index(body));
