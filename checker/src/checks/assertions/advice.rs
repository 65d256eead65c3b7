//! Advice about assertions and strings that are valid, but likely mean something else.

use super::Assertion;
use super::expected::Predicate;
use super::expression::Expression;
use super::operand::{Operand, Operator};
use super::subject::Subject;
use super::word_traps::delimited_pattern;
use crate::checks::text_pattern::TextPattern;

impl Assertion {
    /// Returns clauses about likely mistakes.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        self.condition.0.add_advice(&mut advice);
        advice.into_iter().map(|clause| format!("`{}`: {clause}", self.text)).collect()
    }
}

/// Returns a clause about a string that is compared as written, but resembles a pattern.
#[must_use]
pub fn string_advice(text: &str) -> Option<String> {
    resembles_pattern(text).then(|| {
        format!("`{text}` is compared as written: for alternatives, wildcards and other patterns, use `matches`")
    })
}

fn resembles_pattern(text: &str) -> bool {
    let has_alternatives = text.split('|').all(|part| part.starts_with(char::is_alphanumeric)) && text.contains('|');
    let has_wildcard = text.len() > 1 && (text.starts_with('*') || text.ends_with('*'));
    // Without flags, it can also be the path of a directory.
    let has_delimiters = delimited_pattern(text).is_some_and(|(_, flags)| !flags.is_empty());
    has_alternatives || has_wildcard || has_delimiters
}

impl Expression {
    fn add_advice(&self, advice: &mut Vec<String>) {
        match self {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().for_each(|part| part.add_advice(advice)),
            Expression::Not(part) => {
                advice.extend(part.advice_if_negated());
                part.add_advice(advice);
            }
            Expression::Holds(subject, predicate) => {
                advice.extend(subject.advice());
                advice.extend(predicate.advice_about(subject));
            }
        }
    }

    /// Returns a clause about a negated comparison of a value that can be missing.
    fn advice_if_negated(&self) -> Option<String> {
        let Expression::Holds(subject @ Subject::JsonPath(path), Predicate::Compares(operator, _)) = self else {
            return None;
        };
        path.is_singular.then(|| {
            let opposite = operator.opposite().word();
            format!("it also holds if {subject} is missing: to prevent that, write `{opposite}` without `not`")
        })
    }
}

impl Subject {
    fn advice(&self) -> Vec<String> {
        let Subject::JsonPath(path) = self.root() else { return Vec::new() };
        let negated = path.negated_test.as_deref().map(|query| {
            format!(
                "`!{query}` tests whether the value is missing, not whether it is false: for the latter, write \
                 `{query} == false`"
            )
        });
        let literals = path.comparisons.literals().filter(|text| resembles_pattern(text)).map(|text| {
            format!("`{text}` in a filter is compared as written: for alternatives, join comparisons with `||`")
        });
        negated.into_iter().chain(literals).collect()
    }
}

impl Predicate {
    fn advice_about(&self, subject: &Subject) -> Option<String> {
        match self {
            Predicate::Exists if matches!(subject, Subject::Status) => {
                Some("it holds for every status, including those of errors".to_owned())
            }
            Predicate::Contains(Operand::Text(text)) if text.is_empty() => {
                Some("every text contains the empty string".to_owned())
            }
            Predicate::Contains(Operand::Text(text))
            | Predicate::Compares(Operator::Equal | Operator::NotEqual, Operand::Text(text)) => string_advice(text),
            Predicate::Matches(pattern) => pattern_advice(pattern),
            _ => None,
        }
    }
}

fn pattern_advice(pattern: &TextPattern) -> Option<String> {
    let written = pattern.as_str();
    let is_word = |next: Option<char>| next.is_some_and(char::is_alphanumeric);
    let follows_end = written.starts_with('$') && is_word(written.chars().nth(1));
    let precedes_start = written.ends_with('^') && is_word(written.chars().rev().nth(1));
    if pattern.has_match(b"") && pattern.has_match(b"\x01") {
        return Some(format!("`{written}` matches every text"));
    }
    if follows_end || precedes_start {
        return Some(format!("`{written}` matches no text: `^` is the start of the text, and `$` is its end"));
    }
    if written.contains(r"\|") {
        return Some(format!(r"`\|` in `{written}` is a vertical bar: for alternatives, write `|`"));
    }
    let escape =
        ["b", "B", "d", "D", "s", "S", "w", "W"].into_iter().find(|class| written.contains(&format!(r"\\{class}")))?;
    Some(format!(r"`\\{escape}` in `{written}` is a backslash and a letter: write `\{escape}`"))
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::advice::*;

    #[test]
    fn likely_mistakes_are_named() {
        for (assertion, expected) in [
            ("not [BODY].status == DOWN", Some("write `!=` without `not`")),
            ("!([BODY].depth > 500)", Some("write `<=` without `not`")),
            ("not [JSON $.a[*]] == x", None),
            ("not [BODY] == x", None),
            ("[STATUS] exists", Some("it holds for every status")),
            ("[BODY] contains ''", Some("every text contains the empty string")),
            ("not [BODY] contains 'DOWN|FAILED'", Some("use `matches`")),
            ("[BODY] != 'DOWN|FAILED'", Some("use `matches`")),
            ("[BODY] contains '*DOWN*'", Some("is compared as written")),
            ("[BODY] contains '| total |'", None),
            ("[BODY] contains a*b", None),
            ("has([JSON $[?@.name == 'a|b']])", Some("`a|b` in a filter is compared as written")),
            ("len([JSON $[?'DOWN*' != @.s && @.up == true]]) == 0", Some("join comparisons with `||`")),
            ("has([JSON $[?@.name == 'a b']])", None),
            ("has([JSON $['a|b']])", None),
            ("[BODY] matches 'ok|'", Some("`ok|` matches every text")),
            ("[BODY] matches ''", Some("matches every text")),
            ("[BODY] matches '^$'", None),
            ("[BODY] matches '$error'", Some("matches no text")),
            ("[BODY] matches 'error^'", Some("matches no text")),
            (r"not [BODY] matches 'error\|fatal'", Some(r"`\|` in `error\|fatal` is a vertical bar")),
            (r"not [BODY] matches '\\berror'", Some(r"write `\b`")),
            (r"[BODY] matches 'C:\\temp'", None),
            ("[BODY] matches '^OK$'", None),
        ] {
            let advice = Assertion::parse(assertion).expect(assertion).advice();
            match expected {
                Some(expected) => assert!(advice.len() == 1 && advice[0].contains(expected), "{assertion}: {advice:?}"),
                None => assert_eq!(advice, [""; 0], "{assertion}"),
            }
        }
        assert!(string_advice("/error/i").is_some());
        assert_eq!(string_advice("/var/log/"), None);
    }
}
