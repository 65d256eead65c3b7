//! The wish to stop: SIGTERM and Ctrl-C finish the round in hand; a second one breaks off at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Exit status of a program that was interrupted, as shells know it (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// Knows whether somebody wants us to stop. Copies know it, too.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Starts listening for signals.
    pub fn on_signals() -> std::io::Result<Stop> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (wish, stop) = watch::channel(false);
        tokio::spawn(listen(terminate, interrupt, wish));
        Ok(Stop(stop))
    }

    /// Whether the wish is there.
    #[must_use]
    pub fn is_wished(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the wish.
    pub async fn wished(mut self) {
        // The sender lives as long as the process; should it be gone, nobody can wish any more.
        if self.0.wait_for(|wished| *wished).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn listen(mut terminate: Signal, mut interrupt: Signal, wish: watch::Sender<bool>) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    wish.send_replace(true);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    std::process::exit(INTERRUPTED);
}
