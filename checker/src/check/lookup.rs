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

/// How many names may be asked at once: as many as there may be checks under way in all.
const AT_ONCE: usize = 4_096;
/// A thread is kept for the next name this long: most checks of a round are asked for within it.
const KEPT_FOR: Duration = Duration::from_secs(1);
/// What the resolver needs of a stack, several times over.
const STACK: usize = 256 * 1_024;

/// What the resolver found, for all who wait for it. The port is nobody's.
type Found = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// What answers: the system's resolver, but in tests.
type Resolver = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// Names that are being asked for.
struct LookUps {
    resolver: Resolver,
    /// Its threads are nobody else's: where names hang, files are stored all the same.
    threads: io::Result<Runtime>,
    under_way: Mutex<HashMap<String, Shared<BoxFuture<'static, Found>>>>,
}

/// Never dropped: a runtime that is waits for its threads, and a program that ends would wait for names that hang.
static LOOK_UPS: LazyLock<LookUps> = LazyLock::new(|| LookUps::new(ask_the_system));

/// The addresses of a host by its name, in the order in which the system would try them, with port 0: an address alone
/// would not say through which network a link-local one is reached.
///
/// # Errors
///
/// What the system's resolver says. A name without addresses is one of its errors.
pub async fn addresses_of(host: &str) -> Result<Vec<SocketAddr>, Arc<io::Error>> {
    LOOK_UPS.ask(host).await
}

fn ask_the_system(host: &str) -> io::Result<Vec<SocketAddr>> {
    (host, 0).to_socket_addrs().map(Iterator::collect)
}

impl LookUps {
    fn new(resolver: Resolver) -> LookUps {
        let threads = Builder::new_current_thread()
            .max_blocking_threads(AT_ONCE)
            .thread_keep_alive(KEPT_FOR)
            .thread_stack_size(STACK)
            .thread_name("look-up")
            .build();
        LookUps { resolver, threads, under_way: Mutex::default() }
    }

    /// Asks for a name, or waits for the answer with those who have asked for it already: a name that hangs takes one
    /// thread, however often it is asked for.
    async fn ask(&'static self, host: &str) -> Found {
        let answer = self.under_way().get(host).cloned();
        match answer {
            Some(answer) => answer.await,
            None => self.begin(host.to_owned())?.await,
        }
    }

    fn begin(&'static self, host: String) -> Result<Shared<BoxFuture<'static, Found>>, Arc<io::Error>> {
        let threads = self.threads.as_ref().map_err(|error| Arc::new(io::Error::from(error.kind())))?;
        let mut under_way = self.under_way();
        let name = host.clone();
        let asked = threads.spawn_blocking(move || {
            let found = (self.resolver)(&name);
            // Who asks from now on is told anew.
            self.under_way().remove(&name);
            found.map_err(Arc::new)
        });
        let answer = async { asked.await.unwrap_or_else(|error| Err(Arc::new(io::Error::other(error)))) };
        Ok(under_way.entry(host).insert_entry(answer.boxed().shared()).get().clone())
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, Shared<BoxFuture<'static, Found>>>> {
        // Nobody can panic while holding it.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Condvar;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static HANGS: (Mutex<bool>, Condvar) = (Mutex::new(true), Condvar::new());

    /// Names that begin with `hangs` hang until they are released.
    fn resolver(host: &str) -> io::Result<Vec<SocketAddr>> {
        if host.starts_with("hangs") {
            ASKED.fetch_add(1, Ordering::Relaxed);
            let waiting = HANGS.1.wait_while(HANGS.0.lock().expect("nobody panics"), |hangs| *hangs);
            drop(waiting.expect("nobody panics"));
        }
        ask_the_system("127.0.0.1")
    }

    #[tokio::test]
    async fn names_that_hang_take_a_thread_each_and_keep_no_other_name_waiting() {
        let look_ups: &'static LookUps = Box::leak(Box::new(LookUps::new(resolver)));
        let names: Vec<String> = (0..600).map(|number| format!("hangs{number}")).collect();
        // Each is asked for twice, by somebody who does not wait for the answer.
        for name in names.iter().chain(&names) {
            assert!(look_ups.ask(name).now_or_never().is_none());
        }
        let here = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        assert_eq!(look_ups.ask("answers").await.expect("an address"), here);
        assert_eq!(look_ups.under_way().len(), 600);
        while ASKED.load(Ordering::Relaxed) < 600 {
            tokio::task::yield_now().await;
        }
        let waiting = look_ups.ask("hangs7");
        assert_eq!(ASKED.load(Ordering::Relaxed), 600, "once for all who wait");
        *HANGS.0.lock().expect("nobody panics") = false;
        HANGS.1.notify_all();
        assert_eq!(waiting.await.expect("an address"), here);
        for name in &names {
            look_ups.ask(name).await.expect("an address");
        }
        assert!(look_ups.under_way().is_empty());
    }

    #[tokio::test]
    async fn a_name_is_asked_for_anew_each_time_and_a_failure_is_told_to_all_who_wait() {
        assert_eq!(addresses_of("127.0.0.1").await.expect("an address"), [SocketAddr::from(([127, 0, 0, 1], 0))]);
        let (one, other) = tokio::join!(addresses_of("no such name"), addresses_of("no such name"));
        assert!(one.is_err() && other.is_err());
        assert!(LOOK_UPS.under_way().is_empty());
    }
}
