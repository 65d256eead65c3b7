//! The wish to stop: SIGTERM and Ctrl-C finish the round in hand, and the store is waited for only so long; a second one
//! ends the program at once.

use std::sync::mpsc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ui;

/// How long a store may take in all once somebody wants us to stop; what it has not taken by then waits in the spool.
/// Service managers kill after 10 s (containers), 30 s (pods) or 90 s (systemd), and checks under way take a while before.
pub const STORING_AFTER_STOP: Duration = Duration::from_secs(7);

/// The same for what is done beside it, such as the history and what expires: the next round makes up for it.
pub const KEEPING_UP_AFTER_STOP: Duration = Duration::from_secs(1);

/// Who is still there this long after the wish is told why.
const SILENCE: Duration = Duration::from_secs(1);

/// How long the last words may take, should whoever reads them be stuck.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Knows whether somebody wants us to stop, and since when. Copies know it, too.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Instant>>);

impl Stop {
    /// Starts listening for signals on the runtime that this is called on. While the program is stuck in something else,
    /// nobody hears them.
    pub fn on_signals() -> std::io::Result<Stop> {
        let (wish, stop) = watch::channel(None);
        tokio::spawn(listen(StopSignals::catch()?, wish));
        Ok(Stop(stop))
    }

    /// Starts listening for signals on a thread of its own: a second one ends the program whatever the others are stuck in.
    /// Where pages are large, the thread costs megabytes.
    pub fn on_signals_whatever_happens() -> std::io::Result<Stop> {
        let (wish, stop) = watch::channel(None);
        let (listens, listening) = mpsc::channel();
        let listen = move || {
            let begun = tokio::runtime::Builder::new_current_thread().enable_all().build().and_then(|runtime| {
                let signals = runtime.block_on(async { StopSignals::catch() })?;
                Ok((runtime, signals))
            });
            match begun {
                Ok((runtime, signals)) => {
                    // Whoever started this waits for it.
                    let _ = listens.send(Ok(()));
                    runtime.block_on(listen(signals, wish));
                }
                Err(error) => drop(listens.send(Err(error))),
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
        listening.recv().map_err(std::io::Error::other)??;
        Ok(Stop(stop))
    }

    /// Whether the wish is there.
    #[must_use]
    pub fn is_wished(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits for the wish.
    pub async fn wished(mut self) {
        // The sender lives as long as the process; should it be gone, nobody can wish any more.
        if self.0.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// How long ago the wish came, if it is there.
    fn age(&self) -> Option<Duration> {
        self.0.borrow().map(|wished| wished.elapsed())
    }
}

/// How much longer work may take once somebody wants us to stop, over all that is still to be done.
#[derive(Debug)]
pub struct Patience {
    stop: Stop,
    storing: Duration,
    keeping_up: Duration,
}

impl Patience {
    /// As long as nobody wants us to stop there is no limit.
    #[must_use]
    pub fn until(stop: Stop) -> Patience {
        Patience { stop, storing: STORING_AFTER_STOP, keeping_up: KEEPING_UP_AFTER_STOP }
    }

    /// Stores to the end; `None` if that was broken off, or not begun, since there is no time for it any more.
    pub async fn store<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        within(&self.stop, &mut self.storing, work).await
    }

    /// The same for what is done beside it, which takes none of the time for storing.
    pub async fn keep_up<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        within(&self.stop, &mut self.keeping_up, work).await
    }
}

async fn within<T>(stop: &Stop, left: &mut Duration, work: impl Future<Output = T>) -> Option<T> {
    if left.is_zero() {
        return None;
    }
    let begun = Instant::now();
    let (wished, most) = (stop.clone().wished(), *left);
    let is_up = async {
        wished.await;
        tokio::time::sleep(most).await;
    };
    let done = tokio::select! {
        biased;
        done = work => Some(done),
        () = is_up => None,
    };
    let spent = stop.age().map(|age| age.min(begun.elapsed())).unwrap_or_default();
    *left = if done.is_some() { most.saturating_sub(spent) } else { Duration::ZERO };
    done
}

/// The signals that say so.
struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn catch() -> std::io::Result<StopSignals> {
        Ok(StopSignals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one's number.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        }
    }
}

async fn listen(mut signals: StopSignals, wish: watch::Sender<Option<Instant>>) {
    signals.next().await;
    wish.send_replace(Some(Instant::now()));
    let number = if let Ok(number) = tokio::time::timeout(SILENCE, signals.next()).await {
        number
    } else {
        say(
            "stopping: what is under way is finished and stored, or kept in the spool; a second signal ends it at once",
        )
        .await;
        signals.next().await
    };
    say("stopped at once: what was seen and is neither in the store nor in the spool is lost").await;
    // The exit status of a program that a signal ended, as shells know it.
    std::process::exit(128 + number);
}

/// Tells something, unless whoever reads it is stuck.
async fn say(text: &'static str) {
    let _ = tokio::time::timeout(LAST_WORDS, tokio::task::spawn_blocking(|| ui::info(text))).await;
}

#[cfg(test)]
mod tests {
    use crate::platform::shutdown::*;

    /// A patience, and what makes the wish.
    fn patience() -> (Patience, watch::Sender<Option<Instant>>) {
        let (wish, stop) = watch::channel(None);
        (Patience::until(Stop(stop)), wish)
    }

    #[tokio::test(start_paused = true)]
    async fn as_long_as_nobody_wants_us_to_stop_work_takes_what_it_takes() {
        let (mut patience, _wish) = patience();
        for _ in 0..3 {
            let slow = async {
                tokio::time::sleep(Duration::from_hours(1)).await;
                "done"
            };
            assert_eq!(patience.store(slow).await, Some("done"));
        }
        assert_eq!(patience.storing, STORING_AFTER_STOP);
    }

    #[tokio::test(start_paused = true)]
    async fn from_the_wish_on_all_work_together_has_so_long_and_what_comes_later_is_not_begun() {
        let (mut patience, wish) = patience();
        let part = STORING_AFTER_STOP / 4;
        let work = async {
            tokio::time::sleep(Duration::from_hours(1)).await;
            wish.send_replace(Some(Instant::now()));
            tokio::time::sleep(part).await;
        };
        assert_eq!(patience.store(work).await, Some(()));
        assert_eq!(patience.storing, part * 3, "what came before the wish does not count");
        assert_eq!(patience.keep_up(tokio::time::sleep(KEEPING_UP_AFTER_STOP / 2)).await, Some(()));
        assert_eq!((patience.storing, patience.keeping_up), (part * 3, KEEPING_UP_AFTER_STOP / 2));
        // Neither does what is no storing: checks that are finished.
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(patience.store(tokio::time::sleep(part)).await, Some(()));
        assert_eq!(patience.storing, part * 2);
        let begun = Instant::now();
        assert_eq!(patience.store(std::future::pending::<()>()).await, None);
        assert_eq!(begun.elapsed().as_secs(), (part * 2).as_secs());
        assert_eq!(patience.store(async { panic!("it is begun") }).await, None::<()>);
        // What is done beside storing has time of its own, and takes none of that.
        assert_eq!(patience.keep_up(async { "done" }).await, Some("done"));
        assert_eq!(patience.keep_up(std::future::pending::<()>()).await, None);
    }
}
