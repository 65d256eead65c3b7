//! `checker notify`: tests channels, and shows which messages were sent or would be sent.

mod preview;
mod replay;
mod status;
mod test;

use std::path::Path;
use std::sync::Arc;

use shared::notification_log::NotificationLog;

use crate::cli::NotifyCommand;
use crate::commands::{MissingStorage, Outcome};
use crate::config::model::Config;
use crate::notify::rules::{Notifications, NotifierMode};
use crate::store::Store;

#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` has no `notifiers`: add one, for example `\"notifiers\": [{{ \"type\": \"slack\", \"webhook\": \"${{SLACK_WEBHOOK}}\" }}]`"
)]
struct MissingNotifiers(String);

pub async fn notify(command: &NotifyCommand) -> anyhow::Result<Outcome> {
    match command {
        NotifyCommand::Test(arguments) => test::test(arguments).await,
        NotifyCommand::Status(arguments) => status::status(arguments).await,
        NotifyCommand::Preview(arguments) => preview::preview(arguments).await,
        NotifyCommand::Replay(arguments) => replay::replay(arguments).await,
    }
}

/// Returns the notification settings. Fails if no channel is configured.
fn channels(config: &Config, path: &Path) -> Result<Arc<Notifications>, MissingNotifiers> {
    let notifications = config.notifications.clone().filter(|notifications| !notifications.channels.is_empty());
    notifications.ok_or_else(|| MissingNotifiers(path.display().to_string()))
}

/// Returns whether nodes keep running or run once per round, according to their logs or, if they have none, to the
/// configuration.
fn mode(config: &Config, logs: &[NotificationLog]) -> NotifierMode {
    let mut known = logs.iter().filter(|log| log.every > 0).peekable();
    let is_repeated = match known.peek() {
        Some(_) => known.any(|log| log.gather > 0 || log.spacing > 0),
        None => config.every.is_some(),
    };
    if is_repeated { NotifierMode::Repeated } else { NotifierMode::Once }
}

/// Opens the store that contains the histories and the logs.
async fn open_store(config: &Config, path: &Path) -> anyhow::Result<Arc<Store>> {
    let Some(storage) = &config.storage else { return Err(MissingStorage(path.display().to_string()).into()) };
    Ok(Arc::new(Store::open(storage).await))
}
