//! Deletes objects from a bucket: several batches at a time, or one by one if the service does not support batches.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::{StreamExt as _, future, stream};

use super::S3Store;
use super::error::{self, Action, ErrorResponse, S3Error};
use crate::store::{Deletion, ListedName};

/// The maximum number of objects that S3 deletes in one request.
pub(super) const DELETE_BATCH: usize = 1_000;
/// The maximum number of delete requests, for batches and for individual objects, that are sent at once.
pub(super) const DELETES_AT_ONCE: (usize, usize) = (4, 16);

/// The outcome of deleting a batch of objects.
#[derive(Default)]
struct BatchOutcome {
    deleted: usize,
    /// The keys that the service refused to delete, with reasons.
    refused: Vec<(String, S3Error)>,
}

impl S3Store {
    pub(in crate::store) async fn delete<N: ListedName>(
        &self,
        names: &[N],
        mut progress: impl FnMut(usize),
    ) -> Deletion {
        let is_failed = AtomicBool::new(false);
        let mut batches = stream::iter(names.chunks(DELETE_BATCH))
            .take_while(|_| future::ready(!is_failed.load(Ordering::Relaxed)))
            .map(|batch| self.delete_batch(batch))
            .buffer_unordered(DELETES_AT_ONCE.0);
        let mut total = BatchOutcome::default();
        let mut failure = None;
        while let Some(batch) = batches.next().await {
            match batch {
                Ok(batch) => {
                    total.deleted += batch.deleted;
                    total.refused.extend(batch.refused);
                    progress(total.deleted + total.refused.len());
                }
                // Later requests would fail in the same way. Those that were already sent are completed.
                Err(cause) => {
                    is_failed.store(true, Ordering::Relaxed);
                    failure.get_or_insert(cause);
                }
            }
        }
        let task = format!("delete {} of {} objects", names.len() - total.deleted, names.len());
        let failure = match (failure, total.refused.into_iter().next()) {
            (Some(cause), _) => Some(self.error(&format!("{task} from"), cause)),
            (None, Some((key, cause))) => Some(self.error(&format!("{task}, such as `{key}`, from"), cause)),
            (None, None) => None,
        };
        Deletion { deleted: total.deleted, failure }
    }

    /// Deletes up to [`DELETE_BATCH`] objects. An error means that the whole request failed.
    async fn delete_batch<N: ListedName>(&self, names: &[N]) -> Result<BatchOutcome, S3Error> {
        if !self.supports_batches.load(Ordering::Relaxed) {
            return self.delete_one_by_one(names).await;
        }
        let objects = names.iter().map(|name| ObjectIdentifier::builder().key(self.key(name)).build());
        let invalid = |error: aws_sdk_s3::error::BuildError| S3Error::InvalidRequest(error.to_string());
        let objects: Vec<_> = objects.collect::<Result<_, _>>().map_err(invalid)?;
        let batch = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(invalid)?;
        match self.client.delete_objects().bucket(&self.bucket).delete(batch).send().await {
            Ok(response) => {
                let errors = response.errors().iter().filter(|error| error.code() != Some("NoSuchKey"));
                let refused: Vec<_> = errors.map(|error| self.refused::<N>(error)).collect();
                Ok(BatchOutcome { deleted: names.len().saturating_sub(refused.len()), refused })
            }
            // Delete objects one by one if the service does not support batches, or requires an obsolete checksum.
            Err(error) if error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 400 | 405 | 501)) => {
                let outcome = self.delete_one_by_one(names).await?;
                self.supports_batches.store(false, Ordering::Relaxed);
                Ok(outcome)
            }
            Err(error) => Err(self.cause(Action::Delete, &error)),
        }
    }

    async fn delete_one_by_one<N: ListedName>(&self, names: &[N]) -> Result<BatchOutcome, S3Error> {
        let results = stream::iter(names).map(async |name| {
            let key = self.key(name);
            match self.client.delete_object().bucket(&self.bucket).key(&key).send().await {
                Err(error) if error.code() != Some("NoSuchKey") => (key, Some(self.cause(Action::Delete, &error))),
                _ => (key, None),
            }
        });
        let mut results = results.buffer_unordered(DELETES_AT_ONCE.1);
        let mut outcome = BatchOutcome::default();
        while let Some((key, cause)) = results.next().await {
            match cause {
                None => outcome.deleted += 1,
                Some(cause @ S3Error::AccessDenied { .. }) => outcome.refused.push((key, cause)),
                Some(cause) => return Err(cause),
            }
        }
        Ok(outcome)
    }

    /// Returns the key of an object that the service refused to delete, and the reason.
    fn refused<N: ListedName>(&self, error: &aws_sdk_s3::types::Error) -> (String, S3Error) {
        let key = error.key().unwrap_or_default().to_owned();
        let response =
            ErrorResponse { status: 200, code: error.code(), message: error.message(), ..ErrorResponse::default() };
        let mut cause = error::from_response(&self.context(Action::Delete), &response);
        // Limit the remedy to objects like this one: a permission for all objects would be too broad.
        let name = key.strip_prefix(&self.prefix).and_then(N::parse);
        if let (S3Error::AccessDenied { resource, .. }, Some(name)) = (&mut cause, name) {
            *resource = format!("arn:aws:s3:::{}/{}", self.bucket, name.pattern(&self.prefix));
        }
        (key, cause)
    }
}
