//! Writes and parses logs as JSON.

use std::borrow::Cow;

use super::{
    ChannelId, Deferred, FailureReason, IncidentScope, NUMBER_LIMIT, NotificationLog, Notified, REGISTERS_LIMIT,
    RecipientList, Register, Retry, ServedChannel, Topic, Waiting,
};
use crate::check_file::{EndpointKey, LOCATOR_LIMIT, TITLE_LIMIT, id_of, shortened};
use crate::json::{self, Json, JsonError};
use crate::json_writer::{EscapeMode, JsonWriter, key};
use crate::object_name::NodeName;
use crate::{MINUTE, Nanos};

/// The current version of the format. Logs with another version are rejected.
const VERSION: i64 = 1;

/// The maximum number of channels in a log. Further ones are ignored.
const CHANNELS_LIMIT: usize = 1_000;

/// The maximum number of JSON values in a channel's entry. It contains one value for each piece of news that waits.
pub(super) const CHANNEL_VALUES_LIMIT: usize = 200_000;

/// The maximum number of JSON values in a register.
const REGISTER_VALUES_LIMIT: usize = 100;

/// The maximum number of entries for recipients that have not accepted a message yet. Further ones are ignored.
pub(super) const DEFERRED_LIMIT: usize = 20;

/// The keys of a log that are not lists.
const FIELDS: [&str; 8] = ["version", "node", "rank", "every", "gather", "spacing", "since", "returned"];

/// The longest interval that a log can claim, so that a hostile log cannot make other nodes wait indefinitely.
const LONGEST_INTERVAL: Nanos = 24 * 60 * MINUTE;

/// The error for an object that is not a valid notification log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLog {
    /// The content is not valid JSON, or a required key is missing or invalid.
    #[error("invalid notification log: {0}; delete the object, and its node will write a new one")]
    Malformed(String),
    /// A newer version wrote the log.
    #[error("the notification log has version {0}, but this checker reads version 1; update the checker")]
    UnsupportedVersion(i64),
}

impl NotificationLog {
    /// Parses a log. Invalid registers and channels are skipped, and registers beyond [`REGISTERS_LIMIT`] are counted.
    pub fn parse(content: &[u8]) -> Result<NotificationLog, InvalidLog> {
        let malformed = |problem: &str| InvalidLog::Malformed(problem.to_owned());
        let invalid = |error: JsonError| InvalidLog::Malformed(error.to_string());
        let text = std::str::from_utf8(content).map_err(|_| malformed("the text is not UTF-8"))?;
        let (mut members, mut channels_text, mut registers_text) = (Vec::new(), None, None);
        // The lists are parsed element by element, because the tree of a large log would take up a lot of memory.
        json::each_member(text, &mut |key, value| match &*key {
            "channels" => channels_text = Some(value),
            "sent" => registers_text = Some(value),
            _ => members.push((key, value)),
        })
        .map_err(invalid)?;
        let mut fields: Vec<(Cow<'_, str>, Json<'_>)> = Vec::new();
        for (key, value) in members.into_iter().filter(|(key, _)| FIELDS.contains(&&**key)) {
            fields.push((key, json::parse(value).map_err(invalid)?));
        }
        let json = Json::Object(fields);
        match integer(&json, "version") {
            Some(VERSION) => {}
            Some(other) => return Err(InvalidLog::UnsupportedVersion(other)),
            None => return Err(malformed("the key `version` is missing")),
        }
        let node = string(&json, "node").and_then(|name| NodeName::new(name).ok());
        let node = node.ok_or_else(|| malformed("the key `node` must be the name of a node"))?;
        let count = |key: &str| integer(&json, key).unwrap_or(0).max(0);
        let mut log = NotificationLog {
            rank: u32::try_from(count("rank")).unwrap_or(u32::MAX),
            every: count("every").min(LONGEST_INTERVAL),
            gather: count("gather").min(LONGEST_INTERVAL),
            spacing: count("spacing").min(LONGEST_INTERVAL),
            since: count("since"),
            returned: count("returned"),
            ..NotificationLog::new(node)
        };
        each_of(channels_text, CHANNEL_VALUES_LIMIT, |channel| {
            if log.channels.len() < CHANNELS_LIMIT {
                log.channels.extend(read_channel(channel));
            }
        })
        .map_err(invalid)?;
        let (registers, ignored) = (&mut log.registers, &mut log.ignored);
        each_of(registers_text, REGISTER_VALUES_LIMIT, |register| {
            if registers.len() < REGISTERS_LIMIT {
                registers.extend(read_register(register));
            } else {
                *ignored += 1;
            }
        })
        .map_err(invalid)?;
        Ok(log)
    }

    /// Returns the log as JSON, from which [`NotificationLog::parse`] restores an equal log.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut writer = JsonWriter::new(EscapeMode::Minimal, 256 + 320 * self.registers.len());
        writer.object(|writer| {
            writer.integer_member(key!("version"), VERSION);
            writer.string_member(key!("node"), self.node.as_str());
            writer.integer_member(key!("rank"), i64::from(self.rank));
            writer.integer_member(key!("every"), self.every);
            writer.integer_unless_zero(key!("gather"), self.gather);
            writer.integer_unless_zero(key!("spacing"), self.spacing);
            writer.integer_member(key!("since"), self.since);
            writer.integer_unless_zero(key!("returned"), self.returned);
            writer.key(key!("channels"));
            writer.array(&self.channels, write_channel);
            writer.key(key!("sent"));
            writer.array(&self.registers, write_register);
        });
        writer.finish()
    }
}

fn write_channel(writer: &mut JsonWriter, channel: &ServedChannel) {
    writer.object(|writer| {
        writer.string_member(key!("id"), channel.id.as_str());
        writer.integer_member(key!("from"), channel.from);
        if !channel.waiting.is_empty() {
            writer.key(key!("waiting"));
            writer.array(&channel.waiting, |writer, waiting| {
                writer.object(|writer| {
                    writer.integer_member(key!("since"), waiting.since);
                    writer.key(key!("news"));
                    writer.array(&waiting.news, |writer, news| writer.integer(i64::from(*news)));
                });
            });
        }
        if let Some(retry) = channel.retry {
            writer.key(key!("retry"));
            writer.object(|writer| {
                writer.integer_member(key!("tries"), i64::from(retry.tries));
                writer.integer_unless_zero(key!("unanswered"), i64::from(retry.unanswered));
                writer.integer_member(key!("next"), retry.next);
                writer.string_member(key!("why"), &retry.why.to_string());
            });
        }
        if let Some(resumed) = channel.resumed {
            writer.integer_member(key!("resumed"), resumed);
        }
        if let Some(unconfirmed) = channel.unconfirmed {
            writer.integer_member(key!("unconfirmed"), unconfirmed);
        }
        if !channel.deferred.is_empty() {
            writer.key(key!("deferred"));
            writer.array(&channel.deferred, write_deferred);
        }
        if let Some(IncidentScope(scope)) = channel.incidents {
            writer.integer_member(key!("incidents"), i64::from(scope));
        }
        if let Some(moved_at) = channel.incidents_moved_at {
            writer.integer_member(key!("incidents_moved_at"), moved_at);
        }
    });
}

fn write_deferred(writer: &mut JsonWriter, deferred: &Deferred) {
    writer.object(|writer| {
        writer.key(key!("to"));
        writer.array(&deferred.recipients, |writer, recipient| writer.integer(i64::from(*recipient)));
        writer.integer_member(key!("of"), i64::from(deferred.list.count));
        if let Some(checksum) = deferred.list.checksum {
            writer.integer_member(key!("list"), i64::from(checksum));
        }
        writer.integer_member(key!("tries"), i64::from(deferred.tries));
        writer.integer_member(key!("next"), deferred.next);
        writer.key(key!("known"));
        writer.array(&deferred.known, write_register);
    });
}

fn write_register(writer: &mut JsonWriter, register: &Register) {
    writer.object(|writer| {
        writer.string_member(key!("channel"), register.channel.as_str());
        if register.topic != Topic::Endpoint {
            writer.string_member(key!("about"), register.topic.as_str());
        }
        writer.string_member(key!("title"), &register.key.title);
        writer.string_unless_empty(key!("endpoint"), &register.key.locator);
        writer.string_unless_empty(key!("id"), register.key.id.as_deref().unwrap_or_default());
        writer.integer_member(key!("n"), register.number);
        writer.string_member(key!("as"), register.state.as_str());
        writer.integer_unless_zero(key!("since"), register.since);
        writer.integer_member(key!("until"), register.until);
        writer.integer_member(key!("at"), register.at);
        writer.integer_unless_zero(key!("reminders"), i64::from(register.reminders));
    });
}

/// Passes the elements of an array to `take`. A missing array or a value of another type counts as an empty array.
fn each_of(text: Option<&str>, values_limit: usize, mut take: impl FnMut(&Json<'_>)) -> Result<(), JsonError> {
    let Some(text) = text else { return Ok(()) };
    if !text.starts_with('[') {
        return json::parse(text).map(drop);
    }
    json::each_element(text, values_limit, &mut |element| {
        take(&element);
        Ok(())
    })
}

fn integer(json: &Json<'_>, key: &str) -> Option<i64> {
    json.get(key)?.as_integer()
}

fn string<'j>(json: &'j Json<'_>, key: &str) -> Option<&'j str> {
    if let Json::String(text) = json.get(key)? { Some(text) } else { None }
}

/// Returns the elements of an array. A missing key or a value of another type counts as an empty array.
fn list<'j, 't>(json: &'j Json<'t>, key: &str) -> &'j [Json<'t>] {
    if let Some(Json::Array(elements)) = json.get(key) { elements } else { &[] }
}

fn read_channel(json: &Json<'_>) -> Option<ServedChannel> {
    let waiting = list(json, "waiting").iter().filter_map(|waiting| {
        let hash = |news: &Json<'_>| u32::try_from(news.as_integer()?).ok();
        let mut news: Vec<u32> = list(waiting, "news").iter().filter_map(hash).collect();
        news.sort_unstable();
        Some(Waiting { since: integer(waiting, "since")?, news })
    });
    let waiting = waiting.collect();
    let retry = json.get("retry").and_then(|retry| {
        Some(Retry {
            tries: u32::try_from(integer(retry, "tries")?).ok()?,
            unanswered: u32::try_from(integer(retry, "unanswered").unwrap_or(0)).ok()?,
            next: integer(retry, "next")?,
            why: FailureReason::parse(string(retry, "why").unwrap_or_default()),
        })
    });
    let id = ChannelId::new(string(json, "id")?).ok()?;
    let unconfirmed = integer(json, "unconfirmed");
    let deferred = list(json, "deferred").iter().filter_map(read_deferred).take(DEFERRED_LIMIT).collect();
    let incidents = integer(json, "incidents").and_then(|scope| u16::try_from(scope).ok()).map(IncidentScope);
    Some(ServedChannel {
        id,
        from: integer(json, "from")?,
        waiting,
        retry,
        resumed: integer(json, "resumed"),
        unconfirmed,
        deferred,
        incidents,
        incidents_moved_at: integer(json, "incidents_moved_at"),
    })
}

fn read_deferred(json: &Json<'_>) -> Option<Deferred> {
    let position = |recipient: &Json<'_>| u32::try_from(recipient.as_integer()?).ok();
    Some(Deferred {
        recipients: list(json, "to").iter().map(position).collect::<Option<_>>()?,
        list: RecipientList {
            count: u32::try_from(integer(json, "of")?).ok()?,
            checksum: integer(json, "list").and_then(|checksum| u8::try_from(checksum).ok()),
        },
        tries: u32::try_from(integer(json, "tries")?).ok()?,
        next: integer(json, "next")?,
        known: list(json, "known").iter().filter_map(read_register).collect(),
    })
}

fn read_register(json: &Json<'_>) -> Option<Register> {
    let topic = match string(json, "about") {
        Some(word) => Topic::ALL.into_iter().find(|topic| topic.as_str() == word)?,
        None => Topic::Endpoint,
    };
    let state = string(json, "as")?;
    let key = EndpointKey {
        title: shortened(string(json, "title")?.to_owned(), TITLE_LIMIT),
        locator: shortened(string(json, "endpoint").unwrap_or_default().to_owned(), LOCATOR_LIMIT),
        id: id_of(json),
    };
    let number = integer(json, "n").filter(|number| (0..NUMBER_LIMIT).contains(number))?;
    Some(Register {
        channel: ChannelId::new(string(json, "channel")?).ok()?,
        topic,
        key,
        number,
        state: Notified::ALL.into_iter().find(|known| known.as_str() == state)?,
        since: integer(json, "since").unwrap_or(0),
        until: integer(json, "until")?,
        at: integer(json, "at")?,
        reminders: u32::try_from(integer(json, "reminders").unwrap_or(0)).ok()?,
    })
}
