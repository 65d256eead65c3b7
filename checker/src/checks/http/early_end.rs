//! Ends the reading of a body once nothing that follows can change the verdict, so that a stream without an end is
//! judged by what it has sent.

use memchr::memmem;
use shared::check_file::Attempt;

use super::HttpCheck;
use crate::checks::assertions::Evidence;
use crate::checks::probe_data::ProbeData;

/// Why the rest of a body is missing. It follows what is known about the body.
const NOT_NEEDED: &str = "the rest of the body was not read, because it cannot change the result";
/// How many bytes are searched, in all, each time that more data arrives.
const EAGER_SEARCH: usize = 4 << 20;
/// After that, the body is searched when it has grown by this fraction, because a hostile server can send single bytes.
const GROWTH_DIVISOR: usize = 8;

/// Decides when to stop reading the body of one response.
pub(super) struct EarlyEnd<'a> {
    check: &'a HttpCheck,
    /// The length of the body at the last search.
    length: usize,
    /// How many bytes all searches have covered.
    searched: usize,
}

impl<'a> EarlyEnd<'a> {
    pub(super) fn new(check: &'a HttpCheck) -> EarlyEnd<'a> {
        EarlyEnd { check, length: 0, searched: 0 }
    }

    /// If the start of a body decides the verdict, returns a clause that states why the rest is missing. `data` contains
    /// what else is known about the response.
    pub(super) fn decide(&mut self, body: &mut Vec<u8>, data: &mut ProbeData) -> Option<String> {
        let grew_enough = body.len() >= self.length + self.length / GROWTH_DIVISOR;
        if body.len() == self.length || (self.searched > EAGER_SEARCH && !grew_enough) {
            return None;
        }
        self.length = body.len();
        self.searched += body.len();
        let texts = [&self.check.must_contain, &self.check.must_not_contain].into_iter().flatten();
        let mut decisive = texts.map(|text| memmem::find(body, text.as_bytes()).is_some());
        if !decisive.all(|is_found| is_found) {
            return None;
        }
        data.body = Some(std::mem::take(body));
        data.truncation = Some(NOT_NEEDED.to_owned());
        let is_decided = {
            // Conditions about times are not decided yet.
            let attempt = Attempt::default();
            let evidence = Evidence::new(data, &attempt);
            self.check.assertions.iter().all(|assertion| assertion.is_decided(&evidence))
        };
        *body = data.body.take().unwrap_or_default();
        data.truncation.take().filter(|_| is_decided)
    }
}
