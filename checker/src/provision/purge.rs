//! Deletes all objects that checkers stored, several batches at a time. Other objects are kept. Memory use is limited,
//! regardless of the number of objects.

use std::collections::HashSet;

use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};
use futures_util::{StreamExt as _, stream};
use shared::object_name::is_stored_by_checkers;

use super::progress::Progress;
use super::service::{Call, Service, ServiceError};
use crate::store::s3::client::decode_url;

/// How many batches are deleted at once.
const BATCHES_AT_ONCE: usize = 4;
/// The maximum number of keys to list before they are deleted. They take up to 100 MB of memory.
const KEYS_AT_ONCE: usize = 500_000;
/// The maximum number of times that up to [`KEYS_AT_ONCE`] objects are listed and deleted. If objects remain after
/// that, they are probably stored as fast as they are deleted.
const ROUNDS_LIMIT: usize = 100;

/// Objects could not be deleted.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The service refused to delete some objects.
    #[error(
        "the service refused to delete {refused} of {} objects, such as `{key}` ({code}); check the key's permission `s3:DeleteObject` and the bucket's policy",
        refused + deleted
    )]
    Refused {
        key: String,
        /// The service's error code for this object.
        code: String,
        /// The number of refused objects.
        refused: usize,
        /// The number of deleted objects.
        deleted: usize,
    },
    /// The service reported objects as deleted, but still lists them.
    #[error(
        "the service reported all objects as deleted, but still lists {count} of them, for example `{key}`; run the same command again, or delete them with its own tools"
    )]
    StillListed { key: String, count: usize },
    #[error(
        "the bucket still contains objects after {deleted} were deleted; stop all checkers and run the same command again"
    )]
    TooMany { deleted: usize },
}

/// The outcome of deleting one batch.
#[derive(Debug, Default)]
struct PurgedBatch {
    deleted: usize,
    refused: Vec<(String, String)>,
}

/// The keys of objects that checkers stored.
#[derive(Debug, Default)]
struct ListedKeys {
    keys: Vec<String>,
    is_complete: bool,
}

/// Lists and deletes objects. This is a trait so that tests can use objects in memory.
trait Purgeable {
    /// Lists objects from the beginning. Stops once there are `limit` keys.
    async fn list(&self, limit: usize) -> Result<ListedKeys, ServiceError>;

    async fn delete(&self, keys: &[String]) -> Result<PurgedBatch, ServiceError>;
}

/// The objects below a prefix of a bucket.
struct BucketObjects<'a> {
    service: &'a Service,
    bucket: &'a str,
    prefix: &'a str,
}

/// Deletes all objects that checkers stored below the prefix, and returns their number.
pub async fn purge(
    service: &Service,
    bucket: &str,
    prefix: &str,
    progress: &mut impl Progress,
) -> Result<usize, PurgeError> {
    purge_all(&BucketObjects { service, bucket, prefix }, KEYS_AT_ONCE, |done, total| progress.items_done(done, total))
        .await
}

/// Lists up to `limit` objects and deletes them, until no objects are left. `progress` is called with the number of
/// deleted objects and, if it is known, their total.
async fn purge_all(
    objects: &impl Purgeable,
    limit: usize,
    mut progress: impl FnMut(usize, Option<usize>),
) -> Result<usize, PurgeError> {
    let mut deleted = 0;
    let mut before = HashSet::new();
    for _ in 0..ROUNDS_LIMIT {
        // List first: listing is fast compared with deleting, and the progress display needs the total.
        let ListedKeys { keys, is_complete } = objects.list(limit).await?;
        expect_gone(&before, &keys)?;
        let total = is_complete.then_some(deleted + keys.len());
        progress(deleted, total);
        let mut refused: Vec<(String, String)> = Vec::new();
        let mut batches =
            stream::iter(keys.chunks(1_000)).map(|batch| objects.delete(batch)).buffer_unordered(BATCHES_AT_ONCE);
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            deleted += batch.deleted;
            refused.extend(batch.refused);
            progress(deleted, total);
        }
        drop(batches);
        if let Some((key, code)) = refused.first() {
            return Err(PurgeError::Refused { key: key.clone(), code: code.clone(), refused: refused.len(), deleted });
        }
        before = keys.into_iter().collect();
        if is_complete {
            // Checkers may have stored other objects in the meantime. They are not deleted.
            if !before.is_empty() {
                expect_gone(&before, &objects.list(limit).await?.keys)?;
            }
            return Ok(deleted);
        }
    }
    Err(PurgeError::TooMany { deleted })
}

/// Returns an error if deleted objects are still listed, because a service may ignore requests to delete objects.
fn expect_gone(deleted: &HashSet<String>, listed: &[String]) -> Result<(), PurgeError> {
    let mut left = listed.iter().filter(|key| deleted.contains(*key));
    match left.next() {
        None => Ok(()),
        Some(key) => Err(PurgeError::StillListed { key: key.clone(), count: 1 + left.count() }),
    }
}

impl Purgeable for BucketObjects<'_> {
    async fn list(&self, limit: usize) -> Result<ListedKeys, ServiceError> {
        const ACTION: &str = "s3:ListBucket";
        let BucketObjects { service, bucket, prefix } = self;
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        for number in 1.. {
            let request = service.client().list_objects_v2().bucket(*bucket).prefix(*prefix);
            let request = request.encoding_type(EncodingType::Url).set_continuation_token(token.clone());
            let page = request.send().await.map_err(|error| {
                let call = Call { action: ACTION, resource: format!("arn:aws:s3:::{bucket}") };
                service.refused("list", call, &error)
            })?;
            let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
            let names = page.contents().iter().filter_map(|object| object.key());
            let names = names.filter_map(|key| if is_encoded { decode_url(key) } else { Some(key.to_owned()) });
            keys.extend(names.filter(|key| is_stored_by_checkers(prefix, key)));
            if page.is_truncated() != Some(true) {
                break;
            }
            if keys.len() >= limit {
                return Ok(ListedKeys { keys, is_complete: false });
            }
            let next = page.next_continuation_token().map(str::to_owned);
            service.check_progress(ACTION, number, next.is_some() && next != token)?;
            token = next;
        }
        Ok(ListedKeys { keys, is_complete: true })
    }

    async fn delete(&self, keys: &[String]) -> Result<PurgedBatch, ServiceError> {
        let BucketObjects { service, bucket, .. } = self;
        let call = || Call { action: "s3:DeleteObject", resource: format!("arn:aws:s3:::{bucket}/*") };
        let objects = keys.iter().filter_map(|key| ObjectIdentifier::builder().key(key).build().ok()).collect();
        let Ok(batch) = Delete::builder().set_objects(Some(objects)).quiet(true).build() else {
            return Ok(PurgedBatch::default());
        };
        match service.client().delete_objects().bucket(*bucket).delete(batch).send().await {
            Ok(response) => {
                let refused: Vec<_> = response
                    .errors()
                    .iter()
                    .filter(|error| error.code() != Some("NoSuchKey"))
                    .map(|error| {
                        (error.key().unwrap_or_default().to_owned(), error.code().unwrap_or_default().to_owned())
                    })
                    .collect();
                Ok(PurgedBatch { deleted: keys.len() - refused.len(), refused })
            }
            // Delete objects one by one if the service does not support batches, mistakes the request for a different one,
            // or requires an obsolete checksum.
            Err(error)
                if error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 200 | 400 | 405 | 501)) =>
            {
                for key in keys {
                    let gone = service.client().delete_object().bucket(*bucket).key(key).send().await;
                    gone.map_err(|error| service.refused("delete objects from", call(), &error))?;
                }
                Ok(PurgedBatch { deleted: keys.len(), refused: Vec::new() })
            }
            Err(error) => Err(service.refused("delete objects from", call(), &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeSet;

    use super::*;

    /// Objects in memory, and the largest number of keys that a listing returned.
    struct Objects {
        keys: RefCell<BTreeSet<String>>,
        /// Objects whose deletion has no effect.
        stuck: &'static str,
        /// Objects whose deletion is refused.
        locked: &'static str,
        most_listed: Cell<usize>,
        /// Whether another object is stored for each one that is deleted.
        grows: bool,
    }

    fn objects(count: usize) -> Objects {
        let keys = (0..count).map(|number| format!("{number:05}")).collect();
        Objects { keys: RefCell::new(keys), stuck: "none", locked: "none", most_listed: Cell::new(0), grows: false }
    }

    impl Purgeable for Objects {
        async fn list(&self, limit: usize) -> Result<ListedKeys, ServiceError> {
            let all = self.keys.borrow();
            let keys: Vec<String> = all.iter().take(limit).cloned().collect();
            self.most_listed.set(self.most_listed.get().max(keys.len()));
            Ok(ListedKeys { is_complete: keys.len() == all.len(), keys })
        }

        async fn delete(&self, keys: &[String]) -> Result<PurgedBatch, ServiceError> {
            let (locked, others): (Vec<_>, Vec<_>) = keys.iter().partition(|key| *key == self.locked);
            let mut all = self.keys.borrow_mut();
            for key in others.iter().filter(|key| **key != self.stuck) {
                all.remove(*key);
                if self.grows {
                    all.insert(format!("{key}0"));
                }
            }
            let refused = locked.into_iter().map(|key| (key.clone(), "Locked".to_owned())).collect();
            Ok(PurgedBatch { deleted: others.len(), refused })
        }
    }

    #[tokio::test]
    async fn few_keys_are_in_memory_at_once() {
        for (count, totals) in [(0, vec![Some(0)]), (3, vec![Some(3)]), (7, vec![None, Some(7)])] {
            let (objects, mut seen) = (objects(count), Vec::new());
            let purged = purge_all(&objects, 3, |_, total| seen.push(total)).await.unwrap();
            assert_eq!((purged, objects.keys.borrow().len()), (count, 0));
            assert!(objects.most_listed.get() <= 3, "{count}");
            seen.dedup();
            assert_eq!(seen, totals, "{count}");
        }
    }

    #[tokio::test]
    async fn objects_that_are_not_deleted_are_named() {
        for (count, stuck) in [(2, "00001"), (7, "00001"), (7, "00006")] {
            let error = purge_all(&Objects { stuck, ..objects(count) }, 3, |_, _| {}).await.unwrap_err().to_string();
            assert!(error.contains(&format!("still lists 1 of them, for example `{stuck}`")), "{error}");
        }
        let error = purge_all(&Objects { locked: "00004", ..objects(7) }, 3, |_, _| {}).await.unwrap_err().to_string();
        assert!(error.contains("refused to delete 1 of 6 objects, such as `00004` (Locked)"), "{error}");
    }

    #[tokio::test]
    async fn objects_that_are_stored_endlessly_are_reported() {
        let endless = Objects { grows: true, ..objects(4) };
        let error = purge_all(&endless, 3, |_, _| {}).await.unwrap_err();
        assert!(matches!(error, PurgeError::TooMany { deleted } if deleted == 3 * ROUNDS_LIMIT), "{error}");
    }
}
