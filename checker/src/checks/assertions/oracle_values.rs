//! A second implementation of comparisons and searches of JSON values, for the oracle.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::oracle_tests::{Decimal, TEXTS, compares, number};

/// A JSON value with the text of its numbers.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(Decimal),
    Text(String),
    Flag(bool),
    Null,
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The operand of a condition.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::checks) enum Operand {
    Number(Decimal),
    Text(&'static str),
    Flag(bool),
    Null,
    /// An empty list or object, as `[]` or `{}`.
    Empty(&'static str),
}

/// What a condition requires of one value, or of several.
#[derive(Debug, Clone)]
pub(in crate::checks) enum Requirement {
    Equals(Operand),
    Differs(Operand),
    Contains(Operand),
    /// A pattern without special characters.
    Matches(&'static str),
    Length(&'static str, usize),
}

impl Node {
    fn parse(raw: &RawValue) -> Node {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'{') => {
                let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).expect("an object");
                Node::Object(members.into_iter().map(|(key, member)| (key, Node::parse(&member))).collect())
            }
            Some(b'[') => {
                let elements: Vec<Box<RawValue>> = serde_json::from_str(text).expect("a list");
                Node::List(elements.iter().map(|element| Node::parse(element)).collect())
            }
            Some(b'"') => Node::Text(serde_json::from_str(text).expect("a string")),
            Some(b't' | b'f') => Node::Flag(text == "true"),
            Some(b'n') => Node::Null,
            _ => Node::Number(Decimal::parse(text).expect("a number")),
        }
    }

    fn write(&self) -> String {
        let joined = |parts: Vec<String>| parts.join(",");
        match self {
            Node::Number(number) => number.to_string(),
            Node::Text(text) => serde_json::to_string(text).expect("a string"),
            Node::Flag(flag) => flag.to_string(),
            Node::Null => "null".to_owned(),
            Node::List(elements) => format!("[{}]", joined(elements.iter().map(Node::write).collect())),
            Node::Object(members) => {
                let key = |key: &String| Node::Text(key.clone()).write();
                let members = members.iter().map(|(name, member)| format!("{}:{}", key(name), member.write()));
                format!("{{{}}}", joined(members.collect()))
            }
        }
    }

    /// Returns the values that `[*]` selects.
    fn children(&self) -> Vec<Node> {
        match self {
            Node::List(elements) => elements.clone(),
            Node::Object(members) => members.iter().map(|(_, member)| member.clone()).collect(),
            _ => Vec::new(),
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self, Node::List(_) | Node::Object(_))
    }

    /// Returns the text of a scalar without quotes.
    fn reading(&self) -> String {
        if let Node::Text(text) = self { text.clone() } else { self.write() }
    }

    /// Returns all scalars and keys inside.
    fn parts(&self) -> (Vec<Node>, Vec<String>) {
        if self.is_scalar() {
            return (vec![self.clone()], Vec::new());
        }
        let (mut scalars, mut keys) = (Vec::new(), Vec::new());
        if let Node::Object(members) = self {
            keys.extend(members.iter().map(|(key, _)| key.clone()));
        }
        for (inner_scalars, inner_keys) in self.children().iter().map(Node::parts) {
            scalars.extend(inner_scalars);
            keys.extend(inner_keys);
        }
        (scalars, keys)
    }

    /// Returns whether the value equals the operand, or `None` if this depends on how types are compared.
    pub(super) fn equals(&self, operand: &Operand) -> Option<bool> {
        self.is_written_as(operand).filter(|is_equal| *is_equal || !self.could_mean(operand))
    }

    /// Returns whether the value equals the operand, regardless of other types with the same meaning.
    fn is_written_as(&self, operand: &Operand) -> Option<bool> {
        match (self, operand) {
            (Node::Number(number), Operand::Number(expected)) => return Some(number == expected),
            (Node::Text(text), Operand::Text(expected)) => {
                let is_equal = text == expected || shown(text) == shown(expected);
                let is_similar = unquoted(&shown(text)) == unquoted(&shown(expected));
                return if is_equal { Some(true) } else { Some(false).filter(|_| !is_similar) };
            }
            (Node::Text(text), Operand::Number(_)) if *text == operand.text() => return Some(true),
            (Node::Flag(flag), Operand::Flag(expected)) => return Some(flag == expected),
            (Node::Null, Operand::Null) => return Some(true),
            (Node::List(_) | Node::Object(_), _) => return self.container_equals(operand),
            _ => {}
        }
        let (reading, word) = (shown(&self.reading()).trim().to_owned(), operand.text());
        let is_same =
            reading == word || Decimal::parse(&reading).is_some_and(|number| Decimal::parse(&word) == Some(number));
        if is_same { None } else { Some(false) }
    }

    fn container_equals(&self, operand: &Operand) -> Option<bool> {
        let (written, word) = (self.write(), operand.text());
        if matches!(operand, Operand::Empty(_)) && written.len() == word.len() {
            return Some(true).filter(|_| written == word);
        }
        if matches!(operand, Operand::Text("[]" | "{}")) && written == word {
            return None;
        }
        // These ask whether there is a value at all, whatever is inside.
        let is_about_presence =
            matches!(operand, Operand::Flag(_) | Operand::Null | Operand::Text("") | Operand::Empty(_));
        let is_only_value = self.only_leaf().is_some_and(|leaf| {
            let outcome = if is_about_presence { leaf.is_written_as(operand) } else { leaf.equals(operand) };
            outcome != Some(false)
        });
        if is_only_value {
            None
        } else if is_about_presence {
            Some(false)
        } else {
            self.has_inside(operand)
        }
    }

    /// Returns the innermost value of lists and objects with one value each.
    fn only_leaf(&self) -> Option<Node> {
        let children = self.children();
        let [child] = children.as_slice() else { return None };
        Some(child.only_leaf().unwrap_or_else(|| child.clone()))
    }

    /// Returns whether programs could use the value in place of an operand of another type.
    fn could_mean(&self, operand: &Operand) -> bool {
        let is_zero = |number: &Decimal| Decimal::parse("0") == Some(*number);
        let is_nothing = match operand {
            Operand::Number(number) => is_zero(number),
            Operand::Text(text) => text.is_empty(),
            Operand::Flag(flag) => !flag,
            Operand::Empty(_) => true,
            Operand::Null => false,
        };
        let numbers = |text: &str| text.split([' ', '%']).filter_map(Decimal::parse).collect::<Vec<_>>();
        match (self, operand) {
            (Node::Text(_), Operand::Text(_)) => false,
            (Node::Text(text), _) if shown(text).trim().is_empty() => is_nothing || *operand == Operand::Null,
            (Node::Text(text), Operand::Number(number)) if text == "true" || text == "null" => {
                is_zero(number) == (text == "null")
            }
            (Node::Text(text), Operand::Number(number)) => numbers(shown(text).trim()).contains(number),
            (Node::Text(text), Operand::Flag(flag)) => meaning(&shown(text)).is_none_or(|meaning| meaning == *flag),
            (Node::Text(text), Operand::Null) => text == "null",
            (Node::Text(text), Operand::Empty(_)) => text == "[]",
            (Node::Number(number), Operand::Text(text)) if !text.is_empty() => numbers(&shown(text)).contains(number),
            (Node::Number(number), Operand::Flag(flag)) | (Node::Flag(flag), Operand::Number(number)) => {
                is_zero(number) != *flag
            }
            (Node::Number(number), _) => is_zero(number) && is_nothing,
            (Node::Flag(flag), Operand::Text(text)) if !text.is_empty() => meaning(text) == Some(*flag),
            (Node::Flag(flag), _) => !flag && is_nothing,
            (Node::Null, Operand::Text("null")) => true,
            (Node::Null, _) => is_nothing,
            (Node::List(_) | Node::Object(_), _) => self.children().is_empty() && is_nothing,
        }
    }

    /// Compares the values inside a list or an object, which is not equal to the operand as a whole.
    fn has_inside(&self, operand: &Operand) -> Option<bool> {
        let Node::Object(members) = self else {
            let is_same = self.children().iter().any(|element| element.is_written_as(operand) != Some(false));
            return if is_same { None } else { Some(false) };
        };
        let is_key = members.iter().any(|(key, _)| *key == operand.text());
        let is_same = is_key || members.iter().any(|(_, member)| member.is_written_as(operand) != Some(false));
        if is_same { None } else { Some(false) }
    }
}

impl Operand {
    fn text(&self) -> String {
        match self {
            Operand::Number(number) => number.to_string(),
            Operand::Text(text) => (*text).to_owned(),
            Operand::Flag(flag) => flag.to_string(),
            Operand::Null => "null".to_owned(),
            Operand::Empty(word) => (*word).to_owned(),
        }
    }

    pub(super) fn write(&self) -> String {
        match self {
            Operand::Text(text) => format!("'{text}'"),
            other => other.text(),
        }
    }
}

/// Returns how many values inside a list or an object are the literal of a filter. Returns `None` if this depends on
/// how types and notations are compared.
pub(super) fn count_equal(raw: Option<&RawValue>, literal: &Operand) -> Option<usize> {
    let container = raw.map(Node::parse).filter(|node| !node.is_scalar())?;
    let is_same = |node: &Node| match (node, literal) {
        (Node::Text(text), Operand::Text(literal)) => text == literal,
        (Node::Flag(flag), Operand::Flag(literal)) => flag == literal,
        (Node::Null, Operand::Null) => true,
        _ => false,
    };
    let counted = |node: &Node| (node.equals(literal) == Some(is_same(node))).then(|| usize::from(is_same(node)));
    container.children().iter().map(counted).sum()
}

impl Requirement {
    /// Formats the condition as an assertion about this subject.
    pub(super) fn write(&self, subject: &str) -> String {
        match self {
            Requirement::Equals(operand) => format!("{subject} == {}", operand.write()),
            Requirement::Differs(operand) => format!("{subject} != {}", operand.write()),
            Requirement::Contains(operand) => format!("{subject} contains {}", operand.write()),
            Requirement::Matches(word) => format!("{subject} matches '{word}'"),
            Requirement::Length(operator, length) => format!("len({subject}) {operator} {length}"),
        }
    }

    /// Returns whether a value meets the requirement, or `None` if it cannot be evaluated.
    pub(super) fn is_met_by(&self, raw: Option<&RawValue>) -> Option<bool> {
        let Some(raw) = raw else { return Some(false) };
        let node = Node::parse(raw);
        match self {
            Requirement::Equals(operand) => node.equals(operand),
            Requirement::Differs(operand) => node.equals(operand).map(|is_equal| !is_equal),
            Requirement::Contains(_) | Requirement::Matches(_) if node.is_scalar() => {
                let is_equal = matches!(self, Requirement::Contains(operand) if node.equals(operand) == Some(true));
                if is_equal { Some(true) } else { self.is_in(&node.reading()) }
            }
            Requirement::Contains(_) | Requirement::Matches(_) => self.is_inside(&node),
            Requirement::Length(operator, length) => {
                let actual = match &node {
                    Node::Text(text) => text.chars().count(),
                    Node::List(elements) => elements.len(),
                    Node::Object(members) => members.len(),
                    _ => return None,
                };
                Some(compares(&actual, operator, length))
            }
        }
    }

    /// Returns whether all values that `[*]` selects inside a value meet the requirement, or any of them for a search.
    pub(super) fn is_met_by_children(&self, raw: Option<&RawValue>) -> Option<bool> {
        // Without a list or an object, the number of its values is unknown.
        let container = raw.map(Node::parse).filter(|node| !node.is_scalar())?;
        let nodes = container.children();
        match self {
            Requirement::Length(operator, length) => Some(compares(&nodes.len(), operator, length)),
            _ if nodes.is_empty() => Some(false),
            Requirement::Equals(operand) => nodes[0].equals(operand).filter(|_| nodes.len() == 1),
            Requirement::Differs(operand) => {
                let equal: Vec<Option<bool>> = nodes.iter().map(|node| node.equals(operand)).collect();
                if equal.contains(&Some(true)) {
                    Some(false)
                } else if equal.contains(&None) {
                    None
                } else {
                    Some(true)
                }
            }
            Requirement::Contains(_) | Requirement::Matches(_) => self.is_inside(&Node::List(nodes)),
        }
    }

    /// Searches a list or an object.
    fn is_inside(&self, container: &Node) -> Option<bool> {
        let word = self.word();
        let (scalars, keys) = container.parts();
        let outcomes: Vec<Option<bool>> = scalars
            .iter()
            .map(|scalar| match (scalar, self) {
                (Node::Text(text), _) => self.is_in(text),
                (_, Requirement::Contains(operand)) => scalar.is_written_as(operand),
                _ => self.is_in(&scalar.reading()),
            })
            .collect();
        if outcomes.contains(&Some(true)) {
            return Some(true);
        }
        let is_in_json = word.contains('"') && container.write().contains(&word);
        let is_hidden = is_in_json || keys.iter().any(|key| self.is_in(key) != Some(false));
        if is_hidden || outcomes.contains(&None) { None } else { Some(false) }
    }

    /// Searches a text. A pattern that only matches without invisible characters is neither found nor ruled out.
    fn is_in(&self, text: &str) -> Option<bool> {
        let word = self.word();
        let is_shown = shown(text).contains(&shown(&word)) && (word.is_empty() || !shown(&word).is_empty());
        match self {
            _ if text.contains(&word) => Some(true),
            Requirement::Contains(_) => Some(is_shown),
            _ if shown(text).contains(&word) => None,
            _ => Some(false),
        }
    }

    fn word(&self) -> String {
        match self {
            Requirement::Contains(operand) => operand.text(),
            Requirement::Matches(word) => (*word).to_owned(),
            _ => String::new(),
        }
    }
}

/// Returns a text without the invisible characters that are generated.
pub(super) fn shown(text: &str) -> String {
    text.replace("\u{1b}[1m", "").replace('\u{200b}', "")
}

/// Returns what a generated text means as a flag.
fn meaning(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "ok" | "1" | "5" => Some(true),
        "false" | "0" | "null" | "no" | "" => Some(false),
        _ => None,
    }
}

/// Returns whether a body that is a JSON list or object equals a text, or `None` if the text is inside.
pub(super) fn container_equals_text(body: &str, text: &'static str) -> Option<bool> {
    let equals = |body: &str| match serde_json::from_str::<&RawValue>(body.trim()) {
        Ok(raw) if body.trim().starts_with(['{', '[']) => Node::parse(raw).equals(&Operand::Text(text)),
        _ => Some(false),
    };
    // The text itself is not a list or an object, so only a value inside can be equal.
    if text.is_empty() { Some(false) } else { equals(body).and(equals(&shown(body))) }
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text)
}

/// Texts that read like other values or like each other.
const AMBIGUOUS: [&str; 13] =
    ["1", "0", "true", "null", "x", "[]", "\"x\"", " x", "o\u{200b}k", "\u{1b}[1m1", "5 %", "-1 ms", "no"];

fn text() -> impl Strategy<Value = &'static str> {
    prop_oneof![prop::sample::select(&TEXTS), prop::sample::select(&AMBIGUOUS)]
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        number().prop_map(Operand::Number),
        text().prop_map(Operand::Text),
        any::<bool>().prop_map(Operand::Flag),
        Just(Operand::Null),
        prop::sample::select(&["[]", "{}"]).prop_map(Operand::Empty),
    ]
}

/// Generates literals for filters, which cannot contain control characters. Filters compare numbers as doubles.
pub(super) fn literal() -> impl Strategy<Value = Operand> {
    prop_oneof![
        3 => text().prop_filter("it is not a literal", |text| !text.contains('\u{1b}')).prop_map(Operand::Text),
        1 => any::<bool>().prop_map(Operand::Flag),
        1 => Just(Operand::Null),
    ]
}

pub(super) fn requirement() -> impl Strategy<Value = Requirement> {
    let operators = prop::sample::select(&["==", "!=", "<", "<=", ">", ">="]);
    prop_oneof![
        operand().prop_map(Requirement::Equals),
        operand().prop_map(Requirement::Differs),
        operand().prop_map(Requirement::Contains),
        text().prop_filter("it is not a pattern", |text| !text.contains('[')).prop_map(Requirement::Matches),
        (operators, 0_usize..4).prop_map(|(operator, length)| Requirement::Length(operator, length)),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let scalar = prop_oneof![
        2 => number().prop_map(Node::Number),
        2 => text().prop_map(|text| Node::Text(text.to_owned())),
        1 => any::<bool>().prop_map(Node::Flag),
        1 => Just(Node::Null),
    ];
    scalar.prop_recursive(2, 6, 3, |inner| {
        let key = text().prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Node::List),
            prop::collection::btree_map(key, inner, 0..3)
                .prop_map(|members| Node::Object(members.into_iter().collect())),
        ]
    })
}

pub(super) fn value() -> impl Strategy<Value = String> {
    node().prop_map(|node| node.write())
}
