//! Fuzzes assertions: the first line of the input is an assertion, which is evaluated against the other lines as a
//! response body.

#![no_main]

use checker::checks::assertions::{Assertion, Evidence};
use checker::checks::probe_data::ProbeData;
use libfuzzer_sys::fuzz_target;
use shared::check_file::Attempt;

fuzz_target!(|input: &str| {
    let (text, body) = input.split_once('\n').unwrap_or((input, ""));
    let Ok(assertion) = Assertion::parse(text) else { return };
    let _ = (assertion.capture(), assertion.can_be_expensive(), assertion.uses_status());
    let data = ProbeData { status: Some(200), body: Some(body.as_bytes().to_vec()), ..ProbeData::default() };
    let _ = assertion.evaluate(&Evidence::new(&data, &Attempt::default()));
});
