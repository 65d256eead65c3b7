//! `checker incident resolve`: posts that an incident has ended.

use shared::post::IncidentState;

use super::{IncidentError, check_after, details, find_complete, post_time};
use crate::cli::ResolveArguments;
use crate::commands::posting::Posting;
use crate::commands::{Outcome, post_text};
use crate::posts::publish::Draft;
use crate::posts::text::check_text;
use crate::ui;

pub(super) async fn resolve(arguments: &ResolveArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let announcements = posting.announcements();
    let incident = find_complete(&announcements, &arguments.id)?;
    if !incident.is_open() {
        return Err(IncidentError::AlreadyResolved(incident.id.clone()).into());
    }
    let ended = posting.past("--ended", arguments.ended.as_ref())?;
    let ended = check_after(&posting, ("--ended", arguments.ended.as_ref()), ended, incident.began)?;
    let remedy = Some("; `--ended` sets when the incident ended");
    let at = post_time(&posting, incident, arguments.at.as_ref(), incident.began, remedy)?;
    let text = post_text::read(&arguments.text, "")?.checked(check_text)?;
    let state = details(Some(IncidentState::Resolved), None, ended);
    let draft = Draft { text: text.text.clone(), at, ..Draft::about(incident.id.clone(), state) };
    text.keep_on_failure(posting.publish(draft).await)?;
    ui::print_line(&format!("resolved the incident `{}`: {}", incident.id, incident.display_title()));
    Ok(Outcome::Done)
}
