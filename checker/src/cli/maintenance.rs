//! The subcommands of `checker maintenance`.

use clap::{Args, Subcommand};
use shared::{DAY, Nanos};

use super::{AuthorArguments, ConfigArgument, FormatArguments, PostListArguments};

#[derive(Debug, Subcommand)]
pub enum MaintenanceCommand {
    /// Plan one or several windows, and show the next ones before posting them
    Plan(PlanArguments),
    /// List maintenance with a window in progress or in the future
    List(PostListArguments),
    /// Show a maintenance plan with all its windows
    Show(MaintenanceShowArguments),
    /// Cancel all windows that have not begun, or a single one with --only
    Cancel(MaintenanceCancelArguments),
    /// Begin the next window now, earlier than planned. It keeps its length
    Begin(MaintenanceChangeArguments),
    /// End the window that is in progress
    End(MaintenanceChangeArguments),
    /// Extend the window that is in progress
    Extend(MaintenanceExtendArguments),
    /// Add further windows to recurring plans with less than 60 days left
    ///
    /// Windows are computed 400 days ahead. You can run this command at any time; it does only what is missing.
    Renew(MaintenanceRenewArguments),
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    /// Title of the maintenance, for example "Database upgrade"
    #[arg(value_name = "TITLE")]
    pub title: String,
    #[command(flatten)]
    pub author: AuthorArguments,
    /// Affected endpoint, group, prefix with `*`, or `*` for all, with the expected impact: none, degraded or down
    /// (repeatable)
    #[arg(long, value_name = "TITLE=IMPACT", required = true)]
    pub affects: Vec<String>,
    /// Local date and time of the first window, for example "2026-12-06 02:00"
    #[arg(long, value_name = "TIME")]
    pub start: String,
    /// Time zone of the start, for example Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub zone: String,
    /// Length of each window, for example 90m
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub length: Nanos,
    /// Recurrence rule as in RFC 5545, for example "FREQ=MONTHLY;BYDAY=1SU"
    #[arg(long, value_name = "RRULE")]
    pub repeat: Option<String>,
    /// Local date without a window, for example 2027-01-03 (repeatable)
    #[arg(long, value_name = "DATE", requires = "repeat")]
    pub except: Vec<String>,
    /// Description for the page, as HTML with simple formatting and links
    #[arg(long, value_name = "HTML")]
    pub text: Option<String>,
    /// Show the windows without posting them
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub format: FormatArguments,
}

#[derive(Debug, Args)]
pub struct MaintenanceShowArguments {
    /// ID of the maintenance, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub config: ConfigArgument,
    #[command(flatten)]
    pub format: FormatArguments,
}

#[derive(Debug, Args)]
pub struct MaintenanceChangeArguments {
    /// ID of the maintenance, at least its last 6 digits, or `latest`
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub author: AuthorArguments,
}

#[derive(Debug, Args)]
pub struct MaintenanceCancelArguments {
    #[command(flatten)]
    pub change: MaintenanceChangeArguments,
    /// Cancel only the window on this local date, for example 2026-12-06, or "2026-12-06 02:00" if there are several
    #[arg(long, value_name = "DATE")]
    pub only: Option<String>,
}

#[derive(Debug, Args)]
pub struct MaintenanceExtendArguments {
    #[command(flatten)]
    pub change: MaintenanceChangeArguments,
    /// Time to add, for example 1h
    #[arg(long = "for", value_name = "DURATION", value_parser = length)]
    pub by: Nanos,
}

#[derive(Debug, Args)]
pub struct MaintenanceRenewArguments {
    /// ID of the maintenance, at least its last 6 digits, or `latest` (default: all recurring plans)
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    #[command(flatten)]
    pub author: AuthorArguments,
}

/// The maximum length of a window.
const LONGEST_WINDOW: Nanos = 366 * DAY;

fn length(text: &str) -> Result<Nanos, String> {
    let nanos = shared::duration::parse(text).map_err(|error| error.to_string())?;
    if nanos <= LONGEST_WINDOW { Ok(nanos) } else { Err(format!("invalid length `{text}`: expected at most `366d`")) }
}
