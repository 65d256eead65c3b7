//! Incidents and maintenance on the page: what they cost in requests, what hostile ones can do, and how they are shown
//! beside what was measured.

use std::path::Path;

use serde_json::{Value, json};
use shared::object_name::{HISTORY_INDEX, PostId};
use shared::post::{Impact, IncidentState, Post};
use shared::{DAY, HOUR, MINUTE, SECOND, UnixNanos};
use support::browser::Browser;
use support::bucket::Bucket;
use support::caddy::Caddy;
use support::fake_nodes::{FakeNodes, Outage, into_bucket};
use support::page::{self, Page};
use support::{ministack, posts};

use crate::long_time_ranges::{self, ninety_days, open_ninety_days, weight};
use crate::search::{browser_at_the_end_of, one_down, serve_store};

/// Writes digests to a directory's store, and lists them in its index of histories.
fn write(store: &Path, digests: &[(String, String)]) {
    let index = store.join(HISTORY_INDEX);
    let content = std::fs::read_to_string(&index).unwrap_or_else(|_| "{}".to_owned());
    let mut listed: Value = serde_json::from_str(&content).expect("it is JSON");
    for (name, content) in digests {
        std::fs::write(store.join(name), content).expect("the file can be written");
        listed[name] = json!(0);
    }
    std::fs::write(index, listed.to_string()).expect("the file can be written");
}

/// An author's incidents, one a minute, the last of which is open.
fn incidents(author: &str, count: usize, now: UnixNanos) -> Vec<Post> {
    let mut all = Vec::new();
    for number in 0..count as i64 {
        let id = posts::id(author, now - HOUR - number * MINUTE);
        let mut post = posts::incident(&id, &format!("Incident {number}"), &[("*", Impact::None)], "Some text.");
        if number > 0 {
            post = Post { details: closed(), ..post };
        }
        all.push(post);
    }
    all
}

fn closed() -> shared::post::Details {
    shared::post::Details::Incident { state: Some(IncidentState::Resolved), began: None, ended: None }
}

/// Returns the paths of the requested objects and listings, without the page's own files.
fn data_requests(page: &Page) -> Vec<String> {
    let mut requests: Vec<String> = page
        .requests()
        .into_iter()
        .filter(|url| url.contains("store/") || url.contains("list-type") || url.contains("history/"))
        .collect();
    requests.sort();
    requests
}

#[tokio::test]
async fn an_author_costs_one_request_whatever_the_number_of_posts() {
    let fake_nodes = one_down(2);
    let browser = browser_at_the_end_of(&fake_nodes).await;
    for range in ["24h", "10d"] {
        let caddy = serve_store(&fake_nodes, json!({ "range": range, "offline": false })).await;
        let store = caddy.site.path().join("store");
        let mut counts = vec![data_requests(&page::visit(&browser, &caddy.url).await).len()];
        for count in [1, 100, 2_000] {
            write(&store, &[posts::digest("anna", &incidents("anna", count, fake_nodes.now))]);
            let page = page::visit(&browser, &caddy.url).await;
            assert!(page.announcements()[0].starts_with("Incident 0Investigating"), "{:?}", page.announcements());
            assert_eq!(page.problems(), "");
            counts.push(data_requests(&page).len());
        }
        write(&store, &[posts::digest("ben", &incidents("ben", 1, fake_nodes.now))]);
        let page = page::visit(&browser, &caddy.url).await;
        counts.push(data_requests(&page).len());
        let growth: Vec<usize> = counts.iter().map(|count| count - counts[0]).collect();
        assert_eq!(growth, [0, 1, 1, 1, 2], "{range}: {:?}", data_requests(&page));
        page.assert_clean();
    }
}

#[tokio::test]
async fn digests_in_a_bucket_are_found_in_the_listing() {
    let fake_nodes = one_down(2);
    let bucket = Bucket::new().await;
    let mut objects = fake_nodes.objects();
    into_bucket(&objects, &bucket).await;
    let caddy = Caddy::start(&ministack::server().url).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let mut growth = Vec::new();
    for range in [DAY, 10 * DAY] {
        let mut config = bucket.page_config(Some(&ministack::reader(&bucket.name).await));
        (config.range, config.offline) = (range, false);
        caddy.configure(&config.to_json());
        let before = data_requests(&page::visit(&browser, &caddy.url).await).len();
        objects.extend([posts::digest("anna", &incidents("anna", 3, fake_nodes.now))]);
        into_bucket(&objects, &bucket).await;
        let page = page::visit(&browser, &caddy.url).await;
        page.assert_clean();
        assert!(page.announcements()[0].starts_with("Incident 0"), "{:?}", page.announcements());
        assert_eq!(page.problems(), "");
        growth.push(data_requests(&page).len() - before);
    }
    assert_eq!(growth, [1, 0], "the second page has the digest from the start");
}

/// A year with a hundred incidents of six updates each.
fn a_year_of_incidents(now: UnixNanos) -> Vec<Post> {
    const WORDS: [&str; 17] = [
        "the",
        "database",
        "checkout",
        "replica",
        "failed",
        "restarted",
        "while",
        "a",
        "customers",
        "of",
        "queue",
        "payments",
        "engineers",
        "are",
        "watching",
        "slow",
        "errors",
    ];
    let text = |seed: usize| {
        let words: Vec<&str> = (1..=22).map(|position| WORDS[(seed * position + position * position) % 17]).collect();
        format!("{} ({seed})", words.join(" "))
    };
    let mut all = Vec::new();
    for number in 0..100 {
        let began = now - (number as i64 + 1) * 87 * HOUR;
        let id = posts::id("anna", began);
        all.push(posts::incident(&id, &text(number)[..60], &[("Service 0*", Impact::Down)], &text(number + 100)));
        for update in 1..6 {
            let state = [IncidentState::Identified, IncidentState::Monitoring, IncidentState::Resolved][update / 2];
            let at = posts::id("anna", began + update as i64 * 17 * MINUTE);
            all.push(posts::update(&at, &id, Some(state), &text(number * 6 + update)));
        }
    }
    all
}

#[tokio::test]
async fn ninety_days_and_a_year_of_incidents_take_few_requests() {
    let (fake_nodes, objects) = ninety_days();
    let mut objects = objects.clone();
    objects.extend([posts::digest("anna", &a_year_of_incidents(fake_nodes.now))]);
    let (_caddy, browser, page) = open_ninety_days(fake_nodes, &objects).await;
    page.assert_clean();
    let requests = long_time_ranges::data_requests(&page);
    assert!(requests.len() <= 6, "{requests:#?}");
    let bytes = weight(&requests).await;
    assert!(bytes <= 100_000, "{bytes} bytes");
    assert_eq!((page.endpoints().len(), page.problems().is_empty()), (20, true));
    browser.script("document.querySelectorAll('header nav a').forEach(one => one.hidden || one.click())").await;
    when_detail(&browser, "Resolved").await;
    assert_eq!(browser.script("return document.querySelectorAll('#detail .card').length").await, 100);
}

#[tokio::test]
async fn hostile_digests_run_nothing_and_hide_nothing() {
    const SCRIPT: &str = "<img src=x onerror=canary()><script>canary()</script><svg onload=canary()>\"'>";
    let fake_nodes = one_down(3);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let at = fake_nodes.now - HOUR;
    let hostile = |author: &str, text: &str| {
        let id = posts::id(author, at);
        let about = [(text, Impact::Down), ("*", Impact::Degraded)];
        let window = posts::id(author, at + 1);
        let windows = [(at, at + 9 * HOUR), (at + DAY, at + 2 * DAY)];
        let mut all = vec![
            posts::incident(&id, text, &about, text),
            posts::update(&posts::id(author, at + 2), &id, Some(IncidentState::Identified), text),
            posts::maintenance(&window, text, &about, &windows, text),
        ];
        all[1].at = Some(1);
        posts::digest(author, &all)
    };
    let store = caddy.site.path().join("store");
    let broken = |author: &str, content: &str| (format!("history/{author}.posts.json"), content.to_owned());
    write(
        &store,
        &[
            hostile("scripts", SCRIPT),
            hostile("bidi", &"\u{202e}\u{2066}txet\u{200b}\u{1b}[31m".repeat(5)),
            hostile("long", &"x".repeat(19_000)),
            broken("broken", "{\"version\":1,"),
            broken("page", "<!doctype html><title>x</title>"),
            broken("newer", "{\"version\":9,\"author\":\"newer\"}"),
            broken("stolen", &posts::digest("anna", &incidents("anna", 1, at)).1),
            posts::digest("anna", &incidents("anna", 1, fake_nodes.now)),
        ],
    );
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let incident = |author: &str| format!("?incident={}", posts::id(author, at));
    let queries = ["", "?view=table", "?view=history", &incident("scripts"), &incident("bidi"), &incident("long")];
    for query in queries {
        let page = page::visit(&browser, &format!("{}{query}", caddy.url)).await;
        page.assert_clean();
        assert_eq!(page.text_of("state"), "down", "{query}");
        assert!(page.text_of("overall").starts_with("Service 00 has been down for"), "{}", page.text_of("overall"));
        let own = page.announcements().iter().filter(|text| text.starts_with("Incident 0")).count();
        assert_eq!((page.endpoints().len(), own), (if query == "?view=table" { 0 } else { 3 }, 1), "{query}");
        for author in ["broken", "page", "newer", "stolen"] {
            let named = format!("The posts of {author} are unreadable");
            assert!(page.problems().contains(&named), "{query}: {}", page.problems());
        }
        let width = browser.script("return document.documentElement.scrollWidth - innerWidth").await;
        assert!(width.as_i64() <= Some(0), "{query}: nothing makes the page wider than the window");
    }
}

#[tokio::test]
async fn only_configured_authors_are_read_and_editors_can_edit() {
    let fake_nodes = one_down(2);
    let caddy = serve_store(&fake_nodes, json!({ "authors": ["anna", "ben"], "editors": ["ben"] })).await;
    let anna = incidents("anna", 1, fake_nodes.now);
    let edit = |author: &str| Post {
        edit: Some(shared::post::Edit::Replaces(anna[0].id.clone())),
        ..posts::incident(&posts::id(author, fake_nodes.now - MINUTE), &format!("Edited by {author}"), &[], "")
    };
    let digests =
        [posts::digest("anna", &anna), posts::digest("ben", &[edit("ben")]), posts::digest("eve", &[edit("eve")])];
    write(&caddy.site.path().join("store"), &digests);
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let page = page::visit(&browser, &caddy.url).await;
    assert!(page.announcements()[0].starts_with("Edited by ben"), "{:?}", page.announcements());
    let read: Vec<bool> = ["anna", "ben", "eve"]
        .map(|author| page.requests().iter().any(|url| url.contains(&format!("{author}.posts"))))
        .to_vec();
    assert_eq!(read, [true, true, false]);
}

/// Two nodes' endpoints, the first of which was down for three hours, two of which were announced before.
fn planned(announced: UnixNanos, fake_nodes: &FakeNodes) -> (PostId, Post) {
    let id = posts::id("anna", announced);
    let down = fake_nodes.now - 3 * HOUR;
    let about = [("Service 00", Impact::Down)];
    (id.clone(), posts::maintenance(&id, "Upgrade", &about, &[(down, down + 2 * HOUR)], ""))
}

#[tokio::test]
async fn planned_downtime_has_a_second_figure_and_unannounced_downtime_has_none() {
    let fake_nodes = one_down(2);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let browser = browser_at_the_end_of(&fake_nodes).await;
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "UTC" })).await;
    let store = caddy.site.path().join("store");
    let truncated = |up: i64, observed: i64| {
        let hundredths = i128::from(up) * 10_000 / i128::from(observed);
        format!("{}.{:02}%", hundredths / 100, hundredths % 100)
    };
    // The page shows ten days from midnight until now.
    let now = fake_nodes.now + 20 * SECOND;
    let total = now - (now / DAY - 9) * DAY;
    let down = now - (fake_nodes.now - 3 * HOUR);
    let measured = truncated(total - down, total);
    let outside = truncated(total - down, total - 2 * HOUR);
    assert_ne!(measured, outside);
    for (announced, expected) in [
        (fake_nodes.now - DAY, format!("{outside} outside planned maintenance")),
        (fake_nodes.now - 2 * HOUR, String::new()),
    ] {
        write(&store, &[posts::digest("anna", &[planned(announced, &fake_nodes).1])]);
        let page = page::visit(&browser, &caddy.url).await;
        let endpoint = page.endpoint("Service 00");
        assert_eq!((endpoint.text_of("uptime"), endpoint.text_of("outside")), (measured.clone(), expected.clone()));
        assert_eq!(page.endpoint("Service 01").text_of("outside"), "");
        // In the first hours of a day, the window was on the day before.
        let bars = endpoint.0["bars"].as_array().expect("there are bars");
        let mut labels = bars.iter().filter_map(|bar| bar["label"].as_str());
        let bar = labels.find(|label| label.contains("maintenance: Upgrade")).expect("a bar names the window");
        assert_eq!(bar.contains("announced afterwards"), expected.is_empty(), "{bar}");
        browser.script("document.querySelector('#table')?.click()").await;
    }
}

#[tokio::test]
async fn worse_than_announced_stays_down() {
    let fake_nodes = one_down(2);
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let window = (fake_nodes.now - 4 * HOUR, fake_nodes.now + HOUR);
    for (impact, is_planned) in [(Impact::Down, true), (Impact::Degraded, false), (Impact::None, false)] {
        let id = posts::id("anna", fake_nodes.now - DAY);
        let post = posts::maintenance(&id, "Upgrade", &[("Service 00", impact)], &[window], "");
        write(&caddy.site.path().join("store"), &[posts::digest("anna", &[post])]);
        let page = page::visit(&browser, &caddy.url).await;
        let endpoint = page.endpoint("Service 00");
        assert_eq!((page.text_of("state"), endpoint.text_of("status")), ("down".to_owned(), "down".to_owned()));
        assert_eq!((page.0["planned"] == true, endpoint.0["planned"] == true), (is_planned, is_planned));
        assert_eq!(page.text_of("overall").contains("(planned until "), is_planned, "{}", page.text_of("overall"));
        assert_eq!(endpoint.text_of("state").contains("planned until "), is_planned, "{}", endpoint.text_of("state"));
        let color = browser.script("const icon = document.querySelector('.endpoint .head .icon'); const part = document.querySelector('.strip .part[data-planned]');
            return [getComputedStyle(icon).fill, part.getAttribute('d') !== ''];").await;
        let blue = "rgb(63, 116, 186)";
        assert_eq!((color[0] == blue, color[1] == true), (is_planned, is_planned), "{color}");
        assert!(
            page.announcements()[0].starts_with("UpgradeMaintenance in progress until "),
            "{:?}",
            page.announcements()
        );
    }
}

#[tokio::test]
async fn readers_in_four_zones_see_the_same_instant() {
    let fake_nodes = one_down(1);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let start = fake_nodes.now / DAY * DAY + 3 * DAY + HOUR;
    let id = posts::id("anna", fake_nodes.now - HOUR);
    let post = posts::maintenance(&id, "Upgrade", &[], &[(start, start + 90 * MINUTE)], "Text");
    let incident = posts::incident(&posts::id("anna", fake_nodes.now - 2 * HOUR), "Broken", &[], "Text");
    write(&caddy.site.path().join("store"), &[posts::digest("anna", &[post, incident])]);
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let expected = "const at = milliseconds => new Intl.DateTimeFormat('en-GB', { timeZone: arguments[0], weekday: 'long', day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(milliseconds);
        const part = (parts, type) => parts.find(one => one.type === type).value;
        const clock = parts => part(parts, 'hour') + ':' + part(parts, 'minute');
        const start = at(arguments[1]), end = at(arguments[1] + 90 * 60000);
        return [part(start, 'weekday'), part(start, 'month') + ' ' + part(start, 'day'), clock(start) + '–', clock(end) + ' (1 h 30 min)', clock(at(arguments[2]))];";
    let mut instants = Vec::new();
    for zone in ["America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"] {
        browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
        let page = page::visit(&browser, &format!("{}?lang=en", caddy.url)).await;
        let milliseconds = |at: i64| json!(at / 1_000_000);
        let arguments = vec![json!(zone), milliseconds(start), milliseconds(fake_nodes.now - 2 * HOUR)];
        let parts = browser.script_with(expected, arguments).await;
        let parts: Vec<&str> = parts.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let [incident, window] = page.announcements().try_into().unwrap_or_else(|all| panic!("{all:?}"));
        let dates = &parts[..2];
        assert!(parts[2..3].iter().chain(dates).all(|part| window.contains(part)), "{zone}: {parts:?} in {window}");
        assert!(window.contains(parts[3]) && incident.contains(parts[4]), "{zone}: {parts:?} in {window} {incident}");
        instants.push(
            browser
                .script("return [...document.querySelectorAll('#announcements time')].map(one => one.dateTime)")
                .await,
        );
    }
    assert!(instants.windows(2).all(|pair| pair[0] == pair[1]) && instants[0][0].is_string(), "{instants:?}");
}

/// Waits until the page shows this text instead of the endpoints, or the endpoints if it is empty.
async fn when_detail(browser: &Browser, text: &str) -> Page {
    page::when(browser, text, |page| {
        page.text_of("detail").contains(text) && page.text_of("detail").is_empty() == text.is_empty()
    })
    .await
}

#[tokio::test]
async fn links_open_announcements_and_the_back_button_returns() {
    let fake_nodes = one_down(2);
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let id = posts::id("anna", fake_nodes.now - 2 * HOUR);
    let update =
        posts::update(&posts::id("anna", fake_nodes.now - HOUR), &id, Some(IncidentState::Identified), "A disk.");
    let all = [posts::incident(&id, "Broken", &[("Service 00", Impact::Down)], "We know."), update];
    write(&caddy.site.path().join("store"), &[posts::digest("anna", &all)]);
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &format!("{}?zone=UTC", caddy.url)).await;
    let query = "return location.search";
    let visible = "return document.querySelector('.endpoints').checkVisibility()";
    browser.script("document.querySelector('#announcements h2 a').click()").await;
    let page = when_detail(&browser, "Broken").await;
    assert_eq!(browser.script(query).await, format!("?incident={id}&zone=UTC"));
    assert!(
        page.text_of("detail").contains("We know.") && page.text_of("detail").contains("Service 00: down, ongoing"),
        "{}",
        page.text_of("detail")
    );
    assert_eq!(browser.script(visible).await, false);
    assert_eq!(browser.script("return document.activeElement.id").await, "detail");
    browser.script("history.back()").await;
    when_detail(&browser, "").await;
    assert_eq!((browser.script(query).await, browser.script(visible).await), (json!("?zone=UTC"), json!(true)));
    let link = |text: &str| {
        format!("[...document.querySelectorAll('header nav a')].find(one => one.textContent === '{text}').click()")
    };
    browser.script(&link("History")).await;
    when_detail(&browser, "History").await;
    assert_eq!(browser.script(query).await, "?view=history&zone=UTC");
    browser.script(&link("Current status")).await;
    when_detail(&browser, "").await;
    assert_eq!(browser.script(query).await, "?zone=UTC");
    browser.script("history.go(-2)").await;
    when_detail(&browser, "").await;
}

#[tokio::test]
async fn incidents_are_shown_offline() {
    let fake_nodes = one_down(1);
    let mut caddy = serve_store(&fake_nodes, json!({ "offline": true })).await;
    write(&caddy.site.path().join("store"), &[posts::digest("anna", &incidents("anna", 1, fake_nodes.now))]);
    let browser = browser_at_the_end_of(&fake_nodes).await;
    page::visit(&browser, &caddy.url).await;
    page::when(&browser, "the page to be stored", |page| page.is_kept() && page.is_complete()).await;
    caddy.stop();
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert!(page.announcements()[0].starts_with("Incident 0"), "{:?}", page.announcements());
    assert_eq!(page.problems(), "");
}

#[tokio::test]
async fn an_incident_in_the_timeline_contains_its_outage() {
    let mut fake_nodes = one_down(2);
    fake_nodes.outages.push(Outage {
        endpoint: 1,
        nodes: 0..1,
        time: fake_nodes.now - DAY..fake_nodes.now - DAY + HOUR,
    });
    let caddy = serve_store(&fake_nodes, json!({})).await;
    let id = posts::id("anna", fake_nodes.now - 2 * HOUR);
    write(
        &caddy.site.path().join("store"),
        &[posts::digest("anna", &[posts::incident(&id, "Broken", &[("Service 00", Impact::Down)], "")])],
    );
    let browser = browser_at_the_end_of(&fake_nodes).await;
    let page = page::visit(&browser, &caddy.url).await;
    let incident = page.events("announcement");
    assert_eq!(incident.len(), 1, "{:#}", page.0["events"]);
    assert!(
        incident[0].contains("Broken Investigating") && incident[0].contains("Service 00: down, ongoing (3 h so far)"),
        "{incident:?}"
    );
    let nested = browser.script("return [...document.querySelectorAll('#timeline .day > .events > .event[data-kind=status]')].map(one => one.textContent)").await;
    assert_eq!(nested.as_array().map(Vec::len), Some(1), "{nested}");
    assert!(nested[0].as_str().is_some_and(|text| text.contains("Service 01")), "{nested}");
}
