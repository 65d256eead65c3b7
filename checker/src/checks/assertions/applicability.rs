//! Rejects assertions about subjects that their kind of check does not provide. Such an assertion would fail on every
//! check, so it is a configuration error.

use std::cmp::Ordering;

use super::expected::Predicate;
use super::operand::Operand;
use super::{Assertion, Subject};

impl Assertion {
    /// Rejects an assertion about a subject that this type of check does not provide. The error is a complete clause.
    pub fn check_subjects(&self, type_name: &str, provided: &[&str]) -> Result<(), String> {
        match self.subjects().into_iter().map(Subject::name).find(|name| !provided.contains(name)) {
            None => Ok(()),
            Some(name) => Err(format!(
                "`{}`: checks of type `{type_name}` do not provide `{name}`; they provide {}",
                self.text,
                quoted(provided)
            )),
        }
    }

    /// Rejects an assertion about exit statuses that do not exist. The error is a complete clause.
    pub fn check_exit_statuses(&self) -> Result<(), String> {
        let can_hold = |predicate: &Predicate| match predicate {
            Predicate::IsOneOf(_) | Predicate::NotOneOf(_) => false,
            Predicate::Compares(_, Operand::Number(number)) => {
                number.compare_from("255").is_ok_and(|order| order.is_some_and(Ordering::is_ge))
            }
            _ => true,
        };
        let conditions = self.condition.0.conditions();
        if conditions.iter().all(|(subject, predicate)| !matches!(subject, Subject::Status) || can_hold(predicate)) {
            return Ok(());
        }
        Err(format!("`{}`: `[STATUS]` is an exit status from 0 to 255: compare it with such a number", self.text))
    }

    /// Rejects an assertion that needs TLS, because the check does not use it. `remedy` is the configuration that would
    /// enable TLS. The error is a complete clause.
    pub fn check_without_tls(&self, remedy: &str) -> Result<(), String> {
        let needs_tls = |subject: &&Subject| matches!(subject, Subject::Tls | Subject::Certificate);
        match self.subjects().into_iter().find(needs_tls).map(Subject::name) {
            None => Ok(()),
            Some(name) => Err(format!(
                "`{}`: the check does not use TLS, which `{name}` needs; enable it with {remedy}",
                self.text
            )),
        }
    }
}

/// Formats subject names as a list in backticks.
#[must_use]
pub fn quoted(subjects: &[&str]) -> String {
    subjects.iter().map(|subject| format!("`{subject}`")).collect::<Vec<_>>().join(", ")
}

impl Subject {
    /// Returns the subject as written in assertions, such as `[STATUS]`.
    fn name(&self) -> &'static str {
        match self {
            Subject::Status => "[STATUS]",
            Subject::Rtt => "[RTT]",
            Subject::Dns => "[DNS]",
            Subject::Connect => "[CONNECT]",
            Subject::Tls => "[TLS]",
            Subject::FirstByte => "[TTFB]",
            Subject::Certificate => "[CERTIFICATE]",
            Subject::Redirect => "[REDIRECT]",
            Subject::Header(_) => "[HEADER name]",
            Subject::Body => "[BODY]",
            Subject::BodySize => "[BODY_SIZE]",
            Subject::JsonPath(_) => "[JSON $.path]",
            Subject::Length(subject) => subject.name(),
        }
    }
}
