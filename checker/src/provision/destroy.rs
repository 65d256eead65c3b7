//! Plans the deletion of what provisioning created. Users are identified by their path, rules and statements by their
//! ID. Stored objects are kept unless their deletion is requested.

use super::names;
use super::policy::{self, Scope};
use super::service::{BucketState, ListedKey, Service, ServiceError, User};
use super::state::if_supported;
use super::step::{DeletionReason, Step};
use aws_sdk_s3::types::{CorsRule, LifecycleRule, PublicAccessBlockConfiguration};
use serde_json::Value;

/// The existing resources that provisioning created.
#[derive(Debug, Clone)]
pub struct OwnedResources {
    pub bucket: BucketState,
    pub cors: Vec<CorsRule>,
    pub lifecycle: Vec<LifecycleRule>,
    pub bucket_policy: Option<Value>,
    pub access_block: Option<PublicAccessBlockConfiguration>,
    /// Users with their keys; `None` if the service has no IAM API.
    pub users: Option<Vec<(User, Vec<ListedKey>)>>,
}

/// What happens to stored objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingObjects {
    Keep,
    /// The objects are deleted, then the bucket if it is empty.
    Delete,
}

pub async fn find_owned(service: &Service, scope: &Scope<'_>) -> Result<OwnedResources, ServiceError> {
    let path = names::user_path(scope.bucket, scope.prefix);
    let users = match service.users_with_path(&path).await {
        Ok(found) => {
            let mut users = Vec::new();
            for user in found {
                let keys = service.keys(&user.name).await?;
                users.push((user, keys));
            }
            Some(users)
        }
        Err(ServiceError::NoIam { .. }) => None,
        Err(error) => return Err(error),
    };
    let bucket = service.bucket_state().await?;
    let mut owned = OwnedResources {
        bucket,
        cors: Vec::new(),
        lifecycle: Vec::new(),
        bucket_policy: None,
        access_block: None,
        users,
    };
    if bucket == BucketState::Ours {
        // If a service does not support a kind of rule, there are no such rules.
        owned.cors = if_supported(service.cors().await)?.unwrap_or_default();
        owned.lifecycle = if_supported(service.lifecycle().await)?.unwrap_or_default();
        owned.bucket_policy = service.bucket_policy().await?;
        owned.access_block = service.access_block().await?;
    }
    Ok(owned)
}

/// Plans the steps that delete these resources. Access is revoked first, so that an interruption does not leave more
/// access than before.
#[must_use]
pub fn plan(owned: &OwnedResources, scope: &Scope<'_>, objects: ExistingObjects) -> Vec<Step> {
    let mut steps = Vec::new();
    for (user, keys) in owned.users.iter().flatten() {
        let delete = |key: &ListedKey| Step::DeleteKey {
            user: user.name.clone(),
            key_id: key.id.clone(),
            why: DeletionReason::UserDeleted,
        };
        steps.extend(keys.iter().map(delete));
        steps.push(Step::DeleteUserPolicy { user: user.name.clone() });
        steps.push(Step::DeleteUser { user: user.name.clone() });
    }
    if owned.bucket == BucketState::Missing {
        return steps;
    }
    if policy::has_public_statements(owned.bucket_policy.as_ref(), scope) {
        let left = policy::without_public_statements(owned.bucket_policy.as_ref(), scope);
        let is_opened = owned.access_block.as_ref() == Some(&policy::opened_access_block());
        let is_unused = left.is_none();
        steps.push(Step::PutBucketPolicy(left));
        // Another statement may need the block to stay open.
        if is_opened && is_unused {
            steps.push(Step::CloseAccessBlock(policy::closed_access_block()));
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
    if objects == ExistingObjects::Delete {
        steps.push(Step::DeleteObjects { prefix: scope.prefix.to_owned() });
        steps.push(Step::DeleteBucketIfEmpty);
    }
    steps
}

#[cfg(test)]
mod tests {
    use crate::provision::destroy::*;
    use crate::provision::service::KeyState;
    use serde_json::json;

    const SCOPE: Scope<'_> = Scope { bucket: "my-status", prefix: "shop/", region: "eu-central-1" };

    fn calls(owned: &OwnedResources, objects: ExistingObjects) -> Vec<&'static str> {
        plan(owned, &SCOPE, objects).iter().filter_map(Step::action).collect()
    }

    fn all_resources() -> OwnedResources {
        let user =
            User { name: "checkup_my-status+shop_reader".to_owned(), path: "/checkup/my-status/shop/".to_owned() };
        let keys = vec![ListedKey { id: "AKIA1".to_owned(), state: KeyState::Active }];
        OwnedResources {
            bucket: BucketState::Ours,
            cors: policy::with_cors(&[], "shop/", &["*".to_owned()]).unwrap().unwrap(),
            lifecycle: policy::with_expiry(&[], "shop/", 9).unwrap().unwrap(),
            bucket_policy: Some(policy::with_public_statements(None, &SCOPE)),
            access_block: Some(policy::opened_access_block()),
            users: Some(vec![(user, keys)]),
        }
    }

    #[test]
    fn access_is_revoked_first_and_data_is_kept() {
        let users = ["iam:DeleteAccessKey", "iam:DeleteUserPolicy", "iam:DeleteUser"];
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
        let bucket_policy = Some(policy::with_public_statements(Some(&foreign), &SCOPE));
        let owned =
            OwnedResources { bucket_policy, users: None, cors: Vec::new(), lifecycle: Vec::new(), ..all_resources() };
        assert_eq!(calls(&owned, ExistingObjects::Keep), ["s3:PutBucketPolicy"]);
    }

    #[test]
    fn without_resources_there_are_no_steps() {
        let owned = OwnedResources { bucket: BucketState::Missing, users: Some(Vec::new()), ..all_resources() };
        assert_eq!(calls(&owned, ExistingObjects::Delete), [""; 0]);
    }
}
