//! Reads a store and the page's own files: asks [`super::http`] or [`super::s3`] for URLs, has [`super::fetch`] send them.

use shared::UnixNanos;
use shared::object_name::{self, HistoryName};
use shared::page_config::{S3Source, Source};

use super::error::SourceError;
use super::fetch::{self, Freshness};
use super::listing::{HistoryListing, InlineContents, Listing, StoreObject};
use super::{http, s3};
use crate::i18n::texts;

/// The largest check file that is read: a thousand endpoints with long errors stay below it, a hostile object
/// does not stop the page.
pub const CHECK_FILE_LIMIT: usize = 8 << 20;

/// The largest list that is read: half a million names.
const LIST_LIMIT: usize = 32 << 20;

/// The most pages of an S3 listing that are read, a thousand names each: a year of checks every minute has 526.
const PAGES_LIMIT: usize = 1_000;

/// Lists the check files that were stored at `from` or later (a plain web server lists older ones, too), at least to
/// `until`.
pub async fn list(
    source: &Source,
    from: UnixNanos,
    until: UnixNanos,
    contents: InlineContents,
    now: UnixNanos,
) -> Result<Listing, SourceError> {
    match source {
        Source::Http { url } => {
            let answer = fetch::get(&http::list_url(url, from, contents), Freshness::Revalidated, LIST_LIMIT).await?;
            if answer.is_good() {
                Ok(Listing { cached_at: answer.cached_at(), ..http::parse_index(&answer.body)? })
            } else {
                Err(http::refusal(answer.status))
            }
        }
        Source::S3(s3) => {
            let mut all = Listing::default();
            let mut continuation = None;
            for _ in 0..PAGES_LIMIT {
                let url = s3::list_url(s3, from, continuation.as_deref(), now);
                let (body, cached_at) = listed(s3, &url).await?;
                let page = s3::parse_listing(s3, &body)?;
                all.cached_at = all.cached_at.or(cached_at);
                all.files.extend(page.listing.files);
                all.unrelated.extend(page.listing.unrelated);
                continuation = page.next;
                let is_enough = all.files.last().is_some_and(|last| last.name.stored_at >= until);
                if continuation.is_none() || is_enough {
                    break;
                }
            }
            Ok(all)
        }
    }
}

/// The names of all histories; a directory's short list has the newest check files, too.
pub async fn list_histories(source: &Source, now: UnixNanos) -> Result<HistoryListing, SourceError> {
    match source {
        Source::Http { url } => {
            let url = format!("{url}{}", object_name::HISTORY_INDEX);
            let answer = fetch::get(&url, Freshness::Revalidated, LIST_LIMIT).await?;
            if answer.status >= 500 {
                return Err(http::refusal(answer.status));
            }
            // Where no checker of ours stores there is none, and some servers answer that with a page.
            let Ok(mut listing) = http::parse_index(&answer.body) else { return Ok(HistoryListing::default()) };
            let names = std::mem::take(&mut listing.unrelated);
            let histories = names.iter().filter_map(|name| Some((HistoryName::parse(name)?, None))).collect();
            Ok(HistoryListing { histories, newest: Some(listing), cached_at: answer.cached_at() })
        }
        Source::S3(s3) => {
            let url = s3::histories_url(s3, now);
            let (body, cached_at) = listed(s3, &url).await?;
            Ok(HistoryListing { histories: s3::parse_histories(s3, &body), newest: None, cached_at })
        }
    }
}

/// What a bucket answers to a listing, and when that was known if it is not the bucket that says so now.
async fn listed(s3: &S3Source, url: &str) -> Result<(String, Option<UnixNanos>), SourceError> {
    let answer = fetch::get(url, Freshness::Revalidated, LIST_LIMIT).await;
    let answer = answer.map_err(|error| error.about(&s3::origin(s3)))?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.is_good() { Ok((body, answer.cached_at())) } else { Err(s3::parse_refusal(answer.status, &body)) }
}

/// Gets the content of a check file or of a history.
pub async fn get(source: &Source, object: &StoreObject, now: UnixNanos) -> Result<Vec<u8>, SourceError> {
    let (name, freshness) = match object {
        StoreObject::CheckFile(name) => (name.to_string(), Freshness::Immutable),
        StoreObject::History(name, _) => (name.to_string(), Freshness::Revalidated),
    };
    let url = match source {
        Source::Http { url } => format!("{url}{name}"),
        Source::S3(s3) => s3::object_url(s3, &name, now),
    };
    let answer = fetch::get(&url, freshness, CHECK_FILE_LIMIT).await;
    match (source, answer) {
        (_, Ok(answer)) if answer.is_good() => Ok(answer.body),
        (Source::Http { .. }, Ok(answer)) => Err(http::object_refusal(answer.status)),
        (Source::S3(_), Ok(answer)) => Err(s3::parse_refusal(answer.status, &String::from_utf8_lossy(&answer.body))),
        (Source::Http { .. }, Err(error)) => Err(error),
        // The query of a signed URL says nothing to a reader.
        (Source::S3(s3), Err(error)) => Err(error.about(&s3::origin(s3))),
    }
}

/// Gets the page's own configuration as text, and what the clock of its server says.
pub async fn page_config() -> Result<(String, Option<UnixNanos>), SourceError> {
    let answer = fetch::get(object_name::PAGE_CONFIG, Freshness::Revalidated, CHECK_FILE_LIMIT).await?;
    if answer.is_good() {
        return Ok((String::from_utf8_lossy(&answer.body).into_owned(), answer.server_time()));
    }
    let remedy = if answer.status == 404 { texts::CONFIG_MISSING } else { texts::CONFIG_FORBIDDEN };
    Err(SourceError::refused(answer.status, remedy))
}

/// Gets the file of a language as text.
pub(crate) async fn language(code: &str) -> Option<String> {
    let url = ["locales/", code, ".txt"].concat();
    let answer = fetch::get(&url, Freshness::Revalidated, CHECK_FILE_LIMIT).await.ok()?;
    answer.is_good().then(|| String::from_utf8_lossy(&answer.body).into_owned())
}
