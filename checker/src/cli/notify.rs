//! The subcommands of `checker notify`.

use clap::{Args, Subcommand};
use shared::notification_log::ChannelId;
use shared::object_name::NodeName;
use shared::{DAY, HOUR, Nanos};

use super::{ConfigArgument, FormatArguments};

#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Send a test message to all channels, or to one
    ///
    /// Exit status: 0 if all of them accepted it; 1 if any did not; 2 if the checker itself failed.
    Test(NotifyTestArguments),
    /// Show which nodes notify each channel, which messages were sent, and which are waiting
    Status(NotifyViewArguments),
    /// Show what would be sent now, and why other bad statuses would not be sent. Nothing is sent
    Preview(NotifyViewArguments),
    /// Show every message that the rules would have sent for the stored history. Nothing is sent
    ///
    /// To compare other rules with the current ones, pass another configuration for the same store.
    Replay(NotifyReplayArguments),
}

#[derive(Debug, Args)]
pub struct NotifyTestArguments {
    /// ID of the channel to test (default: all enabled channels)
    #[arg(value_name = "ID")]
    pub channel: Option<ChannelId>,
    #[command(flatten)]
    pub config: ConfigArgument,
}

#[derive(Debug, Args)]
pub struct NotifyViewArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Name of this node, overriding the configuration
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
    #[command(flatten)]
    pub format: FormatArguments,
}

#[derive(Debug, Args)]
pub struct NotifyReplayArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// How far back to start, from 1h to 400d
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = since)]
    pub since: Nanos,
    #[command(flatten)]
    pub format: FormatArguments,
}

fn since(text: &str) -> Result<Nanos, String> {
    let nanos = shared::duration::parse(text).map_err(|error| error.to_string())?;
    if (HOUR..=400 * DAY).contains(&nanos) {
        Ok(nanos)
    } else {
        Err(format!("invalid period `{text}`: expected `1h` to `400d`"))
    }
}
