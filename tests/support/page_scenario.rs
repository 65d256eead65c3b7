//! The states of a status page, each with a store that nodes have filled and the real page that reads it. Tests and
//! screenshots cover all states.

use std::collections::BTreeMap;
use std::net::TcpListener;

use serde_json::json;
use shared::object_name::INDEX;
use shared::page_config::appearance::Link;
use shared::page_config::{PageConfig, Source};
use shared::post::{Edit, Impact, IncidentState, Post, PostId};
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use crate::browser::Browser;
use crate::caddy::Caddy;
use crate::fake_nodes::{FakeMessage, FakeNodes, Outage, into_directory};
use crate::page::{self, Page};
use crate::posts;

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
    /// An endpoint is down, with an open incident. Others were resolved, and maintenance is planned.
    Incident,
    /// An endpoint is down because of planned maintenance.
    Maintenance,
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

/// An open incident with four updates, one of which was posted later and edited; two incidents that were resolved, today
/// and weeks ago; and maintenance ahead.
fn incident_posts() -> Vec<Post> {
    let open = posts::id("anna", NOW - 13 * MINUTE);
    let late = posts::id("ben", NOW - 6 * MINUTE);
    let update = |author: &str, ago: Nanos, subject: &PostId, state, text: &str| {
        posts::update(&posts::id(author, NOW - ago), subject, state, text)
    };
    let edit = Post {
        edit: Some(Edit::Replaces(late.clone())),
        at: Some(NOW - 12 * MINUTE),
        ..update("ben", 5 * MINUTE, &open, None, "The payment provider confirmed that it is not the cause.")
    };
    let today = posts::id("ben", NOW - 7 * HOUR);
    let past = posts::id("anna", NOW - 31 * DAY);
    let upgrade = posts::id("ben", NOW - 2 * DAY);
    let racks = posts::id("anna", NOW - 9 * DAY);
    let identified = "We have found the cause, <a href=\"https://blog.example/disk\">a full disk</a>, and expect to be \
         back by 15:30 UTC. <b>No orders are lost.</b>";
    vec![
        posts::incident(&open, "Shop checkout is down", &[("Shop", Impact::Down)], "We are looking into it."),
        Post { at: Some(NOW - 12 * MINUTE), ..posts::update(&late, &open, None, "Not the provider.") },
        edit,
        update("anna", 7 * MINUTE, &open, Some(IncidentState::Identified), identified),
        posts::incident(&today, "Slow search", &[("Search", Impact::Degraded)], "Search takes several seconds."),
        update("ben", 5 * HOUR, &today, Some(IncidentState::Resolved), "An index was rebuilt."),
        posts::incident(&past, "Shop unreachable", &[("Shop", Impact::Down)], "The shop does not respond."),
        update("anna", 31 * DAY - 95 * MINUTE, &past, Some(IncidentState::Resolved), "A router was replaced."),
        update(
            "anna",
            30 * DAY,
            &past,
            Some(IncidentState::Postmortem),
            "<p>Both power supplies of a router failed.</p>\
         <ul><li>The spare router is now on another circuit.</li><li>We test it every month.</li></ul>",
        ),
        posts::maintenance(
            &upgrade,
            "Database upgrade",
            &[("Shop", Impact::Down), ("Payments", Impact::Degraded)],
            &[(NOW + 2 * DAY + 11 * HOUR, NOW + 2 * DAY + 12 * HOUR + 30 * MINUTE)],
            "Orders are kept and sent afterward.",
        ),
        posts::maintenance(
            &racks,
            "New racks",
            &[("*", Impact::Degraded)],
            &[(NOW - 8 * DAY, NOW - 8 * DAY + 3 * HOUR), (NOW + 5 * DAY, NOW + 5 * DAY + 3 * HOUR)],
            "",
        ),
    ]
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
    pub const ALL: [PageState; 16] = [
        PageState::Healthy,
        PageState::Down,
        PageState::Localized,
        PageState::Degraded,
        PageState::Announced,
        PageState::Incident,
        PageState::Maintenance,
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
            PageState::Incident => "incident",
            PageState::Maintenance => "planned maintenance",
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
            PageState::Down | PageState::Incident | PageState::Maintenance => "down",
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
            PageState::Down | PageState::Incident | PageState::Maintenance => {
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

    /// What people posted in this state.
    #[must_use]
    pub fn posts(self) -> Vec<Post> {
        match self {
            PageState::Incident => incident_posts(),
            PageState::Maintenance => {
                let id = posts::id("ben", NOW - 3 * DAY);
                let windows = [(NOW - 35 * MINUTE, NOW + 85 * MINUTE), (NOW + 28 * DAY, NOW + 28 * DAY + HOUR)];
                let text = "We move the shop to new machines. <b>Orders are kept</b> and sent afterward.";
                let past = posts::id("ben", NOW - 40 * DAY);
                let outage = (NOW - 31 * DAY - 5 * MINUTE, NOW - 31 * DAY + 100 * MINUTE);
                vec![
                    posts::maintenance(&past, "New database", &[("Shop", Impact::Down)], &[outage], "Done."),
                    posts::maintenance(&id, "Move to new machines", &[("Shop", Impact::Down)], &windows, text),
                ]
            }
            _ => Vec::new(),
        }
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
        for author in ["anna", "ben"] {
            let posts = self.posts();
            if posts.iter().any(|post| post.id.author.as_str() == author) {
                objects.extend([posts::digest(author, &posts)]);
            }
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
        config.outputs = Some("./".to_owned());
        let (text, url) = ("Telegram".to_owned(), "https://t.me/example".to_owned());
        config.appearance.subscribe = vec![Link { text, url }];
        config.appearance.details = Some(true);
        (config.range, config.refresh) = (if self.fake_nodes().days > 90 { 90 * DAY } else { 30 * DAY }, DAY);
        match self {
            PageState::Broken => {
                caddy.configure_exactly("{ \"titel\": \"Example Inc.\", \"source\": { \"type\": \"s3\" } }");
            }
            _ => caddy.configure_exactly(&config.to_json()),
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

/// The queries that show one incident, one maintenance and the history in a state, each with a part of the text that the
/// page then shows.
#[must_use]
pub fn announcement_queries(state: PageState) -> Vec<(String, &'static str)> {
    let incident = |at| format!("?incident={}", posts::id("anna", at));
    let maintenance = |author, at| format!("?maintenance={}", posts::id(author, at));
    match state {
        PageState::Incident => vec![
            (incident(NOW - 13 * MINUTE), "We are looking into it."),
            (incident(NOW - 31 * DAY), "We test it every month."),
            (maintenance("anna", NOW - 9 * DAY), "New racks"),
            ("?view=history".to_owned(), "October 2026"),
            ("?incident=unknown".to_owned(), "Not found"),
        ],
        PageState::Maintenance => vec![(maintenance("ben", NOW - 3 * DAY), "Orders are kept")],
        _ => Vec::new(),
    }
}
