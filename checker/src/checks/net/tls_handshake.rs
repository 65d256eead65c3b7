//! Performs TLS handshakes and closes TLS connections.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::metered::TcpConnection;
use super::tls_config::{MinTlsVersion, TlsClient};
use super::tls_observer::HandshakeObserver;
use crate::checks::timing::{ClientIdentity, Stopwatch};
use crate::checks::{Failure, error_text};
use crate::tls_error::{self, CLIENT_CERTIFICATE_REQUIRED};

/// How long to wait for a server to reject the client certificate. Servers do so immediately.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Performs a TLS handshake and offers `protocols` through ALPN. `identifies` determines whether to present the client
/// certificate, which is meant only for the configured server.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &TlsClient,
    server_name: &ServerName<'static>,
    protocols: &[&[u8]],
    identifies: bool,
    stopwatch: &Stopwatch,
) -> Result<TlsStream<S>, Failure> {
    let connected = try_handshake(stream, tls, server_name, protocols, identifies, stopwatch).await;
    connected.map_err(|failed| failed.reason)
}

/// The error from a failed TLS handshake.
#[derive(Debug)]
pub struct FailedHandshake {
    pub reason: Failure,
    /// Whether the server aborted because it accepts none of the offered protocols.
    pub refuses_protocols: bool,
}

impl From<Failure> for FailedHandshake {
    fn from(reason: Failure) -> FailedHandshake {
        FailedHandshake { reason, refuses_protocols: false }
    }
}

/// Performs a TLS handshake like [`handshake`], for callers that can retry with other protocols.
pub async fn try_handshake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: &TlsClient,
    server_name: &ServerName<'static>,
    protocols: &[&[u8]],
    identifies: bool,
    stopwatch: &Stopwatch,
) -> Result<TlsStream<S>, FailedHandshake> {
    stopwatch.start_handshake();
    let observer = Arc::new(HandshakeObserver::new(Arc::clone(&tls.policy), identifies));
    let mut config = ClientConfig::clone(&tls.config);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config.client_auth_cert_resolver = Arc::clone(&observer) as Arc<dyn ResolvesClientCert>;
    config.dangerous().set_certificate_verifier(Arc::clone(&observer) as Arc<dyn ServerCertVerifier>);
    let connected = TlsConnector::from(Arc::new(config)).connect(server_name.clone(), stream).await;
    let note = observer.note();
    let is_client_missing = note.client == ClientIdentity::Missing;
    stopwatch.note_handshake(note);
    let stream = connected.map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::UnexpectedEof => "connection closed by the server during the TLS handshake".to_owned(),
            // Before TLS 1.3, no alert specifically reported a missing client certificate.
            _ if is_client_missing && is_alert(&error) => CLIENT_CERTIFICATE_REQUIRED.to_owned(),
            _ => error_text::describe_error(&error),
        };
        FailedHandshake { reason, refuses_protocols: alert(&error) == Some(AlertDescription::NoApplicationProtocol) }
    })?;
    if tls.min_version == MinTlsVersion::Tls13
        && stream.get_ref().1.protocol_version() != Some(ProtocolVersion::TLSv1_3)
    {
        return Err("server chose TLS 1.2, expected at least TLS 1.3 (`min_tls_version`)".to_owned().into());
    }
    stopwatch.connected();
    Ok(stream)
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn alert(error: &io::Error) -> Option<AlertDescription> {
    match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
        _ => None,
    }
}

fn is_alert(error: &io::Error) -> bool {
    alert(error).is_some()
}

/// Closes a TLS connection. Since TLS 1.3, a server verifies the client certificate only after the client has completed
/// its handshake. If the server requested a certificate and has not shown that it accepts the client, waits briefly for
/// a rejection.
pub async fn close(
    stream: &mut TlsStream<TcpConnection>,
    is_accepted: bool,
    stopwatch: &Stopwatch,
) -> Result<(), Failure> {
    stream.get_mut().1.send_close_notify();
    // Ignore errors: failing to send `close_notify` changes nothing.
    let _ = stream.flush().await;
    if is_accepted || stopwatch.handshake_note().client == ClientIdentity::NotRequested {
        return Ok(());
    }
    let mut ignored = [0; 1_024];
    let until_closed = async {
        loop {
            match stream.read(&mut ignored).await {
                Ok(1..) => {}
                Err(error) if is_alert(&error) => return Err(error_text::describe_error(&error)),
                Ok(0) | Err(_) => return Ok(()),
            }
        }
    };
    tokio::time::timeout(REFUSAL_TIMEOUT, until_closed).await.unwrap_or(Ok(()))
}

/// A stream that describes TLS errors in plain words, for libraries that keep only an error's message.
#[derive(Debug)]
pub struct DescribedErrors<S>(pub S);

fn describe(error: io::Error) -> io::Error {
    match tls_error(&error) {
        Some(tls) => io::Error::other(tls_error::describe(tls)),
        None => error,
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for DescribedErrors<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into).map_err(describe)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for DescribedErrors<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes).map_err(describe)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context).map_err(describe)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context).map_err(describe)
    }
}
