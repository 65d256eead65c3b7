//! As much reading of JSON as a history needs: a tree of whole numbers, texts, lists and objects. What else JSON has is
//! passed over. It is short, since the page carries it to every reader.

/// Lists and objects may be this deep in each other; ours are six deep.
const DEPTH_LIMIT: usize = 24;

/// A value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Json {
    /// It is not there, or is something that a history does not have: `null`, a truth value, a fraction.
    Nothing,
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object, in the order of writing.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text that is one value and nothing else; otherwise tells at which byte it is not.
    pub(super) fn parse(text: &[u8]) -> Result<Json, usize> {
        let mut reading = Reading { text, at: 0 };
        let value = reading.value(DEPTH_LIMIT).filter(|_| {
            reading.skip_white();
            reading.at == text.len()
        });
        value.ok_or(reading.at)
    }

    /// What an object has under a name.
    pub(super) fn get(&self, name: &str) -> &Json {
        let Json::Object(members) = self else { return &Json::Nothing };
        members.iter().find(|(known, _)| known == name).map_or(&Json::Nothing, |(_, value)| value)
    }

    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<i64> {
        if let Json::Number(number) = self { Some(*number) } else { None }
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The list, if it is one; where nothing is, it is empty.
    pub(super) fn list(&self) -> Option<&[Json]> {
        match self {
            Json::List(list) => Some(list),
            Json::Nothing => Some(&[]),
            _ => None,
        }
    }

    /// The numbers of a list; where nothing is, there are none.
    pub(super) fn numbers(&self) -> Option<Vec<i64>> {
        self.list()?.iter().map(Json::number).collect()
    }
}

struct Reading<'a> {
    text: &'a [u8],
    at: usize,
}

impl Reading<'_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn skip_white(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Goes on behind a character if it is the next one.
    fn takes(&mut self, character: u8) -> bool {
        self.skip_white();
        let is_next = self.peek() == character;
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        let depth = depth.checked_sub(1)?;
        self.skip_white();
        match self.peek() {
            b'"' => self.quoted().map(Json::Text),
            b'[' => {
                self.at += 1;
                let mut list = Vec::new();
                while !self.takes(b']') {
                    if !list.is_empty() && !self.takes(b',') {
                        return None;
                    }
                    list.push(self.value(depth)?);
                }
                Some(Json::List(list))
            }
            b'{' => {
                self.at += 1;
                let mut members = Vec::new();
                while !self.takes(b'}') {
                    if !members.is_empty() && !self.takes(b',') {
                        return None;
                    }
                    self.skip_white();
                    let name = self.quoted()?;
                    if !self.takes(b':') {
                        return None;
                    }
                    members.push((name, self.value(depth)?));
                }
                Some(Json::Object(members))
            }
            _ => self.word(),
        }
    }

    /// A number, or one of the three words.
    fn word(&mut self) -> Option<Json> {
        let start = self.at;
        while matches!(self.peek(), b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.') {
            self.at += 1;
        }
        let word = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        match word.as_bytes().first()? {
            b'0'..=b'9' | b'-' => Some(word.parse().map_or(Json::Nothing, Json::Number)),
            _ if matches!(word, "null" | "true" | "false") => Some(Json::Nothing),
            _ => None,
        }
    }

    fn quoted(&mut self) -> Option<String> {
        if self.peek() != b'"' {
            return None;
        }
        self.at += 1;
        let mut text: Vec<u8> = Vec::new();
        loop {
            let byte = self.peek();
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(text).ok(),
                b'\\' => {
                    let character = self.escaped()?;
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..0x20 => return None,
                _ => text.push(byte),
            }
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let byte = self.peek();
        self.at += 1;
        Some(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.four_digits()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                // The first half of a pair.
                if !self.text[self.at..].starts_with(b"\\u") {
                    return None;
                }
                self.at += 2;
                let second = self.four_digits()?.checked_sub(0xdc00).filter(|second| *second < 0x400)?;
                return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second);
            }
            _ => return None,
        })
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// The same value as another reader gives it.
    fn of(value: &Value) -> Json {
        match value {
            Value::Number(number) => number.as_i64().map_or(Json::Nothing, Json::Number),
            Value::String(text) => Json::Text(text.clone()),
            Value::Array(list) => Json::List(list.iter().map(of).collect()),
            Value::Object(members) => {
                Json::Object(members.iter().map(|(name, value)| (name.clone(), of(value))).collect())
            }
            Value::Null | Value::Bool(_) => Json::Nothing,
        }
    }

    #[test]
    fn what_is_not_there_is_nothing_and_has_nothing() {
        let value = Json::parse(br#" {"a":[1,-2],"b":"x","c":1.5} "#).expect("it is JSON");
        assert_eq!(value.get("a").numbers(), Some(vec![1, -2]));
        assert_eq!((value.get("b").text(), value.get("b").list()), (Some("x"), None));
        assert_eq!((value.get("c"), value.get("d").get("e")), (&Json::Nothing, &Json::Nothing));
    }

    #[test]
    fn what_is_no_json_tells_where() {
        for (text, at) in [("", 0), ("[1,", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("[1]x", 3), ("nul", 3), ("\"\\q\"", 3)]
        {
            assert_eq!(Json::parse(text.as_bytes()), Err(at), "{text}");
        }
        assert!(Json::parse("[".repeat(100_000).as_bytes()).is_err(), "it is too deep");
        assert!(Json::parse(b"\"\xff\"").is_err() && Json::parse(b"\"\\ud800x\"").is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(|number| json!(number)),
            any::<String>().prop_map(|text| json!(text)),
            Just(json!(null)),
            Just(json!(true)),
            Just(json!(0.5)),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_what_another_writes(value in any_value()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("it is a value")] {
                prop_assert_eq!(Json::parse(text.as_bytes()), Ok(of(&value)));
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in prop::collection::vec(prop::sample::select(br#"{}[]",:\u0d8x1-.e t"#.to_vec()), 0..40)) {
            let good = serde_json::from_slice::<Value>(&text).is_ok();
            // It may take a little more than JSON is (`01`), but never less.
            prop_assert!(!good || Json::parse(&text).is_ok());
        }
    }
}
