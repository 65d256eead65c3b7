//! Finds values that a JSON path cannot enter: strings that contain JSON, and lists where the path expects an object.
//! The value at such a path is not missing, because it can be elsewhere.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::document::Document;
use super::path_choices::{Segment, segments};

/// The values that a path with a single result passes on its way, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct PathRoute(Vec<RoutePoint>);

/// A value on the way, from which the path continues with a name or an index.
#[derive(Debug, Clone)]
struct RoutePoint {
    text: String,
    compiled: JsonPath,
    expects_list: bool,
    /// Whether this is one of many values, which can have different types. Then only a string that contains JSON is an
    /// obstacle.
    is_mixed: bool,
}

impl PathRoute {
    /// Returns the route of a valid path that selects at most one value.
    pub(super) fn of_path(path: &str) -> PathRoute {
        let point = |(at, expects_list): (usize, bool)| {
            let text = path[..at].to_owned();
            Some(RoutePoint { compiled: JsonPath::parse(&text).ok()?, text, expects_list, is_mixed: false })
        };
        let starts = segments(path).into_iter().map(|segment| (segment.range.start, segment.is_index()));
        PathRoute(starts.filter_map(point).collect())
    }

    /// Returns the route of a path from each of many values.
    pub(super) fn from_values(path: &str) -> PathRoute {
        let PathRoute(mut points) = PathRoute::of_path(path);
        if let Some(start) = points.first_mut() {
            start.is_mixed = true;
        }
        PathRoute(points)
    }

    /// Returns whether the path can continue from this value: with a name from an object, or with an index from a list.
    /// Some programs write empty objects as `[]`.
    pub(super) fn can_start_in(&self, value: &Json) -> bool {
        match value {
            Json::Array(elements) => elements.is_empty() || self.0.first().is_none_or(|start| start.expects_list),
            Json::Object(members) => members.is_empty() || self.0.first().is_none_or(|start| !start.expects_list),
            _ => false,
        }
    }

    /// Returns a clause about the first value that the path cannot enter. `start` replaces the `$` in paths. Empty
    /// values, such as `null`, `""` and `[]`, do not contain anything in any notation.
    pub(super) fn obstacle_in(&self, root: &Json, start: &str) -> Option<String> {
        for point in &self.0 {
            let value = point.compiled.query(root).first()?;
            if let Some(kind) = point.obstacle(value) {
                let shown = point.text.replacen('$', start, 1);
                return Some(if shown == "$" { format!("body is {kind}") } else { format!("`{shown}` is {kind}") });
            }
        }
        None
    }
}

impl RoutePoint {
    /// Returns the kind of a value that the path cannot enter.
    fn obstacle(&self, value: &Json) -> Option<String> {
        let kind = match value {
            Json::Array(elements) if elements.is_empty() || self.expects_list => return None,
            Json::Object(members) if members.is_empty() || !self.expects_list => return None,
            Json::Null | Json::Bool(false) => return None,
            Json::Number(number) if number.as_f64() == Some(0.0) => return None,
            Json::String(text) if text.trim().is_empty() => return None,
            Json::String(text) if is_container(text) => return Some("a string that contains JSON".to_owned()),
            _ if self.is_mixed => return None,
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
            Json::String(_) => "a string",
            Json::Number(_) => "a number",
            Json::Bool(true) => "`true`",
        };
        Some(format!("{kind} instead of {}", if self.expects_list { "a list" } else { "an object" }))
    }
}

/// A path to values at any depth, such as `$..name`. It does not enter strings that contain JSON.
#[derive(Debug, Clone)]
pub(super) struct Descent {
    text: String,
    compiled: JsonPath,
}

impl Descent {
    /// Returns the part of a path from its first `..` on.
    pub(super) fn of_path(path: &str) -> Option<Descent> {
        let start = segments(path).into_iter().find(Segment::is_descent)?.range.start;
        let text = format!("${}", &path[start..]);
        Some(Descent { compiled: JsonPath::parse(&text).ok()?, text })
    }

    /// Returns a clause about a string that contains JSON in which the path would select a value.
    pub(super) fn obstacle_in(&self, value: &Json) -> Option<String> {
        match value {
            Json::Array(elements) => elements.iter().find_map(|element| self.obstacle_in(element)),
            Json::Object(members) => members.values().find_map(|member| self.obstacle_in(member)),
            Json::String(text) if text.trim_start().starts_with(['{', '[', '"']) => {
                let document = Document::parse(text.as_bytes())?;
                let is_inside =
                    |root: &Json| self.compiled.query(root).first().is_some() || self.obstacle_in(root).is_some();
                document
                    .readings()
                    .any(is_inside)
                    .then(|| format!("a string contains JSON in which `{}` selects values", self.text))
            }
            _ => None,
        }
    }
}

/// Returns whether a text is a JSON list or object, possibly as a JSON string.
fn is_container(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"']) && Document::is_json(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::checks::assertions::path_route::{Descent, PathRoute};

    #[test]
    fn values_that_a_path_cannot_enter_are_named() {
        let inside = json!({ "payload": "{\"status\":\"DOWN\"}", "list": [{ "status": "DOWN" }], "error": "disk full",
            "up": true, "map": { "0": "DOWN" }, "count": 7 });
        let nothing = json!({ "null": null, "flag": false, "zero": 0, "text": " ", "list": [], "object": {} });
        for (path, body, expected) in [
            ("$.status", &json!("{\"status\":\"DOWN\"}"), Some("body is a string that contains JSON")),
            ("$.status", &json!("\"{}\""), Some("body is a string that contains JSON")),
            ("$.status", &json!("error"), Some("body is a string instead of an object")),
            ("$.status", &json!([{ "status": "DOWN" }]), Some("body is a list instead of an object")),
            ("$.payload.status", &inside, Some("`$.payload` is a string that contains JSON")),
            ("$['payload']['status'].x", &inside, Some("`$['payload']` is a string that contains JSON")),
            ("$.list.status", &inside, Some("`$.list` is a list instead of an object")),
            ("$.error.message", &inside, Some("`$.error` is a string instead of an object")),
            ("$.up.status", &inside, Some("`$.up` is `true` instead of an object")),
            ("$.count[0]", &inside, Some("`$.count` is a number instead of a list")),
            ("$.map[0]", &inside, Some("`$.map` is an object instead of a list")),
            ("$.list[0].status", &inside, None),
            ("$.list[-1].missing.x", &inside, None),
            ("$.missing.status", &inside, None),
            ("$.payload", &inside, None),
            ("$", &json!("error"), None),
            ("$.null.x", &nothing, None),
            ("$.flag.x", &nothing, None),
            ("$.zero.x", &nothing, None),
            ("$.text.x", &nothing, None),
            ("$.list.x", &nothing, None),
            ("$.object[0]", &nothing, None),
        ] {
            assert_eq!(PathRoute::of_path(path).obstacle_in(body, "$").as_deref(), expected, "{path} {body}");
        }
        let item = json!({ "payload": "[]" });
        let obstacle = PathRoute::from_values("$.payload[0]").obstacle_in(&item, "@");
        assert_eq!(obstacle.as_deref(), Some("`@.payload` is a string that contains JSON"));
        let obstacle = PathRoute::from_values("$.payload").obstacle_in(&json!("{}"), "@");
        assert_eq!(obstacle.as_deref(), Some("`@` is a string that contains JSON"));
        for other in [json!("x"), json!([1]), json!(7)] {
            assert_eq!(PathRoute::from_values("$.payload").obstacle_in(&other, "@"), None, "{other}");
        }
    }

    #[test]
    fn descents_do_not_enter_strings() {
        let body =
            json!({ "events": [{ "payload": "{\"status\":\"DOWN\"}" }, "[{\"x\":\"{\\\"deep\\\":1}\"}]", "{" ] });
        for (path, expected) in [
            ("$..status", Some("a string contains JSON in which `$..status` selects values")),
            ("$.events..deep", Some("a string contains JSON in which `$..deep` selects values")),
            ("$..[?@.status == 'DOWN']", None),
            ("$..error", None),
        ] {
            let descent = Descent::of_path(path).expect(path);
            assert_eq!(descent.obstacle_in(&body).as_deref(), expected, "{path}");
        }
        assert!(Descent::of_path("$.events[*].status").is_none());
    }
}
