//! Finds the lists and objects from which a JSON path selects several values. If one is missing, the selected values are
//! meaningless.

use std::ops::Range;

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::path_choices::choices;
use super::path_route::{Descent, PathRoute};

/// The lists and objects from which a path selects several values.
#[derive(Debug, Clone)]
pub(super) struct PathContainers {
    steps: Vec<PathStep>,
    descent: Option<Descent>,
}

/// A part of a path between two segments that can select several values.
#[derive(Debug, Clone)]
struct PathStep {
    /// Selects the values from which this part starts.
    parents: NamedPath,
    /// The path from each of these values, which selects at most one value.
    fixed: NamedPath,
    /// The values on this path.
    route: PathRoute,
    /// Whether several values can be selected from the value at the end.
    ends_in_container: bool,
    /// Whether the parents are values at any depth, as in `$..name`.
    has_scattered_parents: bool,
}

#[derive(Debug, Clone)]
struct NamedPath {
    text: String,
    compiled: JsonPath,
}

impl NamedPath {
    fn compile(text: String) -> Option<NamedPath> {
        Some(NamedPath { compiled: JsonPath::parse(&text).ok()?, text })
    }
}

impl PathContainers {
    /// Returns the containers of a valid path, or an empty list if the path selects at most one value.
    pub(super) fn of_path(path: &str) -> PathContainers {
        let choices = choices(path);
        let starts = [None].into_iter().chain(choices.iter().map(Some));
        let ends = choices.iter().map(Some).chain([None]);
        let step = |(start, end): (Option<&Range<usize>>, Option<&Range<usize>>)| {
            let from = start.map_or(1, |start| start.end);
            let to = end.map_or(path.len(), |end| end.start);
            Some(PathStep {
                parents: NamedPath::compile(start.map_or("$", |start| &path[..start.end]).to_owned())?,
                fixed: NamedPath::compile(format!("${}", &path[from..to]))?,
                route: PathRoute::from_values(&format!("${}", &path[from..to])),
                ends_in_container: end.is_some(),
                has_scattered_parents: start.is_some_and(|start| path[start.clone()].starts_with("..")),
            })
        };
        let is_used = |step: &PathStep| step.ends_in_container || step.fixed.text != "$";
        let steps = starts.zip(ends).filter_map(step).filter(is_used);
        let steps = if choices.is_empty() { Vec::new() } else { steps.collect() };
        PathContainers { steps, descent: Descent::of_path(path) }
    }

    /// Returns a clause about a list or an object that is missing, or that the path does not enter.
    pub(super) fn absence_in(&self, root: &Json) -> Option<String> {
        let absence = self.steps.iter().find_map(|step| step.absence_in(root));
        absence.or_else(|| self.descent.as_ref()?.obstacle_in(root))
    }
}

impl PathStep {
    fn absence_in(&self, root: &Json) -> Option<String> {
        let (parents, fixed) = (&self.parents.text, &self.fixed.text);
        if parents == "$" {
            return match self.fixed.compiled.query(root).first() {
                None => Some(format!("`{fixed}` is missing")),
                Some(Json::Array(_) | Json::Object(_)) => None,
                Some(_) => Some(format!("`{fixed}` is not a list or an object")),
            };
        }
        let values = self.parents.compiled.query(root).all();
        if values.is_empty() {
            return self.has_scattered_parents.then(|| format!("`{parents}` does not select anything"));
        }
        if let Some(obstacle) = values.iter().find_map(|value| self.route.obstacle_in(value, "@")) {
            return Some(format!("a value of `{parents}` cannot be read: {obstacle}"));
        }
        let is_container = |value: &Json| matches!(value, Json::Array(_) | Json::Object(_));
        if self.ends_in_container {
            let has_container = |value: &&Json| self.fixed.compiled.query(value).first().is_some_and(is_container);
            let path = fixed.replacen('$', "@", 1);
            let absence = || format!("no value of `{parents}` has a list or an object at `{path}`");
            return (!values.iter().any(has_container)).then(absence);
        }
        let can_start = values.into_iter().any(|value| self.route.can_start_in(value));
        (!can_start).then(|| format!("no value of `{parents}` is a list or an object with such members"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::checks::assertions::path_container::*;

    #[test]
    fn paths_are_divided_at_their_choices() {
        for (path, expected) in [
            ("$.a[0]['b*,?'].c[-1]", &[][..]),
            ("$.a[*].b", &["$ $.a", "$.a[*] $.b"]),
            ("$.a.*.b", &["$ $.a", "$.a.* $.b"]),
            ("$.a..b", &["$ $.a"]),
            ("$..b", &["$ $"]),
            ("$..b[0].c", &["$ $", "$..b $[0].c"]),
            ("$.a[0].b[?@.c[0] == 1].d[*]", &["$ $.a[0].b", "$.a[0].b[?@.c[0] == 1] $.d"]),
            ("$['a*', 'b']", &["$ $"]),
            ("$.a['x'][0:2][*]", &["$ $.a['x']", "$.a['x'][0:2] $"]),
        ] {
            let containers = PathContainers::of_path(path).steps;
            let steps = containers.iter().map(|step| format!("{} {}", step.parents.text, step.fixed.text));
            assert_eq!(steps.collect::<Vec<_>>(), expected, "{path}");
        }
    }

    #[test]
    fn missing_containers_are_named() {
        let pods = json!({ "items": [{ "status": {} }, { "status": { "all": [{ "ready": true }] } }] });
        let pending = json!({ "items": [{ "status": {} }, { "status": { "all": null } }] });
        let single = json!({ "items": { "id": 1, "status": "DOWN" }, "status": "error" });
        let wrapped =
            json!({ "items": [{ "p": "{\"status\":\"DOWN\"}" }], "pairs": [["status", "DOWN"]], "blank": [[]] });
        let words = json!({ "items": ["DOWN"], "empty": [] });
        for (path, body, expected) in [
            ("$.items[*].status.all[?@.ready == false]", &pods, None),
            ("$.items[*].status.all[?@.ready == false]", &pending, Some("has a list or an object at `@.status.all`")),
            ("$.items[*].status", &pods, None),
            ("$.items[*].status", &single, Some("no value of `$.items[*]` is a list or an object")),
            ("$.items[*].status", &words, Some("no value of `$.items[*]` is a list or an object")),
            ("$.items[*]", &words, None),
            ("$.empty[*].status", &words, None),
            ("$.empty[*].status[*]", &words, None),
            ("$..alerts[?@.state == 'firing']", &single, Some("`$..alerts` does not select anything")),
            ("$..alerts", &single, None),
            ("$..all[?@.ready == false]", &pods, None),
            ("$.*.all[*]", &single, Some("no value of `$.*` has a list or an object at `@.all`")),
            ("$.status[*]", &single, Some("`$.status` is not a list or an object")),
            ("$.missing[*].x", &single, Some("`$.missing` is missing")),
            ("$.pairs[*].status", &wrapped, Some("no value of `$.pairs[*]` is a list or an object with such members")),
            ("$.pairs[*][1]", &wrapped, None),
            ("$.blank[*].status", &wrapped, None),
            ("$.items[*].p.status", &wrapped, Some("a value of `$.items[*]` cannot be read: `@.p` is a string that")),
            ("$.items[*].p[*]", &wrapped, Some("no value of `$.items[*]` has a list or an object at `@.p`")),
        ] {
            let absence = PathContainers::of_path(path).absence_in(body);
            match expected {
                Some(expected) => {
                    assert!(absence.as_ref().is_some_and(|it| it.contains(expected)), "{path}: {absence:?}");
                }
                None => assert_eq!(absence, None, "{path}"),
            }
        }
    }
}
