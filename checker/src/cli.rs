//! What can be typed: commands, flags and their explanations.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use shared::Nanos;
use shared::object_name::{HeartbeatName, NodeName};
use shared::status::Status;

use crate::monitor::schedule::{NotAShard, Shard};

/// The environment variable that holds the address of `checker serve`, also within the configuration.
pub const LISTEN_VARIABLE: &str = "CHECKUP_LISTEN";

/// Checks endpoints, stores the results in S3 or a directory, and serves the status page.
#[derive(Debug, Parser)]
#[command(name = "checker", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a round of checks, print it and store it (once, or with --every for ever)
    ///
    /// Exit status: 0 the round was made and stored, whatever the health; 1 an endpoint is at least as bad as
    /// --fail-on says; 2 the checker could not do its work.
    Run(RunArguments),
    /// Make rounds of checks and serve the status page, all in one process
    Serve(ServeArguments),
    /// Say how everything stands, from what is in the store: verdict, uptime, nodes
    ///
    /// Exit status: 0 it is said; 1 an endpoint is at least as bad as --fail-on says; 2 it could not be found out.
    Status(StatusArguments),
    /// Work on this node's history in the store
    #[command(subcommand)]
    History(HistoryCommand),
    /// Look at one endpoint now and show everything: addresses, phases, certificates, headers, body, assertions
    ///
    /// Nothing is stored. Exit status: 0 it is not down; 1 it is; 2 the checker could not do its work.
    Explain(ExplainArguments),
    /// Report in from a job: the checks of kind `heartbeat` look at when it last did
    ///
    /// Exit status: 0 it is stored; 2 it could not be.
    Beat(BeatArguments),
    /// Write a commented configuration to start with
    Init(InitArguments),
    /// Prepare a bucket for a status page: its rules, a reader for the page, a writer for each node
    ///
    /// It needs an administrator's credentials: the configuration's, --profile's, or those of the environment. What is
    /// done is shown and asked first. It may be run again at any time: it does what is missing and nothing else.
    Provision(ProvisionArguments),
    /// Remove what `provision` made; data stays unless --delete-data
    Deprovision(DeprovisionArguments),
    /// Prove a set-up from the checker's and from the page's side, and say what to mend
    ///
    /// Exit status: 0 all is well; 1 there are warnings; 2 there are failures.
    Doctor(DoctorArguments),
    /// Check a configuration and print every problem of it, with line and column
    Validate(ConfigArgument),
    /// Print the JSON Schema of the configuration, for editors
    Schema,
    /// Print the completions for a shell
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Which configuration.
#[derive(Debug, Args)]
pub struct ConfigArgument {
    /// The configuration file
    #[arg(short, long, default_value = "checker.json", value_name = "FILE")]
    pub config: PathBuf,
}

/// Flags of `checker run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Repeat for ever, such as every 10m; SIGTERM and Ctrl-C finish the round in hand, and twice end it at once
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    pub every: Option<Nanos>,
    /// How to print the round
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Exit with 1 if an endpoint is at least this bad
    #[arg(long, value_name = "STATUS", value_parser = fail_on)]
    pub fail_on: Option<Status>,
    /// Only print the round
    #[arg(long)]
    pub no_store: bool,
    /// Post a message with the round, such as "We're <b>on it</b>."
    #[arg(long, value_name = "HTML")]
    pub message: Option<String>,
    /// The title of an endpoint the message is about (may be repeated; default: all of them)
    #[arg(long, alias = "about", value_name = "TITLE", requires = "message")]
    pub endpoint: Vec<String>,
    /// Watch only this part of the endpoints, such as 2/5; the other parts are watched elsewhere
    #[arg(long, value_name = "PART/COUNT", value_parser = shard)]
    pub shard: Option<Shard>,
    /// The name of this node, instead of the configuration's
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
}

/// Flags of `checker serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = LISTEN_VARIABLE)]
    pub listen: SocketAddr,
    /// Serve the page in this folder instead of the one inside this program
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,
    /// Watch only this part of the endpoints, such as 2/5; the other parts are watched elsewhere
    #[arg(long, value_name = "PART/COUNT", value_parser = shard)]
    pub shard: Option<Shard>,
    /// The name of this node, instead of the configuration's
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
}

/// Flags of `checker status`.
#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgument,
    /// How far back to look, such as 24h, 7d or 90d (default: as far as the page)
    #[arg(long, value_name = "DURATION", value_parser = range)]
    pub range: Option<Nanos>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// With JSON: each hour or day by itself and response times, too; of up to 3 days every check file is read for these
    #[arg(long, alias = "details")]
    pub full: bool,
    /// Exit with 1 if an endpoint is at least this bad
    #[arg(long, value_name = "STATUS", value_parser = fail_on)]
    pub fail_on: Option<Status>,
}

/// What can be done with a history.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// Make it again from the check files in the store; what it knows from before them stays
    Rebuild(RebuildArguments),
}

/// Flags of `checker history rebuild`.
#[derive(Debug, Args)]
pub struct RebuildArguments {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgument,
    /// The name of this node, instead of the configuration's
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
    /// The history of check files that name no node, as the original Checkup wrote them
    #[arg(long, alias = "nameless", conflicts_with = "node")]
    pub unnamed_node: bool,
}

/// What `checker explain` needs to know.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The endpoint's title
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgument,
}

/// What `checker beat` needs to know.
#[derive(Debug, Args)]
pub struct BeatArguments {
    /// The job's name: small letters, digits and hyphens
    #[arg(value_name = "JOB")]
    pub job: HeartbeatName,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Report that the job failed, and why; it is shown on the page
    #[arg(long, value_name = "TEXT")]
    pub failed: Option<String>,
    /// How the job ended, such as $?; anything but 0 is a failure
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub exit_status: Option<i32>,
}

/// Flags of `checker init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The file to write
    #[arg(default_value = "checker.json", value_name = "FILE")]
    pub path: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
    /// Do not say what to do next
    #[arg(long, short)]
    pub quiet: bool,
}

/// Which bucket, for those who set it up.
#[derive(Debug, Args)]
pub struct PlaceArguments {
    /// Take the bucket from this configuration's storage; the flags below have the last word
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The bucket
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,
    /// The bucket's region
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// What every object's name begins with, such as status/
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// The service's URL, if it is not AWS
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// The bucket stands in the URL's path and not in its host
    #[arg(long)]
    pub path_style: bool,
    /// Take the administrator's credentials from this profile of ~/.aws
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

/// Flags of `checker provision`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that people type")]
pub struct ProvisionArguments {
    /// Which bucket.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// An origin of the page, such as `https://status.example.com` (may be repeated; `*` is every origin)
    #[arg(long, value_name = "URL")]
    pub origin: Vec<String>,
    /// A node that gets a writer of its own, such as eu-west (may be repeated)
    #[arg(long, value_name = "NODE")]
    pub writer: Vec<NodeName>,
    /// No keys for the page: let anybody read what is below the prefix
    #[arg(long)]
    pub public: bool,
    /// Let writers remove their check files at this age, such as 30d (default: the configuration's `check_expiry`)
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub check_expiry: Option<Nanos>,
    /// Let writers remove the original Checkup's files, too, which carry no node's name
    #[arg(long, alias = "expire-originals")]
    pub expire_legacy: bool,
    /// Let the bucket itself remove check files at this age, in whole days, such as 90d
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub lifecycle: Option<Nanos>,
    /// Where config.json and checker-NODE.json are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Replace files that are in the way
    #[arg(long)]
    pub force: bool,
    /// Make new keys; the old ones are removed once the new ones work
    #[arg(long)]
    pub rotate: bool,
    /// Print the plan as JSON, with all calls and policies, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Flags of `checker deprovision`.
#[derive(Debug, Args)]
pub struct DeprovisionArguments {
    /// Which bucket.
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Delete all check files, histories, heartbeats and messages, too, and the bucket if nothing else is in it; its name has to
    /// be typed
    #[arg(long)]
    pub delete_data: bool,
    /// Print the plan as JSON and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask; the bucket's name has to be typed all the same
    #[arg(long, short)]
    pub yes: bool,
}

/// Flags of `checker doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// The checker's configuration: its store is tried with its keys
    #[arg(short, long, value_name = "FILE", required_unless_present = "page")]
    pub config: Option<PathBuf>,
    /// The page's config.json: what it names is tried as a browser would
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
    /// An origin of the page, such as `https://status.example.com` (may be repeated)
    #[arg(long, value_name = "URL")]
    pub origin: Vec<String>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = FindingsFormat::Text)]
    pub format: FindingsFormat,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// One line a finding, for people
    Text,
    /// One JSON document, for machines
    Json,
}

/// How a round is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// One line of JSON a round, for machines
    Json,
}

/// Below this, rounds would be made faster than their results could be told apart.
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
    let nanos = shared::duration::parse(text).map_err(|error| error.to_string())?;
    if (shared::HOUR..=36_500 * shared::DAY).contains(&nanos) {
        Ok(nanos)
    } else {
        Err(format!("invalid range `{text}`: expected `1h` or more"))
    }
}

fn shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(|error: NotAShard| error.to_string())
}

fn fail_on(word: &str) -> Result<Status, String> {
    match word.parse() {
        Ok(status @ (Status::Degraded | Status::Down)) => Ok(status),
        _ => Err(format!("invalid status `{word}`: expected `degraded` or `down`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_message_may_be_about_several_endpoints_but_not_about_nothing() {
        let parsed = Cli::try_parse_from(["checker", "run", "--message", "x", "--endpoint", "A", "--endpoint", "B"]);
        assert!(parsed.is_ok());
        assert!(Cli::try_parse_from(["checker", "run", "--endpoint", "A"]).is_err());
    }

    /// What stands on the command lines of the examples: words between quotes stay together.
    fn words(line: &str) -> Vec<String> {
        let with_values = line.replace("$((JOB_COMPLETION_INDEX + 1))", "2");
        let with_values = with_values.replace("${CHECKUP_CONFIG:-/etc/checkup/checker.json}", "checker.json");
        let with_values =
            with_values.replace("${CHECKUP_SHARD:-1/1}", "1/1").replace("${CHECKUP_NODE:-lambda}", "lambda");
        with_values.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect()
    }

    #[test]
    fn the_command_lines_of_the_examples_can_be_typed() {
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
    fn fail_on_takes_only_what_is_bad() {
        assert!(Cli::try_parse_from(["checker", "run", "--fail-on", "down"]).is_ok());
        assert!(Cli::try_parse_from(["checker", "run", "--fail-on", "healthy"]).is_err());
    }
}
