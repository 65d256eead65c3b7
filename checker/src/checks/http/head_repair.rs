//! Repairs the head of an HTTP/1 response as it arrives, so that it is read as in browsers and curl, and reports lines
//! that cannot be repaired. RFC 9110 (section 5.5) and RFC 9112 (sections 2.2 and 5.2) allow most repairs.

/// The maximum length of a line, in bytes. It is the limit of the HTTP library, which rejects longer ones.
const LINE_LIMIT: usize = 408 << 10;
/// How much of an invalid line is shown, in bytes.
const SHOWN: usize = 80;
const SCHEME: &[u8] = b"HTTP/";

/// Tracks the lines of a response head, and of the informational (1xx) heads before it.
#[derive(Debug, Default)]
pub(super) struct HeadRepair {
    /// The current line, which is not complete yet.
    line: Vec<u8>,
    section: Section,
    is_informational: bool,
    /// Whether to omit lines that continue the previous line.
    skips_folded: bool,
}

/// The part of a response that is received.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    StatusLine,
    Headers,
    /// The body, or data that cannot be repaired. It is passed on unchanged.
    Rest,
}

/// Why a response head cannot be repaired.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidHead {
    #[error("response has an invalid header line `{0}`: expected a name, a colon and a value")]
    Line(String),
    #[error("response has a null character in its head, which browsers and curl reject")]
    Null,
    #[error("server speaks only HTTP/2 on this port: set `\"http_version\": \"2\"`")]
    Http2,
}

impl HeadRepair {
    /// Returns whether the head has ended, so that what follows is passed on unchanged.
    pub(super) fn is_complete(&self) -> bool {
        self.section == Section::Rest
    }

    /// Appends the repaired lines that are complete to `output`.
    pub(super) fn repair(&mut self, received: &[u8], output: &mut Vec<u8>) -> Result<(), InvalidHead> {
        let mut rest = received;
        while let Some((byte, after)) = rest.split_first().filter(|_| !self.is_complete()) {
            rest = after;
            self.line.push(*byte);
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.end_line(&line, output)?;
            } else if self.is_irreparable()? {
                self.section = Section::Rest;
                output.append(&mut self.line);
            }
        }
        output.extend_from_slice(rest);
        Ok(())
    }

    /// Appends a line that was cut off by the end of the connection.
    pub(super) fn finish(&mut self, output: &mut Vec<u8>) {
        output.append(&mut self.line);
    }

    /// Returns whether the HTTP library should reject the start of the current line immediately.
    fn is_irreparable(&self) -> Result<bool, InvalidHead> {
        match (self.section, self.line.as_slice()) {
            // The settings frame with which an HTTP/2 server begins.
            (Section::StatusLine, [0, 0, _, 4, 0, 0, 0, 0, 0]) => Err(InvalidHead::Http2),
            (Section::StatusLine, [0, ..]) => Ok(self.line.len() > 8),
            (Section::StatusLine, [b'\r']) => Ok(false),
            (Section::StatusLine, line) => {
                let length = line.len().min(SCHEME.len());
                Ok(!line[..length].eq_ignore_ascii_case(&SCHEME[..length]) || line.len() > LINE_LIMIT)
            }
            (_, line) => Ok(line.len() > LINE_LIMIT),
        }
    }

    fn end_line(&mut self, line: &[u8], output: &mut Vec<u8>) -> Result<(), InvalidHead> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&0) {
            return Err(InvalidHead::Null);
        }
        match (self.section, line) {
            // Empty lines before a head are ignored.
            (Section::StatusLine, []) => return Ok(()),
            (Section::StatusLine, line) => {
                let line = repaired_status_line(line).unwrap_or_else(|| line.to_vec());
                self.is_informational = line.get(9) == Some(&b'1');
                self.section = Section::Headers;
                // The status line cannot be continued.
                self.skips_folded = true;
                push_line(&line, output);
            }
            (_, []) => {
                self.section = if self.is_informational { Section::StatusLine } else { Section::Rest };
                output.extend_from_slice(b"\r\n");
            }
            (_, [b' ' | b'\t', ..]) => {
                if !self.skips_folded {
                    push_line(line, output);
                }
            }
            (_, line) => {
                let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                    let shown = &line[..line.len().min(SHOWN)];
                    return Err(InvalidHead::Line(String::from_utf8_lossy(shown).into_owned()));
                };
                self.skips_folded = !is_token(line[..colon].trim_ascii_end());
                if !self.skips_folded {
                    push_line(line, output);
                }
            }
        }
        Ok(())
    }
}

/// Returns a status line in the form that the standard requires, or `None` if it has no status.
fn repaired_status_line(line: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = line.split_at_checked(SCHEME.len())?;
    let (version, rest) = rest.split_at(rest.iter().position(|byte| *byte == b' ')?);
    let version: &[u8] = match version {
        b"1.0" => b"1.0",
        // Some scripts repeat the HTTP version of the request that a reverse proxy received.
        b"1.1" | b"2" | b"2.0" => b"1.1",
        _ => return None,
    };
    let (status, reason) = rest.trim_ascii_start().split_at_checked(3)?;
    let is_status = status.iter().all(u8::is_ascii_digit) && !reason.first().is_some_and(u8::is_ascii_digit);
    (is_status && scheme.eq_ignore_ascii_case(SCHEME))
        .then(|| [SCHEME, version, b" ", status, b" ", reason.trim_ascii_start()].concat())
}

/// Appends a line whose control characters are replaced with spaces.
fn push_line(line: &[u8], output: &mut Vec<u8>) {
    let is_replaced = |byte: u8| byte.is_ascii_control() && byte != b'\t';
    output.extend(line.iter().map(|byte| if is_replaced(*byte) { b' ' } else { *byte }));
    output.extend_from_slice(b"\r\n");
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Repairs a response that arrives in pieces of this size.
    fn repaired(response: &[u8], size: usize) -> Result<Vec<u8>, InvalidHead> {
        let mut repair = HeadRepair::default();
        let mut output = Vec::new();
        for piece in response.chunks(size) {
            repair.repair(piece, &mut output)?;
        }
        repair.finish(&mut output);
        Ok(output)
    }

    #[test]
    fn heads_are_repaired_but_not_bodies() {
        for (received, expected) in [
            (
                &b"HTTP/1.1 200 OK\r\nA: b\x07c\x1bd\x7f\r\n\r\n\x07\0"[..],
                &b"HTTP/1.1 200 OK\r\nA: b c d \r\n\r\n\x07\0"[..],
            ),
            (b"HTTP/1.1 200 \x1bOK\n\tA: b\nC: d\n\te\n\n\x1b", b"HTTP/1.1 200  OK\r\nC: d\r\n\te\r\n\r\n\x1b"),
            (b"\r\nHTTP/1.1 200 OK\r\n\r\n\x07\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n\x07\r\n\r\n"),
            (
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA:\x01\r\n\r\n\x01",
                b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: \r\n\r\n\x01",
            ),
            (b"HTTP/1.1 200 OK\r\nA : b\r\n c\x02\r\n\r\n", b"HTTP/1.1 200 OK\r\nA : b\r\n c \r\n\r\n"),
            (b"HTTP/1.1 200 OK\r\nA: b\rc\r\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: b c \r\n\r\n"),
            (
                "HTTP/1.1 200 OK\r\nX (a): b\r\n c\r\n: d\r\nÜ: e\r\nF: g\r\n\r\n".as_bytes(),
                b"HTTP/1.1 200 OK\r\nF: g\r\n\r\n",
            ),
            (b"HTTP/1.1 200 OK\r\nA: b\r\nC: cut", b"HTTP/1.1 200 OK\r\nA: b\r\nC: cut"),
        ] {
            for size in [1, 2, 7, 4_096] {
                let output = repaired(received, size).expect("it can be repaired");
                assert_eq!(output.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{size}");
            }
        }
    }

    #[test]
    fn status_lines_are_repaired() {
        for (line, expected) in [
            ("http/1.0 200 OK", "HTTP/1.0 200 OK"),
            ("HTTP/1.1   200   OK", "HTTP/1.1 200 OK"),
            ("HTTP/1.1 200\tOK", "HTTP/1.1 200 OK"),
            ("HTTP/1.1 200OK", "HTTP/1.1 200 OK"),
            ("HTTP/2 404", "HTTP/1.1 404 "),
            ("HTTP/2.0 204 No Content", "HTTP/1.1 204 No Content"),
            ("HTTP/3 200 OK", "HTTP/3 200 OK"),
            ("HTTP/1.1 2000 OK", "HTTP/1.1 2000 OK"),
            ("HTTP/1.1 20 OK", "HTTP/1.1 20 OK"),
            ("HTTP/1.1", "HTTP/1.1"),
        ] {
            let output = repaired(format!("{line}\r\n\r\n").as_bytes(), 3).expect("it is passed on");
            assert_eq!(String::from_utf8_lossy(&output), format!("{expected}\r\n\r\n"), "{line}");
        }
    }

    #[test]
    fn data_that_is_not_http_is_passed_on_immediately() {
        for received in [&b"S"[..], b"HTTPS", b" HTTP/1.1", b"\0\0\x12\x04\0\0\0\0\x01", b"\xef"] {
            let (mut repair, mut output) = (HeadRepair::default(), Vec::new());
            assert_eq!(repair.repair(received, &mut output), Ok(()));
            assert!(output == received && repair.is_complete(), "{}", received.escape_ascii());
        }
        let endless = [b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &vec![b'a'; LINE_LIMIT]].concat();
        let (mut repair, mut output) = (HeadRepair::default(), Vec::new());
        assert_eq!(repair.repair(&endless, &mut output), Ok(()));
        assert!(output == endless, "the library rejects it");
    }

    #[test]
    fn a_line_without_a_colon_is_named() {
        for line in ["no colon", "X\u{7}b", "Ünicode"] {
            let received = format!("HTTP/1.1 200 OK\r\nA: b\r\n{line}\r\n\r\n");
            assert_eq!(repaired(received.as_bytes(), 4_096), Err(InvalidHead::Line(line.to_owned())), "{line}");
        }
    }

    #[test]
    fn null_characters_are_rejected() {
        for head in ["HTTP/1.1 200 O\0K\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\0c\r\n", "HTTP/1.1 200 OK\r\nA\0: b\r\n"] {
            assert_eq!(repaired(head.as_bytes(), 4_096), Err(InvalidHead::Null), "{head:?}");
        }
    }

    #[test]
    fn an_http2_server_is_recognized() {
        for size in [1, 9, 4_096] {
            assert_eq!(repaired(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", size), Err(InvalidHead::Http2));
        }
    }
}
