//! The only code that touches the network: how the page reads a store. [`s3`] and [`http`] build requests and read
//! answers purely; [`fetch`] sends them.

mod fetch;
mod http;
mod s3;
mod sigv4;
mod xml;

use shared::UnixNanos;
use shared::object_name::{self, CheckFileName, HistoryName};
use shared::page_config::{S3Source, Source};
use shared::result::CheckFile;

use crate::i18n::{Language, Text, texts};
use crate::load::{Look, Object};
use fetch::Freshness;

/// The largest check file that is read: a thousand endpoints with long errors stay below it, a hostile object
/// does not stop the page.
pub const CHECK_FILE_LIMIT: usize = 8 << 20;

/// The largest list that is read: half a million names.
const LIST_LIMIT: usize = 32 << 20;

/// The most pages of an S3 listing that are read, a thousand names each: a year of checks every minute has 526.
const PAGES_LIMIT: usize = 1_000;

/// A check file that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: CheckFileName,
    /// How many bytes it has, if the list says so.
    pub size: Option<usize>,
    /// What it holds, if the list has that, too.
    pub file: Option<CheckFile>,
}

/// Whether a list may bring the contents of check files along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// It may, since nothing is known yet.
    WherePossible,
    /// It need not, since nearly all is known.
    LeftOut,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The check files, oldest first.
    pub files: Vec<Listed>,
    /// The names of other objects that were listed beside them.
    pub foreign: Vec<String>,
    /// When this was known by the device's clock, if it is not the store that says so now.
    pub kept_at: Option<UnixNanos>,
}

/// Why a store could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceError {
    /// The browser gave no reason, as it does for everything it blocks.
    Blocked(String),
    /// Nothing came for too long: from where, in seconds.
    TimedOut(String, u32),
    /// An answer, but not the one that was asked for.
    Refused {
        /// The answer's status, and what was said with it.
        said: String,
        /// What to do about it.
        remedy: Text,
        /// What the remedy names, if it names something.
        place: String,
    },
    /// More than we take.
    TooLarge(usize),
    /// The answer to a listing is something else.
    NotAListing,
    /// The index is something else.
    NotAnIndex(String),
    /// An object is something else; why, in the program's words.
    Unreadable(String),
}

/// Lists the check files that were stored at `from` or later (a plain web server lists older ones, too), at least to
/// `until`.
pub async fn list(
    source: &Source,
    from: UnixNanos,
    until: UnixNanos,
    contents: Contents,
    now: UnixNanos,
) -> Result<Listing, SourceError> {
    match source {
        Source::Http { url } => {
            let answer = fetch::get(&http::list_url(url, from, contents), Freshness::Revalidated, LIST_LIMIT).await?;
            if answer.is_good() {
                Ok(Listing { kept_at: answer.kept_at(), ..http::parse_index(&answer.body)? })
            } else {
                Err(http::refusal(answer.status))
            }
        }
        Source::S3(s3) => {
            let mut all = Listing::default();
            let mut continuation = None;
            for _ in 0..PAGES_LIMIT {
                let url = s3::list_url(s3, from, continuation.as_deref(), now);
                let (body, kept_at) = listed(s3, &url).await?;
                let page = s3::parse_listing(s3, &body)?;
                all.kept_at = all.kept_at.or(kept_at);
                all.files.extend(page.listing.files);
                all.foreign.extend(page.listing.foreign);
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
pub async fn look(source: &Source, now: UnixNanos) -> Result<Look, SourceError> {
    match source {
        Source::Http { url } => {
            let url = format!("{url}{}", object_name::HISTORY_INDEX);
            let answer = fetch::get(&url, Freshness::Revalidated, LIST_LIMIT).await?;
            if answer.status >= 500 {
                return Err(http::refusal(answer.status));
            }
            // Where no checker of ours stores there is none, and some servers answer that with a page.
            let Ok(mut listing) = http::parse_index(&answer.body) else { return Ok(Look::default()) };
            let names = std::mem::take(&mut listing.foreign);
            let histories = names.iter().filter_map(|name| Some((HistoryName::parse(name)?, None))).collect();
            Ok(Look { histories, newest: Some(listing), kept_at: answer.kept_at() })
        }
        Source::S3(s3) => {
            let url = s3::histories_url(s3, now);
            let (body, kept_at) = listed(s3, &url).await?;
            Ok(Look { histories: s3::parse_histories(s3, &body), newest: None, kept_at })
        }
    }
}

/// What a bucket answers to a listing, and when that was known if it is not the bucket that says so now.
async fn listed(s3: &S3Source, url: &str) -> Result<(String, Option<UnixNanos>), SourceError> {
    let answer = fetch::get(url, Freshness::Revalidated, LIST_LIMIT).await;
    let answer = answer.map_err(|error| error.about(&s3::origin(s3)))?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.is_good() { Ok((body, answer.kept_at())) } else { Err(s3::parse_refusal(answer.status, &body)) }
}

/// Gets the content of a check file or of a history.
pub async fn get(source: &Source, object: &Object, now: UnixNanos) -> Result<Vec<u8>, SourceError> {
    let (name, freshness) = match object {
        Object::CheckFile(name) => (name.to_string(), Freshness::Immutable),
        Object::History(name, _) => (name.to_string(), Freshness::Revalidated),
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
    let remedy = if answer.status == 404 { texts::CONFIG_MISSING } else { texts::CONFIG_CLOSED };
    Err(SourceError::refused(answer.status, remedy))
}

/// Gets the file of a language as text.
pub(crate) async fn language(code: &str) -> Option<String> {
    let url = ["locales/", code, ".txt"].concat();
    let answer = fetch::get(&url, Freshness::Revalidated, CHECK_FILE_LIMIT).await.ok()?;
    answer.is_good().then(|| String::from_utf8_lossy(&answer.body).into_owned())
}

impl SourceError {
    /// What a server answered instead, with nothing but a status.
    fn refused(status: u16, remedy: Text) -> SourceError {
        SourceError::Refused { said: status.to_string(), remedy, place: String::new() }
    }

    /// What failed and why, with the remedy.
    #[must_use]
    pub fn in_words(&self, language: &Language) -> String {
        match self {
            SourceError::Blocked(address) => language.format(texts::BLOCKED, &[address]),
            SourceError::TimedOut(address, seconds) => {
                language.format(texts::TIMED_OUT, &[address, &seconds.to_string()])
            }
            SourceError::Refused { said, remedy, place } => {
                language.format(texts::REFUSED, &[said, &language.format(*remedy, &[place])])
            }
            SourceError::TooLarge(limit) => language.format(texts::TOO_LARGE, &[&(limit >> 20).to_string()]),
            SourceError::NotAListing => language.format(texts::NOT_A_LISTING, &[]),
            SourceError::NotAnIndex(why) => language.format(texts::NOT_AN_INDEX, &[why]),
            SourceError::Unreadable(why) => language.format(texts::UNREADABLE, &[&language.isolate(why.clone())]),
        }
    }

    /// The same error about another address than the one that was asked.
    fn about(self, address: &str) -> SourceError {
        match self {
            SourceError::Blocked(_) => SourceError::Blocked(address.to_owned()),
            SourceError::TimedOut(_, seconds) => SourceError::TimedOut(address.to_owned(), seconds),
            other => other,
        }
    }

    /// Whether asking again may help; what is too large or something else stays so.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, SourceError::TooLarge(_) | SourceError::Unreadable(_))
    }
}
