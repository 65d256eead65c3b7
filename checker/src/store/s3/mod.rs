//! A store in a bucket of an S3 service: sends the requests, and handles the differences between services.

pub(crate) mod client;
mod delete;
pub(crate) mod error;
mod interceptor;
mod page_guard;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::UnixNanos;
use tokio::time::Instant;

use self::client::{Credentials, decode_url};
use self::error::{Action, RequestContext, S3Error};
use self::interceptor::ServiceClock;
use self::page_guard::PageGuard;
use super::compression::{self, compress};
use super::limits::{BodyError, GET_TIMEOUT, describe_size, read_body};
use super::object::{Listing, Object, WriteMode};
use super::{ListedName, ReadObject, StoreError};
use crate::redact::redact_userinfo;
use crate::store::settings::Bucket;

/// How many objects are read at once.
const READS_AT_ONCE: usize = 32;
/// How many objects are written at once.
pub(super) const WRITES_AT_ONCE: usize = 16;

/// A store whose objects are in a bucket.
pub struct S3Store {
    client: Client,
    clock: ServiceClock,
    bucket: String,
    prefix: String,
    description: String,
    /// Whether the service supports `If-None-Match` in PUT requests; `true` until a response shows otherwise.
    supports_conditions: AtomicBool,
    /// Whether the service can delete several objects in one request; `true` until a response shows otherwise.
    supports_batches: AtomicBool,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Omit the client, which contains the keys.
        formatter.debug_tuple("S3Store").field(&self.description).finish()
    }
}

impl S3Store {
    /// Prepares the client, without sending a request.
    pub(super) async fn open(bucket: &Bucket) -> S3Store {
        let clock = ServiceClock::default();
        let settings = client::settings(bucket, Credentials::OfBucket).await;
        S3Store {
            client: client::client_with_clock(&settings, bucket.address_style, clock.clone()),
            clock,
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            description: describe(bucket),
            supports_conditions: AtomicBool::new(true),
            supports_batches: AtomicBool::new(true),
        }
    }

    pub(super) fn describe(&self) -> String {
        self.description.clone()
    }

    /// Returns the service's time in its last response, or `None` if no response contained a time.
    pub(super) fn service_time(&self) -> Option<UnixNanos> {
        self.clock.last()
    }

    pub(super) async fn put(&self, object: &Object, content: Bytes) -> Result<(), StoreError> {
        let failed = |cause| self.error(&format!("write `{}{}` to", self.prefix, object.name), cause);
        if object.rules.write == WriteMode::Replace {
            let content = if object.rules.is_compressed { compress(&content).into() } else { content };
            return self.send(object, content, PutCondition::None).await.map_err(|failure| failed(failure.cause));
        }
        // If the service does not support conditional writes, write unconditionally, because names are unique by
        // construction.
        if self.supports_conditions.load(Ordering::Relaxed) {
            match self.send(object, content.clone(), PutCondition::IfAbsent).await {
                Ok(()) => return Ok(()),
                // An object with the same contents comes from an earlier attempt whose response was lost.
                Err(PutFailure { status: 412, .. }) if self.contains(object, &content).await => return Ok(()),
                Err(PutFailure { status: 412, .. }) => {
                    return Err(StoreError::AlreadyExists { name: object.name.clone(), store: self.describe() });
                }
                Err(PutFailure { status: 400 | 501, cause }) if !cause.is_transient() => {}
                Err(PutFailure { cause, .. }) => return Err(failed(cause)),
            }
        }
        // If the request failed for another reason, this attempt reports it.
        self.send(object, content, PutCondition::None).await.map_err(|failure| failed(failure.cause))?;
        self.supports_conditions.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn send(&self, object: &Object, content: Bytes, condition: PutCondition) -> Result<(), PutFailure> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(&object.name))
            .content_type(object.rules.content_type)
            .cache_control(object.rules.cache_control)
            .set_content_encoding(object.rules.is_compressed.then(|| "gzip".to_owned()))
            .set_if_none_match((condition == PutCondition::IfAbsent).then(|| "*".to_owned()))
            .body(ByteStream::from(content));
        let response = match object.rules.write {
            WriteMode::Replace => request.send().await,
            // The caller retries for longer than the SDK would: see `upload`.
            WriteMode::Create => {
                let once = aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled());
                request.customize().config_override(once).send().await
            }
        };
        match response {
            Ok(stored) if stored.e_tag().is_some() => Ok(()),
            // Many web servers respond to any request with 200, which does not mean that the object was stored.
            Ok(_) => Err(PutFailure { status: 200, cause: S3Error::NotS3 { status: 200 } }),
            Err(error) => {
                let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
                Err(PutFailure { status, cause: self.cause(Action::Put, &error) })
            }
        }
    }

    /// Returns whether the bucket has the object with these contents. Returns `false` if the object cannot be read.
    async fn contains(&self, object: &Object, content: &Bytes) -> bool {
        self.get(object).await.is_ok_and(|existing| existing.is_some_and(|existing| existing == *content))
    }

    pub(super) async fn get(&self, object: &Object) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |cause| self.error(&format!("read `{}{}` from", self.prefix, object.name), cause);
        let too_large = || self.too_large(object);
        let deadline = Instant::now() + GET_TIMEOUT;
        let key = self.key(&object.name);
        let mut response = match self.client.get_object().bucket(&self.bucket).key(&key).send().await {
            Ok(response) => response,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => {
                let cause = self.cause(Action::Get, &error);
                let is_denied = matches!(cause, S3Error::AccessDenied { .. });
                return if is_denied && self.is_missing(&key).await { Ok(None) } else { Err(failed(cause)) };
            }
        };
        let limit = object.rules.size_limit;
        if response.content_length().is_some_and(|length| u64::try_from(length).is_ok_and(|length| length > limit)) {
            return Err(too_large());
        }
        let chunks = stream::poll_fn(|context| Pin::new(&mut response.body).poll_next(context));
        let body = read_body(chunks, limit, deadline).await;
        let content = body.map_err(|error| match error {
            BodyError::TooLarge => too_large(),
            BodyError::TooSlow => failed(S3Error::TooSlow),
            BodyError::Failed(error) => failed(error::from_connection(&error)),
        })?;
        if !object.rules.is_compressed {
            return Ok(Some(content));
        }
        compression::decompress(content, limit).map(Some).map_err(|_| too_large())
    }

    /// Returns whether a listing of the object's name shows that the object does not exist. Some services deny reading
    /// a missing object unless the key can list the whole bucket, but a key can be allowed to list a prefix.
    async fn is_missing(&self, key: &str) -> bool {
        // The object's own key sorts before all other keys with this prefix.
        let listed = self.client.list_objects_v2().bucket(&self.bucket).prefix(key).max_keys(1).send().await;
        listed.is_ok_and(|page| page.contents().first().is_none_or(|object| object.key() != Some(key)))
    }

    fn too_large(&self, object: &Object) -> StoreError {
        StoreError::TooLarge {
            name: format!("{}{}", self.prefix, object.name),
            store: self.describe(),
            limit: describe_size(object.rules.size_limit),
        }
    }

    pub(super) async fn get_all<N: ListedName>(&self, names: &[N]) -> Result<Vec<(N, ReadObject)>, StoreError> {
        let objects: Vec<Option<(N, ReadObject)>> = stream::iter(names.to_vec())
            .map(async |name| match self.get(&Object::new(&name)).await {
                Ok(content) => Ok(content.map(|content| (name, Ok(content)))),
                // One object's size does not affect the other objects.
                Err(error @ StoreError::TooLarge { .. }) => Ok(Some((name, Err(error.to_string())))),
                Err(error) => Err(error),
            })
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(objects.into_iter().flatten().collect())
    }

    pub(super) async fn list<N: ListedName>(&self, listing: &Listing) -> Result<Vec<N>, StoreError> {
        let failed = |cause| self.error("list", cause);
        let mut names: Vec<N> = Vec::new();
        let mut token = None;
        let mut guard = PageGuard::default();
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(format!("{}{}", self.prefix, N::FOLDER))
                .set_start_after(N::start_after(&self.prefix, *listing.times.start()))
                // XML cannot represent every key, and one such key must not make all others unreadable.
                .encoding_type(EncodingType::Url)
                .set_continuation_token(token.clone())
                .send()
                .await
                .map_err(|error| failed(self.cause(Action::List, &error)))?;
            let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
            for key in page.contents().iter().filter_map(|object| object.key()) {
                let key = if is_encoded { decode_url(key) } else { Some(key.to_owned()) };
                names.extend(key.and_then(|key| N::parse(key.strip_prefix(&self.prefix)?)));
            }
            let next = page.next_continuation_token().map(str::to_owned);
            // Keys are sorted, so later pages contain only later times.
            let is_past = names.last().and_then(N::stored_at).is_some_and(|time| time > *listing.times.end());
            if is_past || names.len() >= listing.enough || page.is_truncated() != Some(true) {
                break;
            }
            let first_key = page.contents().first().and_then(|object| object.key());
            guard
                .check(next.as_deref(), first_key, names.len())
                .map_err(|cause| failed(S3Error::Refused(cause.to_string())))?;
            token = next;
        }
        // Some services ignore `start-after`.
        names.retain(|name| listing.contains(name));
        names.sort_unstable();
        Ok(names)
    }

    fn key(&self, name: impl fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }

    fn context(&self, action: Action) -> RequestContext<'_> {
        RequestContext { action, bucket: &self.bucket, prefix: &self.prefix }
    }

    fn error(&self, task: &str, cause: S3Error) -> StoreError {
        StoreError::S3 { task: format!("{task} {}", self.description), cause }
    }

    fn cause<E>(&self, action: Action, error: &SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        client::sdk_error(&self.context(action), error)
    }
}

/// The condition for a PUT request to take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PutCondition {
    None,
    /// No object with this name exists yet.
    IfAbsent,
}

struct PutFailure {
    /// The response's HTTP status, or 0 if there was no response.
    status: u16,
    cause: S3Error,
}

/// Describes the bucket in words, without the user name and password that its URL may contain.
fn describe(bucket: &Bucket) -> String {
    match &bucket.endpoint_url {
        Some(url) => format!("the bucket `{}` at `{}`", bucket.name, redact_userinfo(url)),
        None => format!("the bucket `{}`", bucket.name),
    }
}
