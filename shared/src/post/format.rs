//! Writes and parses posts as JSON.

use super::{
    Affected, Details, Edit, Impact, IncidentState, MaintenanceChange, MaintenancePlan, Post, PostId, PostKind,
    SCOPES_LIMIT, Scope, TEXT_LIMIT, TITLE_LIMIT, WINDOWS_LIMIT,
};
use crate::UnixNanos;
use crate::check_file::shortened;
use crate::json::{self, Json};
use crate::json_writer::{EscapeMode, JsonWriter, key};
use crate::sorting::sort_by_integer;

/// The current version of the format. Posts with another version are rejected.
const VERSION: i64 = 1;

/// The latest time in a post, in 2223. Sums of two times before it do not overflow.
const LATEST: UnixNanos = 8_000_000_000_000_000_000;

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
            Some(VERSION) => read_post(&json, id).map_err(InvalidPost::Field),
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

/// Reads a post from its members. Long texts are shortened. The error is the key that is missing or invalid.
///
/// These functions are small and use loops instead of iterators, because they are part of the page.
pub(super) fn read_post(json: &Json<'_>, id: PostId) -> Result<Post, &'static str> {
    let known = PostKind::ALL.into_iter().find(|kind| json.get(kind.as_str()).is_some());
    let kind = known.ok_or("incident")?;
    let subject = post_id(json, kind.as_str())?.ok_or(kind.as_str())?;
    let edit = match (post_id(json, "replaces")?, post_id(json, "withdraws")?) {
        (None, None) => None,
        (Some(id), None) => Some(Edit::Replaces(id)),
        (None, Some(id)) => Some(Edit::Withdraws(id)),
        (Some(_), Some(_)) => return Err("replaces"),
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
        title: string(json, "title", TITLE_LIMIT)?,
        affects: affects(json)?,
        text: string(json, "text", TEXT_LIMIT)?,
        at: integer(json, "at")?,
        details,
    })
}

/// Returns a string member, shortened to a number of characters.
#[inline(never)]
fn string(json: &Json<'_>, key: &'static str, limit: usize) -> Result<Option<String>, &'static str> {
    match json.get(key) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(shortened(text.to_string(), limit))),
        Some(_) => Err(key),
    }
}

/// Returns a time or a duration, or `None` if the member is missing.
#[inline(never)]
fn integer(json: &Json<'_>, key: &'static str) -> Result<Option<i64>, &'static str> {
    match json.get(key) {
        None => Ok(None),
        Some(value) => plausible(value).map(Some).ok_or(key),
    }
}

/// Returns a time between 1970 and [`LATEST`], or a duration.
fn plausible(value: &Json<'_>) -> Option<i64> {
    value.as_integer().filter(|time| (0..LATEST).contains(time))
}

/// Returns the identity in a member, or `None` if the member is missing.
#[inline(never)]
pub(super) fn post_id(json: &Json<'_>, key: &'static str) -> Result<Option<PostId>, &'static str> {
    match json.get(key) {
        None => Ok(None),
        Some(Json::String(text)) => text.parse().map(Some).map_err(|_| key),
        Some(_) => Err(key),
    }
}

fn state(json: &Json<'_>) -> Result<Option<IncidentState>, &'static str> {
    let Some(value) = json.get("state") else { return Ok(None) };
    for state in IncidentState::ALL {
        if matches!(value, Json::String(name) if name == state.as_str()) {
            return Ok(Some(state));
        }
    }
    Err("state")
}

fn affects(json: &Json<'_>) -> Result<Option<Vec<Affected>>, &'static str> {
    let members = match json.get("about") {
        None => return Ok(None),
        Some(Json::Object(members)) => members,
        Some(_) => return Err("about"),
    };
    let mut affects = Vec::new();
    for (scope, impact) in members.iter().take(SCOPES_LIMIT) {
        let is_named = |known: &Impact| matches!(impact, Json::String(name) if name == known.as_str());
        let impact = Impact::ALL.into_iter().find(is_named).ok_or("about")?;
        affects.push(Affected { scope: Scope(shortened(scope.to_string(), TITLE_LIMIT)), impact });
    }
    Ok(Some(affects))
}

fn plan(json: &Json<'_>) -> Result<Option<MaintenancePlan>, &'static str> {
    let Some(value) = json.get("windows") else { return Ok(None) };
    let Json::Array(elements) = value else { return Err("windows") };
    let mut windows: Vec<(UnixNanos, UnixNanos)> = Vec::new();
    for element in elements.iter().take(WINDOWS_LIMIT) {
        match times(element).as_slice() {
            [start, end] if start < end => windows.push((*start, *end)),
            _ => return Err("windows"),
        }
    }
    sort_by_integer(&mut windows, |(_, end)| *end);
    sort_by_integer(&mut windows, |(start, _)| *start);
    let mut except = Vec::new();
    for date in json.array("except").map_err(|_| "except")? {
        let Json::String(date) = date else { return Err("except") };
        except.push(date.to_string());
    }
    let required = |key| string(json, key, TITLE_LIMIT)?.ok_or(key);
    Ok(Some(MaintenancePlan {
        start: required("start")?,
        zone: required("zone")?,
        length: integer(json, "length")?.filter(|length| *length > 0).ok_or("length")?,
        repeat: string(json, "repeat", TEXT_LIMIT)?.unwrap_or_default(),
        except,
        windows,
    }))
}

fn change(json: &Json<'_>) -> Result<Option<MaintenanceChange>, &'static str> {
    match (json.get("cancel"), json.get("move")) {
        (None, None) => Ok(None),
        (Some(Json::String(all)), None) if all == ALL_WINDOWS => Ok(Some(MaintenanceChange::CancelAll)),
        (Some(window), None) => match plausible(window) {
            Some(window) => Ok(Some(MaintenanceChange::Cancel(window))),
            None => Err("cancel"),
        },
        (None, Some(moved)) => match times(moved).as_slice() {
            [window, start, end] if start < end => {
                Ok(Some(MaintenanceChange::Move { window: *window, start: *start, end: *end }))
            }
            _ => Err("move"),
        },
        (Some(_), Some(_)) => Err("move"),
    }
}

/// Returns the elements of an array of times, or an empty list for anything else.
#[inline(never)]
fn times(json: &Json<'_>) -> Vec<UnixNanos> {
    let mut times = Vec::new();
    if let Json::Array(elements) = json {
        for element in elements {
            match plausible(element) {
                Some(time) => times.push(time),
                None => return Vec::new(),
            }
        }
    }
    times
}
