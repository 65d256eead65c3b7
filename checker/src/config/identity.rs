//! Finds checks that would be one endpoint, because they have the same title and locator or the same id.

use std::collections::HashMap;
use std::sync::Arc;

use shared::check_file::{ID_LIMIT, LOCATOR_LIMIT, TITLE_LIMIT, shortened};

use super::problem::{Problem, Problems, line_and_column};
use crate::checks::Check;

/// A check and where the file defines it.
pub(super) struct DefinedCheck {
    pub(super) check: Arc<Check>,
    /// The byte offset of the check in the file.
    pub(super) at: usize,
    /// The index of the check in the array.
    pub(super) index: usize,
}

/// Merges checks with the same title and locator, and reports them: the status page, histories and nodes cannot tell
/// them apart. Also reports duplicate ids.
pub(super) fn merge(checks: Vec<DefinedCheck>, text: &str, problems: &mut Problems) -> Vec<DefinedCheck> {
    report_duplicate_ids(&checks, text, problems);
    let mut kept: Vec<DefinedCheck> = Vec::with_capacity(checks.len());
    let mut duplicates: HashMap<usize, Vec<Arc<Check>>> = HashMap::new();
    let mut known: HashMap<(String, String), usize> = HashMap::with_capacity(checks.len());
    for one in checks {
        let (title, locator) = identity_of(&one.check);
        match known.get(&(title.clone(), locator.clone())) {
            Some(first) => {
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
            None => {
                known.insert((title, locator), kept.len());
                kept.push(one);
            }
        }
    }
    for (first, others) in duplicates {
        Arc::make_mut(&mut kept[first].check).duplicates = others.into();
    }
    kept
}

/// Returns the title and the locator as check files contain them.
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

/// An error for a string that is not a valid id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid id `{0}`: use 1 to {ID_LIMIT} letters, digits, dots, underscores and hyphens, for example `shop`")]
pub(super) struct InvalidId(String);

/// Validates the id of a check.
pub(super) fn validate_id(id: &str) -> Result<(), InvalidId> {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=ID_LIMIT).contains(&id.len()) && id.bytes().all(is_valid) { Ok(()) } else { Err(InvalidId(id.to_owned())) }
}
