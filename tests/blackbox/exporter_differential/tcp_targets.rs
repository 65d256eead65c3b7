//! TCP targets: open and closed ports, banners, conversations, and TLS with and without STARTTLS.

use std::path::Path;

use serde_json::{Value, json};
use support::certificates::{Authority, Validity};
use support::free_port;
use support::mutants::Random;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::target::Target;
use crate::check_kinds::{NAME, mail_server, sealed_server, serve};

const WORDS: &[&str] = &["ready", "ESMTP", "ftpd", "busy"];

/// The ports of the TCP servers.
pub(super) struct TcpServers {
    /// The word in each server's banner, and the server's port.
    banners: Vec<(&'static str, u16)>,
    silent: u16,
    closing: u16,
    unfinished: u16,
    lines: u16,
    sealed: u16,
    sealed_by_stranger: u16,
    expired: u16,
    mail: u16,
}

impl TcpServers {
    pub(super) async fn start(authority: &Authority) -> TcpServers {
        let mut banners = Vec::new();
        for word in WORDS {
            banners.push((*word, banner_server(word).await));
        }
        let stranger = Authority::new();
        TcpServers {
            banners,
            silent: talking(b"").await,
            closing: serve(async |_| Some(())).await,
            unfinished: talking(b"220 ready").await,
            lines: talking(b"220-first\r\n220 second\r\n").await,
            sealed: sealed_server(authority).await,
            sealed_by_stranger: sealed_server(&stranger).await,
            expired: expired_server(authority).await,
            mail: mail_server(authority).await,
        }
    }

    /// Generates all TCP targets. `ca` is the path to the authority's certificate.
    pub(super) fn targets(&self, ca: &Path, random: &mut Random) -> Vec<Target> {
        let mut targets = vec![
            tcp("open port", self.banners[0].1, json!({}), &json!({})),
            tcp("open port that closes connections", self.closing, json!({}), &json!({})),
            tcp("open port that is silent", self.silent, json!({}), &json!({})),
            tcp("closed port", free_port(), json!({}), &json!({})),
            script("banner of a silent server", self.silent, &[("", "^220")]).impatiently(),
            script("banner of a server that closes connections", self.closing, &[("", "^220")]),
            script("banner without a line end", self.unfinished, &[("", "^220 ready")]).impatiently(),
            script("second line of a banner", self.lines, &[("", "^220 second")]).impatiently(),
            script("pattern of two lines", self.lines, &[("", "(?s)first.*second")]).impatiently(),
        ];
        for number in 0..8 {
            let (word, port) = random.pick(&self.banners);
            let expected = if random.below(2) == 0 { word } else { random.pick(WORDS) };
            let greeting = format!("^220 {expected}");
            let reply = format!("^250 {}", random.pick(&["hello", "goodbye"]));
            let steps = [("", greeting.as_str()), ("hello\r\n", reply.as_str())];
            let steps = &steps[..=number % 2];
            targets.push(script(&format!("banner of {word} with {steps:?}"), port, steps).impatiently());
        }
        targets.extend(self.tls_targets(ca));
        targets
    }

    fn tls_targets(&self, ca: &Path) -> Vec<Target> {
        let tls = |name: &str, port: u16, server_name: &str, verifies: bool| {
            let (prober, keys) = if verifies {
                (
                    json!({ "ca_file": ca, "server_name": server_name }),
                    json!({ "tls_ca_file": ca, "server_name": server_name }),
                )
            } else {
                (json!({ "insecure_skip_verify": true }), json!({ "tls_skip_verify": true }))
            };
            let mut keys = keys;
            keys["tls"] = json!(true);
            tcp(name, port, json!({ "tls": true, "tls_config": prober }), &keys)
        };
        let starttls = |name: &str, server_name: &str| {
            let steps = json!([
                { "expect": "^220 " }, { "send": "EHLO prober\r" }, { "expect": "^250[ -]STARTTLS" },
                { "send": "STARTTLS\r" }, { "expect": "^220 " }, { "starttls": true }, { "expect": "^READY" },
            ]);
            let prober =
                json!({ "query_response": steps, "tls_config": { "ca_file": ca, "server_name": server_name } });
            let keys = json!({
                "starttls": "smtp", "tls_ca_file": ca, "server_name": server_name, "script": [{ "expect": "^READY" }],
            });
            tcp(name, self.mail, prober, &keys)
        };
        vec![
            tls("TLS", self.sealed, NAME, true),
            tls("TLS for another host", self.sealed, "other.example", true),
            tls("TLS of an unknown authority", self.sealed_by_stranger, NAME, true),
            tls("TLS of an unknown authority, without verification", self.sealed_by_stranger, NAME, false),
            tls("expired TLS", self.expired, NAME, true),
            tls("TLS on a plain port", self.banners[0].1, NAME, true).impatiently(),
            tls("TLS on a port that closes connections", self.closing, NAME, true),
            starttls("STARTTLS", NAME),
            starttls("STARTTLS for another host", "other.example"),
        ]
    }
}

/// Starts a server that sends a banner with this word and answers every line. Returns its port.
async fn banner_server(word: &'static str) -> u16 {
    serve(move |stream| async move {
        let mut stream = BufReader::new(stream);
        stream.write_all(format!("220 {word} 1.0\r\n").as_bytes()).await.ok()?;
        let mut line = String::new();
        while stream.read_line(&mut line).await.ok()? > 0 {
            stream.write_all(format!("250 {}\r\n", line.trim()).as_bytes()).await.ok()?;
            line.clear();
        }
        Some(())
    })
    .await
}

/// Starts a server that sends these bytes and waits until the client closes the connection. Returns its port.
async fn talking(bytes: &'static [u8]) -> u16 {
    serve(move |mut stream| async move {
        stream.write_all(bytes).await.ok()?;
        while stream.read(&mut [0; 64]).await.ok()? > 0 {}
        Some(())
    })
    .await
}

async fn expired_server(authority: &Authority) -> u16 {
    let tls = tokio_rustls::TlsAcceptor::from(authority.server(NAME, Validity::EndedDaysAgo(2)));
    serve(move |stream| {
        let tls = tls.clone();
        async move {
            let mut stream = tls.accept(stream).await.ok()?;
            stream.write_all(b"READY\r\n").await.ok()
        }
    })
    .await
}

/// Returns a target with a conversation. Each step has a string to send, which can be empty, and a pattern for the
/// answer.
fn script(name: &str, port: u16, steps: &[(&str, &str)]) -> Target {
    let step = |(sent, expected): &(&str, &str), line: &str| match sent {
        &"" => json!({ "expect": expected }),
        sent => json!({ "send": format!("{}{line}", sent.trim_end()), "expect": expected }),
    };
    // The exporter appends a line feed to each string that it sends.
    let prober: Vec<Value> = steps
        .iter()
        .map(|one| step(one, "\r"))
        .flat_map(|one| match one.get("send") {
            // If a step both sends and expects, the exporter waits before it sends, so the step is split in two.
            Some(sent) => vec![json!({ "send": sent }), json!({ "expect": one["expect"] })],
            None => vec![one],
        })
        .collect();
    let keys: Vec<Value> = steps.iter().map(|one| step(one, "\r\n")).collect();
    tcp(name, port, json!({ "query_response": prober }), &json!({ "script": keys }))
}

fn tcp(name: &str, port: u16, mut prober: Value, keys: &Value) -> Target {
    prober["preferred_ip_protocol"] = json!("ip4");
    Target::new("tcp", name, &format!("127.0.0.1:{port}"), prober, keys)
}
