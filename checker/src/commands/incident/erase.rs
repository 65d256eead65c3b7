//! `checker incident erase`: deletes a post, or a whole incident, from the store.

use std::collections::BTreeSet;

use shared::object_name::{NodeName, PostName};
use shared::post::{Post, PostId};

use super::{IncidentError, find_post};
use crate::cli::EraseArguments;
use crate::commands::Outcome;
use crate::commands::posting::Posting;
use crate::counted;
use crate::posts::publish;
use crate::ui;
use crate::ui::prompt::Confirmation;

pub(super) async fn erase(arguments: &EraseArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let original = find_post(&posting, &arguments.id)?.original;
    if original.id.author != posting.author {
        return Err(IncidentError::ForeignErase { id: original.id.clone() }.into());
    }
    let (own, others): (Vec<&Post>, Vec<&Post>) =
        erased_with(&posting, original).into_iter().partition(|post| post.id.author == posting.author);
    let names: Vec<PostName> = own.iter().map(|post| PostName { id: post.id.clone(), kind: post.kind() }).collect();
    let question =
        format!("This permanently deletes {} of `{}`. Type `yes`:", counted(names.len(), "post"), posting.author);
    if !Confirmation::from_yes_flag(arguments.yes).confirm(&question) {
        return Err(IncidentError::NotConfirmed.into());
    }
    let tidied = publish::erase(&*posting.store, &posting.board, &posting.author, &names, posting.now).await?;
    for problem in &tidied.problems {
        ui::warn(problem);
    }
    ui::print_line(&format!("erased {}", counted(names.len(), "post")));
    let authors: BTreeSet<&NodeName> = others.iter().map(|post| &post.id.author).collect();
    for author in authors {
        ui::note(&format!("posts of `{author}` about this incident remain: erase them with `--author {author}`"));
    }
    Ok(Outcome::Done)
}

/// Returns a post with all its edits. For the first post of an incident, returns all posts about the incident.
fn erased_with<'a>(posting: &'a Posting, original: &'a Post) -> Vec<&'a Post> {
    let edited = |id: &PostId| posting.board.versions(id, posting.now).map(|versions| versions.original.id.clone());
    let is_erased = |post: &&Post| {
        original.is_first() && post.subject == original.id || edited(&post.id).as_ref() == Some(&original.id)
    };
    posting.board.posts().filter(is_erased).collect()
}
