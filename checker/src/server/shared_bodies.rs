//! Contents of the store as they are sent. All visitors that ask for the same content at the same time share one copy of
//! it, and the last known content is sent with its age while the store does not respond.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use shared::UnixNanos;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::page::{AcceptedEncodings, brotli, gzip};
use super::response::{self, Freshness, Representation};
use crate::store::StoreError;

/// How long content counts as current: many visitors at once cost one request to the store.
const FRESH_FOR: Duration = Duration::from_millis(500);
/// How long a visitor waits for the store if an older content is known.
const STALE_AFTER: Duration = Duration::from_secs(3);
/// How long a visitor waits for the store otherwise.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long after a failure known contents are sent without asking the store.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// The sum of all contents that are being sent or kept, in KiB. A visitor who does not read holds one of them.
const MEMORY_LIMIT: usize = 32 << 10;
/// The sum of the contents that are kept for the time when the store does not respond, in bytes, and their number: a day of
/// three nodes with a check every minute.
const KEPT_BYTES: usize = 16 << 20;
/// See [`KEPT_BYTES`].
const KEPT_COUNT: usize = 5_000;
/// How many contents are read from the store at once.
const LOADS_AT_ONCE: usize = 16;
/// Smaller contents are not compressed.
const COMPRESSION_MINIMUM: usize = 512;
/// Larger contents are hashed and compressed on another thread.
const INLINE_LIMIT: usize = 64 << 10;
/// The quality for compression on the fly: a check file of ten endpoints takes 13 µs and gets six times smaller. The best
/// quality would take a hundred times as long to save another tenth.
const BROTLI: (u32, u32) = (2, 20);
const GZIP: flate2::Compression = flate2::Compression::fast();

/// Content with its validator, compressed when a visitor first accepts that.
#[derive(Debug)]
pub(super) struct SharedBody {
    plain: Representation,
    loaded_at: UnixNanos,
    size: usize,
    brotli: OnceCell<Option<Representation>>,
    gzip: OnceCell<Option<Representation>>,
    memory: Arc<OwnedSemaphorePermit>,
}

/// Bytes that count towards [`MEMORY_LIMIT`] until the last visitor has received them.
struct HeldBytes {
    content: Vec<u8>,
    _memory: Arc<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

impl SharedBody {
    async fn new(content: Vec<u8>, kind: Kind, now: UnixNanos, permit: OwnedSemaphorePermit) -> SharedBody {
        let (size, memory) = (content.len(), Arc::new(permit));
        let held = Bytes::from_owner(HeldBytes { content, _memory: Arc::clone(&memory) });
        let hashed = held.clone();
        let etag = offload(size, move || response::etag(&hashed, None)).await;
        let plain = Representation {
            content: held,
            etag: etag.unwrap_or_else(|| HeaderValue::from_static("\"\"")),
            content_type: kind.content_type,
            encoding: None,
            freshness: kind.freshness,
        };
        SharedBody { plain, loaded_at: now, size, brotli: OnceCell::new(), gzip: OnceCell::new(), memory }
    }

    /// The response to a request. An old content has headers with its age.
    async fn respond(&self, request: &HeaderMap, stale_at: Option<UnixNanos>) -> Response {
        let accepted = AcceptedEncodings::parse(request);
        let mut compressed = None;
        if self.size >= COMPRESSION_MINIMUM && accepted.contains("br") {
            compressed = self.compressed(&self.brotli, "br", |content| brotli(content, BROTLI)).await;
        } else if self.size >= COMPRESSION_MINIMUM && accepted.contains("gzip") {
            compressed = self.compressed(&self.gzip, "gzip", |content| gzip(content, GZIP)).await;
        }
        let mut response = response::send(compressed.unwrap_or(&self.plain), request);
        response.extensions_mut().insert(response::Prepared);
        if let Some(now) = stale_at {
            let age = now.saturating_sub(self.loaded_at).max(0) / shared::SECOND;
            let headers = response.headers_mut();
            headers.insert(header::AGE, age.into());
            headers.insert(CACHED_AT, (self.loaded_at / (shared::SECOND / 1_000)).into());
        }
        response
    }

    async fn compressed<'a>(
        &self,
        cell: &'a OnceCell<Option<Representation>>,
        encoding: &'static str,
        compress: fn(&[u8]) -> Vec<u8>,
    ) -> Option<&'a Representation> {
        let prepare = async || {
            let content = self.plain.content.clone();
            let compressed = offload(self.size, move || compress(&content)).await?;
            let memory = Arc::clone(&self.memory);
            let is_smaller = compressed.len() < self.size;
            is_smaller.then(|| Representation {
                content: Bytes::from_owner(HeldBytes { content: compressed, _memory: memory }),
                etag: response::etag(&self.plain.content, Some(encoding)),
                encoding: Some(encoding),
                ..self.plain.clone()
            })
        };
        cell.get_or_init(prepare).await.as_ref()
    }
}

/// The header that the page reads: when the content was current, in milliseconds since 1970. The service worker of the page
/// uses the same for what it cached.
const CACHED_AT: HeaderName = HeaderName::from_static("cached-at");

/// Runs work on another thread if it takes long.
async fn offload<T: Send + 'static>(size: usize, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if size <= INLINE_LIMIT { Some(work()) } else { tokio::task::spawn_blocking(work).await.ok() }
}

/// A size in KiB, at most all that there is.
fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1 << 10).min(MEMORY_LIMIT)
}

/// How content of one kind is read and sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) content_type: &'static str,
    pub(super) freshness: Freshness,
    /// The memory that is reserved before it is read, in bytes. More is reserved afterwards if necessary.
    pub(super) reserve: usize,
}

/// The usual size of an object or a list of names, in bytes.
const USUAL_SIZE: usize = 64 << 10;

impl Kind {
    pub(super) fn new(content_type: &'static str, freshness: Freshness) -> Kind {
        Kind { content_type, freshness, reserve: USUAL_SIZE }
    }

    pub(super) fn json(freshness: Freshness) -> Kind {
        Kind::new("application/json", freshness)
    }
}

/// The result of reading a content.
#[derive(Debug, Clone)]
enum Loaded {
    Found(Arc<SharedBody>),
    Missing,
    Failed(Arc<StoreError>),
    /// Visitors who read slowly hold [`MEMORY_LIMIT`] of contents.
    Busy,
}

/// A content that is being read, by one visitor for all.
#[derive(Debug, Clone)]
struct Loading {
    since: Instant,
    loaded: watch::Receiver<Option<Loaded>>,
}

#[derive(Debug)]
struct Entry {
    kept: Option<(Arc<SharedBody>, Instant)>,
    loading: Option<Loading>,
    used_at: Instant,
}

/// What a visitor gets.
pub(super) enum Answer {
    Content(Response),
    Missing,
    /// The store failed for this reason, or did not respond.
    Unavailable(Option<Arc<StoreError>>),
}

/// The contents that are being read, sent or kept.
#[derive(Debug)]
pub(super) struct SharedBodies {
    entries: Mutex<HashMap<String, Entry>>,
    /// Until when known contents are sent without asking the store.
    retry_at: Mutex<Option<Instant>>,
    memory: Arc<Semaphore>,
    loads: Arc<Semaphore>,
    clock: fn() -> UnixNanos,
}

impl SharedBodies {
    pub(super) fn new(clock: fn() -> UnixNanos) -> Arc<SharedBodies> {
        Arc::new(SharedBodies {
            entries: Mutex::default(),
            retry_at: Mutex::default(),
            memory: Arc::new(Semaphore::new(MEMORY_LIMIT)),
            loads: Arc::new(Semaphore::new(LOADS_AT_ONCE)),
            clock,
        })
    }

    /// Answers a request for the content that has this key, and reads it with `load` if necessary.
    pub(super) async fn answer(
        self: &Arc<Self>,
        key: String,
        kind: Kind,
        request: &HeaderMap,
        load: impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send + 'static,
    ) -> Answer {
        let (kept, loading) = self.start(&key, kind, load);
        let Some(mut loading) = loading else {
            // It is current, or the store has just failed.
            return match kept {
                Some((body, is_stale)) => {
                    Answer::Content(body.respond(request, is_stale.then(|| (self.clock)())).await)
                }
                None => Answer::Unavailable(None),
            };
        };
        let limit = loading.since + if kept.is_some() { STALE_AFTER } else { ANSWER_LIMIT };
        let loaded = match timeout_at(limit, loading.loaded.wait_for(Option::is_some)).await {
            Ok(Ok(loaded)) => loaded.clone(),
            Ok(Err(_)) => None,
            Err(_) => {
                self.suspend();
                None
            }
        };
        let stale = kept.map(|(body, _)| body);
        match (loaded, stale) {
            (Some(Loaded::Found(body)), _) => Answer::Content(body.respond(request, None).await),
            (Some(Loaded::Missing), _) => Answer::Missing,
            (_, Some(body)) => Answer::Content(body.respond(request, Some((self.clock)())).await),
            (Some(Loaded::Failed(error)), None) => Answer::Unavailable(Some(error)),
            (Some(Loaded::Busy) | None, None) => Answer::Unavailable(None),
        }
    }

    /// The known content and whether it may be old, and the content that is being read, unless that is not necessary.
    fn start(
        self: &Arc<Self>,
        key: &str,
        kind: Kind,
        load: impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send + 'static,
    ) -> (Option<(Arc<SharedBody>, bool)>, Option<Loading>) {
        let now = Instant::now();
        let is_suspended = self.retry_at.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| now < at);
        let mut entries = self.entries();
        let entry = entries.entry(key.to_owned()).or_insert_with(|| Entry { kept: None, loading: None, used_at: now });
        entry.used_at = now;
        let is_current = |at: Instant| kind.freshness == Freshness::Immutable || now.duration_since(at) < FRESH_FOR;
        let kept = entry.kept.as_ref().map(|(body, at)| (Arc::clone(body), !is_current(*at)));
        if kept.as_ref().is_some_and(|(_, is_stale)| !is_stale || is_suspended) {
            return (kept, None);
        }
        // A load that panicked has no result.
        let is_over = |loading: &Loading| loading.loaded.has_changed().is_err();
        if entry.loading.as_ref().is_none_or(is_over) {
            let (sender, loaded) = watch::channel(None);
            entry.loading = Some(Loading { since: now, loaded });
            let (bodies, key) = (Arc::clone(self), key.to_owned());
            tokio::spawn(async move {
                let loaded = bodies.load(kind, load).await;
                bodies.keep(&key, &loaded);
                sender.send_replace(Some(loaded));
            });
        }
        (kept, entry.loading.clone())
    }

    async fn load(&self, kind: Kind, load: impl Future<Output = Result<Option<Vec<u8>>, StoreError>>) -> Loaded {
        let Ok(_permit) = self.loads.acquire().await else { return Loaded::Busy };
        let reserved = kib(kind.reserve);
        let Some(mut permit) = self.reserve(reserved).await else { return Loaded::Busy };
        let content = match load.await {
            Ok(Some(content)) => content,
            Ok(None) => return Loaded::Missing,
            Err(error) => {
                self.suspend();
                return Loaded::Failed(Arc::new(error));
            }
        };
        // With the compressed forms.
        let needed = kib(content.len() + content.len() / 4);
        if needed > reserved {
            let Some(more) = self.reserve(needed - reserved).await else { return Loaded::Busy };
            permit.merge(more);
        } else {
            drop(permit.split(reserved - needed));
        }
        Loaded::Found(Arc::new(SharedBody::new(content, kind, (self.clock)(), permit).await))
    }

    /// Reserves memory, in KiB; `None` if slow visitors hold too much of it for too long.
    async fn reserve(&self, amount: usize) -> Option<OwnedSemaphorePermit> {
        if self.memory.available_permits() < amount {
            self.forget(|_| true);
        }
        let amount = u32::try_from(amount).unwrap_or(u32::MAX);
        timeout(ANSWER_LIMIT, Arc::clone(&self.memory).acquire_many_owned(amount)).await.ok()?.ok()
    }

    /// Keeps a content until there are too many.
    fn keep(&self, key: &str, loaded: &Loaded) {
        let now = Instant::now();
        {
            let mut entries = self.entries();
            let Some(entry) = entries.get_mut(key) else { return };
            entry.loading = None;
            match loaded {
                Loaded::Found(body) => entry.kept = Some((Arc::clone(body), now)),
                Loaded::Missing => entry.kept = None,
                Loaded::Failed(_) | Loaded::Busy => {}
            }
            if entry.kept.is_none() {
                entries.remove(key);
            }
        }
        if matches!(loaded, Loaded::Found(_)) {
            *self.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let (mut bytes, mut count) = {
            let entries = self.entries();
            let sizes = entries.values().filter_map(|entry| Some(entry.kept.as_ref()?.0.size));
            (sizes.sum::<usize>(), entries.len())
        };
        self.forget(|size| {
            let is_too_much = bytes > KEPT_BYTES || count > KEPT_COUNT;
            if is_too_much {
                bytes = bytes.saturating_sub(size);
                count = count.saturating_sub(1);
            }
            is_too_much
        });
    }

    /// Passes the size of each kept content to `should_forget`, those that nobody asked for in the longest time first.
    fn forget(&self, mut should_forget: impl FnMut(usize) -> bool) {
        let mut entries = self.entries();
        let kept = entries.iter().filter(|(_, entry)| entry.loading.is_none());
        let mut order: Vec<(Instant, usize, String)> =
            kept.filter_map(|(key, entry)| Some((entry.used_at, entry.kept.as_ref()?.0.size, key.clone()))).collect();
        order.sort_unstable();
        for (_, size, key) in order {
            if !should_forget(size) {
                break;
            }
            entries.remove(&key);
        }
    }

    /// The store failed: known contents are sent for a while without asking it.
    fn suspend(&self) {
        *self.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + RETRY_AFTER);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::http::StatusCode;

    use super::*;

    const KIND: Kind = Kind { content_type: "application/json", freshness: Freshness::Revalidate, reserve: USUAL_SIZE };

    fn clock() -> UnixNanos {
        1_000 * shared::SECOND
    }

    fn failure() -> StoreError {
        StoreError::File { task: "read".to_owned(), cause: std::io::ErrorKind::TimedOut.into() }
    }

    async fn found(bodies: &Arc<SharedBodies>, key: &str, content: &'static str) -> Answer {
        bodies.answer(key.to_owned(), KIND, &HeaderMap::new(), async move { Ok(Some(content.into())) }).await
    }

    async fn hanging(bodies: &Arc<SharedBodies>, key: &str) -> Answer {
        bodies.answer(key.to_owned(), KIND, &HeaderMap::new(), std::future::pending()).await
    }

    async fn body(answer: Answer) -> (String, Option<String>) {
        let Answer::Content(response) = answer else { panic!("there is no content") };
        assert_eq!(response.status(), StatusCode::OK);
        let age = response.headers().get(header::AGE).map(|age| age.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (String::from_utf8(body.to_vec()).unwrap(), age)
    }

    #[tokio::test(start_paused = true)]
    async fn many_visitors_share_one_request_to_the_store() {
        let bodies = SharedBodies::new(clock);
        let requests = Arc::new(AtomicUsize::new(0));
        let visit = || {
            let requests = Arc::clone(&requests);
            let load = async move {
                requests.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Ok(Some(b"[]".to_vec()))
            };
            let bodies = Arc::clone(&bodies);
            async move { bodies.answer("index".to_owned(), KIND, &HeaderMap::new(), load).await }
        };
        let answers = futures_util::future::join_all((0..150).map(|_| visit())).await;
        assert!(answers.iter().all(|answer| matches!(answer, Answer::Content(_))));
        assert_eq!(requests.load(Ordering::Relaxed), 1);
        tokio::time::sleep(FRESH_FOR).await;
        visit().await;
        assert_eq!(requests.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_known_content_is_sent_while_the_store_hangs() {
        let bodies = SharedBodies::new(clock);
        let before = Instant::now();
        assert!(matches!(hanging(&bodies, "other").await, Answer::Unavailable(None)));
        assert_eq!(before.elapsed().as_secs(), ANSWER_LIMIT.as_secs());
        tokio::time::sleep(RETRY_AFTER).await;

        assert_eq!(body(found(&bodies, "index", "[1]").await).await, ("[1]".to_owned(), None));
        tokio::time::sleep(FRESH_FOR).await;
        let before = Instant::now();
        assert_eq!(body(hanging(&bodies, "index").await).await, ("[1]".to_owned(), Some("0".to_owned())));
        assert_eq!(before.elapsed().as_secs(), STALE_AFTER.as_secs());
        let before = Instant::now();
        assert_eq!(body(hanging(&bodies, "index").await).await.0, "[1]");
        assert_eq!(before.elapsed(), Duration::ZERO, "the store has just failed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_replaced_by_the_last_known_content() {
        let bodies = SharedBodies::new(clock);
        let request = HeaderMap::new();
        let fail = || bodies.answer("index".to_owned(), KIND, &request, async { Err(failure()) });
        assert!(matches!(fail().await, Answer::Unavailable(Some(_))));
        body(found(&bodies, "index", "[1]").await).await;
        tokio::time::sleep(FRESH_FOR).await;
        assert!(body(fail().await).await.1.is_some());
        tokio::time::sleep(RETRY_AFTER).await;
        assert_eq!(body(found(&bodies, "index", "[2]").await).await, ("[2]".to_owned(), None));
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_of_all_contents_is_limited() {
        let bodies = SharedBodies::new(clock);
        let request = HeaderMap::new();
        let large = |key: usize| {
            let load = async { Ok(Some(vec![b'x'; 8 << 20])) };
            bodies.answer(key.to_string(), KIND, &request, load)
        };
        let mut held = Vec::new();
        for key in 0..3 {
            let Answer::Content(response) = large(key).await else { panic!("there is room") };
            held.push(response);
        }
        assert!(matches!(large(3).await, Answer::Unavailable(None)), "nobody reads what was sent");
        held.clear();
        assert!(matches!(large(4).await, Answer::Content(_)));
        let kept: usize = bodies.entries().values().filter_map(|entry| Some(entry.kept.as_ref()?.0.size)).sum();
        assert!(kept <= KEPT_BYTES, "{kept}");
    }
}
