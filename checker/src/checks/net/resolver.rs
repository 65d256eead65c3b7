//! Names to addresses, as the system's resolver has it: with its files, its search domains and whatever else its
//! administrator has set up. It cannot be interrupted and may take minutes, hence threads that nobody waits for.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// How many names may be asked at once: as many as there may be checks under way in all.
const MAX_THREADS: usize = 4_096;
/// A thread is kept for the next name this long: most checks of a round are asked for within it.
const THREAD_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// How long after one has asked for a name others wait for the same answer. A resolver that is out of reach may take
/// minutes to say so, and be within reach long before.
const SHARE_FOR: Duration = Duration::from_secs(10);
/// What the resolver needs of a stack, several times over.
const STACK_SIZE: usize = 256 * 1_024;

/// What the resolver found, for all who wait for it. The port is nobody's.
type LookupResult = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// What answers: the system's resolver, but in tests.
type LookupFn = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// An answer that is waited for, by all who do.
type SharedLookup = Shared<BoxFuture<'static, LookupResult>>;

/// Names that are being asked for.
struct Resolver {
    lookup: LookupFn,
    /// Its threads are nobody else's: where names hang, files are stored all the same.
    threads: io::Result<Runtime>,
    pending: Mutex<HashMap<String, PendingLookup>>,
}

/// A name that is being asked for.
struct PendingLookup {
    begun: Instant,
    answer: SharedLookup,
}

/// Never dropped: a runtime that is waits for its threads, and a program that ends would wait for names that hang.
static RESOLVER: LazyLock<Resolver> = LazyLock::new(|| Resolver::new(system_lookup));

/// The addresses of a host by its name, in the order in which the system would try them, with port 0: an address alone
/// would not say through which network a link-local one is reached.
///
/// # Errors
///
/// What the system's resolver says. A name without addresses is one of its errors.
pub async fn resolve(host: &str) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
    RESOLVER.ask(host).await
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
            .thread_name("look-up")
            .build();
        Resolver { lookup, threads, pending: Mutex::default() }
    }

    async fn ask(&'static self, host: &str) -> LookupResult {
        self.answer(host)?.await
    }

    /// The answer that others have asked for a moment ago, or one of its own: a name that hangs takes a thread now and then,
    /// and not one each time that it is asked for; and it answers again as soon as the system does.
    fn answer(&'static self, host: &str) -> Result<SharedLookup, Arc<io::Error>> {
        let threads = self.threads.as_ref().map_err(|error| Arc::new(io::Error::from(error.kind())))?;
        let begun = Instant::now();
        let mut pending = self.pending();
        if let Some(asked) = pending.get(host).filter(|asked| begun - asked.begun < SHARE_FOR) {
            return Ok(asked.answer.clone());
        }
        let name = host.to_owned();
        let asked = threads.spawn_blocking(move || {
            let found = (self.lookup)(&name);
            let mut pending = self.pending();
            // Who asks from now on is told anew; a later one may be under way by now.
            if pending.get(&name).is_some_and(|asked| asked.begun == begun) {
                pending.remove(&name);
            }
            found.map_err(Arc::new)
        });
        let answer = async { asked.await.unwrap_or_else(|error| Err(Arc::new(io::Error::other(error)))) };
        let answer = answer.boxed().shared();
        pending.insert(host.to_owned(), PendingLookup { begun, answer: answer.clone() });
        Ok(answer)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<String, PendingLookup>> {
        // Where no thread can be had, Tokio panics while this is held; nothing is half done then.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::net::resolver::*;
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// How long a test waits for what should be there at once.
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static HANGS: (Mutex<bool>, Condvar) = (Mutex::new(true), Condvar::new());

    /// Names that begin with `hangs` hang until they are released.
    fn resolver(host: &str) -> io::Result<Vec<SocketAddr>> {
        if host.starts_with("hangs") {
            ASKED.fetch_add(1, Ordering::Relaxed);
            let waiting = HANGS.1.wait_while(HANGS.0.lock().expect("nobody panics"), |hangs| *hangs);
            drop(waiting.expect("nobody panics"));
        }
        system_lookup("127.0.0.1")
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_hang_take_a_thread_each_and_keep_no_other_name_waiting() {
        let resolver: &'static Resolver = Box::leak(Box::new(Resolver::new(resolver)));
        let names: Vec<String> = (0..600).map(|number| format!("hangs{number}")).collect();
        // Each is asked for twice, by somebody who does not wait for the answer.
        for name in names.iter().chain(&names) {
            assert!(resolver.ask(name).now_or_never().is_none());
        }
        let here = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        assert_eq!(resolver.ask("answers").await.expect("an address"), here);
        assert_eq!(resolver.pending().len(), 600);
        while ASKED.load(Ordering::Relaxed) < 600 {
            tokio::task::yield_now().await;
        }
        let waiting = resolver.ask("hangs7");
        assert_eq!(ASKED.load(Ordering::Relaxed), 600, "once for all who wait");
        *HANGS.0.lock().expect("nobody panics") = false;
        HANGS.1.notify_all();
        assert_eq!(waiting.await.expect("an address"), here);
        for name in &names {
            resolver.ask(name).await.expect("an address");
        }
        assert!(resolver.pending().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_hangs_is_asked_for_again_after_a_while() {
        static CALLS: AtomicUsize = AtomicUsize::new(0);
        // The first one never comes back.
        let resolver = |_: &str| {
            if CALLS.fetch_add(1, Ordering::Relaxed) == 0 {
                std::thread::park();
            }
            system_lookup("127.0.0.1")
        };
        let resolver: &'static Resolver = Box::leak(Box::new(Resolver::new(resolver)));
        assert!(resolver.ask("a").now_or_never().is_none());
        while CALLS.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(SHARE_FOR / 2).await;
        assert!(resolver.ask("a").now_or_never().is_none(), "with the first");
        tokio::time::advance(SHARE_FOR / 2).await;
        // The first would never answer, so that nothing else than asking again gives an answer.
        let mut asked = std::pin::pin!(resolver.ask("a"));
        let begun = std::time::Instant::now();
        let answer = loop {
            if let Some(answer) = (&mut asked).now_or_never() {
                break answer;
            }
            assert!(begun.elapsed() < PATIENCE, "it is not asked for again");
            tokio::task::yield_now().await;
        };
        assert!(answer.is_ok());
        assert_eq!(CALLS.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_name_is_asked_for_anew_each_time_and_a_failure_is_told_to_all_who_wait() {
        let resolver: &'static Resolver = Box::leak(Box::new(Resolver::new(system_lookup)));
        let here = [SocketAddr::from(([127, 0, 0, 1], 0))];
        assert_eq!(resolver.ask("127.0.0.1").await.expect("an address"), here);
        let (one, other) = tokio::join!(resolver.ask("no such name"), resolver.ask("no such name"));
        assert!(one.is_err() && other.is_err());
        assert!(resolver.pending().is_empty());
    }
}
