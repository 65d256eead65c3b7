//! The arguments that commands for posts share, and the subcommands of `checker silence`, `message` and `post`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::Nanos;
use shared::object_name::NodeName;

use super::{ConfigArgument, FormatArguments};
use crate::posts::time::LONGEST_NOTICE;

/// The configuration and the author of a post.
#[derive(Debug, Args)]
pub struct AuthorArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Name of the author (default: `author` in the configuration, otherwise the node's name)
    #[arg(long, value_name = "NAME", value_parser = author)]
    pub author: Option<NodeName>,
}

/// The text of a post.
#[derive(Debug, Args)]
pub struct TextArguments {
    /// Text as HTML, for example "We're <b>on it</b>." (default: opens $VISUAL or $EDITOR on a terminal)
    #[arg(long, value_name = "HTML")]
    pub text: Option<String>,
    /// File with the text; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PostListArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Also list those that have ended
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub format: FormatArguments,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SilenceArguments {
    #[command(subcommand)]
    pub command: Option<SilenceCommand>,
    /// Title of an endpoint or group, a prefix with `*`, or `*` for all endpoints (repeatable)
    #[arg(value_name = "TITLE", required = true)]
    pub titles: Vec<String>,
    /// How long the silence lasts, for example 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = silence_length, required = true)]
    pub length: Option<Nanos>,
    /// Reason for the silence, as HTML
    #[arg(long, value_name = "HTML", default_value = "")]
    pub why: String,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Subcommand)]
pub enum SilenceCommand {
    /// List the silences that apply now
    List(PostListArguments),
    /// End a silence before its time
    End(SilenceEndArguments),
}

#[derive(Debug, Args)]
pub struct SilenceEndArguments {
    /// ID of the silence, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Subcommand)]
pub enum MessageCommand {
    /// List the messages on the page
    List(PostListArguments),
    /// Remove a message from the page
    End(MessageEndArguments),
}

#[derive(Debug, Args)]
pub struct MessageEndArguments {
    /// ID of the message, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID", default_value = "latest")]
    pub id: String,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Subcommand)]
pub enum PostCommand {
    /// Rebuild the digest of the author's posts from the store
    Tidy(AuthorArguments),
    /// Delete a post of any kind from the store, for example one with a secret
    Erase(EraseArguments),
}

#[derive(Debug, Args)]
pub struct EraseArguments {
    /// ID of the post, at least its last 6 digits, or `latest`; the ID of an incident, maintenance, silence or message erases all
    /// of the author's posts about it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Delete without asking for confirmation
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub author: AuthorArguments,
}

fn silence_length(text: &str) -> Result<Nanos, String> {
    let nanos = shared::duration::parse(text).map_err(|error| error.to_string())?;
    if (1..=LONGEST_NOTICE).contains(&nanos) {
        Ok(nanos)
    } else {
        Err(format!("invalid length `{text}`: expected more than `0` and at most `366d`"))
    }
}

pub(super) fn author(text: &str) -> Result<NodeName, String> {
    let invalid =
        |_| format!("invalid author name `{text}`: use 1–32 lowercase letters, digits and hyphens, for example `anna`");
    NodeName::new(text).map_err(invalid)
}
