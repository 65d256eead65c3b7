//! `checker post erase` and `checker incident erase`: delete a post, or everything that the author posted about an
//! incident, maintenance, a silence or a message.

use std::collections::BTreeSet;

use shared::object_name::{NodeName, PostName};
use shared::post::{Post, PostKind};

use super::Outcome;
use super::posting::Posting;
use crate::cli::EraseArguments;
use crate::counted;
use crate::posts::erasure::{EraseError, Erasure};
use crate::posts::publish::{self, StoredPosts};
use crate::ui;
use crate::ui::prompt::Confirmation;

/// Erases posts of the given kind, or of any kind.
pub(super) async fn erase(arguments: &EraseArguments, kind: Option<PostKind>) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let StoredPosts { posts: own, problems } =
        publish::stored_posts(&*posting.store, &posting.board, &posting.author).await?;
    for problem in &problems {
        ui::warn(problem);
    }
    let foreign = posting.board.posts().filter(|post| post.id.author != posting.author);
    let posts: Vec<&Post> = own.iter().chain(foreign).collect();
    let Erasure { kind, own, others } =
        Erasure::select(&posts, &posting.author, (&arguments.id, kind), &posting.board.editors, posting.now)?;
    let names: Vec<PostName> = own.iter().map(|post| PostName { id: post.id.clone(), kind: post.kind() }).collect();
    let question =
        format!("This permanently deletes {} of `{}`. Type `yes`:", counted(names.len(), "post"), posting.author);
    if !Confirmation::from_yes_flag(arguments.yes).confirm(&question) {
        return Err(EraseError::NotConfirmed.into());
    }
    let tidied = publish::erase(&*posting.store, &posting.board, &posting.author, &names, posting.now).await?;
    for problem in tidied.problems.iter().filter(|problem| !problems.contains(problem)) {
        ui::warn(problem);
    }
    ui::print_line(&format!("erased {}", counted(names.len(), "post")));
    if kind == PostKind::Message {
        ui::note(
            "the results that were stored with the message still contain it, so the page shows it for 24 hours, and check files and histories keep it",
        );
    }
    let authors: BTreeSet<&NodeName> = others.iter().map(|post| &post.id.author).collect();
    for author in authors {
        let kind = kind.as_str();
        ui::note(&format!("posts of `{author}` about this {kind} remain: erase them with `--author {author}`"));
    }
    Ok(Outcome::Done)
}
