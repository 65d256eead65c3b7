//! Which subjects a kind of check provides, so that an assertion about another one is an error of the configuration
//! instead of one that always fails.

use super::{Assertion, Subject};

impl Assertion {
    /// Whether a check of this type provides the subjects of the assertion; the error is a complete clause.
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

    /// Whether the assertion needs no TLS, for a check that uses none; `remedy` is the configuration that would enable
    /// it. The error is a complete clause.
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

/// The names of subjects, in backticks.
#[must_use]
pub fn quoted(subjects: &[&str]) -> String {
    subjects.iter().map(|subject| format!("`{subject}`")).collect::<Vec<_>>().join(", ")
}

impl Subject {
    /// The name in the text form.
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
