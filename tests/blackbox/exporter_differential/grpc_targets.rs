//! gRPC targets: healthy, unhealthy and unknown services, servers without a health service, and TLS.

use std::path::Path;

use http::{HeaderMap, Response};
use serde_json::{Value, json};
use support::certificates::{Authority, Validity};
use support::free_port;
use support::mutants::Random;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::target::Target;
use crate::check_kinds::serve;

/// Services, each with its numeric status, or `None` if the server does not know the service.
const SERVICES: &[(&str, Option<u8>)] =
    &[("", Some(1)), ("shop", Some(1)), ("bank", Some(2)), ("tent", Some(3)), ("fog", Some(0)), ("gone", None)];
/// The gRPC status codes OK, `NOT_FOUND` and `UNIMPLEMENTED`.
const OK: &str = "0";
const NOT_FOUND: &str = "5";
const UNIMPLEMENTED: &str = "12";

/// The ports of the gRPC servers.
pub(super) struct GrpcServers {
    plain: u16,
    sealed: u16,
    without_health: u16,
    web: u16,
}

impl GrpcServers {
    pub(super) async fn start(authority: &Authority) -> GrpcServers {
        let mut configuration = rustls::ServerConfig::clone(&authority.server("127.0.0.1", Validity::Now));
        configuration.alpn_protocols = vec![b"h2".to_vec()];
        let tls = TlsAcceptor::from(std::sync::Arc::new(configuration));
        GrpcServers {
            plain: serve(|stream| health(stream, true)).await,
            sealed: serve(move |stream| {
                let tls = tls.clone();
                async move { health(tls.accept(stream).await.ok()?, true).await }
            })
            .await,
            without_health: serve(|stream| health(stream, false)).await,
            web: serve(async |mut stream| {
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let _ = stream.read(&mut [0; 1_024]).await.ok()?;
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.ok()
            })
            .await,
        }
    }

    /// Generates all gRPC targets. `ca` is the path to the authority's certificate.
    pub(super) fn targets(&self, ca: &Path, random: &mut Random) -> Vec<Target> {
        let trusted = || (json!({ "tls": true, "tls_config": { "ca_file": ca } }), json!({ "tls_ca_file": ca }));
        let mut targets: Vec<Target> = SERVICES
            .iter()
            .map(|(service, status)| {
                grpc(&format!("service `{service}` with status {status:?}"), self.plain, service, json!({}), json!({}))
            })
            .collect();
        let (service, status) = random.pick(SERVICES);
        let (prober, keys) = trusted();
        targets.push(grpc(
            &format!("service `{service}` with status {status:?} over TLS"),
            self.sealed,
            service,
            prober,
            keys,
        ));
        let untrusted = json!({ "tls": true });
        targets.push(grpc("TLS of an unknown authority", self.sealed, "shop", untrusted, json!({})));
        let (prober, keys) = trusted();
        targets.push(grpc("TLS on a plain port", self.plain, "shop", prober, keys).impatiently());
        targets.extend([
            grpc("server without the health service", self.without_health, "shop", json!({}), json!({})),
            grpc("gRPC on a TLS port", self.sealed, "shop", json!({}), json!({})).impatiently(),
            grpc("web server", self.web, "shop", json!({}), json!({})).impatiently(),
            grpc("gRPC on a closed port", free_port(), "shop", json!({}), json!({})).impatiently(),
        ]);
        targets
    }
}

fn grpc(name: &str, port: u16, service: &str, mut prober: Value, mut keys: Value) -> Target {
    prober["preferred_ip_protocol"] = json!("ip4");
    if prober.get("tls").is_some() {
        keys["tls"] = json!(true);
    }
    if !service.is_empty() {
        (prober["service"], keys["service"]) = (json!(service), json!(service));
    }
    Target::new("grpc", name, &format!("127.0.0.1:{port}"), prober, &keys)
}

/// Serves one connection, with or without an implementation of the health service.
async fn health(stream: impl AsyncRead + AsyncWrite + Unpin, is_implemented: bool) -> Option<()> {
    let mut connection = h2::server::handshake(stream).await.ok()?;
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let mut body = request.into_body();
        tokio::spawn(async move {
            let mut asked = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                asked.extend_from_slice(&chunk);
            }
            // A gRPC prefix of five bytes precedes the message, whose field 1 is the service's name.
            let name = String::from_utf8_lossy(asked.get(7..).unwrap_or_default()).into_owned();
            let status = SERVICES.iter().find(|(service, _)| *service == name).and_then(|(_, status)| *status);
            let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
            let mut sender = respond.send_response(head, false).ok()?;
            let code = match status.filter(|_| is_implemented) {
                Some(0) => {
                    sender.send_data(vec![0, 0, 0, 0, 0].into(), false).ok()?;
                    OK
                }
                Some(status) => {
                    sender.send_data(vec![0, 0, 0, 0, 2, 8, status].into(), false).ok()?;
                    OK
                }
                None if is_implemented => NOT_FOUND,
                None => UNIMPLEMENTED,
            };
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", code.parse().expect("a value"));
            sender.send_trailers(trailers).ok()
        });
    }
    Some(())
}
