//! Applies the steps of a plan in order. A new key is saved to disk before the next call, so the next run can
//! continue after any interruption.

use std::path::Path;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use shared::object_name::is_stored_by_checkers;

use super::bucket_removal::{KeepReason, keep_reason_before_deletion};
use super::files::{self, FileError, FileState, FileUpdate};
use super::names::{self, Role};
use super::policy;
use super::progress::Progress;
use super::purge::{self, PurgeError};
use super::revocation::{self, Revocation, RevokedKey};
use super::service::{CreatedUser, Service, ServiceError};
use super::spec::{Identity, ProvisionSpec};
use super::step::{DeletionReason, Step};
use crate::config::Environment;
use crate::counted;
use crate::store::s3::error::S3Error;
use crate::store::settings::WriterKeys;

/// The number of attempts to use a new key, which IAM takes several seconds to activate.
const VERIFICATION_ATTEMPTS: usize = 30;
/// The delay between two attempts.
const VERIFICATION_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Purge(#[from] PurgeError),
    /// A new key could not be saved, and was therefore deleted.
    #[error("the new key for `{user}` could not be saved, so the key `{key}` was deleted")]
    KeyReverted { user: String, key: String, source: FileError },
    /// A new key could neither be saved nor deleted.
    #[error(
        "the new key for `{user}` could not be saved, and the key `{key}` could not be deleted ({removal}); run the same command again, or delete the key with `aws iam delete-access-key --user-name {user} --access-key-id {key}`"
    )]
    KeyOrphaned { user: String, key: String, removal: Box<ServiceError>, source: FileError },
    /// A new key does not work.
    #[error(
        "the new key for the {role} could not be verified; no old key was deleted; run the same command again to continue"
    )]
    KeyNotVerified { role: String, source: Box<ServiceError> },
    /// The user's file contains no key.
    #[error("the key for the {0} is not in its file; run the same command again")]
    MissingKey(String),
    /// The operator did not confirm a step.
    #[error("canceled: the old key was not deleted; run the same command again to continue")]
    NotConfirmed,
}

/// Information for the operator after all steps.
#[derive(Debug, Default)]
pub struct Applied {
    /// Steps that the operator must do manually because the service does not support them, one sentence each.
    pub manual: Vec<String>,
    /// The deleted keys, and whether each still works.
    pub revoked: Vec<(RevokedKey, Revocation)>,
    /// Why the bucket was kept although it should have been deleted.
    pub kept_bucket: Option<KeepReason>,
}

/// The context that all steps share.
struct Context<'a> {
    service: &'a Service,
    spec: &'a ProvisionSpec,
    out: &'a Path,
    environment: &'a Environment<'a>,
}

/// Applies the steps in order. `spec` determines the contents of files.
pub async fn apply(
    steps: &[Step],
    service: &Service,
    spec: &ProvisionSpec,
    out: &Path,
    environment: &Environment<'_>,
    progress: &mut impl Progress,
) -> Result<Applied, ApplyError> {
    let context = Context { service, spec, out, environment };
    let mut applied = Applied::default();
    for (index, step) in steps.iter().enumerate() {
        if let Step::DeleteKey { user, key_id, why: DeletionReason::Replaced } = step
            && !progress.confirm_key_deletion(key_id, user)
        {
            return Err(ApplyError::NotConfirmed);
        }
        progress.step_started(index + 1, steps.len(), &step.what());
        let note = match apply_step(step, &context, &mut applied, progress).await {
            Err(ApplyError::Service(error)) if error.is_unsupported() && is_optional(step) => {
                applied.manual.push(step.by_hand());
                "this service does not support it".to_owned()
            }
            note => note?,
        };
        progress.step_done(&note);
    }
    Ok(applied)
}

/// Returns whether the plan can continue without this step, which the operator can then do with the service's own
/// tools.
fn is_optional(step: &Step) -> bool {
    matches!(
        step,
        Step::MarkBucket
            | Step::OpenAccessBlock
            | Step::CloseAccessBlock(_)
            | Step::PutBucketPolicy(_)
            | Step::PutCors(_)
            | Step::PutLifecycle(_)
    )
}

async fn apply_step(
    step: &Step,
    context: &Context<'_>,
    applied: &mut Applied,
    progress: &mut impl Progress,
) -> Result<String, ApplyError> {
    let Context { service, spec, out, environment } = *context;
    match step {
        Step::CreateBucket { .. } => service.create_bucket().await?,
        Step::MarkBucket => return mark_bucket(service).await,
        Step::OpenAccessBlock => return open_access_block(service).await,
        Step::CloseAccessBlock(block) => service.put_access_block(block.clone()).await?,
        Step::PutBucketPolicy(policy) => service.put_bucket_policy(policy.as_ref()).await?,
        Step::PutCors(rules) => service.put_cors(rules.clone()).await?,
        Step::PutLifecycle(rules) => service.put_lifecycle(rules.clone()).await?,
        Step::CreateUser(identity) => return create_user(service, spec, out, identity).await,
        Step::PutUserPolicy(identity) => service.put_user_policy(&identity.user, &identity.policy).await?,
        Step::CreateKey { identity, how, keys_before } => {
            files::prepare_folder(out)?;
            return create_key(service, spec, out, identity, how, keys_before).await;
        }
        Step::VerifyKey(identity) => {
            let state = files::inspect(out, &identity.role, spec, environment)?;
            let FileState::Fits(Some(keys)) = state else {
                return Err(ApplyError::MissingKey(identity.role.to_string()));
            };
            verify_key(service, identity, &keys).await?;
        }
        Step::DeleteKey { user, key_id, .. } => service.delete_key(user, key_id).await?,
        Step::DeleteUserPolicy { user } => service.delete_user_policy(user).await?,
        Step::DeleteUser { user } => service.delete_user(user).await?,
        Step::VerifyRevocation(keys) => {
            let outcomes = revocation::verify(keys, async |key: &RevokedKey| service.revocation(key).await).await;
            let refused = outcomes.iter().filter(|outcome| **outcome == Revocation::Refused).count();
            let note = format!("the service refused {refused} of {} keys", outcomes.len());
            applied.revoked.extend(keys.iter().cloned().zip(outcomes));
            return Ok(note);
        }
        Step::WriteFile { role, how, content } => {
            files::prepare_folder(out)?;
            files::write(&files::path_of(out, role), content, role, how)?;
        }
        Step::LinkOutputs => {
            // An earlier step can have replaced the keys in the file.
            if let Some(text) = files::linked_page(out, spec)? {
                files::write(&files::path_of(out, &Role::Reader), &text, &Role::Reader, &FileUpdate::Overwrite)?;
            }
        }
        Step::DeleteObjects { prefix } => {
            let removed = purge::purge(service, &spec.bucket.name, prefix, progress).await?;
            return Ok(counted(removed, "object"));
        }
        Step::DeleteBucket => return delete_bucket(service, &spec.bucket.prefix, applied).await,
    }
    Ok(String::new())
}

/// Tags a new bucket. `deprovision` keeps buckets without this tag.
async fn mark_bucket(service: &Service) -> Result<String, ApplyError> {
    match service.mark_as_created().await {
        Err(error) if error.is_unsupported() => {
            Ok("this service does not support bucket tags, so `deprovision` will keep the bucket".to_owned())
        }
        marked => Ok(marked.map(|()| String::new())?),
    }
}

/// Allows the bucket's policy to be public. If the bucket has no public access block, nothing needs to change.
async fn open_access_block(service: &Service) -> Result<String, ApplyError> {
    match service.access_block().await? {
        Some(block) if !policy::is_open(Some(&block)) => {
            service.put_access_block(policy::opened(&block)).await?;
            Ok(String::new())
        }
        _ => Ok("no public access block forbids it".to_owned()),
    }
}

/// Creates a user. If the run is interrupted before the user has permissions, the marker proves that provisioning
/// created the user: services may drop its path.
async fn create_user(
    service: &Service,
    spec: &ProvisionSpec,
    out: &Path,
    identity: &Identity,
) -> Result<String, ApplyError> {
    files::prepare_folder(out)?;
    files::write_marker(out, identity, &[])?;
    let tag = names::user_tag(&spec.bucket.name, &spec.bucket.prefix);
    match service.create_user(&identity.user, &identity.path, &tag).await {
        Ok(CreatedUser::WithPath) => Ok(String::new()),
        Ok(CreatedUser::WithTag) => {
            Ok("this service does not support user paths; the user has a tag instead".to_owned())
        }
        Ok(CreatedUser::WithoutPath) => {
            Ok("this service supports neither user paths nor user tags; the permissions identify the user".to_owned())
        }
        Err(error) => {
            if !error.may_have_succeeded() {
                files::delete_marker(out, identity)?;
            }
            Err(error.into())
        }
    }
}

/// Deletes the bucket if a listing immediately before the deletion proves that it is empty.
async fn delete_bucket(service: &Service, prefix: &str, applied: &mut Applied) -> Result<String, ApplyError> {
    let reason = match service.contents(|key| is_stored_by_checkers(prefix, key)).await {
        Ok(contents) => keep_reason_before_deletion(&contents),
        Err(error) if !error.is_transient() => Some(KeepReason::Unlisted(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let Some(reason) = reason else {
        return match service.delete_bucket().await {
            Err(error) if error.has_code("BucketNotEmpty") => {
                Ok("the bucket was kept: the service reports that it is not empty".to_owned())
            }
            deleted => Ok(deleted.map(|()| String::new())?),
        };
    };
    let note = format!("the bucket was kept: {reason}");
    applied.kept_bucket = Some(reason);
    Ok(note)
}

/// Creates a key, and saves it before sending any other request.
async fn create_key(
    service: &Service,
    spec: &ProvisionSpec,
    out: &Path,
    identity: &Identity,
    how: &FileUpdate,
    keys_before: &[String],
) -> Result<String, ApplyError> {
    files::write_marker(out, identity, keys_before)?;
    let created = match service.create_key(&identity.user).await {
        Err(error) if error.may_have_succeeded() => {
            // The response, and with it the new key's secret, was lost. The key may exist, so delete it before creating
            // another.
            delete_lost_keys(service, identity, keys_before).await?;
            service.create_key(&identity.user).await
        }
        created => created,
    };
    let keys = match created {
        Ok(keys) => keys,
        Err(error) => {
            if !error.may_have_succeeded() {
                files::delete_marker(out, identity)?;
            }
            return Err(error.into());
        }
    };
    let (user, key) = (identity.user.clone(), keys.access_key_id.clone());
    if let Err(source) = files::write_keys(out, spec, &identity.role, &keys, how) {
        return Err(match service.delete_key(&user, &key).await {
            Ok(()) => {
                files::delete_marker(out, identity)?;
                ApplyError::KeyReverted { user, key, source }
            }
            Err(removal) => ApplyError::KeyOrphaned { user, key, removal: Box::new(removal), source },
        });
    }
    files::delete_marker(out, identity)?;
    Ok(format!("`{key}`"))
}

async fn delete_lost_keys(service: &Service, identity: &Identity, keys_before: &[String]) -> Result<(), ServiceError> {
    for key in service.keys(&identity.user).await? {
        if !keys_before.contains(&key.id) {
            service.delete_key(&identity.user, &key.id).await?;
        }
    }
    Ok(())
}

/// Waits until a new key works.
async fn verify_key(service: &Service, identity: &Identity, keys: &WriterKeys) -> Result<(), ApplyError> {
    let backoff =
        ConstantBuilder::new().with_delay(VERIFICATION_DELAY).with_max_times(VERIFICATION_ATTEMPTS.saturating_sub(1));
    // The service may take a while to recognize a new key and its permissions.
    let is_new = |error: &ServiceError| {
        matches!(
            error,
            ServiceError::Refused {
                cause: S3Error::UnknownKey | S3Error::AccessDenied { .. } | S3Error::WrongSecret,
                ..
            }
        )
    };
    let verified = (|| service.try_keys(keys)).retry(backoff).sleep(tokio::time::sleep).when(is_new).await;
    verified.map_err(|error| ApplyError::KeyNotVerified { role: identity.role.to_string(), source: Box::new(error) })
}
