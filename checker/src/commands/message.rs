//! `checker message`: lists and ends messages on the page, which `checker run --message` posts.

use jiff::tz::TimeZone;
use shared::UnixNanos;
use shared::post::notice::Notice;
use shared::post::{Affected, Details, Impact, PostId, Scope};

use super::posting::{Posting, warn_if_not_shown};
use super::{Outcome, notices};
use crate::cli::MessageCommand;
use crate::config::model::Config;
use crate::monitor::announcement::Announcement;
use crate::now;
use crate::posts::board::Board;
use crate::posts::publish;
use crate::posts::publish::{Draft, PublishError};
use crate::posts::resolve::Sought;
use crate::posts::time::{LONGEST_NOTICE, UnusableTime, parse_future};
use crate::store::Store;
use crate::ui;

const MESSAGE: Sought = Sought {
    what: "message",
    remedy: "list them with `checker message list`",
    if_none: "post one with `checker run --message`",
};

pub async fn message(command: &MessageCommand) -> anyhow::Result<Outcome> {
    match command {
        MessageCommand::List(arguments) => {
            let posting = Posting::view(&arguments.config).await?;
            notices::list(arguments, &posting, &posting.announcements().messages, "No messages.")
        }
        MessageCommand::End(arguments) => {
            let posting = Posting::open(&arguments.author).await?;
            let until = Some(posting.now);
            let messages = own_and_shown(&posting);
            notices::end(&posting, &messages, &arguments.id, MESSAGE, Details::Message { until }).await
        }
    }
}

/// Returns the messages that readers see, and those of the author, even if readers do not see them.
fn own_and_shown(posting: &Posting) -> Vec<Notice> {
    let shown = posting.announcements().messages;
    let is_hidden =
        |message: &Notice| message.id.author == posting.author && !shown.iter().any(|known| known.id == message.id);
    let hidden: Vec<Notice> = posting.board.announcements(posting.now).messages.into_iter().filter(is_hidden).collect();
    [shown, hidden].concat()
}

/// Parses the end of a message.
pub(crate) fn parse_until(text: Option<&str>) -> Result<Option<UnixNanos>, UnusableTime> {
    let (flag, zone) = ("--until", TimeZone::system());
    text.map(|text| parse_future(flag, text, now(), LONGEST_NOTICE, &zone)).transpose()
}

/// Posts a message, which is then also stored with a round. Returns `None` with a warning if readers may not find the
/// post. In this case, the page shows the message in the results for 24 hours.
pub(crate) async fn publish(
    config: &Config,
    store: &Store,
    announcement: &Announcement,
    until: Option<UnixNanos>,
) -> Option<PostId> {
    let author = config.author.as_ref().unwrap_or(&config.node);
    let draft = draft(announcement, until);
    let now = now();
    let published = match Board::read(store).await {
        Ok(board) => publish::publish(store, &board, author, draft, now).await,
        Err(error) => Err(PublishError::NotStored(error)),
    };
    match published {
        Ok(published) => {
            published.problems.iter().for_each(|problem| ui::warn(problem));
            warn_if_not_shown(config, author, "set `author`");
            Some(published.post.id)
        }
        Err(error) => {
            ui::warn(&format!(
                "the page shows the message for 24 hours, and `checker message end` cannot end it: {error}"
            ));
            None
        }
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
