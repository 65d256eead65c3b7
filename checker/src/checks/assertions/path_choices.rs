//! Finds the segments of a JSON path that can select several values.

use std::ops::Range;

use super::filter_numbers::outside_quotes;

/// Returns the positions of the segments that can select several values.
pub(super) fn choices(path: &str) -> Vec<Range<usize>> {
    let mut choices = Vec::new();
    let mut at = 1;
    while let Some(rest) = path.get(at..).filter(|rest| !rest.is_empty()) {
        let dots = rest.bytes().take_while(|byte| *byte == b'.').count();
        let after = &rest[dots..];
        let bracket = after.strip_prefix('[').and_then(|inside| Some(&inside[..closing(inside, '[', ']')?]));
        let (length, is_choice) = if let Some(inside) = bracket {
            (dots + inside.len() + 2, outside_quotes(inside).any(|(_, next)| "*?:,".contains(next)))
        } else {
            let name = &after[..after.find(['.', '[']).unwrap_or(after.len())];
            (dots + name.len(), name.trim() == "*")
        };
        if is_choice || dots == 2 {
            choices.push(at..at + length);
        }
        at += length.max(1);
    }
    choices
}

/// Returns the position of the bracket that closes one immediately before the text.
pub(super) fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in outside_quotes(text) {
        if character == open {
            depth += 1;
        } else if character == close && depth == 0 {
            return Some(at);
        } else if character == close {
            depth -= 1;
        }
    }
    None
}
