//! Reads the assertions that stand in a configuration: a list of texts in the compact form, which [`super::syntax`] reads, and
//! of objects (`any`, `all`, `not`).

use shared::status::Status;

use super::Assertion;
use super::expression::Expression;
use super::syntax::{DEPTH_LIMIT, parse};
use crate::config::document::{JsonValue, Located};

/// Reads the list that stands in a configuration; an error says where and why.
pub fn from_located(list: &Located) -> Result<Vec<Assertion>, (usize, String)> {
    let JsonValue::Array(elements) = &list.value else {
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
        JsonValue::String(text) => return parse(text),
        JsonValue::Object(members) => members,
        _ => return Err("a text such as `[STATUS] == 200`, or an object with `that`, `all`, `any` or `not`".to_owned()),
    };
    let members: Vec<_> = members.iter().filter(|member| !besides.contains(&&*member.key)).collect();
    let key_of = |index: usize| members.get(index).map(|member| &*member.key);
    let parts = |list: &Located| match &list.value {
        JsonValue::Array(parts) if !parts.is_empty() => parts.iter().map(|part| tree(part, depth + 1, &[])).collect(),
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
