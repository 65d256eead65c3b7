//! What is there before anything is done: the bucket, its rules, the users and their keys, our files. Only looks.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_s3::types::{CorsRule, LifecycleRule, PublicAccessBlockConfiguration};
use serde_json::Value;

use super::files::{self, FileError, FileState};
use super::names::Role;
use super::service::{BucketState, ListedKey, Service, ServiceError};
use super::spec::{Access, Identity, Wishes};
use crate::config::Environment;

/// All that the plan depends on.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The bucket.
    pub bucket: BucketState,
    /// Its CORS rules; none are looked for unless a wish asks for some. `None` if the service takes none.
    pub cors: Option<Vec<CorsRule>>,
    /// Its lifecycle rules; the same.
    pub lifecycle: Option<Vec<LifecycleRule>>,
    /// Its policy; the same.
    pub bucket_policy: Option<Value>,
    /// Its public access block; the same.
    pub access_block: Option<PublicAccessBlockConfiguration>,
    /// The users by name, as far as they are there; `None` if the service has no IAM API.
    pub users: Option<BTreeMap<String, ObservedUser>>,
    /// What is in the files of the identities, by file name.
    pub files: BTreeMap<String, FileState>,
    /// The keys that users had when a key was about to be made that may have been lost, by user.
    pub keys_in_the_making: BTreeMap<String, Vec<String>>,
}

/// A user that is there.
#[derive(Debug, Clone)]
pub struct ObservedUser {
    /// Its path.
    pub path: String,
    /// Our inline policy of it.
    pub policy: Option<Value>,
    /// Its keys, the oldest first.
    pub keys: Vec<ListedKey>,
}

/// What is there could not be seen.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The disk.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Looks at everything that these wishes are about.
pub async fn observe(
    service: &Service,
    wishes: &Wishes,
    out: &Path,
    environment: &Environment<'_>,
) -> Result<Observed, ObserveError> {
    let identities = wishes.identities();
    let mut observed = Observed {
        bucket: service.look_at_bucket().await?,
        cors: Some(Vec::new()),
        lifecycle: Some(Vec::new()),
        bucket_policy: None,
        access_block: None,
        users: look_at_users(service, &identities).await?,
        files: BTreeMap::new(),
        keys_in_the_making: BTreeMap::new(),
    };
    let roles = identities.iter().map(|identity| &identity.role);
    // A page without keys has its file all the same.
    for role in roles.chain([&Role::Reader]) {
        observed.files.insert(role.file_name(), files::look(out, role, wishes, environment)?);
    }
    for identity in &identities {
        if let Some(keys) = files::keys_before(out, identity)? {
            observed.keys_in_the_making.insert(identity.user.clone(), keys);
        }
    }
    if observed.bucket == BucketState::Missing {
        return Ok(observed);
    }
    if !wishes.origins.is_empty() {
        observed.cors = if_known(service.cors().await)?;
    }
    if wishes.lifecycle_days.is_some() {
        observed.lifecycle = if_known(service.lifecycle().await)?;
    }
    if wishes.access == Access::Public {
        observed.bucket_policy = service.bucket_policy().await?;
        observed.access_block = service.access_block().await?;
    }
    Ok(observed)
}

/// What a service answers; `None` if it does not know the call at all.
pub(super) fn if_known<T>(answer: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
    match answer {
        Err(error) if error.is_unknown_to_service() => Ok(None),
        answer => answer.map(Some),
    }
}

async fn look_at_users(
    service: &Service,
    identities: &[Identity],
) -> Result<Option<BTreeMap<String, ObservedUser>>, ServiceError> {
    let mut users = BTreeMap::new();
    for identity in identities {
        match look_at_user(service, &identity.user).await {
            Ok(Some(user)) => drop(users.insert(identity.user.clone(), user)),
            Ok(None) => {}
            Err(ServiceError::NoIam { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(users))
}

async fn look_at_user(service: &Service, name: &str) -> Result<Option<ObservedUser>, ServiceError> {
    let Some(user) = service.user(name).await? else { return Ok(None) };
    let (policy, keys) = (service.user_policy(name).await?, service.keys(name).await?);
    Ok(Some(ObservedUser { path: user.path, policy, keys }))
}
