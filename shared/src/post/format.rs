//! Writes and parses posts as JSON.

use std::borrow::Cow;

use super::{
    Affected, Details, Edit, Impact, IncidentState, MaintenanceChange, MaintenancePlan, Post, PostId, PostKind, Scope,
    TEXT_LIMIT, TITLE_LIMIT,
};
use crate::UnixNanos;
use crate::check_file::shortened;
use crate::json::{self, Json};
use crate::json_writer::{EscapeMode, JsonWriter, key};

/// The current version of the format. Posts with another version are rejected.
const VERSION: i64 = 1;

/// The maximum number of scopes that a post can name.
pub const SCOPES_LIMIT: usize = 500;

/// The maximum number of windows of a plan, which is more than four per day for 400 days.
pub const WINDOWS_LIMIT: usize = 2_000;

/// The value of `cancel` for all windows.
const ALL_WINDOWS: &str = "all";

/// The error for an object that is not a valid post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPost {
    /// The content is not valid JSON.
    #[error("invalid post: {0}")]
    Malformed(String),
    /// A key is missing or has an invalid value.
    #[error("invalid post: the key `{0}` is missing or invalid")]
    Field(&'static str),
    /// A newer version wrote the post.
    #[error("the post has version {0}, but this program reads version 1; update it")]
    UnsupportedVersion(i64),
}

impl Post {
    /// Parses a post. Its identity is part of the object's name.
    pub fn parse(content: &[u8], id: PostId) -> Result<Post, InvalidPost> {
        let text = std::str::from_utf8(content).map_err(|error| InvalidPost::Malformed(error.to_string()))?;
        let json = json::parse(text).map_err(|error| InvalidPost::Malformed(error.to_string()))?;
        match json.get("version").and_then(Json::as_integer) {
            Some(VERSION) => read_post(&json, id),
            Some(other) => Err(InvalidPost::UnsupportedVersion(other)),
            None => Err(InvalidPost::Field("version")),
        }
    }

    /// Returns the post as JSON, from which [`Post::parse`] restores an equal post.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut writer = JsonWriter::new(EscapeMode::Minimal, 512);
        writer.object(|writer| {
            writer.integer_member(key!("version"), VERSION);
            write_members(writer, self);
        });
        writer.finish()
    }
}

/// Writes all members of a post except its version and its identity.
pub(super) fn write_members(writer: &mut JsonWriter, post: &Post) {
    let subject = post.subject.to_string();
    match post.kind() {
        PostKind::Incident => writer.string_member(key!("incident"), &subject),
        PostKind::Maintenance => writer.string_member(key!("maintenance"), &subject),
        PostKind::Silence => writer.string_member(key!("silence"), &subject),
        PostKind::Message => writer.string_member(key!("message"), &subject),
    }
    match &post.edit {
        None => {}
        Some(Edit::Replaces(id)) => writer.string_member(key!("replaces"), &id.to_string()),
        Some(Edit::Withdraws(id)) => writer.string_member(key!("withdraws"), &id.to_string()),
    }
    if let Some(title) = &post.title {
        writer.string_member(key!("title"), title);
    }
    if let Some(affects) = &post.affects {
        writer.key(key!("about"));
        writer.object(|writer| {
            for affected in affects {
                writer.any_key(&affected.scope.0);
                writer.string(affected.impact.as_str());
            }
        });
    }
    if let Some(text) = &post.text {
        writer.string_member(key!("text"), text);
    }
    if let Some(at) = post.at {
        writer.integer_member(key!("at"), at);
    }
    write_details(writer, &post.details);
}

fn write_details(writer: &mut JsonWriter, details: &Details) {
    match details {
        Details::Incident { state, began, ended } => {
            if let Some(state) = state {
                writer.string_member(key!("state"), state.as_str());
            }
            if let Some(began) = began {
                writer.integer_member(key!("began"), *began);
            }
            if let Some(ended) = ended {
                writer.integer_member(key!("ended"), *ended);
            }
        }
        Details::Maintenance { plan, change } => {
            if let Some(plan) = plan {
                write_plan(writer, plan);
            }
            match change {
                None => {}
                Some(MaintenanceChange::CancelAll) => writer.string_member(key!("cancel"), ALL_WINDOWS),
                Some(MaintenanceChange::Cancel(window)) => writer.integer_member(key!("cancel"), *window),
                Some(MaintenanceChange::Move { window, start, end }) => {
                    writer.key(key!("move"));
                    writer.array([*window, *start, *end], JsonWriter::integer);
                }
            }
        }
        Details::Silence { until } | Details::Message { until } => {
            if let Some(until) = until {
                writer.integer_member(key!("until"), *until);
            }
        }
    }
}

fn write_plan(writer: &mut JsonWriter, plan: &MaintenancePlan) {
    writer.string_member(key!("start"), &plan.start);
    writer.string_member(key!("zone"), &plan.zone);
    writer.integer_member(key!("length"), plan.length);
    writer.string_unless_empty(key!("repeat"), &plan.repeat);
    if !plan.except.is_empty() {
        writer.key(key!("except"));
        writer.array(&plan.except, |writer, date| writer.string(date));
    }
    writer.key(key!("windows"));
    writer.array(&plan.windows, |writer, (start, end)| writer.array([*start, *end], JsonWriter::integer));
}

/// Reads a post from its members. Long texts are shortened.
pub(super) fn read_post(json: &Json<'_>, id: PostId) -> Result<Post, InvalidPost> {
    let (kind, subject) = PostKind::ALL
        .into_iter()
        .find_map(|kind| Some((kind, post_id(json, kind.as_str())?)))
        .ok_or(InvalidPost::Field("incident"))?;
    let subject = subject.map_err(|()| InvalidPost::Field(kind.as_str()))?;
    let edit = match (post_id(json, "replaces"), post_id(json, "withdraws")) {
        (None, None) => None,
        (Some(Ok(id)), None) => Some(Edit::Replaces(id)),
        (None, Some(Ok(id))) => Some(Edit::Withdraws(id)),
        _ => return Err(InvalidPost::Field("replaces")),
    };
    let details = match kind {
        PostKind::Incident => {
            Details::Incident { state: state(json)?, began: integer(json, "began")?, ended: integer(json, "ended")? }
        }
        PostKind::Maintenance => Details::Maintenance { plan: plan(json)?, change: change(json)? },
        PostKind::Silence => Details::Silence { until: integer(json, "until")? },
        PostKind::Message => Details::Message { until: integer(json, "until")? },
    };
    Ok(Post {
        id,
        subject,
        edit,
        title: string(json, "title")?.map(|title| shortened(title, TITLE_LIMIT)),
        affects: affects(json)?,
        text: string(json, "text")?.map(|text| shortened(text, TEXT_LIMIT)),
        at: integer(json, "at")?,
        details,
    })
}

#[inline(never)]
fn string(json: &Json<'_>, key: &'static str) -> Result<Option<String>, InvalidPost> {
    Ok(json.string(key).map_err(|_| InvalidPost::Field(key))?.map(str::to_owned))
}

#[inline(never)]
fn integer(json: &Json<'_>, key: &'static str) -> Result<Option<i64>, InvalidPost> {
    json.integer(key).map_err(|_| InvalidPost::Field(key))
}

/// Returns the identity in a member, or `None` if there is no such member.
#[inline(never)]
fn post_id(json: &Json<'_>, key: &str) -> Option<Result<PostId, ()>> {
    let value = json.get(key)?;
    let Json::String(text) = value else { return Some(Err(())) };
    Some(text.parse().map_err(|_| ()))
}

fn state(json: &Json<'_>) -> Result<Option<IncidentState>, InvalidPost> {
    let Some(name) = json.string("state").map_err(|_| InvalidPost::Field("state"))? else { return Ok(None) };
    let state = IncidentState::ALL.into_iter().find(|state| state.as_str() == name);
    state.map(Some).ok_or(InvalidPost::Field("state"))
}

fn affects(json: &Json<'_>) -> Result<Option<Vec<Affected>>, InvalidPost> {
    const INVALID: InvalidPost = InvalidPost::Field("about");
    let read = |(scope, impact): &(Cow<'_, str>, Json<'_>)| {
        let Json::String(impact) = impact else { return Err(INVALID) };
        let impact = Impact::ALL.into_iter().find(|known| known.as_str() == impact).ok_or(INVALID)?;
        Ok(Affected { scope: Scope(shortened(scope.to_string(), TITLE_LIMIT)), impact })
    };
    match json.get("about") {
        None => Ok(None),
        Some(Json::Object(members)) => members.iter().take(SCOPES_LIMIT).map(read).collect::<Result<_, _>>().map(Some),
        Some(_) => Err(INVALID),
    }
}

fn plan(json: &Json<'_>) -> Result<Option<MaintenancePlan>, InvalidPost> {
    if json.get("windows").is_none() {
        return Ok(None);
    }
    let dates = json.array("except").map_err(|_| InvalidPost::Field("except"))?.iter();
    let date = |date: &Json<'_>| if let Json::String(date) = date { Some(date.to_string()) } else { None };
    let windows = json.array("windows").map_err(|_| InvalidPost::Field("windows"))?;
    let mut windows: Vec<(UnixNanos, UnixNanos)> =
        windows.iter().take(WINDOWS_LIMIT).map(window).collect::<Option<_>>().ok_or(InvalidPost::Field("windows"))?;
    windows.sort_by_cached_key(|(_, end)| *end);
    windows.sort_by_cached_key(|(start, _)| *start);
    Ok(Some(MaintenancePlan {
        start: string(json, "start")?.ok_or(InvalidPost::Field("start"))?,
        zone: string(json, "zone")?.ok_or(InvalidPost::Field("zone"))?,
        length: integer(json, "length")?.filter(|length| *length > 0).ok_or(InvalidPost::Field("length"))?,
        repeat: string(json, "repeat")?.unwrap_or_default(),
        except: dates.map(date).collect::<Option<_>>().ok_or(InvalidPost::Field("except"))?,
        windows,
    }))
}

fn window(json: &Json<'_>) -> Option<(UnixNanos, UnixNanos)> {
    let Json::Array(bounds) = json else { return None };
    let [start, end] = bounds.as_slice() else { return None };
    let (start, end) = (start.as_integer()?, end.as_integer()?);
    (start < end).then_some((start, end))
}

fn change(json: &Json<'_>) -> Result<Option<MaintenanceChange>, InvalidPost> {
    match (json.get("cancel"), json.get("move")) {
        (None, None) => Ok(None),
        (Some(Json::String(all)), None) if all == ALL_WINDOWS => Ok(Some(MaintenanceChange::CancelAll)),
        (Some(window), None) => window
            .as_integer()
            .map(|window| Some(MaintenanceChange::Cancel(window)))
            .ok_or(InvalidPost::Field("cancel")),
        (None, Some(Json::Array(numbers))) => {
            let numbers: Option<Vec<i64>> = numbers.iter().map(Json::as_integer).collect();
            match numbers.as_deref() {
                Some([window, start, end]) if start < end => {
                    Ok(Some(MaintenanceChange::Move { window: *window, start: *start, end: *end }))
                }
                _ => Err(InvalidPost::Field("move")),
            }
        }
        _ => Err(InvalidPost::Field("move")),
    }
}
