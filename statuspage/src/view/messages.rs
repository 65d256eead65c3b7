//! Messages at the top of the page and in the timeline.

use std::sync::Arc;

use shared::UnixNanos;
use shared::message::{Message, Node};
use shared::object_name::NodeName;
use shared::post::fold::Announcements;
use shared::post::notice::MESSAGE_DURATION;
use shared::sorting::sort_by_integer;

use super::affected::AnnouncementContext;
use super::text;
use crate::civil::rfc3339;
use crate::dataset::StoredMessage;
use crate::i18n::texts;

/// The maximum number of messages from one node at the top of the page. Older ones are in the timeline.
const MESSAGES_OF_NODE: usize = 10;

/// A message from an operator, posted with a round or on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    pub at: UnixNanos,
    pub node: Option<NodeName>,
    /// `at` in RFC 3339 format, for the `datetime` attribute.
    pub datetime: String,
    /// `at` in the visitor's time zone and language.
    pub when: String,
    /// The names of the endpoints that the message is about.
    pub about: String,
    /// The ids of the endpoints that the message is about.
    pub ids: Vec<usize>,
    /// When the message disappears from the top of the page.
    pub until: UnixNanos,
    /// The message's content, which contains only allowed elements.
    pub nodes: Vec<Node>,
}

/// Returns all messages posted so far, newest first.
pub(super) fn messages(announcements: &Announcements, context: AnnouncementContext<'_>) -> Vec<Arc<MessageView>> {
    let now = context.calendar.now;
    // If it is uncertain whether a post is stored, the results do not name it. The post determines when the message ends.
    let is_post = |message: &StoredMessage| announcements.messages.iter().any(|posted| posted.text == message.html);
    let stored = context.dataset.messages.iter().filter(|message| message.at <= now && !is_post(message));
    let stored = stored.map(|message| of_round(message, context));
    let posted = announcements.messages.iter().filter(|posted| posted.from <= now).map(|posted| MessageView {
        at: posted.from,
        node: Some(posted.author.clone()),
        datetime: rfc3339(posted.from),
        when: context.calendar.moment(posted.from),
        about: context.names(&posted.affects),
        ids: context.ids(&posted.affects),
        until: posted.until,
        nodes: Message::parse(&posted.text).nodes,
    });
    let mut messages: Vec<MessageView> = posted.chain(stored).filter(|message| !message.nodes.is_empty()).collect();
    sort_by_integer(&mut messages, |message| -message.at);
    messages.into_iter().map(Arc::new).collect()
}

/// Returns a message that was posted with a round.
fn of_round(message: &StoredMessage, context: AnnouncementContext<'_>) -> MessageView {
    let AnnouncementContext { dataset, appearance, calendar } = context;
    let shown = dataset.endpoints.iter().filter(|endpoint| !endpoint.nodes.is_empty()).count();
    let endpoints = message.about.iter().filter_map(|id| dataset.endpoints.get(*id)).take(text::NAMES_LIMIT);
    let names = endpoints.map(|endpoint| {
        let key = &endpoint.key;
        // An endpoint without a title is listed under its locator, unless the locator is hidden.
        let is_hidden = appearance.hides_locator(&key.title);
        let locator = if is_hidden { "" } else { &key.locator };
        calendar.language.isolate(text::display_name(&key.title, locator, calendar.language))
    });
    MessageView {
        at: message.at,
        node: message.node.clone(),
        datetime: rfc3339(message.at),
        when: calendar.moment(message.at),
        about: if shown > 1 && message.about.len() >= shown {
            calendar.language.format(texts::ALL_SERVICES, &[])
        } else {
            text::counted_names(&names.collect::<Vec<_>>(), message.about.len(), calendar.language)
        },
        ids: message.about.clone(),
        until: message.at.saturating_add(MESSAGE_DURATION),
        nodes: Message::parse(&message.html).nodes,
    }
}

/// Returns the messages at the top of the page.
#[must_use]
pub fn current_messages(messages: &[Arc<MessageView>], now: UnixNanos) -> Vec<Arc<MessageView>> {
    let mut current: Vec<Arc<MessageView>> = Vec::new();
    for message in messages.iter().filter(|message| now < message.until) {
        if current.iter().filter(|known| known.node == message.node).count() < MESSAGES_OF_NODE {
            current.push(Arc::clone(message));
        }
    }
    current
}
