//! Keeps a log within the limits of the nodes that read it.

use super::format::{CHANNEL_VALUES_LIMIT, DEFERRED_LIMIT};
use super::{ChannelId, Deferred, NotificationLog, REGISTERS_LIMIT, Register, SIZE_LIMIT, ServedChannel};

/// The maximum size of all entries for deferred recipients, in bytes, so that they leave enough space for registers.
const DEFERRED_SIZE_LIMIT: usize = SIZE_LIMIT / 4;

/// The maximum number of JSON values in a channel's entries for deferred recipients, so that they leave enough of
/// [`CHANNEL_VALUES_LIMIT`] for news that waits.
const DEFERRED_VALUES_LIMIT: usize = CHANNEL_VALUES_LIMIT / 4 * 3;

/// Upper bounds for the sizes of JSON texts, in bytes, without their strings and lists.
const HEADER_SIZE: usize = 512;
const CHANNEL_SIZE: usize = 512;
const WAITING_SIZE: usize = 64;
const DEFERRED_SIZE: usize = 128;
const REGISTER_SIZE: usize = 320;

/// The maximum size of an integer of 32 bits and a comma.
const INTEGER_SIZE: usize = 11;

/// The maximum number of bytes in a JSON string for each byte of text.
const ESCAPE_SIZE: usize = 6;

/// The number of JSON values in an entry for deferred recipients, without its lists, and in a register.
const DEFERRED_VALUES: usize = 7;
const REGISTER_VALUES: usize = 12;

impl NotificationLog {
    /// Returns the log as JSON if it is within the limits for logs, so that all nodes can read it completely.
    #[must_use]
    pub fn to_storable_json(&self) -> Option<String> {
        let json = (self.registers.len() <= REGISTERS_LIMIT).then(|| self.to_json());
        json.filter(|json| json.len() <= SIZE_LIMIT)
    }

    /// Returns whether the log is within the limits for logs.
    #[must_use]
    pub fn is_storable(&self) -> bool {
        // Thanks to this bound, most logs need not be serialized just to measure them.
        let is_small = self.registers.len() <= REGISTERS_LIMIT && self.greatest_size() <= SIZE_LIMIT;
        is_small || self.to_storable_json().is_some()
    }

    /// Adds an entry for deferred recipients of a channel. Returns whether the log has space for it.
    #[must_use]
    pub fn add_deferred(&mut self, channel: &ChannelId, deferred: Deferred) -> bool {
        let Some(index) = self.channels.iter().position(|served| served.id == *channel) else { return false };
        self.channels[index].deferred.push(deferred);
        let of_channel = &self.channels[index].deferred;
        let size: usize = self.channels.iter().flat_map(|served| &served.deferred).map(deferred_size).sum();
        let has_space = of_channel.len() <= DEFERRED_LIMIT
            && of_channel.iter().map(deferred_values).sum::<usize>() <= DEFERRED_VALUES_LIMIT
            && size <= DEFERRED_SIZE_LIMIT
            && self.is_storable();
        if !has_space {
            self.channels[index].deferred.pop();
        }
        has_space
    }

    /// Returns an upper bound for the size of the log in bytes.
    pub(crate) fn greatest_size(&self) -> usize {
        let channels = self.channels.iter().map(channel_size).sum::<usize>();
        HEADER_SIZE + channels + self.registers.iter().map(register_size).sum::<usize>()
    }
}

fn channel_size(channel: &ServedChannel) -> usize {
    let waiting = channel.waiting.iter().map(|waiting| WAITING_SIZE + INTEGER_SIZE * waiting.news.len());
    let deferred = channel.deferred.iter().map(deferred_size);
    CHANNEL_SIZE + string_size(channel.id.as_str()) + waiting.chain(deferred).sum::<usize>()
}

fn deferred_size(deferred: &Deferred) -> usize {
    let recipients = INTEGER_SIZE * deferred.recipients.len();
    DEFERRED_SIZE + recipients + deferred.known.iter().map(register_size).sum::<usize>()
}

fn register_size(register: &Register) -> usize {
    let key = &register.key;
    let strings = [register.channel.as_str(), &key.title, &key.locator, key.id.as_deref().unwrap_or_default()];
    REGISTER_SIZE + strings.into_iter().map(string_size).sum::<usize>()
}

fn string_size(text: &str) -> usize {
    ESCAPE_SIZE * text.len()
}

fn deferred_values(deferred: &Deferred) -> usize {
    DEFERRED_VALUES + deferred.recipients.len() + REGISTER_VALUES * deferred.known.len()
}
