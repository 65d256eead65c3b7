//! `checker post tidy`: reads all posts of an author and writes their digest again.

use super::Outcome;
use super::posting::Posting;
use crate::cli::PostCommand;
use crate::counted;
use crate::posts::publish;
use crate::ui;

pub async fn post(command: &PostCommand) -> anyhow::Result<Outcome> {
    let PostCommand::Tidy(arguments) = command;
    let posting = Posting::open(arguments).await?;
    let tidied = publish::tidy(&*posting.store, &posting.board, &posting.author, posting.now).await?;
    for problem in &tidied.problems {
        ui::warn(problem);
    }
    for id in &tidied.added {
        ui::print_line(&format!("added the post `{id}`, which readers did not see"));
    }
    for id in &tidied.removed {
        ui::print_line(&format!("removed the post `{id}`"));
    }
    let count = counted(tidied.digest.posts.len(), "post");
    ui::print_line(&format!("the digest of `{}` contains {count}", posting.author));
    Ok(Outcome::Done)
}
