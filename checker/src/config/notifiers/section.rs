//! The `notify` section: rules that apply to all channels.

use jiff::tz::TimeZone;
use serde::Deserialize;
use shared::post::Authors;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND};

use crate::checks::heartbeat::job_schedule::parse_time_zone;
use crate::checks::http::HttpCheck;
use crate::config::document::Located;
use crate::config::patterns;
use crate::config::problem::{Problem, Problems};
use crate::config::raw::RawDuration;
use crate::config::read_as;
use crate::config::spec::{Field, ValueKind, optional};
use crate::config::validate::is_valid;
use crate::notify::rules::{Flapping, Rules};

/// The maximum of `after` and `recovered_after`, well below the two days for which verdicts are computed.
pub(super) const LONGEST_DELAY: Nanos = DAY;
pub(super) const SHORTEST_REPEAT: Nanos = MINUTE;
pub(super) const LONGEST_REPEAT: Nanos = 31 * DAY;

const DEFAULT_RECOVERED_AFTER: Nanos = 2 * MINUTE;
const DEFAULT_REPEAT: [Nanos; 2] = [4 * HOUR, 24 * HOUR];
const DEFAULT_GATHER: Nanos = 30 * SECOND;
const DEFAULT_SPACING: Nanos = 5 * MINUTE;
const DEFAULT_FLAPPING: Flapping = Flapping { outages: 4, within: HOUR };
const DEFAULT_CERTIFICATE_DAYS: u32 = 14;
const DEFAULT_RANK: u32 = 100;

/// The key that sets how many days before a certificate expires to notify channels.
pub(super) const CERTIFICATE_DAYS: &str = "certificate_days";

pub(in crate::config) const SECTION: &[Field] = &[
    optional(
        "after",
        ValueKind::Duration(0, LONGEST_DELAY),
        "`0s`",
        "How long an endpoint must be down or degraded before channels are notified.",
    ),
    optional(
        "recovered_after",
        ValueKind::Duration(0, LONGEST_DELAY),
        "`2m`",
        "How long an endpoint must be healthy before channels are notified that it has recovered.",
    ),
    optional(
        "repeat",
        ValueKind::List(&ValueKind::Duration(SHORTEST_REPEAT, LONGEST_REPEAT)),
        "`[\"4h\", \"24h\"]`",
        "The intervals between reminders that an endpoint is still down. The last interval repeats, and `[]` turns reminders off.",
    ),
    optional(
        "gather",
        ValueKind::Duration(0, HOUR),
        "`30s`; `0s` for a single run",
        "How long `serve` and `run --every` collect news before they send it in one message.",
    ),
    optional(
        "spacing",
        ValueKind::Duration(0, DAY),
        "`5m`",
        "The minimum time between two messages to one channel, unless an endpoint's status gets worse or a node stops reporting or storing results.",
    ),
    optional(
        "flapping",
        ValueKind::Object(FLAPPING),
        "4 outages within an hour",
        "When an endpoint is considered flapping. Channels are then notified once instead of for each outage.",
    ),
    optional(
        CERTIFICATE_DAYS,
        ValueKind::Integer(1, 90),
        "`14`",
        "How many days before a certificate expires to notify channels that list `certificate` in `on`. They are notified again three days before it expires.",
    ),
    optional(
        "rank",
        ValueKind::Integer(0, 1_000_000),
        "`100`",
        "The priority of this node when several nodes can notify a channel. The node with the lowest rank goes first, then the one with the shortest interval.",
    ),
    optional(
        "time_zone",
        ValueKind::Pattern(patterns::NOT_BLANK),
        "`UTC`",
        "The time zone for times in messages, for example `Europe/Berlin`.",
    ),
    optional(
        "page_url",
        ValueKind::Pattern(patterns::HTTP_URL),
        "none",
        "The public URL of the status page, for links in messages.",
    ),
];

const FLAPPING: &[Field] = &[
    optional("outages", ValueKind::Integer(2, 100), "`4`", "The number of outages."),
    optional("within", ValueKind::Duration(MINUTE, DAY), "`1h`", "The period in which these outages must begin."),
];

#[derive(Deserialize, Default)]
struct RawSection {
    after: Option<RawDuration>,
    recovered_after: Option<RawDuration>,
    repeat: Option<Vec<RawDuration>>,
    gather: Option<RawDuration>,
    spacing: Option<RawDuration>,
    flapping: Option<RawFlapping>,
    certificate_days: Option<u32>,
    rank: Option<u32>,
    page_url: Option<String>,
}

#[derive(Deserialize)]
struct RawFlapping {
    outages: Option<u32>,
    within: Option<RawDuration>,
}

/// The rules for all channels, and the defaults for individual notifiers.
pub(super) struct NotifySection {
    pub rules: Rules,
    pub after: Nanos,
    pub recovered_after: Nanos,
    pub repeat: Vec<Nanos>,
}

impl NotifySection {
    /// Converts the section. A missing or invalid section results in the defaults.
    pub(super) fn convert(located: Option<&Located>, problems: &mut Problems) -> NotifySection {
        let valid = located.filter(|located| is_valid(located, &ValueKind::Object(SECTION)));
        let raw: RawSection = valid.and_then(|located| read_as(located, problems)).unwrap_or_default();
        // An error in one key must not hide errors in the keys that are read here.
        let text =
            |key: &str| located.and_then(|located| Some((located.member(key)?.at, located.member(key)?.text()?)));
        let zone = text("time_zone").filter(|(at, _)| problems.errors_at(*at).next().is_none());
        let zone = zone.map_or(Ok(TimeZone::UTC), |(at, zone)| parse_time_zone(zone).map_err(|error| (at, error)));
        let zone = zone.unwrap_or_else(|(at, error)| {
            problems.add(Problem::error(at, format!("`notify.time_zone`: {error}")));
            TimeZone::UTC
        });
        if let Some(Err(error)) = raw.page_url.as_deref().map(HttpCheck::parse_url) {
            let at = valid.and_then(|located| located.member("page_url")).map_or(0, |url| url.at);
            problems.add(Problem::error(at, format!("`notify.page_url`: {error}")));
        }
        let nanos = |raw: Option<RawDuration>, default: Nanos| raw.map_or(default, |duration| duration.0);
        let flapping = raw.flapping.map_or(DEFAULT_FLAPPING, |flapping| Flapping {
            outages: flapping.outages.unwrap_or(DEFAULT_FLAPPING.outages),
            within: nanos(flapping.within, DEFAULT_FLAPPING.within),
        });
        let rules = Rules {
            gather: nanos(raw.gather, DEFAULT_GATHER),
            spacing: nanos(raw.spacing, DEFAULT_SPACING),
            flapping,
            certificate_days: raw.certificate_days.unwrap_or(DEFAULT_CERTIFICATE_DAYS),
            rank: raw.rank.unwrap_or(DEFAULT_RANK),
            zone,
            page_url: raw.page_url,
            page_title: String::new(),
            groups: Vec::new(),
            authors: Authors::default(),
            author: None,
        };
        let repeat = raw.repeat.map(|repeat| repeat.into_iter().map(|time| time.0).collect());
        NotifySection {
            rules,
            after: nanos(raw.after, 0),
            recovered_after: nanos(raw.recovered_after, DEFAULT_RECOVERED_AFTER),
            repeat: repeat.unwrap_or_else(|| DEFAULT_REPEAT.to_vec()),
        }
    }
}
