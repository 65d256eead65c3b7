//! The states of a status page, each with a store that nodes have filled and the real page that reads it. Tests and
//! screenshots cover all states.

use std::collections::BTreeMap;
use std::net::TcpListener;

use serde_json::json;
use shared::object_name::INDEX;
use shared::page_config::{PageConfig, Source};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use crate::browser::Browser;
use crate::caddy::Caddy;
use crate::fake_nodes::{FakeMessage, FakeNodes, Outage, into_directory};
use crate::page::{self, Page};

/// The current time in all scenarios: Sunday, November 22, 2026, 14:05 UTC. It is fixed, so screenshots do not
/// change from day to day.
pub const NOW: UnixNanos = 1_795_356_300 * SECOND;

/// The time between the latest round and the opening of the page.
const OPENED_AFTER: Nanos = 40 * SECOND;

const TIME_ZONE: &str = "Europe/Berlin";

/// The endpoints of a small company.
const TITLES: [&str; 6] = ["Website", "Shop", "Payments", "Sign-in", "Search", "Mail"];

const MAINTENANCE: &str = "<p><b>Maintenance of the shop's database</b> tonight from 22:00 to 23:00. Orders are delayed \
     but not lost. More in <a href=\"https://blog.example/maintenance\">our announcement</a>.</p>";

/// A state that the page can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageState {
    /// Three nodes report everything as healthy.
    Healthy,
    /// All nodes report one endpoint as down.
    Down,
    /// Only one node reports an endpoint as down.
    Localized,
    Degraded,
    /// Everything is healthy, and the page has a maintenance message.
    Announced,
    /// One history is invalid, and one node is silent.
    Incomplete,
    Empty,
    /// The store cannot be read.
    Unreadable,
    /// The store has not responded yet.
    Loading,
    /// The page's configuration is invalid.
    Broken,
    /// There is only one endpoint and one node.
    One,
    Three,
    Twenty,
    FiveHundred,
}

/// A page in one of the states, behind a web server with the project's headers.
#[derive(Debug)]
pub struct PageScenario {
    pub state: PageState,
    pub url: String,
    caddy: Caddy,
    /// Accepts connections without ever responding, for as long as the scenario exists.
    _silence: Option<TcpListener>,
}

impl PageState {
    pub const ALL: [PageState; 14] = [
        PageState::Healthy,
        PageState::Down,
        PageState::Localized,
        PageState::Degraded,
        PageState::Announced,
        PageState::Incomplete,
        PageState::Empty,
        PageState::Unreadable,
        PageState::Loading,
        PageState::Broken,
        PageState::One,
        PageState::Three,
        PageState::Twenty,
        PageState::FiveHundred,
    ];

    /// The name of the state in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PageState::Healthy => "healthy",
            PageState::Down => "down",
            PageState::Localized => "localized",
            PageState::Degraded => "degraded",
            PageState::Announced => "maintenance message",
            PageState::Incomplete => "something is missing",
            PageState::Empty => "no data",
            PageState::Unreadable => "unreadable store",
            PageState::Loading => "loading",
            PageState::Broken => "broken configuration",
            PageState::One => "one endpoint",
            PageState::Three => "three endpoints",
            PageState::Twenty => "twenty endpoints",
            PageState::FiveHundred => "500 endpoints",
        }
    }

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            PageState::Down => "down",
            PageState::Localized | PageState::Degraded => "degraded",
            PageState::Empty | PageState::Unreadable => "unknown",
            PageState::Loading => "loading",
            PageState::Broken => "broken",
            _ => "healthy",
        }
    }

    /// The nodes that fill the store for this state, with their results.
    #[must_use]
    pub fn fake_nodes(self) -> FakeNodes {
        let ago = |from: Nanos, length: Nanos| NOW - from..NOW - from + length;
        let mut fake_nodes = FakeNodes::small(&["ap-south", "eu-west", "us-east"], NOW);
        (fake_nodes.titles, fake_nodes.swing) = (TITLES.to_vec(), 25);
        (fake_nodes.endpoints, fake_nodes.interval, fake_nodes.days, fake_nodes.failures) =
            (TITLES.len(), 5 * MINUTE, 91, 6);
        // All states have the same past outages.
        fake_nodes.outages = vec![
            Outage { endpoint: 1, nodes: 0..3, time: ago(31 * DAY, 95 * MINUTE) },
            Outage { endpoint: 2, nodes: 0..3, time: ago(4 * DAY, 25 * MINUTE) },
        ];
        fake_nodes.slowness = vec![Outage { endpoint: 2, nodes: 0..3, time: ago(12 * DAY, 5 * HOUR) }];
        match self {
            PageState::Down => {
                fake_nodes.outages.push(Outage { endpoint: 1, nodes: 0..3, time: ago(15 * MINUTE, DAY) });
            }
            PageState::Localized => {
                fake_nodes.outages.push(Outage { endpoint: 1, nodes: 0..1, time: ago(15 * MINUTE, DAY) });
            }
            PageState::Degraded => {
                fake_nodes.slowness.push(Outage { endpoint: 2, nodes: 0..3, time: ago(40 * MINUTE, DAY) });
            }
            PageState::Announced => {
                fake_nodes.messages = vec![FakeMessage { at: NOW - 3 * HOUR, endpoints: 1..3, html: MAINTENANCE }];
            }
            PageState::Incomplete => fake_nodes.silences = vec![(0, NOW - 3 * HOUR..NOW)],
            PageState::One => (fake_nodes.endpoints, fake_nodes.names) = (1, vec!["eu-west".to_owned()]),
            PageState::Three => (fake_nodes.endpoints, fake_nodes.names) = (3, vec!["eu-west".to_owned()]),
            PageState::Twenty => {
                (fake_nodes.endpoints, fake_nodes.days, fake_nodes.failures, fake_nodes.interval) =
                    (20, 31, 2, 15 * MINUTE);
                fake_nodes.now = NOW / (15 * MINUTE) * (15 * MINUTE);
            }
            PageState::FiveHundred => {
                (fake_nodes.endpoints, fake_nodes.days, fake_nodes.failures, fake_nodes.interval) = (500, 31, 1, HOUR);
                fake_nodes.names = vec!["eu-west".to_owned()];
                // With this seed, no endpoint is failing at the current time.
                (fake_nodes.now, fake_nodes.seed) = (NOW / HOUR * HOUR, 5);
            }
            PageState::Healthy | PageState::Empty | PageState::Unreadable | PageState::Loading | PageState::Broken => {}
        }
        fake_nodes
    }

    /// Fills a store, and serves the page for it.
    pub async fn start(self) -> PageScenario {
        let silence = (self == PageState::Loading).then(|| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
        let silent = silence.as_ref().map(|silence| silence.local_addr().expect("it has an address"));
        let origin = silent.map(|address| format!("http://{address}")).unwrap_or_default();
        let caddy = Caddy::start(&origin).await;
        let store = caddy.site.path().join("store");
        let mut objects = match self {
            PageState::Empty | PageState::Unreadable | PageState::Loading | PageState::Broken => BTreeMap::new(),
            _ => self.fake_nodes().objects(),
        };
        if self == PageState::Incomplete {
            objects.insert("history/eu-west.json".to_owned(), "{ \"version\": 1,".to_owned());
        }
        if self != PageState::Unreadable {
            let check_files: BTreeMap<&String, u8> =
                objects.keys().filter(|name| !name.contains('/')).map(|name| (name, 0)).collect();
            objects.insert(INDEX.to_owned(), json!(check_files).to_string());
        }
        into_directory(&objects, &store);
        let mut config = PageConfig::new(Source::Http {
            url: if self == PageState::Loading { format!("{origin}/") } else { "store/".to_owned() },
        });
        "Example Inc.".clone_into(&mut config.title);
        (config.range, config.refresh) = (if self.fake_nodes().days > 90 { 90 * DAY } else { 30 * DAY }, DAY);
        match self {
            PageState::Broken => caddy.configure("{ \"titel\": \"Example Inc.\", \"source\": { \"type\": \"s3\" } }"),
            _ => caddy.configure(&config.to_json()),
        }
        PageScenario { state: self, url: caddy.url.clone(), caddy, _silence: silence }
    }
}

impl PageScenario {
    /// Opens the page, and waits until it is in the scenario's state.
    pub async fn visit(&self, browser: &Browser) -> Page {
        browser.visit(&self.url).await;
        let wanted = self.state.word();
        let is_there = |page: &Page| {
            page.text_of("state") == wanted && (page.is_complete() || ["loading", "broken"].contains(&wanted))
        };
        page::when(browser, &format!("the page to be {wanted}"), is_there).await
    }

    /// The folder with the files that the web server serves.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.caddy.site.path()
    }
}

/// Opens a browser with the time and the time zone of the scenarios.
pub async fn open_browser() -> Browser {
    let browser = Browser::open().await;
    let fake_nodes = PageState::Healthy.fake_nodes();
    browser.stop_clock(fake_nodes.now - fake_nodes.interval + OPENED_AFTER).await;
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": TIME_ZONE })).await;
    browser
}
