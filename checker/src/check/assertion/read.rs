//! Reads assertions: the compact text form (`[STATUS] == 200`) and the tree of objects (`any`, `all`, `not`).

use regex::bytes::RegexBuilder;
use reqwest::header::HeaderName;
use serde_json_path::JsonPath;
use shared::duration;
use shared::status::Status;

use super::{Assertion, Effort, Expression, Operand, Operator, Path, Subject, Test};
use crate::check::http::status_codes::StatusCodes;
use crate::config::document::{Located, Value};

/// How large a compiled regular expression may be, in bytes.
const PATTERN_LIMIT: usize = 1 << 20;
/// How deep an assertion may be nested: nobody understands more.
const DEPTH_LIMIT: usize = 20;
/// What stands in `[…]`, for the message that refuses anything else.
const SUBJECTS: &str = "`[STATUS]`, `[RTT]`, `[DNS]`, `[CONNECT]`, `[TLS]`, `[TTFB]`, `[CERTIFICATE]`, `[REDIRECT]`, \
                        `[HEADER name]`, `[BODY]`, `[BODY_SIZE]`, `[JSON $.path]` or `[BODY].path`";

/// Reads the list that stands in a configuration; an error says where and why.
pub fn from_located(list: &Located) -> Result<Vec<Assertion>, (usize, String)> {
    let Value::List(elements) = &list.value else {
        return Err((list.at, "a list of assertions, such as `[\"[STATUS] == 200\"]`".to_owned()));
    };
    elements.iter().map(|element| one(element).map_err(|problem| (element.at, problem))).collect()
}

fn one(element: &Located) -> Result<Assertion, String> {
    let otherwise = match element.member("otherwise").map(Located::text) {
        None | Some(Some("down")) => Status::Down,
        Some(Some("degraded")) => Status::Degraded,
        Some(_) => return Err("an assertion whose `otherwise` is `down` or `degraded`".to_owned()),
    };
    let expression = tree(element, 0, &["otherwise"])?;
    let text = element.text().or_else(|| element.member("that")?.text());
    let text = text.map_or_else(|| expression.to_string(), str::to_owned);
    Ok(Assertion { text, otherwise, expression })
}

fn tree(element: &Located, depth: usize, besides: &[&str]) -> Result<Expression, String> {
    if depth > DEPTH_LIMIT {
        return Err(format!("an assertion that is nested at most {DEPTH_LIMIT} deep"));
    }
    let members = match &element.value {
        Value::Text(text) => return parse(text),
        Value::Object(members) => members,
        _ => return Err("a text such as `[STATUS] == 200`, or an object with `that`, `all`, `any` or `not`".to_owned()),
    };
    let members: Vec<_> = members.iter().filter(|member| !besides.contains(&&*member.key)).collect();
    let key_of = |index: usize| members.get(index).map(|member| &*member.key);
    let parts = |list: &Located| match &list.value {
        Value::List(parts) if !parts.is_empty() => parts.iter().map(|part| tree(part, depth + 1, &[])).collect(),
        _ => Err("an `all` or `any` with a list of at least one assertion".to_owned()),
    };
    match (members.as_slice(), key_of(0)) {
        ([member], Some("all")) => Ok(Expression::All(parts(&member.value)?)),
        ([member], Some("any")) => Ok(Expression::Any(parts(&member.value)?)),
        ([member], Some("not")) => Ok(Expression::Not(Box::new(tree(&member.value, depth + 1, &[])?))),
        ([member], Some("that")) => match member.value.text() {
            Some(text) => parse(text),
            None => Err("a `that` with a text such as `[STATUS] == 200`".to_owned()),
        },
        _ => Err("an object with one of `that`, `all`, `any` and `not`, and `otherwise` if need be".to_owned()),
    }
}

/// Reads the compact text form.
fn parse(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { rest: text.trim_start(), depth: 0 };
    let expression = reader.any().and_then(|expression| {
        if reader.rest.is_empty() { Ok(expression) } else { Err(format!("`{}` is too much", reader.rest)) }
    });
    expression.map_err(|problem| format!("an assertion, and `{text}` is none: {problem}"))
}

/// What is left of a text to be read.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    /// Takes a sign such as `&&`, or a word such as `and` where a word ends.
    fn takes(&mut self, token: &str) -> bool {
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
        while self.takes("||") || self.takes("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.term()?];
        while self.takes("&&") || self.takes("and") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn term(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(format!("it is nested more than {DEPTH_LIMIT} deep"));
        }
        let term = if self.takes("!") || self.takes("not") {
            Expression::Not(Box::new(self.term()?))
        } else if self.takes("(") {
            let inside = self.any()?;
            if !self.takes(")") {
                return Err("a `)` is missing".to_owned());
            }
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        if self.takes("has") {
            let subject = self.in_parentheses()?;
            return Ok(Expression::Is(subject, Test::Exists));
        }
        let subject =
            if self.takes("len") { Subject::Length(Box::new(self.in_parentheses()?)) } else { self.subject()? };
        if self.takes("exists") {
            return Ok(Expression::Is(subject, Test::Exists));
        }
        if self.takes("contains") {
            let operand = self.operand()?;
            return Ok(Expression::Is(subject, Test::Contains(operand)));
        }
        if self.takes("matches") {
            let pattern = match self.operand()? {
                Operand::Text(text) => text,
                other => other.to_string(),
            };
            let compiled = RegexBuilder::new(&pattern).size_limit(PATTERN_LIMIT).build().map_err(|error| {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                format!("`{pattern}` is no regular expression: {reason}")
            })?;
            return Ok(Expression::Is(subject, Test::Matches(compiled)));
        }
        let operator = Operator::WORDS.iter().find(|(word, _)| self.rest.starts_with(word));
        let Some((word, operator)) = operator else {
            return Err(format!(
                "after {subject} there has to be `==`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `matches` or `exists`"
            ));
        };
        self.skip(word.len());
        let operand = self.operand()?;
        compared(subject, *operator, operand)
    }

    fn in_parentheses(&mut self) -> Result<Subject, String> {
        if !self.takes("(") {
            return Err("`len` and `has` are followed by something in `(` and `)`".to_owned());
        }
        let subject = self.subject()?;
        if self.takes(")") { Ok(subject) } else { Err("a `)` is missing".to_owned()) }
    }

    fn subject(&mut self) -> Result<Subject, String> {
        let wanted = || format!("it has to begin with {SUBJECTS}");
        let inside = self.rest.strip_prefix('[').ok_or_else(wanted)?;
        let end = matching_bracket(inside).ok_or("a `]` is missing")?;
        let (name, after) = (inside[..end].trim(), &inside[end + 1..]);
        let (word, argument) =
            name.split_once(char::is_whitespace).map_or((name, ""), |(word, rest)| (word, rest.trim()));
        if word == "BODY" && argument.is_empty() && after.starts_with(['.', '[']) {
            let length = path_length(after);
            let path = format!("${}", &after[..length]);
            self.rest = after[length..].trim_start();
            return json_path(&path);
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
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("`{name}` is no header's name"))?,
            ),
            ("JSON", path) if !path.is_empty() => return json_path(path),
            _ => return Err(format!("`[{name}]` is not known; {}", wanted())),
        })
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if let Some(quote) = self.rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
            let (text, length) =
                quoted(&self.rest[1..], quote).ok_or_else(|| format!("a closing {quote} is missing"))?;
            self.skip(length + 1);
            return Ok(Operand::Text(text));
        }
        let end = self.rest.find(|next: char| next.is_whitespace() || matches!(next, ')' | '&' | '|'));
        let word = &self.rest[..end.unwrap_or(self.rest.len())];
        if word.is_empty() {
            return Err("something to compare with is missing".to_owned());
        }
        self.skip(word.len());
        Ok(match word {
            "true" => Operand::Flag(true),
            "false" => Operand::Flag(false),
            "null" => Operand::Null,
            word => match (word.parse::<f64>(), duration::parse(word)) {
                (Ok(number), _) if number.is_finite() => Operand::Number(number),
                (_, Ok(nanos)) => Operand::Duration(nanos),
                _ => Operand::Text(word.to_owned()),
            },
        })
    }
}

/// Makes sure that the two can be compared at all.
fn compared(subject: Subject, operator: Operator, operand: Operand) -> Result<Expression, String> {
    let test = match (&subject, operand) {
        (Subject::Status, Operand::Text(codes)) => {
            let codes = StatusCodes::try_from(serde_json::Value::String(codes))
                .map_err(|wanted| format!("a status is {wanted}"))?;
            match operator {
                Operator::Equal => Test::IsOneOf(codes),
                Operator::NotEqual => Test::IsNoneOf(codes),
                _ => {
                    return Err(format!(
                        "a set of status codes is compared with `==` or `!=`, not with `{}`",
                        operator.word()
                    ));
                }
            }
        }
        (Subject::Status | Subject::BodySize | Subject::Length(_), operand) => match operand {
            Operand::Number(_) => Test::Compares(operator, operand),
            other => return Err(format!("{subject} is a number, and `{other}` is none")),
        },
        (
            Subject::Rtt | Subject::Dns | Subject::Connect | Subject::Tls | Subject::FirstByte | Subject::Certificate,
            operand,
        ) => match operand {
            Operand::Duration(_) => Test::Compares(operator, operand),
            other => {
                return Err(format!(
                    "{subject} is a duration, and `{other}` is none; write one such as `500ms` or `30d`"
                ));
            }
        },
        // What is a text there is compared as one, whatever it looks like.
        (Subject::Header(_) | Subject::Redirect, operand) => {
            Test::Compares(operator, Operand::Text(operand.to_string()))
        }
        // JSON knows no durations.
        (_, Operand::Duration(nanos)) => Test::Compares(operator, Operand::Text(duration::exact(nanos))),
        (_, operand) => Test::Compares(operator, operand),
    };
    Ok(Expression::Is(subject, test))
}

fn json_path(path: &str) -> Result<Subject, String> {
    // What goes down into everything, or looks around for each value, may multiply the length of the body.
    let effort = if path.contains("..") || path.contains('?') { Effort::Any } else { Effort::Small };
    let made = |compiled| Subject::Path(Box::new(Path { compiled, text: path.to_owned(), effort }));
    JsonPath::parse(path).map(made).map_err(|error| {
        let error = error.to_string();
        let remedy = if ["match", "search"].iter().any(|name| error.contains(&format!("'{name}'"))) {
            "; the functions `match` and `search` are not supported, write `[JSON …] matches \"…\"`"
        } else {
            ""
        };
        format!("`{path}` is no JSON path (RFC 9535): {error}{remedy}")
    })
}

/// Where the `]` stands that closes what was opened before; brackets and quotes inside a path are passed over.
fn matching_bracket(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) => quote = Some(open).filter(|open| *open != character),
            (None, '\'' | '"') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            (None, _) => {}
        }
    }
    None
}

/// How long the path is that follows `[BODY]`: up to a space or an operator that stands in no bracket.
fn path_length(text: &str) -> usize {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) => quote = Some(open).filter(|open| *open != character),
            (None, '\'' | '"') if depth > 0 => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, _) if depth == 0 && (character.is_whitespace() || "=!<>)&|".contains(character)) => return at,
            (None, _) => {}
        }
    }
    text.len()
}

/// A text up to its closing quote, and how long it is with it; a backslash keeps a quote inside.
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

#[cfg(test)]
mod tests {
    use super::super::Evidence;
    use super::*;
    use crate::check::seen::Seen;
    use crate::config::problem::Problems;
    use crate::config::reader;
    use proptest::prelude::*;
    use reqwest::header::{HeaderMap, HeaderValue};
    use shared::result::{Attempt, Phases};

    const DOCUMENTATION: &str = include_str!("../../../../docs/assertions.md");

    /// What the documentation's example saw.
    fn example() -> (Seen, Attempt) {
        let body = DOCUMENTATION.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next());
        let headers = [("content-type", "application/json"), ("cache-control", "no-store")];
        let headers = headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let seen = Seen {
            status: Some(200),
            headers: Some(HeaderMap::from_iter(headers)),
            body: Some(body.expect("the documentation has an example").as_bytes().to_vec()),
            certificate: Some(20 * shared::DAY),
            ..Seen::default()
        };
        let milliseconds = |count: i64| Some(count * 1_000_000);
        let phases =
            Phases { dns: milliseconds(4), connect: milliseconds(20), tls: milliseconds(45), ttfb: milliseconds(230) };
        (seen, Attempt { rtt: 320_000_000, error: None, phases })
    }

    #[test]
    fn each_example_of_the_documentation_says_what_the_documentation_says() {
        let (seen, attempt) = example();
        let (mut written, mut true_ones) = (Vec::new(), Vec::new());
        for line in DOCUMENTATION.lines().filter(|line| line.starts_with("| `")) {
            // A bar inside an assertion is escaped, since bars part the columns.
            let escaped = line.split(" | ").next().unwrap_or_default();
            let text = escaped.trim_start_matches("| ").trim_matches('`').replace("\\|", "|");
            let expression = parse(&text).unwrap_or_else(|problem| panic!("{problem}"));
            let verdict =
                Assertion { text, otherwise: Status::Down, expression }.judge(&Evidence::new(&seen, &attempt));
            let said = verdict.failure.unwrap_or_else(|| "holds".to_owned());
            written.push(line.to_owned());
            true_ones.push(format!("{escaped} | {} |", said.replace('|', "\\|")));
        }
        assert!(written.len() > 25, "{} examples were found", written.len());
        assert_eq!(written.join("\n"), true_ones.join("\n"), "what is right would be:\n{}", true_ones.join("\n"));
    }

    #[test]
    fn what_is_no_assertion_is_refused_with_a_reason() {
        for (text, reason) in [
            ("", "it has to begin with `[STATUS]`"),
            ("[STATUS]", "after status there has to be"),
            ("[STATUS] == ", "something to compare with is missing"),
            ("[STATUS] = 200", "after status there has to be"),
            ("[STATUS] == 6xx", "`[STATUS] == 6xx` is none"),
            ("[STATUS] == ok", "a status code such as"),
            ("[STATUS] < 2xx", "`==` or `!=`"),
            ("[STATUS] == 200 201", "`201` is too much"),
            ("[STATE] == 200", "`[STATE]` is not known"),
            ("[STATUS == 200", "a `]` is missing"),
            ("([STATUS] == 200", "a `)` is missing"),
            ("[RTT] < 500", "write one such as `500ms`"),
            ("[CERTIFICATE] > 30", "`30d`"),
            ("[BODY] matches \"(\"", "`(` is no regular expression: unclosed group"),
            ("[BODY] contains \"x", "a closing \" is missing"),
            ("[JSON queue] == 1", "no JSON path"),
            ("[JSON $[?match(@.a, 'x')]] exists", "`match` and `search` are not supported"),
            ("[JSON $.a[?search(@, 'x')]] exists", "`match` and `search` are not supported"),
            ("[HEADER] == 1", "`[HEADER]` is not known"),
            ("[HEADER a b] == 1", "no header's name"),
            ("len [BODY] == 1", "in `(` and `)`"),
        ] {
            let refused = parse(text).expect_err(text);
            assert!(refused.contains(reason), "{text}: {refused}");
        }
        assert!(parse(&"!".repeat(10_000)).is_err());
        assert!(parse(&"(".repeat(10_000)).is_err());
    }

    fn tree_of(json: &str) -> Result<Vec<Assertion>, String> {
        let located = reader::parse(json, &|_| None, &mut Problems::default(), None).expect("it is JSON");
        from_located(&located).map_err(|(_, problem)| problem)
    }

    #[test]
    fn objects_combine_assertions_and_say_what_they_mean() {
        let (seen, attempt) = example();
        let assertions = tree_of(
            r#"["[STATUS] == 200",
                {"that": "[RTT] < 100ms", "otherwise": "degraded"},
                {"any": ["[STATUS] == 404", {"all": ["[STATUS] == 2xx", {"not": "[BODY] contains error"}]}]},
                {"not": {"any": ["[STATUS] == 200", "[STATUS] == 404"]}}]"#,
        )
        .expect("they are assertions");
        let judged: Vec<_> = assertions
            .iter()
            .map(|assertion| (assertion.otherwise, assertion.judge(&Evidence::new(&seen, &attempt)).failure))
            .collect();
        assert_eq!(judged[0], (Status::Down, None));
        let slow = "round-trip time is 320 ms, expected < 100ms".to_owned();
        assert_eq!(judged[1], (Status::Degraded, Some(slow)));
        assert_eq!(judged[2], (Status::Down, None));
        assert!(judged[3].1.as_deref().is_some_and(|failure| failure.contains("expected not to be so")), "{judged:?}");
        assert!(assertions[2].wanted().body && !assertions[1].wanted().body);
        for wrong in [
            "{}",
            "[1]",
            "[{}]",
            r#"[{"any": []}]"#,
            r#"[{"any": ["[STATUS] == 1"], "all": ["[STATUS] == 1"]}]"#,
            r#"[{"that": 1}]"#,
            r#"[{"that": "[STATUS] == 200", "otherwise": "bad"}]"#,
            r#"[{"thta": "[STATUS] == 200"}]"#,
        ] {
            assert!(tree_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_body_that_is_no_json_and_numbers_beyond_all_measure_are_said_so() {
        let attempt = Attempt::default();
        let judge = |text: &str, body: &[u8]| {
            let seen = Seen { body: Some(body.to_vec()), ..Seen::default() };
            let expression = parse(text).expect(text);
            let assertion = Assertion { text: String::new(), otherwise: Status::Down, expression };
            assertion.judge(&Evidence::new(&seen, &attempt)).failure
        };
        let no_json = judge("[BODY].a == 1", b"<html>");
        assert_eq!(no_json.as_deref(), Some("body is no JSON, expected `$.a` 1"));
        assert_eq!(judge("[BODY].a > 1", b"{\"a\":1e300}"), None);
        assert_eq!(judge("[BODY] == OK", b"OK\r\n"), None);
        assert_eq!(judge("[BODY] contains ä", "hä".as_bytes()), None);
        assert!(judge("[BODY].a == 1", &b"[".repeat(100_000)).is_some());
        assert!(judge("[BODY] contains x", b"\xff\xfe").is_some());
    }

    #[test]
    fn a_body_that_was_cut_off_proves_what_was_found_in_it_and_nothing_else() {
        let cut = "only the first 22 bytes of the body were read (`body_limit`)";
        let seen = Seen {
            status: Some(200),
            body: Some(b"{\"a\":1,\"state\":\"ok!\",\"".to_vec()),
            cut: Some(cut.to_owned()),
            ..Seen::default()
        };
        let attempt = Attempt::default();
        let evidence = Evidence::new(&seen, &attempt);
        let judge = |text: &str| {
            let expression = parse(text).expect(text);
            Assertion { text: String::new(), otherwise: Status::Down, expression }.judge(&evidence).failure
        };
        for holds in [
            "[BODY] contains state",
            "[BODY] matches '\"state\":.*'",
            "[BODY] exists",
            "[BODY_SIZE] > 22",
            "[BODY_SIZE] != 22",
            "len([BODY]) > 21",
            "not [BODY_SIZE] < 10",
            "[BODY] contains error or [STATUS] == 200",
            "not ([BODY] contains error and [STATUS] == 404)",
        ] {
            assert_eq!(judge(holds), None, "{holds}");
        }
        for (fails, why) in [
            ("[BODY_SIZE] < 2000000", "size of the body is more than 22, expected < 2000000; "),
            ("[BODY_SIZE] > 23", "size of the body is more than 22, expected > 23; "),
            ("not [BODY] contains error", ""),
            ("not not [BODY] contains error", ""),
            ("[BODY] contains error", "body does not contain `error`"),
            ("[BODY] matches '\"$'", "body does not match"),
            ("not [BODY] matches '\"$'", ""),
            ("[BODY] != error", "body is `{"),
            ("len([BODY]) < 100", "length of body is more than 21, expected < 100; "),
            ("[BODY].a == 1", ""),
            ("not has([BODY].error)", ""),
            ("not ([BODY] contains error or [STATUS] == 404)", ""),
            ("[BODY] contains error or [STATUS] == 404", "body does not contain `error`"),
        ] {
            let failure = judge(fails).unwrap_or_else(|| panic!("{fails} holds"));
            assert!(failure.starts_with(why) && failure.contains(cut), "{fails}: {failure}");
        }
        let settled = judge("[BODY] contains error and [STATUS] == 404");
        assert_eq!(settled.as_deref(), Some("status is 200, expected 404"));
        assert_eq!(
            judge("[BODY_SIZE] < 10").as_deref(),
            Some("size of the body is more than 22, expected < 10"),
            "that is known without the rest"
        );
        assert_eq!(
            judge("not [BODY] contains error").as_deref(),
            Some(&*format!("{cut}, which does not rule out body to contain `error`"))
        );
    }

    #[test]
    fn only_a_path_that_looks_around_may_take_longer_than_the_body_is_long() {
        for (text, long) in [
            ("[BODY].a.b[0] == 1", false),
            ("[BODY] contains '..?'", false),
            ("[JSON $[*]] contains 1", false),
            ("[STATUS] == 200 and len([JSON $..a]) > 1", true),
            ("not [JSON $[?count($[*]) > 1]] exists", true),
        ] {
            let expression = parse(text).expect(text);
            assert_eq!(
                Assertion { text: String::new(), otherwise: Status::Down, expression }.may_take_long(),
                long,
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_path_leads_to_everywhere_is_neither_copied_nor_written_whole() {
        // Each of the lists contains all that are in it: copies of them all would be ten million values.
        let depth = 120;
        let chains = vec![format!("{}{}", "[".repeat(depth), "]".repeat(depth)); 1_400].join(",");
        let seen = Seen { body: Some(format!("[{chains}]").into_bytes()), ..Seen::default() };
        let attempt = Attempt::default();
        let evidence = Evidence::new(&seen, &attempt);
        let judge = |text: &str| {
            let expression = parse(text).expect(text);
            Assertion { text: String::new(), otherwise: Status::Down, expression }.judge(&evidence).failure
        };
        assert_eq!(judge("len([JSON $..*]) == 168000"), None);
        let failure = judge("[JSON $..*] contains 1").expect("there is none");
        assert!(failure.len() < 400 && failure.starts_with("`$..*` does not contain `1` (it is `[[["), "{failure}");
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "(\\[(STATUS|BODY|JSON|HEADER a)?\\]?|[ -~ä]{0,4}|==|\\(|len){0,12}") {
            let _ = parse(&text);
        }
    }
}
