//! The invented services and locations, and the configuration of a checker that would check them.

use serde_json::{Value, json};

/// A service of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoService {
    pub title: &'static str,
    pub group: &'static str,
    /// The type of the check, `http` or `tcp`.
    pub kind: &'static str,
    pub locator: &'static str,
    /// The typical response time from the nearest location, in milliseconds.
    pub typical_millis: u32,
}

const fn service(
    group: &'static str,
    title: &'static str,
    kind: &'static str,
    locator: &'static str,
    typical_millis: u32,
) -> DemoService {
    DemoService { title, group, kind, locator, typical_millis }
}

/// The services, in the order of the page.
pub const SERVICES: [DemoService; 8] = [
    service("Customer apps", "Shop", "http", "https://shop.acme.example/health", 140),
    service("Customer apps", "Mobile API", "http", "https://mobile.acme.example/v2/health", 85),
    service("Customer apps", "Website", "http", "https://www.acme.example/", 60),
    service("Platform", "Billing API", "http", "https://billing.acme.example/health", 180),
    service("Platform", "Search", "http", "https://search.acme.example/health", 110),
    service("Platform", "Object storage", "http", "https://storage.acme.example/health", 45),
    service("Internal", "Build runners", "http", "https://ci.acme.example/health", 220),
    service("Internal", "Mail", "tcp", "mail.acme.example:25", 30),
];

/// The indexes of the services to which something happens at fixed times.
pub(super) const SHOP: usize = 0;
pub(super) const MOBILE_API: usize = 1;
pub(super) const WEBSITE: usize = 2;
pub(super) const BILLING_API: usize = 3;
pub(super) const SEARCH: usize = 4;
pub(super) const BUILD_RUNNERS: usize = 6;
pub(super) const MAIL: usize = 7;

/// The locations, each with its response times in percent of those from the nearest one.
pub const LOCATIONS: [(&str, u32); 3] = [("eu-west", 100), ("us-east", 170), ("ap-south", 240)];

/// Returns the text of a configuration of the first location, with all files relative to its folder.
#[must_use]
pub fn configuration() -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for service in SERVICES {
        match groups.iter_mut().find(|(group, _)| *group == service.group) {
            Some((_, titles)) => titles.push(service.title),
            None => groups.push((service.group, vec![service.title])),
        }
    }
    let groups = groups.into_iter().map(|(title, endpoints)| json!({ "title": title, "endpoints": endpoints }));
    let check = |service: DemoService| {
        json!({
            "type": service.kind, "endpoint_name": service.title, "endpoint_url": service.locator,
            "threshold_rtt": "800ms",
        })
    };
    json!({
        "node": LOCATIONS[0].0,
        "every": "1m",
        "checkers": SERVICES.map(check),
        "storage": { "type": "fs", "dir": "checks" },
        "spool_dir": "spool",
        "page": { "title": "Acme Cloud", "range": "90d", "refresh": "30s", "groups": groups.collect::<Value>() },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, from_text};

    #[test]
    fn the_configuration_is_valid_without_warnings() {
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let text = configuration();
        let (config, problems) = from_text(&text, Path::new("/demo"), &environment);
        assert!(problems.is_empty(), "{:#?}", problems.lines("demo", &text));
        let config = config.expect("it is valid");
        assert_eq!((config.checks.len(), config.page.config.appearance.groups.len()), (8, 3));
        assert!(config.spool_dir.starts_with("/demo"), "{:?}", config.spool_dir);
    }
}
