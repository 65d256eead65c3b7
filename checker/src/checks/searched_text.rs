//! Searches a body. The output streams of a command are searched one by one, so that no match spans two of them.

use std::ops::Range;

use super::body_text::{BodyText, Found, TextFacts, Wanted};
use super::text_pattern::TextPattern;
use super::unknown_letters;

/// The reason if a pattern matches an output stream, but not the whole output, as `^OK$` does.
const ONE_STREAM: &str = "one of the two output streams does";

/// One of the output streams that make up a body.
#[derive(Debug, Clone)]
pub struct OutputStream {
    /// The position of the stream in the body.
    range: Range<usize>,
    facts: Option<Box<TextFacts>>,
}

/// A body, and the parts that are searched one by one.
#[derive(Debug, Clone, Copy)]
pub struct SearchedText<'a> {
    raw: &'a [u8],
    whole: BodyText<'a>,
    /// The output streams, or an empty list if the body is searched as a whole.
    streams: &'a [OutputStream],
}

impl OutputStream {
    /// Describes a stream that starts at this position in the body.
    #[must_use]
    pub fn new(start: usize, length: usize, facts: Option<Box<TextFacts>>) -> OutputStream {
        OutputStream { range: start..start + length, facts }
    }

    /// Returns the number of bytes that the command wrote to this stream.
    #[must_use]
    pub fn size(&self) -> usize {
        self.range.len()
    }
}

impl<'a> SearchedText<'a> {
    #[must_use]
    pub fn new(raw: &'a [u8], facts: Option<&'a TextFacts>, streams: &'a [OutputStream]) -> SearchedText<'a> {
        SearchedText { raw, whole: BodyText::new(raw, facts), streams }
    }

    #[must_use]
    pub fn whole(self) -> BodyText<'a> {
        self.whole
    }

    /// Returns the texts that are searched: the output streams, or the whole body.
    pub fn parts(self) -> impl Iterator<Item = BodyText<'a>> {
        let whole = self.streams.is_empty().then_some(self.whole);
        let stream = move |stream: &'a OutputStream| {
            let bytes = self.raw.get(stream.range.clone())?;
            Some(BodyText::new(bytes, stream.facts.as_deref()))
        };
        whole.into_iter().chain(self.streams.iter().filter_map(stream))
    }

    /// Returns whether the body consists of several output streams.
    #[must_use]
    pub fn has_streams(self) -> bool {
        !self.streams.is_empty()
    }

    /// Returns what `read` finds in the only part (the body or an output stream) that it can read. Returns `None` if it
    /// can read no part or several parts, or cannot read standard output although that is not blank.
    #[must_use]
    pub fn only<T>(self, read: impl Fn(BodyText<'a>) -> Option<T>) -> Option<T> {
        let mut only = None;
        for part in self.parts() {
            match (read(part), &only) {
                (Some(_), Some(_)) => return None,
                (Some(found), None) => only = Some(found),
                (None, None) if !part.text().trim_ascii().is_empty() => return None,
                (None, _) => {}
            }
        }
        only
    }

    /// Searches the texts one by one. A match in one of two output streams is certain only if the whole output has one,
    /// too.
    #[must_use]
    pub fn search(self, wanted: Wanted<'_>) -> Found {
        let found = any_found(self.parts().map(|part| part.search(wanted)));
        let is_match_in_stream = found == Found::Yes && !self.streams.is_empty() && matches!(wanted, Wanted::Match(_));
        if is_match_in_stream && self.whole.search(wanted) != Found::Yes { Found::Unclear(ONE_STREAM) } else { found }
    }

    /// Returns whether a text with invalid bytes could match if its charset were known.
    #[must_use]
    pub fn could_match(self, pattern: &TextPattern) -> bool {
        self.parts().any(|part| unknown_letters::can_match(part.text(), pattern))
    }

    /// Returns whether a match ends before the end of its text, so that it remains a match if the text continues.
    #[must_use]
    pub fn has_final_match(self, pattern: &TextPattern) -> bool {
        self.parts().any(|part| part.has_final_match(pattern))
    }
}

/// Combines the results of several searches.
fn any_found(searches: impl Iterator<Item = Found>) -> Found {
    let mut found = Found::No;
    for one in searches {
        match one {
            Found::Yes => return Found::Yes,
            Found::Unclear(_) if found == Found::No => found = one,
            _ => {}
        }
    }
    found
}
