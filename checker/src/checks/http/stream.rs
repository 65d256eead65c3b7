//! The stream beneath HTTP: plain or encrypted, closed without a shutdown, and able to repair malformed response heads.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::either::Either;

use super::head_repair::HeadRepair;
use crate::checks::net::metered::TcpConnection;

/// A connection through TLS or a proxy.
pub(super) trait LayeredStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> LayeredStream for S {}

/// A connection to a server. TLS and proxy streams are boxed because the transport is moved several times.
pub(super) type Transport = Either<TcpConnection, Box<dyn LayeredStream>>;

/// A stream that is closed only when it is dropped. Shutting it down first would send an extra packet for no benefit.
pub(super) struct ClientStream {
    transport: Transport,
    repair: Option<Box<HeadRepair>>,
}

impl ClientStream {
    pub(super) fn new(transport: Transport) -> ClientStream {
        ClientStream { transport, repair: None }
    }

    /// Creates a stream that repairs the head of an HTTP/1 response.
    pub(super) fn with_repair(transport: Transport) -> ClientStream {
        ClientStream { transport, repair: Some(Box::default()) }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let outcome = Pin::new(&mut self.transport).poll_read(context, into);
        if let Some(repair) = &mut self.repair {
            let received = into.filled_mut().get_mut(before..).unwrap_or_default();
            if let Err(error) = repair.repair(received) {
                return Poll::Ready(Err(io::Error::other(error)));
            }
            if repair.is_complete() {
                self.repair = None;
            }
        }
        outcome
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
