//! The command line: commands, flags and their help.

mod global;
mod help;
mod incident;
mod listen;
mod maintenance;
mod notify;
mod posts;
mod provision;
mod start;

use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use shared::Nanos;
use shared::object_name::{HeartbeatName, NodeName};
use shared::status::Status;

pub use self::global::{ColorMode, FindingsFormat, Format, FormatArguments, GlobalArguments, StatusFormat};
pub use self::help::{command, parse};
pub use self::incident::{
    EditArguments, IncidentCommand, IncidentShowArguments, OpenArguments, PostmortemArguments, ResolveArguments,
    UpdateArguments, WithdrawArguments,
};
pub use self::listen::parse_listen;
pub use self::maintenance::{
    MaintenanceCancelArguments, MaintenanceChangeArguments, MaintenanceCommand, MaintenanceExtendArguments,
    MaintenanceRenewArguments, MaintenanceShowArguments, PlanArguments,
};
pub use self::notify::{NotifyCommand, NotifyReplayArguments, NotifyTestArguments, NotifyViewArguments};
pub use self::posts::{
    AuthorArguments, EraseArguments, MessageCommand, MessageEndArguments, PostCommand, PostListArguments,
    SilenceArguments, SilenceCommand, SilenceEndArguments, TextArguments,
};
pub use self::provision::{BucketArguments, DeprovisionArguments, ProvisionArguments};
pub use self::start::{DemoArguments, InitArguments, ListenArgument, ManArguments, ServeArguments};
use crate::monitor::schedule::{InvalidShard, Shard};
use crate::ui::log::LogFormat;

/// The environment variable with the address of `checker serve`. Configurations can also refer to it.
pub const LISTEN_VARIABLE: &str = "CHECKUP_LISTEN";

/// Checks endpoints, stores the results in S3 or a directory, and serves the status page.
#[derive(Debug, Parser)]
#[command(name = "checker", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArguments,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve an example of a status page with generated data
    ///
    /// The page shows 90 days of eight services, checked from three locations. The data is generated in a temporary
    /// directory, which is removed when the command ends. No service is checked.
    Demo(DemoArguments),
    /// Check all endpoints, print the results and store them
    ///
    /// Runs once, or repeatedly with --every.
    ///
    /// Exit status: 0 if the results were stored, whatever they are; 1 if an endpoint is at least as bad as
    /// --fail-on; 2 if the checker itself failed.
    Run(RunArguments),
    /// Check endpoints continuously and serve the status page
    Serve(ServeArguments),
    /// Show current status, uptime and nodes from stored results
    ///
    /// Exit status: 0 if the status was shown; 1 if an endpoint is at least as bad as --fail-on; 2 if the checker
    /// itself failed, for example because the store could not be read.
    Status(StatusArguments),
    /// Test channels, and show which messages were or would be sent
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Post incidents and updates for readers of the page
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Plan, change and show maintenance windows
    #[command(subcommand)]
    Maintenance(MaintenanceCommand),
    /// Hold back notifications about endpoints for a while
    Silence(SilenceArguments),
    /// List and end messages that `run --message` posted
    #[command(subcommand)]
    Message(MessageCommand),
    /// Maintain the posts of an author
    #[command(subcommand)]
    Post(PostCommand),
    /// Manage this node's stored history
    #[command(subcommand)]
    History(HistoryCommand),
    /// Write feeds, the calendar, the Statuspage API, summaries and badges as static files
    ///
    /// Run it regularly on the machine that serves the page, for example from cron. It writes only files that changed.
    Export(ExportArguments),
    /// Delete this node's check files that are older than `check_expiry`
    ///
    /// `run` and `serve` delete them automatically, unless their age cannot be verified, for example after a long pause
    /// or with a wrong clock. This command shows them and asks before deleting anything.
    Expire(ExpireArguments),
    /// Check one endpoint now and show every detail
    ///
    /// Shows addresses, phases, certificates, headers, body and assertions. Nothing is stored. Exit status: 0 if the
    /// endpoint is not down; 1 if it is down; 2 if it could not be checked.
    // In errors, clap would show every option on the command line as required.
    #[command(override_usage = "checker explain [OPTIONS] <ENDPOINT>")]
    Explain(ExplainArguments),
    /// Send a heartbeat for a job
    ///
    /// A check of type `heartbeat` reports when the job is late or has failed. Exit status: 0 if the heartbeat was
    /// stored; 2 if it could not be stored.
    #[command(override_usage = "checker beat [OPTIONS] <JOB>")]
    Beat(BeatArguments),
    /// Write a commented configuration, with a check for each URL
    Init(InitArguments),
    /// Prepare a bucket for a status page
    ///
    /// Sets up the bucket's CORS rules, a reader for the page and a writer for each node. Requires an administrator's credentials, from --profile, the configuration or the environment. Shows a plan
    /// and asks before changing anything. You can run it again at any time; it does only what is missing.
    Provision(ProvisionArguments),
    /// Remove what `provision` created
    ///
    /// The data is kept, unless --delete-data is given.
    Deprovision(DeprovisionArguments),
    /// Test the setup from both the checker's side and the page's, and suggest fixes
    ///
    /// Exit status: 0 if everything works; 1 if there are warnings; 2 if there are failures.
    Doctor(DoctorArguments),
    /// Check a configuration and print every problem with line and column
    ///
    /// Exit status: 0 if it is valid, even with warnings; 1 if it has errors; 2 if it could not be read.
    Validate(ConfigArgument),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print shell completions
    Completions {
        /// Shell to generate completions for
        shell: Shell,
    },
    /// Print the manual page, or write a page for each command
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub struct ConfigArgument {
    /// Path to the configuration file
    #[arg(short, long, default_value = "checker.json", value_name = "FILE")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Repeat at this interval, for example 10m. SIGTERM and Ctrl-C finish the current checks first; a second signal
    /// exits immediately
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    pub every: Option<Nanos>,
    /// Format of log lines, which go to standard error. RUST_LOG sets their level, for example warn (default: info)
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT", requires = "every")]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub format: FormatArguments,
    /// Exit with 1 if an endpoint is at least this bad: `degraded` or `down`
    #[arg(long, value_name = "STATUS", value_parser = fail_on)]
    pub fail_on: Option<Status>,
    /// Print the results without storing them
    #[arg(long)]
    pub no_store: bool,
    /// Do not notify channels of this node's results. Other nodes still notify them
    #[arg(long)]
    pub no_notify: bool,
    /// Post a message with the results, for example "We're <b>on it</b>."
    #[arg(long, value_name = "HTML")]
    pub message: Option<String>,
    /// Title of an endpoint that the message is about (repeatable; default: all endpoints)
    #[arg(long, alias = "about", value_name = "TITLE", requires = "message")]
    pub endpoint: Vec<String>,
    /// Time at which the message ends, for example 18:00 or "2026-12-06 02:00" (default: after 24 hours)
    #[arg(long, value_name = "TIME", requires = "message")]
    pub until: Option<String>,
    /// Check only this part of the endpoints, for example 2/5; other machines check the other parts
    #[arg(long, value_name = "PART/COUNT", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Name of this node, overriding the configuration
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Time range to report, for example 24h, 90d or 1y (default: the page's range)
    #[arg(long, value_name = "DURATION", value_parser = range)]
    pub range: Option<Nanos>,
    /// Format of the report on standard output
    #[arg(long, value_enum, default_value_t = StatusFormat::Table)]
    format: StatusFormat,
    /// Print JSON, like --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Show the table again whenever the status may have changed, until Ctrl-C
    #[arg(long, short, conflicts_with_all = ["format", "json", "fail_on"])]
    pub watch: bool,
    /// Add response times and one entry per hour or day to the JSON output. For ranges of up to 3 days, this reads
    /// every check file
    #[arg(long, alias = "details")]
    pub full: bool,
    /// Exit with 1 if an endpoint is at least this bad: `degraded` or `down`
    #[arg(long, value_name = "STATUS", value_parser = fail_on)]
    pub fail_on: Option<Status>,
}

impl StatusArguments {
    #[must_use]
    pub fn format(&self) -> StatusFormat {
        if self.json { StatusFormat::Json } else { self.format }
    }
}

#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// Rebuild the history from the stored check files; older entries are kept
    Rebuild(RebuildArguments),
}

#[derive(Debug, Args)]
pub struct RebuildArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Name of this node, overriding the configuration
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
    /// Rebuild the history of check files without a node name, as written by the original Checkup
    #[arg(long, alias = "nameless", conflicts_with = "node")]
    pub unnamed_node: bool,
}

#[derive(Debug, Args)]
pub struct ExportArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Folder to write to, for example the page's folder, whose config.json then links the feeds
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// Name of this node, overriding the configuration
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
}

#[derive(Debug, Args)]
pub struct ExpireArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Name of this node, overriding the configuration
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
    /// Show what would be deleted and exit
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the prompt
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// Title of the endpoint, in any case, or the beginning of it
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    #[command(flatten)]
    pub config: ConfigArgument,
}

#[derive(Debug, Args)]
pub struct BeatArguments {
    /// Name of the job: lowercase letters, digits and hyphens
    #[arg(value_name = "JOB")]
    pub job: HeartbeatName,
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Report that the job failed, with a reason to show on the page
    #[arg(long, value_name = "TEXT")]
    pub failed: Option<String>,
    /// Exit status of the job, for example $?; anything but 0 is a failure
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub exit_status: Option<i32>,
}

#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// The checker's configuration; tests its store with the keys in it (no default if --page is set)
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value_if("page", ArgPredicate::IsPresent, None),
        default_value = "checker.json"
    )]
    pub config: Option<PathBuf>,
    /// The page's config.json; tests its store as a browser would
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// Origin of the page, for example `https://status.example.com` (repeatable)
    #[arg(long, value_name = "URL")]
    pub origin: Vec<String>,
    /// Format of the findings on standard output
    #[arg(long, value_enum, default_value_t = FindingsFormat::Text)]
    format: FindingsFormat,
    /// Print JSON, like --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl DoctorArguments {
    #[must_use]
    pub fn format(&self) -> FindingsFormat {
        if self.json { FindingsFormat::Json } else { self.format }
    }
}

/// The length of a year in `--range`, as on the page.
const YEAR: Nanos = 365 * shared::DAY;

/// The shortest interval that `--every` accepts.
const SHORTEST_INTERVAL: Nanos = shared::SECOND;

fn interval(text: &str) -> Result<Nanos, String> {
    let nanos = shared::duration::parse(text).map_err(|error| error.to_string())?;
    if nanos < SHORTEST_INTERVAL {
        return Err(format!("invalid interval `{text}`: expected `1s` or more"));
    }
    Ok(nanos)
}

fn age(text: &str) -> Result<Nanos, String> {
    shared::duration::parse(text).map_err(|error| error.to_string())
}

fn range(text: &str) -> Result<Nanos, String> {
    let years = text.strip_suffix('y').and_then(|years| years.parse::<u8>().ok());
    let nanos = match years {
        Some(years) => i64::from(years) * YEAR,
        None => shared::duration::parse(text).map_err(|error| error.to_string())?,
    };
    if (shared::HOUR..=36_500 * shared::DAY).contains(&nanos) {
        Ok(nanos)
    } else {
        Err(format!("invalid range `{text}`: expected `1h` or more"))
    }
}

fn shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(|error: InvalidShard| error.to_string())
}

fn fail_on(text: &str) -> Result<Status, String> {
    match text.parse() {
        Ok(status @ (Status::Degraded | Status::Down)) => Ok(status),
        _ => Err(format!("invalid status `{text}`: expected `degraded` or `down`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn endpoints_require_a_message() {
        let parsed = Cli::try_parse_from(["checker", "run", "--message", "x", "--endpoint", "A", "--endpoint", "B"]);
        assert!(parsed.is_ok());
        assert!(Cli::try_parse_from(["checker", "run", "--endpoint", "A"]).is_err());
    }

    /// Splits an example's command line into words.
    fn words(line: &str) -> Vec<String> {
        let with_values = line.replace("$((JOB_COMPLETION_INDEX + 1))", "2");
        let with_values = with_values.replace("${CHECKUP_CONFIG:-/etc/checkup/checker.json}", "checker.json");
        let with_values =
            with_values.replace("${CHECKUP_SHARD:-1/1}", "1/1").replace("${CHECKUP_NODE:-lambda}", "lambda");
        with_values.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect()
    }

    #[test]
    fn the_command_lines_in_the_examples_are_valid() {
        let mut lines = Vec::new();
        for text in [
            include_str!("../../deploy/checkup.service"),
            include_str!("../../deploy/checkup-serve.service"),
            include_str!("../../deploy/kubernetes/cronjob.yaml"),
            include_str!("../../deploy/lambda/bootstrap"),
        ] {
            let joined =
                text.replace("\\\n", " ").replace("checker.json\n                  --shard", "checker.json --shard");
            let joined: Vec<&str> = joined.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
            let found = joined.iter().filter_map(|line| {
                let start = line.find("checker run ").or_else(|| line.find("checker serve "))?;
                line[start..].split(" 2>&1").next().map(str::to_owned)
            });
            lines.extend(found.map(|line| words(&line)));
        }
        assert_eq!(lines.len(), 4, "{lines:?}");
        for line in lines {
            let parsed = Cli::try_parse_from(&line);
            assert!(parsed.is_ok(), "{line:?}: {parsed:?}");
        }
    }

    #[test]
    fn former_flags_still_work() {
        for (current, former) in [
            ("run --message x --endpoint A", "run --message x --about A"),
            ("status --full", "status --details"),
            ("history rebuild --unnamed-node", "history rebuild --nameless"),
            ("provision --expire-legacy", "provision --expire-originals"),
        ] {
            let [current, former] = [current, former].map(|line| {
                let words = std::iter::once("checker").chain(line.split(' '));
                Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"))
            });
            assert_eq!(format!("{current:?}"), format!("{former:?}"));
        }
    }

    #[test]
    fn former_flags_are_hidden() {
        let mut command = Cli::command();
        command.build();
        for name in ["run", "status", "provision"] {
            let help = command.find_subcommand_mut(name).expect(name).render_long_help().to_string();
            for former in ["--about", "--details", "--expire-originals"] {
                assert!(!help.contains(former), "{help}");
            }
        }
    }

    #[test]
    fn fail_on_accepts_only_bad_statuses() {
        assert!(Cli::try_parse_from(["checker", "run", "--fail-on", "down"]).is_ok());
        assert!(Cli::try_parse_from(["checker", "run", "--fail-on", "healthy"]).is_err());
    }
}
