//! Tests of when outputs are stored.

use std::path::Path;

use shared::check_file::{CheckResult, write_check_file};
use shared::object_name::{CheckFileName, NodeName, OutputForm, OutputName};
use shared::outputs::OutputIndex;
use shared::page_config::{PageConfig, Source};
use shared::status::Status;
use shared::{DAY, MINUTE, UnixNanos};
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::model::OutputKind;
use crate::recorder::history_writer::HistoryWriter;
use crate::recorder::outputs::dataset::OutputSettings;
use crate::recorder::publisher::Publisher;
use crate::store::Store;
use crate::store::settings::{Storage, StoreLocation};
use crate::store::upload::put_check_file;

const NOW: UnixNanos = 1_795_330_254_340_493_978;
const MARK: &[u8] = b"unchanged";

/// A node that records rounds in a directory.
struct RecordingNode<'a> {
    folder: &'a Path,
    store: Arc<Store>,
    history: HistoryWriter,
    publisher: Publisher,
}

fn name() -> NodeName {
    NodeName::new("here").expect("a name")
}

fn publisher(kinds: &[OutputKind]) -> Publisher {
    let page = PageConfig { range: DAY, ..PageConfig::new(Source::Http { url: "store/".to_owned() }) };
    Publisher::with_settings(OutputSettings::of_page(name(), &page), kinds)
}

impl RecordingNode<'_> {
    async fn new<'a>(folder: &'a Path, kinds: &[OutputKind]) -> RecordingNode<'a> {
        let location = StoreLocation::Directory(folder.to_owned());
        let storage = Storage { location, check_expiry: None, history_expiry: DAY };
        RecordingNode {
            folder,
            store: Arc::new(Store::open(&storage).await),
            history: HistoryWriter::new(name(), DAY),
            publisher: publisher(kinds),
        }
    }

    /// Records a round, and returns the paths of the outputs that were written.
    async fn round(&mut self, at: UnixNanos, statuses: &[(&str, Status)]) -> BTreeSet<String> {
        let results = statuses.iter().map(|(title, status)| CheckResult {
            title: (*title).to_owned(),
            locator: "https://shop.example/".to_owned(),
            timestamp: at,
            status: *status,
            interval: Some(MINUTE),
            node: Some(name()),
            ..CheckResult::default()
        });
        let results: Vec<CheckResult> = results.collect();
        let file = CheckFileName { stored_at: at, node: Some(name()) };
        let file = put_check_file(&self.store, &file, write_check_file(&results)).await.expect("it is stored");
        self.history.add(&self.store, (&file, &results), &[], at).await.expect("it is added");
        let index = self.folder.join("0-feed/here/index.json");
        let before = std::fs::read(&index).ok();
        // Mark the outputs to detect which ones are written again, except for the index, which the node reads.
        let marked = self.outputs();
        for path in &marked {
            std::fs::write(self.folder.join("0-feed/here").join(path), MARK).expect("it is ours");
        }
        self.publisher.write(&self.store, &results, at).await.expect("it is written");
        let content = |path: &String| std::fs::read(self.folder.join("0-feed/here").join(path)).unwrap_or_default();
        let mut written: BTreeSet<String> = self.outputs().into_iter().filter(|path| content(path) != MARK).collect();
        if std::fs::read(&index).ok() != before {
            written.insert("index.json".to_owned());
        }
        written
    }

    /// Returns the paths of all stored outputs except the index.
    fn outputs(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut folders = vec![self.folder.join("0-feed/here")];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(self.folder).expect("it is inside").to_string_lossy().into_owned();
                match OutputName::parse(&name).expect("it is an output").form {
                    OutputForm::Index => {}
                    form => paths.push(form.to_string()),
                }
            }
        }
        paths
    }
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

const BOTH: [(&str, Status); 2] = [("Shop", Status::Healthy), ("API 2", Status::Healthy)];
/// The outputs without figures that change as time passes.
const QUIET: [OutputKind; 3] = [OutputKind::Feeds, OutputKind::Calendar, OutputKind::Statuspage];
const FEEDS: [&str; 3] = ["feed.atom", "feed.json", "feed.rss"];

#[tokio::test]
async fn a_hundred_quiet_rounds_write_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = RecordingNode::new(folder.path(), &QUIET).await;
    let first = node.round(NOW, &BOTH).await;
    let all = ["endpoint/API__2.atom", "endpoint/Shop.atom", "index.json", "maintenance.ics"];
    let (documents, others) =
        first.iter().cloned().partition::<BTreeSet<String>, _>(|path| path.starts_with("api/v2/"));
    assert_eq!((documents.len(), others), (8, set(&[&FEEDS[..], &all].concat())));
    for round in 1..=100 {
        assert_eq!(node.round(NOW + round * MINUTE, &BOTH).await, set(&[]), "round {round}");
    }
    // A new process, as with cron, does not write anything either.
    node.publisher = publisher(&QUIET);
    for round in 101..=110 {
        assert_eq!(node.round(NOW + round * MINUTE, &BOTH).await, set(&[]), "round {round}");
        node.publisher = publisher(&QUIET);
    }
}

#[tokio::test]
async fn an_outage_is_written_after_two_minutes_and_when_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = RecordingNode::new(folder.path(), &[OutputKind::Feeds]).await;
    node.round(NOW, &BOTH).await;
    let down = [("Shop", Status::Down), BOTH[1]];
    let expected = set(&[&FEEDS[..], &["endpoint/Shop.atom", "index.json"]].concat());
    let mut written = Vec::new();
    for minute in 1..=30 {
        let outputs = node.round(NOW + minute * MINUTE, if minute <= 20 { &down } else { &BOTH }).await;
        if !outputs.is_empty() {
            assert_eq!(outputs, expected, "minute {minute}: the other endpoint's feed is the same");
            written.push(minute);
        }
    }
    assert_eq!(written, [3, 21]);
    let index = std::fs::read(folder.path().join("0-feed/here/index.json")).expect("it is there");
    assert!(OutputIndex::parse(&index).is_some());
}

#[tokio::test]
async fn outputs_are_written_again_if_the_index_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [OutputKind::Feeds];
    let mut node = RecordingNode::new(folder.path(), &kinds).await;
    let first = node.round(NOW, &BOTH).await;
    node.publisher = publisher(&kinds);
    std::fs::write(folder.path().join("0-feed/here/index.json"), "{").expect("it is ours");
    assert_eq!(node.round(NOW + 10 * MINUTE, &BOTH).await, first);
}

#[tokio::test]
async fn all_outputs_can_be_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = RecordingNode::new(folder.path(), &OutputKind::ALL).await;
    let written = node.round(NOW, &BOTH).await;
    for path in ["api/v2/summary.json", "api/v2/incidents/unresolved.json", "badge/Shop.json", "badge/Shop.uptime.svg"]
    {
        assert!(written.contains(path), "{path} is not in {written:?}");
    }
    let shields = std::fs::read_to_string(folder.path().join("0-feed/here/badge/Shop.json")).expect("it is there");
    assert_eq!(
        shields,
        r#"{"schemaVersion":1,"label":"Shop","message":"healthy","color":"brightgreen","isError":false}"#
    );
    let status = std::fs::read_to_string(folder.path().join("0-feed/here/api/v2/status.json")).expect("it is there");
    assert!(status.contains(r#""status":{"indicator":"none","description":"All Systems Operational"}"#), "{status}");
    let uptime = std::fs::read_to_string(folder.path().join("0-feed/here/badge/Shop.uptime.svg")).expect("it is there");
    assert!(uptime.contains("<title>Shop uptime: unknown in 1 d</title>"), "{uptime}");
}
