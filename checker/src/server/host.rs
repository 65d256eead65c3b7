//! Checks the `Host` header on a loopback listener: a page on the internet can make its own host name resolve to this
//! machine, and could then read what the server sends (DNS rebinding). Browsers send that host name in the header.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// The names by which clients can address the server.
#[derive(Debug, Clone, Default)]
pub struct AllowedHosts {
    /// Host names in lowercase. A name that starts with a dot includes all names below it.
    names: Vec<String>,
    is_checked: bool,
}

impl AllowedHosts {
    /// Creates the list of allowed names, in addition to `localhost` and IP addresses. Hosts are checked only on a
    /// loopback listener.
    #[must_use]
    pub fn new(names: &[String], is_loopback: bool) -> AllowedHosts {
        AllowedHosts { names: names.iter().map(|name| name.to_ascii_lowercase()).collect(), is_checked: is_loopback }
    }

    /// Returns the host of a request if it is not allowed. Requests without a host are allowed, because they do not
    /// come from browsers.
    pub(super) fn refused<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        if !self.is_checked {
            return None;
        }
        let host = headers.get(header::HOST)?.to_str().unwrap_or_default();
        (!self.allows(host)).then_some(host)
    }

    fn allows(&self, host: &str) -> bool {
        let name = without_port(host).to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        // Allow all IP addresses: unlike a name, an address cannot be made to resolve to this machine.
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let is_named = |allowed: &String| match allowed.strip_prefix('.') {
            Some(domain) => name == domain || name.ends_with(allowed.as_str()),
            None => name == allowed,
        };
        is_address || name == "localhost" || name.ends_with(".localhost") || self.names.iter().any(is_named)
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_localhost_and_configured_names_are_allowed() {
        let allowed = AllowedHosts::new(&["Status.example.com".to_owned(), ".example.org".to_owned()], true);
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "shop.localhost:1",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
            "[::1]",
            "status.example.com",
            "status.example.com.:443",
            "example.org",
            "a.example.org:80",
        ] {
            assert!(allowed.allows(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "example.com",
            "a.status.example.com",
            "evilexample.org",
            "evil.example:127.0.0.1",
            "localhost@evil.example",
        ] {
            assert!(!allowed.allows(host), "{host}");
        }
    }

    #[test]
    fn hosts_are_checked_on_loopback_listeners_only() {
        let headers = |host: &'static str| HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        let foreign = headers("evil.example:8080");
        assert_eq!(AllowedHosts::new(&[], true).refused(&foreign), Some("evil.example:8080"));
        assert_eq!(AllowedHosts::new(&[], false).refused(&foreign), None);
        assert_eq!(AllowedHosts::new(&[], true).refused(&HeaderMap::new()), None);
    }
}
