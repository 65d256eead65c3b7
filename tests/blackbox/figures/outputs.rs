//! Compares the exported outputs with the JSON of `checker status` for the same store at the same time: badges, the
//! Statuspage API, feeds and the calendar.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use shared::civil::rfc3339;
use shared::duration::{format_coarse, format_rtt};
use shared::object_name::{BadgeTitle, OutputForm, StatuspageDocument, SummaryForm};
use shared::outputs::MIN_OUTAGE;

use super::expected::{list, number, text};

/// The exported files, and the reports with the same figures.
pub(super) struct Exported<'a> {
    pub(super) folder: &'a Path,
    /// The report over the range of the page, with `--full`.
    pub(super) report: &'a Value,
    /// The report over 90 days, which is the range of feeds.
    pub(super) longest: &'a Value,
}

impl Exported<'_> {
    pub(super) fn compare(&self) {
        for of in self.endpoints() {
            self.compare_badges(of);
        }
        self.compare_summary();
        self.compare_components();
        self.compare_incidents();
        self.compare_maintenance();
        self.compare_feed();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn document(&self, document: StatuspageDocument) -> Value {
        self.json(&OutputForm::Statuspage(document).to_string())
    }

    fn endpoints(&self) -> &[Value] {
        list(self.report, "endpoints")
    }

    fn compare_badges(&self, of: &Value) {
        let title = text(of, "title");
        let name = || BadgeTitle::new(title);
        let (message, color) = (message(of), color(of));
        let shields = self.json(&OutputForm::Shields(name()).to_string());
        let expected = json!({
            "schemaVersion": 1, "label": title, "message": message, "color": color, "isError": color == "red",
        });
        assert_eq!(shields, expected, "{of:#}");
        let file = SummaryForm::Badge(name()).badge_file_name().expect("it is a badge");
        let checked = rfc3339(number(of, "checked"));
        let state =
            format!("<title>{title}: {message}, last checked {} {} UTC</title>", &checked[..10], &checked[11..16]);
        assert!(self.read(&format!("badge/{file}")).contains(&state), "{state}");

        let observed = text(of, "coverage").split(['.', '%']).next().unwrap_or_default().to_owned();
        let uptime = match of["uptime"].as_str() {
            Some(uptime) if observed == "100" => format!("{uptime} in 10 d"),
            Some(uptime) => format!("{uptime} in 10 d ({observed}% observed)"),
            None => "unknown in 10 d".to_owned(),
        };
        let median = of["response_times"]["median"].as_i64().map_or_else(|| "unknown".to_owned(), format_rtt);
        for (form, figure) in [
            (OutputForm::UptimeBadge(name()), format!("{title} uptime: {uptime}")),
            (OutputForm::ResponseTimeBadge(name()), format!("{title} response time: {median} in 10 d")),
        ] {
            let image = self.read(&form.to_string());
            assert!(image.contains(&format!("<title>{figure}</title>")), "{figure} is not in {image}");
        }
    }

    fn compare_summary(&self) {
        let summary = self.json("summary.json");
        let statuses = |of: &Value| {
            let endpoints = list(of, "endpoints").iter();
            endpoints.map(|one| json!([one["title"], one["status"], one["since"], one["checked"]])).collect::<Vec<_>>()
        };
        assert_eq!(summary["status"], self.report["status"]);
        assert_eq!(summary["announced"], self.report["announced"]);
        assert_eq!(statuses(&summary), statuses(self.report));
        let count = self.read("summary.html").matches("<tr>").count();
        assert!(count > self.endpoints().len(), "the page without scripts has a row for each endpoint: {count}");
    }

    fn compare_components(&self) {
        let summary = self.document(StatuspageDocument::Summary);
        let components = list(&summary, "components").iter().filter(|one| one["group"] == false);
        let found: BTreeMap<&str, &str> = components.map(|one| (text(one, "name"), text(one, "status"))).collect();
        let expected: BTreeMap<&str, &str> =
            self.endpoints().iter().map(|of| (text(of, "title"), component(of))).collect();
        assert_eq!(found, expected);
        let groups = list(&summary, "components").iter().filter(|one| one["group"] == true);
        assert_eq!(groups.map(|group| text(group, "name")).collect::<Vec<_>>(), ["Money"]);
        // Some endpoints are down outside of maintenance.
        let status = json!({ "indicator": "major", "description": "Partial System Outage" });
        assert_eq!((&summary["status"], text(self.report, "status")), (&status, "down"));
        for document in [StatuspageDocument::Status, StatuspageDocument::Components] {
            let document = self.document(document);
            for key in ["status", "components"].into_iter().filter(|key| !document[*key].is_null()) {
                assert_eq!(document[key], summary[key]);
            }
        }
    }

    fn compare_incidents(&self) {
        let titles = |list: &[Value], key: &str| -> BTreeSet<String> {
            list.iter().map(|one| text(one, key).to_owned()).collect()
        };
        let open = titles(list(&self.report["announced"], "incidents"), "title");
        let unresolved = self.document(StatuspageDocument::UnresolvedIncidents);
        // An incident about everything is open, so each current outage belongs to a written incident.
        assert_eq!(titles(list(&unresolved, "incidents"), "name"), open);
        let all = self.document(StatuspageDocument::Incidents);
        let mut measured = 0;
        for incident in list(&all, "incidents").iter().filter(|one| text(one, "name").starts_with("Service ")) {
            let title = text(incident, "name").split(" is ").next().unwrap_or_default();
            let is_same = |outage: &&Value| {
                let end = outage["end"].as_i64().map(milliseconds);
                outage["planned"] == false
                    && milliseconds(number(outage, "start")) == text(incident, "started_at")
                    && json!(end) == incident["resolved_at"]
            };
            assert_eq!(self.outages(title).iter().filter(is_same).count(), 1, "{incident:#}");
            measured += 1;
        }
        assert!(measured > 0, "{all:#}");
    }

    fn compare_maintenance(&self) {
        let announced = list(&self.report["announced"], "maintenance");
        let windows = |is_active: bool| -> BTreeSet<String> {
            let own = announced.iter().filter(|one| one["in_progress"] == is_active);
            let times = |one: &Value| ["start", "end"].map(|key| milliseconds(number(one, key)));
            own.map(|one| json!([one["title"], times(one)]).to_string()).collect()
        };
        for (document, is_active) in
            [(StatuspageDocument::ActiveMaintenances, true), (StatuspageDocument::UpcomingMaintenances, false)]
        {
            let document = self.document(document);
            let found: BTreeSet<String> = list(&document, "scheduled_maintenances")
                .iter()
                .map(|one| json!([one["name"], [one["scheduled_for"], one["scheduled_until"]]]).to_string())
                .collect();
            assert_eq!(found, windows(is_active));
            assert!(!found.is_empty());
        }
        let calendar = self.read("maintenance.ics");
        for one in announced {
            let event = calendar.split("BEGIN:VEVENT").find(|event| {
                event.contains(&format!("SUMMARY:{}\r\n", text(one, "title"))) && !event.contains("CANCELLED")
            });
            let event = event.unwrap_or_else(|| panic!("{one:#} is not in {calendar}"));
            for (name, key) in [("DTSTART", "start"), ("DTEND", "end")] {
                let time: String =
                    rfc3339(number(one, key)).chars().filter(|letter| !matches!(letter, '-' | ':')).collect();
                assert!(event.contains(&format!("{name}:{time}\r\n")), "{time}: {event}");
            }
        }
    }

    /// Returns the outages of an endpoint over 90 days.
    fn outages(&self, title: &str) -> &[Value] {
        let endpoint = list(self.longest, "endpoints").iter().find(|of| text(of, "title") == title);
        list(endpoint.unwrap_or_else(|| panic!("no {title} in the report")), "incidents")
    }

    fn compare_feed(&self) {
        let mut expected = BTreeSet::new();
        for of in list(self.longest, "endpoints") {
            let title = text(of, "title");
            for outage in list(of, "incidents").iter().filter(|outage| number(outage, "length") >= MIN_OUTAGE) {
                let planned = if outage["planned"] == true { " (planned)" } else { "" };
                let (is, was) = match (text(outage, "status"), &outage["localized"]) {
                    ("down", _) => ("is down", "was down"),
                    (_, Value::Bool(true)) => ("has a partial outage", "had a partial outage"),
                    _ => ("is degraded", "was degraded"),
                };
                expected.insert((rfc3339(number(outage, "start")), format!("{title} {is}{planned}")));
                if let Some(end) = outage["end"].as_i64() {
                    let length = format_coarse(number(outage, "length"));
                    let healthy = format!("{title} is healthy again after {length}");
                    expected.insert((rfc3339(end), healthy));
                    assert_eq!(was, "was down", "in this store, only endpoints that were down recovered");
                }
            }
        }
        let feed = self.json("feed.json");
        let items = list(&feed, "items").iter();
        let found: BTreeSet<(String, String)> = items
            .filter(|item| text(item, "title").starts_with("Service "))
            .map(|item| (text(item, "date_published").to_owned(), text(item, "title").to_owned()))
            .collect();
        assert_eq!(found, expected);
        assert!(found.iter().any(|(_, title)| title.contains(" again after ")), "{found:?}");
        // The other formats have the same entries.
        for (path, element) in [("feed.atom", "<entry>"), ("feed.rss", "<item>")] {
            assert_eq!(self.read(path).matches(element).count(), list(&feed, "items").len(), "{path}");
        }
    }
}

/// Returns the words of a badge: `down (planned), open incident`.
fn message(of: &Value) -> String {
    let is_partial = of["localized"] == true && of["status"] == "degraded";
    let word = if is_partial { "partial outage" } else { text(of, "status") };
    let planned = if of["planned_until"].is_null() { "" } else { " (planned)" };
    let incident = if list(of, "open_incidents").is_empty() { "" } else { ", open incident" };
    format!("{word}{planned}{incident}")
}

fn color(of: &Value) -> &'static str {
    match text(of, "status") {
        _ if !of["planned_until"].is_null() => "blue",
        "healthy" => "brightgreen",
        "degraded" => "yellow",
        "down" => "red",
        _ => "lightgrey",
    }
}

fn component(of: &Value) -> &'static str {
    match text(of, "status") {
        "healthy" => "operational",
        "unknown" => "degraded_performance",
        _ if !of["planned_until"].is_null() => "under_maintenance",
        "degraded" if of["localized"] == true => "partial_outage",
        "degraded" => "degraded_performance",
        _ => "major_outage",
    }
}

/// Formats a time in UTC with milliseconds: `2026-11-22T06:50:54.340Z`.
fn milliseconds(at: i64) -> String {
    format!("{}.{:03}Z", rfc3339(at).trim_end_matches('Z'), at.rem_euclid(1_000_000_000) / 1_000_000)
}
