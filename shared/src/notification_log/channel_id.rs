//! Validates the public names of channels.

use std::fmt;
use std::str::FromStr;

use crate::object_name::is_valid_name;

const CHANNEL_ID_LIMIT: usize = 32;

/// The public name of a channel: 1 to 32 characters of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(String);

/// The error for an invalid channel ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid channel id `{0}`: use 1–32 lowercase letters, digits and hyphens, for example `ops`")]
pub struct InvalidChannelId(pub String);

impl ChannelId {
    /// Validates a channel ID, which is not normalized.
    pub fn new(text: &str) -> Result<ChannelId, InvalidChannelId> {
        if is_valid_name(text, CHANNEL_ID_LIMIT) {
            Ok(ChannelId(text.to_owned()))
        } else {
            Err(InvalidChannelId(text.to_owned()))
        }
    }

    /// Returns the ID as it appears in logs and in the configuration.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for ChannelId {
    type Err = InvalidChannelId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ChannelId::new(text)
    }
}
