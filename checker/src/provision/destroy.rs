//! Plans the deletion of everything that provisioning created. Users are identified by their names and by evidence that
//! provisioning created them, rules and statements by their IDs. Stored objects are kept unless their deletion is
//! requested.

use serde_json::{Value, json};

use super::bucket_removal::{KeepReason, keep_reason};
use super::key_files::KeyFile;
use super::owned::{ExistingObjects, OwnedResources};
use super::policy::{self, Scope};
use super::revocation::RevokedKey;
use super::service::{BucketState, ListedKey};
use super::step::{DeletionReason, Step};

/// The steps that delete what provisioning created.
#[derive(Debug, Clone, Default)]
pub struct Removal {
    pub steps: Vec<Step>,
    /// Why the bucket is kept although its data is deleted.
    pub kept_bucket: Option<KeepReason>,
    /// Steps that the operator must do manually, one sentence each.
    pub manual: Vec<String>,
}

/// Plans the steps that delete these resources. Access is revoked first, so an interruption does not leave more
/// access than before. The secrets in `files` are used to verify that deleted keys no longer work.
#[must_use]
pub fn plan(owned: &OwnedResources, scope: &Scope<'_>, objects: ExistingObjects, files: &[KeyFile]) -> Removal {
    let mut removal = Removal::default();
    plan_users(owned, files, &mut removal);
    if owned.bucket == BucketState::Missing {
        return removal;
    }
    plan_rules(owned, scope, &mut removal.steps);
    if objects == ExistingObjects::Delete {
        removal.steps.push(Step::DeleteObjects { prefix: scope.prefix.to_owned() });
        match keep_reason(owned, scope) {
            None => removal.steps.push(Step::DeleteBucket),
            Some(reason) => {
                if reason.is_unknown() {
                    removal.manual.push(format!("delete the bucket if nothing else is in it: {reason}"));
                }
                removal.kept_bucket = Some(reason);
            }
        }
    }
    removal
}

fn plan_users(owned: &OwnedResources, files: &[KeyFile], removal: &mut Removal) {
    let mut revoked = Vec::new();
    for (user, keys) in owned.users.iter().flatten() {
        let delete = |key: &ListedKey| Step::DeleteKey {
            user: user.name.clone(),
            key_id: key.id.clone(),
            why: DeletionReason::UserDeleted,
        };
        removal.steps.extend(keys.iter().map(delete));
        removal.steps.push(Step::DeleteUserPolicy { user: user.name.clone() });
        removal.steps.push(Step::DeleteUser { user: user.name.clone() });
        revoked.extend(keys.iter().map(|key| {
            RevokedKey {
                user: user.name.clone(),
                id: key.id.clone(),
                secret: files
                    .iter()
                    .find(|file| file.keys.access_key_id == key.id)
                    .map(|file| file.keys.secret_access_key.clone()),
            }
        }));
    }
    if !revoked.is_empty() {
        removal.steps.push(Step::VerifyRevocation(revoked));
    }
    removal.manual.extend(owned.unproven_users.iter().map(|user| {
        format!(
            "delete the user `{}` if it is not in use: it has the name of one of this page's users, but nothing shows that `provision` created it",
            user.name
        )
    }));
    if owned.users.is_none() {
        removal.manual.push(
            "delete the keys of the reader, writers and authors with the service's own tools, because it has no IAM API"
                .to_owned(),
        );
    }
}

fn plan_rules(owned: &OwnedResources, scope: &Scope<'_>, steps: &mut Vec<Step>) {
    if policy::has_public_statements(owned.bucket_policy.as_ref(), scope) {
        let left = policy::without_public_statements(owned.bucket_policy.as_ref(), scope);
        let is_unused = left.is_none();
        steps.push(Step::PutBucketPolicy(left));
        // Another statement may require the block to stay open.
        if is_unused && let Some(closed) = policy::closed_again(owned.access_block.as_ref()) {
            steps.push(Step::CloseAccessBlock(closed));
        }
    }
    let cors = policy::without_cors(&owned.cors, scope.prefix);
    if cors.len() != owned.cors.len() {
        steps.push(Step::PutCors(cors));
    }
    let lifecycle = policy::without_expiry(&owned.lifecycle, scope.prefix);
    if lifecycle.len() != owned.lifecycle.len() {
        steps.push(Step::PutLifecycle(lifecycle));
    }
}

impl Removal {
    /// Returns the plan as JSON, without secrets.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "steps": self.steps.iter().map(Step::to_json).collect::<Vec<_>>(),
            "manual": self.manual,
            "bucket_kept_because": self.kept_bucket.as_ref().map(ToString::to_string),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use crate::provision::destroy::*;
    use crate::provision::service::contents::Contents;
    use crate::provision::service::{KeyState, User};
    use crate::redact::Secret;
    use crate::store::settings::WriterKeys;
    use serde_json::json;

    pub(in crate::provision) const SCOPE: Scope<'_> =
        Scope { bucket: "my-status", prefix: "shop/", region: "eu-central-1" };

    fn calls(owned: &OwnedResources, objects: ExistingObjects) -> Vec<&'static str> {
        plan(owned, &SCOPE, objects, &[]).steps.iter().filter_map(Step::action).collect()
    }

    /// Returns a site with everything that provisioning creates, in a bucket that it created.
    pub(in crate::provision) fn all_resources() -> OwnedResources {
        let user =
            User { name: "checkup_my-status+shop_reader".to_owned(), path: "/checkup/my-status/shop/".to_owned() };
        let keys = vec![ListedKey { id: "AKIA1".to_owned(), state: KeyState::Active }];
        OwnedResources {
            bucket: BucketState::Ours,
            cors: policy::with_cors(&[], "shop/", &["*".to_owned()]).unwrap().unwrap(),
            lifecycle: policy::with_expiry(&[], "shop/", 9).unwrap().unwrap(),
            bucket_policy: Some(policy::with_public_statements(None, &SCOPE, &policy::public_statements(&SCOPE))),
            access_block: Some(opened_block()),
            users: Some(vec![(user, keys)]),
            unproven_users: Vec::new(),
            user_of_other_page: None,
            contents: Ok(Contents::default()),
            is_created_here: Ok(true),
        }
    }

    fn opened_block() -> aws_sdk_s3::types::PublicAccessBlockConfiguration {
        let block = aws_sdk_s3::types::PublicAccessBlockConfiguration::builder();
        policy::opened(&block.block_public_acls(true).ignore_public_acls(true).build())
    }

    #[test]
    fn access_is_revoked_first_and_data_is_kept() {
        let users = ["iam:DeleteAccessKey", "iam:DeleteUserPolicy", "iam:DeleteUser", "s3:ListBucket"];
        let bucket = [
            "s3:DeleteBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketCORS",
            "s3:PutLifecycleConfiguration",
        ];
        assert_eq!(calls(&all_resources(), ExistingObjects::Keep), [users.as_slice(), &bucket].concat());
        let with_data = calls(&all_resources(), ExistingObjects::Delete);
        assert_eq!(with_data[with_data.len() - 2..], ["s3:DeleteObject", "s3:DeleteBucket"]);
    }

    #[test]
    fn resources_of_others_are_kept() {
        let owned = OwnedResources {
            cors: policy::with_cors(&[], "other/", &["*".to_owned()]).unwrap().unwrap(),
            lifecycle: policy::with_expiry(&[], "", 9).unwrap().unwrap(),
            bucket_policy: Some(json!({ "Statement": [{ "Sid": "Theirs" }] })),
            users: Some(Vec::new()),
            ..all_resources()
        };
        assert_eq!(calls(&owned, ExistingObjects::Keep), [""; 0]);
    }

    #[test]
    fn a_block_that_other_statements_need_stays_open() {
        let foreign = json!({ "Statement": [{ "Sid": "Theirs" }] });
        let bucket_policy =
            Some(policy::with_public_statements(Some(&foreign), &SCOPE, &policy::public_statements(&SCOPE)));
        let owned =
            OwnedResources { bucket_policy, users: None, cors: Vec::new(), lifecycle: Vec::new(), ..all_resources() };
        assert_eq!(calls(&owned, ExistingObjects::Keep), ["s3:PutBucketPolicy"]);
    }

    #[test]
    fn a_bucket_that_may_contain_something_of_others_is_kept() {
        let owned = OwnedResources { is_created_here: Ok(false), ..all_resources() };
        let removal = plan(&owned, &SCOPE, ExistingObjects::Delete, &[]);
        assert!(removal.steps.iter().all(|step| !matches!(step, Step::DeleteBucket)), "{removal:?}");
        assert!(removal.kept_bucket.is_some() && removal.manual.is_empty(), "{removal:?}");
        let owned = OwnedResources { contents: Err("access is denied".to_owned()), ..all_resources() };
        let removal = plan(&owned, &SCOPE, ExistingObjects::Delete, &[]);
        assert!(removal.kept_bucket.is_some() && removal.manual[0].contains("access is denied"), "{removal:?}");
    }

    #[test]
    fn deleted_keys_are_tried_with_the_secrets_in_files() {
        let keys =
            WriterKeys { access_key_id: "AKIA1".to_owned(), secret_access_key: Secret::new("canary".to_owned()) };
        let file = KeyFile { file: "config.json".to_owned(), user: "checkup_my-status+shop_reader".to_owned(), keys };
        let removal = plan(&all_resources(), &SCOPE, ExistingObjects::Keep, &[file]);
        let tried = removal.steps.iter().find_map(|step| match step {
            Step::VerifyRevocation(keys) => Some(keys),
            _ => None,
        });
        assert!(tried.unwrap().iter().all(|key| key.secret.is_some()), "{removal:?}");
        assert!(!removal.to_json().to_string().contains("canary") && !format!("{removal:?}").contains("canary"));
    }

    #[test]
    fn users_without_proof_are_left_to_the_operator() {
        let user = User { name: "checkup_my-status+shop_reader".to_owned(), path: "/".to_owned() };
        let owned = OwnedResources { users: Some(Vec::new()), unproven_users: vec![user], ..all_resources() };
        let removal = plan(&owned, &SCOPE, ExistingObjects::Keep, &[]);
        assert!(removal.steps.iter().all(|step| !matches!(step, Step::DeleteUser { .. })), "{removal:?}");
        assert!(removal.manual[0].contains("checkup_my-status+shop_reader"), "{removal:?}");
        let owned = OwnedResources { users: None, ..all_resources() };
        assert!(plan(&owned, &SCOPE, ExistingObjects::Keep, &[]).manual[0].contains("no IAM API"));
    }

    #[test]
    fn without_resources_there_are_no_steps() {
        let owned = OwnedResources { bucket: BucketState::Missing, users: Some(Vec::new()), ..all_resources() };
        assert_eq!(calls(&owned, ExistingObjects::Delete), [""; 0]);
    }
}
