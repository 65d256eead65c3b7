//! Accepts connections. Limits the number of connections, in total and for each address, and the time that slow clients
//! can take, so that no client keeps others from being served.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::ServeError;

/// The time limit for receiving a request's headers, and for keeping an idle connection. Headers usually fit in one
/// packet, and a lost packet is resent within three seconds.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum duration of a connection, so that a slow client does not occupy it indefinitely.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(10);
/// The maximum number of connections. Beyond this, a new connection replaces the oldest one that has not sent a
/// request.
const CONNECTION_LIMIT: usize = 1_024;
/// The maximum number of connections per address, so that no client uses all of them. It does not apply to a listener
/// on a loopback address, whose clients are this machine's users and its reverse proxy.
const ADDRESS_LIMIT: usize = CONNECTION_LIMIT / 4;
/// The period in which a client that falls behind must read at least [`READ_MINIMUM`] bytes.
const READ_WINDOW: Duration = Duration::from_secs(10);
/// The minimum number of bytes per [`READ_WINDOW`]: 1.6 kB/s, a tenth of the speed of the slowest mobile network.
const READ_MINIMUM: usize = 16 << 10;
/// How long responses in progress can take after a shutdown request.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after the system refuses a connection, for example at the open file limit.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// The number of consecutive refusals after which the server fails, which takes about half a minute.
const MAX_REFUSALS: u32 = 60;

/// Serves until the token is canceled, then finishes the responses in progress.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mut protocol = hyper::server::conn::http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let is_loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let of_address = if is_loopback { CONNECTION_LIMIT } else { ADDRESS_LIMIT };
    let connections = Arc::new(Connections { of_address, open: Mutex::default() });
    let graceful = GracefulShutdown::new();
    let mut refusals = 0;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, client)) => {
                refusals = 0;
                // Close the connection if no slot is free.
                let Some(slot) = Connections::take_slot(&connections, client.ip()) else { continue };
                let (has_request, closed) = (Arc::clone(&slot.has_request), slot.closed.clone());
                let service = TowerToHyperService::new(router.clone());
                let service = service_fn(move |request| {
                    has_request.store(true, Ordering::Relaxed);
                    service.call(request)
                });
                let connection = protocol.serve_connection(TokioIo::new(PacedStream::new(stream)), service);
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    let _slot = slot;
                    tokio::select! {
                        // A client that disconnects or is too slow is not an error.
                        _ = timeout(CONNECTION_TIMEOUT, connection) => {}
                        () = closed.cancelled() => {}
                    }
                });
            }
            Err(error) if refusals >= MAX_REFUSALS => return Err(ServeError::Accept(error)),
            Err(_) => {
                refusals += 1;
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // Abort responses that take longer.
    let _ = timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await;
    Ok(())
}

struct Connections {
    /// The maximum number of connections per address.
    of_address: usize,
    open: Mutex<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    /// The connections, sorted by number. The oldest comes first.
    by_number: BTreeMap<u64, OpenConnection>,
    next_number: u64,
}

struct OpenConnection {
    network: IpAddr,
    /// Whether the client has sent a request.
    has_request: Arc<AtomicBool>,
    closed: CancellationToken,
}

/// A slot for one open connection. Dropping it makes room for another connection.
struct Slot {
    connections: Arc<Connections>,
    number: u64,
    has_request: Arc<AtomicBool>,
    closed: CancellationToken,
}

impl Connections {
    /// Takes a slot for a new connection. If all slots are taken, closes the oldest connection that has not sent a
    /// request. Returns `None` if all of them have sent one.
    fn take_slot(connections: &Arc<Connections>, client: IpAddr) -> Option<Slot> {
        let network = network_of(client);
        let mut open = connections.open();
        let of_address = open.by_number.values().filter(|other| other.network == network).count();
        let has_too_many = of_address >= connections.of_address;
        if has_too_many || open.by_number.len() >= CONNECTION_LIMIT {
            let mut candidates = open.by_number.iter().filter(|(_, other)| !has_too_many || other.network == network);
            let idle = candidates.find(|(_, other)| !other.has_request.load(Ordering::Relaxed));
            let oldest = idle.map(|(number, _)| *number)?;
            open.by_number.remove(&oldest)?.closed.cancel();
        }
        let number = open.next_number;
        open.next_number += 1;
        let (has_request, closed) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let connection = OpenConnection { network, has_request: Arc::clone(&has_request), closed: closed.clone() };
        open.by_number.insert(number, connection);
        Some(Slot { connections: Arc::clone(connections), number, has_request, closed })
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.open().by_number.remove(&self.number);
    }
}

/// Returns a client's IPv4 address, or its IPv6 network, because one IPv6 client can use 2⁶⁴ addresses.
fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

/// A connection that fails if the client reads too slowly.
struct PacedStream<S> {
    stream: S,
    /// Set while the client lags behind.
    window: Option<ReadingWindow>,
}

struct ReadingWindow {
    end: Pin<Box<Sleep>>,
    /// The number of bytes written in this window.
    written: usize,
}

impl ReadingWindow {
    fn new() -> ReadingWindow {
        ReadingWindow { end: Box::pin(sleep(READ_WINDOW)), written: 0 }
    }
}

impl<S> PacedStream<S> {
    fn new(stream: S) -> PacedStream<S> {
        PacedStream { stream, window: None }
    }

    /// Counts the written bytes, and fails at the end of a window in which too few were written.
    fn pace(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => {
                if let Some(window) = &mut self.window {
                    window.written += count;
                    if window.end.is_elapsed() {
                        self.window = None;
                    }
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let window = self.window.get_or_insert_with(ReadingWindow::new);
                while window.end.as_mut().poll(context).is_ready() {
                    if window.written < READ_MINIMUM {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    *window = ReadingWindow::new();
                }
            }
        }
        written
    }
}

impl AsyncRead for PacedStream<TcpStream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for PacedStream<TcpStream> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.pace(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        contents: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, contents);
        self.pace(context, written)
    }

    /// Vectored writes avoid copying the parts of a response, so all visitors can share one body.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(of_address: usize) -> Arc<Connections> {
        Arc::new(Connections { of_address, open: Mutex::default() })
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_connection_without_a_request_makes_room_for_a_new_one() {
        let connections = connections(2);
        let take = |last| Connections::take_slot(&connections, client(last));
        let (first, second) = (take(1).unwrap(), take(1).unwrap());
        let other = take(2).unwrap();
        first.has_request.store(true, Ordering::Relaxed);
        let third = take(1).unwrap();
        let is_closed = [&first, &second, &other, &third].map(|slot| slot.closed.is_cancelled());
        assert_eq!(is_closed, [false, true, false, false]);
        third.has_request.store(true, Ordering::Relaxed);
        assert!(take(1).is_none(), "both have a request");
        drop(first);
        assert!(take(1).is_some());
    }

    #[test]
    fn the_total_is_limited() {
        let connections = connections(usize::MAX);
        let slots: Vec<Slot> =
            (0..=CONNECTION_LIMIT).map(|_| Connections::take_slot(&connections, client(1)).unwrap()).collect();
        assert_eq!(connections.open().by_number.len(), CONNECTION_LIMIT);
        assert!(slots[0].closed.is_cancelled() && !slots[1].closed.is_cancelled());
    }

    #[test]
    fn a_client_has_many_addresses_in_its_network() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), client(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_disconnected() {
        use tokio::io::AsyncWriteExt as _;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut stream = PacedStream::new(listener.accept().await.unwrap().0);
        let error = stream.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }
}
