//! What each kind of check can know of an endpoint, so that an assertion about anything else is refused where it is
//! written instead of failing for ever.

use super::{Assertion, Subject};

/// The kinds of check, and what assertions may look at there.
const KNOWN: &[(&str, &str)] = &[
    (
        "http",
        "[STATUS], [RTT], [DNS], [CONNECT], [TLS], [TTFB], [CERTIFICATE], [REDIRECT], [HEADER name], [BODY], [BODY_SIZE], \
         [JSON $.path]",
    ),
    ("tcp", "[RTT], [DNS], [CONNECT], [TLS], [TTFB]"),
    ("tls", "[RTT], [DNS], [CONNECT], [TLS], [CERTIFICATE]"),
    ("dns", "[RTT], [DNS], [TTFB]"),
    ("icmp", "[RTT], [DNS], [TTFB]"),
    (
        "websocket",
        "[STATUS], [RTT], [DNS], [CONNECT], [TLS], [TTFB], [HEADER name], [BODY], [BODY_SIZE], [JSON $.path]",
    ),
    ("grpc", "[RTT], [DNS], [CONNECT], [TLS], [TTFB]"),
    ("exec", "[STATUS], [RTT], [BODY], [BODY_SIZE], [JSON $.path]"),
    ("heartbeat", "[RTT]"),
];

/// The words of a list in backticks.
fn quoted(known: &str) -> String {
    known.split(", ").map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl Assertion {
    /// Makes sure that a check of this kind can know what the assertion is about; the error is a sentence.
    pub fn check_kind(&self, kind: &str) -> Result<(), String> {
        let Some((_, known)) = KNOWN.iter().find(|(word, _)| *word == kind) else { return Ok(()) };
        let words = self.expression.subjects().into_iter().map(Subject::word);
        match words.into_iter().find(|word| !known.split(", ").any(|known| known == *word)) {
            None => Ok(()),
            Some(word) => {
                Err(format!("`{}`: a check of type `{kind}` knows no `{word}`; it knows {}", self.text, quoted(known)))
            }
        }
    }

    /// Makes sure that it is about nothing that only TLS brings, for a check that speaks none; `remedy` is what would make
    /// it speak some. The error is a sentence.
    pub fn check_without_tls(&self, remedy: &str) -> Result<(), String> {
        let of_tls = |subject: &&Subject| matches!(subject, Subject::Tls | Subject::Certificate);
        match self.expression.subjects().into_iter().find(of_tls).map(Subject::word) {
            None => Ok(()),
            Some(word) => {
                Err(format!("`{}`: the check speaks no TLS and knows no `{word}`; it would with {remedy}", self.text))
            }
        }
    }
}

impl Subject {
    /// How people write it.
    fn word(&self) -> &'static str {
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
            Subject::Length(subject) => subject.word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::applicability::*;

    #[test]
    fn the_documentation_says_what_each_kind_knows() {
        let documentation = include_str!("../../../../docs/assertions.md");
        for (kind, known) in KNOWN {
            let row = format!("| **{kind}** | {} |", quoted(known));
            assert!(documentation.lines().any(|line| line == row), "docs/assertions.md lacks this line:\n{row}");
        }
    }
}
