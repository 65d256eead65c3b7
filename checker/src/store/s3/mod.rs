//! A bucket as store, on any service that speaks S3: the requests and what differs between services. What an error
//! means for a person is [`self::error`]'s business.

pub(crate) mod client;
mod delete;
pub(crate) mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{Read as _, Write as _};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::UnixNanos;
use shared::object_name::{self, CheckFileName, HISTORY_FOLDER, HeartbeatName, HistoryName, SummaryForm, SummaryName};

use self::client::{Credentials, decode_url};
use self::error::{Action, Asked, S3Problem};
use super::{HEARTBEAT_LIMIT, NAMES_TO_TRY, ReadFile, StoreError, next_name};
use crate::redact::without_user;
use crate::store::settings::Bucket;

/// How many check files are read at once.
const READS_AT_ONCE: usize = 32;
/// Histories and heartbeats are replaced again and again; whoever has one has to ask whether it is still the one.
const CACHE_CONTROL_OF_WHAT_CHANGES: &str = "no-cache";
/// Summaries and badges may be a minute old to whoever has one: they say of when they are, and may be asked for a lot.
const CACHE_CONTROL_OF_SUMMARIES: &str = "public, max-age=60";
/// How many badges are written at once.
const WRITES_AT_ONCE: usize = 16;
/// A history that is longer than this when decompressed is none of ours: a hundred thousand endpoints over years are not.
const HISTORY_LIMIT: u64 = 1 << 30;
/// A check file never changes once it is stored, and caches may know it.
const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

/// A bucket that keeps check files.
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
    description: String,
    /// Whether the service knows `If-None-Match` on a PUT; it does until it says otherwise.
    knows_conditions: AtomicBool,
    /// Whether the service deletes many objects at once; it does until it says otherwise.
    knows_batches: AtomicBool,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client knows the keys; nothing of it is shown.
        formatter.debug_tuple("S3Store").field(&self.description).finish()
    }
}

/// What became of one request to store under one name.
enum Put {
    Stored,
    NameTaken,
}

impl S3Store {
    /// Prepares the requests; none is made.
    pub(super) async fn open(bucket: &Bucket) -> S3Store {
        S3Store {
            client: client::client(&client::settings(bucket, Credentials::OfTheBucket).await, bucket.address_style),
            bucket: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            description: describe(bucket),
            knows_conditions: AtomicBool::new(true),
            knows_batches: AtomicBool::new(true),
        }
    }

    pub(super) fn describe(&self) -> String {
        self.description.clone()
    }

    pub(super) async fn put_check_file(
        &self,
        name: &CheckFileName,
        content: &Bytes,
    ) -> Result<CheckFileName, StoreError> {
        let mut free = name.clone();
        for _ in 0..NAMES_TO_TRY {
            match self.put_if_absent(&free, content).await? {
                Put::Stored => return Ok(free),
                // A file with our name and our content is our own, from an attempt whose answer was lost.
                Put::NameTaken if self.holds(&free, content).await => return Ok(free),
                Put::NameTaken => free = next_name(&free),
            }
        }
        Err(StoreError::NamesTaken { name: name.clone() })
    }

    /// Stores under one name, unless it is taken; services without conditions are trusted with the name, since
    /// names are unique by construction.
    async fn put_if_absent(&self, name: &CheckFileName, content: &Bytes) -> Result<Put, StoreError> {
        let failed = |problem| self.error(&format!("write `{}{name}` to", self.prefix), problem);
        if self.knows_conditions.load(Ordering::Relaxed) {
            match self.put(name, content, Some("*")).await {
                Ok(()) => return Ok(Put::Stored),
                Err(PutFailure { status: 412, .. }) => return Ok(Put::NameTaken),
                Err(PutFailure { status: 400 | 501, problem }) if !problem.is_passing() => {}
                Err(PutFailure { problem, .. }) => return Err(failed(problem)),
            }
        }
        // Whatever else may be wrong with the request is told by this one.
        self.put(name, content, None).await.map_err(|failure| failed(failure.problem))?;
        self.knows_conditions.store(false, Ordering::Relaxed);
        Ok(Put::Stored)
    }

    async fn put(&self, name: &CheckFileName, content: &Bytes, if_none_match: Option<&str>) -> Result<(), PutFailure> {
        // Whoever stores tries again, and with more patience: see `deliver`.
        let once = aws_sdk_s3::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(name))
            .content_type("application/json")
            .cache_control(CACHE_CONTROL)
            .set_if_none_match(if_none_match.map(str::to_owned))
            .body(ByteStream::from(content.clone()))
            .customize()
            .config_override(once)
            .send()
            .await;
        match answer {
            Ok(stored) if stored.e_tag().is_some() => Ok(()),
            // Many a web server answers 200 to anything; a round must not be taken for stored there.
            Ok(_) => Err(PutFailure { status: 200, problem: S3Problem::NotS3 { status: 200 } }),
            Err(error) => {
                let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
                Err(PutFailure { status, problem: self.problem(Action::Put, &error) })
            }
        }
    }

    /// Whether an object is there with this content. A writer that may not read says no, and takes another name.
    async fn holds(&self, name: &CheckFileName, content: &Bytes) -> bool {
        self.read_check_file(name).await.is_ok_and(|there| there.is_some_and(|there| there == *content))
    }

    pub(super) async fn list_check_files(
        &self,
        times: RangeInclusive<UnixNanos>,
    ) -> Result<Vec<CheckFileName>, StoreError> {
        self.list_check_files_up_to(times, usize::MAX).await
    }

    /// The names of check files of these times, in order; once there are so many, no further page is read.
    pub(super) async fn list_check_files_up_to(
        &self,
        times: RangeInclusive<UnixNanos>,
        most: usize,
    ) -> Result<Vec<CheckFileName>, StoreError> {
        let failed = |problem| self.error("list", problem);
        let mut names: Vec<CheckFileName> = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(&self.prefix)
                .start_after(object_name::start_after(&self.prefix, *times.start()))
                // XML cannot carry every key that a bucket may hold; one odd foreign key must not hide the rest.
                .encoding_type(EncodingType::Url)
                .set_continuation_token(token.clone())
                .send()
                .await
                .map_err(|error| failed(self.problem(Action::List, &error)))?;
            let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
            for key in page.contents().iter().filter_map(|object| object.key()) {
                let decoded = if is_encoded { decode_url(key) } else { Some(key.to_owned()) };
                names.extend(decoded.and_then(|key| CheckFileName::parse_key(&self.prefix, &key)));
            }
            let next = page.next_continuation_token().map(str::to_owned);
            // A listing is in order of keys, so that what comes after the last name we want is of no use.
            let is_past = names.last().is_some_and(|last| last.stored_at > *times.end());
            if is_past || names.len() >= most || page.is_truncated() != Some(true) {
                break;
            }
            if next.is_none() || next == token {
                let problem = "it says that the listing goes on, but not where".to_owned();
                return Err(failed(S3Problem::Refused(problem)));
            }
            token = next;
        }
        // A service that ignores `start-after` must not make a difference.
        names.retain(|name| times.contains(&name.stored_at));
        names.sort_unstable();
        Ok(names)
    }

    pub(super) async fn read_check_file(&self, name: &CheckFileName) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_object(name).await
    }

    async fn read_object(&self, name: &impl fmt::Display) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |problem| self.error(&format!("read `{}{name}` from", self.prefix), problem);
        let key = format!("{}{name}", self.prefix);
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => match object.body.collect().await {
                Ok(content) => Ok(Some(content.to_vec())),
                Err(error) => Err(failed(error::of_failed_connection(&error))),
            },
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) => Err(failed(self.problem(Action::Get, &error))),
        }
    }

    pub(super) async fn read_check_files(
        &self,
        names: &[CheckFileName],
    ) -> Result<Vec<(CheckFileName, ReadFile)>, StoreError> {
        let files: Vec<Option<(CheckFileName, ReadFile)>> = stream::iter(names.to_vec())
            .map(|name| async move { Ok(self.read_check_file(&name).await?.map(|content| (name, Ok(content)))) })
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(files.into_iter().flatten().collect())
    }

    /// The request that puts an object in the place of the one before.
    fn put_what_changes(&self, name: &impl fmt::Display, content: Vec<u8>) -> PutObjectFluentBuilder {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(format!("{}{name}", self.prefix))
            .content_type("application/json")
            .cache_control(CACHE_CONTROL_OF_WHAT_CHANGES)
            .body(ByteStream::from(content))
    }

    pub(super) async fn put_history(&self, name: &HistoryName, content: &str) -> Result<(), StoreError> {
        let failed = |problem| self.error(&format!("write `{}{name}` to", self.prefix), problem);
        let answer = self.put_what_changes(name, compressed(content)).content_encoding("gzip").send().await;
        answer.map(|_| ()).map_err(|error| failed(self.problem(Action::Put, &error)))
    }

    pub(super) async fn read_history(&self, name: &HistoryName) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |problem| self.error(&format!("read `{}{name}` from", self.prefix), problem);
        let key = format!("{}{name}", self.prefix);
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => match object.body.collect().await {
                Ok(content) => Ok(Some(decompressed(content.to_vec()))),
                Err(error) => Err(failed(error::of_failed_connection(&error))),
            },
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) => Err(failed(self.problem(Action::Get, &error))),
        }
    }

    pub(super) async fn list_histories(&self) -> Result<Vec<HistoryName>, StoreError> {
        let failed = |problem| self.error("list", problem);
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(format!("{}{HISTORY_FOLDER}", self.prefix))
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(self.problem(Action::List, &error)))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            names.extend(keys.filter_map(|key| HistoryName::parse_key(&self.prefix, key)));
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(super) async fn put_summaries(&self, objects: Vec<(SummaryName, String)>) -> Result<(), StoreError> {
        let (badges, summaries): (Vec<_>, Vec<_>) = objects
            .into_iter()
            .partition(|(name, _)| matches!(name.form, SummaryForm::OverallBadge | SummaryForm::Badge(_)));
        stream::iter(badges)
            .map(|(name, content)| self.put_summary(name, content))
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect::<()>()
            .await?;
        for (name, content) in summaries {
            self.put_summary(name, content).await?;
        }
        Ok(())
    }

    async fn put_summary(&self, name: SummaryName, content: String) -> Result<(), StoreError> {
        let put = self.put_what_changes(&name, content.into_bytes());
        let put = put.content_type(name.media_type()).cache_control(CACHE_CONTROL_OF_SUMMARIES);
        let failed = |problem| self.error(&format!("write `{}{name}` to", self.prefix), problem);
        put.send().await.map(drop).map_err(|error| failed(self.problem(Action::Put, &error)))
    }

    pub(super) async fn read_summary(&self, name: &SummaryName) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_object(name).await
    }

    pub(super) async fn put_heartbeat(&self, name: &HeartbeatName, content: &str) -> Result<(), StoreError> {
        let failed = |problem| self.error(&format!("write `{}{name}` to", self.prefix), problem);
        let answer = self.put_what_changes(name, content.as_bytes().to_vec()).send().await;
        match answer {
            Ok(stored) if stored.e_tag().is_some() => Ok(()),
            Ok(_) => Err(failed(S3Problem::NotS3 { status: 200 })),
            Err(error) => Err(failed(self.problem(Action::Put, &error))),
        }
    }

    pub(super) async fn read_heartbeat(&self, name: &HeartbeatName) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |problem| self.error(&format!("read `{}{name}` from", self.prefix), problem);
        let key = format!("{}{name}", self.prefix);
        let mut object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(failed(self.problem(Action::Get, &error))),
        };
        let mut content = Vec::new();
        while content.len() < HEARTBEAT_LIMIT
            && let Some(chunk) = object.body.next().await
        {
            content.extend_from_slice(&chunk.map_err(|error| failed(error::of_failed_connection(&error)))?);
        }
        Ok(Some(content))
    }

    fn key(&self, name: &CheckFileName) -> String {
        format!("{}{name}", self.prefix)
    }

    fn asked(&self, action: Action) -> Asked<'_> {
        Asked { action, bucket: &self.bucket, prefix: &self.prefix }
    }

    fn error(&self, task: &str, problem: S3Problem) -> StoreError {
        StoreError::S3 { task: format!("{task} {}", self.description), problem }
    }

    /// What the SDK's error means.
    fn problem<E>(&self, action: Action, error: &SdkError<E, HttpResponse>) -> S3Problem
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        client::problem(&self.asked(action), error)
    }
}

/// Why a request was put to the service with no answer.
struct PutFailure {
    /// The answer's HTTP status; 0 if there was none.
    status: u16,
    problem: S3Problem,
}

/// The bucket as people call it.
fn describe(bucket: &Bucket) -> String {
    match &bucket.endpoint_url {
        Some(url) => format!("the bucket `{}` at `{}`", bucket.name, without_user(url)),
        None => format!("the bucket `{}`", bucket.name),
    }
}

fn compressed(content: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing into memory does not fail.
    let _ = encoder.write_all(content.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// What was compressed, if it was: some services and proxies decompress on the way. What breaks off is cut there,
/// and is no JSON.
fn decompressed(content: Vec<u8>) -> Vec<u8> {
    if !content.starts_with(&[0x1f, 0x8b]) {
        return content;
    }
    let mut plain = Vec::new();
    let _ = flate2::read::GzDecoder::new(content.as_slice()).take(HISTORY_LIMIT).read_to_end(&mut plain);
    plain
}
