//! The configuration of checks. Each type has a separate file with its table row and its conversion.
//!
//! To add a type, add its file and its line in [`TYPES`].

mod advice;
mod assertions;
mod common;
mod converter;
mod dns;
mod exec;
mod grpc;
mod heartbeat;
mod http;
mod icmp;
mod statuspage;
mod tcp;
mod tls;
mod websocket;

use std::path::Path;
use std::sync::Arc;

use shared::{Nanos, SECOND};

use self::common::{COMMON, RawCommon};
use self::converter::CheckConverter;
use super::document::Located;
use super::duration;
use super::identity::validate_id;
use super::problem::{Problem, Problems};
use super::spec::{ValueKind, Variant};
use crate::checks::assertions::Assertion;
use crate::checks::probe_data::Capture;
use crate::checks::{Check, CheckKind, MisconfiguredCheck};
use crate::counted;
use crate::redact::redact_userinfo;

struct CheckType {
    /// The type's row in the configuration table.
    variant: Variant,
    /// The subjects, such as `[STATUS]`, that assertions can examine.
    subjects: &'static [&'static str],
    /// The default timeout of an attempt.
    default_timeout: Nanos,
    /// Creates a check from values whose types match the table, or reports why it cannot.
    convert: fn(&mut CheckConverter<'_>) -> Option<CheckKind>,
}

const TYPES: &[CheckType] = &[
    http::TYPE,
    tcp::TYPE,
    tls::TYPE,
    dns::TYPE,
    icmp::TYPE,
    websocket::TYPE,
    grpc::TYPE,
    exec::TYPE,
    heartbeat::TYPE,
    statuspage::TYPE,
];

const VARIANTS: [Variant; TYPES.len()] = {
    let mut variants = [http::TYPE.variant; TYPES.len()];
    let mut index = 0;
    while index < variants.len() {
        variants[index] = TYPES[index].variant;
        index += 1;
    }
    variants
};

pub(super) const CHECKERS: ValueKind = ValueKind::List(&CHECKER);

pub(super) const CHECKER: ValueKind =
    ValueKind::Tagged { name: "check", keys: &["type"], variants: &VARIANTS, unsupported: &[], common: COMMON };

/// The default timeout of attempts that involve more than a connection. The original Checkup has the same fixed limit.
const DEFAULT_TIMEOUT: Nanos = 10 * SECOND;
/// The default timeout of attempts that involve little more than a connection, as in the original Checkup.
const DEFAULT_CONNECTION_TIMEOUT: Nanos = SECOND;

/// Creates a check from a value that validation has accepted. `index` is its position in the array. An unusable check
/// reports its problem in every round, so the others still run.
pub(super) fn convert(located: &Located, index: usize, folder: &Path, problems: &mut Problems) -> Option<Check> {
    let mut found = Problems::default();
    let check = convert_usable(located, index, folder, &mut found);
    let check = match found.first_check_error() {
        None => check,
        Some(problem) => {
            let text = |keys: &[&str]| keys.iter().find_map(|key| located.member(key)?.text()).unwrap_or_default();
            let title = title_of(located).unwrap_or_default();
            let type_name = text(&["type"]).to_owned();
            let locator = match text(&["endpoint_url", "url"]) {
                "" => text(&["command", "job"]).to_owned(),
                url => redact_userinfo(url),
            };
            let reason = format!("invalid configuration: {}", problem.text);
            let misconfigured = MisconfiguredCheck { type_name, locator, reason };
            Some(Check::new(title, CheckKind::Misconfigured(Box::new(misconfigured))))
        }
    };
    problems.extend(found);
    check
}

/// Returns the title of a check, even if the check is invalid.
pub(super) fn title_of<'l>(located: &'l Located<'_>) -> Option<&'l str> {
    ["endpoint_name", "name"].iter().find_map(|key| located.member(key)?.text())
}

fn convert_usable(located: &Located, index: usize, folder: &Path, problems: &mut Problems) -> Option<Check> {
    let type_name = located.member("type").and_then(Located::text).unwrap_or_default();
    let CheckType { subjects, default_timeout, convert, .. } =
        TYPES.iter().find(|known| known.variant.name == type_name)?;
    let assertions = read_assertions(located, index, problems)?;
    let mut converter = CheckConverter::new(located, index, folder, problems);
    let common: RawCommon = converter.read()?;
    if common.endpoint_name.trim().is_empty() {
        let key = if located.member("name").is_some() { "name" } else { "endpoint_name" };
        converter.reject_file(key, "is empty: expected the title of the endpoint");
    }
    if common.failures_allowed > 0 && common.failures_allowed >= common.attempts.max(1) {
        let attempts = counted(common.attempts.max(1) as usize, "attempt");
        let text = format!(
            "must be less than the number of attempts, or the endpoint is never down: the check makes {attempts}"
        );
        converter.reject("failures_allowed", &text);
    }
    if common.invert && common.threshold_rtt.as_ref().is_some_and(|threshold| threshold.0 > 0) {
        converter.reject("threshold_rtt", "has no effect on a check that must fail (`invert`): remove one of them");
    }
    if let Some(Err(error)) = common.id.as_deref().map(validate_id) {
        converter.file_error("id", error);
    }
    for assertion in &assertions {
        if let Err(reason) = assertion.check_subjects(type_name, subjects) {
            converter.error("assertions", reason);
        }
        if *type_name == *exec::TYPE.variant.name
            && let Err(reason) = assertion.check_exit_statuses()
        {
            converter.error("assertions", reason);
        }
        for advice in assertion.advice() {
            converter.warning("assertions", &advice);
        }
    }
    converter.timeout = duration(common.timeout.as_ref().map_or(*default_timeout, |timeout| timeout.0));
    converter.asserts_status = assertions.iter().any(Assertion::uses_status);
    let assertions: Arc<[Assertion]> = assertions.into();
    converter.assertions = Arc::clone(&assertions);
    let kind = convert(&mut converter)?;
    if let Some(remedy) = kind.probe().how_to_enable_tls() {
        // Skip assertions about subjects that this type never provides, because they were reported above.
        for assertion in assertions.iter().filter(|assertion| assertion.check_subjects(type_name, subjects).is_ok()) {
            if let Err(reason) = assertion.check_without_tls(remedy) {
                converter.error("assertions", reason);
            }
        }
    }
    let capture = assertions.iter().fold(Capture::default(), |capture, assertion| capture.union(assertion.capture()));
    advice::warn(&kind, capture, &mut converter);
    Some(Check { assertions, capture, ..common.into_check(kind) })
}

/// Compiles a check's assertions, or reports why they are invalid. `index` is the check's position in the array.
pub(super) fn read_assertions(located: &Located, index: usize, problems: &mut Problems) -> Option<Vec<Assertion>> {
    let Some(list) = located.member("assertions") else { return Some(Vec::new()) };
    let read = assertions::from_located(list).map_err(|(at, error)| {
        problems.add(Problem::check_error(at, format!("`checkers[{index}].assertions`: {error}")));
    });
    read.ok()
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::applicability::quoted;
    use crate::config::checks::TYPES;

    #[test]
    fn the_subjects_of_each_type_are_documented() {
        let documentation = include_str!("../../../../docs/assertions.md");
        for kind in TYPES {
            let row = format!("| **{}** | {} |", kind.variant.name, quoted(kind.subjects));
            assert!(documentation.lines().any(|line| line == row), "docs/assertions.md lacks this line:\n{row}");
        }
    }
}
