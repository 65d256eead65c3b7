//! The words of four protocols by which a plain connection is turned into one with TLS.

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::checks::{Failure, error_text};

/// The protocols in which a plain connection can be turned into one with TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// Mail submission and transport.
    Smtp,
    /// Mail boxes.
    Imap,
    /// Mail boxes, the older way.
    Pop3,
    /// `PostgreSQL`.
    Postgres,
}

/// The longest line a server may answer with, in bytes; the protocols allow a quarter of it.
const LINE_LIMIT: u64 = 2_048;
/// The most lines of one answer.
const LINES_LIMIT: usize = 100;
/// `PostgreSQL`'s request for TLS: its own length and a number that no version has.
const POSTGRES_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

impl StartTls {
    /// The words for them in the configuration.
    pub const NAMES: [(&'static str, StartTls); 4] = [
        ("smtp", StartTls::Smtp),
        ("imap", StartTls::Imap),
        ("pop3", StartTls::Pop3),
        ("postgres", StartTls::Postgres),
    ];

    /// The protocol that a word stands for.
    #[must_use]
    pub fn from_name(word: &str) -> Option<StartTls> {
        StartTls::NAMES.iter().find(|(known, _)| *known == word).map(|(_, protocol)| *protocol)
    }
}

/// Talks until the server is ready for a TLS handshake.
pub(in crate::checks) async fn upgrade(protocol: StartTls, stream: &mut TcpStream) -> Result<(), Failure> {
    let mut stream = BufReader::new(stream);
    match protocol {
        StartTls::Smtp => {
            smtp_answer(&mut stream, "220").await?;
            send(&mut stream, b"EHLO checkup.invalid\r\n").await?;
            smtp_answer(&mut stream, "250").await?;
            send(&mut stream, b"STARTTLS\r\n").await?;
            smtp_answer(&mut stream, "220").await?;
        }
        StartTls::Imap => {
            line_beginning(&mut stream, "* OK").await?;
            send(&mut stream, b"a1 STARTTLS\r\n").await?;
            let mut answer = line(&mut stream).await?;
            for _ in 0..LINES_LIMIT {
                // What has a star for a tag belongs to no request.
                if !answer.starts_with("* ") {
                    break;
                }
                answer = line(&mut stream).await?;
            }
            expect_beginning(&answer, "a1 OK")?;
        }
        StartTls::Pop3 => {
            line_beginning(&mut stream, "+OK").await?;
            send(&mut stream, b"STLS\r\n").await?;
            line_beginning(&mut stream, "+OK").await?;
        }
        StartTls::Postgres => {
            send(&mut stream, &POSTGRES_REQUEST).await?;
            let answer = stream.read_u8().await.map_err(|error| lost(&error))?;
            if answer != b'S' {
                return Err("server offers no TLS".to_owned());
            }
        }
    }
    // Whoever sits between could have put words here that would later be taken for the server's own.
    if stream.buffer().is_empty() { Ok(()) } else { Err("server sent more than its answer before TLS".to_owned()) }
}

async fn send(stream: &mut BufReader<&mut TcpStream>, bytes: &[u8]) -> Result<(), Failure> {
    stream.write_all(bytes).await.map_err(|error| lost(&error))
}

async fn line(stream: &mut BufReader<&mut TcpStream>) -> Result<String, Failure> {
    let mut line = Vec::new();
    stream.take(LINE_LIMIT).read_until(b'\n', &mut line).await.map_err(|error| lost(&error))?;
    match line.last() {
        Some(b'\n') => Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
        _ if line.len() as u64 >= LINE_LIMIT => Err("server answered with a line that has no end".to_owned()),
        _ => Err("connection closed by the server before TLS began".to_owned()),
    }
}

async fn line_beginning(stream: &mut BufReader<&mut TcpStream>, expected: &str) -> Result<(), Failure> {
    expect_beginning(&line(stream).await?, expected)
}

fn expect_beginning(answer: &str, expected: &str) -> Result<(), Failure> {
    if answer.starts_with(expected) {
        return Ok(());
    }
    Err(format!("server answered `{}`, expected `{expected}`", error_text::excerpt(answer.as_bytes())))
}

/// An answer of one or more lines, all with the same code; a dash after it says that more come.
async fn smtp_answer(stream: &mut BufReader<&mut TcpStream>, code: &str) -> Result<(), Failure> {
    for _ in 0..LINES_LIMIT {
        let line = line(stream).await?;
        expect_beginning(&line, code)?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(());
        }
    }
    Err("server answered with lines that have no end".to_owned())
}

fn lost(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "connection closed by the server before TLS began".to_owned(),
        _ => error_text::describe_error(error),
    }
}
