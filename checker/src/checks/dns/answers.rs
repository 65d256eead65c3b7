//! Compares the answer to a DNS query with the expected answers.

use std::fmt::Write as _;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;

use super::chain::AnswerRecords;
use super::record::canonical;
use super::{DnsCheck, Dnssec, RCODES, rcode};
use crate::checks::Failure;
use crate::checks::timing::Stopwatch;

/// The answers that a DNS check expects.
#[derive(Debug, Clone, Default)]
pub struct ExpectedAnswers {
    /// The expected records, as configured. An empty list accepts any record, or, with [`AnswerMatch::None`], no record
    /// at all.
    pub records: Vec<String>,
    pub mode: AnswerMatch,
}

/// How the records in an answer are compared with the expected ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerMatch {
    /// The server must return exactly the expected records.
    #[default]
    Exact,
    /// The server must return all expected records, and can return others.
    All,
    /// The server must return at least one of the expected records.
    Any,
    /// The server must return none of the expected records.
    None,
}

impl AnswerMatch {
    /// Returns the mode with this name in the configuration.
    #[must_use]
    pub fn from_name(name: &str) -> Option<AnswerMatch> {
        Some(match name {
            "exact" => AnswerMatch::Exact,
            "all" => AnswerMatch::All,
            "any" => AnswerMatch::Any,
            "none" => AnswerMatch::None,
            _ => return None,
        })
    }
}

/// Returns an error unless the response code, the DNSSEC flag and the records are as expected. If the answer does not
/// prove that a record is missing, marks the attempt as inconclusive.
pub(super) fn evaluate(check: &DnsCheck, answer: &Message, stopwatch: &Stopwatch) -> Result<(), Failure> {
    let code = answer.metadata.response_code;
    // A name that does not exist is accepted if no records are expected.
    let expects_nothing = check.answers.mode == AnswerMatch::None && check.answers.records.is_empty();
    let is_absent = expects_nothing && check.rcode == ResponseCode::NoError && code == ResponseCode::NXDomain;
    if code != check.rcode && !is_absent {
        return Err(format!("response code {}, expected {}", rcode_name(code), rcode_name(check.rcode)));
    }
    if check.dnssec == Dnssec::Authentic && !answer.metadata.authentic_data {
        return Err("answer is not marked as authentic (DNSSEC)".to_owned());
    }
    let records = AnswerRecords::of(check, answer).inspect_err(|_| stopwatch.mark_inconclusive())?;
    if code == ResponseCode::NXDomain && (records.has_strays || !records.found.is_empty()) {
        stopwatch.mark_inconclusive();
        let record = check.record;
        return Err(format!("response code is NXDOMAIN (no such name), but the answer contains {record} records"));
    }
    if code != ResponseCode::NoError {
        return Ok(());
    }
    let doubt = records.doubt(check, answer);
    if doubt.is_some() {
        stopwatch.mark_inconclusive();
    }
    let mut found: Vec<String> = records
        .found
        .iter()
        .map(|record| {
            let mut text = String::new();
            // Data without a text form never matches an expected answer, so ignore the error.
            let _ = write!(text, "{}", record.data);
            // TXT data is compared verbatim.
            if check.record == RecordType::TXT { text } else { canonical(check.record, &text) }
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    let as_found = |text: &String| if found.contains(text) { text.clone() } else { canonical(check.record, text) };
    let mut expected: Vec<String> = check.answers.records.iter().map(as_found).collect();
    expected.sort_unstable();
    expected.dedup();
    match (compare(check, &found, &expected), doubt) {
        (Err(failure), Some(doubt)) => Err(format!("{failure}; {doubt}")),
        (Ok(()), Some(doubt)) if check.answers.mode == AnswerMatch::None => Err(doubt),
        (compared, _) => compared,
    }
}

fn compare(check: &DnsCheck, found: &[String], expected: &[String]) -> Result<(), Failure> {
    let is_found = |text: &String| found.contains(text);
    let wanted = match check.answers.mode {
        AnswerMatch::None if expected.is_empty() && !found.is_empty() => "no answer".to_owned(),
        AnswerMatch::None if expected.iter().any(is_found) => format!("none of {}", listed(expected)),
        AnswerMatch::None => return Ok(()),
        _ if expected.is_empty() && found.is_empty() => {
            return Err(format!("no {} record for `{}`", check.record, check.name));
        }
        _ if expected.is_empty() => return Ok(()),
        AnswerMatch::Exact if found != expected => listed(expected),
        AnswerMatch::All if !expected.iter().all(is_found) => format!("all of {}", listed(expected)),
        AnswerMatch::Any if !expected.iter().any(is_found) => format!("one of {}", listed(expected)),
        AnswerMatch::Exact | AnswerMatch::All | AnswerMatch::Any => return Ok(()),
    };
    Err(format!("answer is {}, expected {wanted}", listed(found)))
}

fn listed(texts: &[String]) -> String {
    const MOST: usize = 10;
    /// The maximum length of a record in error messages, in characters. A record can be as long as 64 KiB.
    const SHOWN: usize = 300;
    if texts.is_empty() {
        return "empty".to_owned();
    }
    let excerpt = |text: &String| format!("`{}`", shared::check_file::shortened(text.clone(), SHOWN));
    let mut list = texts.iter().take(MOST).map(excerpt).collect::<Vec<_>>().join(", ");
    if texts.len() > MOST {
        let _ = write!(list, " and {} more", texts.len() - MOST);
    }
    list
}

fn rcode_name(code: ResponseCode) -> String {
    let known = RCODES.iter().find(|word| rcode(word) == Some(code));
    known.map_or_else(|| u16::from(code).to_string(), |word| (*word).to_owned())
}
