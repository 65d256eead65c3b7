//! The parts of a response before it is sent, and the quirks that change them.

use support::raw_server::RawEnding;

/// The body of an ordinary response.
pub(super) const TEXT: &[u8] = b"all is well";

/// One way in which a response differs from an ordinary one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quirk {
    /// The name of the quirk, for example `status line without a reason`.
    pub(super) name: &'static str,
    pub(super) part: Part,
    pub(super) change: Change,
}

/// The part of a response that a quirk changes. Quirks that change different parts can be combined, except for
/// redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    StatusLine,
    Headers,
    Body,
    Ending,
    Redirect,
}

/// A function that changes a response in a way that no other [`Change`] describes.
pub(super) type Alteration = fn(&mut Draft);

#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// Replaces the status line. The replacement can begin with informational (1xx) responses.
    StatusLine(&'static [u8]),
    /// Adds these header lines, which include their line endings.
    Headers(&'static [u8]),
    /// Replaces the headers that describe the body, and the body itself.
    Body(&'static [u8], &'static [u8]),
    /// Replaces the status line, adds header lines, and removes the body.
    Redirect(&'static [u8], &'static [u8]),
    /// Truncates the response if a stage is given, and ends the connection.
    Ending(Option<Stage>, RawEnding),
    Other(Alteration),
}

/// A response whose parts are still separate.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The request's method, which is `GET` or `HEAD`.
    pub(super) method: &'static str,
    pub(super) status_line: Vec<u8>,
    /// The ordinary headers, and those that quirks add.
    pub(super) headers: Vec<u8>,
    /// The headers that describe the body.
    pub(super) framing: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) ends_lines_with_lf: bool,
    /// The stage at which the response is truncated, if any.
    pub(super) cut: Option<Stage>,
    pub(super) ending: RawEnding,
}

/// A stage at which a response can be truncated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    BeforeStatusLine,
    InStatusLine,
    AfterStatusLine,
    InHeaders,
    BeforeEndOfHead,
    AfterHead,
    InBody,
}

impl Draft {
    /// Creates an ordinary response with a body of a known length.
    pub(super) fn ordinary() -> Draft {
        let mut draft = Draft {
            method: "GET",
            status_line: b"HTTP/1.1 200 OK".to_vec(),
            headers: Vec::new(),
            framing: Vec::new(),
            body: Vec::new(),
            ends_lines_with_lf: false,
            cut: None,
            ending: RawEnding::Close,
        };
        draft.set_body("", TEXT.to_vec());
        draft
    }

    /// Sets the body and the headers that describe it: `headers`, followed by `Content-Length`.
    pub(super) fn set_body(&mut self, headers: &str, body: Vec<u8>) {
        self.framing = format!("{headers}Content-Length: {}\r\n", body.len()).into_bytes();
        self.body = body;
    }

    pub(super) fn apply(&mut self, quirk: &Quirk) {
        match quirk.change {
            Change::StatusLine(line) => self.status_line = line.to_vec(),
            Change::Headers(lines) => self.headers.extend_from_slice(lines),
            Change::Body(framing, body) => (self.framing, self.body) = (framing.to_vec(), body.to_vec()),
            Change::Redirect(status_line, lines) => {
                self.status_line = status_line.to_vec();
                self.headers.extend_from_slice(lines);
                self.set_body("", Vec::new());
            }
            Change::Ending(cut, ending) => (self.cut, self.ending) = (cut, ending),
            Change::Other(change) => change(self),
        }
    }

    /// Joins the parts, and truncates the result if the draft requires that.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = [&*self.status_line, b"\r\n", &self.headers, &self.framing].concat();
        let mut status_line = self.status_line.len();
        if self.ends_lines_with_lf {
            status_line -= occurrences(&self.status_line);
            head = without_carriage_returns(&head);
        }
        let end: &[u8] = if self.ends_lines_with_lf { b"\n" } else { b"\r\n" };
        let status_line_end = status_line + end.len();
        let whole = [&*head, end, &self.body].concat();
        let length = match self.cut {
            None => whole.len(),
            Some(Stage::BeforeStatusLine) => 0,
            Some(Stage::InStatusLine) => status_line / 2,
            Some(Stage::AfterStatusLine) => status_line_end,
            Some(Stage::InHeaders) => usize::midpoint(status_line_end, head.len()),
            Some(Stage::BeforeEndOfHead) => head.len(),
            Some(Stage::AfterHead) => head.len() + end.len(),
            Some(Stage::InBody) => head.len() + end.len() + self.body.len() / 2,
        };
        whole[..length].to_vec()
    }
}

fn occurrences(bytes: &[u8]) -> usize {
    bytes.windows(2).filter(|pair| **pair == *b"\r\n").count()
}

fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let next = bytes.iter().skip(1).map(Some).chain([None]);
    let kept = bytes.iter().zip(next).filter(|(byte, next)| **byte != b'\r' || *next != Some(&b'\n'));
    kept.map(|(byte, _)| *byte).collect()
}
