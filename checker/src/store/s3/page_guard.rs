//! Detects an endless listing. Pure.

use std::collections::HashSet;

use crate::store::limits::{NAMES_LIMIT, PAGES_LIMIT};

/// The maximum number of consecutive pages without keys.
const EMPTY_PAGES: usize = 1_000;

/// Why reading a listing ended early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndlessListing {
    #[error("page {0} of the listing has no continuation token, although more pages follow")]
    NoToken(usize),
    #[error("the listing never ends: page {0} repeats the continuation token of an earlier page")]
    RepeatedToken(usize),
    #[error("the listing never ends: page {0} repeats the keys of an earlier page")]
    RepeatedKeys(usize),
    #[error("the listing never ends: it has {EMPTY_PAGES} pages in a row without keys")]
    EmptyPages,
    #[error("the listing never ends: it has more than {PAGES_LIMIT} pages")]
    TooManyPages,
    #[error("the listing has more than {NAMES_LIMIT} names; use another `prefix`, or set `check_expiry`")]
    TooManyNames,
}

/// A record of a listing's pages, which detects endless listings.
#[derive(Debug, Default)]
pub(super) struct PageGuard {
    pages: usize,
    empty: usize,
    tokens: HashSet<String>,
    /// The first key of each page.
    keys: HashSet<String>,
}

impl PageGuard {
    /// Checks a page that another page follows: its token for the next page, its first key, and the number of names so
    /// far.
    pub(super) fn check(
        &mut self,
        token: Option<&str>,
        first_key: Option<&str>,
        names: usize,
    ) -> Result<(), EndlessListing> {
        self.pages += 1;
        let page = self.pages;
        let token = token.ok_or(EndlessListing::NoToken(page))?;
        if !self.tokens.insert(token.to_owned()) {
            return Err(EndlessListing::RepeatedToken(page));
        }
        match first_key {
            Some(key) if !self.keys.insert(key.to_owned()) => return Err(EndlessListing::RepeatedKeys(page)),
            Some(_) => self.empty = 0,
            None => self.empty += 1,
        }
        if self.empty >= EMPTY_PAGES {
            return Err(EndlessListing::EmptyPages);
        }
        if names > NAMES_LIMIT {
            return Err(EndlessListing::TooManyNames);
        }
        if page >= PAGES_LIMIT { Err(EndlessListing::TooManyPages) } else { Ok(()) }
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
            // A service may send a page without any keys.
            let first = (page % 2 == 0).then_some(name.as_str());
            guard.check(Some(&name), first, page).unwrap();
        }
    }

    #[test]
    fn a_listing_that_does_not_end_is_named() {
        let check = |pages: &[(Option<&str>, Option<&str>, usize)]| {
            let mut guard = PageGuard::default();
            pages.iter().map(|(token, first, names)| guard.check(*token, *first, *names)).last().unwrap()
        };
        let first = (Some("a"), Some("1"), 1);
        assert_eq!(check(&[(None, Some("1"), 1)]), Err(EndlessListing::NoToken(1)));
        assert_eq!(check(&[first, (Some("a"), Some("2"), 2)]), Err(EndlessListing::RepeatedToken(2)));
        let second = (Some("b"), Some("2"), 2);
        assert_eq!(check(&[first, second, (Some("a"), Some("3"), 3)]), Err(EndlessListing::RepeatedToken(3)));
        assert_eq!(check(&[first, second, (Some("c"), Some("1"), 3)]), Err(EndlessListing::RepeatedKeys(3)));
        assert_eq!(check(&[(Some("a"), Some("1"), NAMES_LIMIT + 1)]), Err(EndlessListing::TooManyNames));
    }

    #[test]
    fn pages_have_limits() {
        let end = |first_key: fn(&str) -> Option<&str>| {
            let mut guard = PageGuard::default();
            let end = (0..).find_map(|page: usize| {
                let token = page.to_string();
                guard.check(Some(&token), first_key(&token), 0).err()
            });
            (end, guard.pages)
        };
        assert_eq!(end(|_| None), (Some(EndlessListing::EmptyPages), EMPTY_PAGES));
        assert_eq!(end(|token| Some(token)), (Some(EndlessListing::TooManyPages), PAGES_LIMIT));
    }
}
