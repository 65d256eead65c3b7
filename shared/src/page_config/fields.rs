//! Reads the fields of a JSON object and collects all problems.

use std::borrow::Cow;

use super::appearance;
use crate::json::Json;
use crate::object_name::NodeName;
use crate::suggest::suggest;
use crate::{Nanos, duration};

/// A reader for the members of one object that collects problems.
pub(super) struct Fields<'a> {
    pub(super) object: &'a Json<'a>,
    pub(super) members: &'a [(Cow<'a, str>, Json<'a>)],
    /// The prefix of keys in reported problems: empty or `source.`.
    pub(super) path: &'static str,
    pub(super) problems: &'a mut Vec<String>,
}

impl Fields<'_> {
    /// Reports a problem. `problem`, such as `must be a number`, completes a sentence whose subject is the key.
    pub(super) fn problem(&mut self, key: &str, problem: &str) {
        self.problems.push(format!("`{}{key}` {problem}", self.path));
    }

    pub(super) fn refuse_unknown(&mut self, known: &[&str]) {
        let is_former =
            |key: &str| self.path.is_empty() && appearance::RENAMED_KEYS.iter().any(|(former, _)| *former == key);
        for (key, _) in self.members.iter().filter(|(key, _)| !known.contains(&&**key) && !is_former(key)) {
            let remedy = match suggest(key, known.iter().copied()) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => format!("known keys: {}", known.join(", ")),
            };
            self.problems.push(format!("`{}{key}` is unknown; {remedy}", self.path));
        }
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        if let Json::String(text) = self.object.get(key)? {
            return Some(text.to_string());
        }
        self.problem(key, "must be a string in quotes");
        None
    }

    pub(super) fn required_text(&mut self, key: &str, what: &str) -> Option<String> {
        match self.object.get(key) {
            Some(Json::String(text)) if text.is_empty() => {
                self.problem(key, &format!("is empty; write {what}"));
                None
            }
            Some(_) => self.text(key),
            None => {
                self.problem(key, &format!("is missing; write {what}"));
                None
            }
        }
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.object.get(key) {
            None => default,
            Some(Json::Bool(flag)) => *flag,
            Some(_) => {
                self.problem(key, "must be `true` or `false`");
                default
            }
        }
    }

    /// Reads a list of names. Invalid names are left out, so they never admit anyone.
    pub(super) fn names(&mut self, key: &str) -> Option<Vec<NodeName>> {
        let Json::Array(elements) = self.object.get(key)? else {
            self.problem(key, "must be an array of names; it is read as an empty list");
            return Some(Vec::new());
        };
        let mut names = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match element {
                Json::String(name) if NodeName::new(name).is_ok() => names.extend(NodeName::new(name)),
                _ => self.problem(&format!("{key}[{index}]"), "is not the name of an author; it is skipped"),
            }
        }
        Some(names)
    }

    /// Reads a duration such as `10m`, or a whole number of nanoseconds.
    pub(super) fn duration(&mut self, key: &str, default: Nanos, (least, most): (Nanos, Nanos)) -> Nanos {
        let nanos = match self.object.get(key) {
            None => return default,
            Some(Json::String(text)) => duration::parse(text).map_err(|error| error.to_string()),
            Some(Json::Number(digits)) => digits.parse().map_err(|_| not_a_duration(digits)),
            Some(_) => Err(not_a_duration("…")),
        };
        match nanos {
            Ok(nanos) if (least..=most).contains(&nanos) => nanos,
            Ok(_) => {
                let (least, most) = (duration::format_exact(least), duration::format_exact(most));
                self.problem(key, &format!("must be between `{least}` and `{most}`"));
                default
            }
            Err(error) => {
                self.problem(key, &format!("is invalid: {error}"));
                default
            }
        }
    }
}

fn not_a_duration(text: &str) -> String {
    duration::ParseDurationError(text.to_owned()).to_string()
}
