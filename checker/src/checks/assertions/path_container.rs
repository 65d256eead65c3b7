//! Finds the list or object from which a JSON path selects several values. If it is missing, the number of selected
//! values is meaningless.

use serde_json::Value as Json;
use serde_json_path::JsonPath;

use super::filter_numbers::outside_quotes;

/// The path of the list or object from which a path selects several values.
#[derive(Debug, Clone)]
pub(super) struct PathContainer {
    text: String,
    compiled: JsonPath,
}

impl PathContainer {
    /// Returns the container of a valid path, or `None` if the path selects at most one value.
    pub(super) fn of_path(path: &str) -> Option<PathContainer> {
        let text = fixed_part(path)?.to_owned();
        Some(PathContainer { compiled: JsonPath::parse(&text).ok()?, text })
    }

    /// Returns a clause that states why there is no such list or object. Returns `None` if it exists.
    pub(super) fn absence_in(&self, root: &Json) -> Option<String> {
        match self.compiled.query(root).first() {
            None => Some(format!("`{}` is missing", self.text)),
            Some(Json::Array(_) | Json::Object(_)) => None,
            Some(_) => Some(format!("`{}` is not a list or an object", self.text)),
        }
    }
}

/// Returns the part of a path before the first segment that can select several values.
fn fixed_part(path: &str) -> Option<&str> {
    let (mut depth, mut start) = (0_usize, 0);
    for (at, character) in outside_quotes(path) {
        match character {
            '[' => {
                start = if depth == 0 { at } else { start };
                depth += 1;
            }
            ']' => depth = depth.saturating_sub(1),
            '*' | '?' | ':' | ',' if depth > 0 => return Some(&path[..start]),
            '.' if depth == 0 && path[at + 1..].trim_start().starts_with(['.', '*']) => return Some(&path[..at]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::path_container::*;

    #[test]
    fn the_fixed_part_ends_before_the_first_choice() {
        for (path, expected) in [
            ("$.a[0]['b*,?'].c[-1]", None),
            ("$.a[*].b", Some("$.a")),
            ("$.a.*.b", Some("$.a")),
            ("$.a..b", Some("$.a")),
            ("$..b", Some("$")),
            ("$.a[0].b[?@.c[0] == 1].d", Some("$.a[0].b")),
            ("$['a*', 'b']", Some("$")),
            ("$.a['x'][0:2]", Some("$.a['x']")),
        ] {
            assert_eq!(fixed_part(path), expected, "{path}");
        }
    }
}
