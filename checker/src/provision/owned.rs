//! Finds the resources that provisioning created, and signs that others use the bucket. Does not change anything.

use aws_sdk_s3::types::{CorsRule, LifecycleRule, PublicAccessBlockConfiguration};
use serde_json::Value;
use shared::object_name::is_stored_by_checkers;

use super::names;
use super::policy::Scope;
use super::service::contents::Contents;
use super::service::{BucketState, ListedKey, Service, ServiceError, User};
use super::state::if_supported;

/// The existing resources that provisioning created.
#[derive(Debug, Clone)]
pub struct OwnedResources {
    pub bucket: BucketState,
    pub cors: Vec<CorsRule>,
    pub lifecycle: Vec<LifecycleRule>,
    pub bucket_policy: Option<Value>,
    pub access_block: Option<PublicAccessBlockConfiguration>,
    /// Users with their keys, or `None` if the service has no IAM API.
    pub users: Option<Vec<(User, Vec<ListedKey>)>>,
    /// Users with the name of a provisioned user, but without evidence that provisioning created them.
    pub unproven_users: Vec<User>,
    /// A user of another page in the same bucket.
    pub user_of_other_page: Option<String>,
    /// The bucket's objects, or the reason why they could not be listed. Read only if data will be deleted.
    pub contents: Result<Contents, String>,
    /// Whether the bucket is tagged as created by provisioning, or the reason why that is unknown. Read only if data
    /// will be deleted.
    pub is_created_here: Result<bool, String>,
}

/// Whether to keep or delete stored objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingObjects {
    Keep,
    /// The objects are deleted, and then the bucket if provisioning created it and it is empty.
    Delete,
}

pub async fn find_owned(
    service: &Service,
    scope: &Scope<'_>,
    objects: ExistingObjects,
) -> Result<OwnedResources, ServiceError> {
    // Send this request first: its errors distinguish wrong keys from missing permissions.
    let bucket = service.bucket_state().await?;
    let mut owned = OwnedResources {
        bucket,
        cors: Vec::new(),
        lifecycle: Vec::new(),
        bucket_policy: None,
        access_block: None,
        users: None,
        unproven_users: Vec::new(),
        user_of_other_page: None,
        contents: Ok(Contents::default()),
        is_created_here: Ok(false),
    };
    find_users(service, scope, &mut owned).await?;
    if bucket == BucketState::Ours {
        // If a service does not support a kind of rule, the bucket has no such rules.
        owned.cors = if_supported(service.cors().await)?.unwrap_or_default();
        owned.lifecycle = if_supported(service.lifecycle().await)?.unwrap_or_default();
        owned.bucket_policy = if_supported(service.bucket_policy().await)?.flatten();
        owned.access_block = service.access_block().await?;
        if objects == ExistingObjects::Delete {
            let is_ours = |key: &str| is_stored_by_checkers(scope.prefix, key);
            owned.contents = unless_refused(service.contents(is_ours).await)?;
            owned.is_created_here = unless_refused(service.is_created_here().await)?;
        }
    }
    Ok(owned)
}

/// Finds users by their exact names, because services may drop paths or ignore path filters.
async fn find_users(service: &Service, scope: &Scope<'_>, owned: &mut OwnedResources) -> Result<(), ServiceError> {
    let all = match service.users().await {
        Ok(all) => all,
        Err(ServiceError::NoIam { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut users = Vec::new();
    for user in all {
        if names::role_of_user(scope.bucket, scope.prefix, &user.name).is_none() {
            if names::is_user_in_bucket(scope.bucket, &user.name, &user.path) {
                owned.user_of_other_page.get_or_insert(user.name);
            }
            continue;
        }
        let policy = service.user_policy(&user.name).await?;
        if service.is_ours(&user, policy.as_ref(), scope).await {
            let keys = service.keys(&user.name).await?;
            users.push((user, keys));
        } else {
            owned.unproven_users.push(user);
        }
    }
    owned.users = Some(users);
    Ok(())
}

/// Separates refusals from other failures, because a refusal only means that the bucket is kept.
fn unless_refused<T>(response: Result<T, ServiceError>) -> Result<Result<T, String>, ServiceError> {
    match response {
        Err(error) if !error.is_transient() => Ok(Err(error.to_string())),
        response => response.map(Ok),
    }
}
