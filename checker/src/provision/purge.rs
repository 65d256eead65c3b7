//! Deletes what checkers stored, in batches and several at a time, while it is being listed. What others stored in
//! the bucket is not touched.

use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};
use futures_util::{StreamExt as _, stream};
use shared::object_name::is_stored_by_checkers;

use super::apply::Audience;
use super::service::{Call, Service, ServiceError};
use crate::store::s3::client::decode_url;

/// How many batches, each of one page of the listing, are being deleted at once.
const BATCHES_AT_ONCE: usize = 4;

/// Objects could not be deleted.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// A call failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The service deleted some of a batch and refused others.
    #[error(
        "the service refused to delete {refused} objects, the first of them `{key}` ({code}); {removed} were deleted; check the key's permission `s3:DeleteObject` and the bucket's policy"
    )]
    Some {
        /// The first that was refused.
        key: String,
        /// Why.
        code: String,
        /// How many were.
        refused: usize,
        /// How many were deleted.
        removed: usize,
    },
}

/// What became of one batch.
#[derive(Debug, Default)]
struct Batch {
    removed: usize,
    refused: Vec<(String, String)>,
}

/// Deletes every object of ours below the prefix and returns how many there were.
pub async fn purge(
    service: &Service,
    bucket: &str,
    prefix: &str,
    audience: &mut impl Audience,
) -> Result<usize, PurgeError> {
    // Listing is quick beside deleting: knowing all names first gives an honest measure of what is left.
    let keys = list(service, bucket, prefix).await?;
    let mut removed = 0;
    let mut refused: Vec<(String, String)> = Vec::new();
    audience.progress(removed, Some(keys.len()));
    let mut batches =
        stream::iter(keys.chunks(1_000)).map(|batch| delete(service, bucket, batch)).buffer_unordered(BATCHES_AT_ONCE);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        removed += batch.removed;
        refused.extend(batch.refused);
        audience.progress(removed, Some(keys.len()));
    }
    match refused.first() {
        None => Ok(removed),
        Some((key, code)) => {
            Err(PurgeError::Some { key: key.clone(), code: code.clone(), refused: refused.len(), removed })
        }
    }
}

async fn list(service: &Service, bucket: &str, prefix: &str) -> Result<Vec<String>, ServiceError> {
    let mut keys = Vec::new();
    let mut pages = service
        .client()
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .encoding_type(EncodingType::Url)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            let call = Call { action: "s3:ListBucket", resource: format!("arn:aws:s3:::{bucket}") };
            service.refused("list", call, &error)
        })?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let names = page.contents().iter().filter_map(|object| object.key());
        let names = names.filter_map(|key| if is_encoded { decode_url(key) } else { Some(key.to_owned()) });
        keys.extend(names.filter(|key| is_stored_by_checkers(prefix, key)));
    }
    Ok(keys)
}

async fn delete(service: &Service, bucket: &str, keys: &[String]) -> Result<Batch, ServiceError> {
    let call = || Call { action: "s3:DeleteObject", resource: format!("arn:aws:s3:::{bucket}/*") };
    let objects = keys.iter().filter_map(|key| ObjectIdentifier::builder().key(key).build().ok()).collect();
    let Ok(batch) = Delete::builder().set_objects(Some(objects)).quiet(true).build() else {
        return Ok(Batch::default());
    };
    match service.client().delete_objects().bucket(bucket).delete(batch).send().await {
        Ok(answer) => {
            let refused: Vec<_> = answer
                .errors()
                .iter()
                .filter(|error| error.code() != Some("NoSuchKey"))
                .map(|error| (error.key().unwrap_or_default().to_owned(), error.code().unwrap_or_default().to_owned()))
                .collect();
            Ok(Batch { removed: keys.len() - refused.len(), refused })
        }
        // A service that does not know the request, or wants a checksum that nobody else wants any more.
        Err(error) if error.raw_response().is_some_and(|raw| matches!(raw.status().as_u16(), 400 | 405 | 501)) => {
            for key in keys {
                let gone = service.client().delete_object().bucket(bucket).key(key).send().await;
                gone.map_err(|error| service.refused("delete objects from", call(), &error))?;
            }
            Ok(Batch { removed: keys.len(), refused: Vec::new() })
        }
        Err(error) => Err(service.refused("delete objects from", call(), &error)),
    }
}
