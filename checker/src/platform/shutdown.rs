//! Graceful shutdown: SIGTERM or Ctrl-C lets the current checks finish and limits how long storing may take. A second
//! signal exits immediately.

use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long storing may take in total after a shutdown request; whatever is not stored by then stays in the spool.
/// Service managers kill a process after 10 s (containers), 30 s (pods) or 90 s (systemd), and running checks finish
/// first.
pub const STORING_AFTER_SHUTDOWN: Duration = Duration::from_secs(7);

/// How long other work on the store may take in total, such as updating the history and deleting expired files. The
/// next round completes unfinished work.
pub const UPKEEP_AFTER_SHUTDOWN: Duration = Duration::from_secs(1);

/// How long notifying channels may take in total. The next round, or another node, sends what was not sent.
pub const NOTIFYING_AFTER_SHUTDOWN: Duration = Duration::from_secs(3);

/// The time after which a message explains why a shutdown takes so long.
const QUIET_SHUTDOWN: Duration = Duration::from_secs(1);

/// How long to wait for the final message if standard error is blocked.
const LAST_MESSAGE: Duration = Duration::from_secs(1);

/// A function that prints or logs a message.
pub type Report = fn(&str);

/// A shutdown request, which can arrive at any time. All clones refer to the same request.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
    requested_at: Arc<OnceLock<Instant>>,
}

impl Shutdown {
    /// Listens for signals on the current runtime. While the runtime is blocked, signals are not handled.
    pub fn on_signals(report: Report) -> std::io::Result<Shutdown> {
        let shutdown = Shutdown::default();
        tokio::spawn(listen(StopSignals::catch()?, shutdown.clone(), report));
        Ok(shutdown)
    }

    /// Listens for signals on a separate thread so that a second signal exits even if the runtime is blocked. With
    /// huge pages, the thread's stack can take megabytes of memory.
    pub fn on_signals_in_thread(report: Report) -> std::io::Result<Shutdown> {
        let shutdown = Shutdown::default();
        let request = shutdown.clone();
        let (send_ready, ready) = mpsc::channel();
        let work = move || {
            let started = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                let signals = runtime.block_on(async { StopSignals::catch() })?;
                Ok((runtime, signals))
            });
            match started {
                Ok((runtime, signals)) => {
                    // Sending cannot fail, because `ready` receives this below.
                    let _ = send_ready.send(Ok(()));
                    runtime.block_on(listen(signals, request, report));
                }
                Err(error) => drop(send_ready.send(Err(error))),
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(work)?;
        ready.recv().map_err(std::io::Error::other)??;
        Ok(shutdown)
    }

    /// Returns whether a shutdown was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits for a shutdown request.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Returns a token that is canceled by a shutdown request.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    fn request(&self) {
        self.requested_at.get_or_init(Instant::now);
        self.token.cancel();
    }

    fn elapsed(&self) -> Option<Duration> {
        self.requested_at.get().map(Instant::elapsed)
    }
}

/// The remaining time for one kind of work on the store after a shutdown request.
#[derive(Debug)]
pub struct ShutdownBudget {
    shutdown: Shutdown,
    left: Duration,
}

impl ShutdownBudget {
    /// Creates a budget for storing rounds, which is unlimited until a shutdown is requested.
    #[must_use]
    pub fn for_storing(shutdown: Shutdown) -> ShutdownBudget {
        ShutdownBudget { shutdown, left: STORING_AFTER_SHUTDOWN }
    }

    /// Creates a budget for all other work on the store.
    #[must_use]
    pub fn for_upkeep(shutdown: Shutdown) -> ShutdownBudget {
        ShutdownBudget { shutdown, left: UPKEEP_AFTER_SHUTDOWN }
    }

    /// Creates a budget for notifying channels.
    #[must_use]
    pub fn for_notifying(shutdown: Shutdown) -> ShutdownBudget {
        ShutdownBudget { shutdown, left: NOTIFYING_AFTER_SHUTDOWN }
    }

    /// Does some work within the budget. Returns `None` if the time ran out before the work started or finished.
    pub async fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        within(&self.shutdown, &mut self.left, work).await
    }
}

async fn within<T>(shutdown: &Shutdown, left: &mut Duration, work: impl Future<Output = T>) -> Option<T> {
    if left.is_zero() {
        return None;
    }
    let started = Instant::now();
    let budget = *left;
    let timeout = async {
        shutdown.requested().await;
        tokio::time::sleep(budget).await;
    };
    let result = tokio::select! {
        biased;
        result = work => Some(result),
        () = timeout => None,
    };
    let spent = shutdown.elapsed().map(|elapsed| elapsed.min(started.elapsed())).unwrap_or_default();
    *left = if result.is_some() { budget.saturating_sub(spent) } else { Duration::ZERO };
    result
}

struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn catch() -> std::io::Result<StopSignals> {
        Ok(StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for a signal and returns its number.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}

async fn listen(mut signals: StopSignals, shutdown: Shutdown, report: Report) {
    signals.next().await;
    shutdown.request();
    let number = if let Ok(number) = tokio::time::timeout(QUIET_SHUTDOWN, signals.next()).await {
        number
    } else {
        let text = "shutting down: finishing the current checks; press Ctrl-C again to exit immediately";
        report_unless_blocked(report, text).await;
        signals.next().await
    };
    let text = "exiting immediately: results that are neither in the store nor in the spool are lost";
    report_unless_blocked(report, text).await;
    // By shell convention, a program killed by a signal exits with this status.
    std::process::exit(128 + number);
}

async fn report_unless_blocked(report: Report, text: &'static str) {
    let _ = tokio::time::timeout(LAST_MESSAGE, tokio::task::spawn_blocking(move || report(text))).await;
}

#[cfg(test)]
mod tests {
    use crate::platform::shutdown::*;

    fn budgets() -> (ShutdownBudget, ShutdownBudget, Shutdown) {
        let shutdown = Shutdown::default();
        (ShutdownBudget::for_storing(shutdown.clone()), ShutdownBudget::for_upkeep(shutdown.clone()), shutdown)
    }

    #[tokio::test(start_paused = true)]
    async fn work_is_not_limited_before_a_shutdown_request() {
        let (mut budget, _, _shutdown) = budgets();
        for _ in 0..3 {
            let slow = async {
                tokio::time::sleep(Duration::from_hours(1)).await;
                "done"
            };
            assert_eq!(budget.run(slow).await, Some("done"));
        }
        assert_eq!(budget.left, STORING_AFTER_SHUTDOWN);
    }

    #[tokio::test(start_paused = true)]
    async fn all_work_after_a_shutdown_request_shares_a_budget() {
        let (mut budget, mut upkeep, shutdown) = budgets();
        let part = STORING_AFTER_SHUTDOWN / 4;
        let work = async {
            tokio::time::sleep(Duration::from_hours(1)).await;
            shutdown.request();
            tokio::time::sleep(part).await;
        };
        assert_eq!(budget.run(work).await, Some(()));
        assert_eq!(budget.left, part * 3, "time before the request does not count");
        assert_eq!(upkeep.run(tokio::time::sleep(UPKEEP_AFTER_SHUTDOWN / 2)).await, Some(()));
        assert_eq!((budget.left, upkeep.left), (part * 3, UPKEEP_AFTER_SHUTDOWN / 2));
        // Time during which only checks run does not count against the budget.
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(budget.run(tokio::time::sleep(part)).await, Some(()));
        assert_eq!(budget.left, part * 2);
        let started = Instant::now();
        assert_eq!(budget.run(std::future::pending::<()>()).await, None);
        assert_eq!(started.elapsed().as_secs(), (part * 2).as_secs());
        assert_eq!(budget.run(async { panic!("it is started") }).await, None::<()>);
        // The time for upkeep is limited separately.
        assert_eq!(upkeep.run(async { "done" }).await, Some("done"));
        assert_eq!(upkeep.run(std::future::pending::<()>()).await, None);
    }
}
