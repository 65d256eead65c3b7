//! Entry point of the fuzz target `assertion` in `fuzz/` to parsers that are private to [`super`].

use shared::check_file::Attempt;
use shared::status::Status;

use super::{Assertion, Evidence, syntax};
use crate::checks::probe_data::ProbeData;

/// Parses an assertion and evaluates it against a response with that body.
pub fn evaluate(text: &str, body: &[u8]) {
    let Ok(expression) = syntax::parse(text) else { return };
    let assertion = Assertion { text: text.to_owned(), otherwise: Status::Down, expression };
    let _ = (assertion.capture(), assertion.can_be_expensive(), assertion.uses_status());
    let data = ProbeData { status: Some(200), body: Some(body.to_vec()), ..ProbeData::default() };
    let _ = assertion.evaluate(&Evidence::new(&data, &Attempt::default()));
}
