//! The configuration file's text becomes a tree: JSON with comments and trailing commas, with variables replaced in every
//! text. The library reads the words of the language; putting them together is done here, since a tree of its own beside ours
//! would be the most that a large file needs.

use std::borrow::Cow;

use jsonc_parser::errors::ParseError;
use jsonc_parser::tokens::Token;
use jsonc_parser::{Scanner, ScannerOptions};

use super::document::{JsonValue, Located, Member};
use super::problem::{Problem, Problems};
use super::variables::expand;

/// How deep lists and objects may be nested: a file needs eight, and a hostile one must not exhaust the stack.
const DEPTH_LIMIT: usize = 128;

/// How deep what stands in the root may still be nested.
const IN_THE_ROOT: usize = DEPTH_LIMIT - 1;

/// A list whose elements never stand in the tree, where it is empty: there may be very many, and most of what a large file
/// needs would be for them.
pub struct StreamedList<'t, 'p> {
    /// The list's key in the root.
    pub key: &'p str,
    /// Takes one element after the other.
    pub take: &'p mut dyn FnMut(Located<'t>, &mut Problems),
}

/// Reads a file's text; `variable` looks up an environment variable, and `streamed` is a list that is handed over element by
/// element. Problems with variables are added to `problems`; text that is no JSON is the only error, since nothing else can
/// be said about it.
pub fn parse<'t, 'p>(
    text: &'t str,
    variable: &'p dyn Fn(&str) -> Option<String>,
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
    let mut reader = Parser { scanner: Scanner::new(text, &options), variable, problems, streamed };
    let Some(first) = reader.next()? else {
        let text = "the file is empty; `checker init` writes a configuration to start with".to_owned();
        return Err(Problem::error(0, text));
    };
    let root = reader.value(first, DEPTH_LIMIT)?;
    match reader.next()? {
        None => Ok(root),
        Some(_) => Err(reader.refuse("something stands after its end; remove it, or put all of it into one object")),
    }
}

struct Parser<'t, 'p> {
    scanner: Scanner<'t>,
    variable: &'p dyn Fn(&str) -> Option<String>,
    problems: &'p mut Problems,
    streamed: Option<StreamedList<'t, 'p>>,
}

impl<'t> Parser<'t, '_> {
    /// The next word of the language that is no comment.
    fn next(&mut self) -> Result<Option<Token<'t>>, Problem> {
        loop {
            match self.scanner.scan().map_err(|error| invalid_json(&error))? {
                Some(Token::CommentLine(_) | Token::CommentBlock(_)) => {}
                token => return Ok(token),
            }
        }
    }

    /// The next word, where the text cannot end yet.
    fn expect(&mut self, unended: &str) -> Result<Token<'t>, Problem> {
        match self.next()? {
            Some(token) => Ok(token),
            None => Err(self.refuse(unended)),
        }
    }

    fn refuse(&self, why: &str) -> Problem {
        Problem::error(self.scanner.token_start(), format!("it is not JSON: {why}"))
    }

    fn value(&mut self, first: Token<'t>, depth: usize) -> Result<Located<'t>, Problem> {
        let at = self.scanner.token_start();
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.refuse("it is nested too deep"));
        };
        let value = match first {
            Token::Null => JsonValue::Null,
            Token::Boolean(flag) => JsonValue::Bool(flag),
            Token::Number(number) => JsonValue::Number(number),
            Token::String(text) => JsonValue::String(self.replaced(text, at)),
            Token::OpenBracket => JsonValue::Array(self.list(depth)?),
            Token::OpenBrace => JsonValue::Object(self.members(depth)?),
            other => return Err(self.refuse(&format!("a value is missing before this `{}`", other.as_str()))),
        };
        Ok(Located { at, value })
    }

    fn replaced(&mut self, text: Cow<'t, str>, at: usize) -> Cow<'t, str> {
        if !text.contains('$') {
            return text;
        }
        match expand(&text, self.variable) {
            Ok(expanded) => Cow::Owned(expanded),
            Err(missing) => {
                self.problems.add(Problem::error(at, missing));
                text
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Located<'t>>, Problem> {
        let mut elements = Vec::new();
        self.elements(depth, |_, element| elements.push(element))?;
        Ok(elements)
    }

    fn elements(&mut self, depth: usize, mut take: impl FnMut(&mut Self, Located<'t>)) -> Result<(), Problem> {
        const UNENDED: &str = "a list has no `]`";
        let mut token = self.expect(UNENDED)?;
        while token != Token::CloseBracket {
            let element = self.value(token, depth)?;
            take(self, element);
            token = self.expect(UNENDED)?;
            match token {
                Token::Comma => token = self.expect(UNENDED)?,
                Token::CloseBracket => {}
                _ => return Err(self.refuse("a comma or a `]` is missing before this")),
            }
        }
        Ok(())
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Member<'t>>, Problem> {
        const UNENDED: &str = "an object has no `}`";
        let mut members: Vec<Member<'_>> = Vec::new();
        let mut token = self.expect(UNENDED)?;
        while token != Token::CloseBrace {
            let Token::String(key) = token else {
                return Err(self.refuse("a key in double quotes is missing before this"));
            };
            let at = self.scanner.token_start();
            if self.expect(UNENDED)? != Token::Colon {
                return Err(self.refuse("a `:` is missing before this"));
            }
            if members.iter().any(|member| member.key == key) {
                self.problems.add(Problem::error(at, format!("`{key}` stands here twice; keep one of them")));
            }
            let first = self.expect(UNENDED)?;
            let is_streamed =
                depth == IN_THE_ROOT && self.streamed.as_ref().is_some_and(|streamed| key == streamed.key);
            let value = if is_streamed && first == Token::OpenBracket {
                let at = self.scanner.token_start();
                self.elements(depth - 1, |reader, element| {
                    if let Some(streamed) = &mut reader.streamed {
                        (streamed.take)(element, reader.problems);
                    }
                })?;
                Located { at, value: JsonValue::Array(Vec::new()) }
            } else {
                self.value(first, depth)?
            };
            members.push(Member { at, key, value });
            token = self.expect(UNENDED)?;
            match token {
                Token::Comma => token = self.expect(UNENDED)?,
                Token::CloseBrace => {}
                _ => return Err(self.refuse("a comma or a `}` is missing before this")),
            }
        }
        Ok(members)
    }
}

fn invalid_json(error: &ParseError) -> Problem {
    Problem::error(error.range().start, format!("it is not JSON: {}", lower_case_first(&error.kind().to_string())))
}

fn lower_case_first(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::config::parser::*;
    use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
    use proptest::prelude::*;

    fn no_variable(_: &str) -> Option<String> {
        None
    }

    fn told(text: &str) -> Result<(Located<'_>, Problems), Problem> {
        let mut problems = Problems::default();
        parse(text, &no_variable, &mut problems, None).map(|root| (root, problems))
    }

    #[test]
    fn comments_and_trailing_commas_are_read_and_places_kept() {
        let text = "// why\n{ /* a */ \"list\": [1, 2,], }";
        let (root, problems) = told(text).expect("it is JSON with comments");
        assert_eq!(root.member("list").map(|list| list.at), text.find('['));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_key_that_stands_twice_is_a_problem() {
        let (_, problems) = told("{\"a\": 1, \"a\": 2}").expect("it is JSON");
        assert_eq!(problems.errors(), 1);
    }

    #[test]
    fn what_is_wrong_is_named_where_it_stands() {
        for (text, at, why) in [
            ("[1 2]", 3, "a comma or a `]` is missing before this"),
            ("{\"a\": 1 \"b\": 2}", 8, "a comma or a `}` is missing before this"),
            ("{\"a\" 1}", 5, "a `:` is missing before this"),
            ("{a: 1}", 1, "a key in double quotes is missing before this"),
            ("{\"a\": }", 6, "a value is missing before this `}`"),
            ("[1, ,]", 4, "a value is missing before this `,`"),
            ("[1", 2, "a list has no `]`"),
            ("{\"a\": [1]", 9, "an object has no `}`"),
            ("{} {}", 3, "something stands after its end; remove it, or put all of it into one object"),
            ("{\"a\": yes}", 6, "unexpected token"),
        ] {
            let problem = told(text).expect_err(text);
            assert_eq!((problem.at, problem.text), (at, format!("it is not JSON: {why}")), "{text}");
        }
    }

    #[test]
    fn the_list_that_is_apart_is_handed_over_and_no_other() {
        let mut taken = Vec::new();
        let mut take = |element: Located<'_>, _: &mut Problems| taken.push((element.at, element.to_json().to_string()));
        let text = "{\"of\": [0], \"streamed\": [1, [2]], \"in\": {\"streamed\": [3]}}";
        let streamed = StreamedList { key: "streamed", take: &mut take };
        let root = parse(text, &no_variable, &mut Problems::default(), Some(streamed)).expect("it is JSON");
        assert_eq!(root.to_json(), serde_json::json!({"streamed":[],"in":{"streamed":[3]},"of":[0]}));
        assert_eq!(taken, [(25, "1".to_owned()), (28, "[2]".to_owned())]);
    }

    #[test]
    fn a_text_that_is_nested_without_end_is_refused() {
        let problem = told(&"[".repeat(100_000)).expect_err("it never ends").text;
        assert!(problem.contains("nested too deep"), "{problem}");
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
        fn any_json_is_read_as_what_it_is(value in any_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("it is JSON")] {
                let (root, _) = told(&text).expect("it is JSON");
                prop_assert_eq!(root.to_json(), value.clone());
            }
        }

        /// Whatever the library's own tree refuses is refused, and nothing else.
        #[test]
        fn what_is_no_json_is_refused(text in "[\\[\\]{}:,\" a1/*\n-]{0,16}") {
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
            prop_assert_eq!(told(&text).is_ok(), is_json, "{}", text);
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,80}") {
            let _ = told(&text);
        }
    }
}
