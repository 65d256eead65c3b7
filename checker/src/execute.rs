//! Runs what was typed: parse, run the command, tell what went wrong, choose the exit status. All of the checker is reached
//! from here, so that it is compiled with this crate and not with the program around it, which waits for the page.

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};

use crate::cli::{Cli, Command, HistoryCommand};
use crate::command::{self, Outcome};
use crate::config::schema::schema;
use crate::open_files;
use crate::page_files::Embedded;

/// How long what a command has left behind may take to end in its own way.
const GRACE: Duration = Duration::from_secs(1);

/// Runs what was typed; `page` is the page that is inside the program.
#[must_use]
pub fn execute(page: Embedded) -> ExitCode {
    let cli = Cli::parse();
    match run(&cli.command, page) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            command::tell_error(error.as_ref());
            Outcome::Failed.into()
        }
    }
}

fn run(command: &Command, page: Embedded) -> anyhow::Result<Outcome> {
    match command {
        Command::Run(arguments) => complete(one_thread()?, command::run::run(arguments)),
        Command::Serve(arguments) => complete(runtime()?, command::serve::serve(arguments, page)),
        Command::Provision(arguments) => complete(runtime()?, command::provision::provision(arguments)),
        Command::Deprovision(arguments) => complete(runtime()?, command::deprovision::deprovision(arguments)),
        Command::Doctor(arguments) => complete(runtime()?, command::doctor::doctor(arguments)),
        Command::Status(arguments) => complete(runtime()?, command::status::status(arguments)),
        Command::History(HistoryCommand::Rebuild(arguments)) => {
            complete(runtime()?, command::history::rebuild_history(arguments))
        }
        Command::Explain(arguments) => complete(runtime()?, command::explain::explain(arguments)),
        Command::Beat(arguments) => complete(runtime()?, command::beat::beat(arguments)),
        Command::Init(arguments) => Ok(command::init::init(arguments)?),
        Command::Validate(argument) => command::validate::validate(argument),
        Command::Schema => {
            command::output(&format!("{:#}\n", schema()))?;
            Ok(Outcome::Done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "checker", &mut script);
            command::output(&String::from_utf8(script)?)?;
            Ok(Outcome::Done)
        }
    }
}

/// Runs a command to its end. What it has left behind then, a name that hangs or a disk, is nothing to wait for.
fn complete(
    runtime: tokio::runtime::Runtime,
    command: impl Future<Output = anyhow::Result<Outcome>>,
) -> anyhow::Result<Outcome> {
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(GRACE);
    outcome
}

/// For checks: each is a few steps between long waits, and handing it from thread to thread would cost more than that.
fn one_thread() -> std::io::Result<tokio::runtime::Runtime> {
    open_files::raise_limit();
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    open_files::raise_limit();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
