//! `checker incident edit`: replaces a post.

use shared::post::{Details, Edit};

use super::{IncidentError, check_changeable, find_post};
use crate::cli::EditArguments;
use crate::commands::posting::Posting;
use crate::commands::{Outcome, post_text};
use crate::posts::publish::Draft;
use crate::posts::text::{check_text, check_title};
use crate::ui;

pub(super) async fn edit(arguments: &EditArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let versions = find_post(&posting, &arguments.id)?;
    check_changeable(versions, &posting)?;
    let (original, current) = (versions.original, versions.current);
    if let Some(title) = &arguments.title {
        check_title(title)?;
    }
    let affects = posting.affected(&arguments.details.affects).await?;
    let began = posting.past("--began", arguments.details.began.as_ref())?;
    let at = posting.past("--at", arguments.details.at.as_ref())?;
    let text = post_text::read(&arguments.text, current.text.as_deref().unwrap_or_default())?.checked(check_text)?;
    let mut details = current.details.clone();
    if let (Details::Incident { began: current, .. }, Some(began)) = (&mut details, began) {
        *current = Some(began);
    }
    let draft = Draft {
        edit: Some(Edit::Replaces(original.id.clone())),
        title: arguments.title.clone().or_else(|| current.title.clone()),
        affects: affects.or_else(|| current.affects.clone()),
        text: text.text.clone(),
        at: at.or(current.at),
        ..Draft::about(original.subject.clone(), details)
    };
    let is_unchanged = (&draft.title, &draft.affects, &draft.text) == (&current.title, &current.affects, &current.text)
        && (draft.at, &draft.details) == (current.at, &current.details);
    if is_unchanged {
        return Err(IncidentError::NothingToChange.into());
    }
    if versions.is_edited() {
        ui::note(&format!("the post was already edited as `{}`; the latest edit applies", current.id));
    }
    let post = text.keep_on_failure(posting.publish(draft).await)?;
    ui::print_line(&format!("replaced the post `{}` with `{}`", original.id, post.id));
    Ok(Outcome::Done)
}
