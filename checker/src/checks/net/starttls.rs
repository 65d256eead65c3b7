//! Upgrades a plaintext connection to TLS with the commands of SMTP, IMAP, POP3 or PostgreSQL.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::metered::TcpConnection;
use crate::checks::{Failure, error_text};

/// A protocol that can upgrade a plaintext connection to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    Smtp,
    Imap,
    Pop3,
    Postgres,
}

/// The maximum length of a line, in bytes: four times what the protocols allow.
const LINE_LIMIT: u64 = 2_048;
/// The maximum number of lines in one response.
const LINES_LIMIT: usize = 100;
/// PostgreSQL's `SSLRequest`: its length and the request code.
const POSTGRES_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

const CLOSED_EARLY: &str = "connection closed by the server before the TLS handshake";

impl StartTls {
    /// The protocols and their names in the configuration.
    pub const NAMES: [(&'static str, StartTls); 4] = [
        ("smtp", StartTls::Smtp),
        ("imap", StartTls::Imap),
        ("pop3", StartTls::Pop3),
        ("postgres", StartTls::Postgres),
    ];

    /// Returns the protocol that has this name in the configuration.
    #[must_use]
    pub fn from_name(name: &str) -> Option<StartTls> {
        StartTls::NAMES.iter().find(|(known, _)| *known == name).map(|(_, protocol)| *protocol)
    }
}

/// Asks the server to switch to TLS. After that, the client must start the handshake.
pub(in crate::checks) async fn upgrade(protocol: StartTls, stream: &mut TcpConnection) -> Result<(), Failure> {
    let mut stream = BufReader::new(stream);
    match protocol {
        StartTls::Smtp => {
            smtp_response(&mut stream, "220").await?;
            send(&mut stream, b"EHLO checkup.invalid\r\n").await?;
            smtp_response(&mut stream, "250").await?;
            send(&mut stream, b"STARTTLS\r\n").await?;
            smtp_response(&mut stream, "220").await?;
        }
        StartTls::Imap => {
            expect_line(&mut stream, "* OK").await?;
            send(&mut stream, b"a1 STARTTLS\r\n").await?;
            let mut response = line(&mut stream).await?;
            for _ in 0..LINES_LIMIT {
                // Untagged lines, which start with an asterisk, are not the response to a command.
                if !response.starts_with("* ") {
                    break;
                }
                response = line(&mut stream).await?;
            }
            expect_prefix(&response, "a1 OK")?;
        }
        StartTls::Pop3 => {
            expect_line(&mut stream, "+OK").await?;
            send(&mut stream, b"STLS\r\n").await?;
            expect_line(&mut stream, "+OK").await?;
        }
        StartTls::Postgres => {
            send(&mut stream, &POSTGRES_REQUEST).await?;
            let response = stream.read_u8().await.map_err(|error| describe(&error))?;
            if response != b'S' {
                return Err("server does not offer TLS".to_owned());
            }
        }
    }
    // Reject early data: an attacker could inject plaintext that would later be treated as sent over TLS.
    if stream.buffer().is_empty() { Ok(()) } else { Err("server sent data before the TLS handshake".to_owned()) }
}

async fn send(stream: &mut BufReader<&mut TcpConnection>, bytes: &[u8]) -> Result<(), Failure> {
    stream.write_all(bytes).await.map_err(|error| describe(&error))
}

async fn line(stream: &mut BufReader<&mut TcpConnection>) -> Result<String, Failure> {
    let mut line = Vec::new();
    stream.take(LINE_LIMIT).read_until(b'\n', &mut line).await.map_err(|error| describe(&error))?;
    match line.last() {
        Some(b'\n') => Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
        _ if line.len() as u64 >= LINE_LIMIT => Err(format!("server sent a line longer than {LINE_LIMIT} bytes")),
        _ => Err(CLOSED_EARLY.to_owned()),
    }
}

async fn expect_line(stream: &mut BufReader<&mut TcpConnection>, expected: &str) -> Result<(), Failure> {
    expect_prefix(&line(stream).await?, expected)
}

fn expect_prefix(response: &str, expected: &str) -> Result<(), Failure> {
    if response.starts_with(expected) {
        return Ok(());
    }
    Err(format!("server answered `{}`, expected `{expected}`", error_text::excerpt(response.as_bytes())))
}

/// Reads a response that must start with `code`. A dash after the code means that another line follows.
async fn smtp_response(stream: &mut BufReader<&mut TcpConnection>, code: &str) -> Result<(), Failure> {
    for _ in 0..LINES_LIMIT {
        let line = line(stream).await?;
        expect_prefix(&line, code)?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(());
        }
    }
    Err(format!("server sent a response longer than {LINES_LIMIT} lines"))
}

fn describe(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => CLOSED_EARLY.to_owned(),
        _ => error_text::describe_error(error),
    }
}
