//! The `checker` program: parses the command line, runs the command and prints its error.

// The AWS SDK's futures are too deeply nested for the default limit.
#![recursion_limit = "256"]

use std::process::ExitCode;
use std::time::Duration;

use checker::cli::{self, Command, HistoryCommand};
use checker::commands::{self, Outcome};
use checker::platform::{clock, fd_limit};
use checker::ui;
use tokio::runtime::{Builder, Runtime};

/// Faster than the default allocator for checks, which create many small objects.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long blocking work, such as a lookup or a write, can continue after the command has ended.
const BLOCKING_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = cli::parse();
    ui::configure(cli.global.verbosity(), cli.global.color_choice());
    let outcome = execute(&cli.command).unwrap_or_else(|error| {
        ui::error(error.as_ref());
        Outcome::Failed
    });
    outcome.into()
}

fn execute(command: &Command) -> anyhow::Result<Outcome> {
    let needs_clock = !matches!(
        command,
        Command::Init(_) | Command::Validate(_) | Command::Schema | Command::Completions { .. } | Command::Man(_)
    );
    if needs_clock {
        clock::verify(clock::now())?;
    }
    match command {
        Command::Demo(arguments) => complete(multi_threaded()?, commands::demo::demo(arguments)),
        Command::Run(arguments) => complete(single_threaded()?, commands::run::run(arguments)),
        Command::Serve(arguments) => complete(multi_threaded()?, commands::serve::serve(arguments)),
        Command::Status(arguments) => complete(multi_threaded()?, commands::status::status(arguments)),
        Command::Maintenance(command) => complete(multi_threaded()?, commands::maintenance::maintenance(command)),
        Command::Notify(command) => complete(multi_threaded()?, commands::notify::notify(command)),
        Command::Incident(command) => complete(multi_threaded()?, commands::incident::incident(command)),
        Command::Silence(arguments) => complete(multi_threaded()?, commands::silence::silence(arguments)),
        Command::Message(command) => complete(multi_threaded()?, commands::message::message(command)),
        Command::Post(command) => complete(multi_threaded()?, commands::post::post(command)),
        Command::History(HistoryCommand::Rebuild(arguments)) => {
            complete(multi_threaded()?, commands::history::rebuild_history(arguments))
        }
        Command::Expire(arguments) => complete(multi_threaded()?, commands::expire::expire(arguments)),
        Command::Explain(arguments) => complete(multi_threaded()?, commands::explain::explain(arguments)),
        Command::Export(arguments) => complete(multi_threaded()?, commands::export::export(arguments)),
        Command::Beat(arguments) => complete(multi_threaded()?, commands::beat::beat(arguments)),
        Command::Init(arguments) => Ok(commands::init::init(arguments)?),
        Command::Provision(arguments) => complete(multi_threaded()?, commands::provision::provision(arguments)),
        Command::Deprovision(arguments) => complete(multi_threaded()?, commands::deprovision::deprovision(arguments)),
        Command::Doctor(arguments) => complete(multi_threaded()?, commands::doctor::doctor(arguments)),
        Command::Validate(arguments) => commands::validate::validate(arguments),
        Command::Schema => commands::schema::schema(),
        Command::Completions { shell } => commands::completions::completions(*shell),
        Command::Man(arguments) => commands::man::man(arguments),
    }
}

/// Runs a command, then waits briefly for blocking work that is still running.
fn complete(runtime: Runtime, command: impl Future<Output = anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(BLOCKING_TIMEOUT);
    outcome
}

/// Creates a runtime for checks. They do little work between long waits, so moving them between threads would cost more
/// than it gains.
fn single_threaded() -> std::io::Result<Runtime> {
    fd_limit::raise_limit();
    Builder::new_current_thread().enable_all().build()
}

fn multi_threaded() -> std::io::Result<Runtime> {
    fd_limit::raise_limit();
    Builder::new_multi_thread().enable_all().build()
}
