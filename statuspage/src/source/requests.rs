//! Reads a store and the page's own files. Takes URLs from [`super::directory`] or [`super::s3`] and fetches them with
//! [`super::fetch`].

use shared::UnixNanos;
use shared::object_name::{self, DigestName, HistoryName};
use shared::page_config::{S3Source, Source};

use super::fetch::{self, Freshness};
use super::{directory, s3};
use crate::i18n::texts;
use crate::store::{HistoryListing, InlineContents, Listing, OBJECT_SIZE_LIMIT, StoreError, StoreObject};

/// The size limit of a listing in bytes, which is enough for half a million names.
const LISTING_SIZE_LIMIT: usize = 32 << 20;

/// The maximum number of pages of an S3 listing. Each page contains a thousand names, and a year of checks every minute
/// takes 526 pages.
const PAGES_LIMIT: usize = 1_000;

/// Lists the check files that were stored at `from` or later, at least up to `until`. Web servers other than `checker
/// serve` also list older ones.
pub async fn list(
    source: &Source,
    from: UnixNanos,
    until: UnixNanos,
    contents: InlineContents,
    now: UnixNanos,
) -> Result<Listing, StoreError> {
    match source {
        Source::Http { url } => {
            let url = directory::list_url(url, from, contents);
            let response = fetch::get(&url, Freshness::Revalidated, LISTING_SIZE_LIMIT).await?;
            if response.is_success() {
                Ok(Listing { cached_at: response.cached_at(), ..directory::parse_index(&response.body)? })
            } else {
                Err(directory::listing_error(response.status))
            }
        }
        Source::S3(s3) => {
            let mut all = Listing::default();
            let mut continuation = None;
            for _ in 0..PAGES_LIMIT {
                let url = s3::list_url(s3, from, continuation.as_deref(), now);
                let (body, cached_at) = get_listing(s3, &url).await?;
                let page = s3::parse_listing(s3, &body)?;
                all.cached_at = all.cached_at.or(cached_at);
                all.files.extend(page.listing.files);
                all.unrelated.extend(page.listing.unrelated);
                all.digests = page.listing.digests;
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

/// Lists all histories and digests of posts. A directory's history index also lists the newest check files.
pub async fn list_histories(source: &Source, now: UnixNanos) -> Result<HistoryListing, StoreError> {
    match source {
        Source::Http { url } => {
            let url = format!("{url}{}", object_name::HISTORY_INDEX);
            let response = fetch::get(&url, Freshness::Revalidated, LISTING_SIZE_LIMIT).await?;
            if response.status >= 500 {
                return Err(directory::listing_error(response.status));
            }
            // The original Checkup does not write a history index, and some servers send a web page for a missing file.
            let Ok(mut listing) = directory::parse_index(&response.body) else { return Ok(HistoryListing::default()) };
            let names = std::mem::take(&mut listing.unrelated);
            let histories = names.iter().filter_map(|name| Some((HistoryName::parse(name)?, None))).collect();
            let digests = names.iter().filter_map(|name| Some((DigestName::parse(name)?, None))).collect();
            Ok(HistoryListing { histories, digests, newest: Some(listing), cached_at: response.cached_at() })
        }
        Source::S3(s3) => {
            let url = s3::histories_url(s3, now);
            let (body, cached_at) = get_listing(s3, &url).await?;
            Ok(HistoryListing { cached_at, ..s3::parse_histories(s3, &body) })
        }
    }
}

/// Fetches a listing of a bucket. Also returns when it was received, if it comes from the service worker's cache.
async fn get_listing(s3: &S3Source, url: &str) -> Result<(String, Option<UnixNanos>), StoreError> {
    let response = fetch::get(url, Freshness::Revalidated, LISTING_SIZE_LIMIT).await;
    let response = response.map_err(|error| error.with_url(&s3::origin(s3)))?;
    let body = String::from_utf8_lossy(&response.body).into_owned();
    if response.is_success() { Ok((body, response.cached_at())) } else { Err(s3::parse_error(response.status, &body)) }
}

/// Fetches a check file, a history or a digest of posts.
pub async fn get(source: &Source, object: &StoreObject, now: UnixNanos) -> Result<Vec<u8>, StoreError> {
    let (name, freshness) = match object {
        StoreObject::CheckFile(name) => (name.to_string(), Freshness::Immutable),
        StoreObject::History(name, _) => (name.to_string(), Freshness::Revalidated),
        StoreObject::Digest(name, _) => (name.to_string(), Freshness::Revalidated),
    };
    let url = match source {
        Source::Http { url } => format!("{url}{name}"),
        Source::S3(s3) => s3::object_url(s3, &name, now),
    };
    let response = fetch::get(&url, freshness, OBJECT_SIZE_LIMIT).await;
    match (source, response) {
        (_, Ok(response)) if response.is_success() => fetch::decompress(response.body, OBJECT_SIZE_LIMIT).await,
        (Source::Http { .. }, Ok(response)) => Err(directory::object_error(response.status)),
        (Source::S3(_), Ok(response)) => {
            Err(s3::parse_error(response.status, &String::from_utf8_lossy(&response.body)))
        }
        (Source::Http { .. }, Err(error)) => Err(error),
        // Hides the signature in the URL's query from visitors.
        (Source::S3(s3), Err(error)) => Err(error.with_url(&s3::origin(s3))),
    }
}

/// Fetches `config.json` as text. Also returns the server's time.
pub async fn page_config() -> Result<(String, Option<UnixNanos>), StoreError> {
    let response = fetch::get(object_name::PAGE_CONFIG, Freshness::Revalidated, OBJECT_SIZE_LIMIT).await?;
    if response.is_success() {
        return Ok((String::from_utf8_lossy(&response.body).into_owned(), response.server_time()));
    }
    let remedy = if response.status == 404 { texts::CONFIG_MISSING } else { texts::CONFIG_FORBIDDEN };
    Err(StoreError::unexpected_status(response.status, remedy))
}

/// Fetches a language's locale file.
pub(crate) async fn language(code: &str) -> Option<String> {
    let url = ["locales/", code, ".txt"].concat();
    let response = fetch::get(&url, Freshness::Revalidated, OBJECT_SIZE_LIMIT).await.ok()?;
    response.is_success().then(|| String::from_utf8_lossy(&response.body).into_owned())
}
