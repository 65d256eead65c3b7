//! Stops reading a body once the rest cannot change the verdict, so that even an endless stream can be evaluated.

use memchr::memmem;
use shared::check_file::Attempt;

use super::HttpCheck;
use crate::checks::assertions::Evidence;
use crate::checks::probe_data::ProbeData;

/// Explains why the rest of a body is missing. This text is appended to messages about the body.
const NOT_NEEDED: &str = "the rest of the body was not read, because it cannot change the result";
/// Until searches have covered this many bytes in total, the body is searched whenever more data arrives.
const EAGER_SEARCH: usize = 4 << 20;
/// Beyond [`EAGER_SEARCH`], the body must grow by an eighth between searches, because a hostile server can send it byte
/// by byte.
const GROWTH_DIVISOR: usize = 8;

/// Decides when to stop reading a response body.
pub(super) struct EarlyEnd<'a> {
    check: &'a HttpCheck,
    /// The length of the body at the last search.
    length: usize,
    /// The total number of bytes that all searches have covered.
    searched: usize,
}

impl<'a> EarlyEnd<'a> {
    pub(super) fn new(check: &'a HttpCheck) -> EarlyEnd<'a> {
        EarlyEnd { check, length: 0, searched: 0 }
    }

    /// Returns whether to search a body of this length again. If so, records the search.
    pub(super) fn is_due(&mut self, length: usize) -> bool {
        let grew_enough = length >= self.length + self.length / GROWTH_DIVISOR;
        if length == self.length || (self.searched > EAGER_SEARCH && !grew_enough) {
            return false;
        }
        self.length = length;
        self.searched += length;
        true
    }

    /// Returns a clause that explains why the rest of the body is not needed, or `None` if it could change the verdict.
    /// `data` contains the other properties of the response.
    pub(super) fn decide(&self, body: &mut Vec<u8>, data: &mut ProbeData) -> Option<String> {
        let texts = [&self.check.must_contain, &self.check.must_not_contain].into_iter().flatten();
        let mut decisive = texts.map(|text| memmem::find(body, text.as_bytes()).is_some());
        if !decisive.all(|is_found| is_found) {
            return None;
        }
        data.body = Some(std::mem::take(body));
        data.truncation = Some(NOT_NEEDED.to_owned());
        let is_decided = {
            // Assertions about response times cannot be decided before the attempt ends.
            let attempt = Attempt::default();
            let evidence = Evidence::new(data, &attempt);
            self.check.assertions.iter().all(|assertion| assertion.is_decided(&evidence))
        };
        *body = data.body.take().unwrap_or_default();
        data.truncation.take().filter(|_| is_decided)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::CheckKind;
    use crate::checks::http::tests::check;

    #[test]
    fn a_body_that_arrives_byte_by_byte_is_searched_rarely() {
        let check = check("http://shop.example/", "");
        let CheckKind::Http(http) = &check.kind else { panic!("{check:?}") };
        let mut early_end = EarlyEnd::new(http);
        let searches: Vec<usize> = (0..=1 << 20).filter(|length| early_end.is_due(*length)).collect();
        assert!(searches.first() == Some(&1), "an empty body is not searched");
        // Early searches cover a small body, and later ones wait until it has grown by an eighth.
        assert!(early_end.searched < 4 * EAGER_SEARCH, "{}", early_end.searched);
        assert!(searches.len() < 3_000, "{}", searches.len());
    }
}
