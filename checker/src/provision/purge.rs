//! Deletes all objects that checkers stored, several batches at a time. Other objects are kept.

use std::collections::HashSet;

use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};
use futures_util::{StreamExt as _, stream};
use shared::object_name::is_stored_by_checkers;

use super::progress::Progress;
use super::service::{Call, Service, ServiceError};
use crate::store::s3::client::decode_url;

/// How many batches are deleted at once.
const BATCHES_AT_ONCE: usize = 4;

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
}

/// The outcome of deleting one batch.
#[derive(Debug, Default)]
struct PurgedBatch {
    deleted: usize,
    refused: Vec<(String, String)>,
}

/// Deletes all objects that checkers stored below the prefix, and returns their number.
pub async fn purge(
    service: &Service,
    bucket: &str,
    prefix: &str,
    progress: &mut impl Progress,
) -> Result<usize, PurgeError> {
    // List everything first: listing is fast compared with deleting, and the progress display needs the total.
    let keys = list(service, bucket, prefix).await?;
    let mut deleted = 0;
    let mut refused: Vec<(String, String)> = Vec::new();
    progress.items_done(deleted, Some(keys.len()));
    let mut batches =
        stream::iter(keys.chunks(1_000)).map(|batch| delete(service, bucket, batch)).buffer_unordered(BATCHES_AT_ONCE);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        deleted += batch.deleted;
        refused.extend(batch.refused);
        progress.items_done(deleted, Some(keys.len()));
    }
    match refused.first() {
        None => match still_listed(service, bucket, prefix, &keys).await?.as_slice() {
            [] => Ok(deleted),
            left @ [key, ..] => Err(PurgeError::StillListed { key: key.clone(), count: left.len() }),
        },
        Some((key, code)) => {
            Err(PurgeError::Refused { key: key.clone(), code: code.clone(), refused: refused.len(), deleted })
        }
    }
}

async fn list(service: &Service, bucket: &str, prefix: &str) -> Result<Vec<String>, ServiceError> {
    const ACTION: &str = "s3:ListBucket";
    let mut keys = Vec::new();
    let mut token: Option<String> = None;
    for number in 1.. {
        let request = service.client().list_objects_v2().bucket(bucket).prefix(prefix);
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
        let next = page.next_continuation_token().map(str::to_owned);
        service.check_progress(ACTION, number, next.is_some() && next != token)?;
        token = next;
    }
    Ok(keys)
}

/// Returns the deleted keys that are still in the bucket, because a service may ignore requests to delete objects.
/// Ignores objects that checkers stored in the meantime.
async fn still_listed(
    service: &Service,
    bucket: &str,
    prefix: &str,
    deleted: &[String],
) -> Result<Vec<String>, ServiceError> {
    if deleted.is_empty() {
        return Ok(Vec::new());
    }
    let deleted: HashSet<&str> = deleted.iter().map(String::as_str).collect();
    let mut left = list(service, bucket, prefix).await?;
    left.retain(|key| deleted.contains(key.as_str()));
    Ok(left)
}

async fn delete(service: &Service, bucket: &str, keys: &[String]) -> Result<PurgedBatch, ServiceError> {
    let call = || Call { action: "s3:DeleteObject", resource: format!("arn:aws:s3:::{bucket}/*") };
    let objects = keys.iter().filter_map(|key| ObjectIdentifier::builder().key(key).build().ok()).collect();
    let Ok(batch) = Delete::builder().set_objects(Some(objects)).quiet(true).build() else {
        return Ok(PurgedBatch::default());
    };
    match service.client().delete_objects().bucket(bucket).delete(batch).send().await {
        Ok(response) => {
            let refused: Vec<_> = response
                .errors()
                .iter()
                .filter(|error| error.code() != Some("NoSuchKey"))
                .map(|error| (error.key().unwrap_or_default().to_owned(), error.code().unwrap_or_default().to_owned()))
                .collect();
            Ok(PurgedBatch { deleted: keys.len() - refused.len(), refused })
        }
        // Delete objects one by one if the service does not support batches, mistakes the request for a different one,
        // or requires an obsolete checksum.
        Err(error)
            if error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 200 | 400 | 405 | 501)) =>
        {
            for key in keys {
                let gone = service.client().delete_object().bucket(bucket).key(key).send().await;
                gone.map_err(|error| service.refused("delete objects from", call(), &error))?;
            }
            Ok(PurgedBatch { deleted: keys.len(), refused: Vec::new() })
        }
        Err(error) => Err(service.refused("delete objects from", call(), &error)),
    }
}
