//! Stores the past rounds of a demo: recent ones as check files, and all of them in histories.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use shared::check_file::write_check_file;
use shared::history::{DEFAULT_EXPIRY, History, HistoryBuilder, Latencies};
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::{HOUR, Nanos};

use super::DemoError;
use super::generator::{Generator, ROUND_LENGTH};
use super::services::LOCATIONS;
use crate::store::Store;

/// How far back check files reach: the page shows individual checks of the last 24 hours.
const CHECK_FILES: Nanos = 26 * HOUR;

/// Stores the histories of all locations, and check files in the directory of the store. Stops early if `is_canceled`
/// returns true.
pub async fn write_past(
    generator: &Generator,
    store: &Store,
    directory: &Path,
    is_canceled: impl Fn() -> bool + Clone + Send + 'static,
) -> Result<(), DemoError> {
    fs::create_dir_all(directory).map_err(|cause| DemoError::Unwritable { path: directory.to_owned(), cause })?;
    let generator = Arc::new(generator.clone());
    let mut building = Vec::new();
    for location in 0..LOCATIONS.len() {
        let (generator, directory, is_canceled) = (Arc::clone(&generator), directory.to_owned(), is_canceled.clone());
        let build = move || build_history(&generator, location, &directory, &is_canceled);
        building.push(tokio::task::spawn_blocking(build));
    }
    for task in building {
        let (history, latencies) = task.await??;
        let name = |part| HistoryName { node: history.node.clone(), part };
        store.put(&name(HistoryPart::Latency), latencies.to_json().into()).await?;
        store.put(&name(HistoryPart::Main), history.to_json().into()).await?;
    }
    Ok(())
}

/// Builds the history of a location, and writes its recent check files.
fn build_history(
    generator: &Generator,
    location: usize,
    directory: &Path,
    is_canceled: &dyn Fn() -> bool,
) -> Result<(History, Latencies), DemoError> {
    let node = LOCATIONS.get(location).and_then(|(name, _)| NodeName::new(name).ok());
    let (mut history, mut latencies) = (History::new(node.clone()), Latencies::default());
    let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
    for (at, interval) in generator.past_rounds(location).take_while(|_| !is_canceled()) {
        let results = generator.round(location, at, interval);
        let name = CheckFileName { stored_at: at + ROUND_LENGTH, node: node.clone() };
        builder.add_results(&name, &results);
        if at >= generator.begun - CHECK_FILES {
            let path = directory.join(name.to_string());
            fs::write(&path, write_check_file(&results)).map_err(|cause| DemoError::Unwritable { path, cause })?;
        }
    }
    builder.finish(DEFAULT_EXPIRY);
    Ok((history, latencies))
}

#[cfg(test)]
mod tests {
    use shared::UnixNanos;
    use shared::announced::{Announced, Posted};
    use shared::status::Status;
    use shared::summary::{EndpointSummary, summary};

    use super::*;
    use crate::demo::posts::publish_posts;
    use crate::posts::board::Board;
    use crate::store::settings::{Storage, StoreLocation};

    /// The time 13:02 UTC on 2026-11-29.
    const NOW: UnixNanos = 1_795_957_320_000_000_000;

    #[tokio::test]
    async fn a_store_contains_an_outage_an_incident_and_a_window_ahead() {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Storage {
            location: StoreLocation::Directory(folder.path().to_owned()),
            check_expiry: None,
            history_expiry: DEFAULT_EXPIRY,
        };
        let (store, generator) = (Store::open(&storage).await, Generator::new(1, NOW));
        write_past(&generator, &store, folder.path(), || false).await.expect("it is stored");
        publish_posts(&generator, &store).await.expect("they are stored");
        let (_, latencies) = build_history(&generator, 0, tempfile::tempdir().expect("a folder").path(), &|| false)
            .expect("it is built");
        let name = |part| HistoryName { node: NodeName::new("eu-west").ok(), part };
        let stored = store.get(&name(HistoryPart::Latency)).await.expect("it can be read").expect("it exists");
        assert_eq!(String::from_utf8(stored).expect("it is text"), latencies.to_json(), "it depends only on the seed");

        let mut histories = Vec::new();
        for (node, _) in LOCATIONS {
            let name = HistoryName { node: NodeName::new(node).ok(), part: HistoryPart::Main };
            let stored = store.get(&name).await.expect("it can be read").expect("it exists");
            histories.push(History::parse(&stored).expect("it is a history"));
        }
        let board = Board::read(&store).await.expect("it can be read");
        let announcements = board.announcements(NOW);
        let posted = Posted { announcements: &announcements, groups: &[] };
        let node = NodeName::new("eu-west").expect("a name");
        let summary = summary(&histories, posted, (&node, "Acme Cloud"), NOW);
        let words: Vec<&str> = summary.endpoints.iter().map(EndpointSummary::status_word).collect();
        assert_eq!(words[..4], ["down", "partial outage", "healthy", "degraded"], "{words:?}");
        assert_eq!((summary.status, words.len()), (Status::Down, 8));
        let announced = Announced::new(&announcements, NOW);
        let titles = |incidents: &[shared::announced::OpenIncident]| {
            incidents.iter().map(|incident| (incident.title.clone(), incident.state.clone())).collect::<Vec<_>>()
        };
        assert_eq!(titles(&announced.incidents), [("Shop checkout is down".to_owned(), "identified".to_owned())]);
        assert_eq!(announced.maintenance.iter().map(|window| &window.title).collect::<Vec<_>>(), ["Database upgrade"]);
        assert!(announced.messages[0].text.starts_with("Demo data: "), "{:?}", announced.messages);
        let closed = announcements.incidents.iter().find(|incident| !incident.is_open()).expect("there is one");
        assert_eq!(closed.updates.len(), 3);
    }
}
