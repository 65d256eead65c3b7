//! The program: parse what was typed, run the command, tell what went wrong, choose the exit status.

// The layout of one future of ours holds many of the SDK, one in the other.
#![recursion_limit = "256"]

use std::process::ExitCode;
use std::time::Duration;

use checker::cli::{Cli, Command, HistoryCommand};
use checker::commands::{self, Outcome};
use checker::config::json_schema::schema;
use checker::platform::fd_limit;
use clap::{CommandFactory as _, Parser as _};

/// Checks are many small pieces of memory, which come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long what a command has left behind may take to end in its own way.
const GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli.command) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            commands::tell_error(error.as_ref());
            Outcome::Failed.into()
        }
    }
}

fn execute(command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Run(arguments) => complete(one_thread()?, commands::run::run(arguments)),
        Command::Serve(arguments) => complete(runtime()?, commands::serve::serve(arguments)),
        Command::Provision(arguments) => complete(runtime()?, commands::provision::provision(arguments)),
        Command::Deprovision(arguments) => complete(runtime()?, commands::deprovision::deprovision(arguments)),
        Command::Doctor(arguments) => complete(runtime()?, commands::doctor::doctor(arguments)),
        Command::Status(arguments) => complete(runtime()?, commands::status::status(arguments)),
        Command::History(HistoryCommand::Rebuild(arguments)) => {
            complete(runtime()?, commands::history::rebuild_history(arguments))
        }
        Command::Explain(arguments) => complete(runtime()?, commands::explain::explain(arguments)),
        Command::Beat(arguments) => complete(runtime()?, commands::beat::beat(arguments)),
        Command::Init(arguments) => Ok(commands::init::init(arguments)?),
        Command::Validate(argument) => commands::validate::validate(argument),
        Command::Schema => {
            commands::output(&format!("{:#}\n", schema()))?;
            Ok(Outcome::Done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "checker", &mut script);
            commands::output(&String::from_utf8(script)?)?;
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
    fd_limit::raise_limit();
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    fd_limit::raise_limit();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
