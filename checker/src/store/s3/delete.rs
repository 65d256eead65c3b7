//! Removing check files from a bucket: in batches, several at a time, and one by one where a service knows no batches.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::{StreamExt as _, future, stream};
use shared::object_name::{CheckFileName, patterns};

use super::S3Store;
use super::error::{self, Action, Answer, S3Problem};
use crate::store::Removal;

/// What S3 takes in one request to delete.
pub(super) const DELETE_BATCH: usize = 1_000;
/// How many requests to delete are under way at once: batches, or single objects.
pub(super) const DELETES_AT_ONCE: (usize, usize) = (4, 16);

/// What became of a batch of objects that were to be removed.
#[derive(Default)]
struct Batch {
    removed: usize,
    /// The keys that the service refuses to remove, and why.
    refused: Vec<(String, S3Problem)>,
}

impl S3Store {
    pub(in crate::store) async fn remove_check_files(
        &self,
        names: &[CheckFileName],
        mut progress: impl FnMut(usize),
    ) -> Removal {
        let is_broken = AtomicBool::new(false);
        let mut batches = stream::iter(names.chunks(DELETE_BATCH))
            .take_while(|_| future::ready(!is_broken.load(Ordering::Relaxed)))
            .map(|batch| self.remove_batch(batch))
            .buffer_unordered(DELETES_AT_ONCE.0);
        let mut all = Batch::default();
        let mut problem = None;
        while let Some(batch) = batches.next().await {
            match batch {
                Ok(batch) => {
                    all.removed += batch.removed;
                    all.refused.extend(batch.refused);
                    progress(all.removed + all.refused.len());
                }
                // What befalls a whole request would befall the next ones, too; what is under way comes to its end.
                Err(cause) => {
                    is_broken.store(true, Ordering::Relaxed);
                    problem.get_or_insert(cause);
                }
            }
        }
        let left = format!("remove {} of {} check files", names.len() - all.removed, names.len());
        let failure = match (problem, all.refused.into_iter().next()) {
            (Some(problem), _) => Some(self.error(&format!("{left} from"), problem)),
            (None, Some((key, problem))) => Some(self.error(&format!("{left}, such as `{key}`, from"), problem)),
            (None, None) => None,
        };
        Removal { removed: all.removed, failure }
    }

    /// Removes up to [`DELETE_BATCH`] objects; an error is one of the request as a whole.
    async fn remove_batch(&self, names: &[CheckFileName]) -> Result<Batch, S3Problem> {
        if !self.knows_batches.load(Ordering::Relaxed) {
            return self.remove_one_by_one(names).await;
        }
        let objects = names.iter().map(|name| ObjectIdentifier::builder().key(self.key(name)).build());
        let cannot_ask = |error: aws_sdk_s3::error::BuildError| S3Problem::CannotAsk(error.to_string());
        let objects: Vec<_> = objects.collect::<Result<_, _>>().map_err(cannot_ask)?;
        let batch = Delete::builder().set_objects(Some(objects)).quiet(true).build().map_err(cannot_ask)?;
        match self.client.delete_objects().bucket(&self.bucket).delete(batch).send().await {
            Ok(answer) => {
                let errors = answer.errors().iter().filter(|error| error.code() != Some("NoSuchKey"));
                let refused: Vec<_> = errors.map(|error| self.refused(error)).collect();
                Ok(Batch { removed: names.len().saturating_sub(refused.len()), refused })
            }
            // A service that does not know the request, or wants a checksum that nobody else wants any more.
            Err(error) if error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 400 | 405 | 501)) => {
                let removed = self.remove_one_by_one(names).await?;
                self.knows_batches.store(false, Ordering::Relaxed);
                Ok(removed)
            }
            Err(error) => Err(self.problem(Action::Delete, &error)),
        }
    }

    async fn remove_one_by_one(&self, names: &[CheckFileName]) -> Result<Batch, S3Problem> {
        let gone = stream::iter(names).map(async |name| {
            let key = self.key(name);
            match self.client.delete_object().bucket(&self.bucket).key(&key).send().await {
                Err(error) if error.code() != Some("NoSuchKey") => (key, Some(self.problem(Action::Delete, &error))),
                _ => (key, None),
            }
        });
        let mut gone = gone.buffer_unordered(DELETES_AT_ONCE.1);
        let mut batch = Batch::default();
        while let Some((key, problem)) = gone.next().await {
            match problem {
                None => batch.removed += 1,
                Some(problem @ S3Problem::AccessDenied { .. }) => batch.refused.push((key, problem)),
                Some(problem) => return Err(problem),
            }
        }
        Ok(batch)
    }

    /// An object that stays although the rest of its batch goes, and why.
    fn refused(&self, error: &aws_sdk_s3::types::Error) -> (String, S3Problem) {
        let key = error.key().unwrap_or_default().to_owned();
        let answer = Answer { status: 200, code: error.code(), message: error.message(), ..Answer::default() };
        let mut problem = error::of_answer(&self.asked(Action::Delete), &answer);
        // A right to delete more than files like this one would be more than is needed.
        let name = CheckFileName::parse_key(&self.prefix, &key);
        if let (S3Problem::AccessDenied { resource, .. }, Some(name)) = (&mut problem, name) {
            let pattern = name.node.map_or_else(
                || patterns::legacy_check_files(&self.prefix),
                |node| patterns::check_files(&self.prefix, &node),
            );
            *resource = format!("arn:aws:s3:::{}/{pattern}", self.bucket);
        }
        (key, problem)
    }
}
