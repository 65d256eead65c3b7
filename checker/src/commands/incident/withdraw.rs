//! `checker incident withdraw`: withdraws a post, or a whole incident.

use shared::post::{Edit, PostId};

use super::{IncidentError, check_changeable, details, find_posts};
use crate::cli::WithdrawArguments;
use crate::commands::Outcome;
use crate::commands::posting::Posting;
use crate::posts::publish::Draft;
use crate::{counted, now, ui};

pub(super) async fn withdraw(arguments: &WithdrawArguments) -> anyhow::Result<Outcome> {
    let mut posting = Posting::open(&arguments.author).await?;
    let found = find_posts(&posting, &arguments.id)?;
    let (mut withdrawn, mut refusal): (Vec<(PostId, PostId)>, _) = (Vec::new(), None);
    for versions in found {
        match check_changeable(versions, &posting) {
            Ok(()) => withdrawn.push((versions.original.id.clone(), versions.original.subject.clone())),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(error) if withdrawn.is_empty() => return Err(error.into()),
        Some(error @ IncidentError::Foreign { .. }) => ui::note(&error.to_string()),
        _ => {}
    }
    for (id, subject) in &withdrawn {
        let edit = Some(Edit::Withdraws(id.clone()));
        posting.publish(Draft { edit, ..Draft::about(subject.clone(), details(None, None, None)) }).await?;
        posting.now = now();
    }
    let what = match withdrawn.as_slice() {
        [(id, subject)] if id == subject => format!("the incident `{id}`"),
        [(id, _)] => format!("the post `{id}`"),
        several => counted(several.len(), "post"),
    };
    let them = if withdrawn.len() == 1 { "it" } else { "them" };
    ui::print_line(&format!("withdrew {what}; the store still has {them} (`erase` deletes {them})"));
    Ok(Outcome::Done)
}
