//! The configurations that `checker init` writes. They work without changes.

use std::fmt::Write as _;
use std::sync::Arc;

use idna::domain_to_unicode;
use percent_encoding::percent_decode_str;
use serde_json::json;
use url::{Host, Url};

use crate::checks::Check;
use crate::checks::http::{HttpCheck, InvalidUrl};

const HEAD: &str = r#"// Configuration of the checker: JSON with comments and trailing commas.
// `checker validate` reports mistakes in this file, `checker schema` prints its JSON Schema for your editor,
// and docs/configuration.md describes every key.
{
  // The interval between checks: a number with a unit, for example "30s", "10m" or "1h".
"#;

/// The id of the check of the status page itself.
const PAGE_ID: &str = "status-page";

const PAGE_CHECK: &str = r#"  "every": "30s",

  // The endpoints to check.
  "checkers": [
    {
      "type": "http",
      // The id keeps the endpoint's history if its title or URL changes.
      "id": "status-page",
      "endpoint_name": "This status page",
      // `checker serve` replaces the variable with the address it listens on. With `checker run`, this check is down
      // unless the page is being served on port 8080.
      "endpoint_url": "http://${CHECKUP_LISTEN:-127.0.0.1:8080}/",
      // Each check makes three attempts on new connections. If one of them fails, the endpoint is down.
      "attempts": 3,
      // Above this median response time, the endpoint is degraded.
      "threshold_rtt": "500ms",
      "must_contain": "<html",
    },
    // To check your own service, uncomment this and set the URL.
    // {
    //   "type": "http",
    //   "endpoint_name": "Shop",
    //   "endpoint_url": "https://shop.example/health",
    //   "attempts": 3,
    //   "timeout": "10s",
    //   "up_status": "2xx",
    //   "must_contain": "ok",
    // },
  ],
"#;

/// The beginning of checks of URLs, with the keys that operators most often add.
const URL_CHECKS: &str = r#"  "every": "1m",

  // The endpoints to check. Each check makes `attempts` on new connections. If one of them fails, the endpoint is down.
  // Further keys: "threshold_rtt" is the median response time above which the endpoint is degraded, for example "500ms";
  // "must_contain" is a text that the response must contain; "id" keeps the history if the title or the URL changes.
  "checkers": [
"#;

const TAIL: &str = r#"
  // Where results are stored: a directory next to this file.
  "storage": {
    "type": "fs",
    "dir": "checks",
    "check_expiry": "30d",
  },
  // Or an S3 bucket, on AWS or a compatible service. Keys can come from the environment.
  // "storage": {
  //   "type": "s3",
  //   "bucket": "my-status",
  //   "region": "eu-central-1",
  //   "access_key_id": "${CHECKUP_ACCESS_KEY_ID}",
  //   "secret_access_key": "${CHECKUP_SECRET_ACCESS_KEY}",
  //   "check_expiry": "30d",
  // },

  // Settings of the page that `checker serve` serves.
  "page": {
    "title": "Status",
    "range": "24h",
    "refresh": "30s",
  },
}
"#;

/// Why a URL cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTarget {
    #[error("invalid URL `{0}`: it has no scheme; write for example `https://{0}`")]
    NoScheme(String),
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    #[error("`{0}` is given twice: pass each URL once")]
    Duplicate(String),
}

/// Returns a commented configuration that checks the page itself and stores results in a directory.
#[must_use]
pub fn starter() -> String {
    [HEAD, PAGE_CHECK, TAIL].concat()
}

/// Returns whether the only check is that of the status page itself.
#[must_use]
pub fn is_unchanged(checks: &[Arc<Check>]) -> bool {
    matches!(checks, [only] if only.id.as_deref() == Some(PAGE_ID))
}

/// Returns a commented configuration with a check for each URL.
pub fn for_urls(texts: &[String]) -> Result<String, InvalidTarget> {
    let mut urls: Vec<Url> = Vec::with_capacity(texts.len());
    for text in texts {
        if !text.contains("://") {
            return Err(InvalidTarget::NoScheme(text.clone()));
        }
        let url = HttpCheck::parse_url(text)?;
        if urls.contains(&url) {
            return Err(InvalidTarget::Duplicate(text.clone()));
        }
        urls.push(url);
    }
    let mut checks = String::new();
    for (index, url) in urls.iter().enumerate() {
        let (title, url) = (json!(title(&urls, index)), json!(url.as_str()));
        let _ = write!(
            checks,
            "    {{\n      \"type\": \"http\",\n      \"endpoint_name\": {title},\n      \"endpoint_url\": {url},\n      \
             \"attempts\": 3,\n      \"timeout\": \"10s\",\n      \"up_status\": \"2xx\",\n    }},\n"
        );
    }
    Ok([HEAD, URL_CHECKS, &checks, "  ],\n", TAIL].concat())
}

/// Returns a title for one of the URLs: its host and path, and more only if they are not unique.
fn title(urls: &[Url], index: usize) -> String {
    let forms: [fn(&Url) -> String; 3] = [host_and_path, with_query, without_credentials];
    let Some(url) = urls.get(index) else { return String::new() };
    let is_unique = |form: &fn(&Url) -> String| {
        let title = form(url);
        urls.iter().enumerate().all(|(other, url)| other == index || form(url) != title)
    };
    let form = forms.into_iter().find(is_unique).unwrap_or(without_credentials);
    form(url)
}

/// Returns the host without `www.`, the port and the path: `shop.example/health`.
fn host_and_path(url: &Url) -> String {
    let host = match url.host() {
        Some(Host::Domain(domain)) => {
            let domain = domain_to_unicode(domain).0;
            domain.strip_prefix("www.").map_or(domain.clone(), str::to_owned)
        }
        Some(ip) => ip.to_string(),
        None => String::new(),
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = percent_decode_str(url.path().trim_end_matches('/')).decode_utf8_lossy();
    format!("{host}{port}{path}")
}

fn with_query(url: &Url) -> String {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    host_and_path(url) + &query
}

fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // These calls cannot fail for a URL with a host.
    let _ = (url.set_username(""), url.set_password(None));
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, from_text};

    fn titles(texts: &[&str]) -> Vec<String> {
        let urls: Vec<Url> = texts.iter().map(|text| text.parse().expect("it is a URL")).collect();
        (0..urls.len()).map(|index| title(&urls, index)).collect()
    }

    #[test]
    fn titles_are_hosts_and_paths() {
        assert_eq!(
            titles(&[
                "https://www.shop.example/",
                "https://user:secret@api.example/v1/health/",
                "http://db.example:8080?token=x",
                "https://bücher.example/a%20b",
                "http://[::1]:80/",
                "https://www.example/",
            ]),
            ["shop.example", "api.example/v1/health", "db.example:8080", "bücher.example/a b", "[::1]", "example"]
        );
    }

    #[test]
    fn similar_urls_have_different_titles() {
        assert_eq!(
            titles(&["https://a.example/x?y=1", "https://a.example/x?y=2", "http://a.example/", "https://a.example"]),
            ["a.example/x?y=1", "a.example/x?y=2", "http://a.example", "https://a.example"]
        );
        assert_eq!(
            titles(&["http://a.example/", "http://www.a.example/"]),
            ["http://a.example", "http://www.a.example"]
        );
    }

    #[test]
    fn only_the_starter_configuration_is_unchanged() {
        let checks = |text: &str| {
            let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
            from_text(text, Path::new(""), &environment).0.expect("it is valid").checks
        };
        assert!(is_unchanged(&checks(&starter())));
        assert!(!is_unchanged(&checks(&for_urls(&["https://shop.example".to_owned()]).expect("it is a URL"))));
        let more = starter().replace(
            "    // To check your",
            "{ \"type\": \"tcp\", \"endpoint_name\": \"A\", \"endpoint_url\": \"a:1\" }, //",
        );
        assert!(!is_unchanged(&checks(&more)));
    }

    #[test]
    fn invalid_urls_are_refused_with_a_remedy() {
        let error = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            for_urls(&texts).expect_err("one of them is invalid").to_string()
        };
        assert_eq!(
            error(&["shop.example"]),
            "invalid URL `shop.example`: it has no scheme; write for example `https://shop.example`"
        );
        assert_eq!(
            error(&["https://a.example/", "https://a.example"]),
            "`https://a.example` is given twice: pass each URL once"
        );
        assert!(error(&["https://"]).starts_with("invalid URL `https://`: "), "{}", error(&["https://"]));
        assert!(error(&["ftp://a.example"]).starts_with("unsupported scheme `ftp`"), "{}", error(&["ftp://a.example"]));
    }
}
