//! Facts about what is told, when, and how it is drawn.

use std::path::Path;

use shared::DAY;
use shared::check_file::write_check_file;
use shared::object_name::CheckFileName;
use shared::summary::NodeReport;

use super::*;
use crate::recorder::history_writer::KeptHistory;
use crate::store::settings::{Storage, StoreLocation};
use crate::store::upload::put_check_file;

const NOW: UnixNanos = 1_795_330_254_340_493_978;

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

/// A node with a store of its own or of others, told round by round.
struct Telling {
    store: Arc<Store>,
    node: NodeName,
    history: KeptHistory,
    summary: KeptSummary,
}

impl Telling {
    async fn of(name: &str, folder: &Path) -> Telling {
        let storage =
            Storage { location: StoreLocation::Directory(folder.to_owned()), check_expiry: None, history_expiry: DAY };
        Telling {
            store: Arc::new(Store::open(&storage).await),
            node: node(name),
            history: KeptHistory::new(node(name), DAY),
            summary: KeptSummary::new(node(name), "My status".to_owned()),
        }
    }

    /// Stores a round and tells of it; says which objects were written.
    async fn round(&mut self, folder: &Path, at: UnixNanos, found: &[(&str, Status)]) -> Vec<String> {
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
            // What is written again is told by its new content.
            if file.extension().is_some_and(|ending| ending == "svg") {
                std::fs::write(file, "old").expect("it is ours");
            }
        }
        self.summary.tell(&self.store, &results, at).await.expect("it is told");
        let drawn = folder.join(format!("0-badge/{}", self.node)).read_dir().into_iter().flatten().flatten();
        let drawn = drawn.filter(|file| std::fs::read(file.path()).is_ok_and(|content| content != b"old"));
        let mut drawn: Vec<String> = drawn.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        drawn.sort();
        drawn
    }

    async fn told(&self) -> Summary {
        let content = self.store.get(&self.summary.name(SummaryForm::Json)).await.expect("it can be read");
        Summary::parse(&content.expect("it is there")).expect("it is a summary")
    }
}

#[tokio::test]
async fn news_is_told_at_once_and_the_rest_now_and_then() {
    use Status::{Down, Healthy};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let mut here = Telling::of("here", path).await;
    let quiet = [("A", Healthy), ("B", Healthy)];
    assert_eq!(here.round(path, NOW, &quiet).await, ["A.svg", "B.svg", "_overall.svg"]);
    assert_eq!(here.round(path, NOW + MINUTE, &quiet).await, Vec::<String>::new());
    assert_eq!(here.told().await.at, NOW, "nothing has changed for a minute");
    let news = [("A", Healthy), ("B", Down)];
    assert_eq!(here.round(path, NOW + 2 * MINUTE, &news).await, ["B.svg", "_overall.svg"]);
    assert_eq!((here.told().await.at, here.told().await.status), (NOW + 2 * MINUTE, Down));
    assert_eq!(here.round(path, NOW + 3 * MINUTE, &news).await, Vec::<String>::new());
    assert_eq!(here.round(path, NOW + 7 * MINUTE, &news).await, Vec::<String>::new());
    assert_eq!(here.told().await.at, NOW + 7 * MINUTE, "five minutes are long enough");
    // Another run of the same checker goes on where the store says that this one ended.
    let mut again = Telling::of("here", path).await;
    assert_eq!(again.round(path, NOW + 8 * MINUTE, &news).await, Vec::<String>::new());
    assert_eq!(again.told().await.at, NOW + 7 * MINUTE);
    assert_eq!(again.round(path, NOW + 61 * MINUTE, &news).await.len(), 3, "all badges once an hour");
}

#[tokio::test]
async fn each_node_tells_what_all_of_them_know_under_names_of_its_own() {
    use Status::{Down, Healthy};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let (mut east, mut west) = (Telling::of("east", path).await, Telling::of("west", path).await);
    east.round(path, NOW, &[("A", Down)]).await;
    assert_eq!(east.told().await.status, Down);
    let drawn = west.round(path, NOW + shared::SECOND, &[("A", Healthy), ("B", Healthy)]).await;
    assert_eq!(drawn, ["A.svg", "B.svg", "_overall.svg"]);
    let told = west.told().await;
    assert_eq!((told.endpoints[0].status_word(), told.endpoints[0].own_status), ("localized", Healthy));
    assert_eq!(told.nodes.len(), 2);
    assert_eq!(east.told().await.status, Down, "it is the other's, and was not touched");
    east.round(path, NOW + 2 * shared::SECOND, &[("A", Healthy)]).await;
    assert_eq!(
        east.told().await.endpoints.iter().filter(|told| told.badge.is_some()).count(),
        1,
        "B is none of its own"
    );
}

#[tokio::test]
async fn of_two_endpoints_with_one_title_the_badge_tells_the_worse() {
    let told = |endpoint: &str, status| EndpointSummary {
        title: "Shop".to_owned(),
        endpoint: endpoint.to_owned(),
        status,
        localized: false,
        since: None,
        checked: Some(NOW),
        until: None,
        down_from: Vec::new(),
        voters: 1,
        own_status: status,
        badge: Some(String::new()),
    };
    let mut summary = told_page("x", "y");
    summary.endpoints = vec![told("a", Status::Unknown), told("b", Status::Healthy)];
    assert_eq!(faces(&summary)[&SummaryForm::Badge(BadgeTitle::new("Shop"))].status, Status::Healthy);
    summary.endpoints.push(told("c", Status::Down));
    assert_eq!(faces(&summary)[&SummaryForm::Badge(BadgeTitle::new("Shop"))].status, Status::Down);
}

fn told_page(page: &str, title: &str) -> Summary {
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
            since: Some(NOW - HOUR),
            checked: Some(NOW),
            until: None,
            down_from: vec!["there".to_owned()],
            voters: 3,
            own_status: Status::Healthy,
            badge: None,
        }],
    }
}

#[test]
fn the_page_says_what_there_is_to_say_in_plain_words() {
    let page = html::page(&told_page("My status", "Shop"));
    for words in [
        "<title>My status: degraded</title>",
        "▲ <strong>1 of 1 is degraded</strong> (looked at 2026-11-22 06:50 UTC)",
        "<th scope=\"row\">Shop</th><td>◐ localized (not reached from there; 1 of 3 nodes)</td>\
         <td>2026-11-22 05:50 UTC</td><td>2026-11-22 06:50 UTC</td>",
        "The checker <b>here</b> wrote this at 2026-11-22 06:50 UTC from what here, 1 more stored.",
        "at least every 5 min: if that time is long past, nobody knows how things stand",
    ] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
    let mut nobody = told_page("My status", "Shop");
    (nobody.status, nobody.endpoints) = (Status::Unknown, Vec::new());
    assert!(html::page(&nobody).contains("○ <strong>Nobody knows how things stand</strong>"));
}

#[test]
fn the_page_has_no_script_and_no_style_whatever_the_titles_are() {
    let hostile = "</table><script>alert(1)</script><b style=\"x\" onclick='y'>&\u{202e}\u{1b}";
    let page = html::page(&told_page(hostile, hostile));
    assert!(
        !page.contains("<script") && !page.contains("<b style") && !page.contains(['\u{1b}', '\u{202e}']),
        "{page}"
    );
    assert_eq!(page.matches("</table>").count(), 1);
    assert!(page.contains("&lt;/table&gt;&lt;script&gt;alert(1)"), "{page}");
}
