//! Commands that run at the same time and are interrupted anywhere: no confirmed post is lost.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use shared::object_name::{DigestName, NodeName, PostKind, PostName};
use shared::post::digest::PostDigest;
use shared::post::{Details, Edit, IncidentState, Post, PostId};
use shared::quorum::CLOCK_TOLERANCE;
use shared::{DAY, HOUR, MINUTE, SECOND, UnixNanos};

use super::board::Board;
use super::publish::{Draft, PublishError, Published, erase, publish, stored_posts, tidy};
use super::store::PostStore;
use crate::store::settings::{Storage, StoreLocation};
use crate::store::{ReadObject, Store, StoreError};

const NOW: UnixNanos = 1_795_330_254_340_493_978;

/// A store in memory. Each operation waits before and after it takes effect, so a command can be interrupted at any
/// moment, even after an object is stored but before the command knows it.
#[derive(Debug, Default, Clone)]
struct MemoryStore {
    posts: Rc<RefCell<BTreeMap<PostName, String>>>,
    digests: Rc<RefCell<BTreeMap<DigestName, String>>>,
    time: Option<UnixNanos>,
    /// The number of digests that can still be written.
    digest_writes: Rc<RefCell<Option<usize>>>,
    requests: Rc<RefCell<usize>>,
    /// The posts that cannot be deleted.
    undeletable: Rc<RefCell<BTreeSet<PostId>>>,
}

impl MemoryStore {
    /// Runs an operation between two points at which the command can be interrupted.
    async fn step<T>(&self, work: impl FnOnce() -> T) -> T {
        *self.requests.borrow_mut() += 1;
        wait_once().await;
        let result = work();
        wait_once().await;
        result
    }

    fn digest(&self, author: &NodeName) -> PostDigest {
        let content = self.digests.borrow()[&DigestName { author: author.clone() }].clone();
        PostDigest::parse(content.as_bytes()).expect("a digest")
    }

    fn ids_in_digest(&self, author: &NodeName) -> BTreeSet<PostId> {
        self.digest(author).posts.into_iter().map(|post| post.id).collect()
    }
}

/// Returns control to the scheduler once.
async fn wait_once() {
    let mut is_first = true;
    poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}

fn busy() -> StoreError {
    StoreError::Busy { store: "the test's store".to_owned() }
}

impl PostStore for MemoryStore {
    fn describe(&self) -> String {
        "the test's store".to_owned()
    }

    fn time(&self) -> Option<UnixNanos> {
        self.time
    }

    async fn list_digests(&self) -> Result<Vec<DigestName>, StoreError> {
        self.step(|| Ok(self.digests.borrow().keys().cloned().collect())).await
    }

    async fn get_digest(&self, name: &DigestName) -> Result<Option<Vec<u8>>, StoreError> {
        self.step(|| Ok(self.digests.borrow().get(name).map(|content| content.clone().into_bytes()))).await
    }

    async fn put_digest(&self, name: &DigestName, content: String) -> Result<(), StoreError> {
        self.step(|| {
            if let Some(left) = self.digest_writes.borrow_mut().as_mut() {
                *left = left.checked_sub(1).ok_or_else(busy)?;
            }
            self.digests.borrow_mut().insert(name.clone(), content);
            Ok(())
        })
        .await
    }

    async fn list_posts(&self, author: &NodeName) -> Result<BTreeSet<PostName>, StoreError> {
        let is_own = |name: &&PostName| name.id.author == *author;
        self.step(|| Ok(self.posts.borrow().keys().filter(is_own).cloned().collect())).await
    }

    async fn get_posts(&self, names: &[PostName]) -> Result<Vec<(PostName, ReadObject)>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        self.step(|| {
            let posts = self.posts.borrow();
            let read = |name: &PostName| Some((name.clone(), Ok(posts.get(name)?.clone().into_bytes())));
            Ok(names.iter().filter_map(read).collect())
        })
        .await
    }

    async fn put_post(&self, name: &PostName, content: String) -> Result<(), StoreError> {
        self.step(|| {
            let existing = self.posts.borrow().get(name).cloned();
            match existing {
                Some(existing) if existing != content => {
                    Err(StoreError::AlreadyExists { name: name.to_string(), store: self.describe() })
                }
                _ => {
                    self.posts.borrow_mut().insert(name.clone(), content);
                    Ok(())
                }
            }
        })
        .await
    }

    async fn delete_posts(&self, names: &[PostName]) -> Result<(), StoreError> {
        self.step(|| {
            let (kept, deleted): (Vec<&PostName>, Vec<&PostName>) =
                names.iter().partition(|name| self.undeletable.borrow().contains(&name.id));
            for name in deleted {
                self.posts.borrow_mut().remove(name);
            }
            if kept.is_empty() { Ok(()) } else { Err(busy()) }
        })
        .await
    }
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("a name")
}

fn incident(title: &str) -> Draft {
    let details = Details::Incident { state: Some(IncidentState::Investigating), began: None, ended: None };
    Draft { title: Some(title.to_owned()), ..Draft::new(details) }
}

fn update_of(subject: &PostId, text: &str) -> Draft {
    let details = Details::Incident { state: None, began: None, ended: None };
    Draft { text: Some(text.to_owned()), ..Draft::about(subject.clone(), details) }
}

/// Runs a whole command: reads all digests, then publishes.
async fn command(
    store: &impl PostStore,
    author: &NodeName,
    draft: Draft,
    now: UnixNanos,
) -> Result<Published, PublishError> {
    let board = Board::read(store).await.expect("digests can be read");
    publish(store, &board, author, draft, now).await
}

/// Runs a future that only waits for the scheduler.
fn complete<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
    }
}

fn post(store: &impl PostStore, author: &NodeName, draft: Draft, now: UnixNanos) -> Post {
    complete(command(store, author, draft, now)).expect("it is posted").post
}

/// A small generator of pseudo-random numbers (xorshift), so that each interleaving can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// A command that has not finished.
type Running<'a> = Pin<Box<dyn Future<Output = Result<Published, PublishError>> + 'a>>;

#[test]
fn a_digest_has_every_confirmed_post_after_the_next_command() {
    let anna = name("anna");
    let (mut kills, mut repairs) = (0, 0);
    for seed in 1..=1_000 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let store = MemoryStore::default();
        let first = post(&store, &anna, incident("First"), NOW - HOUR);
        let drafts = [update_of(&first.id, "one"), incident("Second")];
        let mut commands: Vec<Option<Running<'_>>> = drafts
            .into_iter()
            // Sometimes, both commands choose the same name.
            .map(|draft| {
                let now = NOW + i64::try_from(random.below(2)).expect("it is small");
                Some(Box::pin(command(&store, &anna, draft, now)) as Pin<Box<dyn Future<Output = _>>>)
            })
            .collect();
        let kill_after = random.below(28);
        let mut confirmed = vec![first.id.clone()];
        for step in 0.. {
            let running: Vec<usize> = (0..commands.len()).filter(|index| commands[*index].is_some()).collect();
            let Some(index) =
                running.get(usize::try_from(random.below(2)).expect("it is small") % running.len().max(1))
            else {
                break;
            };
            if step == kill_after {
                commands[*index] = None;
                kills += 1;
                continue;
            }
            let Some(command) = commands[*index].as_mut() else { continue };
            if let Poll::Ready(result) = command.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                confirmed.push(result.expect("it is posted").post.id);
                commands[*index] = None;
            }
        }
        drop(commands);
        let before = store.ids_in_digest(&anna);
        let stored: Vec<PostId> = store.posts.borrow().keys().map(|name| name.id.clone()).collect();
        repairs += usize::from(!stored.iter().all(|id| before.contains(id)));
        confirmed.push(post(&store, &anna, incident("Last"), NOW + MINUTE).id);
        let after = store.ids_in_digest(&anna);
        for id in confirmed.iter().chain(&stored) {
            assert!(after.contains(id), "seed {seed}: {id} is missing in {after:?}");
        }
    }
    assert!(kills > 800 && repairs > 20, "{kills} commands were interrupted, {repairs} digests were incomplete");
}

#[test]
fn concurrent_commands_that_are_not_interrupted_leave_a_complete_digest() {
    let anna = name("anna");
    for seed in 1..=300 {
        let mut random = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let store = MemoryStore::default();
        let draft = |number: usize| incident(&format!("Incident {number}"));
        let mut commands: Vec<_> =
            (0..3).map(|number| Some(Box::pin(command(&store, &anna, draft(number), NOW)))).collect();
        let mut confirmed = Vec::new();
        while commands.iter().any(Option::is_some) {
            let index = usize::try_from(random.below(3)).expect("it is small");
            let Some(command) = commands[index].as_mut() else { continue };
            if let Poll::Ready(result) = command.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                confirmed.push(result.expect("it is posted").post.id);
                commands[index] = None;
            }
        }
        let digest = store.ids_in_digest(&anna);
        assert!(confirmed.len() == 3 && digest.len() == 3, "seed {seed}: {confirmed:?} {digest:?}");
    }
}

#[test]
fn a_post_needs_four_requests_after_the_digests() {
    let (store, anna) = (MemoryStore::default(), name("anna"));
    let first = post(&store, &anna, incident("First"), NOW);
    *store.requests.borrow_mut() = 0;
    post(&store, &anna, update_of(&first.id, "text"), NOW + MINUTE);
    assert_eq!(*store.requests.borrow(), 2 + 4, "list and read digests; store, list, write, list");
}

#[test]
fn posts_that_ended_long_ago_are_not_read_again() {
    let (store, anna) = (MemoryStore::default(), name("anna"));
    let silence = Draft::new(Details::Silence { until: Some(NOW + HOUR) });
    let ended = post(&store, &anna, silence, NOW).id;
    post(&store, &anna, incident("First"), NOW + 5 * DAY);
    assert!(!store.ids_in_digest(&anna).contains(&ended), "it ended days ago");
    *store.requests.borrow_mut() = 0;
    post(&store, &anna, incident("Second"), NOW + 6 * DAY);
    assert_eq!(*store.requests.borrow(), 6);
    let board = complete(Board::read(&store)).expect("digests can be read");
    let stored = complete(stored_posts(&store, &board, &anna)).expect("posts can be read");
    assert_eq!((stored.posts.len(), stored.posts[2].id.clone()), (3, ended.clone()), "it can still be erased");
    let tidied = complete(tidy(&store, &board, &anna, NOW + HOUR)).expect("it is tidy");
    assert_eq!(tidied.added, [ended], "tidy reads all posts, and the silence applies at this time");
}

#[test]
fn a_post_is_later_than_those_it_refers_to() {
    let (store, anna, ben) = (MemoryStore::default(), name("anna"), name("ben"));
    // Ben's clock is almost two minutes ahead.
    let first = post(&store, &ben, incident("First"), NOW + 2 * MINUTE - SECOND);
    let update = post(&store, &anna, update_of(&first.id, "text"), NOW);
    assert_eq!(update.id.posted_at, first.id.posted_at + 1);
    let other = post(&store, &anna, incident("Second"), NOW);
    assert_eq!(other.id.posted_at, NOW, "it does not refer to the first one");
    let edit = Draft { edit: Some(Edit::Replaces(update.id.clone())), ..update_of(&first.id, "edited") };
    assert!(post(&store, &anna, edit, NOW).id > update.id);
}

#[test]
fn wrong_clocks_are_reported_before_anything_is_stored() {
    let (store, anna, ben) = (MemoryStore::default(), name("anna"), name("ben"));
    let first = post(&store, &ben, incident("First"), NOW + 10 * MINUTE);
    let error = complete(command(&store, &anna, update_of(&first.id, "text"), NOW)).expect_err("it is refused");
    let expected = format!("nothing was posted: `{}` is dated 10 min ahead of this machine's clock", first.id);
    assert!(error.to_string().starts_with(&expected), "{error}");
    let store = MemoryStore { time: Some(NOW), ..store };
    let error = complete(command(&store, &anna, incident("x"), NOW + CLOCK_TOLERANCE + SECOND)).expect_err("refused");
    assert!(matches!(error, PublishError::ClockAhead(_)), "{error}");
    assert!(complete(command(&store, &anna, incident("x"), NOW + CLOCK_TOLERANCE)).is_ok());
    assert_eq!(store.posts.borrow().len(), 2);
}

#[test]
fn a_post_without_its_digest_is_named_and_repaired() {
    let (store, anna) = (MemoryStore::default(), name("anna"));
    *store.digest_writes.borrow_mut() = Some(0);
    let error = complete(command(&store, &anna, incident("First"), NOW)).expect_err("the digest is not written");
    let name = PostName { id: PostId { posted_at: NOW, author: anna.clone() }, kind: PostKind::Incident };
    assert!(store.posts.borrow().contains_key(&name));
    let text = error.to_string();
    assert!(text.contains(&name.to_string()) && text.contains("`checker post tidy` updates it"), "{text}");
    *store.digest_writes.borrow_mut() = None;
    let board = complete(Board::read(&store)).expect("digests can be read");
    let tidied = complete(tidy(&store, &board, &anna, NOW + MINUTE)).expect("it is tidy");
    assert_eq!((tidied.added, tidied.removed), (vec![name.id], Vec::new()));
}

#[test]
fn erased_posts_leave_the_store_and_the_digest() {
    let (store, anna) = (MemoryStore::default(), name("anna"));
    let first = post(&store, &anna, incident("First"), NOW);
    let secret = post(&store, &anna, update_of(&first.id, "password"), NOW + 1);
    let board = complete(Board::read(&store)).expect("digests can be read");
    let erased = PostName { id: secret.id.clone(), kind: PostKind::Incident };
    let tidied = complete(erase(&store, &board, &anna, &[erased], NOW + MINUTE)).expect("it is erased");
    assert_eq!(tidied.removed, [secret.id]);
    assert!(!format!("{:?}{:?}", store.posts, store.digests).contains("password"));
    // A command that read the digest before does not restore the post.
    complete(publish(&store, &board, &anna, incident("Second"), NOW + MINUTE)).expect("it is posted");
    assert!(!format!("{:?}", store.digests).contains("password"));
}

#[test]
fn posts_that_could_not_be_erased_are_named() {
    let (store, anna) = (MemoryStore::default(), name("anna"));
    let first = post(&store, &anna, incident("First"), NOW);
    let kept = post(&store, &anna, update_of(&first.id, "password"), NOW + 1);
    let names = [&first, &kept].map(|post| PostName { id: post.id.clone(), kind: PostKind::Incident });
    let erased = |names: &[PostName]| {
        let board = complete(Board::read(&store)).expect("digests can be read");
        complete(erase(&store, &board, &anna, names, NOW + MINUTE)).map_err(|error| error.to_string())
    };
    store.undeletable.borrow_mut().insert(kept.id.clone());
    let error = erased(&names[1..]).expect_err("nothing is deleted");
    assert_eq!(error, format!("nothing was erased: {}", busy()));
    let error = erased(&names).expect_err("one post is left");
    assert!(error.starts_with(&format!("erased `{}`, but not `{}`: ", first.id, kept.id)), "{error}");
    assert!(error.ends_with("; erase the rest again"), "{error}");
    assert_eq!(store.ids_in_digest(&anna), BTreeSet::from([kept.id.clone()]), "readers do not see the first post");
    store.undeletable.borrow_mut().clear();
    *store.digest_writes.borrow_mut() = Some(0);
    let error = erased(&names[1..]).expect_err("the digest is not written");
    assert!(error.starts_with(&format!("erased `{}` from the store; readers still see", kept.id)), "{error}");
    assert!(error.ends_with("`checker post tidy` updates it") && store.posts.borrow().is_empty(), "{error}");
}

#[test]
fn unreadable_posts_and_digests_do_not_stop_others() {
    let (store, anna, ben) = (MemoryStore::default(), name("anna"), name("ben"));
    post(&store, &anna, incident("First"), NOW);
    store.digests.borrow_mut().insert(DigestName { author: ben.clone() }, "{".to_owned());
    let odd = PostName { id: PostId { posted_at: NOW + 7, author: anna.clone() }, kind: PostKind::Silence };
    store.posts.borrow_mut().insert(odd.clone(), incident_json(&odd.id));
    let published = complete(command(&store, &anna, incident("Second"), NOW + MINUTE)).expect("it is posted");
    assert_eq!(published.problems, [format!("skipped the post `{odd}`: it is of the kind `incident`")]);
    let board = complete(Board::read(&store)).expect("digests can be read");
    assert_eq!((board.digests.len(), board.unreadable.len()), (1, 1));
    // An unreadable digest is written again from the posts.
    post(&store, &ben, incident("Third"), NOW);
    assert_eq!(store.ids_in_digest(&ben).len(), 1);
    store.digests.borrow_mut().insert(DigestName { author: ben.clone() }, r#"{"version":2}"#.to_owned());
    let error = complete(command(&store, &ben, incident("Fourth"), NOW)).expect_err("it is newer");
    assert!(matches!(error, PublishError::NewerDigest(_)), "{error}");
}

fn incident_json(id: &PostId) -> String {
    format!(r#"{{"version":1,"incident":"{id}"}}"#)
}

#[test]
fn the_latest_of_two_edits_applies() {
    let (store, anna) = (MemoryStore::default(), name("anna"));
    let first = post(&store, &anna, incident("First"), NOW);
    for text in ["one", "two"] {
        let edit = Draft { edit: Some(Edit::Replaces(first.id.clone())), ..update_of(&first.id, text) };
        post(&store, &anna, edit, NOW + MINUTE);
    }
    let board = complete(Board::read(&store)).expect("digests can be read");
    let versions = board.versions(&first.id, NOW + HOUR).expect("it exists");
    assert_eq!((versions.original.id.clone(), versions.current.text.as_deref()), (first.id.clone(), Some("two")));
    assert!(versions.is_edited() && !versions.is_withdrawn());
    let withdrawal = Draft { edit: Some(Edit::Withdraws(first.id.clone())), ..update_of(&first.id, "") };
    post(&store, &anna, withdrawal, NOW + MINUTE);
    let board = complete(Board::read(&store)).expect("digests can be read");
    assert!(board.versions(&first.id, NOW + HOUR).expect("it exists").is_withdrawn());
}

#[tokio::test]
async fn a_directory_store_keeps_posts_and_lists_their_digests() {
    let directory = tempfile::tempdir().expect("a folder");
    let location = StoreLocation::Directory(directory.path().join("checks"));
    let store = Store::open(&Storage { location, check_expiry: None, history_expiry: 400 * DAY }).await;
    let anna = name("anna");
    let first = command(&store, &anna, incident("First"), NOW).await.expect("it is posted").post;
    let post_name = PostName { id: first.id.clone(), kind: PostKind::Incident };
    let error = store.put_post(&post_name, "other".to_owned()).await.expect_err("posts are never replaced");
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error}");
    let index = std::fs::read_to_string(directory.path().join("checks/history/_index.json")).expect("an index");
    assert_eq!(index, r#"{"history/anna.posts.json":0}"#);
    let others = command(&store, &name("anna-2"), incident("Second"), NOW).await.expect("it is posted").post;
    assert_eq!(store.list_posts(&anna).await.expect("a listing"), BTreeSet::from([post_name.clone()]));
    let board = Board::read(&store).await.expect("digests can be read");
    assert_eq!(board.posts().map(|post| post.id.clone()).collect::<Vec<_>>(), [first.id, others.id]);
    erase(&store, &board, &anna, std::slice::from_ref(&post_name), NOW).await.expect("it is erased");
    assert!(!directory.path().join("checks").join(post_name.to_string()).exists());
}
