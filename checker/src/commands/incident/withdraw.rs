//! `checker incident withdraw`: withdraws a post, or a whole incident.

use shared::post::Edit;

use super::{check_changeable, details, find_post};
use crate::cli::WithdrawArguments;
use crate::commands::Outcome;
use crate::commands::posting::Posting;
use crate::posts::publish::Draft;
use crate::ui;

pub(super) async fn withdraw(arguments: &WithdrawArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let versions = find_post(&posting, &arguments.id)?;
    check_changeable(versions, &posting)?;
    let original = versions.original;
    let edit = Some(Edit::Withdraws(original.id.clone()));
    posting.publish(Draft { edit, ..Draft::about(original.subject.clone(), details(None, None, None)) }).await?;
    let what = if original.is_first() { "incident" } else { "post" };
    ui::print_line(&format!("withdrew the {what} `{}`; the store still has it (`erase` deletes it)", original.id));
    Ok(Outcome::Done)
}
