//! What can be typed: commands, flags and their explanations.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use shared::Nanos;
use shared::object_name::NodeName;
use shared::status::Status;

use crate::schedule::Shard;

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
    /// Look at one endpoint now and show everything: addresses, phases, certificates, headers, body, assertions
    ///
    /// Nothing is stored. Exit status: 0 it is not down; 1 it is; 2 the checker could not do its work.
    Explain(ExplainArguments),
    /// Write a commented configuration to start with
    Init(InitArguments),
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
    /// Repeat for ever, such as every 10m; SIGTERM and Ctrl-C finish the round in hand
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
    #[arg(long, value_name = "TITLE", requires = "message")]
    pub about: Vec<String>,
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
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "CHECKUP_LISTEN")]
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

/// Flags of `checker init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The file to write
    #[arg(default_value = "checker.json", value_name = "FILE")]
    pub path: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
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
    let nanos = shared::duration::parse(text).map_err(|error| format!("failed to {error}"))?;
    if nanos < SHORTEST_INTERVAL {
        return Err("a round every second is the most; write `1s` or more".to_owned());
    }
    Ok(nanos)
}

fn shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(|error| format!("failed to {error}"))
}

fn fail_on(word: &str) -> Result<Status, String> {
    match word.parse() {
        Ok(status @ (Status::Degraded | Status::Down)) => Ok(status),
        _ => Err("write `degraded` or `down`".to_owned()),
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
        let parsed = Cli::try_parse_from(["checker", "run", "--message", "x", "--about", "A", "--about", "B"]);
        assert!(parsed.is_ok());
        assert!(Cli::try_parse_from(["checker", "run", "--about", "A"]).is_err());
    }

    #[test]
    fn fail_on_takes_only_what_is_bad() {
        assert!(Cli::try_parse_from(["checker", "run", "--fail-on", "down"]).is_ok());
        assert!(Cli::try_parse_from(["checker", "run", "--fail-on", "healthy"]).is_err());
    }
}
