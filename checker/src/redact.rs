//! Secrets: a type that is never shown, and URLs without their user names and passwords. Requests still use them.

use std::fmt;

use reqwest::Url;

/// A string that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// Returns the string, for code that must send it or sign with it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Returns the text without a user name and password, otherwise unchanged.
///
/// If the URL is invalid, only the part after its last `@` is shown, so a typo does not reveal a password.
#[must_use]
pub fn redact_userinfo(text: &str) -> String {
    match Url::parse(text.trim()) {
        Ok(mut url) if url.has_host() => {
            if !has_userinfo(&url) {
                return text.to_owned();
            }
            if url.set_username("").is_err() || url.set_password(None).is_err() {
                return from_last_at(text);
            }
            // Keep the original spelling if it is equivalent.
            let original = without_userinfo(text.trim());
            if Url::parse(&original).is_ok_and(|parsed| parsed == url) { original } else { url.into() }
        }
        _ => from_last_at(text),
    }
}

/// Returns the target of a redirect, which can be relative, without a user name and password.
#[must_use]
pub fn redact_reference(reference: &str) -> String {
    // A path without `//` cannot contain a user name, but it can contain `@`. URLs can contain tabs, which are ignored.
    let has_host = reference.contains('\\') || reference.replace('\t', "").contains("//");
    let is_path = !has_host && Url::parse(reference.trim()).is_err();
    if is_path { reference.to_owned() } else { redact_userinfo(reference) }
}

#[must_use]
pub fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Removes the user name and password, which are between the scheme and the host.
fn without_userinfo(text: &str) -> String {
    let host_start = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(host_start);
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

/// Returns the text after the last `@`, preceded by the scheme.
fn from_last_at(text: &str) -> String {
    let host_start = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(host_start);
    rest.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("{scheme}{host}"))
}

#[cfg(test)]
mod tests {
    use crate::redact::*;

    #[test]
    fn user_and_password_are_removed() {
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
    fn a_url_without_user_is_unchanged() {
        for text in
            ["https://shop.example", "http://s3.example:9000", "https://blog.example/@me", "db.example:5432", ""]
        {
            assert_eq!(redact_userinfo(text), text);
        }
    }

    #[test]
    fn a_redirect_does_not_reveal_its_password() {
        for (target, shown) in [
            ("https://me:word@shop.example/x", "https://shop.example/x"),
            ("//me:word@shop.example/x", "shop.example/x"),
            ("\\\\me:word@shop.example/x", "shop.example/x"),
            ("https:me:word@shop.example/", "https://shop.example/"),
            ("/@me", "/@me"),
            ("users?mail=me@shop.example", "users?mail=me@shop.example"),
        ] {
            assert_eq!(redact_reference(target), shown);
        }
    }

    #[test]
    fn an_invalid_url_does_not_reveal_its_password() {
        for (text, shown) in [
            ("me:word@s3.example", "s3.example"),
            ("https://me:wo/rd@shop.example", "https://shop.example"),
            ("https://me:word@shop example/", "https://shop example/"),
        ] {
            assert_eq!(redact_userinfo(text), shown);
        }
    }
}
