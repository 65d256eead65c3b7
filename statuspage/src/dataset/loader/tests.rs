//! What is got from a store, and what of it is known afterwards, with stores whose objects are in memory.

use super::super::cache::REFRESHES_PER_FULL_LIST;
use super::super::store::CONCURRENT_FETCHES;
use super::*;
use crate::source::ListedFile;
use futures_util::FutureExt;
use shared::check_file::CheckFile;
use shared::history;
use shared::object_name::HistoryPart;
use shared::object_name::{CheckFileName, HistoryName};
use shared::{HOUR, MINUTE};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// A store that answers when it is told to.
#[derive(Default)]
struct Slow {
    asked: RefCell<Vec<i64>>,
    answered: RefCell<Vec<i64>>,
}

impl Store for Slow {
    async fn list_histories(&self) -> Result<HistoryListing, SourceError> {
        Ok(HistoryListing::default())
    }

    async fn list(&self, _: UnixNanos, _: UnixNanos, _: InlineContents) -> Result<Listing, SourceError> {
        Ok(Listing::default())
    }

    async fn get(&self, object: &StoreObject) -> Result<Vec<u8>, SourceError> {
        let StoreObject::CheckFile(name) = object else { return Ok(Vec::new()) };
        self.asked.borrow_mut().push(name.stored_at);
        let is_answered = || self.answered.borrow().contains(&name.stored_at);
        poll_fn(|_| if is_answered() { Poll::Ready(Ok(Vec::new())) } else { Poll::Pending }).await
    }
}

#[test]
fn so_many_are_asked_for_at_once_and_each_that_is_answered_makes_room_for_the_next() {
    let most = CONCURRENT_FETCHES as i64;
    let (store, taken) = (Slow::default(), RefCell::new(Vec::new()));
    let mut take = |object: StoreObject, _: Result<Vec<u8>, SourceError>| {
        let StoreObject::CheckFile(name) = object else { return ControlFlow::Continue(()) };
        taken.borrow_mut().push(name.stored_at);
        if name.stored_at == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let objects = (0..2 * most).map(|at| StoreObject::CheckFile(name(at))).collect();
    let mut getting = pin!(get_all(&store, objects, &mut take));
    let mut answer = |of: &[i64]| {
        store.answered.borrow_mut().extend(of);
        let ended = getting.as_mut().now_or_never().is_some();
        (taken.borrow().clone(), store.asked.borrow().len() as i64, ended)
    };
    assert_eq!(answer(&[]), (vec![], most, false));
    assert_eq!(answer(&[7]), (vec![7], most + 1, false), "whichever is answered first");
    assert_eq!(answer(&[9, 3, most]), (vec![7, 3, 9, most], most + 4, false));
    assert_eq!(answer(&[2]), (vec![7, 3, 9, most, 2], most + 4, true), "no more is wanted");
}

/// A store whose objects are in memory; what is missing fails as a broken connection does.
#[derive(Default)]
struct Shelf {
    listed: Vec<i64>,
    contents: BTreeMap<i64, &'static str>,
    histories: BTreeMap<HistoryName, String>,
    asked: RefCell<Vec<i64>>,
    down: bool,
    cached_at: Option<UnixNanos>,
    node: Option<shared::object_name::NodeName>,
}

impl Store for Shelf {
    async fn list_histories(&self) -> Result<HistoryListing, SourceError> {
        let histories = self.histories.keys().map(|name| (name.clone(), None)).collect();
        Ok(HistoryListing { histories, newest: None, cached_at: self.cached_at })
    }

    async fn list(&self, from: UnixNanos, _: UnixNanos, _: InlineContents) -> Result<Listing, SourceError> {
        if self.down {
            return Err(SourceError::Blocked("store/".to_owned()));
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
        Ok(Listing { files, unrelated, cached_at: self.cached_at })
    }

    async fn get(&self, object: &StoreObject) -> Result<Vec<u8>, SourceError> {
        let name = match object {
            StoreObject::CheckFile(name) => name,
            StoreObject::History(name, _) => return Ok(self.histories[name].clone().into_bytes()),
        };
        self.asked.borrow_mut().push(name.stored_at);
        let content = self.contents.get(&name.stored_at).map(|content| content.as_bytes().to_vec());
        content.ok_or_else(|| SourceError::Blocked("store/".to_owned()))
    }
}

fn name(stored_at: UnixNanos) -> CheckFileName {
    CheckFileName { stored_at, node: None }
}

fn shelf(contents: &[(i64, &'static str)]) -> Shelf {
    let contents: BTreeMap<i64, &'static str> = contents.iter().copied().collect();
    Shelf { listed: contents.keys().copied().collect(), contents, ..Shelf::default() }
}

fn load(store: &Shelf, cache: &RefCell<Cache>, from: UnixNanos) -> usize {
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
    .expect("nothing in it waits");
    calls
}

const GOOD: &str = r#"[{"title":"A","healthy":true}]"#;
const T: UnixNanos = 1_795_330_254_340_493_978;

/// A store of the node `here` with checks every minute, all but the newest of which are in its history.
fn shelf_with_history(minutes: i64) -> Shelf {
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
    let mut shelf = Shelf { node: here.clone(), ..Shelf::default() };
    shelf.listed = (0..=minutes).map(|minute| T + minute * MINUTE).collect();
    let newest = T + minutes * MINUTE;
    let content = shared::check_file::write_check_file(&results(newest).results);
    shelf.contents.insert(newest, Box::leak(content.into_boxed_str()));
    shelf.histories.insert(HistoryName { node: here, part: HistoryPart::Main }, history.to_json());
    shelf
}

#[test]
fn with_histories_only_the_newest_check_files_are_asked_for_however_long_the_past_is() {
    for minutes in [60, 3_000] {
        let (store, cache) = (shelf_with_history(minutes), RefCell::default());
        load(&store, &cache, T);
        assert_eq!(*store.asked.borrow(), [T + minutes * MINUTE]);
        let cache = cache.borrow();
        let spans = cache.dataset.endpoints[0].nodes[0].spans(UnixNanos::MAX, 0);
        assert_eq!((spans.len(), spans[0].start), (1, T));
        assert_eq!(spans[0].end, T + minutes * MINUTE + 90 * shared::SECOND);
    }
}

#[test]
fn a_history_that_cannot_be_read_is_named_and_check_files_fill_in() {
    let (mut store, cache) = (shelf_with_history(3), RefCell::default());
    for broken in ["", "{\"version\":1,\"node\":\"here\"", "{\"version\":2}", "[]"] {
        store.histories.values_mut().for_each(|content| broken.clone_into(content));
        load(&store, &cache, T);
        assert_eq!(cache.borrow().unreadable_histories.len(), 1, "{broken}");
    }
    assert_eq!(cache.borrow().dataset.file_count(), 1, "the others are not there to be had");
    store = shelf_with_history(3);
    load(&store, &cache, T);
    assert!(cache.borrow().unreadable_histories.is_empty());
}

#[test]
fn who_looks_back_gets_the_checks_up_to_then_and_afterwards_those_of_now() {
    let store = shelf(&[(T, GOOD), (T + HOUR, GOOD), (T + 2 * HOUR, GOOD)]);
    let cache = RefCell::default();
    load(&store, &cache, T + 2 * HOUR);
    let past = LoadRequest { from: T, checks_from: T, until: T + HOUR, parts: &[HistoryPart::Main] };
    cache.borrow_mut().relist_all();
    refresh(&store, &cache, past, |_| ()).now_or_never().expect("nothing in it waits");
    assert_eq!(*store.asked.borrow(), [T + 2 * HOUR, T + HOUR, T]);
    cache.borrow_mut().relist_all();
    store.asked.borrow_mut().clear();
    load(&store, &cache, T + HOUR);
    assert!(store.asked.borrow().is_empty() && cache.borrow().dataset.file_count() == 2);
}

#[test]
fn the_newest_file_is_asked_for_first() {
    let store = shelf(&[(T, GOOD), (T + MINUTE, GOOD), (T + 2 * MINUTE, GOOD)]);
    let cache = RefCell::default();
    assert_eq!(load(&store, &cache, T), 3);
    assert_eq!(*store.asked.borrow(), [T + 2 * MINUTE, T + MINUTE, T]);
    assert_eq!(cache.borrow().dataset.file_count(), 3);
}

#[test]
fn a_refresh_asks_only_for_what_is_new_and_drops_what_left_the_range() {
    let mut store = shelf(&[(T, GOOD), (T + MINUTE, GOOD)]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    store.listed.push(T + 2 * MINUTE);
    store.contents.insert(T + 2 * MINUTE, GOOD);
    store.asked.borrow_mut().clear();
    load(&store, &cache, T + MINUTE);
    assert_eq!(*store.asked.borrow(), [T + 2 * MINUTE]);
    assert!(cache.borrow().dataset.file_count() == 2 && !cache.borrow().dataset.contains(&name(T)));
}

#[test]
fn an_empty_store_does_not_make_the_next_refresh_load_everything() {
    let mut store = shelf(&[]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    store = shelf(&[(T - MINUTE, GOOD), (T, GOOD)]);
    load(&store, &cache, T);
    assert_eq!(*store.asked.borrow(), [T]);
}

#[test]
fn one_file_that_fails_hides_no_other_and_is_asked_for_again() {
    let mut store = shelf(&[(T, GOOD), (T + MINUTE, GOOD)]);
    store.contents.remove(&T);
    let cache = RefCell::default();
    load(&store, &cache, T);
    assert_eq!((cache.borrow().dataset.file_count(), cache.borrow().failed.len()), (1, 1));
    store.contents.insert(T, GOOD);
    load(&store, &cache, T);
    assert_eq!((cache.borrow().dataset.file_count(), cache.borrow().failed.len()), (2, 0));
}

#[test]
fn what_is_no_check_file_is_named_and_not_asked_for_again() {
    let store = shelf(&[(T, "<html>"), (T + MINUTE, "[{\"title\":"), (T + 2 * MINUTE, "[7]")]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    assert_eq!(cache.borrow().unreadable.len(), 2);
    assert_eq!(cache.borrow().dataset.skipped.len(), 1);
    assert_eq!(cache.borrow().unrelated, ["notes.txt"]);
    store.asked.borrow_mut().clear();
    load(&store, &cache, T);
    assert!(store.asked.borrow().is_empty());
}

#[test]
fn a_store_that_cannot_be_listed_keeps_what_was_loaded() {
    let mut store = shelf(&[(T, GOOD)]);
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
fn a_store_that_went_away_is_not_asked_for_each_of_a_thousand_files() {
    let mut store = shelf(&[]);
    store.listed = (0..1_000).map(|minute| T + minute * MINUTE).collect();
    let cache = RefCell::default();
    load(&store, &cache, T);
    assert!(store.asked.borrow().len() <= FAILURES_IN_A_ROW_LIMIT + CONCURRENT_FETCHES);
    let cache = cache.borrow();
    assert_eq!(cache.failed.len(), 1_000, "each is known to be missing");
}

#[test]
fn a_file_that_was_stored_late_is_found_by_the_next_full_list() {
    let mut store = shelf(&[(T, GOOD), (T + 10 * HOUR, GOOD)]);
    let cache = RefCell::default();
    load(&store, &cache, T);
    store.listed.push(T + HOUR);
    store.contents.insert(T + HOUR, GOOD);
    for _ in 0..REFRESHES_PER_FULL_LIST {
        load(&store, &cache, T);
    }
    assert_eq!(cache.borrow().dataset.file_count(), 3);
}
