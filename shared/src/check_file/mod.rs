//! Check files: a JSON array of results, with the keys of the original Checkup and additional optional ones.
//!
//! Parsing is lenient: every key can be missing, unknown keys are ignored, and an invalid element does not affect the
//! others. Writing is exact ([`mod@format`]).

mod format;

pub use self::format::write_check_file;
pub(crate) use self::format::write_objective;

use crate::budget::Objective;
use crate::json::{self, Json, UnexpectedType};
use crate::object_name::{CheckFileName, NodeName, PostId};
use crate::quorum::Quorum;
use crate::status::Status;
use crate::uptime::validity;
use crate::{DAY, Nanos, UnixNanos};

/// The maximum length of a title, in characters. Pages show it on one line.
pub const TITLE_LIMIT: usize = 200;
/// The maximum length of a locator, in characters.
pub const LOCATOR_LIMIT: usize = 2_000;
/// The maximum length of an endpoint's id, in bytes. Longer ids are ignored.
pub const ID_LIMIT: usize = 64;
/// The maximum length of an error or notice, in characters. It leaves room for a sentence and a line of output.
pub const ERROR_LIMIT: usize = 1_000;
/// The maximum length of a message, in characters. A message is an announcement, not a document.
pub const MESSAGE_LIMIT: usize = 20_000;
/// The maximum number of attempts per check.
pub const ATTEMPTS_LIMIT: usize = 1_000;
/// The page's size limit for a check file or history, in bytes. A file with ten thousand results fits. Larger objects
/// are rejected, so they do not block the page.
pub const OBJECT_SIZE_LIMIT: usize = 8 << 20;
/// The maximum number of results in a file. An 8 MB file could otherwise contain millions of empty results, each of
/// which takes 200 bytes of memory.
pub const RESULTS_LIMIT: usize = 100_000;
/// The maximum number of attempts in a file. Like [`RESULTS_LIMIT`], it limits the memory that a file takes.
pub const ATTEMPTS_PER_FILE_LIMIT: usize = 400_000;
/// The largest number of days until a certificate expires that earlier versions stored. Larger values are times.
const MAX_CERTIFICATE_DAYS: i64 = u32::MAX as i64;
/// The size of a result in a file, in bytes. Only results with unusually short strings are smaller.
const TYPICAL_RESULT_SIZE: usize = 64;
/// The maximum number of JSON values in a result, which is more than [`ATTEMPTS_LIMIT`] attempts contain.
const VALUES_LIMIT: usize = 10_000;

/// One attempt of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempt {
    /// The round-trip time of the whole attempt, in nanoseconds.
    pub rtt: Nanos,
    /// The error message if the attempt failed.
    pub error: Option<String>,
    /// How long each phase took.
    pub phases: Phases,
}

/// How long the phases of an attempt took, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// The time to resolve the host name, or `None` for an IP address.
    pub dns: Option<Nanos>,
    /// The duration of the TCP handshake. Like all phases, it is summed over redirects.
    pub connect: Option<Nanos>,
    /// The duration of the TLS handshake, or `None` if the attempt did not use TLS.
    pub tls: Option<Nanos>,
    /// The time from sending the request to receiving the first byte of the response.
    pub ttfb: Option<Nanos>,
}

/// The result of one node's check of one endpoint: the attempts and the resulting status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckResult {
    /// The name of the endpoint.
    pub title: String,
    /// The endpoint's URL, `host:port` or command (stored as `endpoint`).
    pub locator: String,
    /// When the check started, or 0 if the file does not contain the time (see [`CheckFile::stored_as`]).
    pub timestamp: UnixNanos,
    /// The attempts in chronological order (stored as `times`).
    pub attempts: Vec<Attempt>,
    /// The endpoint is degraded if the median round-trip time exceeds this many nanoseconds. 0 disables the threshold.
    pub threshold: Nanos,
    /// The status, stored as the `healthy`, `degraded` or `down` key. An unknown status is stored without any of these
    /// keys.
    pub status: Status,
    /// A human-readable reason for the status. Can be empty.
    pub notice: String,
    /// An announcement in limited HTML, posted by a person (see [`crate::message`]). Can be empty.
    pub message: String,
    /// The post with the same message, if it was stored before the result. Readers show only the post, so that it can
    /// be ended and erased. The original Checkup does not store it. Boxed because few results have a message.
    pub post: Option<Box<PostId>>,
    /// The node that ran the check. The original Checkup does not store it.
    pub node: Option<NodeName>,
    /// The kind of check, such as `http`. The original Checkup does not store it.
    pub kind: Option<String>,
    /// The time until the next check, in nanoseconds. The original Checkup does not store it.
    pub interval: Option<Nanos>,
    /// How many nodes must agree on the status (stored as `verdict`), by default a majority. The original Checkup
    /// does not store it.
    pub quorum: Quorum,
    /// The status code of the response, the gRPC status, or the exit status of the command, if the attempt that
    /// [`CheckResult::decisive_attempt`] returns received one. The original Checkup does not store it.
    pub code: Option<i32>,
    /// When the first certificate on the verified path expires (stored as `cert`). Present only if the check used TLS and
    /// verified the server's certificate. The original Checkup does not store it.
    pub certificate_expiry: Option<UnixNanos>,
    /// The endpoint's service level objective, if one is configured (stored as `slo`). The original Checkup does not
    /// store it. Boxed because few endpoints have an objective.
    pub objective: Option<Box<Objective>>,
    /// The endpoint's id, if one is configured. The original Checkup does not store it.
    pub id: Option<Box<str>>,
    /// The check's index in the configuration, or `None` if the results are in the order of the configuration. The original
    /// Checkup does not store it.
    pub position: Option<u32>,
}

/// Identifies an endpoint by its title and locator, so checks of the same URL can be separate endpoints.
///
/// An id, if there is one, identifies the endpoint even after its title or locator changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EndpointKey {
    /// The name of the endpoint.
    pub title: String,
    /// The endpoint's URL, `host:port` or command.
    pub locator: String,
    /// The endpoint's id, if one is configured.
    pub id: Option<Box<str>>,
}

impl EndpointKey {
    /// Returns whether both keys identify the same endpoint: their ids are equal or, if either key has no id, their
    /// titles and locators are.
    #[must_use]
    #[inline(never)]
    pub fn is_same_endpoint(&self, other: &EndpointKey) -> bool {
        match (&self.id, &other.id) {
            (Some(id), Some(other)) => id == other,
            _ => self.title == other.title && self.locator == other.locator,
        }
    }
}

impl CheckResult {
    /// Returns the key of the result's endpoint.
    #[must_use]
    pub fn endpoint_key(&self) -> EndpointKey {
        EndpointKey { title: self.title.clone(), locator: self.locator.clone(), id: self.id.clone() }
    }

    /// Returns the check's index in the configuration. `index` is the result's index in its file.
    #[must_use]
    pub fn position_or(&self, index: usize) -> usize {
        self.position.map_or(index, |position| position as usize)
    }

    /// Returns the number of whole days from the check until the first certificate on the verified path expires.
    #[must_use]
    pub fn certificate_days(&self) -> Option<u32> {
        let left = self.certificate_expiry?.saturating_sub(self.timestamp);
        u32::try_from(left / DAY).ok()
    }

    /// Returns when the result ceases to be valid, or `None` if it does not contain the time until the next check.
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixNanos> {
        Some(self.timestamp.saturating_add(validity(self.interval?)))
    }

    /// Returns the attempt that agrees with the status: the last failed one if the endpoint is down, otherwise the last
    /// successful one. If there is no such attempt, returns the last one.
    #[must_use]
    pub fn decisive_attempt(&self) -> Option<&Attempt> {
        self.attempts.get(decisive_attempt(&self.attempts, self.status)?)
    }

    /// Returns the notice, or the error of the last failed attempt if there is no notice.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        if !self.notice.is_empty() {
            return Some(&self.notice);
        }
        self.attempts.iter().rev().find_map(|attempt| attempt.error.as_deref())
    }
}

/// The parsed content of a check file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckFile {
    /// The valid results, in file order.
    pub results: Vec<CheckResult>,
    /// The elements that are not valid results.
    pub skipped: Vec<SkippedElement>,
}

/// An invalid element of a check file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedElement {
    /// The element's index in the file's array.
    pub index: usize,
    /// Why the element is invalid, in at most [`ERROR_LIMIT`] characters.
    pub reason: String,
}

/// An error for an object that is not a check file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid check file: {0}")]
pub struct InvalidCheckFile(String);

impl CheckFile {
    /// Parses a check file and skips its invalid elements. Elements are read one at a time, so a hostile file takes
    /// little more memory than its results.
    pub fn parse(content: &[u8]) -> Result<CheckFile, InvalidCheckFile> {
        let mut file = CheckFile::default();
        let results = &mut file.results;
        each_result(content, &mut |element| match element {
            Ok(result) => {
                // Growing step by step would copy the results and could take twice their memory.
                if results.is_empty() {
                    results.reserve_exact((content.len() / TYPICAL_RESULT_SIZE).clamp(1, RESULTS_LIMIT));
                } else if results.len() == results.capacity() {
                    results.reserve_exact(RESULTS_LIMIT - results.len());
                }
                results.push(result);
            }
            Err(element) => file.skipped.push(element),
        })?;
        file.results.shrink_to_fit();
        Ok(file)
    }

    /// Checks whether [`CheckFile::parse`] accepts the content, without the memory for the results.
    pub fn validate(content: &[u8]) -> Result<(), InvalidCheckFile> {
        each_result(content, &mut |_| {})
    }

    /// Returns an upper bound for the memory of a file's results, in bytes, without parsing them.
    #[must_use]
    pub fn memory_bound(content: &[u8]) -> usize {
        // Each result and each attempt is an object, and parsed strings are not longer than in the file.
        let objects = content.split(|byte| *byte == b'{').count() - 1;
        content.len() + objects * size_of::<CheckResult>()
    }

    /// Sets the results' node, and any missing timestamps, from the object's name.
    #[must_use]
    pub fn stored_as(mut self, name: &CheckFileName) -> CheckFile {
        for result in &mut self.results {
            if result.timestamp <= 0 {
                result.timestamp = name.stored_at;
            }
            // Permissions restrict the names of the objects that a node can write, but not their contents. The name
            // therefore determines the node, so a node can report only for itself.
            result.node.clone_from(&name.node);
        }
        self
    }
}

/// Parses a check file and passes each result or invalid element to `take`, without keeping the others in memory.
///
/// If there is an error, the elements before it have already been passed.
pub fn each_result(
    content: &[u8],
    take: &mut dyn FnMut(Result<CheckResult, SkippedElement>),
) -> Result<(), InvalidCheckFile> {
    let text = std::str::from_utf8(content).map_err(|error| InvalidCheckFile(error.to_string()))?;
    if !text.trim_start().starts_with('[') {
        return Err(InvalidCheckFile("expected an array of results".to_owned()));
    }
    let mut indices = 0..RESULTS_LIMIT;
    let mut attempts_left = ATTEMPTS_PER_FILE_LIMIT;
    let read = json::each_element(text, VALUES_LIMIT, &mut |element| {
        let index = indices.next().ok_or("more results than a check file can have")?;
        let result = read_result(&element);
        let attempts = result.as_ref().map_or(0, |result| result.attempts.len());
        attempts_left = attempts_left.checked_sub(attempts).ok_or("more attempts than a check file can have")?;
        take(result.map_err(|reason| SkippedElement { index, reason: shortened(reason, ERROR_LIMIT) }));
        Ok(())
    });
    read.map_err(|error| InvalidCheckFile(error.to_string()))
}

/// Returns the index of the attempt that agrees with a status: see [`CheckResult::decisive_attempt`].
#[must_use]
pub fn decisive_attempt(attempts: &[Attempt], status: Status) -> Option<usize> {
    let is_down = status == Status::Down;
    let agrees = |attempt: &Attempt| attempt.error.is_some() == is_down;
    attempts.iter().rposition(agrees).or(attempts.len().checked_sub(1))
}

/// Returns the round-trip times of the successful attempts. Failed attempts are omitted, because the time until a
/// connection is refused is not a response time.
#[must_use]
pub fn answered(attempts: &[Attempt]) -> Box<[Nanos]> {
    attempts.iter().filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.rtt).collect()
}

/// Shortens a string to `limit` characters, the last of which is then an ellipsis.
#[must_use]
pub fn shortened(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let mut rest = text.char_indices().map(|(at, _)| at).skip(limit.saturating_sub(1));
    if let (Some(last), Some(_)) = (rest.next(), rest.next()) {
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
    // If several status keys are set, the worst status takes precedence.
    let mut status = Status::Unknown;
    for (key, each) in [("healthy", Status::Healthy), ("degraded", Status::Degraded), ("down", Status::Down)] {
        if element.bool(key)? {
            status = each;
        }
    }
    let times = element.array("times")?;
    // Saves memory: most results have a single attempt, and a vector would otherwise start with room for four.
    let mut attempts = Vec::with_capacity(times.len().min(ATTEMPTS_LIMIT));
    for attempt in times.iter().take(ATTEMPTS_LIMIT) {
        attempts.push(read_attempt(attempt)?);
    }
    let notice = read_text(element, "notice", ERROR_LIMIT)?;
    if attempts.len() == 1 && attempts[0].rtt == 0 && attempts[0] == format::placeholder(&notice) {
        attempts.clear();
    }
    let timestamp = read_nanos(element, "timestamp")?.unwrap_or(0);
    Ok(CheckResult {
        title: read_text(element, "title", TITLE_LIMIT)?,
        locator: read_text(element, "endpoint", LOCATOR_LIMIT)?,
        timestamp,
        attempts,
        threshold: read_nanos(element, "threshold")?.unwrap_or(0),
        status,
        notice,
        message: read_text(element, "message", MESSAGE_LIMIT)?,
        node: element.string("node")?.and_then(|node| NodeName::new(node).ok()),
        kind: Some(read_text(element, "kind", TITLE_LIMIT)?).filter(|kind| !kind.is_empty()),
        interval: read_nanos(element, "interval")?.filter(|interval| *interval > 0),
        quorum: element.string("verdict")?.and_then(|policy| policy.parse().ok()).unwrap_or_default(),
        code: element.integer("code")?.and_then(|code| i32::try_from(code).ok()),
        certificate_expiry: element.integer("cert")?.and_then(|cert| certificate_expiry(cert, timestamp)),
        objective: objective_of(element),
        id: id_of(element),
        position: element.integer("position")?.and_then(|position| u32::try_from(position).ok()),
        post: post_of(element),
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

/// Returns when a certificate expires. Earlier versions stored the number of days after the check instead.
fn certificate_expiry(cert: i64, timestamp: UnixNanos) -> Option<UnixNanos> {
    match cert {
        ..0 => None,
        0..=MAX_CERTIFICATE_DAYS if timestamp > 0 => Some(timestamp.saturating_add(cert.saturating_mul(DAY))),
        0..=MAX_CERTIFICATE_DAYS => None,
        expiry => Some(expiry),
    }
}

/// Reads an endpoint's id. Check files and histories store it under the same key.
#[inline(never)]
pub(crate) fn id_of(element: &Json<'_>) -> Option<Box<str>> {
    let id = element.string("id").ok().flatten().filter(|id| !id.is_empty() && id.len() <= ID_LIMIT)?;
    Some(id.into())
}

fn post_of(element: &Json<'_>) -> Option<Box<PostId>> {
    element.string("post").ok()??.parse().ok().map(Box::new)
}

/// Reads an endpoint's objective. Check files and histories store it under the same key.
#[inline(never)]
pub(crate) fn objective_of(element: &Json<'_>) -> Option<Box<Objective>> {
    element.string("slo").ok()??.parse().ok().map(Box::new)
}

fn read_text(element: &Json<'_>, key: &str, limit: usize) -> Result<String, UnexpectedType> {
    Ok(shortened(element.string(key)?.unwrap_or_default().to_owned(), limit))
}

/// Reads a time or duration in nanoseconds. Negative values become 0.
fn read_nanos(element: &Json<'_>, key: &str) -> Result<Option<Nanos>, UnexpectedType> {
    Ok(element.integer(key)?.map(|nanos| nanos.max(0)))
}

#[cfg(test)]
mod tests;
