//! Tests of the content of summaries and badges, and of when they are written.

use std::path::Path;
use std::sync::Arc;

use shared::announced::Announced;
use shared::check_file::{CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName, SummaryName};
use shared::page_config::{PageConfig, Source};
use shared::summary::NodeReport;
use shared::{DAY, HOUR};

use super::*;
use crate::recorder::history_writer::HistoryWriter;
use crate::recorder::outputs::dataset::OutputSettings;
use crate::recorder::publisher::Publisher;
use crate::store::Store;
use crate::store::settings::{Storage, StoreLocation};
use crate::store::upload::put_check_file;

pub(super) const NOW: UnixNanos = 1_795_330_254_340_493_978;

pub(super) fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

fn page() -> PageConfig {
    let source = Source::Http { url: "store/".to_owned() };
    PageConfig { title: "My status".to_owned(), ..PageConfig::new(source) }
}

/// A node that records rounds in a store, which it may share with others.
pub(super) struct TestNode {
    pub(super) store: Arc<Store>,
    node: NodeName,
    history: HistoryWriter,
    pub(super) publisher: Publisher,
}

impl TestNode {
    pub(super) async fn new(name: &str, folder: &Path) -> TestNode {
        let storage =
            Storage { location: StoreLocation::Directory(folder.to_owned()), check_expiry: None, history_expiry: DAY };
        TestNode {
            store: Arc::new(Store::open(&storage).await),
            node: node(name),
            history: HistoryWriter::new(node(name), DAY),
            publisher: Publisher::with_settings(OutputSettings::of_page(node(name), &page()), &[]),
        }
    }

    /// Records a round. Returns the badges that were written.
    pub(super) async fn round(&mut self, folder: &Path, at: UnixNanos, found: &[(&str, Status)]) -> Vec<String> {
        let results: Vec<CheckResult> = found
            .iter()
            .map(|(title, status)| CheckResult {
                title: (*title).to_owned(),
                locator: "https://shop.example/".to_owned(),
                timestamp: at,
                status: *status,
                interval: Some(MINUTE),
                node: Some(self.node.clone()),
                ..CheckResult::default()
            })
            .collect();
        let name = CheckFileName { stored_at: at, node: Some(self.node.clone()) };
        let name = put_check_file(&self.store, &name, write_check_file(&results)).await.expect("it is stored");
        self.history.add(&self.store, (&name, &results), &[], at).await.expect("it is added");
        let objects = || ["0-summary".to_owned(), format!("0-badge/{}", self.node)].map(|name| folder.join(name));
        for file in objects().iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten() {
            let file = file.path();
            // Overwrite the badges to detect which ones are written again.
            if file.extension().is_some_and(|ending| ending == "svg") {
                std::fs::write(file, "old").expect("it is ours");
            }
        }
        self.publisher.write(&self.store, &results, at).await.expect("it is written");
        let drawn = folder.join(format!("0-badge/{}", self.node)).read_dir().into_iter().flatten().flatten();
        let drawn = drawn.filter(|file| std::fs::read(file.path()).is_ok_and(|content| content != b"old"));
        let mut drawn: Vec<String> = drawn.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        drawn.sort();
        drawn
    }

    pub(super) async fn summary(&self) -> Summary {
        let content = self
            .store
            .get(&SummaryName { node: self.node.clone(), form: SummaryForm::Json })
            .await
            .expect("it can be read");
        Summary::parse(&content.expect("it is there")).expect("it is a summary")
    }
}

#[tokio::test]
async fn changes_are_written_at_once_and_the_rest_in_intervals() {
    use Status::{Down, Healthy};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let mut here = TestNode::new("here", path).await;
    let quiet = [("A", Healthy), ("B", Healthy)];
    assert_eq!(here.round(path, NOW, &quiet).await, ["A.svg", "B.svg", "_overall.svg"]);
    assert_eq!(here.round(path, NOW + MINUTE, &quiet).await, Vec::<String>::new());
    assert_eq!(here.summary().await.at, NOW, "nothing has changed for a minute");
    let news = [("A", Healthy), ("B", Down)];
    assert_eq!(here.round(path, NOW + 2 * MINUTE, &news).await, ["B.svg", "_overall.svg"]);
    assert_eq!((here.summary().await.at, here.summary().await.status), (NOW + 2 * MINUTE, Down));
    assert_eq!(here.round(path, NOW + 3 * MINUTE, &news).await, Vec::<String>::new());
    assert_eq!(here.round(path, NOW + 7 * MINUTE, &news).await, Vec::<String>::new());
    assert_eq!(here.summary().await.at, NOW + 7 * MINUTE, "five minutes are long enough");
    // Another run of the same checker continues from the summary in the store.
    let mut again = TestNode::new("here", path).await;
    assert_eq!(again.round(path, NOW + 8 * MINUTE, &news).await, Vec::<String>::new());
    assert_eq!(again.summary().await.at, NOW + 7 * MINUTE);
    assert_eq!(again.round(path, NOW + 61 * MINUTE, &news).await.len(), 3, "all badges once an hour");
}

#[tokio::test]
async fn each_node_writes_its_own_summary_of_all_nodes() {
    use Status::{Down, Healthy};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let (mut east, mut west) = (TestNode::new("east", path).await, TestNode::new("west", path).await);
    east.round(path, NOW, &[("A", Down)]).await;
    assert_eq!(east.summary().await.status, Down);
    let drawn = west.round(path, NOW + shared::SECOND, &[("A", Healthy), ("B", Healthy)]).await;
    assert_eq!(drawn, ["A.svg", "B.svg", "_overall.svg"]);
    let summary = west.summary().await;
    assert_eq!((summary.endpoints[0].status_word(), summary.endpoints[0].own_status), ("partial outage", Healthy));
    assert_eq!(summary.nodes.len(), 2);
    assert_eq!(east.summary().await.status, Down, "another node does not change it");
    east.round(path, NOW + 2 * shared::SECOND, &[("A", Healthy)]).await;
    assert_eq!(
        east.summary().await.endpoints.iter().filter(|endpoint| endpoint.badge.is_some()).count(),
        1,
        "this node does not check B"
    );
}

#[tokio::test]
async fn a_shared_badge_shows_the_worst_status() {
    let endpoint = |endpoint: &str, status| EndpointSummary {
        title: "Shop".to_owned(),
        endpoint: endpoint.to_owned(),
        status,
        localized: false,
        retired: false,
        since: None,
        checked: Some(NOW),
        until: None,
        down_from: Vec::new(),
        voters: 1,
        own_status: status,
        badge: Some(String::new()),
        planned_until: None,
        incidents: Vec::new(),
    };
    let mut summary = example("x", "y");
    summary.endpoints = vec![endpoint("a", Status::Unknown), endpoint("b", Status::Healthy)];
    assert_eq!(badge_contents(&summary)[&SummaryForm::Badge(BadgeTitle::new("Shop"))].status, Status::Healthy);
    summary.endpoints.push(endpoint("c", Status::Down));
    assert_eq!(badge_contents(&summary)[&SummaryForm::Badge(BadgeTitle::new("Shop"))].status, Status::Down);
}

pub(super) fn example(page: &str, title: &str) -> Summary {
    Summary {
        title: page.to_owned(),
        node: "here".to_owned(),
        at: NOW,
        badges_at: NOW,
        status: Status::Degraded,
        nodes: vec![
            NodeReport { node: Some("here".to_owned()), reported: NOW },
            NodeReport { node: None, reported: NOW },
        ],
        endpoints: vec![EndpointSummary {
            title: title.to_owned(),
            endpoint: "https://shop.example/".to_owned(),
            status: Status::Degraded,
            localized: true,
            retired: false,
            since: Some(NOW - HOUR),
            checked: Some(NOW),
            until: None,
            down_from: vec!["there".to_owned()],
            voters: 3,
            own_status: Status::Healthy,
            badge: None,
            planned_until: None,
            incidents: Vec::new(),
        }],
        announced: Announced::default(),
    }
}

#[test]
fn the_page_contains_status_times_and_author() {
    let page = html::page(&example("My status", "Shop"));
    for words in [
        "<title>My status: degraded</title>",
        "▲ <strong>1 of 1 service is degraded</strong> (as of 2026-11-22 06:50 UTC)",
        "<th scope=\"row\">Shop</th><td>◐ partial outage (not reachable from there; 1 of 3 locations)</td>\
         <td>2026-11-22 05:50 UTC</td><td>2026-11-22 06:50 UTC</td>",
        "Written by the checker <b>here</b> at 2026-11-22 06:50 UTC from the results of here, 1 more.",
        "at least every 5 min: if the time above is much older, the current status is unknown",
    ] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
    let mut unknown = example("My status", "Shop");
    (unknown.status, unknown.endpoints) = (Status::Unknown, Vec::new());
    assert!(html::page(&unknown).contains("○ <strong>The status is unknown</strong>"));
}

#[test]
fn titles_cannot_add_markup_to_the_page() {
    let hostile = "</table><script>alert(1)</script><b style=\"x\" onclick='y'>&\u{202e}\u{1b}";
    let page = html::page(&example(hostile, hostile));
    assert!(
        !page.contains("<script") && !page.contains("<b style") && !page.contains(['\u{1b}', '\u{202e}']),
        "{page}"
    );
    assert_eq!(page.matches("</table>").count(), 1);
    assert!(page.contains("&lt;/table&gt;&lt;script&gt;alert(1)"), "{page}");
}
