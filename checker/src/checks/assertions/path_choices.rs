//! Divides a JSON path into its segments, and finds those that can select several values.

use std::ops::Range;

use super::filter_numbers::outside_quotes;

/// A segment of a path, such as `.name`, `..name` or `['name']`.
#[derive(Debug)]
pub(super) struct Segment<'p> {
    pub(super) range: Range<usize>,
    is_descent: bool,
    selector: Selector<'p>,
}

#[derive(Debug)]
enum Selector<'p> {
    Name(&'p str),
    /// The text inside brackets.
    Bracket(&'p str),
}

impl Segment<'_> {
    /// Returns whether the segment can select several values.
    fn is_choice(&self) -> bool {
        self.is_descent
            || match self.selector {
                Selector::Name(name) => name.trim() == "*",
                Selector::Bracket(inside) => outside_quotes(inside).any(|(_, next)| "*?:,".contains(next)),
            }
    }

    /// Returns whether the segment selects values at any depth.
    pub(super) fn is_descent(&self) -> bool {
        self.is_descent
    }

    /// Returns whether the segment selects an element of a list by its index.
    pub(super) fn is_index(&self) -> bool {
        matches!(self.selector, Selector::Bracket(inside) if inside.trim().parse::<i64>().is_ok())
    }
}

/// Returns the segments of a valid path.
pub(super) fn segments(path: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut at = 1;
    while let Some(rest) = path.get(at..).filter(|rest| !rest.is_empty()) {
        let dots = rest.bytes().take_while(|byte| *byte == b'.').count();
        let after = &rest[dots..];
        let bracket = after.strip_prefix('[').and_then(|inside| Some(&inside[..closing(inside, '[', ']')?]));
        let (length, selector) = if let Some(inside) = bracket {
            (dots + inside.len() + 2, Selector::Bracket(inside))
        } else {
            let name = &after[..after.find(['.', '[']).unwrap_or(after.len())];
            (dots + name.len(), Selector::Name(name))
        };
        let length = length.max(1);
        if !rest[..length].trim().is_empty() {
            segments.push(Segment { range: at..at + length, is_descent: dots == 2, selector });
        }
        at += length;
    }
    segments
}

/// Returns the positions of the segments that can select several values.
pub(super) fn choices(path: &str) -> Vec<Range<usize>> {
    segments(path).into_iter().filter(Segment::is_choice).map(|segment| segment.range).collect()
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
