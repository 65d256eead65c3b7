//! Connections that are closed, reset or kept open at each stage of a response.

use support::raw_server::RawEnding;

use super::draft::{Change, Part, Quirk, Stage};

/// Each entry has the name of a quirk, the stage at which the response is truncated, and how the connection ends.
const ENDINGS: &[(&str, Option<Stage>, RawEnding)] = &[
    ("closed before the status line", Some(Stage::BeforeStatusLine), RawEnding::Close),
    ("closed in the status line", Some(Stage::InStatusLine), RawEnding::Close),
    ("closed after the status line", Some(Stage::AfterStatusLine), RawEnding::Close),
    ("closed in the headers", Some(Stage::InHeaders), RawEnding::Close),
    ("closed before the end of the head", Some(Stage::BeforeEndOfHead), RawEnding::Close),
    ("closed after the head", Some(Stage::AfterHead), RawEnding::Close),
    ("closed in the body", Some(Stage::InBody), RawEnding::Close),
    ("reset before the status line", Some(Stage::BeforeStatusLine), RawEnding::Reset),
    ("reset in the status line", Some(Stage::InStatusLine), RawEnding::Reset),
    ("reset after the status line", Some(Stage::AfterStatusLine), RawEnding::Reset),
    ("reset in the headers", Some(Stage::InHeaders), RawEnding::Reset),
    ("reset before the end of the head", Some(Stage::BeforeEndOfHead), RawEnding::Reset),
    ("reset after the head", Some(Stage::AfterHead), RawEnding::Reset),
    ("reset in the body", Some(Stage::InBody), RawEnding::Reset),
    ("reset after the response", None, RawEnding::Reset),
    ("no response", Some(Stage::BeforeStatusLine), RawEnding::Hold),
    ("silent in the status line", Some(Stage::InStatusLine), RawEnding::Hold),
    ("silent after the status line", Some(Stage::AfterStatusLine), RawEnding::Hold),
    ("silent in the headers", Some(Stage::InHeaders), RawEnding::Hold),
    ("silent before the end of the head", Some(Stage::BeforeEndOfHead), RawEnding::Hold),
    ("silent after the head", Some(Stage::AfterHead), RawEnding::Hold),
    ("silent in the body", Some(Stage::InBody), RawEnding::Hold),
    ("connection kept after the response", None, RawEnding::Hold),
];

/// Returns all quirks that affect how connections end.
pub(super) fn quirks() -> impl Iterator<Item = Quirk> {
    ENDINGS.iter().map(|&(name, cut, ending)| Quirk { name, part: Part::Ending, change: Change::Ending(cut, ending) })
}
