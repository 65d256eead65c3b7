//! Meters the data that endpoints send, so that it cannot defeat an attempt's time limit or delay the checks of other
//! endpoints.
//!
//! A future that is always ready would never time out. [`MeteredStream`] wraps every connection below TLS and the
//! protocols, and every pipe of a command: it pauses after [`BYTES_PER_TURN`], and fails after a limit.
//! [`ForeignPackets`] does the same for sockets that receive packets.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::checks::Failure;

/// A connection to an endpoint.
pub type TcpConnection = MeteredStream<TcpStream>;

/// The default limit for the bytes that an attempt receives over one connection. It is many times what a TLS handshake,
/// a DNS answer or a health service's response needs.
pub const RECEIVED_LIMIT: u64 = 1 << 20;
/// The number of bytes to receive before yielding to other checks. In the worst case (two-byte frames), parsing them
/// takes about a millisecond.
const BYTES_PER_TURN: usize = 32 << 10;
/// The maximum number of bytes per read, because a parser handles all of them without a pause.
const READ_LIMIT: usize = 16 << 10;
/// The maximum number of packets that do not answer the request. Some are expected: late answers to earlier requests,
/// and answers to requests from other programs.
const FOREIGN_PACKETS_LIMIT: u32 = 1_000;

/// The error if an endpoint sends more data than an attempt accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("server sent more than {limit} bytes over one connection")]
pub struct TooMuchData {
    /// The limit that was exceeded, in bytes.
    limit: u64,
}

/// A stream that fails once it has received more than its limit, and regularly yields to other tasks.
#[derive(Debug)]
pub struct MeteredStream<S> {
    inner: S,
    limit: u64,
    received: u64,
    /// The number of bytes received since the stream last yielded to other tasks.
    this_turn: usize,
}

impl<S> MeteredStream<S> {
    #[must_use]
    pub fn new(inner: S) -> MeteredStream<S> {
        MeteredStream { inner, limit: RECEIVED_LIMIT, received: 0, this_turn: 0 }
    }

    /// Replaces the limit, in bytes.
    #[must_use]
    pub fn with_limit(self, limit: u64) -> MeteredStream<S> {
        MeteredStream { limit, ..self }
    }

    /// Returns whether reading fails because the limit was exceeded.
    #[must_use]
    pub fn is_over_limit(&self) -> bool {
        self.received > self.limit
    }

    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = &mut *self;
        if stream.is_over_limit() {
            return Poll::Ready(Err(io::Error::other(TooMuchData { limit: stream.limit })));
        }
        if stream.this_turn >= BYTES_PER_TURN {
            stream.this_turn = 0;
            return yield_turn(context);
        }
        let before = into.filled().len();
        let outcome = if into.remaining() <= READ_LIMIT {
            Pin::new(&mut stream.inner).poll_read(context, into)
        } else {
            let mut part = ReadBuf::new(into.initialize_unfilled_to(READ_LIMIT));
            let outcome = Pin::new(&mut stream.inner).poll_read(context, &mut part);
            let count = part.filled().len();
            into.advance(count);
            outcome
        };
        let count = into.filled().len() - before;
        match outcome {
            Poll::Pending => stream.this_turn = 0,
            Poll::Ready(_) => stream.this_turn += count,
        }
        stream.received += count as u64;
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Returns `Poll::Pending`. The task is woken after all other ready tasks, and after timers and sockets.
fn yield_turn<T>(context: &mut Context<'_>) -> Poll<T> {
    let mut turn = pin!(tokio::task::yield_now());
    match turn.as_mut().poll(context) {
        Poll::Pending => {}
        Poll::Ready(()) => context.waker().wake_by_ref(),
    }
    Poll::Pending
}

/// Counts packets that do not answer an attempt's request.
#[derive(Debug, Default)]
pub struct ForeignPackets(u32);

impl ForeignPackets {
    /// Counts one packet and yields to other tasks. Fails above the limit.
    pub async fn add(&mut self) -> Result<(), Failure> {
        self.0 += 1;
        if self.0 > FOREIGN_PACKETS_LIMIT {
            return Err(format!("received more than {FOREIGN_PACKETS_LIMIT} packets that do not answer the request"));
        }
        tokio::task::yield_now().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::error_text::describe_error;
    use crate::checks::net::metered::*;
    use std::time::Duration;
    use tokio::io::AsyncReadExt as _;

    /// A stream that is always ready, unlike Tokio's streams, which yield to other tasks from time to time.
    struct Flood;

    impl AsyncRead for Flood {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            into.initialize_unfilled().fill(7);
            into.advance(into.remaining());
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_always_ready_lets_others_run() {
        let mut stream = MeteredStream::new(Flood).with_limit(u64::MAX);
        let endless = async {
            let mut buffer = [0; 1_024];
            while stream.read(&mut buffer).await.is_ok() {}
        };
        let timeout = tokio::time::timeout(Duration::from_millis(20), endless).await;
        assert!(timeout.is_err(), "the time limit holds");
    }

    #[tokio::test]
    async fn a_stream_fails_above_its_limit() {
        let mut stream = MeteredStream::new(Flood).with_limit(100_000);
        let mut received = Vec::new();
        let error = stream.read_to_end(&mut received).await.expect_err("it is limited");
        assert_eq!(describe_error(&error), "server sent more than 100000 bytes over one connection");
        assert!((100_001..100_000 + READ_LIMIT + 1).contains(&received.len()), "{}", received.len());
        let exact = vec![7; 100_000];
        let mut stream = MeteredStream::new(exact.as_slice()).with_limit(100_000);
        let mut received = Vec::new();
        assert_eq!(stream.read_to_end(&mut received).await.ok(), Some(100_000), "the limit itself is allowed");
        assert_eq!(received, exact);
    }

    #[tokio::test]
    async fn one_read_is_limited() {
        let mut stream = MeteredStream::new(Flood);
        let mut buffer = vec![0; 10 * READ_LIMIT];
        assert_eq!(stream.read(&mut buffer).await.expect("it is readable"), READ_LIMIT);
        assert!(buffer[..READ_LIMIT].iter().all(|byte| *byte == 7) && buffer[READ_LIMIT] == 0);
    }

    #[tokio::test]
    async fn foreign_packets_are_limited() {
        let mut foreign = ForeignPackets::default();
        for _ in 0..FOREIGN_PACKETS_LIMIT {
            assert_eq!(foreign.add().await, Ok(()));
        }
        let failure = foreign.add().await.expect_err("there are too many");
        assert_eq!(failure, "received more than 1000 packets that do not answer the request");
    }
}
