//! Parses the configuration file: JSON with comments, trailing commas, and variables in strings.
//!
//! The library provides only the tokens. The tree is built here, because a second tree from the library would take most
//! of the memory for a large file.

use std::borrow::Cow;
use std::collections::HashMap;

use jsonc_parser::errors::ParseError;
use jsonc_parser::tokens::Token;
use jsonc_parser::{Scanner, ScannerOptions};

use super::dialect::Dialect;
use super::document::{JsonValue, Located, Member};
use super::problem::{Problem, Problems, line_and_column, lower_case_first};
use super::variables::expand;

/// The maximum nesting depth of arrays and objects. A valid file needs eight levels, and a hostile one must not exhaust
/// the stack.
const DEPTH_LIMIT: usize = 128;

/// The maximum nesting depth of the values in the root object.
const DEPTH_IN_ROOT: usize = DEPTH_LIMIT - 1;

/// An array whose elements are passed on one at a time. It is empty in the tree, because its elements would take most
/// of the memory for a large file.
pub struct StreamedList<'t, 'p> {
    /// The array's key in the root object.
    pub key: &'p str,
    pub take: &'p mut dyn FnMut(Located<'t>, &mut Problems),
}

/// The key of the objects whose keys are HTTP header names. These keys are kept unchanged in every dialect.
const HEADERS: &str = "headers";

/// Parses the text of a configuration file. `streamed` is an array whose elements are passed on one at a time. Problems
/// with variables and duplicate keys are added to `problems`. Only invalid JSON is returned as an error, because
/// nothing else can be validated then.
pub fn parse<'t, 'p>(
    text: &'t str,
    dialect: Dialect<'p>,
    problems: &'p mut Problems,
    streamed: Option<StreamedList<'t, 'p>>,
) -> Result<Located<'t>, Problem> {
    let options = ScannerOptions {
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let mut parser =
        Parser { text, scanner: Scanner::new(text, &options), dialect, problems, streamed, is_in_headers: false };
    let Some(first) = parser.next()? else {
        let text = "the file is empty: run `checker init` to write a starter configuration".to_owned();
        return Err(Problem::error(0, text));
    };
    let root = parser.value(first, DEPTH_LIMIT)?;
    match parser.next()? {
        None => Ok(root),
        Some(token) => Err(parser.unexpected("the end of the file", &token)),
    }
}

struct Parser<'t, 'p> {
    text: &'t str,
    scanner: Scanner<'t>,
    dialect: Dialect<'p>,
    problems: &'p mut Problems,
    streamed: Option<StreamedList<'t, 'p>>,
    /// Whether the current value belongs to the key [`HEADERS`].
    is_in_headers: bool,
}

impl<'t> Parser<'t, '_> {
    /// Returns the next token that is not a comment.
    fn next(&mut self) -> Result<Option<Token<'t>>, Problem> {
        loop {
            match self.scanner.scan().map_err(|error| invalid_json(&error))? {
                Some(Token::CommentLine(_) | Token::CommentBlock(_)) => {}
                token => return Ok(token),
            }
        }
    }

    /// Returns the next token in an array or object that starts at `start` and must end with `end`.
    fn next_inside(&mut self, start: usize, end: char) -> Result<Token<'t>, Problem> {
        if let Some(token) = self.next()? {
            return Ok(token);
        }
        let kind = if end == '}' { "object" } else { "array" };
        let (line, _) = line_and_column(self.text, start);
        Err(self.error(&format!("expected `{end}` at the end of the {kind} that starts on line {line}")))
    }

    fn error(&self, reason: &str) -> Problem {
        Problem::error(self.scanner.token_start(), format!("invalid JSON: {reason}"))
    }

    /// Returns the error for an unexpected token. It does not contain strings or numbers, which may be secrets.
    fn unexpected(&self, expected: &str, found: &Token<'_>) -> Problem {
        let found = match found {
            Token::String(_) => "a string".to_owned(),
            Token::Number(_) => "a number".to_owned(),
            token => format!("`{}`", token.as_str()),
        };
        self.error(&format!("expected {expected}, found {found}"))
    }

    fn value(&mut self, first: Token<'t>, depth: usize) -> Result<Located<'t>, Problem> {
        let at = self.scanner.token_start();
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.error(&format!("arrays and objects are nested more than {DEPTH_LIMIT} levels deep")));
        };
        let value = match first {
            Token::Null => JsonValue::Null,
            Token::Boolean(flag) => JsonValue::Bool(flag),
            Token::Number(number) => JsonValue::Number(number),
            Token::String(text) => JsonValue::String(self.expanded(text, at)),
            Token::OpenBracket => JsonValue::Array(self.array(at, depth)?),
            Token::OpenBrace => JsonValue::Object(self.members(at, depth)?),
            other => return Err(self.unexpected("a value", &other)),
        };
        Ok(Located { at, value })
    }

    fn expanded(&mut self, text: Cow<'t, str>, at: usize) -> Cow<'t, str> {
        let Dialect::Checker(variable) = self.dialect else { return text };
        if !text.contains('$') {
            return text;
        }
        match expand(&text, variable) {
            Ok(expanded) => Cow::Owned(expanded),
            Err(missing) => {
                self.problems.add_unset(at, missing);
                text
            }
        }
    }

    fn array(&mut self, start: usize, depth: usize) -> Result<Vec<Located<'t>>, Problem> {
        let mut elements = Vec::new();
        self.elements(start, depth, |_, element| elements.push(element))?;
        Ok(elements)
    }

    fn elements(
        &mut self,
        start: usize,
        depth: usize,
        mut take: impl FnMut(&mut Self, Located<'t>),
    ) -> Result<(), Problem> {
        let mut token = self.next_inside(start, ']')?;
        while token != Token::CloseBracket {
            let element = self.value(token, depth)?;
            take(self, element);
            token = self.next_inside(start, ']')?;
            match token {
                Token::Comma => token = self.next_inside(start, ']')?,
                Token::CloseBracket => {}
                other => return Err(self.unexpected("`,` or `]`", &other)),
            }
        }
        Ok(())
    }

    fn members(&mut self, start: usize, depth: usize) -> Result<Vec<Member<'t>>, Problem> {
        let mut members = Members::default();
        let mut token = self.next_inside(start, '}')?;
        while token != Token::CloseBrace {
            let Token::String(key) = token else {
                return Err(self.unexpected("a key in double quotes", &token));
            };
            let key = self.key(key);
            let at = self.scanner.token_start();
            match self.next_inside(start, '}')? {
                Token::Colon => {}
                other => return Err(self.unexpected("`:`", &other)),
            }
            let first = self.next_inside(start, '}')?;
            let is_streamed =
                depth == DEPTH_IN_ROOT && self.streamed.as_ref().is_some_and(|streamed| key == streamed.key);
            let value = if is_streamed && first == Token::OpenBracket {
                let at = self.scanner.token_start();
                self.elements(at, depth - 1, |parser, element| {
                    if let Some(streamed) = &mut parser.streamed {
                        (streamed.take)(element, parser.problems);
                    }
                })?;
                Located { at, value: JsonValue::Array(Vec::new()) }
            } else {
                let is_in_headers = std::mem::replace(&mut self.is_in_headers, key == HEADERS);
                let value = self.value(first, depth)?;
                self.is_in_headers = is_in_headers;
                value
            };
            self.add_member(&mut members, Member { at, key, value }, is_streamed);
            token = self.next_inside(start, '}')?;
            match token {
                Token::Comma => token = self.next_inside(start, '}')?,
                Token::CloseBrace => {}
                other => return Err(self.unexpected("`,` or `}`", &other)),
            }
        }
        Ok(members.list)
    }

    /// Returns a key as the table spells it, because the original Checkup's dialect ignores case.
    fn key(&self, key: Cow<'t, str>) -> Cow<'t, str> {
        let is_exact = !self.dialect.is_original() || self.is_in_headers;
        if is_exact || !key.bytes().any(|byte| byte.is_ascii_uppercase()) {
            key
        } else {
            Cow::Owned(key.to_ascii_lowercase())
        }
    }

    fn add_member(&mut self, members: &mut Members<'t>, member: Member<'t>, is_streamed: bool) {
        let Member { at, key, value } = &member;
        if self.dialect.is_original() && value.value == JsonValue::Null {
            return;
        }
        match members.index(key) {
            None => members.push(member),
            Some(known) if self.dialect.is_original() && !is_streamed => {
                let text = format!("duplicate key `{key}`: the last one is used, as in the original Checkup");
                self.problems.add(Problem::warning(*at, text));
                members.list[known] = member;
            }
            Some(_) => {
                self.problems.add(Problem::error(*at, format!("duplicate key `{key}`: remove one of them")));
            }
        }
    }
}

/// The maximum number of members that are searched without an index.
const SMALL_OBJECT: usize = 32;

/// The members of an object that is being parsed. Large objects have an index, so finding duplicates takes linear
/// time.
#[derive(Default)]
struct Members<'t> {
    list: Vec<Member<'t>>,
    index: HashMap<Cow<'t, str>, usize>,
}

impl<'t> Members<'t> {
    fn index(&self, key: &str) -> Option<usize> {
        if self.list.len() <= SMALL_OBJECT {
            self.list.iter().position(|member| member.key == key)
        } else {
            self.index.get(key).copied()
        }
    }

    fn push(&mut self, member: Member<'t>) {
        self.list.push(member);
        let indexed = self.index.len();
        if self.list.len() > SMALL_OBJECT {
            let keys = self.list.iter().enumerate().skip(indexed).map(|(index, member)| (member.key.clone(), index));
            self.index.extend(keys.collect::<Vec<_>>());
        }
    }
}

fn invalid_json(error: &ParseError) -> Problem {
    Problem::error(error.range().start, format!("invalid JSON: {}", lower_case_first(&error.kind().to_string())))
}

#[cfg(test)]
mod tests {
    use crate::config::parser::*;
    use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
    use proptest::prelude::*;

    fn no_variable(_: &str) -> Option<String> {
        None
    }

    fn parsed(text: &str) -> Result<(Located<'_>, Problems), Problem> {
        let mut problems = Problems::default();
        parse(text, Dialect::Checker(&no_variable), &mut problems, None).map(|root| (root, problems))
    }

    #[test]
    fn comments_and_trailing_commas_are_accepted_and_positions_kept() {
        let text = "// why\n{ /* a */ \"list\": [1, 2,], }";
        let (root, problems) = parsed(text).expect("it is JSON with comments");
        assert_eq!(root.member("list").map(|list| list.at), text.find('['));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_duplicate_key_is_an_error() {
        let (_, problems) = parsed("{\"a\": 1, \"a\": 2}").expect("it is JSON");
        assert_eq!(problems.errors(), 1);
    }

    #[test]
    fn duplicates_are_found_in_large_objects() {
        let members = |count| (0..count).map(|number| format!("\"{number}\": 1")).collect::<Vec<_>>().join(",");
        for count in [SMALL_OBJECT - 1, SMALL_OBJECT, SMALL_OBJECT + 1, 5_000] {
            let text = format!("{{{},{}}}", members(count), members(count));
            let (root, problems) = parsed(&text).expect("it is JSON");
            assert_eq!(problems.errors(), count);
            assert!(matches!(root.value, JsonValue::Object(members) if members.len() == count));
        }
    }

    #[test]
    fn the_originals_dialect_is_that_of_gos_decoder() {
        let text = "{\"A\": 1, \"a\": \"$$ ${B}\", \"b\": null, \"Headers\": {\"X-From\": \"a\", \"x-from\": \"b\"}, \"LIST\": [{\"C\": 1}]}";
        let mut problems = Problems::default();
        let mut taken = Vec::new();
        let mut take = |element: Located<'_>, _: &mut Problems| taken.push(element.to_json());
        let streamed = StreamedList { key: "list", take: &mut take };
        let root = parse(text, Dialect::Original, &mut problems, Some(streamed)).expect("it is JSON");
        let expected = serde_json::json!({"a": "$$ ${B}", "headers": {"X-From": "a", "x-from": "b"}, "list": []});
        assert_eq!((root.to_json(), taken), (expected, vec![serde_json::json!({"c": 1})]));
        let lines = problems.lines("checkup.json", text);
        assert_eq!(
            lines,
            ["checkup.json:1:10: warning: duplicate key `a`: the last one is used, as in the original Checkup"]
        );
    }

    #[test]
    fn syntax_errors_have_a_position_and_an_expectation() {
        for (text, at, reason) in [
            ("[1 2]", 3, "expected `,` or `]`, found a number"),
            ("{\"a\": 1 \"b\": 2}", 8, "expected `,` or `}`, found a string"),
            ("{\"a\" 1}", 5, "expected `:`, found a number"),
            ("{a: 1}", 1, "expected a key in double quotes, found `a`"),
            ("{\"a\": }", 6, "expected a value, found `}`"),
            ("[1, ,]", 4, "expected a value, found `,`"),
            ("[1", 2, "expected `]` at the end of the array that starts on line 1"),
            ("{\"a\": [1]", 9, "expected `}` at the end of the object that starts on line 1"),
            ("{\n\"a\": [1\n", 10, "expected `]` at the end of the array that starts on line 2"),
            ("{} {}", 3, "expected the end of the file, found `{`"),
            ("{\"a\": yes}", 6, "unexpected token"),
        ] {
            let problem = parsed(text).expect_err(text);
            assert_eq!((problem.at, problem.text), (at, format!("invalid JSON: {reason}")), "{text}");
        }
    }

    #[test]
    fn only_the_streamed_array_is_passed_on() {
        let mut taken = Vec::new();
        let mut take = |element: Located<'_>, _: &mut Problems| taken.push((element.at, element.to_json().to_string()));
        let text = "{\"of\": [0], \"streamed\": [1, [2]], \"in\": {\"streamed\": [3]}}";
        let streamed = StreamedList { key: "streamed", take: &mut take };
        let root =
            parse(text, Dialect::Checker(&no_variable), &mut Problems::default(), Some(streamed)).expect("it is JSON");
        assert_eq!(root.to_json(), serde_json::json!({"streamed":[],"in":{"streamed":[3]},"of":[0]}));
        assert_eq!(taken, [(25, "1".to_owned()), (28, "[2]".to_owned())]);
    }

    #[test]
    fn deep_nesting_is_rejected() {
        let problem = parsed(&"[".repeat(100_000)).expect_err("it never ends").text;
        assert!(problem.contains("nested more than 128 levels"), "{problem}");
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[^$]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[^$]{0,4}", inner, 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn valid_json_is_parsed(value in any_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("it is JSON")] {
                let (root, _) = parsed(&text).expect("it is JSON");
                prop_assert_eq!(root.to_json(), value.clone());
            }
        }

        /// The parser accepts exactly what the library's own parser accepts.
        #[test]
        fn invalid_json_is_rejected(text in "[\\[\\]{}:,\" a1/*\n-]{0,16}") {
            let options = ParseOptions {
                allow_comments: true,
                allow_trailing_commas: true,
                allow_loose_object_property_names: false,
                allow_missing_commas: false,
                allow_single_quoted_strings: false,
                allow_hexadecimal_numbers: false,
                allow_unary_plus_numbers: false,
                allow_bare_decimal_point_numbers: false,
                allow_non_finite_numbers: false,
                allow_extended_string_escapes: false,
            };
            let theirs = parse_to_ast(&text, &CollectOptions::default(), &options);
            let is_json = theirs.is_ok_and(|parsed| parsed.value.is_some());
            prop_assert_eq!(parsed(&text).is_ok(), is_json, "{}", text);
        }

        #[test]
        fn parsing_never_panics(text in ".{0,80}") {
            let _ = parsed(&text);
        }
    }
}
