//! Local servers for tests that behave and misbehave as they are told, and certificates for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What a server does next.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ServerAction {
    /// It sends these bytes.
    Send(&'static [u8]),
    /// It waits for bytes, and takes what comes.
    Read,
    /// It does nothing until the client is gone.
    Hang,
    /// It sends a byte now and then, for ever.
    Trickle,
    /// It sends for ever.
    Endless,
    /// It sends these bytes for ever.
    EndlessOf(&'static [u8]),
    /// It says that it has nothing more to say, and stays until the client is gone.
    HalfClose,
    /// It resets the connection.
    Reset,
}

/// A server that does the same with each connection, and closes it in the end. Returns its port.
pub(crate) async fn serve(acts: &[ServerAction]) -> u16 {
    let (listener, port) = listen().await;
    let acts = acts.to_vec();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let acts = acts.clone();
            tokio::spawn(async move {
                if act(&acts, &mut stream).await {
                    let _ = stream.set_zero_linger();
                }
            });
        }
    });
    port
}

/// A server that speaks TLS, says these words, and then sends a fatal alert that it did not seal. Returns its port.
pub(crate) async fn serve_tls_until_alert(words: &'static [u8], server: Arc<ServerConfig>) -> u16 {
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];
    let (listener, port) = listen().await;
    let tls = TlsAcceptor::from(server);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = tls.accept(stream).await else { return };
                if act(&[ServerAction::Read, ServerAction::Send(words)], &mut stream).await {
                    return;
                }
                let _ = stream.get_mut().0.write_all(&ALERT).await;
                act(&[ServerAction::Hang], &mut stream).await;
            });
        }
    });
    port
}

/// A server that speaks TLS after some plain words. Returns its port.
pub(crate) async fn serve_tls(before: &[ServerAction], after: &[ServerAction], server: Arc<ServerConfig>) -> u16 {
    let (listener, port) = listen().await;
    let (before, after, tls) = (before.to_vec(), after.to_vec(), TlsAcceptor::from(server));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (before, after, tls) = (before.clone(), after.clone(), tls.clone());
            tokio::spawn(async move {
                act(&before, &mut stream).await;
                if let Ok(mut stream) = tls.accept(stream).await {
                    act(&after, &mut stream).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    port
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    (listener, port)
}

/// Goes through the acts; true if the connection is to be reset.
async fn act(acts: &[ServerAction], stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> bool {
    let mut taken = [0; 4_096];
    for act in acts {
        let went_well = match act {
            ServerAction::Send(bytes) => stream.write_all(bytes).await.is_ok(),
            ServerAction::Read => stream.read(&mut taken).await.is_ok_and(|count| count > 0),
            ServerAction::Hang => {
                while stream.read(&mut taken).await.is_ok_and(|count| count > 0) {}
                false
            }
            ServerAction::HalfClose => {
                let _ = stream.shutdown().await;
                while stream.read(&mut taken).await.is_ok_and(|count| count > 0) {}
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
        if !went_well {
            break;
        }
    }
    let _ = stream.flush().await;
    false
}

/// An authority of the test's own, with its certificate in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
}

/// Makes an authority whose certificate lies in this folder.
pub(crate) fn authority(folder: &Path) -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).expect("no names are fine");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().expect("a key")).expect("an authority");
    let file = folder.join("authority.pem");
    std::fs::write(&file, issuer.pem()).expect("the file can be written");
    Authority { issuer, file }
}

impl Authority {
    /// What a server needs to show a certificate for this name that expires in so many days, and an hour.
    pub(crate) fn server(&self, name: &str, days: i32) -> Arc<ServerConfig> {
        const DAY: Duration = Duration::from_hours(24);
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).expect("it is a name");
        let now = date_time_ymd(1970, 1, 1) + Duration::from_nanos(crate::now().unsigned_abs());
        parameters.not_before = now - 100 * DAY;
        let away = DAY / 24 + DAY * days.unsigned_abs();
        parameters.not_after = if days > 0 { now + away } else { now - away };
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
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
}
