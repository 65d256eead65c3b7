//! The notification keys of checks: `notify`, `depends_on` and `slo`.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use shared::budget::{LONGEST_WINDOW, Objective, SHORTEST_WINDOW, Target};
use shared::check_file::EndpointKey;
use shared::endpoint_map::EndpointMap;
use shared::suggest::suggest;
use shared::{DAY, Nanos};

use super::common::ChannelIds;
use crate::checks::Check;
use crate::config::document::{JsonValue, Located};
use crate::config::patterns;
use crate::config::problem::{Problem, Problems};
use crate::config::raw::RawDuration;
use crate::config::read_as;
use crate::config::spec::{Field, ValueKind, optional, required};
use crate::notify::rules::CheckNotifications;

/// The default window of a service level objective.
const DEFAULT_WINDOW: Nanos = 30 * DAY;
/// The maximum number of unknown titles for which a similar title is suggested. Comparing all titles is slow.
const SUGGESTIONS: usize = 20;

pub(in crate::config) const NOTIFY: Field = optional(
    "notify",
    ValueKind::List(&ValueKind::String),
    "every channel whose `endpoints` match",
    "The ids of the channels to notify of this endpoint. `[]` means that no channel is notified.",
);
pub(in crate::config) const DEPENDS_ON: Field = optional(
    "depends_on",
    ValueKind::List(&ValueKind::String),
    "none",
    "The titles of endpoints that this one depends on, such as a router. While one of them is down, channels are not notified of this endpoint.",
);
pub(in crate::config) const SLO: Field = optional(
    "slo",
    ValueKind::Object(OBJECTIVE),
    "none",
    "The endpoint's service level objective: for example `{ \"target\": \"99.9%\", \"window\": \"30d\" }`. `window` can be `1d` to `400d`; see [Error budgets](notifications.md#error-budgets).",
);

const OBJECTIVE: &[Field] = &[
    required(
        "target",
        ValueKind::Pattern(patterns::TARGET),
        "The availability that the endpoint must have, with up to four decimals, for example `99.9%`.",
    ),
    optional(
        "window",
        ValueKind::Duration(SHORTEST_WINDOW, LONGEST_WINDOW),
        "`30d`",
        "The length of the rolling window.",
    ),
];

#[derive(Deserialize)]
struct RawObjective {
    target: String,
    window: Option<RawDuration>,
}

/// A string and its position in the file.
type Reference = (usize, String);

/// One check's references to channels and other endpoints.
struct References {
    key: EndpointKey,
    /// The index of the check in `checkers`.
    index: usize,
    channels: Option<Vec<Reference>>,
    depends_on: Vec<Reference>,
}

/// The notification settings of all checks. References are validated after all checks and notifiers have been read.
#[derive(Default)]
pub(in crate::config) struct CheckKeys {
    references: Vec<References>,
}

/// Returns the service level objectives of all checks that have one.
pub(in crate::config) fn objectives<'c>(checks: impl Iterator<Item = &'c Check>) -> EndpointMap<Objective> {
    let mut objectives = EndpointMap::new();
    for check in checks {
        if let Some(objective) = check.objective.as_deref() {
            objectives.insert(key_of(check), *objective);
        }
    }
    objectives
}

fn key_of(check: &Check) -> EndpointKey {
    EndpointKey { title: check.title.clone(), locator: check.kind.locator().to_owned(), id: check.id.clone() }
}

impl CheckKeys {
    /// Reads the notification keys of the check at `index`. Validation has already accepted their types.
    pub(in crate::config) fn read(
        &mut self,
        located: &Located,
        check: &mut Check,
        index: usize,
        problems: &mut Problems,
    ) {
        if let Some(slo) = located.member(SLO.key) {
            let objective = read_as(slo, problems).and_then(|raw: RawObjective| {
                let window = raw.window.map_or(DEFAULT_WINDOW, |window| window.0);
                match raw.target.parse::<Target>() {
                    Ok(target) => Some(Objective { target, window }),
                    Err(error) => {
                        let at = slo.member("target").map_or(slo.at, |target| target.at);
                        problems.add(Problem::error(at, format!("`checkers[{index}].slo.target`: {error}")));
                        None
                    }
                }
            });
            check.objective = objective.map(Box::new);
        }
        let channels = located.member(NOTIFY.key).map(references);
        let depends_on = located.member(DEPENDS_ON.key).map(references).unwrap_or_default();
        if channels.is_some() || !depends_on.is_empty() {
            self.references.push(References { key: key_of(check), index, channels, depends_on });
        }
    }

    /// Reports dependencies on endpoints that are not in `titles`, and dependency cycles.
    pub(in crate::config) fn check_titles<'c>(
        &self,
        titles: &(impl Iterator<Item = &'c str> + Clone),
        problems: &mut Problems,
    ) {
        if self.references.iter().all(|check| check.depends_on.is_empty()) {
            return;
        }
        let known: HashSet<&str> = titles.clone().collect();
        let mut unknown = 0;
        for check in &self.references {
            for (at, title) in &check.depends_on {
                if known.contains(title.as_str()) {
                    continue;
                }
                unknown += 1;
                let suggested = if unknown <= SUGGESTIONS { suggest(title, titles.clone()) } else { None };
                let path = format!("`checkers[{}].depends_on`", check.index);
                problems.add(match suggested {
                    Some(suggested) => Problem::warning(
                        *at,
                        format!("{path}: this file has no endpoint `{title}`: did you mean `{suggested}`?"),
                    ),
                    // This is only a notice, because another node may check the endpoint.
                    None => Problem::notice(
                        *at,
                        format!("{path}: this file has no endpoint `{title}`, so another node must check it"),
                    ),
                });
            }
        }
        self.report_cycles(problems);
    }

    /// Reports dependency cycles, whose endpoints would suppress each other's notifications.
    fn report_cycles(&self, problems: &mut Problems) {
        let mut edges: HashMap<&str, Vec<Edge<'_>>> = HashMap::new();
        for check in &self.references {
            let of_check = check.depends_on.iter().map(|(at, title)| Edge { title, at: *at, index: check.index });
            edges.entry(&check.key.title).or_default().extend(of_check);
        }
        for (edge, path) in cycles(&edges) {
            let through = match path.as_slice() {
                [] | [_] => String::new(),
                [_, others @ ..] => format!(" through `{}`", others.join("`, `")),
            };
            let text = format!(
                "`checkers[{}].depends_on`: `{}` depends on itself{through}, so no channel would be notified of it: \
                 remove one of the dependencies",
                edge.index, edge.title
            );
            problems.add(Problem::error(edge.at, text));
        }
    }

    /// Returns the notification settings of each check that has any. `ids` is `None` if the file has no notifiers.
    pub(super) fn convert(self, ids: Option<&ChannelIds>, problems: &mut Problems) -> EndpointMap<CheckNotifications> {
        let mut settings = EndpointMap::new();
        for References { key, index, channels, depends_on } in self.references {
            let mut find = |(at, text): Reference| {
                let Some(ids) = ids else {
                    let text = "has no effect, because this file has no `notifiers`";
                    problems.add(Problem::notice(at, format!("`checkers[{index}].notify` {text}")));
                    return None;
                };
                let found = ids.find(&text);
                if let Err(error) = &found {
                    problems.add(Problem::error(at, format!("`checkers[{index}].notify`: {error}")));
                }
                found.ok()
            };
            let channels = channels.map(|channels| channels.into_iter().filter_map(&mut find).collect());
            let depends_on = depends_on.into_iter().map(|(_, title)| title).collect();
            settings.insert(key, CheckNotifications { channels, depends_on });
        }
        settings
    }
}

/// Returns the strings in an array, with their positions.
fn references(list: &Located) -> Vec<Reference> {
    match &list.value {
        JsonValue::Array(elements) => {
            elements.iter().map(|element| (element.at, element.text().unwrap_or_default().to_owned())).collect()
        }
        _ => Vec::new(),
    }
}

/// A dependency on the endpoint with this title.
#[derive(Clone, Copy)]
struct Edge<'t> {
    title: &'t str,
    /// The position of the title in the file.
    at: usize,
    /// The index of the check that has this dependency.
    index: usize,
}

/// Finds the dependencies that close a cycle, each with the titles on that cycle.
fn cycles<'t>(edges: &HashMap<&'t str, Vec<Edge<'t>>>) -> Vec<(Edge<'t>, Vec<&'t str>)> {
    let mut found = Vec::new();
    let mut is_done: HashMap<&str, bool> = HashMap::new();
    let mut titles: Vec<&&str> = edges.keys().collect();
    titles.sort_unstable();
    for start in titles {
        // The current path from `start`: each endpoint, and how many of its edges have been followed.
        let mut path: Vec<(&str, usize)> = Vec::new();
        if !is_done.contains_key(start) {
            is_done.insert(start, false);
            path.push((start, 0));
        }
        while let Some((title, followed)) = path.last_mut() {
            let Some(edge) = edges.get(title).and_then(|edges| edges.get(*followed)) else {
                is_done.insert(title, true);
                path.pop();
                continue;
            };
            *followed += 1;
            match is_done.get(edge.title) {
                Some(true) => {}
                Some(false) => {
                    let cycle = path.iter().map(|(title, _)| *title).skip_while(|title| *title != edge.title);
                    found.push((*edge, cycle.collect()));
                }
                None => {
                    is_done.insert(edge.title, false);
                    path.push((edge.title, 0));
                }
            }
        }
    }
    found
}
