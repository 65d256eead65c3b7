//! `checker incident`: posts about incidents, and shows them.

mod edit;
mod list;
mod open;
mod outage;
mod postmortem;
pub(crate) mod render;
mod resolve;
mod show;
mod update;
mod withdraw;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use shared::post::fold::Announcements;
use shared::post::incident::Incident;
use shared::post::{Details, IncidentState, Post, PostId, PostKind};
use shared::{MINUTE, UnixNanos};

use super::Outcome;
use super::erase::erase;
use super::posting::Posting;
use crate::cli::IncidentCommand;
use crate::notify::time_text::date_time;
use crate::posts::board::Versions;
use crate::posts::resolve::{ResolveError, Sought, resolve as resolve_id};

const OPEN_ONE: &str = "open one with `checker incident open`";
const INCIDENT: Sought =
    Sought { what: "incident", remedy: "list them with `checker incident list --all`", if_none: OPEN_ONE };
const POST: Sought =
    Sought { what: "post about an incident", remedy: "list them with `checker incident show ID`", if_none: OPEN_ONE };

/// The reason why nothing was posted about an incident.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentError {
    #[error(
        "the incident `{0}` is resolved: reopen it with `--state investigating`, or add an analysis with `checker incident postmortem`"
    )]
    Resolved(PostId),
    #[error(
        "the incident `{0}` is already resolved: to change that, reopen it with `checker incident update --state investigating`"
    )]
    AlreadyResolved(PostId),
    #[error(
        "the first post of the incident `{0}` is missing, so it counts as resolved: open a new incident, or erase the remaining posts with `checker incident erase {0}`"
    )]
    Incomplete(PostId),
    #[error("the incident `{0}` is still open: resolve it first with `checker incident resolve`")]
    StillOpen(PostId),
    #[error("nothing to post: pass `--text`, `--file`, `--state`, `--title`, `--affects` or `--began`")]
    NothingToPost,
    #[error("nothing to change: pass `--text`, `--file`, `--title`, `--affects`, `--began` or `--at`")]
    NothingToChange,
    #[error("`--ended` requires `--state resolved`")]
    StillOpenButEnded,
    #[error(
        "missing title: pass a short summary, for example `checker incident open \"Checkout fails for some cards\"`"
    )]
    MissingTitle,
    #[error("unknown template `{name}`: {remedy}")]
    UnknownTemplate { name: String, remedy: String },
    #[error("the post `{0}` was withdrawn: post a new one")]
    Withdrawn(PostId),
    #[error(
        "the post `{id}` belongs to `{}`: only its author, with `--author {}`, and the page's `editors` can change it", id.author, id.author
    )]
    Foreign { id: PostId },
    #[error("`{flag} {text}` is before the incident began at {began}: pass a later time")]
    BeforeBeginning {
        flag: &'static str,
        text: String,
        /// The beginning in the zone in which the author types times.
        began: String,
    },
    #[error(
        "`--at {text}` is before the newest update at {newest}, which would still determine the state: omit `--at`, or pass a later time{remedy}"
    )]
    BeforeNewestUpdate {
        text: String,
        /// The time of the update in the zone in which the author types times.
        newest: String,
        remedy: &'static str,
    },
    #[error("unknown endpoint `{title}`: {remedy}")]
    UnknownEndpoint { title: String, remedy: String },
    #[error("`{0}` has no current outage: pass a title, `--affects` and `--began` instead")]
    NoOutage(String),
}

pub async fn incident(command: &IncidentCommand) -> anyhow::Result<Outcome> {
    match command {
        IncidentCommand::Open(arguments) => open::open(arguments).await,
        IncidentCommand::Update(arguments) => update::update(arguments).await,
        IncidentCommand::Resolve(arguments) => resolve::resolve(arguments).await,
        IncidentCommand::Postmortem(arguments) => postmortem::postmortem(arguments).await,
        IncidentCommand::Edit(arguments) => edit::edit(arguments).await,
        IncidentCommand::Withdraw(arguments) => withdraw::withdraw(arguments).await,
        IncidentCommand::Erase(arguments) => erase(arguments, Some(PostKind::Incident)).await,
        IncidentCommand::List(arguments) => list::list(arguments).await,
        IncidentCommand::Show(arguments) => show::show(arguments).await,
    }
}

/// Finds an incident. `latest` is the open one that was posted last, or the one that was posted last if none is open.
fn find<'a>(announcements: &'a Announcements, id: &str) -> Result<&'a Incident, ResolveError> {
    let mut candidates: Vec<&Incident> = announcements.incidents.iter().collect();
    candidates.sort_by_key(|incident| (!incident.is_open(), Reverse(&incident.id)));
    let found = resolve_id(id, INCIDENT, candidates.iter().map(|incident| &incident.id))?;
    candidates.into_iter().find(|incident| incident.id == *found).ok_or_else(|| INCIDENT.unknown(id))
}

/// Finds an incident that commands can update. Without its first post, it would remain resolved.
fn find_complete<'a>(announcements: &'a Announcements, id: &str) -> anyhow::Result<&'a Incident> {
    let incident = find(announcements, id)?;
    if !incident.is_complete {
        return Err(IncidentError::Incomplete(incident.id.clone()).into());
    }
    Ok(incident)
}

/// Finds a post about an incident, with its edits. `latest` is the author's newest one that is not withdrawn.
fn find_post<'a>(posting: &'a Posting, id: &str) -> Result<Versions<'a>, ResolveError> {
    match find_posts(posting, id)?.as_slice() {
        [versions] => Ok(*versions),
        _ => Err(POST.unknown(id)),
    }
}

/// Finds a post about an incident, or all posts about an incident whose first post is missing, with their edits.
fn find_posts<'a>(posting: &'a Posting, id: &str) -> Result<Vec<Versions<'a>>, ResolveError> {
    let is_original = |post: &&Post| post.kind() == PostKind::Incident && post.edit.is_none();
    let originals: Vec<&Post> = posting.board.posts().filter(is_original).collect();
    let mut ids: Vec<&PostId> = originals.iter().map(|post| &post.id).collect();
    let announcements = posting.board.announcements(posting.now);
    let updates = announcements.incidents.iter().flat_map(|incident| &incident.updates);
    let current: BTreeSet<&PostId> = updates.map(|update| &update.id).collect();
    let is_foreign = |id: &PostId| id.author != posting.author;
    ids.sort_unstable_by_key(|id| (is_foreign(id), !current.contains(id), Reverse(*id)));
    let known: BTreeSet<&PostId> = posting.board.posts().map(|post| &post.id).collect();
    let missing = originals.iter().map(|post| &post.subject).filter(|subject| !known.contains(subject));
    let found = resolve_id(id, POST, ids.into_iter().chain(missing))?;
    let is_meant = |post: &&&Post| post.id == *found || post.subject == *found && !known.contains(found);
    let meant = originals.iter().filter(is_meant);
    Ok(meant.filter_map(|post| posting.board.versions(&post.id, posting.now)).collect())
}

/// Checks that the author of a command can change a post.
fn check_changeable(versions: Versions<'_>, posting: &Posting) -> Result<(), IncidentError> {
    let id = versions.original.id.clone();
    if id.author != posting.author && !posting.board.editors.contains(&posting.author) {
        Err(IncidentError::Foreign { id })
    } else if versions.is_withdrawn() {
        Err(IncidentError::Withdrawn(id))
    } else {
        Ok(())
    }
}

/// Parses the time that `--at` gives for a post about an incident that began at `began`.
///
/// The latest update with a state determines the state of the incident, so a post with a new state must not be earlier.
/// The errors for such posts end with `remedy`; it is `None` for posts without a state.
fn post_time(
    posting: &Posting,
    incident: &Incident,
    text: Option<&String>,
    began: UnixNanos,
    remedy: Option<&'static str>,
) -> anyhow::Result<Option<UnixNanos>> {
    let at = check_after(posting, ("--at", text), posting.past("--at", text)?, began)?;
    let with_state = incident.updates.iter().filter(|update| remedy.is_some() && update.state.is_some());
    let newest = with_state.map(|update| update.at).max();
    match (text, at, newest) {
        (Some(text), Some(at), Some(newest)) => {
            let remedy = remedy.unwrap_or_default();
            let newest_text = date_time(newest, &posting.zone);
            let error = || IncidentError::BeforeNewestUpdate { text: text.clone(), newest: newest_text, remedy };
            Ok(Some(not_before(newest, at).ok_or_else(error)?))
        }
        _ => Ok(at),
    }
}

/// Parses a state, which the command line has already validated.
fn parse_state(name: &str) -> Option<IncidentState> {
    IncidentState::ALL.into_iter().find(|state| state.as_str() == name)
}

fn details(state: Option<IncidentState>, began: Option<UnixNanos>, ended: Option<UnixNanos>) -> Details {
    Details::Incident { state, began, ended }
}

/// Checks that a time is not before the beginning of an incident. Returns the time, or the beginning if it is in the same
/// minute.
fn check_after(
    posting: &Posting,
    (flag, text): (&'static str, Option<&String>),
    time: Option<UnixNanos>,
    began: UnixNanos,
) -> Result<Option<UnixNanos>, IncidentError> {
    let (Some(text), Some(time)) = (text, time) else { return Ok(time) };
    let began_text = || date_time(began, &posting.zone);
    let error = || IncidentError::BeforeBeginning { flag, text: text.clone(), began: began_text() };
    not_before(began, time).map(Some).ok_or_else(error)
}

/// Returns the later of two times, or `None` if `time` is before the minute of `limit`. Operators type times without
/// seconds.
fn not_before(limit: UnixNanos, time: UnixNanos) -> Option<UnixNanos> {
    (time.div_euclid(MINUTE) >= limit.div_euclid(MINUTE)).then_some(time.max(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_compared_by_minutes() {
        let minute = 30_000_000 * MINUTE;
        assert_eq!(not_before(minute + 40, minute), Some(minute + 40));
        assert_eq!(not_before(minute + 40, minute + 50), Some(minute + 50));
        assert_eq!(not_before(minute + 40, minute + MINUTE), Some(minute + MINUTE));
        assert_eq!(not_before(minute, minute - 1), None);
        assert_eq!(not_before(UnixNanos::MIN, minute), Some(minute));
    }
}
