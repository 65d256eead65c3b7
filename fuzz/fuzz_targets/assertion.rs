//! Fuzzes assertions: the first line of the input is an assertion, which is evaluated against the other lines as a
//! response body and as the output of a command.

#![no_main]

use checker::checks::assertions::{Assertion, Evidence};
use checker::checks::probe_data::ProbeData;
use checker::checks::undeclared_text;
use libfuzzer_sys::fuzz_target;
use shared::check_file::Attempt;

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (text, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let response = ProbeData { status: Some(200), body: Some(body.to_vec()), ..ProbeData::default() };
    let output = ProbeData { facts: undeclared_text::recognize(&[body]), ..response.clone() };
    search(&output, body);
    let Some(assertion) = std::str::from_utf8(text).ok().and_then(|text| Assertion::parse(text).ok()) else { return };
    let _ = (assertion.capture(), assertion.can_be_expensive(), assertion.uses_status());
    for data in [response, output] {
        let _ = assertion.evaluate(&Evidence::new(&data, &Attempt::default()));
    }
});

/// Compares a search of a command's output with all ways to read it.
fn search(output: &ProbeData, body: &[u8]) {
    let holds = |text: &str| {
        let assertion = Assertion::parse(text).expect("an assertion");
        assertion.evaluate(&Evidence::new(output, &Attempt::default())).failure.is_none()
    };
    let is_in = |bytes: &[u8]| {
        let read = |read: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|unit| read([unit[0], unit[1]])).collect();
            String::from_utf16_lossy(&units).contains("Fatal")
        };
        String::from_utf8_lossy(bytes).contains("Fatal") || read(u16::from_le_bytes) || read(u16::from_be_bytes)
    };
    let mut text = body;
    while let Some(rest) = text.strip_prefix(b"\xef\xbb\xbf") {
        text = rest;
    }
    let (found, ruled_out) = (holds("[BODY] contains Fatal"), holds("not [BODY] contains Fatal"));
    let (matches, is_unmatched) = (holds("[BODY] matches Fatal"), holds("not [BODY] matches Fatal"));
    let is_compressed = output.facts.as_ref().is_some_and(|facts| facts.compression.is_some());
    let is_anywhere = is_in(body) || body.get(1..).is_some_and(is_in);
    assert!(!(found || matches) || is_in(body) || is_in(text) || hides_characters(body), "it is found, but absent");
    assert!(!(ruled_out || is_unmatched) || !is_anywhere, "it is ruled out, but present");
    assert!(found || ruled_out || is_anywhere || is_compressed || is_utf_32(body), "it is neither found nor ruled out");
}

fn is_utf_32(body: &[u8]) -> bool {
    body.windows(5).any(|window| window == b"F\0\0\0a")
}

/// Returns whether a search ignores parts of the body that terminals do not show.
fn hides_characters(body: &[u8]) -> bool {
    let is_hidden = |unit: u16| {
        matches!(
            unit,
            0x1b | 0x9b | 0xad | 0x34f | 0x61c | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f | 0xfe00..=0xfe0f
                | 0xfeff
        )
    };
    let read = |read: fn([u8; 2]) -> u16| body.chunks_exact(2).any(|unit| is_hidden(read([unit[0], unit[1]])));
    let utf_8 = String::from_utf8_lossy(body);
    body.contains(&0x1b) || utf_8.encode_utf16().any(is_hidden) || read(u16::from_le_bytes) || read(u16::from_be_bytes)
}
