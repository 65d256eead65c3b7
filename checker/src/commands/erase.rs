//! `checker post erase` and `checker incident erase`: delete a post, or everything that the author posted about an
//! incident, maintenance, a silence or a message.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use shared::object_name::{NodeName, PostName};
use shared::post::fold::versions;
use shared::post::{Post, PostId, PostKind};

use super::Outcome;
use super::posting::Posting;
use crate::cli::EraseArguments;
use crate::counted;
use crate::posts::publish::{self, StoredPosts};
use crate::posts::resolve::{ResolveError, Sought, resolve};
use crate::ui;
use crate::ui::prompt::Confirmation;

/// The reason why nothing was erased.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EraseError {
    #[error("the post `{id}` belongs to `{}`: only its author can erase it, with `--author {}`", id.author, id.author)]
    Foreign { id: PostId },
    #[error("canceled: nothing was erased; pass `--yes` to skip the prompt")]
    NotConfirmed,
}

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
    let original = find(&posts, &posting.author, &arguments.id, kind)?;
    if original.id.author != posting.author {
        return Err(EraseError::Foreign { id: original.id.clone() }.into());
    }
    let edits = versions(posts.iter().copied(), &original.id, &posting.board.editors, posting.now);
    let is_erased = |post: &&Post| {
        post.id == original.id || original.is_first() && post.subject == original.id || edits.contains(post)
    };
    let (own, others): (Vec<&Post>, Vec<&Post>) =
        posts.iter().copied().filter(is_erased).partition(|post| post.id.author == posting.author);
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
    let authors: BTreeSet<&NodeName> = others.iter().map(|post| &post.id.author).collect();
    for author in authors {
        let kind = original.kind().as_str();
        ui::note(&format!("posts of `{author}` about this {kind} remain: erase them with `--author {author}`"));
    }
    Ok(Outcome::Done)
}

/// Finds a post that is not an edit. `latest` is the author's newest one.
fn find<'a>(posts: &[&'a Post], author: &NodeName, id: &str, kind: Option<PostKind>) -> Result<&'a Post, ResolveError> {
    let sought = match kind {
        Some(_) => Sought { what: "post", remedy: "list them with `checker incident show ID`" },
        None => Sought {
            what: "post",
            remedy: "list them with `checker KIND list --all`: `incident`, `maintenance`, `silence` or `message`",
        },
    };
    let is_meant = |post: &&&Post| post.edit.is_none() && kind.is_none_or(|kind| post.kind() == kind);
    let mut originals: Vec<&Post> = posts.iter().filter(is_meant).copied().collect();
    originals.sort_unstable_by_key(|post| (post.id.author != *author, Reverse(&post.id)));
    let found = resolve(id, sought, originals.iter().map(|post| &post.id))?;
    let unknown = || ResolveError::Unknown { what: sought.what, text: id.to_owned(), remedy: sought.remedy };
    originals.iter().copied().find(|post| post.id == *found).ok_or_else(unknown)
}
