//! Collects the messages of a check file while its results are added to a history.

use std::collections::BTreeMap;

use super::{History, MESSAGES_PER_DAY, PostedMessage, day_of};
use crate::UnixNanos;
use crate::check_file::{CheckResult, EndpointKey};

/// The messages of a check file that a history can keep, with the endpoints that they are about.
#[derive(Debug, Default)]
pub(super) struct FileMessages {
    by_text: BTreeMap<String, Vec<EndpointKey>>,
}

impl FileMessages {
    /// Adds the message of a result, if it has one that readers do not find in a post. Returns the size of its text if
    /// the message is new.
    pub(super) fn add(&mut self, result: &CheckResult) -> Option<usize> {
        let message = &result.message;
        if message.trim().is_empty() || result.post.is_some() {
            return None;
        }
        if let Some(about) = self.by_text.get_mut(message) {
            about.push(result.endpoint_key());
            return Some(0);
        }
        // The messages of a file have the same time, so a history keeps the first ones in the order of their texts.
        if self.by_text.len() >= MESSAGES_PER_DAY {
            if self.by_text.last_key_value().is_some_and(|(last, _)| last < message) {
                return None;
            }
            self.by_text.pop_last();
        }
        self.by_text.insert(message.clone(), vec![result.endpoint_key()]);
        Some(message.len())
    }

    /// Adds the messages to a history, and keeps the first ones of the day.
    pub(super) fn add_to(self, history: &mut History, stored_at: UnixNanos) {
        let messages = &mut history.messages;
        for (message, mut about) in self.by_text {
            about.sort_unstable();
            about.dedup();
            about.shrink_to_fit();
            messages.insert(PostedMessage { at: stored_at, message, about });
            let day = day_of(stored_at);
            let of_day: Vec<&PostedMessage> = messages.iter().filter(|message| day_of(message.at) == day).collect();
            if let Some(last) = of_day.get(MESSAGES_PER_DAY).map(|message| (*message).clone()) {
                messages.remove(&last);
            }
        }
    }
}
