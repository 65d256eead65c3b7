//! TCP checks: one attempt connects, with TLS if configured, and follows a script of strings to send and patterns to
//! expect.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::body_text::Found;
use super::net::address_filter::{AddressFilter, IpVersion};
use super::net::connect::{self, Address, TlsOptions};
use super::net::starttls::{StartTls, upgrade};
use super::net::tls_config::TlsClient;
use super::net::tls_handshake;
use super::output_streams::search_message;
use super::probe_data::{Capture, ProbeData};
use super::text_pattern::TextPattern;
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Failure, Probe, ProbeResult, Probed, error_text};

pub const SUBJECTS: &[&str] = &["[RTT]", "[DNS]", "[CONNECT]", "[TLS]", "[TTFB]"];

/// The parameters of a TCP check.
#[derive(Debug, Clone)]
pub struct TcpCheck {
    pub locator: String,
    pub address: Address,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The IP version to connect over. If not set, both are tried.
    pub ip_version: Option<IpVersion>,
    /// The TLS parameters, if the connection uses TLS.
    pub tls: Option<TlsOptions>,
    /// The protocol that upgrades the connection to TLS. Without one, a TLS connection starts with the handshake.
    pub starttls: Option<StartTls>,
    pub script: Vec<ScriptStep>,
}

/// A step of a script.
#[derive(Debug, Clone)]
pub enum ScriptStep {
    Send(Vec<u8>),
    /// Wait for data that matches the pattern. Data after the match is kept for the next step.
    Expect(TextPattern),
}

/// The maximum amount of data to receive without a match, in bytes. Beyond that, the attempt fails.
const UNMATCHED_LIMIT: usize = 64 * 1_024;
/// The maximum number of bytes to receive during a script.
const RECEIVED_LIMIT: u64 = 8 << 20;
/// The number of searches that run as soon as data arrives. Each one searches all unmatched data again, which would
/// take minutes if data arrived byte by byte.
const IMMEDIATE_SEARCHES: u32 = 64;
/// After the immediate searches, data is searched again when it has grown by one eighth, or when nothing has arrived
/// for [`QUIET`].
const GROWTH_DIVISOR: usize = 8;
const QUIET: Duration = Duration::from_millis(10);

impl Probe for TcpCheck {
    fn type_name(&self) -> &'static str {
        "tcp"
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn host(&self) -> Option<&str> {
        Some(&self.address.host)
    }

    fn how_to_enable_tls(&self) -> Option<&'static str> {
        self.tls.is_none().then_some("`tls` or `starttls`")
    }

    fn preflight(&self) -> Result<(), String> {
        TlsOptions::preflight(self.tls.as_ref())
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let tls = context.optional_tls_client(self.tls.as_ref()).await?;
            Ok(timed(self.timeout, capture, |stopwatch| {
                talk(self, tls, context.address_filter(self.ip_version), stopwatch)
            })
            .await)
        })
    }
}

async fn talk(
    check: &TcpCheck,
    tls: Option<Arc<TlsClient>>,
    filter: AddressFilter,
    stopwatch: Arc<Stopwatch>,
) -> ProbeResult {
    let mut stream = connect::connect(&check.address, filter, &stopwatch).await?.with_limit(RECEIVED_LIMIT);
    if let Some(protocol) = check.starttls {
        upgrade(protocol, &mut stream).await?;
    }
    match (&check.tls, tls) {
        (Some(options), Some(tls)) => {
            let mut stream =
                tls_handshake::handshake(stream, &tls, &options.server_name, &[], true, &stopwatch).await?;
            follow(&check.script, &mut stream, &stopwatch).await?;
            // A server that responds to the script has accepted the client.
            let is_accepted = check.script.iter().any(|step| matches!(step, ScriptStep::Expect(_)));
            tls_handshake::close(&mut stream, is_accepted, &stopwatch).await?;
        }
        _ => follow(&check.script, &mut stream, &stopwatch).await?,
    }
    Ok(ProbeData::default())
}

async fn follow(
    script: &[ScriptStep],
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    stopwatch: &Stopwatch,
) -> Result<(), Failure> {
    let mut received = Received::default();
    for step in script {
        match step {
            ScriptStep::Send(bytes) => {
                stream.write_all(bytes).await.map_err(|error| error_text::describe_error(&error))?;
                stream.flush().await.map_err(|error| error_text::describe_error(&error))?;
            }
            ScriptStep::Expect(pattern) => expect(pattern, &mut received, stream, stopwatch).await?,
        }
    }
    Ok(())
}

/// Waits for a match. If it fails, also determines whether the received data could match if it is read in another way.
async fn expect(
    pattern: &TextPattern,
    received: &mut Received,
    stream: &mut (impl AsyncRead + Unpin),
    stopwatch: &Stopwatch,
) -> Result<(), Failure> {
    received.restart_search();
    stopwatch.set_inconclusive(!received.bytes.is_empty());
    let outcome = find(pattern, received, stream, stopwatch).await;
    stopwatch.set_inconclusive(outcome.is_err() && received.possibly_matches(pattern));
    outcome
}

async fn find(
    pattern: &TextPattern,
    received: &mut Received,
    stream: &mut (impl AsyncRead + Unpin),
    stopwatch: &Stopwatch,
) -> Result<(), Failure> {
    let mut chunk = [0; 4_096];
    loop {
        if received.is_search_due() && received.take_match(pattern) {
            return Ok(());
        }
        let read = if received.is_searched() && !received.is_examination_due() {
            stream.read(&mut chunk).await
        } else {
            match tokio::time::timeout(QUIET, stream.read(&mut chunk)).await {
                Ok(read) => read,
                Err(_) if !received.is_searched() && received.take_match(pattern) => return Ok(()),
                Err(_) => {
                    if received.is_examination_due() {
                        stopwatch.set_inconclusive(received.possibly_matches(pattern));
                    }
                    continue;
                }
            }
        };
        if let Ok(count @ 1..) = read {
            stopwatch.first_byte_if_waiting();
            received.bytes.extend_from_slice(&chunk[..count]);
            // Until the data is examined, it could match.
            stopwatch.set_inconclusive(true);
            if received.bytes.len() < UNMATCHED_LIMIT {
                continue;
            }
        }
        // No more data will be read, so search what has not been searched yet.
        if !received.is_searched() && received.take_match(pattern) {
            return Ok(());
        }
        return Err(match read {
            Ok(0) => {
                format!("connection closed by the server; received {}, expected `{pattern}`", received.describe())
            }
            Ok(_) => format!("received {} bytes that do not match `{pattern}`", received.bytes.len()),
            Err(error) => error_text::describe_error(&error),
        });
    }
}

/// Data that no step of the script has matched yet.
#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    /// The number of bytes that the current step has searched without a match, or `None` before its first search.
    searched: Option<usize>,
    /// How many times the current step has searched the data.
    searches: u32,
    /// The number of bytes that the current step has examined, or `None` before the first time.
    examined: Option<usize>,
    /// How many times the current step has examined the data.
    examinations: u32,
}

impl Received {
    /// Resets the search for the next step, which has a different pattern.
    fn restart_search(&mut self) {
        *self = Received { bytes: std::mem::take(&mut self.bytes), ..Received::default() };
    }

    fn is_searched(&self) -> bool {
        self.searched == Some(self.bytes.len())
    }

    fn is_search_due(&self) -> bool {
        self.is_due(self.searched, self.searches)
    }

    fn is_examination_due(&self) -> bool {
        !self.bytes.is_empty() && self.is_due(self.examined, self.examinations)
    }

    /// Returns whether to process all data again after this many bytes were processed the last of several times.
    fn is_due(&self, processed: Option<usize>, times: u32) -> bool {
        let grew_enough = |processed| self.bytes.len() >= processed + processed / GROWTH_DIVISOR;
        processed != Some(self.bytes.len()) && (times < IMMEDIATE_SEARCHES || processed.is_none_or(grew_enough))
    }

    /// Removes everything up to the end of the match. Returns `false` if there is no match.
    fn take_match(&mut self, pattern: &TextPattern) -> bool {
        self.searches += 1;
        self.searched = Some(self.bytes.len());
        let end = pattern.find_end(&self.bytes);
        if let Some(end) = end {
            self.bytes.drain(..end);
        }
        end.is_some()
    }

    /// Returns whether the data could match if it is read in another way.
    fn possibly_matches(&mut self, pattern: &TextPattern) -> bool {
        self.examinations += 1;
        self.examined = Some(self.bytes.len());
        search_message(&self.bytes, pattern).0 != Found::No
    }

    fn describe(&self) -> String {
        if self.bytes.is_empty() { "nothing".to_owned() } else { format!("`{}`", error_text::excerpt(&self.bytes)) }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::CheckOutcome;
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::net::tls_config::TlsTrust;
    use crate::checks::tcp::*;
    use crate::checks::test_server::{ServerAction, authority, serve, serve_tls, serve_tls_until_alert};
    use crate::checks::{AttemptRecord, Check, CheckContext, CheckKind, run};
    use rustls::pki_types::ServerName;

    fn check(port: u16, script: &[(&str, &str)]) -> TcpCheck {
        let step = |(verb, text): &(&str, &str)| match *verb {
            "send" => ScriptStep::Send(text.as_bytes().to_vec()),
            _ => ScriptStep::Expect(TextPattern::parse(text).expect("a pattern")),
        };
        TcpCheck {
            locator: format!("127.0.0.1:{port}"),
            address: Address { host: "127.0.0.1".to_owned(), port },
            timeout: Duration::from_millis(700),
            ip_version: None,
            tls: None,
            starttls: None,
            script: script.iter().map(step).collect(),
        }
    }

    async fn record(check: TcpCheck) -> AttemptRecord {
        let context = CheckContext::new(AddressPolicy::AllowAll, crate::now);
        let check = Check::new("x", CheckKind::Tcp(Box::new(check)));
        match run(&check, &context).await {
            CheckOutcome::Attempts(mut records) => records.remove(0),
            CheckOutcome::Skipped { reason } => panic!("{reason}"),
        }
    }

    async fn error(check: TcpCheck) -> String {
        record(check).await.attempt.error.unwrap_or_default()
    }

    #[tokio::test]
    async fn a_script_is_followed_step_by_step() {
        let port = serve(&[
            ServerAction::Send(b"220 mail ready\r\n"),
            ServerAction::Read,
            ServerAction::Send(b"250-a\r\n"),
            ServerAction::Send(b"250 b\r\n"),
        ]);
        let script = [("expect", "^220 .*\r\n"), ("send", "EHLO x\r\n"), ("expect", "(?m)^250 ")];
        let record = record(check(port.await, &script)).await;
        assert_eq!(record.attempt.error, None);
        assert!(record.attempt.phases.connect.is_some() && record.attempt.phases.dns.is_none());
    }

    #[tokio::test]
    async fn every_misbehavior_of_a_server_is_described() {
        let greeting = [("expect", "^220 ")];
        for (actions, expected) in [
            (vec![], "connection closed by the server; received nothing, expected `^220 `"),
            (vec![ServerAction::Send(b"554 go away\r\n")], "received `554 go away`, expected `^220 `"),
            (vec![ServerAction::Hang], "no response within 700ms"),
            (vec![ServerAction::Send(b"2"), ServerAction::Hang], "response not complete within 700ms"),
            (vec![ServerAction::Trickle], "response not complete within 700ms"),
            (vec![ServerAction::Endless], "bytes that do not match `^220 `"),
            (vec![ServerAction::Send(b"\xff\xfe\x00"), ServerAction::Reset], "connection reset by the server"),
            (vec![ServerAction::HalfClose], "connection closed by the server; received nothing, expected `^220 `"),
            (
                vec![ServerAction::Send(b"\xff\xfe\n"), ServerAction::HalfClose],
                "received `\u{fffd}\u{fffd}`, expected `^220 `",
            ),
        ] {
            let error = error(check(serve(&actions).await, &greeting)).await;
            assert!(error.contains(expected), "{actions:?}: {error}");
        }
        assert_eq!(error(check(9, &[])).await, "connection refused");
    }

    #[tokio::test(start_paused = true)]
    async fn data_in_tiny_pieces_is_searched_rarely_and_matched() {
        const PIECES: usize = 20_000;
        let (mut client, mut server) = tokio::io::duplex(1);
        let sending = async {
            for _ in 0..PIECES {
                server.write_all(b"x").await.expect("the client reads");
            }
            server.write_all(b"end").await.expect("the client reads");
            // The connection stays open, so the client must wait for a pause to know that the data is complete.
            std::future::pending::<()>().await;
        };
        let mut received = Received::default();
        let (pattern, stopwatch) = (TextPattern::parse("x+end$").expect("a pattern"), Stopwatch::start());
        tokio::select! {
            () = sending => unreachable!("it is pending"),
            matched = expect(&pattern, &mut received, &mut client, &stopwatch) => assert_eq!(matched, Ok(())),
        }
        assert!(received.bytes.is_empty());
        // The data is searched 64 times immediately, then each time it has grown by an eighth, and once nothing has
        // arrived for a while.
        assert!(received.searches < 200, "{} searches", received.searches);
    }

    #[tokio::test]
    async fn each_step_searches_the_data_that_is_left() {
        let (mut client, mut server) = tokio::io::duplex(64);
        server.write_all(b"one two ").await.expect("there is room");
        let (mut received, stopwatch) = (Received::default(), Stopwatch::start());
        for (pattern, left) in [("^", "".as_bytes()), ("one", b" two "), ("two", b" "), ("^", b" "), (" ", b"")] {
            let pattern = TextPattern::parse(pattern).expect("a pattern");
            assert_eq!(expect(&pattern, &mut received, &mut client, &stopwatch).await, Ok(()));
            assert_eq!(received.bytes, left, "{pattern}");
        }
    }

    #[tokio::test]
    async fn a_tls_failure_during_a_script_is_described() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = authority(folder.path());
        let port = serve_tls_until_alert(b"22", authority.server("127.0.0.1", 9)).await;
        let trust = TlsTrust::Authorities(vec![authority.file.clone()]);
        let server_name = ServerName::try_from("127.0.0.1").expect("a name");
        let check = TcpCheck {
            tls: Some(TlsOptions { settings: trust.into(), server_name }),
            ..check(port, &[("send", "x"), ("expect", "^220 ")])
        };
        let error = error(check).await;
        assert!(error.starts_with("server sent"), "{error}");
    }

    #[tokio::test]
    async fn tls_starts_immediately_or_after_an_upgrade() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = authority(folder.path());
        let plaintext_actions: [(Option<StartTls>, &[ServerAction]); 5] = [
            (None, &[]),
            (
                Some(StartTls::Smtp),
                &[
                    ServerAction::Send(b"220 x\r\n"),
                    ServerAction::Read,
                    ServerAction::Send(b"250-x\r\n250 STARTTLS\r\n"),
                    ServerAction::Read,
                    ServerAction::Send(b"220 go\r\n"),
                ],
            ),
            (
                Some(StartTls::Imap),
                &[ServerAction::Send(b"* OK x\r\n"), ServerAction::Read, ServerAction::Send(b"* x\r\na1 OK\r\n")],
            ),
            (
                Some(StartTls::Pop3),
                &[ServerAction::Send(b"+OK x\r\n"), ServerAction::Read, ServerAction::Send(b"+OK\r\n")],
            ),
            (Some(StartTls::Postgres), &[ServerAction::Read, ServerAction::Send(b"S")]),
        ];
        for (starttls, before) in plaintext_actions {
            let port = serve_tls(before, &[ServerAction::Send(b"hello\r\n")], authority.server("127.0.0.1", 10)).await;
            let tls = Some(TlsOptions {
                settings: TlsTrust::Authorities(vec![authority.file.clone()]).into(),
                server_name: ServerName::try_from("127.0.0.1").expect("a name"),
            });
            let record = record(TcpCheck { tls, starttls, ..check(port, &[("expect", "hello")]) }).await;
            assert_eq!(record.attempt.error, None, "{starttls:?}");
            assert!(record.attempt.phases.tls.is_some());
        }
    }

    #[tokio::test]
    async fn refused_tls_and_injected_plaintext_are_rejected() {
        let options = || {
            Some(TlsOptions {
                settings: TlsTrust::AnyCertificate.into(),
                server_name: ServerName::try_from("127.0.0.1").expect("a name"),
            })
        };
        for (starttls, actions, expected) in [
            (None, vec![ServerAction::Send(b"SSH-2.0-OpenSSH\r\n")], "server does not speak TLS"),
            (Some(StartTls::Postgres), vec![ServerAction::Read, ServerAction::Send(b"N")], "server does not offer TLS"),
            (
                Some(StartTls::Pop3),
                vec![ServerAction::Send(b"+OK\r\n"), ServerAction::Read, ServerAction::Send(b"-ERR no\r\n")],
                "`-ERR no`, expected `+OK`",
            ),
            (
                Some(StartTls::Pop3),
                vec![
                    ServerAction::Send(b"+OK\r\n"),
                    ServerAction::Read,
                    ServerAction::Send(b"+OK\r\n+OK injected\r\n"),
                    ServerAction::Hang,
                ],
                "sent data before the TLS handshake",
            ),
            (Some(StartTls::Smtp), vec![ServerAction::Endless], "a line longer than 2048 bytes"),
            (Some(StartTls::Smtp), vec![], "closed by the server before the TLS handshake"),
            (Some(StartTls::Imap), vec![ServerAction::Hang], "no response within 700ms"),
            (
                Some(StartTls::Smtp),
                vec![ServerAction::Send(b"220 "), ServerAction::Trickle],
                "no response within 700ms",
            ),
        ] {
            let error = error(TcpCheck { tls: options(), starttls, ..check(serve(&actions).await, &[]) }).await;
            assert!(error.contains(expected), "{actions:?}: {error}");
        }
    }
}
