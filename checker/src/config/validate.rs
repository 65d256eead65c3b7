//! Compares the configuration file with the table in [`super::table`], and reports all mistakes at once.

use std::fmt;

use shared::SECOND;
use shared::duration;
use shared::quorum::Quorum;
use shared::suggest::suggest;

use super::document::{JsonValue, Located, Member};
use super::problem::{Problem, Problems, lower_case_first};
use super::spec::{Field, Presence, ValueKind, Variant};
use crate::checks::http::HttpCheck;
use crate::checks::status_codes::StatusCodes;
use crate::notify::channels::secret_url::SecretUrl;

/// The maximum length of an unknown name for which a known name is suggested. No known name is even half as long.
const MAX_SUGGESTED_LENGTH: usize = 64;

/// Numbers below this are probably durations in a unit other than nanoseconds.
const LARGEST_WITHOUT_UNIT: i64 = SECOND / 1_000_000;

/// The expected form of a URL that is not shown, because it contains a secret.
const SECRET_URL_REMEDY: &str =
    "expected `https://` or `http://` and a host, for example `https://hooks.example.com/services/…`";

/// The path of a value, such as `checkers[3].endpoint_url`. It is formatted only when a problem is reported.
#[derive(Clone, Copy)]
enum KeyPath<'a> {
    Root,
    Key(&'a KeyPath<'a>, &'a str),
    Index(&'a KeyPath<'a>, usize),
}

impl KeyPath<'_> {
    fn quoted(&self) -> String {
        match self {
            KeyPath::Root => "the file".to_owned(),
            path => format!("`{path}`"),
        }
    }
}

impl fmt::Display for KeyPath<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPath::Root => Ok(()),
            KeyPath::Key(KeyPath::Root, key) => formatter.write_str(key),
            KeyPath::Key(path, key) => write!(formatter, "{path}.{key}"),
            KeyPath::Index(path, index) => write!(formatter, "{path}[{index}]"),
        }
    }
}

/// Adds every mistake in the file to `problems`.
pub fn validate_root(root: &Located, kind: &ValueKind, problems: &mut Problems) {
    validate_value(root, kind, &KeyPath::Root, problems);
}

/// Returns whether a value has no errors.
#[must_use]
pub fn is_valid(value: &Located, kind: &ValueKind) -> bool {
    let mut found = Problems::default();
    validate_root(value, kind, &mut found);
    !found.has_errors()
}

/// Returns the part of an object whose members are known, have no errors, and contain no variable that is not set. If a
/// key is present under two names, it is left out. Of an object in an object, the valid part is kept.
#[must_use]
pub fn valid_part<'t>(object: &Located<'t>, fields: &[Field]) -> Located<'t> {
    let JsonValue::Object(members) = &object.value else {
        return Located { at: object.at, value: JsonValue::Object(Vec::new()) };
    };
    let usable = |member: &Member<'t>| {
        let field = fields.iter().find(|field| field.is_named(&member.key))?;
        let is_unique = members.iter().filter(|other| field.is_named(&other.key)).count() == 1;
        let is_complete = is_valid(&member.value, &field.kind) && !member.value.to_json().to_string().contains("${");
        match field.kind {
            _ if !is_unique => None,
            _ if is_complete => Some(member.clone()),
            ValueKind::Object(fields) => Some(Member { value: valid_part(&member.value, fields), ..member.clone() }),
            _ => None,
        }
    };
    Located { at: object.at, value: JsonValue::Object(members.iter().filter_map(usable).collect()) }
}

/// Validates one element of an array in the root, like [`validate_root`].
pub fn validate_element(element: &Located, kind: &ValueKind, key: &str, index: usize, problems: &mut Problems) {
    validate_value(element, kind, &KeyPath::Index(&KeyPath::Key(&KeyPath::Root, key), index), problems);
}

fn validate_value(value: &Located, kind: &ValueKind, path: &KeyPath<'_>, problems: &mut Problems) {
    let text = match (kind, &value.value) {
        // Assertions are validated when the check is created, so they are parsed only once.
        (ValueKind::Any | ValueKind::Assertions, _)
        | (
            ValueKind::String | ValueKind::Pattern(_) | ValueKind::Secret | ValueKind::StringOrInteger,
            JsonValue::String(_),
        )
        | (ValueKind::Bool | ValueKind::SwitchOrObject(_), JsonValue::Bool(_)) => None,
        (ValueKind::Url, JsonValue::String(text)) => {
            // Skip URLs with an unexpanded variable, which is reported instead.
            if !text.contains("${")
                && let Err(error) = HttpCheck::parse_url(text)
            {
                // This affects only one check. If the URL affects the whole file, the conversion reports it again with
                // a higher severity.
                problems.add(Problem::check_error(value.at, format!("{}: {error}", path.quoted())));
            }
            None
        }
        (ValueKind::SecretUrl, JsonValue::String(text)) => {
            let is_valid = text.contains("${") || SecretUrl::parse(text).is_ok();
            (!is_valid).then(|| format!("invalid URL for {}: {SECRET_URL_REMEDY}", path.quoted()))
        }
        (ValueKind::Enum(names), JsonValue::String(text)) => {
            (!names.contains(&text.as_ref())).then(|| invalid_value(value, path, &one_of(names.iter().copied())))
        }
        (ValueKind::Numbers(numbers), JsonValue::Number(number)) => {
            let is_valid = number.parse().is_ok_and(|number: i64| numbers.contains(&number));
            let expected = numbers.iter().map(|number| format!("`{number}`")).collect::<Vec<_>>().join(" or ");
            (!is_valid).then(|| invalid_value(value, path, &expected))
        }
        (ValueKind::Integer(min, max), JsonValue::Number(number)) => {
            let is_valid = number.parse().is_ok_and(|number: i64| (*min..=*max).contains(&number));
            (!is_valid).then(|| invalid_value(value, path, &format!("an integer from {min} to {max}")))
        }
        (ValueKind::StringOrInteger, JsonValue::Number(number)) => {
            number.parse::<i64>().is_err().then(|| invalid_value(value, path, "a string or an integer"))
        }
        (ValueKind::Duration(min, max), JsonValue::String(_) | JsonValue::Number(_)) => {
            let invalid = validate_duration(value, *min, *max, path);
            if invalid.is_none() {
                warn_of_missing_unit(value, path, problems);
            }
            invalid
        }
        (ValueKind::StatusCodes, _) => {
            StatusCodes::try_from(value.to_json()).err().map(|expected| invalid_value(value, path, &expected))
        }
        (ValueKind::Quorum, _) => (!is_quorum(value))
            .then(|| invalid_value(value, path, "`any`, `majority`, `all`, or a positive number of nodes")),
        (ValueKind::Headers, JsonValue::Object(members)) => {
            validate_headers(members, path, problems);
            None
        }
        (ValueKind::Labels, JsonValue::Object(members)) => {
            validate_labels(members, path, problems);
            None
        }
        (ValueKind::Map(kind), JsonValue::Object(members)) => {
            for member in members {
                validate_value(&member.value, kind, &KeyPath::Key(path, &member.key), problems);
            }
            None
        }
        (ValueKind::List(kind) | ValueKind::OneOrMany(kind), JsonValue::Array(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                validate_value(element, kind, &KeyPath::Index(path, index), problems);
            }
            None
        }
        (ValueKind::OneOrMany(kind), _) => {
            validate_value(value, kind, path, problems);
            None
        }
        (ValueKind::Object(fields) | ValueKind::SwitchOrObject(fields), JsonValue::Object(members)) => {
            validate_members(value.at, members, [fields, &[]], &[], path, problems);
            None
        }
        (ValueKind::Tagged { keys, variants, unsupported, common, .. }, JsonValue::Object(members)) => {
            validate_tagged(value, members, &TaggedSpec { keys, variants, unsupported, common }, path, problems);
            None
        }
        (kind, _) => Some(invalid_type(value, path, expected_type(kind))),
    };
    if let Some(text) = text {
        problems.add(Problem::error(value.at, text));
    }
}

/// Describes a value of the wrong JSON type. The message does not contain the value, which may be a secret.
fn invalid_type(value: &Located, path: &KeyPath<'_>, expected: &str) -> String {
    format!("invalid type for {}: expected {expected}, found {}", path.quoted(), value.value.type_name())
}

/// Describes a value that its key does not accept.
fn invalid_value(value: &Located, path: &KeyPath<'_>, expected: &str) -> String {
    let shown = match &value.value {
        JsonValue::String(text) => format!(" `{text}`"),
        JsonValue::Number(number) => format!(" `{number}`"),
        _ => String::new(),
    };
    format!("invalid value{shown} for {}: expected {expected}", path.quoted())
}

fn expected_type(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Any => "any value",
        ValueKind::String | ValueKind::Pattern(_) | ValueKind::Enum(_) | ValueKind::Secret => "a string",
        ValueKind::Url | ValueKind::SecretUrl => "a string with a URL",
        ValueKind::Integer(..) | ValueKind::Numbers(_) => "an integer",
        ValueKind::Bool => "`true` or `false`",
        ValueKind::Duration(..) => "a duration, for example `\"30s\"`",
        ValueKind::StatusCodes => "status codes",
        ValueKind::Quorum | ValueKind::StringOrInteger => "a string or an integer",
        ValueKind::Assertions | ValueKind::List(_) => "an array",
        ValueKind::Headers
        | ValueKind::Labels
        | ValueKind::Map(_)
        | ValueKind::Object(_)
        | ValueKind::Tagged { .. } => "an object",
        ValueKind::SwitchOrObject(_) => "`true`, `false` or an object",
        ValueKind::OneOrMany(kind) => expected_type(kind),
    }
}

fn validate_members(
    at: usize,
    members: &[Member],
    fields: [&[Field]; 2],
    tag_keys: &[&str],
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
            None if tag_keys.contains(&&*member.key) => {}
            None => {
                let known = all_fields().map(|field| field.key).chain(tag_keys.iter().copied());
                let remedy =
                    suggestion(&member.key, known.clone()).unwrap_or_else(|| format!("expected {}", one_of(known)));
                problems.add(Problem::error(member.at, format!("unknown key `{path}`: {remedy}")));
            }
        }
    }
    for field in all_fields().filter(|field| field.presence == Presence::Required) {
        if !members.iter().any(|member| field.is_named(&member.key)) {
            let path = KeyPath::Key(path, field.key);
            let description = lower_case_first(field.description.trim_end_matches('.'));
            problems.add(Problem::error(at, format!("missing key `{path}`: {description}")));
        }
    }
}

/// Returns the notice that a key was renamed, or an error if both names are present.
fn renamed(member: &Member, members: &[Member], field: &Field, path: &KeyPath<'_>) -> Problem {
    let key = field.key;
    if members.iter().any(|other| other.key == key) {
        let text = format!("`{path}` is the former name of `{key}`, which is set too: remove `{}`", member.key);
        Problem::error(member.at, text)
    } else {
        Problem::notice(member.at, format!("`{path}` was renamed to `{key}`; the former name still works"))
    }
}

/// The specification of a tagged object. See [`ValueKind::Tagged`].
struct TaggedSpec<'a> {
    keys: &'a [&'a str],
    variants: &'a [Variant],
    unsupported: &'a [&'a str],
    common: &'a [Field],
}

fn validate_tagged(
    value: &Located,
    members: &[Member],
    spec: &TaggedSpec<'_>,
    path: &KeyPath<'_>,
    problems: &mut Problems,
) {
    let TaggedSpec { keys, variants, unsupported, common } = spec;
    let names = || variants.iter().map(|variant| variant.name);
    let tag_path = KeyPath::Key(path, keys.first().copied().unwrap_or_default());
    let Some(tag) = keys.iter().find_map(|key| value.member(key)) else {
        problems.add(Problem::error(value.at, format!("missing key `{tag_path}`: expected {}", one_of(names()))));
        return;
    };
    let Some(name) = tag.text() else {
        problems.add(Problem::error(tag.at, invalid_type(tag, &tag_path, "a string")));
        return;
    };
    if let Some(variant) = variants.iter().find(|variant| variant.name == name) {
        validate_members(value.at, members, [variant.fields, common], keys, path, problems);
        return;
    }
    let text = if unsupported.contains(&name) {
        format!("unsupported type `{name}` for `{path}`: expected {}", one_of(names()))
    } else {
        let remedy = suggestion(name, names().chain(unsupported.iter().copied()));
        let remedy = remedy.unwrap_or_else(|| format!("expected {}", one_of(names())));
        format!("unknown type `{name}` for `{path}`: {remedy}")
    };
    problems.add(Problem::error(tag.at, text));
}

/// Warns about a number that is so small that nanoseconds were probably not meant.
fn warn_of_missing_unit(value: &Located, path: &KeyPath<'_>, problems: &mut Problems) {
    if let JsonValue::Number(number) = &value.value
        && number.parse().is_ok_and(|nanos| (1..LARGEST_WITHOUT_UNIT).contains(&nanos))
    {
        let text = format!(
            "{} is {number} ns: add a unit if you mean another one, for example `\"{number}ms\"`",
            path.quoted()
        );
        problems.add(Problem::warning(value.at, text));
    }
}

fn validate_duration(value: &Located, min: i64, max: i64, path: &KeyPath<'_>) -> Option<String> {
    let nanos = match &value.value {
        JsonValue::String(text) => duration::parse(text).ok(),
        JsonValue::Number(number) => number.parse().ok(),
        _ => None,
    };
    let expected = match nanos {
        Some(nanos) if (min..=max).contains(&nanos) => return None,
        Some(nanos) => {
            let range =
                format!("a duration from `{}` to `{}`", duration::format_exact(min), duration::format_exact(max));
            if (1..min.min(LARGEST_WITHOUT_UNIT)).contains(&nanos) && matches!(value.value, JsonValue::Number(_)) {
                let unit = if nanos * SECOND < min { "m" } else { "s" };
                format!("{range}; numbers are nanoseconds, so add a unit, for example `\"{nanos}{unit}\"`")
            } else {
                range
            }
        }
        None => match &value.value {
            JsonValue::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
                format!("a unit after the number, for example `{text}ms` or `{text}s`")
            }
            _ => "a duration, for example `500ms`, `30s`, `10m`, `1h30m` or `7d`, or a whole number of nanoseconds"
                .to_owned(),
        },
    };
    Some(invalid_value(value, path, &expected))
}

fn is_quorum(value: &Located) -> bool {
    match &value.value {
        JsonValue::String(text) => text.parse::<Quorum>().is_ok(),
        JsonValue::Number(number) => number.parse::<Quorum>().is_ok(),
        _ => false,
    }
}

fn validate_headers(members: &[Member], path: &KeyPath<'_>, problems: &mut Problems) {
    for member in members {
        let is_valid = match &member.value.value {
            JsonValue::String(_) => true,
            JsonValue::Array(elements) => elements.iter().all(|element| element.text().is_some()),
            _ => false,
        };
        if !is_valid {
            let path = KeyPath::Key(path, &member.key);
            let text = match &member.value.value {
                JsonValue::Array(_) => format!("invalid element in `{path}`: expected only strings"),
                _ => invalid_type(&member.value, &path, "a string or an array of strings"),
            };
            problems.add(Problem::error(member.value.at, text));
        }
    }
}

fn validate_labels(members: &[Member], path: &KeyPath<'_>, problems: &mut Problems) {
    for Member { at, key, value } in members {
        let starts_with_digit = key.bytes().next().is_none_or(|byte| byte.is_ascii_digit());
        if starts_with_digit || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let text = format!(
                "invalid label `{key}` in {}: use letters, digits and underscores, and do not start with a digit",
                path.quoted()
            );
            problems.add(Problem::error(*at, text));
        } else if value.text().is_none() {
            problems.add(Problem::error(value.at, invalid_type(value, &KeyPath::Key(path, key), "a string")));
        }
    }
}

fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    // Comparing a long name with all known names would take too long.
    let name = Some(name).filter(|name| name.len() <= MAX_SUGGESTED_LENGTH)?;
    suggest(name, known).map(|known| format!("did you mean `{known}`?"))
}

/// Formats names as a list, such as ``"`a`, `b` or `c`"``.
fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        names => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::dialect::Dialect;
    use crate::config::parser::parse;
    use crate::config::table::ROOT;
    use crate::config::validate::*;

    fn lines(text: &str) -> Vec<String> {
        let mut problems = Problems::default();
        let root = parse(text, Dialect::Checker(&|_| None), &mut problems, None).expect("it is JSON");
        validate_root(&root, &ROOT, &mut problems);
        problems.lines("c.json", text)
    }

    #[test]
    fn a_duration_without_a_unit_is_reported() {
        let lines_of = |duration: &str| {
            lines(&format!(
                r#"{{"checkers":[{{"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","threshold_rtt":{duration}}}]}}"#
            ))
        };
        for (duration, expected) in [
            (
                "500",
                "warning: `checkers[0].threshold_rtt` is 500 ns: add a unit if you mean another one, for example `\"500ms\"`",
            ),
            ("\"500\"", "expected a unit after the number, for example `500ms` or `500s`"),
        ] {
            let lines = lines_of(duration);
            assert!(lines.len() == 1 && lines[0].contains(expected), "{lines:#?}");
        }
        assert_eq!(lines_of("0"), Vec::<String>::new());
        assert_eq!(lines_of("500000000"), Vec::<String>::new());
    }

    #[test]
    fn all_problems_are_reported_at_once_with_suggestions() {
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
                "c.json:2:3: error: unknown key `concurent_checks`: did you mean `concurrent_checks`?",
                "c.json:3:12: error: invalid value `10 minutes` for `every`: expected a duration, for example `500ms`, `30s`, `10m`, `1h30m` or `7d`, or a whole number of nanoseconds",
                "c.json:5:75: error: unknown key `checkers[0].treshold_rtt`: did you mean `threshold_rtt`?",
                "c.json:5:106: error: invalid value `-1` for `checkers[0].attempts`: expected an integer from 0 to 1000",
                "c.json:6:14: error: unknown type `htpt` for `checkers[1]`: did you mean `http`?",
                "c.json:7:5: error: missing key `checkers[2].endpoint_url`: host and port, for example `db.example:5432` or `[::1]:5432`",
                "c.json:8:5: error: missing key `checkers[3].type`: expected `http`, `tcp`, `tls`, `dns`, `icmp`, `websocket`, `grpc`, `exec`, `heartbeat` or `statuspage`",
                "c.json:10:14: error: missing key `storage.bucket`: the name of the bucket",
                "c.json:10:39: error: invalid type for `storage.region`: expected a string, found a number",
            ]
        );
    }

    #[test]
    fn the_originals_configuration_is_valid() {
        let found = lines(include_str!("../../../shared/golden/checkup.json"));
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn header_values_are_strings_or_arrays_of_strings() {
        let with = |headers: &str| {
            lines(&format!(
                r#"{{"checkers":[{{"type":"http","endpoint_name":"A","endpoint_url":"http://x","headers":{headers}}}]}}"#
            ))
        };
        assert!(with(r#"{"A":"b","C":["d","e"]}"#).is_empty());
        assert_eq!(with(r#"{"A":5}"#).len(), 1);
        assert_eq!(with(r#"{"A":["b",5],"C":null}"#).len(), 2);
        assert_eq!(with("[]").len(), 1);
    }
}
