//! Notices a listing that does not end. Pure.

use std::collections::HashSet;

use crate::store::limits::{NAMES_LIMIT, PAGES_LIMIT};

/// Why a listing is not read any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndlessListing {
    #[error("page {0} of the listing has no continuation token, although more pages follow")]
    NoToken(usize),
    #[error("the listing does not end: page {0} repeats the continuation token of an earlier page")]
    RepeatedToken(usize),
    #[error("the listing does not end: page {0} repeats keys of earlier pages")]
    RepeatedKeys(usize),
    #[error("the listing does not end: it has more than {PAGES_LIMIT} pages")]
    TooManyPages,
    #[error("the listing has more than {NAMES_LIMIT} names; use another `prefix`, or set `check_expiry`")]
    TooManyNames,
}

/// What the pages of a listing have shown so far.
#[derive(Debug, Default)]
pub(super) struct PageGuard {
    pages: usize,
    tokens: HashSet<String>,
    /// The number of names before the current page, and the last of them.
    before: (usize, Option<String>),
}

impl PageGuard {
    /// Checks a page that another one follows: its token for the next page, the last name that was listed, and the number
    /// of all names so far.
    pub(super) fn check(
        &mut self,
        token: Option<&str>,
        last_name: Option<&str>,
        names: usize,
    ) -> Result<(), EndlessListing> {
        self.pages += 1;
        let page = self.pages;
        let token = token.ok_or(EndlessListing::NoToken(page))?;
        if !self.tokens.insert(token.to_owned()) {
            return Err(EndlessListing::RepeatedToken(page));
        }
        let (names_before, last_before) = &self.before;
        // Keys are sorted, so that a page with names ends after all earlier ones.
        if names > *names_before && last_before.as_deref().is_some_and(|before| last_name <= Some(before)) {
            return Err(EndlessListing::RepeatedKeys(page));
        }
        if names > NAMES_LIMIT {
            return Err(EndlessListing::TooManyNames);
        }
        if page >= PAGES_LIMIT {
            return Err(EndlessListing::TooManyPages);
        }
        self.before = (names, last_name.map(str::to_owned));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_that_moves_on_is_read() {
        let mut guard = PageGuard::default();
        for page in 0..1_000 {
            let name = format!("{page:04}");
            // A page can have no names of the kind that is listed.
            let last = (page / 2) * 2;
            guard.check(Some(&name), Some(&format!("{last:04}")), last + 1).unwrap();
        }
    }

    #[test]
    fn a_listing_that_does_not_end_is_named() {
        let check = |pages: &[(Option<&str>, Option<&str>, usize)]| {
            let mut guard = PageGuard::default();
            pages.iter().map(|(token, last, names)| guard.check(*token, *last, *names)).last().unwrap()
        };
        let first = (Some("a"), Some("1"), 1);
        assert_eq!(check(&[(None, Some("1"), 1)]), Err(EndlessListing::NoToken(1)));
        assert_eq!(check(&[first, (Some("a"), Some("2"), 2)]), Err(EndlessListing::RepeatedToken(2)));
        let second = (Some("b"), Some("2"), 2);
        assert_eq!(check(&[first, second, (Some("a"), Some("3"), 3)]), Err(EndlessListing::RepeatedToken(3)));
        assert_eq!(check(&[first, (Some("b"), Some("1"), 2)]), Err(EndlessListing::RepeatedKeys(2)));
        assert_eq!(check(&[(Some("a"), Some("1"), NAMES_LIMIT + 1)]), Err(EndlessListing::TooManyNames));
    }

    #[test]
    fn pages_without_names_have_a_limit() {
        let mut guard = PageGuard::default();
        let end = (0..).find_map(|page: usize| guard.check(Some(&page.to_string()), None, 0).err());
        assert_eq!(end, Some(EndlessListing::TooManyPages));
        assert_eq!(guard.pages, PAGES_LIMIT);
    }
}
