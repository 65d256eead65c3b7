//! The subcommands of `checker incident`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::{AuthorArguments, ConfigArgument, EraseArguments, FormatArguments, PostListArguments, TextArguments};

/// The states of an incident that an update can set.
const STATES: [&str; 4] = ["investigating", "identified", "monitoring", "resolved"];

#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Open an incident
    Open(OpenArguments),
    /// Post an update of an open incident, or reopen a resolved one with --state
    Update(UpdateArguments),
    /// Resolve an incident
    Resolve(ResolveArguments),
    /// Post an analysis of a resolved incident
    Postmortem(PostmortemArguments),
    /// Replace the text or other parts of a post
    Edit(EditArguments),
    /// Hide a post, or a whole incident, from readers. The store keeps it
    Withdraw(WithdrawArguments),
    /// Delete a post, or a whole incident, from the store, for example one with a secret
    Erase(EraseArguments),
    /// List open incidents
    List(PostListArguments),
    /// Show an incident with all its updates
    Show(IncidentShowArguments),
}

/// The details that posts about an incident can set.
#[derive(Debug, Args)]
pub struct DetailArguments {
    /// Endpoint, group, prefix with `*`, or `*` for all, with its impact: `none`, `degraded` or `down` (repeatable)
    #[arg(long, value_name = "TITLE=IMPACT")]
    pub affects: Vec<String>,
    /// Time at which the incident began, for example 13:50 or "2026-12-06 02:00"
    #[arg(long, value_name = "TIME")]
    pub began: Option<String>,
    /// Time of the post, if it is not now. The page marks it as posted later
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

#[derive(Debug, Args)]
pub struct OpenArguments {
    /// Title of the incident: a short summary for readers of the page
    #[arg(value_name = "TITLE")]
    pub title: Option<String>,
    #[command(flatten)]
    pub text: TextArguments,
    #[command(flatten)]
    pub details: DetailArguments,
    /// First state of the incident (default: investigating)
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(STATES))]
    pub state: Option<String>,
    /// Time at which the incident ended, with --state resolved (default: the time of the post)
    #[arg(long, value_name = "TIME")]
    pub ended: Option<String>,
    /// Fill in title, text, endpoint and start time from the current outage of this endpoint
    #[arg(long, value_name = "ENDPOINT")]
    pub from_outage: Option<String>,
    /// Fill in title, text and endpoints from this entry in `templates`
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Args)]
pub struct UpdateArguments {
    /// ID of the incident, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub text: TextArguments,
    #[command(flatten)]
    pub details: DetailArguments,
    /// New state of the incident
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(STATES))]
    pub state: Option<String>,
    /// New title of the incident
    #[arg(long, value_name = "TITLE")]
    pub title: Option<String>,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Args)]
pub struct ResolveArguments {
    /// ID of the incident, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub text: TextArguments,
    /// Time at which the incident ended, for example 14:25 (default: the time of the post)
    #[arg(long, value_name = "TIME")]
    pub ended: Option<String>,
    /// Time of the post, if it is not now
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Args)]
pub struct PostmortemArguments {
    /// ID of the incident, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub text: TextArguments,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Args)]
pub struct EditArguments {
    /// ID of the post, at least its last 6 digits, or `latest`; the ID of an incident means its first post
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub text: TextArguments,
    #[command(flatten)]
    pub details: DetailArguments,
    /// New title of the incident
    #[arg(long, value_name = "TITLE")]
    pub title: Option<String>,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Args)]
pub struct WithdrawArguments {
    /// ID of the post, at least its last 6 digits, or `latest`; the ID of an incident withdraws all of it
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Args)]
pub struct IncidentShowArguments {
    /// ID of the incident, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub config: ConfigArgument,
    #[command(flatten)]
    pub format: FormatArguments,
}
