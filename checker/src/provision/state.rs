//! Reads the current state: the bucket, its rules, the users with their keys, and the files. Does not change anything.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_s3::types::{CorsRule, LifecycleRule, PublicAccessBlockConfiguration};
use serde_json::Value;

use super::files::{self, FileError, FileState};
use super::names::Role;
use super::policy::Scope;
use super::service::{BucketState, ListedKey, Service, ServiceError};
use super::spec::{Access, Identity, ProvisionSpec};
use crate::config::Environment;

/// The state that a plan starts from.
#[derive(Debug, Clone)]
pub struct CurrentState {
    pub bucket: BucketState,
    /// The CORS rules, or `None` if the service does not support them. Read only if any are desired.
    pub cors: Option<Vec<CorsRule>>,
    /// The lifecycle rules, or `None` if the service does not support them. Read only if any are desired.
    pub lifecycle: Option<Vec<LifecycleRule>>,
    /// The bucket policy. Read only if the bucket should be public.
    pub bucket_policy: Option<Value>,
    /// Whether the service supports bucket policies. Assumed to be `true` if the policy was not read.
    pub has_bucket_policies: bool,
    /// The public access block. Read only if the bucket should be public.
    pub access_block: Option<PublicAccessBlockConfiguration>,
    /// The existing users by name, or `None` if the service has no IAM API.
    pub users: Option<BTreeMap<String, ExistingUser>>,
    /// The state of each user's file, by file name.
    pub files: BTreeMap<String, FileState>,
    /// Whether the page's `config.json` lacks the URL of outputs that everyone can read.
    pub lacks_outputs: bool,
    /// For each user whose key creation was interrupted, the keys that existed before it.
    pub pending_keys: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone)]
pub struct ExistingUser {
    pub path: String,
    /// Whether the user's path, permissions or tag prove that provisioning created it.
    pub is_ours: bool,
    /// The user's inline policy from provisioning.
    pub policy: Option<Value>,
    /// The user's keys, oldest first.
    pub keys: Vec<ListedKey>,
}

/// The current state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    File(#[from] FileError),
}

/// Reads everything that the desired state affects.
pub async fn read_state(
    service: &Service,
    spec: &ProvisionSpec,
    out: &Path,
    environment: &Environment<'_>,
) -> Result<CurrentState, StateError> {
    let identities = spec.identities();
    let mut current = CurrentState {
        bucket: service.bucket_state().await?,
        cors: Some(Vec::new()),
        lifecycle: Some(Vec::new()),
        bucket_policy: None,
        has_bucket_policies: true,
        access_block: None,
        users: read_users(service, &spec.scope(), &identities).await?,
        files: BTreeMap::new(),
        lacks_outputs: files::linked_page(out, spec)?.is_some(),
        pending_keys: BTreeMap::new(),
    };
    let roles = identities.iter().map(|identity| &identity.role);
    // A public page has a file, but no reader.
    for role in roles.chain([&Role::Reader]) {
        current.files.insert(role.file_name(), files::inspect(out, role, spec, environment)?);
    }
    for identity in &identities {
        if let Some(keys) = files::keys_before(out, identity)? {
            current.pending_keys.insert(identity.user.clone(), keys);
        }
    }
    if current.bucket == BucketState::Missing {
        return Ok(current);
    }
    if !spec.origins.is_empty() {
        current.cors = if_supported(service.cors().await)?;
    }
    if spec.lifecycle_days.is_some() {
        current.lifecycle = if_supported(service.lifecycle().await)?;
    }
    if spec.access != Access::Keys {
        let policy = if_supported(service.bucket_policy().await)?;
        current.has_bucket_policies = policy.is_some();
        current.bucket_policy = policy.flatten();
        current.access_block = service.access_block().await?;
    }
    Ok(current)
}

/// Returns a service's response, or `None` if it does not support the call.
pub(super) fn if_supported<T>(response: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
    match response {
        Err(error) if error.is_rejected() => Ok(None),
        response => response.map(Some),
    }
}

async fn read_users(
    service: &Service,
    scope: &Scope<'_>,
    identities: &[Identity],
) -> Result<Option<BTreeMap<String, ExistingUser>>, ServiceError> {
    let mut users = BTreeMap::new();
    for identity in identities {
        match read_user(service, scope, &identity.user).await {
            Ok(Some(user)) => drop(users.insert(identity.user.clone(), user)),
            Ok(None) => {}
            Err(ServiceError::NoIam { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(users))
}

async fn read_user(service: &Service, scope: &Scope<'_>, name: &str) -> Result<Option<ExistingUser>, ServiceError> {
    let Some(user) = service.user(name).await? else { return Ok(None) };
    let (policy, keys) = (service.user_policy(name).await?, service.keys(name).await?);
    let is_ours = service.is_ours(&user, policy.as_ref(), scope).await;
    Ok(Some(ExistingUser { path: user.path, is_ours, policy, keys }))
}
