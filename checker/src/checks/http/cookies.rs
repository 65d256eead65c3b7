//! Cookies of one attempt (RFC 6265): stores those that redirects set, and sends them with later requests, as browsers
//! do.

use chrono::{DateTime, NaiveDateTime};
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, SET_COOKIE};
use shared::{SECOND, UnixNanos};
use url::{Host, Url};

use super::uses_tls;

/// The maximum number of cookies to store.
const COOKIES_LIMIT: usize = 50;
/// The maximum length of a `Set-Cookie` header, in bytes.
const COOKIE_LIMIT: usize = 4 << 10;

/// The cookies that redirects have set.
#[derive(Debug, Default)]
pub(super) struct CookieJar(Vec<StoredCookie>);

#[derive(Debug)]
struct StoredCookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// The host that receives the cookie, and its subdomains if `includes_subdomains` is set.
    domain: String,
    includes_subdomains: bool,
    path: String,
    needs_tls: bool,
}

impl CookieJar {
    /// Stores the cookies that a response from `url` sets.
    pub(super) fn store(&mut self, url: &Url, headers: &HeaderMap, now: UnixNanos) {
        for value in headers.get_all(SET_COOKIE) {
            let Some((cookie, has_expired)) = StoredCookie::parse(value.as_bytes(), url, now) else { continue };
            self.0.retain(|known| !known.is_same_as(&cookie));
            if !has_expired && self.0.len() < COOKIES_LIMIT {
                self.0.push(cookie);
            }
        }
    }

    /// Adds the stored cookies for `url` to the configured ones. A stored cookie replaces a configured one of the same
    /// name.
    pub(super) fn add_to(&self, url: &Url, headers: &mut HeaderMap) {
        let mut cookies: Vec<&StoredCookie> = self.0.iter().filter(|cookie| cookie.is_for(url)).collect();
        if cookies.is_empty() {
            return;
        }
        // Cookies with longer paths are sent first (RFC 6265, section 5.4).
        cookies.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let configured: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
        let pairs = configured.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let pairs = pairs.map(<[u8]>::trim_ascii).filter(|pair| {
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
            !pair.is_empty() && cookies.iter().all(|cookie| cookie.name != name)
        });
        let mut text: Vec<Vec<u8>> = pairs.map(<[u8]>::to_vec).collect();
        text.extend(cookies.iter().map(|cookie| [&cookie.name, b"=".as_slice(), &cookie.value].concat()));
        if let Ok(mut value) = HeaderValue::from_bytes(&text.join(b"; ".as_slice())) {
            value.set_sensitive(true);
            headers.insert(COOKIE, value);
        }
    }
}

impl StoredCookie {
    /// Parses a `Set-Cookie` header. Also returns whether the cookie has expired: servers delete cookies by letting
    /// them expire.
    fn parse(text: &[u8], url: &Url, now: UnixNanos) -> Option<(StoredCookie, bool)> {
        if text.len() > COOKIE_LIMIT {
            return None;
        }
        let host = url.host_str()?;
        let mut parts = text.split(|byte| *byte == b';');
        let (name, value) = split_pair(parts.next()?)?;
        if name.is_empty() {
            return None;
        }
        let mut cookie = StoredCookie {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: host.to_owned(),
            includes_subdomains: false,
            path: default_path(url),
            needs_tls: false,
        };
        let (mut expires, mut max_age) = (None, None);
        for part in parts {
            let (key, value) = split_pair(part).unwrap_or((part.trim_ascii(), b""));
            let value = String::from_utf8_lossy(value);
            match key.to_ascii_lowercase().as_slice() {
                b"domain" => {
                    let domain = value.strip_prefix('.').unwrap_or(&value).to_ascii_lowercase();
                    if domain.is_empty() || domain == host {
                        cookie.includes_subdomains = !domain.is_empty();
                    } else if is_subdomain(url, &domain) && domain.contains('.') {
                        (cookie.domain, cookie.includes_subdomains) = (domain, true);
                    } else {
                        // Servers cannot set cookies for other domains.
                        return None;
                    }
                }
                b"path" if value.starts_with('/') => cookie.path = value.into_owned(),
                b"path" => cookie.path = default_path(url),
                b"secure" => cookie.needs_tls = true,
                b"expires" => expires = parse_date(&value),
                b"max-age" => max_age = value.parse::<i64>().ok(),
                _ => {}
            }
        }
        // `Max-Age` takes precedence over `Expires`.
        let has_expired = match (max_age, expires) {
            (Some(seconds), _) => seconds <= 0,
            (None, Some(at)) => at <= now / SECOND,
            (None, None) => false,
        };
        Some((cookie, has_expired))
    }

    fn is_same_as(&self, other: &StoredCookie) -> bool {
        self.name == other.name && self.domain == other.domain && self.path == other.path
    }

    fn is_for(&self, url: &Url) -> bool {
        let is_domain =
            url.host_str() == Some(&self.domain) || (self.includes_subdomains && is_subdomain(url, &self.domain));
        let is_path = url
            .path()
            .strip_prefix(&self.path)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/'));
        is_domain && is_path && (!self.needs_tls || uses_tls(url))
    }
}

fn split_pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    Some((text.get(..at)?.trim_ascii(), text.get(at + 1..)?.trim_ascii()))
}

/// Returns the directory of the URL's path, without a trailing slash (RFC 6265, section 5.1.4).
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

/// Returns whether the URL's host is a subdomain of `domain`.
fn is_subdomain(url: &Url, domain: &str) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        _ => false,
    }
}

/// Parses a date in one of the formats that servers use. Returns its Unix time in seconds.
fn parse_date(text: &str) -> Option<i64> {
    const FORMATS: [&str; 4] =
        ["%a, %d-%b-%Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let text = text.trim();
    let standard = DateTime::parse_from_rfc2822(text).ok().map(|time| time.timestamp());
    let other = || FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    standard.or_else(|| other().map(|time| time.and_utc().timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the cookies in a request to `to` after a response from `from` has set cookies.
    fn sent(from: &str, set: &[&str], to: &str) -> String {
        let url = |text: &str| Url::parse(text).expect("a URL");
        let mut headers = HeaderMap::new();
        for value in set {
            headers.append(SET_COOKIE, value.parse().expect("a value"));
        }
        let mut jar = CookieJar::default();
        jar.store(&url(from), &headers, 1_800_000_000 * SECOND);
        let mut request = HeaderMap::new();
        jar.add_to(&url(to), &mut request);
        let shown = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        request.get(COOKIE).map(shown).unwrap_or_default()
    }

    #[test]
    fn cookies_are_sent_where_they_belong() {
        let shop = "https://shop.example/a/b";
        for (set, to, expected) in [
            ("s=1", "https://shop.example/a/c", "s=1"),
            ("s=1", "https://shop.example/a", "s=1"),
            ("s=1", "https://shop.example/ab", ""),
            ("s=1; Path=/", "https://shop.example/", "s=1"),
            ("s=1; path=x", "https://shop.example/a/", "s=1"),
            ("s=1; Path=/", "http://shop.example/", "s=1"),
            ("s=1; Path=/; Secure", "http://shop.example/", ""),
            ("s=1; Path=/; Secure", "https://shop.example:8443/", "s=1"),
            ("s=1; Path=/", "https://www.shop.example/", ""),
            ("s=1; Path=/; Domain=shop.example", "https://www.shop.example/", "s=1"),
            ("s=1; Path=/; Domain=.SHOP.example", "https://www.shop.example/", "s=1"),
            ("s=1; Path=/; Domain=shop.example", "https://notshop.example/", ""),
            ("s=1; Path=/; Domain=other.example", "https://other.example/", ""),
            ("s=1; Path=/; Domain=example", "https://other.example/", ""),
            ("s=1; Path=/; Max-Age=0", "https://shop.example/", ""),
            ("s=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://shop.example/", "s=1"),
            ("s=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://shop.example/", ""),
            ("s=1; Path=/; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "https://shop.example/", ""),
            ("s=1; Path=/; Expires=Thursday, 01-Jan-70 00:00:00 GMT", "https://shop.example/", ""),
            ("s=1; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT", "https://shop.example/", "s=1"),
            ("s=1; Path=/; Expires=tomorrow", "https://shop.example/", "s=1"),
            ("s=a=b; Path=/; HttpOnly; SameSite=Lax", "https://shop.example/", "s=a=b"),
            ("nothing", "https://shop.example/a/", ""),
            ("=1", "https://shop.example/a/", ""),
        ] {
            assert_eq!(sent(shop, &[set], to), expected, "{set}: {to}");
        }
        assert_eq!(sent("http://10.0.0.1/", &["s=1; Domain=10.0.0.1"], "http://10.0.0.1:81/"), "s=1");
        assert_eq!(sent("http://10.0.0.1/", &["s=1; Domain=0.0.1"], "http://10.0.0.1/"), "");
    }

    #[test]
    fn a_later_cookie_replaces_one_with_the_same_name() {
        assert_eq!(sent("https://a.example/", &["s=1", "t=2", "s=3"], "https://a.example/"), "t=2; s=3");
        assert_eq!(sent("https://a.example/", &["s=1", "t=2", "s=; Max-Age=0"], "https://a.example/"), "t=2");
        let nested = ["s=1; Path=/", "s=2; Path=/a"];
        assert_eq!(sent("https://a.example/", &nested, "https://a.example/a/b"), "s=2; s=1");
    }

    #[test]
    fn configured_cookies_are_kept() {
        let url = Url::parse("https://a.example/").expect("a URL");
        let mut jar = CookieJar::default();
        jar.store(&url, &HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static("s=new"))]), 0);
        let mut request = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("a=1; s=old; b=2"))]);
        jar.add_to(&url, &mut request);
        assert_eq!(request[COOKIE], "a=1; b=2; s=new");
    }

    #[test]
    fn the_number_and_size_of_cookies_is_limited() {
        let many: Vec<String> = (0..100).map(|number| format!("c{number}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(sent("https://a.example/", &many, "https://a.example/").split(';').count(), COOKIES_LIMIT);
        let large = format!("s={}", "x".repeat(COOKIE_LIMIT));
        assert_eq!(sent("https://a.example/", &[&large], "https://a.example/"), "");
    }
}
