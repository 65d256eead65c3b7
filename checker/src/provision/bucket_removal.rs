//! Decides whether a bucket may be deleted. Some services delete a bucket with everything in it, so provisioning
//! deletes a bucket only if provisioning created it, no one else's resources refer to it, and a listing of the whole
//! bucket proves that it is empty.

use std::fmt;

use super::names::{CREATED_BUCKET, TAG};
use super::owned::OwnedResources;
use super::policy::{self, Scope};
use super::service::contents::Contents;

/// Why a bucket is kept, as a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepReason {
    /// The bucket contains other objects or old versions.
    OtherObjects {
        count: String,
        example: String,
    },
    /// The bucket's objects could not be listed.
    Unlisted(String),
    /// Checkers stored new objects after everything was deleted.
    NewObjects {
        count: usize,
        example: String,
    },
    /// A user of another page has permissions for the bucket.
    OtherPage {
        user: String,
    },
    /// The bucket has rules that provisioning did not create.
    OtherRules {
        kind: &'static str,
    },
    NotCreatedHere,
    /// The bucket's tags could not be read.
    TagsUnreadable(String),
}

impl fmt::Display for KeepReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeepReason::OtherObjects { count, example } => {
                write!(formatter, "it contains {count}, for example `{example}`")
            }
            KeepReason::Unlisted(why) => write!(formatter, "it is unknown whether the bucket is empty: {why}"),
            KeepReason::NewObjects { count: 1, example } => {
                write!(formatter, "1 object was stored in the meantime, `{example}`")
            }
            KeepReason::NewObjects { count, example } => {
                write!(formatter, "{count} objects were stored in the meantime, for example `{example}`")
            }
            KeepReason::OtherPage { user } => write!(formatter, "the user `{user}` of another page needs it"),
            KeepReason::OtherRules { kind } => write!(formatter, "it has {kind} that `provision` did not create"),
            KeepReason::NotCreatedHere => {
                write!(formatter, "nothing shows that `provision` created it (the tag `{TAG}` = `{CREATED_BUCKET}`)")
            }
            KeepReason::TagsUnreadable(why) => {
                write!(formatter, "it is unknown whether `provision` created the bucket: {why}")
            }
        }
    }
}

impl KeepReason {
    /// Returns whether the bucket could not be checked, in which case the operator must decide.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, KeepReason::Unlisted(_) | KeepReason::TagsUnreadable(_))
    }
}

/// Returns why the bucket must be kept once the checkers' objects are deleted, or `None` if it can be deleted.
#[must_use]
pub fn keep_reason(owned: &OwnedResources, scope: &Scope<'_>) -> Option<KeepReason> {
    match &owned.contents {
        Err(why) => return Some(KeepReason::Unlisted(why.clone())),
        Ok(contents) if contents.others > 0 => return Some(other_objects(contents)),
        Ok(_) => {}
    }
    if let Some(user) = owned.user_of_other_page.clone() {
        return Some(KeepReason::OtherPage { user });
    }
    let other_rules = [
        (!policy::without_cors(&owned.cors, scope.prefix).is_empty(), "a CORS rule"),
        (!policy::without_expiry(&owned.lifecycle, scope.prefix).is_empty(), "a lifecycle rule"),
        (policy::without_public_statements(owned.bucket_policy.as_ref(), scope).is_some(), "a policy statement"),
    ];
    if let Some((_, kind)) = other_rules.into_iter().find(|(exists, _)| *exists) {
        return Some(KeepReason::OtherRules { kind });
    }
    match &owned.is_created_here {
        Ok(true) => None,
        Ok(false) => Some(KeepReason::NotCreatedHere),
        Err(why) => Some(KeepReason::TagsUnreadable(why.clone())),
    }
}

fn other_objects(contents: &Contents) -> KeepReason {
    KeepReason::OtherObjects {
        count: contents.count_of_others(),
        example: contents.example.clone().unwrap_or_default(),
    }
}

/// Returns why a bucket that should be empty must be kept, or `None` if the listing proves that it is empty.
#[must_use]
pub fn keep_reason_before_deletion(contents: &Contents) -> Option<KeepReason> {
    match (contents.others, contents.ours) {
        (0, 0) => None,
        (0, count) => {
            Some(KeepReason::NewObjects { count, example: contents.example_of_ours.clone().unwrap_or_default() })
        }
        _ => Some(other_objects(contents)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::destroy::tests::{SCOPE, all_resources};
    use serde_json::json;

    fn reason(change: impl FnOnce(&mut OwnedResources)) -> String {
        let mut owned = all_resources();
        change(&mut owned);
        keep_reason(&owned, &SCOPE).map(|reason| reason.to_string()).unwrap_or_default()
    }

    #[test]
    fn only_a_bucket_without_anything_of_others_is_deleted() {
        assert_eq!(reason(|_| {}), "");
        let others = |others| Contents { others, example: Some("a.pdf".to_owned()), ..Contents::default() };
        let cors = policy::with_cors(&[], "other/", &["*".to_owned()]).unwrap().unwrap();
        let lifecycle = policy::with_expiry(&[], "other/", 9).unwrap().unwrap();
        let foreign = json!({ "Statement": [{ "Sid": "Theirs" }] });
        let reasons = [
            reason(|owned| owned.contents = Ok(others(1))),
            reason(|owned| owned.contents = Ok(others(5))),
            reason(|owned| owned.contents = Ok(others(10_000))),
            reason(|owned| owned.contents = Err("access is denied".to_owned())),
            reason(|owned| owned.user_of_other_page = Some("checkup_my-status+b_reader".to_owned())),
            reason(|owned| owned.cors.extend(cors)),
            reason(|owned| owned.lifecycle.extend(lifecycle)),
            reason(|owned| owned.bucket_policy = Some(foreign)),
            reason(|owned| owned.is_created_here = Ok(false)),
            reason(|owned| owned.is_created_here = Err("access is denied".to_owned())),
        ];
        assert_eq!(
            reasons,
            [
                "it contains 1 other object, for example `a.pdf`",
                "it contains 5 other objects, for example `a.pdf`",
                "it contains at least 10000 other objects, for example `a.pdf`",
                "it is unknown whether the bucket is empty: access is denied",
                "the user `checkup_my-status+b_reader` of another page needs it",
                "it has a CORS rule that `provision` did not create",
                "it has a lifecycle rule that `provision` did not create",
                "it has a policy statement that `provision` did not create",
                "nothing shows that `provision` created it (the tag `checkup` = `created`)",
                "it is unknown whether `provision` created the bucket: access is denied",
            ]
        );
    }

    #[test]
    fn right_before_the_deletion_any_object_keeps_the_bucket() {
        let empty = Contents::default();
        assert_eq!(keep_reason_before_deletion(&empty), None);
        let new = Contents { ours: 2, example_of_ours: Some("status/1.json".to_owned()), ..empty.clone() };
        let new = keep_reason_before_deletion(&new).unwrap().to_string();
        assert_eq!(new, "2 objects were stored in the meantime, for example `status/1.json`");
        let other = Contents { others: 1, example: Some("a.pdf".to_owned()), ..empty };
        assert!(matches!(keep_reason_before_deletion(&other), Some(KeepReason::OtherObjects { .. })));
    }
}
