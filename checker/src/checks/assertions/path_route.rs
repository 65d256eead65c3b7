//! Finds values that a JSON path cannot enter: strings that contain JSON, and lists where the path expects an object.
//! The value at such a path is not missing, because it can be elsewhere.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::document::Document;
use super::path_choices::segments;

/// The values that a path with a single result passes on its way, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct PathRoute(Vec<RoutePoint>);

/// A value on the way, from which the path continues with a name or an index.
#[derive(Debug, Clone)]
struct RoutePoint {
    text: String,
    compiled: JsonPath,
    expects_list: bool,
}

impl PathRoute {
    /// Returns the route of a valid path that selects at most one value.
    pub(super) fn of_path(path: &str) -> PathRoute {
        let point = |(at, expects_list): (usize, bool)| {
            let text = path[..at].to_owned();
            Some(RoutePoint { compiled: JsonPath::parse(&text).ok()?, text, expects_list })
        };
        let starts = segments(path).into_iter().map(|segment| (segment.range.start, segment.is_index()));
        PathRoute(starts.filter_map(point).collect())
    }

    /// Returns the route of a path without its start.
    pub(super) fn after_start(path: &str) -> PathRoute {
        let PathRoute(mut points) = PathRoute::of_path(path);
        points.drain(..points.len().min(1));
        PathRoute(points)
    }

    /// Returns a clause about the first value that the path cannot enter. `start` replaces the `$` in paths. Empty
    /// values, such as `null`, `""` and `[]`, do not contain anything in any notation.
    pub(super) fn obstacle_in(&self, root: &Json, start: &str) -> Option<String> {
        for point in &self.0 {
            let value = point.compiled.query(root).first()?;
            if let Some(kind) = point.obstacle(value) {
                let place = if point.text == "$" {
                    "body".to_owned()
                } else {
                    format!("`{}`", point.text.replacen('$', start, 1))
                };
                return Some(format!("{place} is {kind}"));
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
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
            Json::String(_) => "a string",
            Json::Number(_) => "a number",
            Json::Bool(true) => "`true`",
        };
        Some(format!("{kind} instead of {}", if self.expects_list { "a list" } else { "an object" }))
    }
}

/// Returns whether a text is a JSON list or object, possibly as a JSON string.
fn is_container(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"']) && Document::is_json(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::checks::assertions::path_route::PathRoute;

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
        let obstacle = PathRoute::after_start("$.payload[0]").obstacle_in(&item, "@");
        assert_eq!(obstacle.as_deref(), Some("`@.payload` is a string that contains JSON"));
        assert_eq!(PathRoute::after_start("$.payload").obstacle_in(&json!("x"), "@"), None);
    }
}
