//! `checker post`: rebuilds the digest of an author's posts, and erases posts.

use super::Outcome;
use super::erase::erase;
use super::posting::Posting;
use crate::cli::{AuthorArguments, PostCommand};
use crate::counted;
use crate::posts::publish;
use crate::ui;

pub async fn post(command: &PostCommand) -> anyhow::Result<Outcome> {
    match command {
        PostCommand::Tidy(arguments) => tidy(arguments).await,
        PostCommand::Erase(arguments) => erase(arguments, None).await,
    }
}

async fn tidy(arguments: &AuthorArguments) -> anyhow::Result<Outcome> {
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
