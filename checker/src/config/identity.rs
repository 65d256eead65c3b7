//! Finds checks that would be the same endpoint, because they have the same title and locator, or the same id.

use std::collections::HashMap;
use std::sync::Arc;

use shared::check_file::{ID_LIMIT, LOCATOR_LIMIT, TITLE_LIMIT, shortened};

use super::problem::{Problem, Problems, line_and_column};
use crate::checks::Check;

/// A check and its position in the configuration file.
pub(super) struct DefinedCheck {
    pub(super) check: Arc<Check>,
    /// The byte offset of the check in the file.
    pub(super) at: usize,
    /// The index of the check in the array.
    pub(super) index: usize,
}

/// Merges checks with the same title and locator, and reports them, because the status page and histories cannot
/// distinguish them. Also reports duplicate ids.
pub(super) fn merge(checks: Vec<DefinedCheck>, text: &str, problems: &mut Problems) -> Vec<DefinedCheck> {
    report_duplicate_ids(&checks, text, problems);
    let mut kept: Vec<DefinedCheck> = Vec::with_capacity(checks.len());
    let mut duplicates: HashMap<usize, Vec<Arc<Check>>> = HashMap::new();
    let mut known: HashMap<(String, String), usize> = HashMap::with_capacity(checks.len());
    for one in checks {
        let (title, locator) = identity_of(&one.check);
        let Some(first) = known.get(&(title.clone(), locator.clone())) else {
            known.insert((title, locator), kept.len());
            kept.push(one);
            continue;
        };
        let before = &kept[*first];
        let line = line_and_column(text, before.at).0;
        let text = format!(
            "`checkers[{}]` and `checkers[{}]` (line {line}) are the same endpoint, because both have the title \
             `{title}` and the locator `{locator}`: give them different titles",
            one.index, before.index
        );
        problems.add(Problem::check_error(one.at, text));
        duplicates.entry(*first).or_default().push(one.check);
    }
    for (first, others) in duplicates {
        Arc::make_mut(&mut kept[first].check).duplicates = others.into();
    }
    kept
}

/// Returns the title and the locator, shortened as in check files.
fn identity_of(check: &Check) -> (String, String) {
    let locator = check.kind.locator().to_owned();
    (shortened(check.title.clone(), TITLE_LIMIT), shortened(locator, LOCATOR_LIMIT))
}

fn report_duplicate_ids(checks: &[DefinedCheck], text: &str, problems: &mut Problems) {
    let mut known: HashMap<&str, &DefinedCheck> = HashMap::new();
    for one in checks {
        let Some(id) = one.check.id.as_deref() else { continue };
        if let Some(first) = known.get(id) {
            let line = line_and_column(text, first.at).0;
            let text = format!(
                "`checkers[{}].id` and `checkers[{}].id` (line {line}) are both `{id}`: give each check its own id",
                one.index, first.index
            );
            problems.add(Problem::error(one.at, text));
        } else {
            known.insert(id, one);
        }
    }
}

/// The error for a string that is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid id `{0}`: use 1 to {ID_LIMIT} letters, digits, dots, underscores and hyphens, for example `shop`")]
pub(super) struct InvalidId(String);

/// Validates the id of a check.
pub(super) fn validate_id(id: &str) -> Result<(), InvalidId> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=ID_LIMIT).contains(&id.len()) && id.bytes().all(is_valid) { Ok(()) } else { Err(InvalidId(id.to_owned())) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::model::Config;
    use crate::config::{Environment, from_file};

    fn load(name: &str, text: &str) -> (Option<Config>, Vec<String>) {
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let (config, problems) = from_file(text, Path::new(name), &environment);
        (config, problems.lines(name, text))
    }

    #[test]
    fn checks_that_are_one_endpoint_are_reported_with_both_lines() {
        let long = "x".repeat(300);
        let text = format!(
            r#"{{"checkers":[
            {{"type":"http","endpoint_name":"a","endpoint_url":"http://a/","method":"POST","up_status":404}},
            {{"type":"http","endpoint_name":"b","endpoint_url":"http://a/"}},
            {{"type":"http","endpoint_name":"a","endpoint_url":"http://a/"}},
            {{"type":"tcp","endpoint_name":"a","endpoint_url":"a:1"}},
            {{"type":"tls","endpoint_name":"a","endpoint_url":"a:1"}},
            {{"type":"exec","name":"{long}1","command":"true"}},
            {{"type":"exec","name":"{long}2","command":"true"}},
            {{"type":"http","endpoint_name":"a","endpoint_url":"http://a/"}}]}}"#
        );
        for name in ["c.json", "checkup.json"] {
            let (config, lines) = load(name, &text);
            let starts = [
                "4:13: error: `checkers[2]` and `checkers[0]` (line 2) are the same endpoint, because both have the title `a` and the locator `http://a/`: give them different titles",
                "6:13: error: `checkers[4]` and `checkers[3]` (line 5) are the same endpoint",
                "8:13: error: `checkers[6]` and `checkers[5]` (line 7) are the same endpoint",
                "9:13: error: `checkers[7]` and `checkers[0]` (line 2) are the same endpoint",
            ];
            assert_eq!(lines.len(), starts.len(), "{lines:#?}");
            for (line, start) in lines.iter().zip(starts) {
                assert!(line.starts_with(&format!("{name}:{start}")), "{line}");
            }
            let checks = config.expect("the checks still run").checks;
            let duplicates: Vec<usize> = checks.iter().map(|check| check.duplicates.len()).collect();
            assert_eq!(duplicates, [2, 0, 1, 1]);
        }
    }

    #[test]
    fn ids_are_valid_and_unique() {
        let check = |name: &str, id: &str| format!(r#"{{"type":"exec","name":"{name}","command":"true","id":"{id}"}}"#);
        let text = format!("{{\"checkers\":[\n{},\n{}]}}", check("A", "shop"), check("B", "Shop.eu_1-2"));
        let (config, lines) = load("c.json", &text);
        let ids: Vec<_> = config.expect("it is valid").checks.iter().map(|check| check.id.clone()).collect();
        assert_eq!((ids, lines.len()), (vec![Some("shop".into()), Some("Shop.eu_1-2".into())], 0));
        let text = format!("{{\"checkers\":[\n{},\n{}]}}", check("A", "shop"), check("B", "shop"));
        let (config, lines) = load("c.json", &text);
        let expected = "c.json:3:1: error: `checkers[1].id` and `checkers[0].id` (line 2) are both `shop`: give each check its own id";
        assert!(config.is_none() && lines == [expected], "{lines:?}");
        for invalid in ["", "my shop", "größe", &"x".repeat(65)] {
            let (config, lines) = load("c.json", &format!("{{\"checkers\":[{}]}}", check("A", invalid)));
            assert!(config.is_none() && lines[0].contains("`checkers[0].id`: invalid id"), "{lines:?}");
        }
    }
}
