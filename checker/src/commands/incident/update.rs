//! `checker incident update`: posts an update of an incident.

use shared::post::IncidentState;

use super::{IncidentError, details, find_complete, parse_state, post_time};
use crate::cli::UpdateArguments;
use crate::commands::posting::Posting;
use crate::commands::{Outcome, post_text};
use crate::posts::publish::Draft;
use crate::posts::text::{check_text, check_title};
use crate::ui;

pub(super) async fn update(arguments: &UpdateArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let announcements = posting.announcements();
    let incident = find_complete(&announcements, &arguments.id)?;
    let state = arguments.state.as_deref().and_then(parse_state);
    let reopens = !incident.is_open();
    if reopens && state.is_none_or(IncidentState::is_closed) {
        return Err(IncidentError::Resolved(incident.id.clone()).into());
    }
    if let Some(title) = &arguments.title {
        check_title(title)?;
    }
    let affects = posting.affected(&arguments.details.affects).await?;
    let began = posting.past("--began", arguments.details.began.as_ref())?;
    let start = began.unwrap_or(incident.began);
    let at = post_time(&posting, incident, arguments.details.at.as_ref(), start, state.map(|_| ""))?;
    let text = post_text::read(&arguments.text, "")?.checked(check_text)?;
    let is_empty = text.text.is_none() && arguments.title.is_none() && state.is_none();
    if is_empty && affects.is_none() && began.is_none() {
        return Err(IncidentError::NothingToPost.into());
    }
    let draft = Draft {
        title: arguments.title.clone(),
        affects,
        text: text.text.clone(),
        at,
        ..Draft::about(incident.id.clone(), details(state, began, None))
    };
    let post = text.keep_on_failure(posting.publish(draft).await)?;
    let what = if reopens { "reopened" } else { "updated" };
    ui::print_line(&format!("{what} the incident `{}` with the post `{}`", incident.id, post.id));
    Ok(Outcome::Done)
}
