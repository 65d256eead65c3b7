//! Holds a file's tree against the table of what may stand in it, and finds every problem at once.

use std::fmt;

use shared::duration;
use shared::nearest::nearest;
use shared::quorum::Quorum;

use super::document::{JsonValue, Located, Member};
use super::problem::{Problem, Problems};
use super::spec::{Field, Presence, ValueKind, Variant};
use crate::checks::http::HttpCheck;
use crate::checks::http::status_codes::StatusCodes;
use crate::checks::http::target::Target;

/// How a person would say where something is: `checkers[3].endpoint_url`. It becomes text only where there is a problem.
#[derive(Clone, Copy)]
enum KeyPath<'a> {
    Root,
    Key(&'a KeyPath<'a>, &'a str),
    Index(&'a KeyPath<'a>, usize),
}

impl fmt::Display for KeyPath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPath::Root => formatter.write_str("the whole file"),
            KeyPath::Key(KeyPath::Root, key) => formatter.write_str(key),
            KeyPath::Key(path, key) => write!(formatter, "{path}.{key}"),
            KeyPath::Index(path, index) => write!(formatter, "{path}[{index}]"),
        }
    }
}

/// Adds every problem of the file's tree to `problems`.
pub fn validate_root(root: &Located, kind: &ValueKind, problems: &mut Problems) {
    validate_value(root, kind, &KeyPath::Root, problems);
}

/// The same of one element of the list under a key of the root.
pub fn validate_element(element: &Located, kind: &ValueKind, key: &str, index: usize, problems: &mut Problems) {
    validate_value(element, kind, &KeyPath::Index(&KeyPath::Key(&KeyPath::Root, key), index), problems);
}

fn validate_value(value: &Located, kind: &ValueKind, path: &KeyPath<'_>, problems: &mut Problems) {
    let expected = match (kind, &value.value) {
        // Whoever makes the check reads its assertions, and they are read once.
        (ValueKind::Any | ValueKind::Assertions, _)
        | (ValueKind::String, JsonValue::String(_))
        | (ValueKind::Bool, JsonValue::Bool(_)) => None,
        (ValueKind::String, _) => Some("a text in quotes".to_owned()),
        (ValueKind::Url, JsonValue::String(text)) => {
            // Where a variable is missing, that is the problem.
            if Target::of_plain(text).is_none()
                && !text.contains("${")
                && let Err(error) = HttpCheck::parse_url(text)
            {
                // Whether more than a check depends on it is known to whoever uses it.
                problems.add(Problem::check_error(value.at, format!("`{path}`: {error}")));
            }
            None
        }
        (ValueKind::Url, _) => Some("a URL in quotes".to_owned()),
        (ValueKind::Bool, _) => Some("`true` or `false`".to_owned()),
        (ValueKind::Enum(words), JsonValue::String(text)) if words.contains(&text.as_ref()) => None,
        (ValueKind::Enum(words), _) => Some(format!("one of {}", quoted(words.iter().copied()))),
        (ValueKind::Integer(least, most), JsonValue::Number(number))
            if number.parse().is_ok_and(|number: i64| (*least..=*most).contains(&number)) =>
        {
            None
        }
        (ValueKind::Integer(least, most), _) => Some(format!("an integer from {least} to {most}")),
        (ValueKind::Duration(least, most), _) => expected_duration(value, *least, *most),
        (ValueKind::StatusCodes, _) => StatusCodes::from_located(value).err(),
        (ValueKind::Quorum, _) => expected_quorum(value),
        (ValueKind::Headers, _) => expected_headers(value),
        (ValueKind::List(kind), JsonValue::Array(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                validate_value(element, kind, &KeyPath::Index(path, index), problems);
            }
            None
        }
        (ValueKind::List(_), _) => Some("a list in `[` and `]`".to_owned()),
        (ValueKind::Object(fields), JsonValue::Object(members)) => {
            validate_members(value.at, members, [fields, &[]], &[], path, problems);
            None
        }
        (ValueKind::Tagged { keys, variants, not_yet, common }, JsonValue::Object(members)) => {
            validate_tagged(value, members, &TaggedSpec { keys, variants, not_yet, common }, path, problems);
            None
        }
        (ValueKind::Object(_) | ValueKind::Tagged { .. }, _) => Some("an object in `{` and `}`".to_owned()),
    };
    if let Some(expected) = expected {
        problems.add(Problem::error(value.at, format!("`{path}` does not fit: it has to be {expected}")));
    }
}

fn validate_members(
    at: usize,
    members: &[Member],
    fields: [&[Field]; 2],
    besides: &[&str],
    path: &KeyPath<'_>,
    problems: &mut Problems,
) {
    let all_fields = || fields.into_iter().flatten();
    for member in members {
        let path = KeyPath::Key(path, &member.key);
        match all_fields().find(|field| field.is_named(&member.key)) {
            Some(field) => {
                if field.key != member.key {
                    problems.add(renamed(member, members, field, &path));
                }
                validate_value(&member.value, &field.kind, &path, problems);
            }
            None if besides.contains(&&*member.key) => {}
            None => {
                let known = all_fields().map(|field| field.key).chain(besides.iter().copied());
                let remedy = match nearest(&member.key, known.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known here: {}", quoted(known)),
                };
                problems.add(Problem::error(member.at, format!("`{path}` is not known; {remedy}")));
            }
        }
    }
    for field in all_fields().filter(|field| field.presence == Presence::Required) {
        if !members.iter().any(|member| field.is_named(&member.key)) {
            let about = field.about.trim_end_matches('.');
            problems
                .add(Problem::error(at, format!("`{}` is missing; add it: {about}", KeyPath::Key(path, field.key))));
        }
    }
}

/// The notice that a key was renamed, or the error that it is there under both names.
fn renamed(member: &Member, members: &[Member], field: &Field, path: &KeyPath<'_>) -> Problem {
    let Field { key, .. } = field;
    if members.iter().any(|other| other.key == *key) {
        let text = format!("`{path}` is the former name of `{key}`, which is set too: remove `{}`", member.key);
        Problem::error(member.at, text)
    } else {
        Problem::notice(member.at, format!("`{path}` was renamed to `{key}`; the former name still works"))
    }
}

/// What may stand in a tagged object; see [`ValueKind::Tagged`].
struct TaggedSpec<'a> {
    keys: &'a [&'a str],
    variants: &'a [Variant],
    not_yet: &'a [&'a str],
    common: &'a [Field],
}

fn validate_tagged(
    value: &Located,
    members: &[Member],
    kinds: &TaggedSpec<'_>,
    path: &KeyPath<'_>,
    problems: &mut Problems,
) {
    let TaggedSpec { keys, variants, not_yet, common } = kinds;
    let key = keys.first().copied().unwrap_or_default();
    let supported = || quoted(variants.iter().map(|variant| variant.word));
    let Some(tag) = keys.iter().find_map(|key| value.member(key)) else {
        problems.add(Problem::error(
            value.at,
            format!("`{}` is missing; it is one of {}", KeyPath::Key(path, key), supported()),
        ));
        return;
    };
    let Some(word) = tag.text() else {
        problems.add(Problem::error(
            tag.at,
            format!("`{}` does not fit: it has to be one of {}", KeyPath::Key(path, key), supported()),
        ));
        return;
    };
    if let Some(variant) = variants.iter().find(|variant| variant.word == word) {
        validate_members(value.at, members, [variant.fields, common], keys, path, problems);
    } else if not_yet.contains(&word) {
        let title = ["endpoint_name", "name"].iter().find_map(|key| value.member(key)?.text());
        let named = title.map(|title| format!(" (\"{title}\")")).unwrap_or_default();
        problems.add(Problem::warning(
            tag.at,
            format!("`{path}`{named}: the type `{word}` is not yet supported; supported: {}", supported()),
        ));
    } else {
        let remedy = match nearest(word, variants.iter().map(|variant| variant.word).chain(not_yet.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("supported: {}", supported()),
        };
        problems.add(Problem::error(
            tag.at,
            format!("`{}` is `{word}`, which is not known; {remedy}", KeyPath::Key(path, key)),
        ));
    }
}

fn expected_duration(value: &Located, least: i64, most: i64) -> Option<String> {
    let nanos = match &value.value {
        JsonValue::String(text) => duration::parse(text).ok(),
        JsonValue::Number(number) => number.parse().ok(),
        _ => None,
    };
    match nanos {
        Some(nanos) if (least..=most).contains(&nanos) => None,
        Some(_) => {
            Some(format!("a duration from `{}` to `{}`", duration::format_exact(least), duration::format_exact(most)))
        }
        None => Some("a duration such as `500ms`, `30s`, `10m`, `1h30m` or `7d`, or integer nanoseconds".to_owned()),
    }
}

fn expected_quorum(value: &Located) -> Option<String> {
    let text = match &value.value {
        JsonValue::String(text) => text.as_ref(),
        JsonValue::Number(number) => number,
        _ => "",
    };
    let fits = text.parse::<Quorum>().is_ok();
    (!fits).then(|| "`any`, `majority`, `all`, or a number of nodes from 1 on".to_owned())
}

fn expected_headers(value: &Located) -> Option<String> {
    let is_text = |value: &Located| value.text().is_some();
    let fits = match &value.value {
        JsonValue::Object(members) => members.iter().all(|member| match &member.value.value {
            JsonValue::Array(list) => list.iter().all(is_text),
            _ => is_text(&member.value),
        }),
        _ => false,
    };
    (!fits).then(|| "an object of header names, each with a text or a list of texts".to_owned())
}

fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::config::parser::parse;
    use crate::config::spec::ROOT;
    use crate::config::validate::*;

    fn lines(text: &str) -> Vec<String> {
        let mut problems = Problems::default();
        let root = parse(text, &|_| None, &mut problems, None).expect("it is JSON");
        validate_root(&root, &ROOT, &mut problems);
        problems.lines("c.json", text)
    }

    #[test]
    fn every_problem_is_found_at_once_with_its_place_and_the_nearest_key() {
        let text = r#"{
  "concurent_checks": 5,
  "every": "10 minutes",
  "checkers": [
    {"type": "http", "endpoint_name": "Shop", "endpoint_url": "http://x", "treshold_rtt": 1, "attempts": -1},
    {"type": "htpt", "endpoint_name": "B"},
    {"type": "tcp", "endpoint_name": "TCP port"},
    {"endpoint_name": "C"}
  ],
  "storage": {"type": "s3", "region": 7}
}"#;
        assert_eq!(
            lines(text),
            [
                "c.json:2:3: error: `concurent_checks` is not known; did you mean `concurrent_checks`?",
                "c.json:3:12: error: `every` does not fit: it has to be a duration such as `500ms`, `30s`, `10m`, `1h30m` or `7d`, or integer nanoseconds",
                "c.json:5:75: error: `checkers[0].treshold_rtt` is not known; did you mean `threshold_rtt`?",
                "c.json:5:106: error: `checkers[0].attempts` does not fit: it has to be an integer from 0 to 1000",
                "c.json:6:14: error: `checkers[1].type` is `htpt`, which is not known; did you mean `http`?",
                "c.json:7:5: error: `checkers[2].endpoint_url` is missing; add it: Host and port, such as `db.example:5432` or `[::1]:5432`",
                "c.json:8:5: error: `checkers[3].type` is missing; it is one of `http`, `tcp`, `tls`, `dns`, `icmp`, `websocket`, `grpc`, `exec`, `heartbeat`",
                "c.json:10:14: error: `storage.bucket` is missing; add it: The bucket's name",
                "c.json:10:39: error: `storage.region` does not fit: it has to be a text in quotes",
            ]
        );
    }

    #[test]
    fn the_originals_configuration_has_no_problems() {
        let found = lines(include_str!("../../../shared/golden/checkup.json"));
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn header_values_are_texts_or_lists_of_texts() {
        let with = |headers: &str| {
            lines(&format!(
                r#"{{"checkers":[{{"type":"http","endpoint_name":"A","endpoint_url":"http://x","headers":{headers}}}]}}"#
            ))
        };
        assert!(with(r#"{"A":"b","C":["d","e"]}"#).is_empty());
        assert_eq!(with(r#"{"A":5}"#).len(), 1);
        assert_eq!(with("[]").len(), 1);
    }
}
