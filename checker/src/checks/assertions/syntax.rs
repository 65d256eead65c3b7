//! Parses the text form of conditions, such as `[STATUS] == 200`.

use reqwest::header::HeaderName;
use serde_json_path::JsonPath;
use shared::duration;

use super::decimal::Decimal;
use super::expected::Predicate;
use super::expression::Expression;
use super::filter_comparisons::FilterComparisons;
use super::filter_numbers::{FilterNumbers, outside_quotes};
use super::filter_parser::{NegativeIndex, ParsedFilters};
use super::operand::{Operand, Operator};
use super::path_container::PathContainers;
use super::path_remedy::with_quoted_names;
use super::path_route::PathRoute;
use super::subject::{JsonPathQuery, PathCost, Subject};
use super::word_traps;
use crate::checks::status_codes::StatusCodes;
use crate::checks::text_pattern::TextPattern;

/// The maximum nesting depth of conditions.
pub(super) const MAX_DEPTH: usize = 20;
/// A list of all subjects, for error messages.
const SUBJECTS: &str = "`[STATUS]`, `[RTT]`, `[DNS]`, `[CONNECT]`, `[TLS]`, `[TTFB]`, `[CERTIFICATE]`, `[REDIRECT]`, \
                        `[HEADER name]`, `[BODY]`, `[BODY_SIZE]`, `[JSON $.path]` or `[BODY].path`";

pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = AssertionParser { rest: text.trim_start(), depth: 0 };
    let expression = parser.any().and_then(|expression| {
        if parser.rest.is_empty() { Ok(expression) } else { Err(format!("unexpected `{}`", parser.rest)) }
    });
    expression.map_err(|problem| format!("invalid assertion `{text}`: {problem}"))
}

/// A recursive-descent parser. `rest` is the text that has not been parsed yet.
struct AssertionParser<'a> {
    rest: &'a str,
    depth: usize,
}

impl AssertionParser<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    /// Consumes a token such as `&&`, or a whole word such as `and`, if it comes next.
    fn accept(&mut self, token: &str) -> bool {
        let Some(after) = self.rest.strip_prefix(token) else { return false };
        let is_word = token.ends_with(|last: char| last.is_alphanumeric());
        if is_word && after.starts_with(|next: char| next.is_alphanumeric() || next == '_') {
            return false;
        }
        self.skip(token.len());
        true
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.accept("||") || self.accept("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.term()?];
        while self.accept("&&") || self.accept("and") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn term(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        let term = if self.accept("!") || self.accept("not") {
            Expression::Not(Box::new(self.term()?))
        } else if self.accept("(") {
            let inside = self.any()?;
            if !self.accept(")") {
                return Err("missing `)`".to_owned());
            }
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        if self.accept("has") {
            let subject = self.in_parentheses()?;
            return Ok(Expression::Holds(subject, Predicate::Exists));
        }
        let subject = if self.accept("len") { length(self.in_parentheses()?)? } else { self.subject()? };
        if self.accept("exists") {
            return Ok(Expression::Holds(subject, Predicate::Exists));
        }
        if self.accept("contains") {
            let is_quoted = self.is_at_quote();
            let operand = self.operand()?;
            if !is_quoted {
                word_traps::reject_status_codes(&subject, &operand.to_string())?;
            }
            return searched(subject, Predicate::Contains(operand));
        }
        if self.accept("matches") {
            let is_quoted = self.is_at_quote();
            let pattern = self.operand()?.to_string();
            if !is_quoted {
                word_traps::reject_delimiters(&subject, &pattern)?;
                word_traps::reject_status_codes(&subject, &pattern)?;
            }
            let pattern = TextPattern::parse(&pattern)?;
            return searched(subject, Predicate::Matches(pattern));
        }
        let operator = Operator::WORDS.iter().find(|(word, _)| self.rest.starts_with(word));
        let Some((word, operator)) = operator else {
            return Err(format!(
                "expected `==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `matches` or `exists` after {subject}"
            ));
        };
        self.skip(word.len());
        let is_quoted = self.is_at_quote();
        let operand = self.operand()?;
        if !is_quoted {
            word_traps::reject_status_codes(&subject, &operand.to_string())?;
        }
        comparison(subject, *operator, operand)
    }

    fn in_parentheses(&mut self) -> Result<Subject, String> {
        if !self.accept("(") {
            return Err("missing `(` after `len` or `has`".to_owned());
        }
        let subject = self.subject()?;
        if self.accept(")") { Ok(subject) } else { Err("missing `)`".to_owned()) }
    }

    fn subject(&mut self) -> Result<Subject, String> {
        let expected = || format!("expected {SUBJECTS}");
        let inside = self.rest.strip_prefix('[').ok_or_else(expected)?;
        let end = matching_bracket(inside).ok_or("missing `]`")?;
        let (name, after) = (inside[..end].trim(), &inside[end + 1..]);
        let (word, argument) =
            name.split_once(char::is_whitespace).map_or((name, ""), |(word, rest)| (word, rest.trim()));
        if word == "BODY" && argument.is_empty() && after.starts_with(['.', '[']) {
            let length = path_length(after);
            let path = format!("${}", &after[..length]);
            self.rest = after[length..].trim_start();
            return json_path(&path, |path| format!("[BODY]{}", path.trim_start_matches('$')));
        }
        self.rest = after.trim_start();
        Ok(match (word, argument) {
            ("STATUS", "") => Subject::Status,
            ("RTT" | "RESPONSE_TIME", "") => Subject::Rtt,
            ("DNS", "") => Subject::Dns,
            ("CONNECT", "") => Subject::Connect,
            ("TLS", "") => Subject::Tls,
            ("TTFB", "") => Subject::FirstByte,
            ("CERTIFICATE" | "CERTIFICATE_EXPIRATION", "") => Subject::Certificate,
            ("REDIRECT", "") => Subject::Redirect,
            ("BODY", "") => Subject::Body,
            ("BODY_SIZE", "") => Subject::BodySize,
            ("HEADER", name) if !name.is_empty() => Subject::Header(
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("invalid header name `{name}`"))?,
            ),
            ("JSON", path) if !path.is_empty() => return json_path(path, |path| format!("[JSON {path}]")),
            _ => return Err(format!("unknown subject `[{name}]`: {}", expected())),
        })
    }

    fn is_at_quote(&self) -> bool {
        self.rest.starts_with(['"', '\''])
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if let Some(quote) = self.rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
            let (text, length) = quoted(&self.rest[1..], quote).ok_or_else(|| format!("missing closing `{quote}`"))?;
            self.skip(length + 1);
            return Ok(Operand::Text(text));
        }
        let end = self.rest.find(|next: char| next.is_whitespace() || matches!(next, ')' | '&' | '|'));
        let word = &self.rest[..end.unwrap_or(self.rest.len())];
        if word.is_empty() {
            return Err("missing value to compare with".to_owned());
        }
        word_traps::reject_typing_mistakes(word)?;
        self.skip(word.len());
        Ok(match word {
            "true" => Operand::Flag(true),
            "false" => Operand::Flag(false),
            "null" => Operand::Null,
            "[]" => Operand::Empty("[]"),
            "{}" => Operand::Empty("{}"),
            word => number_or_duration(word).unwrap_or_else(|| Operand::Text(word.to_owned())),
        })
    }
}

fn number_or_duration(word: &str) -> Option<Operand> {
    let duration = |nanos| Operand::Duration { word: word.to_owned(), nanos };
    Decimal::parse(word).map(Operand::Number).or_else(|| duration::parse(word).ok().map(duration))
}

/// Returns the length of a subject. Only texts and JSON have one.
fn length(subject: Subject) -> Result<Subject, String> {
    if subject.is_duration() || matches!(subject, Subject::Status | Subject::BodySize) {
        return Err(format!("{subject} has no length: remove `len`"));
    }
    Ok(Subject::Length(Box::new(subject)))
}

/// Builds a search if the subject can be searched.
fn searched(subject: Subject, predicate: Predicate) -> Result<Expression, String> {
    if subject.is_duration() {
        return Err(format!("{subject} is a duration, which cannot be searched: compare it with `<` or `>`"));
    }
    Ok(Expression::Holds(subject, predicate))
}

/// Returns the operand of an operator such as `<`. Text in quotes can also be a number or a duration.
fn ordered_operand(operator: Operator, operand: Operand) -> Result<Operand, String> {
    let word = operator.word();
    match operand {
        Operand::Number(_) | Operand::Duration { .. } => Ok(operand),
        Operand::Text(text) => number_or_duration(text.trim())
            .ok_or_else(|| format!("`{word}` compares numbers and durations, and `{text}` is neither")),
        other => Err(format!("`{word}` compares numbers and durations, and `{other}` is neither")),
    }
}

/// Builds a comparison if the subject can be compared with the operand.
fn comparison(subject: Subject, operator: Operator, operand: Operand) -> Result<Expression, String> {
    let predicate = match (&subject, operand) {
        (Subject::Status, Operand::Text(codes)) => {
            let codes = StatusCodes::try_from(serde_json::Value::String(codes))
                .map_err(|expected| format!("invalid status: expected {expected}"))?;
            match operator {
                Operator::Equal => Predicate::IsOneOf(codes),
                Operator::NotEqual => Predicate::NotOneOf(codes),
                _ => {
                    return Err(format!(
                        "a set of status codes can only be compared with `==` or `!=`, not with `{}`",
                        operator.word()
                    ));
                }
            }
        }
        (Subject::Status | Subject::BodySize | Subject::Length(_), operand) => match operand {
            Operand::Number(_) => Predicate::Compares(operator, operand),
            other => return Err(format!("{subject} is a number, but `{other}` is not")),
        },
        (
            Subject::Rtt | Subject::Dns | Subject::Connect | Subject::Tls | Subject::FirstByte | Subject::Certificate,
            operand,
        ) => match operand {
            Operand::Duration { .. } => Predicate::Compares(operator, operand),
            other => {
                return Err(format!(
                    "{subject} is a duration, but `{other}` is not; write a duration such as `500ms` or `30d`"
                ));
            }
        },
        (Subject::Redirect, _) if operator.is_order() => {
            return Err(format!(
                "{subject} is a URL, which `{}` cannot compare; use `==`, `!=`, `contains` or `matches`",
                operator.word()
            ));
        }
        (_, operand) if operator.is_order() => Predicate::Compares(operator, ordered_operand(operator, operand)?),
        (_, operand) => Predicate::Compares(operator, operand),
    };
    Ok(Expression::Holds(subject, predicate))
}

/// Compiles a JSON path. `subject_of` formats the subject that contains a path, for error messages.
fn json_path(path: &str, subject_of: impl Fn(&str) -> String) -> Result<Subject, String> {
    // Recursive descent and filters can visit many times more values than the body has bytes.
    let cost = if path.contains("..") || path.contains('?') { PathCost::Unbounded } else { PathCost::Linear };
    if descends_twice(path) {
        return Err(format!(
            "`{path}` contains more than one recursive descent (`..`), which can select far more values than the body \
             has bytes; write `..` once, for example `$..price`"
        ));
    }
    let compiled = JsonPath::parse(path).map_err(|error| {
        if let Some(quoted) = with_quoted_names(path) {
            let remedy = subject_of(&quoted);
            return format!(
                "invalid JSON path `{path}` (RFC 9535): a name with a character such as `-` needs brackets and quotes: \
                 write `{remedy}`"
            );
        }
        let error = error.to_string();
        let remedy = if ["match", "search"].iter().any(|name| error.contains(&format!("'{name}'"))) {
            "; the functions `match` and `search` are not supported: write `[JSON …] matches \"…\"`"
        } else {
            ""
        };
        format!("invalid JSON path `{path}` (RFC 9535): {error}{remedy}")
    })?;
    let filters = ParsedFilters::of_path(path);
    // `serde_json_path` 0.7 does not select any value for such a query.
    if let Some(NegativeIndex { query, with_slices }) = &filters.negative_index {
        return Err(format!(
            "`{path}` compares `{query}`, but comparisons in filters do not support negative indexes: write \
             `value({with_slices})` instead"
        ));
    }
    if let Some(mistake) = filters.mistake {
        return Err(format!("the filter in `{path}` never holds: {mistake}"));
    }
    Ok(Subject::JsonPath(Box::new(JsonPathQuery {
        compiled,
        containers: PathContainers::of_path(path),
        route: if is_singular(path) { PathRoute::of_path(path) } else { PathRoute::default() },
        is_singular: is_singular(path),
        text: path.to_owned(),
        cost,
        numbers: FilterNumbers::of_path(path),
        comparisons: FilterComparisons::new(&filters),
        negated_test: filters.negated_test,
    })))
}

/// Returns whether a valid path consists only of names and indexes.
fn is_singular(path: &str) -> bool {
    let mut last_dot = None;
    outside_quotes(path).all(|(at, character)| {
        let is_descent = character == '.' && last_dot.is_some_and(|last| last + 1 == at);
        last_dot = Some(at).filter(|_| character == '.');
        !is_descent && !"*?:,".contains(character)
    })
}

/// Returns whether a query in the path, or in one of its filters, contains more than one `..`.
fn descends_twice(path: &str) -> bool {
    // The number of `..` in the current query for each open bracket. A query starts at its `$` or `@`.
    let mut counts = vec![0];
    let mut last_dot = None;
    for (at, character) in outside_quotes(path) {
        match (character, counts.last_mut()) {
            ('$' | '@', Some(count)) => *count = 0,
            ('[', _) => counts.push(0),
            (']', _) => drop(counts.pop()),
            ('.', Some(count)) if last_dot.is_some_and(|last| last + 1 == at) => {
                *count += 1;
                if *count > 1 {
                    return true;
                }
            }
            ('.', _) => last_dot = Some(at),
            _ => {}
        }
    }
    false
}

/// Returns the position of the `]` that closes a `[` immediately before `text`, skipping nested brackets and quotes.
fn matching_bracket(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in outside_quotes(text) {
        match character {
            '[' => depth += 1,
            ']' if depth == 0 => return Some(at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Returns the length of the path after `[BODY]`. The path ends at a space or operator outside of brackets.
fn path_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in outside_quotes(text) {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 && (character.is_whitespace() || "=!<>)&|".contains(character)) => return at,
            _ => {}
        }
    }
    text.len()
}

/// Parses a string up to its closing quote. Returns the string and its length including the quote. A backslash escapes
/// the quote.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut inside = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((inside, at + character.len_utf8()));
        }
        if character == '\\'
            && let Some((_, next)) = characters.next_if(|(_, next)| *next == quote)
        {
            inside.push(next);
            continue;
        }
        inside.push(character);
    }
    None
}
