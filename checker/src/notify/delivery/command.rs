//! Runs commands that receive a message on standard input. Each command runs in a separate process group, which is
//! killed at the time limit. Output is discarded, because it could contain a secret.

use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::Attempt;
use crate::notify::channels::apprise::{Apprise, URLS_VARIABLE};
use crate::notify::channels::exec::ExecChannel;
use crate::notify::message::Message;

/// Runs the command of an `exec` channel.
pub(super) async fn run_channel(channel: &ExecChannel, message: &Message) -> Attempt {
    let mut command = Command::new(&channel.command);
    command.args(&channel.arguments);
    match run(command, channel.input(message)).await {
        Ok(exit_status) => Attempt::from(channel.outcome(exit_status)),
        Err(error) => not_started(&channel.command, &error),
    }
}

pub(super) async fn run_apprise(apprise: &Apprise, message: &Message) -> Attempt {
    let mut command = Command::new(&apprise.command);
    command.args(apprise.arguments(message)).env(URLS_VARIABLE, apprise.urls());
    match run(command, apprise.input(message)).await {
        Ok(exit_status) => Attempt::from(apprise.outcome(exit_status)),
        Err(error) => not_started(&apprise.command, &error),
    }
}

/// Returns the exit status, or `None` if a signal terminated the command.
async fn run(mut command: Command, input: String) -> io::Result<Option<i32>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let _group = ProcessGroupGuard(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // Ignore the error, because a command need not read its input.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ((), status) = tokio::join!(write, child.wait());
    Ok(status?.code())
}

fn not_started(command: &Path, error: &io::Error) -> Attempt {
    let command = command.display();
    Attempt::refused(match error.kind() {
        io::ErrorKind::NotFound => format!("command `{command}` not found; install it, or set its full path"),
        io::ErrorKind::PermissionDenied => format!("command `{command}` is not executable; change its permissions"),
        _ => format!("command `{command}` not started: {error}"),
    })
}

/// Kills a process group when dropped, including processes that the command left behind.
struct ProcessGroupGuard(Option<Pid>);

impl Drop for ProcessGroupGuard {
    fn drop(&mut self) {
        if let Some(id) = self.0.take() {
            // An error means that no process is left.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}
