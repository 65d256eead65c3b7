//! Reads proxies from environment variables according to the rules of Go's `http.ProxyFromEnvironment`, which the
//! original Checkup uses.
//!
//! `ALL_PROXY`, which Go ignores, is the fallback if the more specific variables are not set.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use url::Url;

use super::connect::url_host;
use super::proxy::Proxy;

/// The proxy that a variable sets, if any, or the reason why it cannot be used.
type Setting = Option<Result<Arc<Proxy>, String>>;

/// The proxies for `http` and `https` URLs, and the hosts that bypass them.
#[derive(Debug, Clone)]
pub struct ProxyEnvironment {
    http: Setting,
    https: Setting,
    bypass: Bypass,
}

/// The hosts that bypass the proxy (`NO_PROXY`).
#[derive(Debug, Clone, Default)]
struct Bypass {
    all: bool,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
enum Rule {
    /// An address block, as an address and a prefix length.
    Block(IpAddr, u8),
    Address(IpAddr, Option<String>),
    /// A domain with a leading dot, whether the rule includes the domain itself, and a port.
    Domain(String, bool, Option<String>),
}

impl ProxyEnvironment {
    /// Reads the proxies from environment variables. Returns `None` if no proxy is set.
    #[must_use]
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Option<ProxyEnvironment> {
        let first = |names: [&'static str; 2]| {
            names
                .into_iter()
                .find_map(|name| variable(name).filter(|value| !value.is_empty()).map(|value| (name, value)))
        };
        let parsed = |(name, value): (&str, String)| {
            Proxy::parse(&value).map(Arc::new).map_err(|error| format!("`{name}`: {error}"))
        };
        let fallback = first(["ALL_PROXY", "all_proxy"]).map(parsed);
        let http = first(["HTTP_PROXY", "http_proxy"]).map(|(name, value)| {
            // In a CGI program, clients can set `HTTP_PROXY` by sending a `Proxy` header (httpoxy).
            if variable("REQUEST_METHOD").is_some_and(|method| !method.is_empty()) {
                return Err(format!(
                    "`{name}` is not trusted: `REQUEST_METHOD` is set, as in a CGI program, where clients can set \
                     `{name}`; unset `REQUEST_METHOD`, or set `proxy` for this check"
                ));
            }
            parsed((name, value))
        });
        let https = first(["HTTPS_PROXY", "https_proxy"]).map(parsed);
        let (http, https) = (http.or_else(|| fallback.clone()), https.or(fallback));
        if http.is_none() && https.is_none() {
            return None;
        }
        let bypass = Bypass::parse(&first(["NO_PROXY", "no_proxy"]).map(|(_, value)| value).unwrap_or_default());
        Some(ProxyEnvironment { http, https, bypass })
    }

    /// Returns the proxy for a URL, or `None` if the URL is reached directly. The error explains why a proxy cannot be
    /// used.
    pub fn for_url(&self, url: &Url) -> Result<Option<Arc<Proxy>>, String> {
        let setting = if url.scheme() == "https" { &self.https } else { &self.http };
        match setting {
            None => Ok(None),
            Some(_) if self.bypass.includes(url_host(url), url.port_or_known_default().unwrap_or_default()) => Ok(None),
            Some(proxy) => proxy.clone().map(Some),
        }
    }
}

impl Bypass {
    fn parse(text: &str) -> Bypass {
        let entries = text.split(',').map(|entry| entry.trim().to_lowercase()).filter(|entry| !entry.is_empty());
        let mut bypass = Bypass::default();
        for entry in entries {
            if entry == "*" {
                return Bypass { all: true, rules: Vec::new() };
            }
            bypass.rules.extend(Rule::parse(&entry));
        }
        bypass
    }

    fn includes(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        if self.all || host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let port = port.to_string();
        self.rules.iter().any(|rule| rule.matches(host, address, &port))
    }
}

impl Rule {
    /// Parses one entry of `NO_PROXY`. Returns `None` for an entry without a host.
    fn parse(entry: &str) -> Option<Rule> {
        if let Some((first, length)) = entry.split_once('/')
            && let (Ok(first), Ok(length)) = (first.parse::<IpAddr>(), length.parse::<u8>())
            && length <= if first.is_ipv4() { 32 } else { 128 }
        {
            return Some(Rule::Block(first, length));
        }
        let (host, port) = split_port(entry);
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Rule::Address(address.to_canonical(), port));
        }
        let domain = host.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(host);
        let (domain, includes_itself) = match domain.strip_prefix('.') {
            Some(domain) => (domain, false),
            None => (domain, true),
        };
        // Hosts in URLs are in ASCII, so convert the domain, too.
        let domain = url::Host::parse(domain).map_or_else(|_| domain.to_owned(), |host| host.to_string());
        (!domain.is_empty()).then(|| Rule::Domain(format!(".{domain}"), includes_itself, port))
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, port: &str) -> bool {
        let is_port = |expected: &Option<String>| expected.as_ref().is_none_or(|expected| expected == port);
        match self {
            Rule::Block(first, length) => address.is_some_and(|address| has_prefix(address, *first, *length)),
            Rule::Address(expected, port) => address == Some(*expected) && is_port(port),
            Rule::Domain(domain, includes_itself, port) => {
                (host.ends_with(domain) || (*includes_itself && domain.strip_prefix('.') == Some(host)))
                    && is_port(port)
            }
        }
    }
}

/// Splits `host:port` or `[ipv6]:port`. The port is optional.
fn split_port(entry: &str) -> (&str, Option<String>) {
    if let Some((host, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':').map(str::to_owned));
    }
    match entry.split_once(':') {
        // Several colons indicate an IPv6 address without a port.
        Some((host, port)) if !port.contains(':') => (host, Some(port.to_owned())),
        _ => (entry, None),
    }
}

/// Returns whether the first `length` bits of two addresses are equal.
fn has_prefix(address: IpAddr, first: IpAddr, length: u8) -> bool {
    let differing = match (address, first) {
        (IpAddr::V4(address), IpAddr::V4(first)) => (address.to_bits() ^ first.to_bits()).leading_zeros(),
        (IpAddr::V6(address), IpAddr::V6(first)) => (address.to_bits() ^ first.to_bits()).leading_zeros(),
        _ => return false,
    };
    differing >= u32::from(length)
}

impl fmt::Display for ProxyEnvironment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |setting: &Setting| match setting {
            None => "none".to_owned(),
            Some(Ok(proxy)) => format!("`{proxy}`"),
            Some(Err(error)) => error.clone(),
        };
        write!(formatter, "http: {}, https: {}", shown(&self.http), shown(&self.https))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates the proxy environment for these variables.
    fn environment(variables: &[(&str, &str)]) -> Option<ProxyEnvironment> {
        ProxyEnvironment::from_variables(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    /// Returns the proxy for a URL, the error, or `direct` if no proxy is used.
    fn used(variables: &[(&str, &str)], url: &str) -> String {
        let url = Url::parse(url).expect("a URL");
        match environment(variables).map_or(Ok(None), |environment| environment.for_url(&url)) {
            Ok(None) => "direct".to_owned(),
            Ok(Some(proxy)) => proxy.to_string(),
            Err(error) => error,
        }
    }

    #[test]
    fn the_variables_apply_as_in_go() {
        let http = ("HTTP_PROXY", "http://a:1");
        let https = ("HTTPS_PROXY", "http://b:2");
        let all = ("ALL_PROXY", "socks5://c:3");
        for (variables, url, expected) in [
            (&[][..], "http://x.example/", "direct"),
            (&[http], "http://x.example/", "http://a:1"),
            (&[http], "https://x.example/", "direct"),
            (&[https], "https://x.example/", "http://b:2"),
            (&[https], "http://x.example/", "direct"),
            (&[("http_proxy", "a:1")], "http://x.example/", "http://a:1"),
            (&[("https_proxy", "b:2")], "https://x.example/", "http://b:2"),
            (&[http, ("http_proxy", "http://lower:1")], "http://x.example/", "http://a:1"),
            (&[("HTTP_PROXY", ""), ("http_proxy", "http://lower:1")], "http://x.example/", "http://lower:1"),
            (&[all], "http://x.example/", "socks5://c:3"),
            (&[("all_proxy", "c:3")], "https://x.example/", "http://c:3"),
            (&[all, http], "http://x.example/", "http://a:1"),
            (&[all, http], "https://x.example/", "socks5://c:3"),
            // Local endpoints never use a proxy.
            (&[http], "http://localhost/", "direct"),
            (&[http], "http://localhost:8080/", "direct"),
            (&[http], "http://127.0.0.9/", "direct"),
            (&[https], "https://[::1]/", "direct"),
            (&[http], "http://[::ffff:127.0.0.1]/", "direct"),
            (&[http], "http://localhost.example/", "http://a:1"),
            (&[http], "http://10.0.0.1/", "http://a:1"),
        ] {
            assert_eq!(used(variables, url), expected, "{variables:?} {url}");
        }
    }

    #[test]
    fn no_proxy_matches_hosts_as_in_go() {
        for (no_proxy, url, is_direct) in [
            ("foo.example", "http://foo.example/", true),
            ("foo.example", "http://bar.foo.example/", true),
            ("foo.example", "http://notfoo.example/", false),
            (".foo.example", "http://foo.example/", false),
            (".foo.example", "http://bar.foo.example/", true),
            ("*.foo.example", "http://bar.foo.example/", true),
            ("*.foo.example", "http://foo.example/", false),
            ("FOO.example", "http://foo.EXAMPLE/", true),
            (" other , foo.example ,", "http://foo.example/", true),
            ("foo.example:81", "http://foo.example:81/", true),
            ("foo.example:81", "http://foo.example/", false),
            ("foo.example:80", "http://foo.example/", true),
            ("foo.example:443", "https://foo.example/", true),
            ("*", "http://anything.example/", true),
            ("foo.example,*", "http://anything.example/", true),
            ("192.0.2.1", "http://192.0.2.1/", true),
            ("192.0.2.1", "http://192.0.2.2/", false),
            ("192.0.2.1:80", "http://192.0.2.1/", true),
            ("192.0.2.1:81", "http://192.0.2.1/", false),
            ("2001:db8::1", "http://[2001:db8::1]/", true),
            ("[2001:db8::1]", "http://[2001:db8::1]/", true),
            ("[2001:db8::1]:80", "http://[2001:db8::1]/", true),
            ("[2001:db8::1]:81", "http://[2001:db8::1]/", false),
            ("10.0.0.0/8", "http://10.20.30.40/", true),
            ("10.0.0.0/8", "http://11.20.30.40/", false),
            ("10.20.30.40/8", "http://10.1.1.1/", true),
            ("0.0.0.0/0", "http://192.0.2.1/", true),
            ("0.0.0.0/0", "http://foo.example/", false),
            ("2001:db8::/32", "http://[2001:db8:1::1]/", true),
            ("2001:db8::/32", "http://[2001:db9::1]/", false),
            ("10.0.0.0/33", "http://10.0.0.1/", false),
            ("münchen.example", "http://münchen.example/", true),
            ("", "http://foo.example/", false),
            (":80", "http://foo.example/", false),
            (".", "http://foo.example/", false),
        ] {
            let variables = [("ALL_PROXY", "http://proxy"), ("NO_PROXY", no_proxy)];
            assert_eq!(used(&variables, url) == "direct", is_direct, "{no_proxy}: {url}");
            let lowercase = [("all_proxy", "http://proxy"), ("no_proxy", no_proxy)];
            assert_eq!(used(&lowercase, url), used(&variables, url));
        }
    }

    #[test]
    fn a_variable_that_clients_can_set_is_not_trusted() {
        let cgi = [("HTTP_PROXY", "http://a:1"), ("HTTPS_PROXY", "http://b:2"), ("REQUEST_METHOD", "GET")];
        assert!(used(&cgi, "http://x.example/").starts_with("`HTTP_PROXY` is not trusted"));
        assert_eq!(used(&cgi, "https://x.example/"), "http://b:2");
        assert_eq!(used(&cgi, "http://localhost/"), "direct");
        assert_eq!(used(&[("HTTP_PROXY", "http://a:1"), ("REQUEST_METHOD", "")], "http://x.example/"), "http://a:1");
    }

    #[test]
    fn an_invalid_variable_is_named_without_its_password() {
        let error = used(&[("http_proxy", "ftp://me:s3cret@a:1")], "http://x.example/");
        assert!(error.starts_with("`http_proxy`: invalid proxy `ftp://a:1`"), "{error}");
        let environment = environment(&[("http_proxy", "http://me:s3cret@a:1")]).expect("a proxy is set");
        assert!(!format!("{environment} {environment:?}").contains("s3cret"));
    }
}
