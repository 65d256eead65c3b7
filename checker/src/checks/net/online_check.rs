//! Checks whether this node is online. If it is not, a failed check proves nothing about the endpoint.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::address_policy::AddressPolicy;
use super::connect::{Address, connect};
use crate::checks::timing::Stopwatch;

/// How long an outcome is reused, because many endpoints fail at once when the node goes offline.
const CACHE_FOR: Duration = Duration::from_secs(5);
/// How long to wait for an address to accept a connection.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The addresses to connect to, and the last outcome. Whenever the node is online, at least one address accepts
/// connections.
#[derive(Debug, Default)]
pub struct OnlineCheck {
    addresses: Vec<Address>,
    last: Mutex<Option<(Instant, bool)>>,
}

impl OnlineCheck {
    /// Creates a check that connects to these addresses. Without any, the node is assumed to be online.
    #[must_use]
    pub fn new(addresses: Vec<Address>) -> OnlineCheck {
        OnlineCheck { addresses, last: Mutex::new(None) }
    }

    /// Returns whether one of the addresses accepts a connection. Concurrent calls share one attempt.
    pub async fn is_online(&self) -> bool {
        if self.addresses.is_empty() {
            return true;
        }
        let mut last = self.last.lock().await;
        if let Some((at, online)) = *last
            && at.elapsed() < CACHE_FOR
        {
            return online;
        }
        let online = self.reaches_any().await;
        *last = Some((Instant::now(), online));
        online
    }

    async fn reaches_any(&self) -> bool {
        let attempts = self.addresses.iter().map(|address| {
            Box::pin(async move {
                let stopwatch = Stopwatch::start();
                let connecting = connect(address, AddressPolicy::AllowAll, &stopwatch);
                match tokio::time::timeout(TIMEOUT, connecting).await {
                    Ok(Ok(_)) => Ok(()),
                    _ => Err(()),
                }
            })
        });
        futures_util::future::select_ok(attempts).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::net::online_check::*;

    #[tokio::test]
    async fn one_address_that_accepts_is_enough() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let open = Address { host: "127.0.0.1".to_owned(), port: listener.local_addr().expect("an address").port() };
        let closed = Address { host: "127.0.0.1".to_owned(), port: 9 };
        assert!(OnlineCheck::new(vec![closed.clone(), open]).is_online().await);
        assert!(!OnlineCheck::new(vec![closed.clone(), closed]).is_online().await);
        assert!(OnlineCheck::default().is_online().await);
    }
}
