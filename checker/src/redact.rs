//! URLs without the user and password that people may write into them, for everything that is stored or shown. What
//! is sent keeps them, and is not made here.

use reqwest::Url;

/// The text as it was, or without the user and password that stand in it.
///
/// A text that cannot be read as a URL is cut behind its last `@`, so that a slip of the pen shows no password either.
#[must_use]
pub fn redact_userinfo(text: &str) -> String {
    match Url::parse(text.trim()) {
        Ok(mut url) if url.has_host() => {
            if !has_userinfo(&url) {
                return text.to_owned();
            }
            if url.set_username("").is_err() || url.set_password(None).is_err() {
                return cut(text);
            }
            // As it was written, if that means the same.
            let written = without_first_user(text.trim());
            if Url::parse(&written).is_ok_and(|read| read == url) { written } else { url.into() }
        }
        _ => cut(text),
    }
}

/// Whether a user or a password stands before the host.
#[must_use]
pub fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// The text without what stands before the `@` between its scheme and its path.
fn without_first_user(text: &str) -> String {
    let host_start = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(host_start);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

/// The text without anything before its last `@`, save a scheme.
fn cut(text: &str) -> String {
    let host_start = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(host_start);
    rest.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("{scheme}{host}"))
}

#[cfg(test)]
mod tests {
    use crate::redact::*;

    #[test]
    fn a_url_is_shown_without_its_user() {
        for (text, shown) in [
            ("https://me:word@shop.example/x?y#z", "https://shop.example/x?y#z"),
            ("https://me:pass@word@s3.example/x", "https://s3.example/x"),
            ("https://token@shop.example", "https://shop.example"),
            ("https://me:word@blog.example/@me", "https://blog.example/@me"),
            ("https:me:word@shop.example/", "https://shop.example/"),
            ("https:\\\\me:word@shop.example/", "https://shop.example/"),
            (" wss://me:word@chat.example/", "wss://chat.example/"),
            ("smtp://me:word@mail.example:25", "smtp://mail.example:25"),
        ] {
            assert_eq!(redact_userinfo(text), shown);
        }
    }

    #[test]
    fn what_has_no_user_stays_as_it_was_written() {
        for text in
            ["https://shop.example", "http://s3.example:9000", "https://blog.example/@me", "db.example:5432", ""]
        {
            assert_eq!(redact_userinfo(text), text);
        }
    }

    #[test]
    fn what_is_no_url_shows_no_password_either() {
        for (text, shown) in [
            ("me:word@s3.example", "s3.example"),
            ("https://me:wo/rd@shop.example", "https://shop.example"),
            ("https://me:word@shop example/", "https://shop example/"),
        ] {
            assert_eq!(redact_userinfo(text), shown);
        }
    }
}
