//! The keys that all notifier types share.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use shared::notification_log::ChannelId;
use shared::page_config::appearance::{Link, is_public_url};
use shared::suggest::suggest;

use super::converter::NotifierConverter;
use super::section::{LONGEST_DELAY, LONGEST_REPEAT, NotifySection, SHORTEST_REPEAT};
use crate::config::document::Located;
use crate::config::patterns;
use crate::config::raw::RawDuration;
use crate::config::spec::{Field, ValueKind, optional, required};
use crate::notify::event::EventKind;
use crate::notify::rules::ChannelPolicy;

/// The kinds of events that `on` can list.
const EVENTS: &[&str] = &[
    "down",
    "degraded",
    "worse",
    "recovered",
    "closed",
    "reminder",
    "missed",
    "flapping",
    "silent",
    "store",
    "certificate",
    "budget",
    "incident",
    "maintenance",
];

/// The kinds of events that a channel is notified of by default.
const DEFAULT_EVENTS: [EventKind; 5] =
    [EventKind::Down, EventKind::Recovered, EventKind::Reminder, EventKind::Silent, EventKind::Store];

/// The keys that every type of notifier accepts.
pub(super) const COMMON: &[Field] = &[
    optional(
        "id",
        ValueKind::Pattern(patterns::NODE_NAME),
        "the type, followed by `-2`, `-3` … if there are several",
        "The name of the channel: 1 to 32 lowercase letters, digits and hyphens. It is public. Nodes that use the same id for the same channel notify it once.",
    ),
    optional("enabled", ValueKind::Bool, "`true`", "Whether this node notifies the channel. Other nodes still can."),
    optional(
        "on",
        ValueKind::List(&ValueKind::Enum(EVENTS)),
        "`[\"down\", \"recovered\", \"reminder\", \"silent\", \"store\"]`",
        "The events that the channel is notified of; see [Events](notifications.md#events). `down` includes `worse`, `missed` and `flapping`, and `recovered` includes `closed`.",
    ),
    optional(
        "endpoints",
        ValueKind::List(&ValueKind::String),
        "all",
        "The titles of the endpoints that the channel is notified of. `Shop *` matches every title that starts with `Shop `.",
    ),
    optional(
        "after",
        ValueKind::Duration(0, LONGEST_DELAY),
        "the `after` of `notify`",
        "How long an endpoint must be down or degraded before the channel is notified.",
    ),
    optional(
        "recovered_after",
        ValueKind::Duration(0, LONGEST_DELAY),
        "the `recovered_after` of `notify`",
        "How long an endpoint must be healthy before the channel is notified that it has recovered.",
    ),
    optional(
        "repeat",
        ValueKind::List(&ValueKind::Duration(SHORTEST_REPEAT, LONGEST_REPEAT)),
        "the `repeat` of `notify`",
        "The intervals between reminders that an endpoint is still down. The last interval repeats, and `[]` turns reminders off.",
    ),
    optional(
        "public",
        ValueKind::Object(PUBLIC),
        "none: the page does not show the channel",
        "A link that lets anyone join the channel. The page shows it in its Subscribe menu.",
    ),
];

const PUBLIC: &[Field] = &[
    required("text", ValueKind::Pattern(patterns::NOT_BLANK), "The link text, for example `Telegram`."),
    required(
        "url",
        ValueKind::Pattern(patterns::PUBLIC_URL),
        "The target, an `https:`, `http:` or `mailto:` URL. It must not be the channel's secret URL.",
    ),
];

#[derive(Deserialize)]
pub(super) struct RawNotifier {
    pub id: Option<String>,
    enabled: Option<bool>,
    on: Option<Vec<String>>,
    #[serde(default)]
    endpoints: Vec<String>,
    after: Option<RawDuration>,
    recovered_after: Option<RawDuration>,
    repeat: Option<Vec<RawDuration>>,
    public: Option<RawLink>,
}

#[derive(Deserialize)]
struct RawLink {
    text: String,
    url: String,
}

impl RawNotifier {
    /// Returns the link that lets anyone join the channel. Reports an error if it is invalid.
    pub(super) fn public_link(&self, converter: &mut NotifierConverter<'_>) -> Option<Link> {
        let RawLink { text, url } = self.public.as_ref()?;
        if text.trim().is_empty() {
            converter.reject("public.text", "is empty: expected the link text, for example `Telegram`");
            return None;
        }
        if !is_public_url(url) {
            let url = url.escape_debug();
            let error = format!("invalid URL `{url}`: expected `https://…`, `http://…` or `mailto:…`, without spaces");
            converter.error("public.url", error);
            return None;
        }
        Some(Link { text: text.trim().to_owned(), url: url.clone() })
    }

    /// Returns whether the channel is enabled, and its notification policy.
    pub(super) fn into_policy(
        self,
        section: &NotifySection,
        converter: &mut NotifierConverter<'_>,
    ) -> (bool, ChannelPolicy) {
        let is_enabled = self.enabled.unwrap_or(true);
        if self.on.as_ref().is_some_and(Vec::is_empty) && is_enabled {
            converter
                .warn("on", "is empty, so the channel is never notified: list events, or set `\"enabled\": false`");
        }
        let on: BTreeSet<EventKind> = match &self.on {
            Some(names) => names.iter().filter_map(|name| name.parse().ok()).collect(),
            None => DEFAULT_EVENTS.into(),
        };
        if self.repeat.as_ref().is_some_and(|repeat| !repeat.is_empty()) && !on.contains(&EventKind::Reminder) {
            converter
                .warn("repeat", "has no effect, because `on` does not contain `reminder`: add it, or remove `repeat`");
        }
        let policy = ChannelPolicy {
            on,
            endpoints: self.endpoints,
            after: self.after.map_or(section.after, |after| after.0),
            recovered_after: self.recovered_after.map_or(section.recovered_after, |after| after.0),
            repeat: self
                .repeat
                .map_or_else(|| section.repeat.clone(), |repeat| repeat.into_iter().map(|time| time.0).collect()),
            incidents: None,
        };
        (is_enabled, policy)
    }
}

/// The channel ids that are already taken, with the paths of their notifiers.
#[derive(Default)]
pub(super) struct ChannelIds {
    claimed: BTreeMap<ChannelId, String>,
}

impl ChannelIds {
    /// Reserves the explicit id of an invalid notifier, so that references to it are not reported as well.
    pub(super) fn reserve(&mut self, located: &Located<'_>, path: &str) {
        let id = located.member("id").and_then(Located::text).and_then(|id| ChannelId::new(id).ok());
        if let Some(id) = id {
            self.claimed.entry(id).or_insert_with(|| path.to_owned());
        }
    }

    /// Claims a notifier's id, or generates one from its type. Reports an error if the id is invalid or already taken.
    pub(super) fn claim(
        &mut self,
        id: Option<&str>,
        type_name: &str,
        converter: &mut NotifierConverter<'_>,
    ) -> Option<ChannelId> {
        let id = match id {
            Some(text) => {
                let id = converter.accept("id", ChannelId::new(text))?;
                if let Some(other) = self.claimed.get(&id) {
                    let predicate = format!("is `{id}`, which is already the id of `{other}`: choose another id");
                    converter.reject("id", &predicate);
                    return None;
                }
                id
            }
            None => self.free(type_name)?,
        };
        self.claimed.insert(id.clone(), converter.path.clone());
        Some(id)
    }

    /// Returns the first unused id for a type, such as `slack` or `slack-2`.
    fn free(&self, type_name: &str) -> Option<ChannelId> {
        let numbered = (2..).map(|number| format!("{type_name}-{number}"));
        let mut ids = std::iter::once(type_name.to_owned()).chain(numbered).map(|id| ChannelId::new(&id));
        ids.find(|id| id.as_ref().is_ok_and(|id| !self.claimed.contains_key(id)) || id.is_err())?.ok()
    }

    /// Finds a channel by its id. The error suggests a similar id or lists all ids.
    pub(super) fn find(&self, text: &str) -> Result<ChannelId, String> {
        let known = || self.claimed.keys().map(ChannelId::as_str);
        if let Some(id) = self.claimed.keys().find(|id| id.as_str() == text) {
            return Ok(id.clone());
        }
        let remedy = match suggest(text, known()) {
            Some(id) => format!("did you mean `{id}`?"),
            None => format!("expected {}.", known().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")),
        };
        Err(format!(
            "unknown channel `{text}`: {remedy} If only other nodes notify it, add it with `\"enabled\": false`"
        ))
    }
}
