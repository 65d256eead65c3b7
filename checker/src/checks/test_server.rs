//! Local servers that follow a script of actions, and certificates for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// One action in a test server's script.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ServerAction {
    Send(&'static [u8]),
    /// Wait for data and read it.
    Read,
    /// Do nothing until the client disconnects.
    Hang,
    /// Send a byte every 20 ms indefinitely.
    Trickle,
    Endless,
    /// Send these bytes in an endless loop.
    EndlessOf(&'static [u8]),
    /// Close the sending side and wait until the client disconnects.
    HalfClose,
    Reset,
}

/// Starts a server that handles each connection in a separate task. Returns its port.
pub(crate) async fn serve_with<F: Future<Output = ()> + Send + 'static>(
    handle: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handle(stream));
        }
    });
    port
}

/// Starts a server that follows the script on each connection and then closes it. Returns its port.
pub(crate) async fn serve(actions: &[ServerAction]) -> u16 {
    let actions = actions.to_vec();
    serve_with(move |mut stream| {
        let actions = actions.clone();
        async move {
            if follow(&actions, &mut stream).await {
                let _ = stream.set_zero_linger();
            }
        }
    })
    .await
}

/// Starts a server that sends text over TLS, followed by an unencrypted fatal alert. Returns its port.
pub(crate) async fn serve_tls_until_alert(text: &'static [u8], server: Arc<ServerConfig>) -> u16 {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];
    let tls = TlsAcceptor::from(server);
    serve_with(move |stream| {
        let tls = tls.clone();
        async move {
            let Ok(mut stream) = tls.accept(stream).await else { return };
            if follow(&[ServerAction::Read, ServerAction::Send(text)], &mut stream).await {
                return;
            }
            let _ = stream.get_mut().0.write_all(&ALERT).await;
            follow(&[ServerAction::Hang], &mut stream).await;
        }
    })
    .await
}

/// Starts a server that follows one script in plaintext, then another over TLS. Returns its port.
pub(crate) async fn serve_tls(before: &[ServerAction], after: &[ServerAction], server: Arc<ServerConfig>) -> u16 {
    let (before, after, tls) = (before.to_vec(), after.to_vec(), TlsAcceptor::from(server));
    serve_with(move |mut stream| {
        let (before, after, tls) = (before.clone(), after.clone(), tls.clone());
        async move {
            follow(&before, &mut stream).await;
            if let Ok(mut stream) = tls.accept(stream).await {
                follow(&after, &mut stream).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await
}

/// Follows the script. Returns whether the connection must be reset.
async fn follow(actions: &[ServerAction], stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> bool {
    let mut buffer = [0; 4_096];
    for action in actions {
        let succeeded = match action {
            ServerAction::Send(bytes) => stream.write_all(bytes).await.is_ok(),
            ServerAction::Read => stream.read(&mut buffer).await.is_ok_and(|count| count > 0),
            ServerAction::Hang => {
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
                false
            }
            ServerAction::HalfClose => {
                let _ = stream.shutdown().await;
                while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
                false
            }
            ServerAction::Trickle => {
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                false
            }
            ServerAction::Endless => {
                while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
                false
            }
            ServerAction::EndlessOf(bytes) => {
                while stream.write_all(bytes).await.is_ok() {}
                false
            }
            ServerAction::Reset => return true,
        };
        if !succeeded {
            break;
        }
    }
    let _ = stream.flush().await;
    false
}

/// A certificate authority, and the file that contains its certificate.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
}

/// Creates a certificate authority and writes its certificate to `folder`.
pub(crate) fn authority(folder: &Path) -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).expect("no names are fine");
    parameters.distinguished_name.push(DnType::CommonName, "Test authority");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("an authority");
    let file = folder.join("authority.pem");
    std::fs::write(&file, issuer.pem()).expect("the file can be written");
    Authority { issuer, file }
}

/// Returns the TLS configuration of a server with a self-signed certificate, and the certificate's file.
pub(crate) fn self_signed(folder: &Path, name: &str, days: i32) -> (Arc<ServerConfig>, PathBuf) {
    let key = KeyPair::generate().expect("a key");
    let certificate = parameters(name, days).self_signed(&key).expect("a certificate");
    let file = folder.join(format!("{name}{days}.pem"));
    std::fs::write(&file, certificate.pem()).expect("the file can be written");
    (server_config(&certificate, &key), file)
}

/// Returns the parameters of a certificate for `name` that expires half an hour after this many days. If `days` is not
/// positive, it expired that long ago.
pub(crate) fn parameters(name: &str, days: i32) -> CertificateParams {
    const DAY: Duration = Duration::from_hours(24);
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
    let now = date_time_ymd(1970, 1, 1) + Duration::from_nanos(crate::now().unsigned_abs());
    parameters.not_before = now - 2_000 * DAY;
    let away = DAY / 48 + DAY * days.unsigned_abs();
    parameters.not_after = if days > 0 { now + away } else { now - away };
    parameters
}

fn server_config(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are known")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("key and certificate fit");
    Arc::new(configuration)
}

impl Authority {
    /// Returns the TLS configuration of a server with a certificate for `name` that expires an hour after this many
    /// days.
    pub(crate) fn server(&self, name: &str, days: i32) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters(name, days).signed_by(&key, &self.issuer).expect("a certificate");
        server_config(&certificate, &key)
    }
}
