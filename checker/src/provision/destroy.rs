//! Taking back what provisioning made, and only that: what is ours is known by users' paths and by the ids of rules
//! and statements. Data stays unless it is asked for.

use super::names;
use super::policy::{self, Scope};
use super::service::{BucketState, ListedKey, Service, ServiceError, User};
use super::state::if_known;
use super::step::{Step, WhyDeleted};
use aws_sdk_s3::types::{CorsRule, LifecycleRule, PublicAccessBlockConfiguration};
use serde_json::Value;

/// What is there of ours.
#[derive(Debug, Clone)]
pub struct Remains {
    /// The bucket.
    pub bucket: BucketState,
    /// Its CORS rules.
    pub cors: Vec<CorsRule>,
    /// Its lifecycle rules.
    pub lifecycle: Vec<LifecycleRule>,
    /// Its policy.
    pub bucket_policy: Option<Value>,
    /// Its public access block.
    pub access_block: Option<PublicAccessBlockConfiguration>,
    /// Our users with their keys; `None` if the service has no IAM API.
    pub users: Option<Vec<(User, Vec<ListedKey>)>>,
}

/// What becomes of the check files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects {
    /// They stay.
    Keep,
    /// They are deleted, and the bucket with them if nothing else is in it.
    Delete,
}

/// Looks for what is ours.
pub async fn look(service: &Service, scope: &Scope<'_>) -> Result<Remains, ServiceError> {
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
    let bucket = service.look_at_bucket().await?;
    let mut remains =
        Remains { bucket, cors: Vec::new(), lifecycle: Vec::new(), bucket_policy: None, access_block: None, users };
    if bucket == BucketState::Ours {
        // What a service does not know, it holds nothing of.
        remains.cors = if_known(service.cors().await)?.unwrap_or_default();
        remains.lifecycle = if_known(service.lifecycle().await)?.unwrap_or_default();
        remains.bucket_policy = service.bucket_policy().await?;
        remains.access_block = service.access_block().await?;
    }
    Ok(remains)
}

/// The steps that remove it. Access goes first, so that whatever breaks off leaves less open than before.
#[must_use]
pub fn plan(remains: &Remains, scope: &Scope<'_>, objects: Objects) -> Vec<Step> {
    let mut steps = Vec::new();
    for (user, keys) in remains.users.iter().flatten() {
        let delete = |key: &ListedKey| Step::DeleteKey {
            user: user.name.clone(),
            key_id: key.id.clone(),
            why: WhyDeleted::UserGoes,
        };
        steps.extend(keys.iter().map(delete));
        steps.push(Step::DeleteUserPolicy { user: user.name.clone() });
        steps.push(Step::DeleteUser { user: user.name.clone() });
    }
    if remains.bucket == BucketState::Missing {
        return steps;
    }
    if policy::has_public_statements(remains.bucket_policy.as_ref(), scope) {
        let left = policy::without_public_statements(remains.bucket_policy.as_ref(), scope);
        let is_as_we_opened_it = remains.access_block.as_ref() == Some(&policy::opened_access_block());
        let is_ours_alone = left.is_none();
        steps.push(Step::PutBucketPolicy(left));
        // Another statement may rely on what we opened.
        if is_as_we_opened_it && is_ours_alone {
            steps.push(Step::CloseAccessBlock(policy::closed_access_block()));
        }
    }
    let cors = policy::without_cors(&remains.cors, scope.prefix);
    if cors.len() != remains.cors.len() {
        steps.push(Step::PutCors(cors));
    }
    let lifecycle = policy::without_expiry(&remains.lifecycle, scope.prefix);
    if lifecycle.len() != remains.lifecycle.len() {
        steps.push(Step::PutLifecycle(lifecycle));
    }
    if objects == Objects::Delete {
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

    fn calls(remains: &Remains, objects: Objects) -> Vec<&'static str> {
        plan(remains, &SCOPE, objects).iter().filter_map(Step::action).collect()
    }

    fn all_of_ours() -> Remains {
        let user =
            User { name: "checkup_my-status+shop_reader".to_owned(), path: "/checkup/my-status/shop/".to_owned() };
        let keys = vec![ListedKey { id: "AKIA1".to_owned(), state: KeyState::Active }];
        Remains {
            bucket: BucketState::Ours,
            cors: policy::with_cors(&[], "shop/", &["*".to_owned()]).unwrap().unwrap(),
            lifecycle: policy::with_expiry(&[], "shop/", 9).unwrap().unwrap(),
            bucket_policy: Some(policy::with_public_statements(None, &SCOPE)),
            access_block: Some(policy::opened_access_block()),
            users: Some(vec![(user, keys)]),
        }
    }

    #[test]
    fn access_goes_first_and_data_stays() {
        let users = ["iam:DeleteAccessKey", "iam:DeleteUserPolicy", "iam:DeleteUser"];
        let bucket = [
            "s3:DeleteBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketCORS",
            "s3:PutLifecycleConfiguration",
        ];
        assert_eq!(calls(&all_of_ours(), Objects::Keep), [users.as_slice(), &bucket].concat());
        let with_data = calls(&all_of_ours(), Objects::Delete);
        assert_eq!(with_data[with_data.len() - 2..], ["s3:DeleteObject", "s3:DeleteBucket"]);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let remains = Remains {
            cors: policy::with_cors(&[], "other/", &["*".to_owned()]).unwrap().unwrap(),
            lifecycle: policy::with_expiry(&[], "", 9).unwrap().unwrap(),
            bucket_policy: Some(json!({ "Statement": [{ "Sid": "Theirs" }] })),
            users: Some(Vec::new()),
            ..all_of_ours()
        };
        assert_eq!(calls(&remains, Objects::Keep), [""; 0]);
    }

    #[test]
    fn a_block_that_others_may_rely_on_stays_open() {
        let foreign = json!({ "Statement": [{ "Sid": "Theirs" }] });
        let bucket_policy = Some(policy::with_public_statements(Some(&foreign), &SCOPE));
        let remains = Remains { bucket_policy, users: None, cors: Vec::new(), lifecycle: Vec::new(), ..all_of_ours() };
        assert_eq!(calls(&remains, Objects::Keep), ["s3:PutBucketPolicy"]);
    }

    #[test]
    fn where_nothing_is_left_there_is_nothing_to_do() {
        let remains = Remains { bucket: BucketState::Missing, users: Some(Vec::new()), ..all_of_ours() };
        assert_eq!(calls(&remains, Objects::Delete), [""; 0]);
    }
}
