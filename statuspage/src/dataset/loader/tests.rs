//! Tests which objects are requested from stores in memory, and what the cache contains afterward.

use super::super::cache::REFRESHES_PER_FULL_LIST;
use super::*;
use crate::store::CONCURRENT_FETCHES;
use crate::store::ListedFile;
use futures_channel::oneshot;
use futures_util::FutureExt;
use shared::check_file::CheckFile;
use shared::history;
use shared::object_name::HistoryPart;
use shared::object_name::{CheckFileName, DigestName, HistoryName};
use shared::{HOUR, MINUTE};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::pin;

/// A store that responds to requests when a test asks it to.
#[derive(Default)]
struct PendingStore {
    requests: RefCell<BTreeMap<i64, oneshot::Sender<()>>>,
    request_count: Cell<usize>,
}

impl Store for PendingStore {
    async fn list_histories(&self) -> Result<HistoryListing, StoreError> {
        Ok(HistoryListing::default())
    }

    fn lists_digests_apart(&self) -> bool {
        false
    }

    async fn list(&self, _: UnixNanos, _: UnixNanos, _: InlineContents) -> Result<Listing, StoreError> {
        Ok(Listing::default())
    }

    async fn get(&self, object: &StoreObject) -> Result<Vec<u8>, StoreError> {
        let StoreObject::CheckFile(name) = object else { return Ok(Vec::new()) };
        let (sender, response) = oneshot::channel();
        self.requests.borrow_mut().insert(name.stored_at, sender);
        self.request_count.update(|count| count + 1);
        response.await.expect("the test responds");
        Ok(Vec::new())
    }
}

#[test]
fn each_response_allows_the_next_request() {
    let most = CONCURRENT_FETCHES;
    let (store, handled) = (PendingStore::default(), RefCell::new(Vec::new()));
    let mut handle = |object: StoreObject, _: Result<Vec<u8>, StoreError>| {
        let StoreObject::CheckFile(name) = object else { return ControlFlow::Continue(()) };
        handled.borrow_mut().push(name.stored_at);
        if name.stored_at == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let last = most as i64;
    let objects = (0..2 * last).map(|at| StoreObject::CheckFile(name(at))).collect();
    let mut fetching = pin!(fetch_all(&store, objects, &mut handle));
    let mut respond = |to: &[i64]| {
        for at in to {
            let sender = store.requests.borrow_mut().remove(at).expect("it was requested");
            sender.send(()).expect("the request is pending");
        }
        let has_ended = fetching.as_mut().now_or_never().is_some();
        (handled.borrow().clone(), store.request_count.get(), has_ended)
    };
    assert_eq!(respond(&[]), (vec![], most, false));
    assert_eq!(respond(&[7]), (vec![7], most + 1, false), "in the order of the responses");
    assert_eq!(respond(&[9, 3, last]), (vec![7, 9, 3, last], most + 4, false));
    assert_eq!(respond(&[2]), (vec![7, 9, 3, last, 2], most + 4, true), "nothing is requested after a break");
}

/// A store in memory. Requests for missing objects fail like a broken connection.
#[derive(Default)]
struct MemoryStore {
    listed: Vec<i64>,
    contents: BTreeMap<i64, &'static str>,
    histories: BTreeMap<HistoryName, String>,
    digests: BTreeMap<DigestName, Vec<u8>>,
    /// Whether the listing of check files does not contain digests.
    digests_apart: bool,
    /// The names of the digests that were requested.
    requested_digests: RefCell<Vec<String>>,
    history_listings: Cell<usize>,
    requested: RefCell<Vec<i64>>,
    down: bool,
    cached_at: Option<UnixNanos>,
    node: Option<shared::object_name::NodeName>,
}

impl Store for MemoryStore {
    async fn list_histories(&self) -> Result<HistoryListing, StoreError> {
        let histories = self.histories.keys().map(|name| (name.clone(), None)).collect();
        self.history_listings.update(|count| count + 1);
        Ok(HistoryListing { histories, digests: self.listed_digests(), newest: None, cached_at: self.cached_at })
    }

    fn lists_digests_apart(&self) -> bool {
        self.digests_apart
    }

    async fn list(&self, from: UnixNanos, _: UnixNanos, _: InlineContents) -> Result<Listing, StoreError> {
        if self.down {
            return Err(StoreError::Blocked("store/".to_owned()));
        }
        let in_range = self.listed.iter().filter(|at| **at >= from);
        let files = in_range
            .map(|at| ListedFile {
                name: CheckFileName { node: self.node.clone(), ..name(*at) },
                size: None,
                file: None,
            })
            .collect();
        let unrelated = vec!["notes.txt".to_owned(), "index.json".to_owned()];
        let digests = (!self.digests_apart).then(|| self.listed_digests());
        Ok(Listing { files, unrelated, digests, cached_at: self.cached_at })
    }

    async fn get(&self, object: &StoreObject) -> Result<Vec<u8>, StoreError> {
        let name = match object {
            StoreObject::CheckFile(name) => name,
            StoreObject::History(name, _) => return Ok(self.histories[name].clone().into_bytes()),
            StoreObject::Digest(name, _) => {
                self.requested_digests.borrow_mut().push(name.to_string());
                return Ok(self.digests[name].clone());
            }
        };
        self.requested.borrow_mut().push(name.stored_at);
        let content = self.contents.get(&name.stored_at).map(|content| content.as_bytes().to_vec());
        content.ok_or_else(|| StoreError::Blocked("store/".to_owned()))
    }
}

impl MemoryStore {
    fn listed_digests(&self) -> Vec<crate::store::ListedDigest> {
        self.digests.keys().map(|name| (name.clone(), Some("1".to_owned()))).collect()
    }
}

fn name(stored_at: UnixNanos) -> CheckFileName {
    CheckFileName { stored_at, node: None }
}

fn store_of(contents: &[(i64, &'static str)]) -> MemoryStore {
    let contents: BTreeMap<i64, &'static str> = contents.iter().copied().collect();
    MemoryStore { listed: contents.keys().copied().collect(), contents, ..MemoryStore::default() }
}

fn load(store: &MemoryStore, cache: &RefCell<Cache>, from: UnixNanos) -> usize {
    let mut calls = 0;
    let checks_from = if store.histories.is_empty() { from } else { UnixNanos::MAX };
    refresh(
        store,
        cache,
        LoadRequest { from, checks_from, until: UnixNanos::MAX, parts: &[HistoryPart::Main] },
        |_| {
            calls += 1;
        },
    )
    .now_or_never()
    .expect("no request is pending");
    calls
}

const GOOD: &str = r#"[{"title":"A","healthy":true}]"#;
const T: UnixNanos = 1_795_330_254_340_493_978;

/// Creates a store with one check per minute by the `here` node, whose history covers all checks but the newest one.
fn store_with_history(minutes: i64) -> MemoryStore {
    let here = shared::object_name::NodeName::new("here").ok();
    let results = |at: i64| {
        let result = shared::check_file::CheckResult {
            title: "A".to_owned(),
            timestamp: at,
            status: shared::status::Status::Healthy,
            interval: Some(MINUTE),
            ..shared::check_file::CheckResult::default()
        };
        CheckFile { results: vec![result], skipped: Vec::new() }
    };
    let names: Vec<CheckFileName> =
        (0..minutes).map(|minute| CheckFileName { stored_at: T + minute * MINUTE, node: here.clone() }).collect();
    let (mut history, mut latencies) = (history::History::new(here.clone()), history::Latencies::default());
    let now = T + minutes * MINUTE;
    let mut builder =
        history::HistoryBuilder::rebuild(&mut history, &mut latencies, history::RebuildFrom::START, &names, now);
    for name in &names {
        builder.add(name, &results(name.stored_at));
    }
    builder.finish(history::DEFAULT_EXPIRY);
    let mut store = MemoryStore { node: here.clone(), ..MemoryStore::default() };
    store.listed = (0..=minutes).map(|minute| T + minute * MINUTE).collect();
    let newest = T + minutes * MINUTE;
    let content = shared::check_file::write_check_file(&results(newest).results);
    store.contents.insert(newest, Box::leak(content.into_boxed_str()));
    store.histories.insert(HistoryName { node: here, part: HistoryPart::Main }, history.to_json());
    store
}

#[test]
fn histories_leave_only_the_newest_check_files_to_load() {
    for minutes in [60, 3_000] {
        let (store, cache) = (store_with_history(minutes), RefCell::default());
        load(&store, &cache, T);
        assert_eq!(*store.requested.borrow(), [T + minutes * MINUTE]);
        let cache = cache.borrow();
        let spans = cache.dataset.endpoints[0].nodes[0].spans(UnixNanos::MAX, 0);
        assert_eq!((spans.len(), spans[0].start), (1, T));
        assert_eq!(spans[0].end, T + minutes * MINUTE + 90 * shared::SECOND);
    }
}

#[test]
fn check_files_replace_an_invalid_history() {
    let (mut store, cache) = (store_with_history(3), RefCell::default());
    for broken in ["", "{\"version\":1,\"node\":\"here\"", "{\"version\":2}", "[]"] {
        store.histories.values_mut().for_each(|content| broken.clone_into(content));
        load(&store, &cache, T);
        assert_eq!(cache.borrow().unreadable_histories.len(), 1, "{broken}");
    }
    assert_eq!(cache.borrow().dataset.file_count(), 1, "the store has no others");
    store = store_with_history(3);
    load(&store, &cache, T);
    assert!(cache.borrow().unreadable_histories.is_empty());
}

#[test]
fn a_past_view_loads_checks_up_to_then() {
    let store = store_of(&[(T, GOOD), (T + HOUR, GOOD), (T + 2 * HOUR, GOOD)]);
    let cache = RefCell::default();
    load(&store, &cache, T + 2 * HOUR);
    let past = LoadRequest { from: T, checks_from: T, until: T + HOUR, parts: &[HistoryPart::Main] };
    cache.borrow_mut().relist_all();
    refresh(&store, &cache, past, |_| ()).now_or_never().expect("no request is pending");
    assert_eq!(*store.requested.borrow(), [T + 2 * HOUR, T + HOUR, T]);
    cache.borrow_mut().relist_all();
    store.requested.borrow_mut().clear();
    load(&store, &cache, T + HOUR);
    assert!(store.requested.borrow().is_empty() && cache.borrow().dataset.file_count() == 2);
}

#[test]
fn the_newest_file_is_requested_first() {
    let store = store_of(&[(T, GOOD), (T + MINUTE, GOOD), (T + 2 * MINUTE, GOOD)]);
    let cache = RefCell::default();
    assert_eq!(load(&store, &cache, T), 3);
    assert_eq!(*store.requested.borrow(), [T + 2 * MINUTE, T + MINUTE, T]);
    assert_eq!(cache.borrow().dataset.file_count(), 3);
}

#[test]
fn a_refresh_loads_new_files_and_drops_old_ones() {
    let mut store = store_of(&[(T, GOOD), (T + MINUTE, GOOD)]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    store.listed.push(T + 2 * MINUTE);
    store.contents.insert(T + 2 * MINUTE, GOOD);
    store.requested.borrow_mut().clear();
    load(&store, &cache, T + MINUTE);
    assert_eq!(*store.requested.borrow(), [T + 2 * MINUTE]);
    assert!(cache.borrow().dataset.file_count() == 2 && !cache.borrow().dataset.contains(&name(T)));
}

#[test]
fn a_refresh_after_an_empty_listing_stays_in_range() {
    let mut store = store_of(&[]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    store = store_of(&[(T - MINUTE, GOOD), (T, GOOD)]);
    load(&store, &cache, T);
    assert_eq!(*store.requested.borrow(), [T]);
}

#[test]
fn a_failed_file_does_not_hide_others_and_is_retried() {
    let mut store = store_of(&[(T, GOOD), (T + MINUTE, GOOD)]);
    store.contents.remove(&T);
    let cache = RefCell::default();
    load(&store, &cache, T);
    assert_eq!((cache.borrow().dataset.file_count(), cache.borrow().failed.len()), (1, 1));
    store.contents.insert(T, GOOD);
    load(&store, &cache, T);
    assert_eq!((cache.borrow().dataset.file_count(), cache.borrow().failed.len()), (2, 0));
}

#[test]
fn invalid_files_are_reported_and_not_retried() {
    let store = store_of(&[(T, "<html>"), (T + MINUTE, "[{\"title\":"), (T + 2 * MINUTE, "[7]")]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    assert_eq!(cache.borrow().unreadable.len(), 2);
    assert_eq!(cache.borrow().dataset.skipped.len(), 1);
    assert_eq!(cache.borrow().unrelated, ["notes.txt"]);
    store.requested.borrow_mut().clear();
    load(&store, &cache, T);
    assert!(store.requested.borrow().is_empty());
}

#[test]
fn a_failed_listing_keeps_the_loaded_data() {
    let mut store = store_of(&[(T, GOOD)]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    store.down = true;
    load(&store, &cache, T);
    assert!(cache.borrow().list_error.is_some() && cache.borrow().dataset.file_count() == 1);
    store.down = false;
    load(&store, &cache, T);
    assert_eq!(cache.borrow().list_error, None);
}

#[test]
fn a_store_that_is_down_gets_few_requests() {
    let mut store = store_of(&[]);
    store.listed = (0..1_000).map(|minute| T + minute * MINUTE).collect();
    let cache = RefCell::default();
    load(&store, &cache, T);
    assert!(store.requested.borrow().len() <= FAILURES_IN_A_ROW_LIMIT + CONCURRENT_FETCHES);
    let cache = cache.borrow();
    assert_eq!(cache.failed.len(), 1_000, "all are reported");
}

#[test]
fn a_full_listing_finds_files_that_were_stored_late() {
    let mut store = store_of(&[(T, GOOD), (T + 10 * HOUR, GOOD)]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    store.listed.push(T + HOUR);
    store.contents.insert(T + HOUR, GOOD);
    for _ in 0..REFRESHES_PER_FULL_LIST {
        load(&store, &cache, T);
    }
    assert_eq!(cache.borrow().dataset.file_count(), 3);
}

#[test]
fn each_author_costs_one_request_in_every_mode() {
    for (with_history, digests_apart, listings) in
        [(true, false, 2), (true, true, 2), (false, false, 0), (false, true, 2)]
    {
        let mut store = if with_history { store_with_history(3) } else { store_of(&[(T, GOOD)]) };
        store.digests_apart = digests_apart;
        for author in ["anna", "ben"] {
            let name = DigestName { author: shared::object_name::NodeName::new(author).expect("a name") };
            store.digests.insert(name, crate::test_support::digest(author, &["One", "Two", "Three"]));
        }
        let cache = RefCell::default();
        load(&store, &cache, T);
        load(&store, &cache, T);
        let context = format!("{with_history} {digests_apart}");
        let requested = store.requested_digests.borrow();
        assert_eq!(*requested, ["history/anna.posts.json", "history/ben.posts.json"], "{context}");
        assert_eq!(store.history_listings.get(), listings, "{context}");
        assert_eq!(cache.borrow().posts.announcements(crate::test_support::NOW).incidents.len(), 6, "{context}");
    }
}

#[test]
fn a_broken_digest_hides_nothing() {
    let mut store = store_with_history(3);
    let name = DigestName { author: shared::object_name::NodeName::new("anna").expect("a name") };
    store.digests.insert(name, b"{\"version\":1}".to_vec());
    let cache = RefCell::default();
    load(&store, &cache, T);
    let cache = cache.borrow();
    assert_eq!((cache.posts.unreadable().count(), cache.dataset.endpoints.len()), (1, 1));
    assert!(!cache.is_incomplete(T + 4 * MINUTE) && cache.list_error.is_none());
}
