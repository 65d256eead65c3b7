//! Parses a check's assertions: an array of strings such as `[STATUS] == 200` and of objects with `that`, `any`,
//! `all` or `not`.

use shared::status::Status;

use crate::checks::assertions::{Assertion, Condition};
use crate::config::document::{JsonValue, Located};

/// Parses the array of assertions. An error consists of a position and a message.
pub(super) fn from_located(list: &Located) -> Result<Vec<Assertion>, (usize, String)> {
    let JsonValue::Array(elements) = &list.value else {
        let found = list.value.type_name();
        return Err((list.at, format!("expected an array, for example `[\"[STATUS] == 200\"]`, found {found}")));
    };
    elements.iter().map(|element| assertion(element).map_err(|error| (element.at, error))).collect()
}

fn assertion(element: &Located) -> Result<Assertion, String> {
    let otherwise = match element.member("otherwise").map(Located::text) {
        None | Some(Some("down")) => Status::Down,
        Some(Some("degraded")) => Status::Degraded,
        Some(_) => return Err("invalid `otherwise`: expected `down` or `degraded`".to_owned()),
    };
    let condition = condition(element, 0, &["otherwise"])?;
    let text = element.text().or_else(|| element.member("that")?.text());
    Ok(Assertion::new(text, otherwise, condition))
}

/// Parses a condition that is `depth` levels below the list. `ignored` contains keys that do not belong to the
/// condition.
fn condition(element: &Located, depth: usize, ignored: &[&str]) -> Result<Condition, String> {
    if depth > Assertion::MAX_DEPTH {
        return Err(format!("the assertion is nested more than {} levels deep", Assertion::MAX_DEPTH));
    }
    let members = match &element.value {
        JsonValue::String(text) => return Condition::parse(text),
        JsonValue::Object(members) => members,
        other => {
            let found = other.type_name();
            return Err(format!("expected a string such as `[STATUS] == 200` or an object, found {found}"));
        }
    };
    let members: Vec<_> = members.iter().filter(|member| !ignored.contains(&&*member.key)).collect();
    let key_of = |index: usize| members.get(index).map(|member| &*member.key);
    let parts = |list: &Located| match &list.value {
        JsonValue::Array(parts) if !parts.is_empty() => {
            parts.iter().map(|part| condition(part, depth + 1, &[])).collect()
        }
        _ => Err("invalid `all` or `any`: expected an array of at least one assertion".to_owned()),
    };
    match (members.as_slice(), key_of(0)) {
        ([member], Some("all")) => Ok(Condition::all(parts(&member.value)?)),
        ([member], Some("any")) => Ok(Condition::any(parts(&member.value)?)),
        ([member], Some("not")) => Ok(condition(&member.value, depth + 1, &[])?.negated()),
        ([member], Some("that")) => match member.value.text() {
            Some(text) => Condition::parse(text),
            None => Err("invalid `that`: expected a string such as `[STATUS] == 200`".to_owned()),
        },
        _ => {
            Err("invalid assertion: expected exactly one of `that`, `all`, `any` or `not`, and optionally `otherwise`"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::Evidence;
    use crate::checks::probe_data::ProbeData;
    use crate::config::checks::assertions::*;
    use crate::config::dialect::Dialect;
    use crate::config::parser;
    use crate::config::problem::Problems;
    use shared::check_file::Attempt;

    fn read(json: &str) -> Result<Vec<Assertion>, String> {
        let located =
            parser::parse(json, Dialect::Checker(&|_| None), &mut Problems::default(), None).expect("it is JSON");
        from_located(&located).map_err(|(_, problem)| problem)
    }

    #[test]
    fn objects_combine_conditions() {
        let data = ProbeData { status: Some(200), body: Some(b"ok".to_vec()), ..ProbeData::default() };
        let attempt = Attempt { rtt: 320_000_000, ..Attempt::default() };
        let assertions = read(
            r#"["[STATUS] == 200",
                {"that": "[RTT] < 100ms", "otherwise": "degraded"},
                {"any": ["[STATUS] == 404", {"all": ["[STATUS] == 2xx", {"not": "[BODY] contains error"}]}]},
                {"not": {"any": ["[STATUS] == 200", "[STATUS] == 404"]}}]"#,
        )
        .expect("they are assertions");
        let results: Vec<_> = assertions
            .iter()
            .map(|assertion| (assertion.otherwise, assertion.evaluate(&Evidence::new(&data, &attempt)).failure))
            .collect();
        assert_eq!(results[0], (Status::Down, None));
        let slow = "round-trip time is 320 ms, expected < 100ms".to_owned();
        assert_eq!(results[1], (Status::Degraded, Some(slow)));
        assert_eq!(results[2], (Status::Down, None));
        let last = results[3].1.as_deref();
        assert!(last.is_some_and(|failure| failure.contains("expected otherwise")), "{results:?}");
        assert!(assertions[2].capture().body && !assertions[1].capture().body);
    }

    #[test]
    fn invalid_objects_are_rejected() {
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
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
