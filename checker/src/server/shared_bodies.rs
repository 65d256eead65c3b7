//! Contents from the store, prepared for sending. All visitors that request the same contents at the same time share
//! one copy. While the store does not respond, the last known contents are sent, with their age.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use shared::{Nanos, SECOND, UnixNanos};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::page::{AcceptedEncodings, brotli, gzip};
use super::response::{self, Freshness, Representation};
use crate::store::StoreError;

/// How long contents are considered current, so that many simultaneous visitors cost only one request to the store.
const FRESH_FOR: Duration = Duration::from_millis(500);
/// How long a visitor waits for the store if older contents are available.
const STALE_AFTER: Duration = Duration::from_secs(3);
/// How long a visitor waits for the store if no older contents are available.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long known contents are sent without querying the store after it has failed.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// The memory for all small contents that are being sent or kept, in KiB. A visitor who reads slowly holds the memory
/// of one of them.
const SMALL_MEMORY: usize = 16 << 10;
/// The memory for all large contents, in KiB: enough for a list with results while it is built, and for two others.
const LARGE_MEMORY: usize = 36 << 10;
/// The reserved memory, in bytes, above which contents are considered large.
const SMALL_LIMIT: usize = 1 << 20;
/// The maximum total size of the small contents that are kept in case the store does not respond, in bytes. Together
/// with [`KEPT_COUNT`], this covers a day of one check per minute on three nodes.
const KEPT_BYTES: usize = 12 << 20;
/// The maximum number of small contents that are kept: see [`KEPT_BYTES`].
const KEPT_COUNT: usize = 5_000;
/// The maximum numbers of small and of large contents that are read from the store at the same time.
const LOADS_AT_ONCE: [usize; 2] = [16, 4];
/// The minimum size, in bytes, for compression.
const COMPRESSION_MINIMUM: usize = 512;
/// The size, in bytes, above which contents are hashed and compressed on another thread.
const INLINE_LIMIT: usize = 64 << 10;
/// The quality for compression on the fly: a check file of ten endpoints takes 13 µs and becomes six times smaller. The
/// best quality would take a hundred times as long to save another tenth.
const BROTLI: (u32, u32) = (2, 20);
const GZIP: flate2::Compression = flate2::Compression::fast();

/// Contents with their validator. They are compressed when the first visitor that accepts compression requests them.
#[derive(Debug)]
pub(super) struct SharedBody {
    plain: Representation,
    size: usize,
    is_large: bool,
    brotli: OnceCell<Option<Representation>>,
    gzip: OnceCell<Option<Representation>>,
    memory: Arc<OwnedSemaphorePermit>,
}

/// Bytes whose memory stays reserved until the last visitor has received them.
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
    async fn new(content: Vec<u8>, kind: Kind, permit: OwnedSemaphorePermit) -> SharedBody {
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
        let is_large = kind.is_large();
        SharedBody { plain, size, is_large, brotli: OnceCell::new(), gzip: OnceCell::new(), memory }
    }

    /// Responds to a request. Outdated contents are sent with headers that state when they were current, and their age.
    async fn respond(&self, request: &HeaderMap, stale: Option<(UnixNanos, Nanos)>) -> Response {
        let accepted = AcceptedEncodings::parse(request);
        let mut compressed = None;
        if self.size >= COMPRESSION_MINIMUM && accepted.contains("br") {
            compressed = self.compressed(&self.brotli, "br", |content| brotli(content, BROTLI)).await;
        } else if self.size >= COMPRESSION_MINIMUM && accepted.contains("gzip") {
            compressed = self.compressed(&self.gzip, "gzip", |content| gzip(content, GZIP)).await;
        }
        let mut response = response::send(compressed.unwrap_or(&self.plain), request);
        response.extensions_mut().insert(response::Prepared);
        if let Some((current_at, age)) = stale {
            let headers = response.headers_mut();
            headers.insert(header::AGE, (age / SECOND).into());
            headers.insert(CACHED_AT, (current_at / (SECOND / 1_000)).into());
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

/// The header that informs the page when the contents were current, in milliseconds since 1970. The page's service
/// worker uses the same header for responses that it caches.
const CACHED_AT: HeaderName = HeaderName::from_static("cached-at");

/// Runs work on another thread if its input is large. Returns `None` if the work panicked.
async fn offload<T: Send + 'static>(size: usize, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    if size <= INLINE_LIMIT { Some(work()) } else { tokio::task::spawn_blocking(work).await.ok() }
}

/// The rules for reading and sending one kind of content.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) content_type: &'static str,
    pub(super) freshness: Freshness,
    /// The memory to reserve before the contents are read, in bytes. More is reserved later if necessary.
    pub(super) reserve: usize,
}

/// The typical size of an object or a list of names, in bytes.
const USUAL_SIZE: usize = 64 << 10;

impl Kind {
    pub(super) fn new(content_type: &'static str, freshness: Freshness) -> Kind {
        Kind { content_type, freshness, reserve: USUAL_SIZE }
    }

    pub(super) fn json(freshness: Freshness) -> Kind {
        Kind::new("application/json", freshness)
    }

    fn is_large(self) -> bool {
        self.reserve > SMALL_LIMIT
    }

    /// Converts a size to KiB, limited to the total memory for this kind.
    fn kib(self, bytes: usize) -> usize {
        bytes.div_ceil(1 << 10).min(if self.is_large() { LARGE_MEMORY } else { SMALL_MEMORY })
    }
}

/// The result of reading contents.
#[derive(Debug, Clone)]
enum LoadedBody {
    Found(Arc<SharedBody>),
    Missing,
    Failed(Arc<StoreError>),
    /// Visitors who read slowly hold all of the memory.
    Busy,
}

/// Contents that are being read once for all visitors that wait for them.
#[derive(Debug, Clone)]
struct Loading {
    since: Instant,
    loaded: watch::Receiver<Option<LoadedBody>>,
}

/// The last known contents of an object or list.
#[derive(Debug, Clone)]
struct KeptBody {
    body: Arc<SharedBody>,
    loaded_at: Instant,
    /// The time at which the contents were loaded, by the system clock.
    current_at: UnixNanos,
}

#[derive(Debug)]
struct BodyEntry {
    kept: Option<KeptBody>,
    loading: Option<Loading>,
    used_at: Instant,
}

/// The response to a visitor's request, or the reason for its failure.
pub(super) enum Answer {
    Content(Response),
    Missing,
    /// The contents are unavailable. Contains the store's error, if any.
    Unavailable(Option<Arc<StoreError>>),
}

/// The contents that are being read, sent or kept.
#[derive(Debug)]
pub(super) struct SharedBodies {
    entries: Mutex<HashMap<String, BodyEntry>>,
    /// The time until which known contents are sent without querying the store.
    retry_at: Mutex<Option<Instant>>,
    /// The available memory for small and for large contents, in KiB.
    memory: [Arc<Semaphore>; 2],
    loads: [Semaphore; 2],
    clock: fn() -> UnixNanos,
}

impl SharedBodies {
    pub(super) fn new(clock: fn() -> UnixNanos) -> Arc<SharedBodies> {
        Arc::new(SharedBodies {
            entries: Mutex::default(),
            retry_at: Mutex::default(),
            memory: [SMALL_MEMORY, LARGE_MEMORY].map(|limit| Arc::new(Semaphore::new(limit))),
            loads: LOADS_AT_ONCE.map(Semaphore::new),
            clock,
        })
    }

    /// Responds to a request for the contents with this key. Reads them with `load` if necessary.
    pub(super) async fn answer(
        self: &Arc<Self>,
        key: String,
        kind: Kind,
        request: &HeaderMap,
        load: impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send + 'static,
    ) -> Answer {
        let (kept, loading) = self.start(&key, kind, load);
        let Some(mut loading) = loading else {
            // The contents are current, or the store has just failed.
            return match kept {
                Some((kept, is_stale)) => self.send(&kept, is_stale, request).await,
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
        let stale = kept.map(|(kept, _)| kept);
        match (loaded, stale) {
            (Some(LoadedBody::Found(body)), _) => Answer::Content(body.respond(request, None).await),
            (Some(LoadedBody::Missing), _) => Answer::Missing,
            (_, Some(kept)) => self.send(&kept, true, request).await,
            (Some(LoadedBody::Failed(error)), None) => Answer::Unavailable(Some(error)),
            (Some(LoadedBody::Busy) | None, None) => Answer::Unavailable(None),
        }
    }

    async fn send(&self, kept: &KeptBody, is_stale: bool, request: &HeaderMap) -> Answer {
        let age = || (self.clock)().saturating_sub(kept.current_at).max(0);
        Answer::Content(kept.body.respond(request, is_stale.then(|| (kept.current_at, age()))).await)
    }

    /// Returns the known contents, whether they may be outdated, and the current read, which is started if necessary.
    /// Nothing is read if the known contents are current or the store has just failed.
    fn start(
        self: &Arc<Self>,
        key: &str,
        kind: Kind,
        load: impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send + 'static,
    ) -> (Option<(KeptBody, bool)>, Option<Loading>) {
        let now = Instant::now();
        let is_suspended = self.retry_at.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|at| now < at);
        let mut entries = self.entries();
        let entry =
            entries.entry(key.to_owned()).or_insert_with(|| BodyEntry { kept: None, loading: None, used_at: now });
        entry.used_at = now;
        let is_current = |at: Instant| kind.freshness == Freshness::Immutable || now.duration_since(at) < FRESH_FOR;
        let kept = entry.kept.clone().map(|kept| (kept.clone(), !is_current(kept.loaded_at)));
        if kept.as_ref().is_some_and(|(_, is_stale)| !is_stale || is_suspended) {
            return (kept, None);
        }
        // A read that panicked never sends a result.
        let is_over = |loading: &Loading| loading.loaded.has_changed().is_err();
        if entry.loading.as_ref().is_none_or(is_over) {
            let (sender, loaded) = watch::channel(None);
            entry.loading = Some(Loading { since: now, loaded });
            let (bodies, key) = (Arc::clone(self), key.to_owned());
            tokio::spawn(async move {
                let loaded = bodies.load(&key, kind, load).await;
                let loaded = bodies.keep(&key, loaded);
                sender.send_replace(Some(loaded));
            });
        }
        (kept, entry.loading.clone())
    }

    async fn load(
        &self,
        key: &str,
        kind: Kind,
        load: impl Future<Output = Result<Option<Vec<u8>>, StoreError>>,
    ) -> LoadedBody {
        let Ok(_permit) = self.loads[usize::from(kind.is_large())].acquire().await else { return LoadedBody::Busy };
        let reserved = kind.kib(kind.reserve);
        let Some(mut permit) = self.reserve(key, kind, reserved).await else { return LoadedBody::Busy };
        let content = match load.await {
            Ok(Some(content)) => content,
            Ok(None) => return LoadedBody::Missing,
            Err(error) => {
                self.suspend();
                return LoadedBody::Failed(Arc::new(error));
            }
        };
        // Include the memory for the compressed forms.
        let needed = kind.kib(content.len() + content.len() / 4);
        if needed > reserved {
            let Some(more) = self.reserve(key, kind, needed - reserved).await else { return LoadedBody::Busy };
            permit.merge(more);
        } else {
            drop(permit.split(reserved - needed));
        }
        LoadedBody::Found(Arc::new(SharedBody::new(content, kind, permit).await))
    }

    /// Reserves memory, in KiB, and drops other contents if necessary. Returns `None` if slow visitors hold too much of
    /// it for too long.
    async fn reserve(&self, key: &str, kind: Kind, amount: usize) -> Option<OwnedSemaphorePermit> {
        let memory = &self.memory[usize::from(kind.is_large())];
        if memory.available_permits() < amount {
            self.forget(kind.is_large(), |other, _| memory.available_permits() < amount && other != key);
        }
        let amount = u32::try_from(amount).unwrap_or(u32::MAX);
        timeout(ANSWER_LIMIT, Arc::clone(memory).acquire_many_owned(amount)).await.ok()?.ok()
    }

    /// Keeps contents, and drops others if there are too many. If the contents have not changed, visitors share the
    /// known copy.
    fn keep(&self, key: &str, loaded: LoadedBody) -> LoadedBody {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(key) else { return loaded };
        entry.loading = None;
        let LoadedBody::Found(body) = loaded else {
            if entry.kept.is_none() || matches!(loaded, LoadedBody::Missing) {
                entries.remove(key);
            }
            return loaded;
        };
        let known = entry.kept.take().map(|kept| kept.body).filter(|known| known.plain.etag == body.plain.etag);
        let body = known.unwrap_or(body);
        let kept = KeptBody { body: Arc::clone(&body), loaded_at: Instant::now(), current_at: (self.clock)() };
        entry.kept = Some(kept);
        let kept = entries.values().filter_map(|entry| entry.kept.as_ref());
        let sizes = kept.filter(|kept| !kept.body.is_large).map(|kept| kept.body.size);
        let (mut bytes, mut count) = sizes.fold((0, 0), |(bytes, count), size| (bytes + size, count + 1));
        drop(entries);
        *self.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if bytes > KEPT_BYTES || count > KEPT_COUNT {
            self.forget(false, |_, size| {
                let is_too_much = bytes > KEPT_BYTES || count > KEPT_COUNT;
                if is_too_much {
                    (bytes, count) = (bytes.saturating_sub(size), count.saturating_sub(1));
                }
                is_too_much
            });
        }
        LoadedBody::Found(body)
    }

    /// Drops the small or large contents for which `should_forget` returns `true`, given their key and size. The least
    /// recently requested contents come first.
    fn forget(&self, is_large: bool, mut should_forget: impl FnMut(&str, usize) -> bool) {
        let mut entries = self.entries();
        let kept = entries.iter().filter_map(|(key, entry)| Some((key, entry, entry.kept.as_ref()?)));
        let mut order: Vec<(Instant, usize, String)> = kept
            .filter(|(_, entry, kept)| entry.loading.is_none() && kept.body.is_large == is_large)
            .map(|(key, entry, kept)| (entry.used_at, kept.body.size, key.clone()))
            .collect();
        order.sort_unstable();
        for (_, size, key) in order {
            if should_forget(&key, size) {
                entries.remove(&key);
            }
        }
    }

    /// Stops querying the store for a while after a failure. Known contents are sent in the meantime.
    fn suspend(&self) {
        *self.retry_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + RETRY_AFTER);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, BodyEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
