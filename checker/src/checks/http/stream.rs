//! The stream beneath HTTP: plain or encrypted, closed without a shutdown, and able to repair malformed response heads.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::either::Either;

use super::head_repair::HeadRepair;
use crate::checks::net::metered::TcpConnection;

/// A connection through TLS or a proxy.
pub(super) trait LayeredStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> LayeredStream for S {}

/// A connection to a server. TLS and proxy streams are boxed because the transport is moved several times.
pub(super) type HttpTransport = Either<TcpConnection, Box<dyn LayeredStream>>;

/// A stream that is closed only when it is dropped. Shutting it down first would send an extra packet for no benefit.
pub(super) struct ClientStream {
    transport: HttpTransport,
    repair: Option<Box<RepairedHead>>,
}

/// The head of a response that is repaired while it is received.
#[derive(Default)]
struct RepairedHead {
    repair: HeadRepair,
    /// Repaired data that has not been read yet.
    output: Vec<u8>,
    /// How much of the output was read.
    position: usize,
}

impl ClientStream {
    pub(super) fn new(transport: HttpTransport) -> ClientStream {
        ClientStream { transport, repair: None }
    }

    /// Creates a stream that repairs the head of an HTTP/1 response.
    pub(super) fn with_repair(transport: HttpTransport) -> ClientStream {
        ClientStream { transport, repair: Some(Box::default()) }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(head) = &mut this.repair else { return Pin::new(&mut this.transport).poll_read(context, into) };
        if !head.has_output() {
            ready!(head.poll_receive(Pin::new(&mut this.transport), context))?;
        }
        head.read(into);
        if head.repair.is_complete() && !head.has_output() {
            this.repair = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl RepairedHead {
    /// The number of bytes to receive at a time.
    const PIECE: usize = 4_096;

    fn has_output(&self) -> bool {
        self.position < self.output.len()
    }

    /// Receives until there is output, or the connection ends.
    fn poll_receive(
        &mut self,
        mut transport: Pin<&mut HttpTransport>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.output.clear();
        self.position = 0;
        while self.output.is_empty() {
            let mut piece = [0; RepairedHead::PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(transport.as_mut().poll_read(context, &mut piece))?;
            if piece.filled().is_empty() {
                self.repair.finish(&mut self.output);
                break;
            }
            self.repair.repair(piece.filled(), &mut self.output).map_err(io::Error::other)?;
        }
        Poll::Ready(Ok(()))
    }

    fn read(&mut self, into: &mut ReadBuf<'_>) {
        let output = self.output.get(self.position..).unwrap_or_default();
        let length = output.len().min(into.remaining());
        into.put_slice(&output[..length]);
        self.position += length;
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
