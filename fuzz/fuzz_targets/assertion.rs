//! An assertion in the first line, evaluated against the response body in the other lines.

#![no_main]

use checker::checks::assertions::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (assertion, body) = input.split_once('\n').unwrap_or((input, ""));
    fuzzing::evaluate(assertion, body.as_bytes());
});
