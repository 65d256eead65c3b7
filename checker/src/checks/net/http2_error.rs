//! Describes HTTP/2 errors for `grpc` and `http` checks.

use std::io::ErrorKind;

use h2::Reason;

use crate::checks::{Failure, error_text};

pub(crate) fn describe_http2_error(error: &h2::Error) -> Failure {
    if let Some(error) = error.get_io() {
        return match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => {
                "connection closed by the server before the response was complete".to_owned()
            }
            _ => error_text::describe_error(error),
        };
    }
    match error.reason() {
        Some(Reason::PROTOCOL_ERROR | Reason::FRAME_SIZE_ERROR) if !error.is_remote() => {
            "server does not speak HTTP/2, or violates the protocol".to_owned()
        }
        // The library's message would contain the server's debug data in Rust syntax, so only the reason is used.
        Some(reason) if error.is_remote() && error.is_go_away() => {
            format!("HTTP/2 failed: connection closed by the server: {}", reason.description())
        }
        Some(reason) if error.is_remote() => {
            format!("HTTP/2 failed: stream closed by the server: {}", reason.description())
        }
        Some(reason) => format!("HTTP/2 failed: {}", reason.description()),
        None => "HTTP/2 failed".to_owned(),
    }
}
