//! Tests of histories in a store, including interrupted and overlapping runs.

use super::*;
use crate::recorder::history_reader::{Detail, histories};
use crate::store::settings::{Storage, StoreLocation};
use crate::store::upload::put_check_file;
use shared::check_file::write_check_file;
use shared::endpoint_status::endpoint_statuses;
use shared::history::{DEFAULT_EXPIRY, OVERLAP};
use shared::object_name::CheckFileName;
use shared::status::Status;
use shared::{DAY, HOUR};

const START: UnixNanos = 20_779 * DAY;

fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("it is a name")
}

async fn store() -> (tempfile::TempDir, Arc<Store>) {
    let directory = tempfile::tempdir().unwrap();
    let location = StoreLocation::Directory(directory.path().join("checks"));
    let storage = Storage { location, check_expiry: None, history_expiry: DEFAULT_EXPIRY };
    (directory, Arc::new(Store::open(&storage).await))
}

fn results(at: UnixNanos, status: Status) -> Vec<CheckResult> {
    vec![CheckResult {
        title: "Shop".to_owned(),
        timestamp: at,
        status,
        interval: Some(MINUTE),
        ..CheckResult::default()
    }]
}

/// Stores a round as a checker does. Returns the arguments for adding it to the history.
async fn stored(store: &Store, name: &str, at: UnixNanos, status: Status) -> (CheckFileName, Vec<CheckResult>) {
    let file = CheckFileName { stored_at: at + SECOND, node: Some(node(name)) };
    let results = results(at, status);
    let named = put_check_file(store, &file, write_check_file(&results)).await.unwrap();
    (named, results)
}

async fn bytes(store: &Store, name: &str, part: HistoryPart) -> Vec<u8> {
    store.get(&HistoryName { node: Some(node(name)), part }).await.unwrap().unwrap_or_default()
}

/// Returns the history after a rebuild in an empty store with the same check files.
async fn fresh(store: &Arc<Store>, name: &str, now: UnixNanos) -> Vec<u8> {
    let (_directory, other) = self::store().await;
    for (file, content) in
        store.get_batch::<CheckFileName>(&store.list(Listing::all()).await.unwrap()).await.unwrap().objects
    {
        other.put(&file, content.unwrap().into()).await.unwrap();
    }
    rebuild(&other, Some(&node(name)), DEFAULT_EXPIRY, now, |_, _| {}).await.unwrap();
    bytes(&other, name, HistoryPart::Main).await
}

#[tokio::test]
async fn a_rebuild_gives_the_same_bytes_as_adding_rounds() {
    let (_directory, store) = store().await;
    let mut kept = HistoryWriter::new(node("a"), DEFAULT_EXPIRY);
    for minute in 0..30 {
        let at = START + minute * MINUTE;
        let round = stored(&store, "a", at, Status::Healthy).await;
        kept.add(&store, (&round.0, &round.1), &[], at + SECOND).await.unwrap();
    }
    let now = START + 30 * MINUTE;
    let there = bytes(&store, "a", HistoryPart::Main).await;
    assert_eq!(History::parse(&there).unwrap().file_count(), 30);
    assert_eq!(there, fresh(&store, "a", now).await);
}

#[tokio::test]
async fn overlapping_runs_do_not_lose_rounds() {
    let (_directory, store) = store().await;
    let run = async |at: UnixNanos| {
        let round = stored(&store, "a", at, Status::Healthy).await;
        (HistoryWriter::new(node("a"), DEFAULT_EXPIRY), round)
    };
    let (mut one, first) = run(START).await;
    one.add(&store, (&first.0, &first.1), &[], START + SECOND).await.unwrap();
    // Two runs read the same history; the slower one overwrites the faster one's result.
    let before = bytes(&store, "a", HistoryPart::Main).await;
    let (mut quick, quick_round) = run(START + MINUTE).await;
    quick.add(&store, (&quick_round.0, &quick_round.1), &[], START + MINUTE + SECOND).await.unwrap();
    let name = HistoryName { node: Some(node("a")), part: HistoryPart::Main };
    store.put(&name, before.into()).await.unwrap();
    let (mut next, next_round) = run(START + 2 * MINUTE).await;
    next.add(&store, (&next_round.0, &next_round.1), &[], START + 2 * MINUTE + SECOND).await.unwrap();
    let there = bytes(&store, "a", HistoryPart::Main).await;
    assert_eq!(there, fresh(&store, "a", START + HOUR).await);
    assert_eq!(History::parse(&there).unwrap().file_count(), 3);
}

#[tokio::test]
async fn a_round_from_the_spool_is_added_in_order() {
    let (_directory, store) = store().await;
    let mut kept = HistoryWriter::new(node("a"), DEFAULT_EXPIRY);
    for minute in (0..60).filter(|minute| *minute != 20) {
        let round = stored(&store, "a", START + minute * MINUTE, Status::Healthy).await;
        kept.add(&store, (&round.0, &round.1), &[], START + minute * MINUTE + SECOND).await.unwrap();
    }
    let (late, _) = stored(&store, "a", START + 20 * MINUTE, Status::Down).await;
    let now = START + HOUR;
    assert!(late.stored_at < now - OVERLAP);
    let round = stored(&store, "a", now, Status::Healthy).await;
    kept.add(&store, (&round.0, &round.1), &[late], now + SECOND).await.unwrap();
    let there = bytes(&store, "a", HistoryPart::Main).await;
    assert_eq!(there, fresh(&store, "a", now + SECOND).await);
    assert_eq!(History::parse(&there).unwrap().endpoints.values().next().unwrap().timeline.spans.len(), 3);
}

#[tokio::test]
async fn an_invalid_history_is_rebuilt_and_a_newer_one_is_kept() {
    let (_directory, store) = store().await;
    let name = HistoryName { node: Some(node("a")), part: HistoryPart::Main };
    for minute in 0..3 {
        stored(&store, "a", START + minute * MINUTE, Status::Healthy).await;
    }
    store.put(&name, "{\"version\":1,\"newest\"".into()).await.unwrap();
    let now = START + 3 * MINUTE;
    let round = stored(&store, "a", now, Status::Healthy).await;
    HistoryWriter::new(node("a"), DEFAULT_EXPIRY).add(&store, (&round.0, &round.1), &[], now + SECOND).await.unwrap();
    let there = bytes(&store, "a", HistoryPart::Main).await;
    assert_eq!(there, fresh(&store, "a", now + SECOND).await);

    store.put(&name, "{\"version\":7}".into()).await.unwrap();
    let round = stored(&store, "a", now + MINUTE, Status::Healthy).await;
    let refused =
        HistoryWriter::new(node("a"), DEFAULT_EXPIRY).add(&store, (&round.0, &round.1), &[], now + HOUR).await;
    assert!(refused.unwrap_err().to_string().contains("update it"));
    assert_eq!(bytes(&store, "a", HistoryPart::Main).await, b"{\"version\":7}");
}

#[tokio::test]
async fn a_finished_day_is_closed_in_the_latencies() {
    let (_directory, store) = store().await;
    let mut kept = HistoryWriter::new(node("a"), DEFAULT_EXPIRY);
    for hour in 0..27 {
        let round = stored(&store, "a", START + hour * HOUR, Status::Healthy).await;
        kept.add(&store, (&round.0, &round.1), &[], START + hour * HOUR + SECOND).await.unwrap();
    }
    let latencies = Latencies::parse(&bytes(&store, "a", HistoryPart::Latency).await).unwrap();
    assert_eq!(latencies.node, Some(node("a")));
    assert_eq!(bytes(&store, "a", HistoryPart::Main).await, fresh(&store, "a", START + 2 * DAY).await);
}

#[tokio::test]
async fn invalid_check_files_are_reported_and_the_others_count() {
    let (_directory, store) = store().await;
    stored(&store, "a", START, Status::Healthy).await;
    let bad = CheckFileName { stored_at: START + MINUTE, node: Some(node("a")) };
    store.put(&bad, "<html>".into()).await.unwrap();
    let mut reported = Vec::new();
    let now = START + HOUR;
    let rebuilt =
        rebuild(&store, Some(&node("a")), DEFAULT_EXPIRY, now, |done, of| reported.push((done, of))).await.unwrap();
    assert_eq!((rebuilt.files, rebuilt.unreadable.len(), reported.last()), (2, 1, Some(&(2, 2))));
    assert_eq!(rebuilt.unreadable[0].0, bad);
}

#[tokio::test]
async fn nodes_with_and_without_a_history_are_read_together() {
    let (_directory, store) = store().await;
    let mut kept = HistoryWriter::new(node("a"), DEFAULT_EXPIRY);
    for minute in 0..60 {
        let at = START + minute * MINUTE;
        let round = stored(&store, "a", at, Status::Healthy).await;
        if minute < 50 {
            kept.add(&store, (&round.0, &round.1), &[], at + SECOND).await.unwrap();
        }
        stored(&store, "b", at, if minute < 30 { Status::Healthy } else { Status::Down }).await;
    }
    let now = START + HOUR;
    let seen = histories(&store, START, now, Detail::Status).await.unwrap();
    let endpoint = &endpoint_statuses(&seen.histories)[0];
    assert_eq!((seen.histories.len(), endpoint.nodes.len()), (2, 2));
    let present = endpoint.tally(now);
    assert!(present.is_localized() && present.voters == 2);
    assert_eq!(endpoint.nodes[1].spans.len(), 2);
    // An invalid history is reported, and its check files replace it.
    let name = HistoryName { node: Some(node("a")), part: HistoryPart::Main };
    store.put(&name, "half".into()).await.unwrap();
    let seen = histories(&store, START, now, Detail::Status).await.unwrap();
    assert_eq!((seen.unreadable.len(), endpoint_statuses(&seen.histories)[0].breakdown(START, now).unknown), (1, 0));
}

#[tokio::test]
async fn a_rebuild_keeps_the_gaps_between_results_without_an_interval() {
    let (_directory, store) = store().await;
    let mut kept = HistoryWriter::new(node("a"), DEFAULT_EXPIRY);
    let mut names = Vec::new();
    // The results of the second day are further apart than those of the first.
    let times = [0, MINUTE, 2 * MINUTE, 3 * MINUTE, DAY, DAY + 10 * MINUTE, DAY + 20 * MINUTE, DAY + 30 * MINUTE];
    for at in times.map(|after| START + after) {
        let results: Vec<CheckResult> =
            results(at, Status::Healthy).into_iter().map(|result| CheckResult { interval: None, ..result }).collect();
        let file = CheckFileName { stored_at: at + SECOND, node: Some(node("a")) };
        let name = put_check_file(&store, &file, write_check_file(&results)).await.unwrap();
        kept.add(&store, (&name, &results), &[], at + 2 * SECOND).await.unwrap();
        names.push(name);
    }
    let before = bytes(&store, "a", HistoryPart::Main).await;
    assert_eq!(store.delete(&names[..4], |_| {}).await.deleted, 4);
    rebuild(&store, Some(&node("a")), DEFAULT_EXPIRY, START + DAY + HOUR, |_, _| {}).await.unwrap();
    let after = bytes(&store, "a", HistoryPart::Main).await;
    assert_eq!(String::from_utf8(after).unwrap(), String::from_utf8(before).unwrap());
}
