//! `checker message`: lists and ends messages on the page, which `checker run --message` posts.

use jiff::tz::TimeZone;
use shared::UnixNanos;
use shared::post::{Affected, Details, Impact, Scope};

use super::posting::Posting;
use super::{Outcome, notices};
use crate::cli::MessageCommand;
use crate::config::model::Config;
use crate::monitor::announcement::Announcement;
use crate::now;
use crate::posts::board::Board;
use crate::posts::publish;
use crate::posts::publish::{Draft, PublishError};
use crate::posts::resolve::Sought;
use crate::posts::time::{UnusableTime, parse_future};
use crate::store::Store;
use crate::ui;

const MESSAGE: Sought = Sought { what: "message", remedy: "list them with `checker message list`" };

pub async fn message(command: &MessageCommand) -> anyhow::Result<Outcome> {
    match command {
        MessageCommand::List(arguments) => {
            let posting = Posting::view(&arguments.config).await?;
            notices::list(arguments, &posting, &posting.announcements().messages, "No messages.")
        }
        MessageCommand::End(arguments) => {
            let posting = Posting::open(&arguments.author).await?;
            let until = Some(posting.now);
            let messages = posting.announcements().messages;
            notices::end(&posting, &messages, &arguments.id, MESSAGE, Details::Message { until }).await
        }
    }
}

/// Parses the end of a message.
pub(crate) fn parse_until(text: Option<&str>) -> Result<Option<UnixNanos>, UnusableTime> {
    text.map(|text| parse_future("--until", text, now(), &TimeZone::system())).transpose()
}

/// Posts a message that was stored with a round. A failure is only a warning, because the page shows the message
/// in the results for 24 hours.
pub(crate) async fn publish(config: &Config, store: &Store, announcement: &Announcement, until: Option<UnixNanos>) {
    let author = config.author.as_ref().unwrap_or(&config.node);
    let draft = draft(announcement, until);
    let now = now();
    let published = match Board::read(store).await {
        Ok(board) => publish::publish(store, &board, author, draft, now).await,
        Err(error) => Err(PublishError::NotStored(error)),
    };
    let warn = |cause: &str| {
        ui::warn(&format!("the page shows the message for 24 hours, and `checker message end` cannot end it: {cause}"));
    };
    match published {
        Ok(published) => {
            published.problems.iter().for_each(|problem| ui::warn(problem));
            if config.page.config.post_authors().shown.is_some_and(|shown| !shown.contains(author)) {
                warn(&format!("readers do not see posts of `{author}`; add it to `page.authors`"));
            }
        }
        Err(error) => warn(&error.to_string()),
    }
}

fn draft(announcement: &Announcement, until: Option<UnixNanos>) -> Draft {
    let affected = |title: &String| Affected { scope: Scope(title.clone()), impact: Impact::None };
    let affects: Vec<Affected> = announcement.about.iter().map(affected).collect();
    Draft {
        affects: Some(affects).filter(|affects| !affects.is_empty()),
        text: Some(announcement.message.clone()),
        ..Draft::new(Details::Message { until })
    }
}
