//! `checker incident postmortem`: posts an analysis of a resolved incident.

use shared::post::IncidentState;

use super::{IncidentError, details, find_complete};
use crate::cli::PostmortemArguments;
use crate::commands::posting::Posting;
use crate::commands::{Outcome, post_text};
use crate::posts::publish::Draft;
use crate::posts::text::{InvalidText, check_text};
use crate::ui;

pub(super) async fn postmortem(arguments: &PostmortemArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let announcements = posting.announcements();
    // The newest open incident cannot have an analysis yet, so `latest` means the newest closed one.
    let id = match announcements.incidents.iter().find(|incident| incident.is_complete && !incident.is_open()) {
        Some(closed) if arguments.id == crate::posts::resolve::LATEST => closed.id.to_string(),
        _ => arguments.id.clone(),
    };
    let incident = find_complete(&announcements, &id)?;
    if incident.is_open() {
        return Err(IncidentError::StillOpen(incident.id.clone()).into());
    }
    let text = post_text::read(&arguments.text, "")?.checked(check_text)?;
    if text.text.is_none() {
        return Err(InvalidText::Empty.into());
    }
    let state = details(Some(IncidentState::Postmortem), None, None);
    let draft = Draft { text: text.text.clone(), ..Draft::about(incident.id.clone(), state) };
    let post = text.keep_on_failure(posting.publish(draft).await)?;
    ui::print_line(&format!("posted the analysis `{}` of the incident `{}`", post.id, incident.id));
    Ok(Outcome::Done)
}
