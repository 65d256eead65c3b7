//! `checker post erase` and `checker incident erase`: delete a post, or everything that the author posted about an
//! incident, maintenance, a silence or a message.

use std::collections::BTreeSet;

use shared::announced::Announced;
use shared::object_name::{NodeName, PostName};
use shared::post::{Post, PostKind};

use super::Outcome;
use super::posting::Posting;
use crate::cli::EraseArguments;
use crate::counted;
use crate::posts::copies::{MessageCopy, find_copy};
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
    let erasure = Erasure::select(&posts, &posting.author, (&arguments.id, kind), &posting.board.editors, posting.now)?;
    let Erasure { kind, own, others, .. } = &erasure;
    let names: Vec<PostName> = own.iter().map(|post| PostName { id: post.id.clone(), kind: post.kind() }).collect();
    let (what, count) = (erasure.describe(), counted(names.len(), "post"));
    let question = format!("This permanently deletes {what}: {count} of `{}`. Type `yes`:", posting.author);
    if !Confirmation::from_yes_flag(arguments.yes).confirm(&question) {
        return Err(EraseError::NotConfirmed.into());
    }
    let announced = Announced::new(&posting.announcements(), posting.now);
    let is_summarized = own.iter().any(|post| announced.contains(&post.subject));
    let mut copies = Vec::new();
    for post in own {
        match find_copy(&posting.store, post).await {
            Ok(copy) => copies.extend(copy),
            Err(error) => ui::warn(&format!("cannot find out whether check files contain the message: {error}")),
        }
    }
    let tidied = publish::erase(&*posting.store, &posting.board, &posting.author, &names, posting.now).await?;
    for problem in tidied.problems.iter().filter(|problem| !problems.contains(problem)) {
        ui::warn(problem);
    }
    ui::print_line(&format!("erased {}", counted(names.len(), "post")));
    for copy in &copies {
        ui::note(&describe(copy));
    }
    if is_summarized {
        ui::note(
            "each node's summaries still contain the post, and its feeds the text, until the first round five minutes after they were last written",
        );
    }
    let authors: BTreeSet<&NodeName> = others.iter().map(|post| &post.id.author).collect();
    for author in authors {
        let kind = kind.as_str();
        ui::note(&format!("posts of `{author}` about this {kind} remain: erase them with `--author {author}`"));
    }
    Ok(Outcome::Done)
}

/// Describes a remaining copy of a message, and what removes it.
fn describe(copy: &MessageCopy) -> String {
    let MessageCopy { file, is_hidden } = copy;
    let shown = if *is_hidden { "but readers do not show it" } else { "and the page shows it for 24 hours" };
    format!(
        "the check file `{file}` still contains the text, {shown}: delete this object to remove the text, or wait until it expires"
    )
}
