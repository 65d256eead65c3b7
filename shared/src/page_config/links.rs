//! Links on the page: in its header, and in its Subscribe menu.

/// A link in the header or in the Subscribe menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The text of the link.
    pub text: String,
    /// A URL that is relative or has the scheme `https:`, `http:` or `mailto:`.
    pub url: String,
}

/// Which URLs a list of links can contain.
pub(super) struct LinkRule {
    pub(super) is_allowed: fn(&str) -> bool,
    /// The problem with all other URLs.
    pub(super) problem: &'static str,
}

pub(super) const HEADER_LINKS: LinkRule = LinkRule {
    is_allowed: |url| is_relative(url) || after_scheme(url).is_some(),
    problem: "must have a `url` that is relative or starts with `https://`, `http://` or `mailto:`",
};
pub(super) const PUBLIC_LINKS: LinkRule = LinkRule {
    is_allowed: is_public_url,
    problem: "must have a `url` that starts with `https://`, `http://` or `mailto:`",
};

pub(super) fn is_relative(url: &str) -> bool {
    !url.contains(':') && !url.starts_with("//") && !url.contains('\\')
}

/// Returns whether a link that leads away from the page can have this URL: it must have the scheme `https:`, `http:` or
/// `mailto:`, and must not contain spaces or control characters.
#[must_use]
pub fn is_public_url(url: &str) -> bool {
    after_scheme(url).is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.contains(|one: char| one.is_whitespace() || one.is_control())
    })
}

/// Returns the part of a URL after its scheme. Returns `None` if links cannot have this scheme.
fn after_scheme(url: &str) -> Option<&str> {
    ["https://", "http://", "mailto:"].iter().find_map(|scheme| url.strip_prefix(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::page_config::appearance;

    #[test]
    fn links_of_the_subscribe_menu_lead_away_from_the_page() {
        for url in ["https://t.me/example", "http://lists.example/", "mailto:status-join@lists.example"] {
            assert!(is_public_url(url), "{url}");
        }
        for url in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "java\nscript:alert(1)",
            " https://t.me/",
            "https://t.me/a b",
            "https://t.me/\u{202e}\u{7}",
            "https:///",
            "https://",
            "mailto:",
            "data:text/html,x",
            "//t.me/example",
            "lists/",
            "",
        ] {
            assert!(!is_public_url(url), "{url}");
            let config = serde_json::json!({ "subscribe": [{ "text": "x", "url": url }] }).to_string();
            let mut skipped = Vec::new();
            let read = appearance::read(&json::parse(&config).expect("it is JSON"), &mut skipped);
            // The reader trims values.
            let is_refused = read.subscribe.is_empty() && !skipped.is_empty();
            assert_eq!(is_refused, !is_public_url(url.trim()), "{url}: {skipped:?}");
        }
    }
}
