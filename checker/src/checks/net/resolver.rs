//! Resolves names with the system's resolver, including its hosts file and search domains. A system lookup cannot be
//! interrupted and can take minutes, so each lookup runs in a thread that the program does not wait for on exit.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// The maximum number of parallel lookups, which is also the maximum number of parallel checks.
const MAX_THREADS: usize = 4_096;
/// How long an idle thread is kept. Most checks of a round start within this time.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// How long a pending lookup is shared after it has started. A lookup that started while the resolver was unreachable
/// can hang for minutes, even after the resolver is reachable again.
const SHARE_FOR: Duration = Duration::from_secs(10);
/// The stack size of a lookup thread, in bytes. It is several times what the system's resolver needs.
const STACK_SIZE: usize = 256 * 1_024;

/// The resolved addresses with port 0, or the error. All callers that wait for a lookup share its result.
type LookupResult = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// A blocking function that resolves a name: the system's resolver, except in tests.
type LookupFn = fn(&str) -> io::Result<Vec<SocketAddr>>;

type SharedLookup = Shared<BoxFuture<'static, LookupResult>>;

struct Resolver {
    lookup: LookupFn,
    /// A separate runtime, so that hanging lookups do not delay storing results.
    threads: io::Result<Runtime>,
    pending: Mutex<HashMap<String, PendingLookup>>,
}

struct PendingLookup {
    started: Instant,
    result: SharedLookup,
}

/// The resolver is never dropped, because dropping a runtime waits for its threads, and a hanging lookup would prevent
/// the program from exiting.
static RESOLVER: LazyLock<Resolver> = LazyLock::new(|| Resolver::new(system_lookup));

/// Resolves a host to its addresses, in the order in which the system would try them. They are socket addresses with
/// port 0, because a plain IP address would lose the scope of a link-local address.
///
/// # Errors
///
/// Returns the system resolver's error. A name without addresses is also an error.
pub async fn resolve(host: &str) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
    RESOLVER.resolve(host).await
}

fn system_lookup(host: &str) -> io::Result<Vec<SocketAddr>> {
    (host, 0).to_socket_addrs().map(Iterator::collect)
}

impl Resolver {
    fn new(lookup: LookupFn) -> Resolver {
        let threads = Builder::new_current_thread()
            .max_blocking_threads(MAX_THREADS)
            .thread_keep_alive(THREAD_KEEP_ALIVE)
            .thread_stack_size(STACK_SIZE)
            .thread_name("resolver")
            .build();
        Resolver { lookup, threads, pending: Mutex::default() }
    }

    async fn resolve(&'static self, host: &str) -> LookupResult {
        self.start(host)?.await
    }

    /// Joins a recent lookup of this name or starts one. If lookups of a name hang, only one thread is started per
    /// [`SHARE_FOR`], and the name is resolved as soon as the system can resolve it again.
    fn start(&'static self, host: &str) -> Result<SharedLookup, Arc<io::Error>> {
        let threads = self.threads.as_ref().map_err(|error| Arc::new(io::Error::from(error.kind())))?;
        let started = Instant::now();
        let mut pending = self.pending();
        if let Some(lookup) = pending.get(host).filter(|lookup| started - lookup.started < SHARE_FOR) {
            return Ok(lookup.result.clone());
        }
        let name = host.to_owned();
        let lookup = threads.spawn_blocking(move || {
            let result = (self.lookup)(&name);
            let mut pending = self.pending();
            // Let later calls start a new lookup, unless a newer one has already replaced this one.
            if pending.get(&name).is_some_and(|lookup| lookup.started == started) {
                pending.remove(&name);
            }
            result.map_err(Arc::new)
        });
        let result = async { lookup.await.unwrap_or_else(|error| Err(Arc::new(io::Error::other(error)))) };
        let result = result.boxed().shared();
        pending.insert(host.to_owned(), PendingLookup { started, result: result.clone() });
        Ok(result)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, PendingLookup>> {
        // If Tokio cannot start a thread, it panics while the lock is held. The map is still consistent then.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::net::resolver::*;
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
    static HANGS: (Mutex<bool>, Condvar) = (Mutex::new(true), Condvar::new());

    /// Names that begin with `hangs` hang until they are released.
    fn lookup(host: &str) -> io::Result<Vec<SocketAddr>> {
        if host.starts_with("hangs") {
            LOOKUPS.fetch_add(1, Ordering::Relaxed);
            let waiting = HANGS.1.wait_while(HANGS.0.lock().expect("no thread panics"), |hangs| *hangs);
            drop(waiting.expect("no thread panics"));
        }
        system_lookup("127.0.0.1")
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_hang_do_not_delay_others() {
        let resolver: &'static Resolver = Box::leak(Box::new(Resolver::new(lookup)));
        let names: Vec<String> = (0..600).map(|number| format!("hangs{number}")).collect();
        // Each name is resolved twice, without waiting for the result.
        for name in names.iter().chain(&names) {
            assert!(resolver.resolve(name).now_or_never().is_none());
        }
        let localhost = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        assert_eq!(resolver.resolve("answers").await.expect("an address"), localhost);
        assert_eq!(resolver.pending().len(), 600);
        while LOOKUPS.load(Ordering::Relaxed) < 600 {
            tokio::task::yield_now().await;
        }
        let waiting = resolver.resolve("hangs7");
        assert_eq!(LOOKUPS.load(Ordering::Relaxed), 600, "one lookup for all that wait");
        *HANGS.0.lock().expect("no thread panics") = false;
        HANGS.1.notify_all();
        assert_eq!(waiting.await.expect("an address"), localhost);
        for name in &names {
            resolver.resolve(name).await.expect("an address");
        }
        assert!(resolver.pending().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_hangs_is_looked_up_again_later() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        // The first lookup never returns.
        let lookup = |_: &str| {
            if CALLS.fetch_add(1, Ordering::Relaxed) == 0 {
                std::thread::park();
            }
            system_lookup("127.0.0.1")
        };
        let resolver: &'static Resolver = Box::leak(Box::new(Resolver::new(lookup)));
        assert!(resolver.resolve("a").now_or_never().is_none());
        while CALLS.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(SHARE_FOR / 2).await;
        assert!(resolver.resolve("a").now_or_never().is_none(), "it joins the first lookup");
        tokio::time::advance(SHARE_FOR / 2).await;
        // The first lookup never returns, so only a second one can produce a result.
        let mut lookup = std::pin::pin!(resolver.resolve("a"));
        let started = std::time::Instant::now();
        let result = loop {
            if let Some(result) = (&mut lookup).now_or_never() {
                break result;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "there is no second lookup");
            tokio::task::yield_now().await;
        };
        assert!(result.is_ok());
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn results_are_shared_but_not_cached() {
        let resolver: &'static Resolver = Box::leak(Box::new(Resolver::new(system_lookup)));
        let localhost = [SocketAddr::from(([127, 0, 0, 1], 0))];
        assert_eq!(resolver.resolve("127.0.0.1").await.expect("an address"), localhost);
        let (one, other) = tokio::join!(resolver.resolve("no such name"), resolver.resolve("no such name"));
        assert!(one.is_err() && other.is_err());
        assert!(resolver.pending().is_empty());
    }
}
