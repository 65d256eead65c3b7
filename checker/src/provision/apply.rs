//! Does a plan's steps one after the other, each told before it is done. A key is on disk before the next call is
//! made; whatever breaks off, the next run goes on from there.

use std::path::Path;
use std::time::Duration;

use super::files::{self, FileError, FileState, Write};
use super::purge::{self, PurgeError};
use super::service::{Service, ServiceError};
use super::spec::{Identity, Wishes};
use super::step::{Step, WhyDeleted};
use crate::config::Environment;
use crate::store::s3::error::S3Error;
use crate::store::settings::WriterKeys;

/// How often a new key is tried; IAM takes seconds to tell everybody.
const PROOFS: u32 = 30;
/// How long to wait between two tries.
const PROOF_SPACING: Duration = Duration::from_secs(1);

/// A step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CarryOutError {
    /// The service.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The disk.
    #[error(transparent)]
    File(#[from] FileError),
    /// Deleting in bulk.
    #[error(transparent)]
    Purge(#[from] PurgeError),
    /// A key was made, but could not be written down; it was removed again.
    #[error("the new key of `{user}` could not be saved; the key `{key}` was removed again")]
    KeyTakenBack {
        /// Its user.
        user: String,
        /// The key.
        key: String,
        /// Why it could not be written.
        source: FileError,
    },
    /// A key was made, could neither be written down nor removed.
    #[error(
        "the new key of `{user}` could not be saved, and the key `{key}` could not be removed either ({removal}): the next run removes it, or `aws iam delete-access-key --user-name {user} --access-key-id {key}` does"
    )]
    KeyLeft {
        /// Its user.
        user: String,
        /// The key.
        key: String,
        /// Why it could not be removed.
        removal: Box<ServiceError>,
        /// Why it could not be written.
        source: FileError,
    },
    /// A new key does not work.
    #[error(
        "the new key of the {role} could not be verified; an old key, if there is one, was kept; run the same command again to continue"
    )]
    KeyDoesNotWork {
        /// Whose.
        role: String,
        /// What the service says.
        source: Box<ServiceError>,
    },
    /// The file has no key.
    #[error("the key of the {0} is not in its file; run the same command again")]
    NoKeyInFile(String),
    /// Somebody does not want to go on.
    #[error("canceled: completed steps were kept; run the same command again to continue")]
    NotConfirmed,
}

/// Whom the steps are told to, and who is asked.
pub trait Audience {
    /// A step begins.
    fn begins(&mut self, number: usize, of: usize, what: &str);
    /// It is done; a word on how, or nothing.
    fn done(&mut self, note: &str);
    /// Part of a long step is done: so many of so many, if that is known.
    fn progress(&mut self, done: usize, of: Option<usize>);
    /// Whether old keys may go now: the new ones are in their files, but those may have to be put in place first.
    fn may_remove_old_key(&mut self, key_id: &str, user: &str) -> bool;
}

/// Does the steps in order. `wishes` says what files say; steps that only remove need none.
pub async fn carry_out(
    steps: &[Step],
    service: &Service,
    wishes: &Wishes,
    out: &Path,
    environment: &Environment<'_>,
    audience: &mut impl Audience,
) -> Result<(), CarryOutError> {
    for (index, step) in steps.iter().enumerate() {
        if let Step::DeleteKey { user, key_id, why: WhyDeleted::Replaced } = step
            && !audience.may_remove_old_key(key_id, user)
        {
            return Err(CarryOutError::NotConfirmed);
        }
        audience.begins(index + 1, steps.len(), &step.what());
        let note = carry_out_one(step, service, wishes, out, environment, audience).await?;
        audience.done(&note);
    }
    Ok(())
}

async fn carry_out_one(
    step: &Step,
    service: &Service,
    wishes: &Wishes,
    out: &Path,
    environment: &Environment<'_>,
    audience: &mut impl Audience,
) -> Result<String, CarryOutError> {
    match step {
        Step::CreateBucket { .. } => service.create_bucket().await?,
        Step::OpenAccessBlock(block) | Step::CloseAccessBlock(block) => {
            return access_block(service, step, block).await;
        }
        Step::PutBucketPolicy(policy) => service.put_bucket_policy(policy.as_ref()).await?,
        Step::PutCors(rules) => service.put_cors(rules.clone()).await?,
        Step::PutLifecycle(rules) => service.put_lifecycle(rules.clone()).await?,
        Step::CreateUser(identity) => service.create_user(&identity.user, &identity.path).await?,
        Step::PutUserPolicy(identity) => service.put_user_policy(&identity.user, &identity.policy).await?,
        Step::CreateKey { identity, how, keys_before } => {
            files::prepare_folder(out)?;
            return create_key(service, wishes, out, identity, how, keys_before).await;
        }
        Step::ProveKey(identity) => {
            let found = files::look(out, &identity.role, wishes, environment)?;
            let FileState::Fits(Some(keys)) = found else {
                return Err(CarryOutError::NoKeyInFile(identity.role.to_string()));
            };
            prove(service, identity, &keys).await?;
        }
        Step::DeleteKey { user, key_id, .. } => service.delete_key(user, key_id).await?,
        Step::DeleteUserPolicy { user } => service.delete_user_policy(user).await?,
        Step::DeleteUser { user } => service.delete_user(user).await?,
        Step::WriteFile { role, how, content } => {
            files::prepare_folder(out)?;
            files::write(&files::path_of(out, role), content, role, how)?;
        }
        Step::DeleteObjects { prefix } => {
            let removed = purge::purge(service, &wishes.bucket.name, prefix, audience).await?;
            return Ok(format!("{removed} objects"));
        }
        Step::DeleteBucketIfEmpty => {
            return match service.delete_bucket().await {
                Ok(()) => Ok(String::new()),
                Err(error) if error.is_named("BucketNotEmpty") => Ok("it stays: other objects are in it".to_owned()),
                Err(error) => Err(error.into()),
            };
        }
    }
    Ok(String::new())
}

/// Opens or closes the public access block; a service that knows none has nothing to open.
async fn access_block(
    service: &Service,
    step: &Step,
    block: &aws_sdk_s3::types::PublicAccessBlockConfiguration,
) -> Result<String, CarryOutError> {
    match service.put_access_block(block.clone()).await {
        Err(error) if matches!(step, Step::OpenAccessBlock(_)) && error.is_unknown_to_service() => {
            Ok("this service has none".to_owned())
        }
        put => Ok(put.map(|()| String::new())?),
    }
}

/// Makes a key and writes it down before anything else is asked of the service.
async fn create_key(
    service: &Service,
    wishes: &Wishes,
    out: &Path,
    identity: &Identity,
    how: &Write,
    keys_before: &[String],
) -> Result<String, CarryOutError> {
    files::mark(out, identity, keys_before)?;
    let keys = match service.create_key(&identity.user).await {
        Err(error) if error.may_be_done() => {
            // The answer was lost; the key may be there all the same, and its secret is nowhere. It goes, and another
            // one is made: so there is never one more than was meant.
            remove_lost_keys(service, identity, keys_before).await?;
            service.create_key(&identity.user).await
        }
        made => made,
    };
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => {
            if !error.may_be_done() {
                files::unmark(out, identity)?;
            }
            return Err(error.into());
        }
    };
    let (user, key) = (identity.user.clone(), keys.access_key_id.clone());
    if let Err(source) = files::write_keys(out, wishes, &identity.role, &keys, how) {
        return Err(match service.delete_key(&user, &key).await {
            Ok(()) => {
                files::unmark(out, identity)?;
                CarryOutError::KeyTakenBack { user, key, source }
            }
            Err(removal) => CarryOutError::KeyLeft { user, key, removal: Box::new(removal), source },
        });
    }
    files::unmark(out, identity)?;
    Ok(format!("`{key}`"))
}

async fn remove_lost_keys(service: &Service, identity: &Identity, keys_before: &[String]) -> Result<(), ServiceError> {
    for key in service.keys(&identity.user).await? {
        if !keys_before.contains(&key.id) {
            service.delete_key(&identity.user, &key.id).await?;
        }
    }
    Ok(())
}

/// Waits until a key works.
async fn prove(service: &Service, identity: &Identity, keys: &WriterKeys) -> Result<(), CarryOutError> {
    let mut tried = 0;
    loop {
        tried += 1;
        let error = match service.try_keys(keys).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        // A key that is new is unknown at first, and so are its rights.
        let may_come = matches!(
            &error,
            ServiceError::Refused {
                problem: S3Error::UnknownKey | S3Error::AccessDenied { .. } | S3Error::WrongSecret,
                ..
            }
        );
        if tried >= PROOFS || !may_come {
            return Err(CarryOutError::KeyDoesNotWork { role: identity.role.to_string(), source: Box::new(error) });
        }
        tokio::time::sleep(PROOF_SPACING).await;
    }
}
