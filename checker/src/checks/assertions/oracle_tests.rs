//! Compares the outcome of generated assertions with an oracle that knows the whole body. The checker sees a body that
//! is complete, truncated, not decodable, in an unknown charset, or ambiguous. The outcome must be healthy only if every
//! body that the checker could have received meets the assertion.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::value::RawValue;
use shared::check_file::Attempt;

use super::oracle_values::{
    Operand, Requirement, container_equals_text, count_equal, literal, requirement, shown, value,
};
use super::{Assertion, Evidence};
use crate::checks::probe_data::{EncodedBody, ProbeData};

/// A generated condition, which the oracle evaluates independently of the checker.
#[derive(Debug, Clone)]
pub(in crate::checks) enum Condition {
    Status(u16),
    Contains(&'static str),
    Equals(&'static str, bool),
    /// A pattern that matches only the whole body.
    IsLine(&'static str),
    Size(&'static str, usize),
    Length(&'static str, usize),
    Has(&'static str),
    Number(&'static str, &'static str, Decimal),
    /// A requirement of the value of a key, or of all values inside it.
    Value(&'static str, bool, Requirement),
    /// The number of values of a key that are a literal.
    Count(&'static str, Operand, usize),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// A number with up to six fractional digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::checks) struct Decimal(i128);

const SCALE: i128 = 1_000_000;

impl Decimal {
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let sign = if whole.starts_with('-') { -1 } else { 1 };
        let fraction: i128 = format!("{fraction:0<6}").parse().ok().filter(|_| fraction.len() <= 6)?;
        Some(Decimal(whole.parse::<i128>().ok()? * SCALE + sign * fraction))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.abs() / SCALE, self.0.abs() % SCALE);
        match format!("{fraction:06}").trim_end_matches('0') {
            "" => write!(formatter, "{sign}{whole}"),
            fraction => write!(formatter, "{sign}{whole}.{fraction}"),
        }
    }
}

/// The whole body, which only the oracle knows.
struct Known<'a> {
    text: &'a str,
    size: usize,
    members: Option<BTreeMap<String, Box<RawValue>>>,
}

impl<'a> Known<'a> {
    fn new(text: &'a str, size: usize) -> Known<'a> {
        // A path cannot enter a string that is not blank, so the members of its value are unknown.
        let is_blank = serde_json::from_str::<String>(text).is_ok_and(|text| text.trim().is_empty());
        let members = serde_json::from_str(text).ok();
        Known { text, size, members: members.or_else(|| is_blank.then(BTreeMap::new)) }
    }
}

pub(super) fn compares<T: Ord>(left: &T, operator: &str, right: &T) -> bool {
    match operator {
        "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

impl Condition {
    /// Formats the condition as an assertion.
    pub(in crate::checks) fn write(&self) -> String {
        let joined = |parts: &[Condition], word: &str| {
            format!("({})", parts.iter().map(Condition::write).collect::<Vec<_>>().join(word))
        };
        match self {
            Condition::Status(code) => format!("[STATUS] == {code}"),
            Condition::Contains(text) => format!("[BODY] contains '{text}'"),
            Condition::Equals(text, is_equal) => format!("[BODY] {} '{text}'", if *is_equal { "==" } else { "!=" }),
            Condition::IsLine(text) => format!("[BODY] matches '^{text}$'"),
            Condition::Size(operator, size) => format!("[BODY_SIZE] {operator} {size}"),
            Condition::Length(operator, length) => format!("len([BODY]) {operator} {length}"),
            Condition::Has(key) => format!("has([BODY].{key})"),
            Condition::Number(key, operator, number) => format!("[BODY].{key} {operator} {number}"),
            Condition::Value(key, false, requirement) => requirement.write(&format!("[BODY].{key}")),
            Condition::Value(key, true, requirement) => requirement.write(&format!("[JSON $.{key}[*]]")),
            Condition::Count(key, literal, count) => {
                format!("len([JSON $.{key}[?@ == {}]]) == {count}", literal.write())
            }
            Condition::Not(part) => format!("not {}", part.write()),
            Condition::All(parts) => joined(parts, " and "),
            Condition::Any(parts) => joined(parts, " or "),
        }
    }

    /// Returns whether the body meets the condition, or `None` if the condition cannot be evaluated for this body.
    fn is_met(&self, body: &Known<'_>) -> Option<bool> {
        let member = |key: &str| body.members.as_ref().map(|members| members.get(key));
        match self {
            Condition::Status(code) => Some(*code == 200),
            // Searches also ignore this invisible character, which is part of some values.
            Condition::Contains(text) if body.text.replace('\u{200b}', "").contains(text) => Some(true),
            // The body can be JSON in which the text is escaped.
            Condition::Contains(text) => Some(false).filter(|_| !body.text.replace("\\\"", "\"").contains(text)),
            // A string in quotes is neither equal nor different.
            Condition::Equals(text, _) if body.text.trim() == format!("\"{text}\"") => None,
            Condition::Equals(text, is_equal) if body.text.trim() == *text => Some(*is_equal),
            Condition::Equals(text, is_equal) => Some(container_equals_text(body.text, text)? == *is_equal),
            // A pattern that matches only without other whitespace around the body is neither met nor unmet.
            Condition::IsLine(text) if body.text.strip_suffix('\n').unwrap_or(body.text) == *text => Some(true),
            Condition::IsLine(text) => Some(false).filter(|_| body.text.trim() != *text),
            Condition::Size(operator, size) => Some(compares(&body.size, operator, size)),
            Condition::Length(operator, length) => Some(compares(&body.text.chars().count(), operator, length)),
            Condition::Has(key) => Some(member(key)?.is_some()),
            Condition::Number(key, operator, number) => match member(key)? {
                None => Some(false),
                // Other values are neither smaller nor larger than a number.
                Some(value) => {
                    let text =
                        serde_json::from_str(value.get()).map_or(value.get().to_owned(), |text: String| shown(&text));
                    Decimal::parse(text.trim()).map(|value| compares(&value, operator, number))
                }
            },
            Condition::Value(key, false, requirement) => requirement.is_met_by(member(key)?.map(|value| &**value)),
            Condition::Value(key, true, requirement) => {
                requirement.is_met_by_children(member(key)?.map(|value| &**value))
            }
            Condition::Count(key, literal, count) => {
                Some(count_equal(member(key)?.map(|value| &**value), literal)? == *count)
            }
            Condition::Not(part) => part.is_met(body).map(|is_met| !is_met),
            Condition::All(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.is_met(body)).collect();
                if parts.contains(&Some(false)) {
                    Some(false)
                } else {
                    parts.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            Condition::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| part.is_met(body)).collect();
                if parts.contains(&Some(true)) {
                    Some(true)
                } else {
                    parts.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
        }
    }
}

pub(super) const TEXTS: [&str; 6] = ["ok", "Fatal error", "Störung", "ö", "", "障害"];
const KEYS: [&str; 3] = ["a", "b", "c"];
const OPERATORS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
const ORDERS: [&str; 4] = ["<", "<=", ">", ">="];

pub(super) fn number() -> impl Strategy<Value = Decimal> {
    let near = |base: i128| (-2_i128..3).prop_map(move |distance| Decimal(base * SCALE + distance));
    let whole = |base: i128| (-2_i128..3).prop_map(move |distance| Decimal((base + distance) * SCALE));
    prop_oneof![
        whole(0),
        whole(1 << 53),
        whole(-(1 << 53)),
        whole(i128::from(u64::MAX)),
        near(0),
        near(1 << 40),
        near(5)
    ]
}

pub(in crate::checks) fn condition() -> impl Strategy<Value = Condition> {
    use prop::sample::select;
    let leaf = prop_oneof![
        select(vec![200, 404]).prop_map(Condition::Status),
        prop_oneof![3 => select(&TEXTS), 1 => Just("\"x\"")].prop_map(Condition::Contains),
        (select(&TEXTS), any::<bool>()).prop_map(|(text, is_equal)| Condition::Equals(text, is_equal)),
        select(&TEXTS).prop_map(Condition::IsLine),
        (select(&OPERATORS), 0_usize..60).prop_map(|(operator, size)| Condition::Size(operator, size)),
        (select(&OPERATORS), 0_usize..60).prop_map(|(operator, length)| Condition::Length(operator, length)),
        select(&KEYS).prop_map(Condition::Has),
        (select(&KEYS), select(&ORDERS), number())
            .prop_map(|(key, operator, number)| Condition::Number(key, operator, number)),
        (select(&KEYS), any::<bool>(), requirement()).prop_map(|(key, is_inside, requirement)| Condition::Value(
            key,
            is_inside,
            requirement
        )),
        (select(&KEYS), literal(), 0_usize..3).prop_map(|(key, literal, count)| Condition::Count(key, literal, count)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| Condition::Not(Box::new(part))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::All),
            prop::collection::vec(inner, 1..4).prop_map(Condition::Any),
        ]
    })
}

/// Generates bodies, most of which are JSON.
pub(in crate::checks) fn body() -> impl Strategy<Value = String> {
    let text = || prop::sample::select(&TEXTS);
    let object = prop::collection::btree_map(prop::sample::select(&KEYS), value(), 0..4).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    });
    prop_oneof![
        6 => object,
        2 => (prop::collection::vec(text(), 0..4), prop::sample::select(&["", "\n", "\n\n"]))
            .prop_map(|(texts, end)| texts.join(" ") + end),
        1 => text().prop_map(|text| format!("\"{text}\"\n")),
    ]
}

pub(in crate::checks) fn is_healthy(condition: &Condition, data: &ProbeData) -> bool {
    let text = condition.write();
    let assertion = Assertion::parse(&text).unwrap_or_else(|problem| panic!("{problem}"));
    assertion.evaluate(&Evidence::new(data, &Attempt::default())).failure.is_none()
}

fn seen(body: &[u8]) -> ProbeData {
    ProbeData { status: Some(200), body: Some(body.to_vec()), ..ProbeData::default() }
}

pub(in crate::checks) fn is_met(condition: &Condition, text: &str, size: usize) -> bool {
    condition.is_met(&Known::new(text, size)) == Some(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, max_global_rejects: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn a_complete_body_has_the_outcome_of_the_oracle(condition in condition(), body in body()) {
        let healthy = is_healthy(&condition, &seen(body.as_bytes()));
        prop_assert_eq!(healthy, is_met(&condition, &body, body.len()), "{}", condition.write());
    }

    #[test]
    fn a_truncated_body_is_healthy_only_if_all_completions_are(
        condition in condition(),
        bodies in (body(), body()),
        cut in any::<prop::sample::Index>(),
    ) {
        prop_assume!(!bodies.0.is_empty() && !bodies.1.is_empty());
        let cut = cut.index(bodies.0.len());
        let data = ProbeData { truncation: Some("cut".to_owned()), ..seen(&bodies.0.as_bytes()[..cut]) };
        let healthy = is_healthy(&condition, &data);
        prop_assert!(!healthy || is_met(&condition, &bodies.0, bodies.0.len()), "{}", condition.write());
        if bodies.0.is_char_boundary(cut) {
            let other = format!("{}{}", &bodies.0[..cut], bodies.1);
            prop_assert!(!healthy || is_met(&condition, &other, other.len()), "{}", condition.write());
        }
    }

    #[test]
    fn an_undecoded_body_is_healthy_only_if_all_bodies_are(condition in condition(), bodies in (body(), body())) {
        let hidden = |undecoded: Option<&str>, unknown_charset: Option<&str>| EncodedBody {
            size: bodies.0.len(),
            undecoded: undecoded.map(str::to_owned),
            unknown_charset: unknown_charset.map(str::to_owned),
        };
        let data = |encoded| ProbeData { encoded: Some(Box::new(encoded)), ..seen(bodies.0.as_bytes()) };
        let healthy = is_healthy(&condition, &data(hidden(Some("the encoding is unknown"), None)));
        for body in [&bodies.0, &bodies.1] {
            prop_assert!(!healthy || is_met(&condition, body, body.len()), "{}", condition.write());
        }
        let healthy = is_healthy(&condition, &data(hidden(None, Some("the charset is unknown"))));
        for body in [&bodies.0, &bodies.1] {
            // The size of the body is known even if its charset is not.
            prop_assert!(!healthy || is_met(&condition, body, bodies.0.len()), "{}", condition.write());
        }
    }

    #[test]
    fn an_object_with_repeated_keys_is_healthy_only_if_all_readings_are(
        condition in condition(),
        members in prop::collection::vec((prop::sample::select(&KEYS), value()), 0..6),
    ) {
        let written: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let body = format!("{{{}}}", written.join(","));
        let healthy = is_healthy(&condition, &seen(body.as_bytes()));
        let members: Vec<(String, Box<RawValue>)> = members
            .into_iter()
            .map(|(key, value)| (key.to_owned(), RawValue::from_string(value).expect("it is JSON")))
            .collect();
        for members in [members.iter().cloned().collect(), members.iter().rev().cloned().collect()] {
            let known = Known { text: &body, size: body.len(), members: Some(members) };
            prop_assert!(!healthy || condition.is_met(&known) == Some(true), "{} {}", condition.write(), body);
        }
    }

    #[test]
    fn a_body_without_a_charset_must_be_healthy_in_all_charsets(condition in condition(), body in body()) {
        let body = body.replace("障害", "ö");
        let (latin_1, ..) = encoding_rs::WINDOWS_1252.encode(&body);
        prop_assume!(!latin_1.is_ascii());
        let healthy = is_healthy(&condition, &seen(&latin_1));
        for charset in [encoding_rs::WINDOWS_1252, encoding_rs::KOI8_R] {
            let (text, _, _) = charset.decode(&latin_1);
            prop_assert!(!healthy || is_met(&condition, &text, latin_1.len()), "{}", condition.write());
        }
    }
}
