//! A store in a bucket of an S3 service: sends the requests, and handles the differences between services.

pub(crate) mod aws_files;
pub(crate) mod client;
mod delete;
pub(crate) mod error;
mod interceptor;
mod page_guard;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use shared::UnixNanos;
use tokio::time::Instant;

use self::client::{Credentials, decode_url};
use self::error::{Action, RequestContext, S3Error};
use self::interceptor::ServiceClock;
use self::page_guard::PageGuard;
use super::compression::{self, compress};
use super::limits::{BATCH_LIMIT, BodyError, GET_TIMEOUT, describe_size, read_body};
use super::object::{Listing, Object, WriteMode};
use super::{Batch, Fetched, ListedName, ObjectVersion, StoreError};
use crate::redact::redact_userinfo;
use crate::store::settings::Bucket;

/// How many objects are read at once.
const READS_AT_ONCE: usize = 32;
/// How many objects are written at once.
pub(super) const WRITES_AT_ONCE: usize = 16;

/// The status of a response without contents, because the object has not changed.
const NOT_MODIFIED: u16 = 304;

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
        Ok(match self.get_if_changed(object, None).await? {
            Fetched::Changed { content, .. } => Some(content),
            Fetched::Unchanged | Fetched::Missing => None,
        })
    }

    pub(super) async fn get_if_changed(
        &self,
        object: &Object,
        known: Option<&ObjectVersion>,
    ) -> Result<Fetched, StoreError> {
        let deadline = Instant::now() + GET_TIMEOUT;
        Ok(match self.request(object, known).await? {
            Response::Missing => Fetched::Missing,
            Response::Unchanged => Fetched::Unchanged,
            Response::Found(response) => {
                let version = version_of(&response);
                Fetched::Changed { content: self.read(object, response, deadline).await?, version }
            }
        })
    }

    /// Requests an object, without reading its body.
    async fn request(&self, object: &Object, known: Option<&ObjectVersion>) -> Result<Response, StoreError> {
        let key = self.key(&object.name);
        let request = self.client.get_object().bucket(&self.bucket).key(&key);
        let condition = known.map(|version| version.0.clone());
        match request.set_if_none_match(condition).send().await {
            // Some services ignore `If-None-Match` and send an unchanged object.
            Ok(response) if known.is_some() && version_of(&response).as_ref() == known => Ok(Response::Unchanged),
            Ok(response) => Ok(Response::Found(Box::new(response))),
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == NOT_MODIFIED) => {
                Ok(Response::Unchanged)
            }
            Err(error) if error.code() == Some("NoSuchKey") => Ok(Response::Missing),
            Err(error) => {
                let cause = self.cause(Action::Get, &error);
                let is_denied = matches!(cause, S3Error::AccessDenied { .. });
                if is_denied && self.is_missing(&key).await {
                    Ok(Response::Missing)
                } else {
                    Err(self.unreadable(object, cause))
                }
            }
        }
    }

    /// Reads the body of an object.
    async fn read(
        &self,
        object: &Object,
        mut response: Box<GetObjectOutput>,
        deadline: Instant,
    ) -> Result<Vec<u8>, StoreError> {
        let too_large = || self.too_large(object);
        let limit = object.rules.size_limit;
        let length = content_length(&response);
        if length.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let chunks = stream::poll_fn(|context| Pin::new(&mut response.body).poll_next(context));
        let body = read_body(chunks, length, limit, deadline).await;
        let content = body.map_err(|error| match error {
            BodyError::TooLarge => too_large(),
            BodyError::TooSlow => self.unreadable(object, S3Error::TooSlow),
            BodyError::Failed(error) => self.unreadable(object, error::from_connection(&error)),
        })?;
        if object.rules.is_compressed {
            compression::decompress(content, limit).map_err(|_| too_large())
        } else {
            Ok(content)
        }
    }

    /// Returns whether a listing of the object's name shows that the object does not exist. Some services deny reading
    /// a missing object unless the key can list the whole bucket, but a key can be allowed to list a prefix.
    async fn is_missing(&self, key: &str) -> bool {
        // The object's own key sorts before all other keys with this prefix.
        let listed = self.client.list_objects_v2().bucket(&self.bucket).prefix(key).max_keys(1).send().await;
        listed.is_ok_and(|page| page.contents().first().is_none_or(|object| object.key() != Some(key)))
    }

    fn unreadable(&self, object: &Object, cause: S3Error) -> StoreError {
        self.error(&format!("read `{}{}` from", self.prefix, object.name), cause)
    }

    fn too_large(&self, object: &Object) -> StoreError {
        StoreError::TooLarge {
            name: format!("{}{}", self.prefix, object.name),
            store: self.describe(),
            limit: describe_size(object.rules.size_limit),
        }
    }

    pub(super) async fn get_batch<N: ListedName>(&self, names: &[N]) -> Result<Batch<N>, StoreError> {
        let room = AtomicU64::new(BATCH_LIMIT);
        let mut reads = Box::pin(
            stream::iter(names.to_vec())
                .map(|name| async { (self.read_if_room(&name, &room).await, name) })
                .buffered(READS_AT_ONCE),
        );
        let mut batch = Batch::default();
        while let Some((read, name)) = reads.next().await {
            match read {
                Ok(BatchRead::NoRoom) => break,
                Ok(BatchRead::Missing) => batch.add(name, Ok(None))?,
                Ok(BatchRead::Found(content)) => batch.add(name, Ok(Some(content)))?,
                Err(error) => batch.add(name, Err(error))?,
            }
        }
        drop(reads);
        // Concurrent reads of the other objects can fill the batch before the first object is read.
        if batch.names == 0
            && let Some(first) = names.first()
        {
            batch.add(first.clone(), self.get(&Object::new(first)).await)?;
        }
        Ok(batch)
    }

    /// Reads an object if it fits into the remaining space, in bytes.
    async fn read_if_room(&self, name: &impl ListedName, room: &AtomicU64) -> Result<BatchRead, StoreError> {
        let (object, deadline) = (Object::new(name), Instant::now() + GET_TIMEOUT);
        let Response::Found(response) = self.request(&object, None).await? else { return Ok(BatchRead::Missing) };
        let limit = object.rules.size_limit;
        let size = content_length(&response).unwrap_or(limit).min(limit);
        let has_room = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(size)).is_ok();
        if !has_room {
            return Ok(BatchRead::NoRoom);
        }
        self.read(&object, response, deadline).await.map(BatchRead::Found)
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
                .map_err(|cause| failed(S3Error::LimitExceeded(cause.to_string())))?;
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

/// The response to a request for an object.
enum Response {
    Missing,
    /// The object still has the version that the caller knows.
    Unchanged,
    Found(Box<GetObjectOutput>),
}

/// An object that was read for a batch.
enum BatchRead {
    Missing,
    Found(Vec<u8>),
    /// The batch is full. The object was not read.
    NoRoom,
}

fn version_of(response: &GetObjectOutput) -> Option<ObjectVersion> {
    response.e_tag().map(|tag| ObjectVersion(tag.to_owned()))
}

fn content_length(response: &GetObjectOutput) -> Option<u64> {
    u64::try_from(response.content_length()?).ok()
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
