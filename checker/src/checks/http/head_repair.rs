//! Repairs the head of an HTTP/1 response as it arrives, as RFC 9110 (section 5.5) and RFC 9112 (section 2.2) allow,
//! and reports lines that cannot be repaired.

/// The number of bytes of each line to keep for parsing and for error messages.
const KEPT: usize = 80;

/// Tracks the lines of a response head, and of the informational (1xx) heads before it.
#[derive(Debug, Default)]
pub(super) struct HeadRepair {
    /// The beginning of the current line, at most [`KEPT`] bytes.
    line: Vec<u8>,
    /// The number of complete lines in the current head.
    lines: usize,
    is_informational: bool,
    is_complete: bool,
}

/// The reason why a response head cannot be repaired.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidHead {
    #[error("response has an invalid header line `{0}`: expected a name, a colon and a value")]
    Line(String),
    #[error("server speaks only HTTP/2 on this port: set `\"http_version\": \"2\"`")]
    Http2,
}

impl HeadRepair {
    /// Returns whether the head is complete. After that, only the body follows.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Replaces control characters in the head with spaces, and leaves the body unchanged.
    pub(super) fn repair(&mut self, received: &mut [u8]) -> Result<(), InvalidHead> {
        let mut previous = None;
        for index in 0..received.len() {
            if self.is_complete {
                break;
            }
            let Some(byte) = received.get(index).copied() else { break };
            if byte != b'\n' && previous == Some(b'\r') {
                // A carriage return without a line feed does not end a line.
                set(received, index - 1, b' ');
            }
            previous = Some(byte);
            if byte == b'\n' {
                self.end_line()?;
                continue;
            }
            if self.line.len() < KEPT {
                self.line.push(byte);
                self.reject_http2()?;
            }
            if byte.is_ascii_control() && byte != b'\t' && byte != b'\r' {
                set(received, index, b' ');
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), InvalidHead> {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        match (line, self.lines) {
            // Ignore empty lines before a head.
            ([], 0) => {}
            ([], _) => {
                self.is_complete = !self.is_informational;
                self.lines = 0;
            }
            (line, 0) => {
                self.is_informational = line.get(9) == Some(&b'1');
                self.lines = 1;
            }
            // A folded line continues the previous one (RFC 9112, section 5.2).
            ([b' ' | b'\t', ..], _) => self.lines += 1,
            (line, _) => {
                let name = line.iter().position(|byte| *byte == b':').and_then(|colon| line.get(..colon));
                if name.is_none_or(|name| !is_token(name.trim_ascii_end())) {
                    return Err(InvalidHead::Line(String::from_utf8_lossy(line).into_owned()));
                }
                self.lines += 1;
            }
        }
        self.line.clear();
        Ok(())
    }

    /// Returns an error if the response starts with the settings frame that every HTTP/2 server sends first.
    fn reject_http2(&self) -> Result<(), InvalidHead> {
        match (self.lines, self.line.as_slice()) {
            (0, [0, 0, _, 4, 0, 0, 0, 0, 0]) => Err(InvalidHead::Http2),
            _ => Ok(()),
        }
    }
}

fn set(bytes: &mut [u8], index: usize, value: u8) {
    if let Some(byte) = bytes.get_mut(index) {
        *byte = value;
    }
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repairs a response that arrives in pieces of `size` bytes.
    fn repaired(response: &[u8], size: usize) -> Result<Vec<u8>, InvalidHead> {
        let mut repair = HeadRepair::default();
        let mut whole = response.to_vec();
        for piece in whole.chunks_mut(size) {
            repair.repair(piece)?;
        }
        Ok(whole)
    }

    #[test]
    fn control_characters_become_spaces_only_in_the_head() {
        for (received, expected) in [
            (
                &b"HTTP/1.1 200 OK\r\nA: b\x07c\0d\x7f\r\n\r\n\x07\0"[..],
                &b"HTTP/1.1 200 OK\r\nA: b c d \r\n\r\n\x07\0"[..],
            ),
            (b"HTTP/1.1 200 \x1bOK\n\tA: b\n\n\x1b", b"HTTP/1.1 200  OK\n\tA: b\n\n\x1b"),
            (b"\r\nHTTP/1.1 200 OK\r\n\r\n\x07\r\n\r\n", b"\r\nHTTP/1.1 200 OK\r\n\r\n\x07\r\n\r\n"),
            (
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA:\x01\r\n\r\n\x01",
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: \r\n\r\n\x01",
            ),
            (b"HTTP/1.1 200 OK\r\nA : b\r\n c\x02\r\n\r\n", b"HTTP/1.1 200 OK\r\nA : b\r\n c \r\n\r\n"),
        ] {
            for size in [1, 2, 7, 4_096] {
                assert_eq!(repaired(received, size).as_deref(), Ok(expected), "{}", received.escape_ascii());
            }
        }
        let bare = repaired(b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", 4_096);
        assert_eq!(bare.as_deref(), Ok(&b"HTTP/1.1 200 OK\r\nA: b c\r\n\r\n"[..]));
    }

    #[test]
    fn an_invalid_line_is_named() {
        for line in ["X (a): b", ": b", "no colon", "X\u{7}: b", "Ünicode: b"] {
            let received = format!("HTTP/1.1 200 OK\r\nA: b\r\n{line}\r\n\r\n");
            assert_eq!(repaired(received.as_bytes(), 4_096), Err(InvalidHead::Line(line.to_owned())), "{line}");
        }
    }

    #[test]
    fn an_http2_server_is_recognized() {
        for size in [1, 9, 4_096] {
            assert_eq!(repaired(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", size), Err(InvalidHead::Http2));
        }
    }
}
