//! Check files: a JSON array of results, with the keys of the original Checkup and additional optional ones.
//!
//! Parsing is lenient: every key can be missing, unknown keys are ignored, and an invalid element does not affect the
//! others. Writing is exact ([`mod@format`]).

mod format;

pub use self::format::write_check_file;

use crate::json::{self, Json, UnexpectedType};
use crate::object_name::{CheckFileName, NodeName};
use crate::quorum::Quorum;
use crate::status::Status;
use crate::{Nanos, UnixNanos};

/// The maximum length of a title, in characters: pages show it on one line.
pub const TITLE_LIMIT: usize = 200;
/// The maximum length of a locator, in characters.
pub const LOCATOR_LIMIT: usize = 2_000;
/// The maximum length of an error or notice, in characters: a sentence and a line of output.
pub const ERROR_LIMIT: usize = 1_000;
/// The maximum length of a message, in characters: an announcement, not a document.
pub const MESSAGE_LIMIT: usize = 20_000;
/// The maximum number of attempts of a check.
pub const ATTEMPTS_LIMIT: usize = 1_000;
/// The size limit of a check file or history for the page, in bytes. A file with ten thousand results fits, and a larger
/// object does not block the page.
pub const OBJECT_SIZE_LIMIT: usize = 8 << 20;
/// The maximum number of results in a file. In 8 MB, there could be millions of empty ones, each of which takes 200 bytes
/// of memory.
pub const RESULTS_LIMIT: usize = 100_000;
/// The maximum number of attempts in a file, for the same reason.
pub const ATTEMPTS_PER_FILE_LIMIT: usize = 400_000;
/// The maximum number of JSON values in a result: more than [`ATTEMPTS_LIMIT`] attempts contain.
const VALUES_LIMIT: usize = 10_000;

/// One attempt of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempt {
    /// Round-trip time of the whole attempt in nanoseconds.
    pub rtt: Nanos,
    /// Why the attempt failed, in words.
    pub error: Option<String>,
    /// The parts of the round-trip time.
    pub phases: Phases,
}

/// The phases of an attempt, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// Resolving the host name; `None` for an IP address.
    pub dns: Option<Nanos>,
    /// The TCP handshake, summed over redirects like all phases.
    pub connect: Option<Nanos>,
    /// The TLS handshake; `None` if the attempt did not use TLS.
    pub tls: Option<Nanos>,
    /// From sending the request to the first byte of the response.
    pub ttfb: Option<Nanos>,
}

/// One check of one endpoint by one node: its attempts and the resulting status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckResult {
    /// The name of the endpoint.
    pub title: String,
    /// The URL, `host:port` or command (the key `endpoint`).
    pub locator: String,
    /// When the check started; 0 if the file does not contain it (see [`CheckFile::stored_as`]).
    pub timestamp: UnixNanos,
    /// The attempts in order (the key `times`).
    pub attempts: Vec<Attempt>,
    /// If the median round-trip time is above this, the endpoint is degraded. In nanoseconds; 0 means no threshold.
    pub threshold: Nanos,
    /// Stored as the key `healthy`, `degraded` or `down`; if unknown, without any of them.
    pub status: Status,
    /// The reason for the status, in words. Can be empty.
    pub notice: String,
    /// An announcement in limited HTML that a person posted (see [`crate::message`]). Can be empty.
    pub message: String,
    /// The node that ran the check. The original's files do not contain it.
    pub node: Option<NodeName>,
    /// The kind of check, for example `http`. The original's files do not contain it.
    pub kind: Option<String>,
    /// The time until the next check in nanoseconds. The original's files do not contain it.
    pub interval: Option<Nanos>,
    /// How many nodes must agree (the key `verdict`), by default a majority. The original's files do not contain it.
    pub quorum: Quorum,
    /// The whole days, rounded down, from the check until the first certificate on the verified path expires (the key
    /// `cert`, an integer). Only checks over TLS that verified the server's certificate have it. The original's files do
    /// not contain it.
    pub certificate_days: Option<u32>,
}

/// Identifies an endpoint. It includes the title, so that two checks of the same URL are separate endpoints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EndpointKey {
    /// The name of the endpoint.
    pub title: String,
    /// The URL, `host:port` or command.
    pub locator: String,
}

impl CheckResult {
    /// The endpoint of this result.
    #[must_use]
    pub fn endpoint_key(&self) -> EndpointKey {
        EndpointKey { title: self.title.clone(), locator: self.locator.clone() }
    }

    /// The notice; without one, the error of the last failed attempt.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        if !self.notice.is_empty() {
            return Some(&self.notice);
        }
        self.attempts.iter().rev().find_map(|attempt| attempt.error.as_deref())
    }
}

/// The content of a check file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckFile {
    /// The valid results, in the order of the file.
    pub results: Vec<CheckResult>,
    /// The elements that are not valid results.
    pub skipped: Vec<SkippedElement>,
}

/// An invalid element of a check file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedElement {
    /// The index in the file's array.
    pub index: usize,
    /// Why it is invalid, in at most [`ERROR_LIMIT`] characters.
    pub reason: String,
}

/// The object is not a check file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid check file: {0}")]
pub struct InvalidCheckFile(String);

impl CheckFile {
    /// Parses a check file, except for invalid elements. The elements are read one by one, so that a hostile file takes
    /// little more memory than its results.
    pub fn parse(content: &[u8]) -> Result<CheckFile, InvalidCheckFile> {
        let text = std::str::from_utf8(content).map_err(|error| InvalidCheckFile(error.to_string()))?;
        if !text.trim_start().starts_with('[') {
            return Err(InvalidCheckFile("expected an array of results".to_owned()));
        }
        let mut file = CheckFile::default();
        let mut attempts_left = ATTEMPTS_PER_FILE_LIMIT;
        let read = json::each_element(text, VALUES_LIMIT, |element| {
            let index = file.results.len() + file.skipped.len();
            if index >= RESULTS_LIMIT {
                return Err("more results than a check file can have");
            }
            match read_result(&element) {
                Ok(result) => {
                    let attempts = result.attempts.len();
                    attempts_left =
                        attempts_left.checked_sub(attempts).ok_or("more attempts than a check file can have")?;
                    file.results.push(result);
                }
                Err(reason) => file.skipped.push(SkippedElement { index, reason: shortened(reason, ERROR_LIMIT) }),
            }
            Ok(())
        });
        read.map_err(|error| InvalidCheckFile(error.to_string()))?;
        Ok(file)
    }

    /// Takes the node, and times that results lack, from the name of the object.
    #[must_use]
    pub fn stored_as(mut self, name: &CheckFileName) -> CheckFile {
        for result in &mut self.results {
            if result.timestamp <= 0 {
                result.timestamp = name.stored_at;
            }
            // Permissions restrict which names a node can write, but not the content: a node can report only for
            // itself.
            result.node.clone_from(&name.node);
        }
        self
    }
}

/// Shortens a string to `limit` characters. The last one is then an ellipsis.
#[must_use]
pub fn shortened(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    if let Some((cut, _)) = text.char_indices().nth(limit) {
        let last = text[..cut].char_indices().next_back().map_or(0, |(at, _)| at);
        text.truncate(last);
        text.push('…');
    }
    text
}

fn read_result(element: &Json<'_>) -> Result<CheckResult, String> {
    if !matches!(element, Json::Object(_)) {
        return Err("expected an object".to_owned());
    }
    read_members(element).map_err(|wrong| wrong.to_string())
}

fn read_members(element: &Json<'_>) -> Result<CheckResult, UnexpectedType> {
    // If several are set, the worst one counts.
    let mut status = Status::Unknown;
    for (key, each) in [("healthy", Status::Healthy), ("degraded", Status::Degraded), ("down", Status::Down)] {
        if element.bool(key)? {
            status = each;
        }
    }
    let attempts = element.array("times")?.iter().take(ATTEMPTS_LIMIT).map(read_attempt);
    let mut attempts = attempts.collect::<Result<Vec<Attempt>, _>>()?;
    let notice = read_text(element, "notice", ERROR_LIMIT)?;
    if attempts.len() == 1 && attempts[0].rtt == 0 && attempts[0] == format::placeholder(&notice) {
        attempts.clear();
    }
    Ok(CheckResult {
        title: read_text(element, "title", TITLE_LIMIT)?,
        locator: read_text(element, "endpoint", LOCATOR_LIMIT)?,
        timestamp: read_nanos(element, "timestamp")?.unwrap_or(0),
        attempts,
        threshold: read_nanos(element, "threshold")?.unwrap_or(0),
        status,
        notice,
        message: read_text(element, "message", MESSAGE_LIMIT)?,
        node: element.string("node")?.and_then(|node| NodeName::new(node).ok()),
        kind: Some(read_text(element, "kind", TITLE_LIMIT)?).filter(|kind| !kind.is_empty()),
        interval: read_nanos(element, "interval")?.filter(|interval| *interval > 0),
        quorum: element.string("verdict")?.and_then(|policy| policy.parse().ok()).unwrap_or_default(),
        certificate_days: element.integer("cert")?.and_then(|days| u32::try_from(days).ok()),
    })
}

fn read_attempt(element: &Json<'_>) -> Result<Attempt, UnexpectedType> {
    Ok(Attempt {
        rtt: read_nanos(element, "rtt")?.unwrap_or(0),
        error: Some(read_text(element, "error", ERROR_LIMIT)?).filter(|error| !error.is_empty()),
        phases: Phases {
            dns: read_nanos(element, "dns")?,
            connect: read_nanos(element, "connect")?,
            tls: read_nanos(element, "tls")?,
            ttfb: read_nanos(element, "ttfb")?,
        },
    })
}

fn read_text(element: &Json<'_>, key: &str, limit: usize) -> Result<String, UnexpectedType> {
    Ok(shortened(element.string(key)?.unwrap_or_default().to_owned(), limit))
}

/// Negative times and durations become 0.
fn read_nanos(element: &Json<'_>, key: &str) -> Result<Option<Nanos>, UnexpectedType> {
    Ok(element.integer(key)?.map(|nanos| nanos.max(0)))
}

#[cfg(test)]
mod tests;
