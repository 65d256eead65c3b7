//! Command checks: one attempt runs a command without a shell and evaluates its exit status and output. The command
//! runs in its own process group, which is killed when the attempt ends.

mod interpreter;

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use shared::status::Status;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::body_text::BodyText;
use super::expected_text::expect_texts;
use super::net::metered::MeteredStream;
use super::probe_data::{Capture, ProbeData};
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Failure, Probe, ProbeResult, Probed, error_text, output_streams};
use crate::platform::fd_limit;

pub const SUBJECTS: &[&str] = &["[STATUS]", "[RTT]", "[BODY]", "[BODY_SIZE]", "[JSON $.path]"];

/// The parameters of a command check.
#[derive(Debug, Clone)]
pub struct ExecCheck {
    pub locator: String,
    /// The program: a path, or a name to search for in `PATH`.
    pub command: PathBuf,
    pub arguments: Vec<String>,
    /// The time limit for one attempt.
    pub timeout: Duration,
    /// The exit status that means success. If it is `None`, any exit status is accepted, and assertions can examine it.
    pub exit_status: Option<i32>,
    /// A string that the output must contain.
    pub must_contain: Option<String>,
    /// A string that the output must not contain.
    pub must_not_contain: Option<String>,
    /// The endpoint's status if the command fails.
    pub failure_status: Status,
}

/// The maximum amount of output to keep, in bytes. The rest is read and discarded, so the command never blocks on
/// a full pipe.
const OUTPUT_LIMIT: usize = 1 << 20;
/// The maximum number of bytes to read from each of the two output streams. A command that writes more is killed,
/// because reading would use CPU time that other checks need.
const READ_LIMIT: u64 = 32 << 20;
/// How long to keep reading output after the command has exited. A process that left the group may hold the pipe open.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);
const STILL_OPEN: &str =
    "the output may be incomplete, because a background process of the command can still write to it";

impl ExecCheck {
    /// Finds the executable as `execvp` would. The error explains why it was not found.
    pub fn find_command(&self) -> Result<PathBuf, String> {
        let is_executable =
            |path: &PathBuf| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file();
        let candidates: Vec<PathBuf> = if self.command.components().count() > 1 {
            vec![self.command.clone()]
        } else {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|folder| folder.join(&self.command)).collect()
        };
        candidates.into_iter().find(is_executable).ok_or_else(|| {
            format!(
                "executable `{}` not found; set `command` to its full path and make the file executable",
                self.command.display()
            )
        })
    }
}

impl Probe for ExecCheck {
    fn type_name(&self) -> &'static str {
        "exec"
    }

    fn locator(&self) -> &str {
        &self.locator
    }

    fn timeout(&self) -> Duration {
        self.timeout
    }

    fn uses_network(&self) -> bool {
        false
    }

    fn failure_status(&self) -> Status {
        self.failure_status
    }

    fn preflight(&self) -> Result<(), String> {
        let file = self.find_command()?;
        match interpreter::missing_part(&file) {
            Some(reason) => Err(format!("command `{}` cannot start: {reason}", self.command.display())),
            None => Ok(()),
        }
    }

    fn probe<'a>(&'a self, capture: Capture, _: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move { Ok(timed(self.timeout, capture, |stopwatch| run_command(self, stopwatch)).await) })
    }
}

async fn run_command(check: &ExecCheck, stopwatch: Arc<Stopwatch>) -> ProbeResult {
    stopwatch.start_command();
    let mut group = ProcessGroup::start(check).map_err(|error| {
        stopwatch.mark_inconclusive();
        describe_start_error(check, &error)
    })?;
    let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
    let (mut from_stdout, mut from_stderr) = (Output::default(), Output::default());
    let mut is_open = false;
    let status = {
        let mut reading = std::pin::pin!(async {
            tokio::try_join!(read(stdout, &mut from_stdout), read(stderr, &mut from_stderr)).map(drop)
        });
        let mut read_all = false;
        let status = tokio::select! {
            biased;
            outcome = &mut reading => {
                // Returning an error drops the process group, which kills it.
                outcome.inspect_err(|_| stopwatch.mark_inconclusive())?;
                read_all = true;
                group.child.wait().await
            }
            status = group.child.wait() => status,
        };
        group.kill();
        if !read_all {
            // Only a process that left the group can still hold the pipe open.
            match tokio::time::timeout(OUTPUT_GRACE, reading).await {
                Ok(outcome) => outcome.inspect_err(|_| stopwatch.mark_inconclusive())?,
                Err(_) => is_open = true,
            }
        }
        status.map_err(|error| format!("failed to get the command's exit status: {error}"))?
    };
    if let Some(code) = status.code() {
        stopwatch.note_code(code);
    }
    let is_cut = from_stdout.is_truncated || from_stderr.is_truncated;
    let truncation = if is_cut {
        Some(format!("only the first {OUTPUT_LIMIT} bytes of the output were kept"))
    } else {
        is_open.then(|| STILL_OPEN.to_owned())
    };
    let data = ProbeData {
        status: status.code().map(i64::from),
        truncation,
        may_be_complete: !is_cut,
        ..output_streams::join(from_stdout.bytes, from_stderr.bytes)
    };
    stopwatch.record(|recorded| *recorded = data.clone());
    evaluate(check, status, &data, &stopwatch)?;
    Ok(data)
}

/// Compares the exit status and the output with the expected ones.
fn evaluate(check: &ExecCheck, status: ExitStatus, data: &ProbeData, stopwatch: &Stopwatch) -> Result<(), Failure> {
    let output = data.text().map(BodyText::text).unwrap_or_default();
    // Termination by a signal is a failure even if any exit status counts as success.
    let expected = check.exit_status.or(status.code());
    if expected.is_none() || status.code() != expected {
        let excerpt = match error_text::excerpt(output) {
            excerpt if excerpt.is_empty() => "no output".to_owned(),
            excerpt => format!("output: `{excerpt}`"),
        };
        return Err(match status.code() {
            Some(code) => format!("exit status {code}, expected {}; {excerpt}", expected.unwrap_or_default()),
            None => format!("terminated by {}; {excerpt}", signal_name(status)),
        });
    }
    let (must_contain, must_not_contain) = (check.must_contain.as_deref(), check.must_not_contain.as_deref());
    expect_texts("output", data, must_contain, must_not_contain, stopwatch)
}

fn signal_name(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal().map_or_else(|| "a signal".to_owned(), |number| format!("signal {number}"))
}

fn describe_start_error(check: &ExecCheck, error: &io::Error) -> Failure {
    let command = check.command.display();
    match error.kind() {
        _ if fd_limit::is_limit_error(error) => error_text::TOO_MANY_OPEN_FILES.to_owned(),
        io::ErrorKind::NotFound => match check.find_command().ok().and_then(|file| interpreter::why_not_found(&file)) {
            Some(reason) => format!("command `{command}` cannot start: {reason}"),
            None => format!("command `{command}` not found"),
        },
        io::ErrorKind::PermissionDenied => {
            match check.find_command().ok().and_then(|file| interpreter::missing_part(&file)) {
                Some(reason) => format!("command `{command}` cannot start: {reason}"),
                None => format!("command `{command}` is not executable"),
            }
        }
        _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => format!(
            "command `{command}` cannot start: it is neither a program for this machine nor a script that starts with `#!`"
        ),
        _ => format!("command `{command}` not started: {error}"),
    }
}

/// A command's output, up to [`OUTPUT_LIMIT`].
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    is_truncated: bool,
}

/// Reads to the end of the stream. Fails if the stream is longer than [`READ_LIMIT`].
async fn read(stream: Option<impl AsyncRead + Unpin>, output: &mut Output) -> Result<(), Failure> {
    let Some(stream) = stream else { return Ok(()) };
    let mut stream = MeteredStream::new(stream).with_limit(READ_LIMIT);
    let mut chunk = [0; 4_096];
    loop {
        match stream.read(&mut chunk).await {
            Ok(count @ 1..) => {
                let room = OUTPUT_LIMIT.saturating_sub(output.bytes.len());
                output.bytes.extend_from_slice(&chunk[..count.min(room)]);
                output.is_truncated |= count > room;
            }
            Err(_) if stream.is_over_limit() => {
                return Err(format!("command wrote more than {READ_LIMIT} bytes of output"));
            }
            Ok(0) | Err(_) => return Ok(()),
        }
    }
}

/// A running command and the processes that it started.
struct ProcessGroup {
    child: Child,
    id: Option<Pid>,
}

impl ProcessGroup {
    fn start(check: &ExecCheck) -> io::Result<ProcessGroup> {
        let child = Command::new(&check.command)
            .args(&check.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        Ok(ProcessGroup { child, id })
    }

    /// Kills the group with `SIGKILL`, because processes could ignore `SIGTERM`.
    fn kill(&mut self) {
        if let Some(id) = self.id.take() {
            // Ignore the error, which means that no process is left.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::Assertion;
    use crate::checks::exec::*;
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, run};
    use std::path::Path;

    fn shell(script: &str) -> ExecCheck {
        ExecCheck {
            locator: "sh".to_owned(),
            command: PathBuf::from("sh"),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            timeout: Duration::from_millis(700),
            exit_status: Some(0),
            must_contain: None,
            must_not_contain: None,
            failure_status: Status::Down,
        }
    }

    async fn error(check: ExecCheck) -> Option<String> {
        error_of(&Check::new("x", CheckKind::Exec(Box::new(check)))).await
    }

    async fn error_of(check: &Check) -> Option<String> {
        match run(check, &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
            CheckOutcome::Attempts(mut records) => records.remove(0).attempt.error,
            CheckOutcome::Skipped { reason } => panic!("{reason}"),
        }
    }

    #[tokio::test]
    async fn exit_status_and_output_are_evaluated() {
        let text = |text: &str| Some(text.to_owned());
        for (check, expected) in [
            (shell("echo hello"), None),
            (shell("echo broken pump >&2; exit 3"), text("exit status 3, expected 0; output: `broken pump`")),
            (shell("exit 1"), text("exit status 1, expected 0; no output")),
            (ExecCheck { exit_status: Some(3), ..shell("exit 3") }, None),
            (shell("kill -9 $$"), text("terminated by signal 9; no output")),
            (ExecCheck { must_contain: text("ell"), ..shell("echo hello") }, None),
            (ExecCheck { must_contain: text("x"), ..shell("echo hello") }, text("output does not contain `x`")),
            (ExecCheck { must_not_contain: text("ell"), ..shell("echo hello >&2") }, text("output contains `ell`")),
            (shell("printf '\\377\\375'; exit 2"), text("exit status 2, expected 0; output: `\u{fffd}\u{fffd}`")),
            (ExecCheck { command: PathBuf::from("/no/such"), ..shell("") }, text("command `/no/such` not found")),
            (
                ExecCheck { command: PathBuf::from("/etc/passwd"), ..shell("") },
                text("command `/etc/passwd` is not executable"),
            ),
        ] {
            assert_eq!(error(check.clone()).await, expected, "{check:?}");
        }
    }

    #[tokio::test]
    async fn a_missing_interpreter_is_named() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        for (number, (content, expected)) in [
            ("#!/no/such/python9\n", Some("its interpreter `/no/such/python9` was not found")),
            ("#! /no/such/python9 -u\n", Some("its interpreter `/no/such/python9` was not found")),
            ("#!/bin/sh\r\n", Some("its interpreter `/bin/sh` is followed by a carriage return")),
            ("#!/etc/passwd\n", Some("its interpreter `/etc/passwd` is not executable")),
            ("#!/usr/bin/env no-such-python9\n", Some("no-such-python9")),
            ("#!/bin/sh\n", None),
        ]
        .into_iter()
        .enumerate()
        {
            let command = folder.path().join(number.to_string());
            std::fs::write(&command, content).expect("it can be written");
            std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
            let check = ExecCheck { command, arguments: Vec::new(), ..shell("") };
            // `env` searches for the command only when it runs, so `preflight` cannot detect that it is missing.
            if !content.contains("env") {
                assert_eq!(check.preflight().is_err(), expected.is_some(), "{content}");
            }
            let error = error(check).await.unwrap_or_default();
            assert!(error.contains(expected.unwrap_or_default()) && error.is_empty() == expected.is_none(), "{error}");
        }
    }

    #[tokio::test]
    async fn long_output_is_read_to_the_end_but_not_kept() {
        let loud = ExecCheck {
            timeout: Duration::from_secs(30),
            ..shell("head -c 20000000 /dev/zero | tr '\\0' x; echo the end")
        };
        let text = |text: &str| Some(text.to_owned());
        let kept = "only the first 1048576 bytes of the output were kept";
        for (check, expected) in [
            (
                ExecCheck { must_contain: text("the end"), ..loud.clone() },
                text(&format!("output does not contain `the end`; {kept}")),
            ),
            (
                ExecCheck { must_not_contain: text("the end"), ..loud.clone() },
                text(&format!("{kept}, which does not rule out `the end`")),
            ),
            (ExecCheck { must_contain: text("xx"), ..loud }, None),
        ] {
            assert_eq!(error(check).await, expected);
        }
    }

    #[tokio::test]
    async fn endless_output_ends_with_its_limit_or_the_timeout() {
        for endless in ["yes", "yes >&2"] {
            let check = ExecCheck { timeout: Duration::from_mins(1), ..shell(endless) };
            assert_eq!(error(check).await.as_deref(), Some("command wrote more than 33554432 bytes of output"));
        }
        let slow = shell("while :; do echo y; done");
        assert_eq!(error(slow).await.as_deref(), Some("command not finished within 700ms"));
        assert_eq!(error(shell("cat")).await, None, "standard input is empty");
    }

    /// Runs a check whose command leaves a process outside its group that holds the output open. `print` is the
    /// command's last line.
    async fn error_with_open_output(print: &str, change: impl FnOnce(&mut Check, &mut ExecCheck)) -> Option<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let script = format!(
            "setsid sh -c 'echo $$ > {0}; exec sleep 600' & until [ -s {0} ]; do :; done; {print}",
            pid.display()
        );
        let mut exec = ExecCheck { timeout: Duration::from_mins(1), ..shell(&script) };
        let mut check = Check::new("x", CheckKind::Exec(Box::new(exec.clone())));
        change(&mut check, &mut exec);
        check.kind = CheckKind::Exec(Box::new(exec));
        let error = error_of(&check).await;
        let pid = std::fs::read_to_string(&pid).expect("the script has started");
        let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("it is one");
        rustix::process::kill_process(pid, Signal::KILL).expect("it still runs");
        error
    }

    #[tokio::test]
    async fn a_child_outside_the_group_does_not_delay_the_check() {
        assert_eq!(error_with_open_output("echo done", |_, _| {}).await, None);
    }

    #[tokio::test]
    async fn output_that_a_child_can_extend_proves_no_absence() {
        let text = |text: &str| Some(text.to_owned());
        let contains = error_with_open_output("echo done", |_, exec| exec.must_contain = text("done")).await;
        assert_eq!(contains, None);
        let without = error_with_open_output("echo done", |_, exec| exec.must_not_contain = text("error")).await;
        assert_eq!(without, Some(format!("{STILL_OPEN}, which does not rule out `error`")));
        for (print, assertion, holds) in [
            ("echo done", "not [BODY] contains error", false),
            ("echo done", "[BODY_SIZE] < 6", false),
            ("echo done", "[BODY_SIZE] > 4", true),
            ("echo done", "[BODY_SIZE] > 5", false),
            ("true", "[BODY_SIZE] > 0", false),
            ("true", "len([BODY]) > 0", false),
        ] {
            let error = error_with_open_output(print, |check, _| {
                let assertion = Assertion::parse(assertion).expect("an assertion");
                check.capture = assertion.capture();
                check.assertions = [assertion].into();
            })
            .await;
            assert_eq!(error.is_none(), holds, "{assertion}: {error:?}");
            assert!(error.is_none_or(|error| error.contains(STILL_OPEN)), "{assertion}");
        }
    }

    #[tokio::test]
    async fn a_group_that_ignores_sigterm_is_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        let pids = folder.path().join("pids");
        let script = format!("trap '' TERM; (trap '' TERM; sleep 600) & echo $$ $! > {}; sleep 600", pids.display());
        assert_eq!(error(shell(&script)).await.as_deref(), Some("command not finished within 700ms"));
        let written = std::fs::read_to_string(&pids).expect("the script has started");
        for pid in written.split_whitespace() {
            until_gone(pid).await;
        }
    }

    #[tokio::test]
    async fn a_child_left_behind_is_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; echo done", pid.display());
        assert_eq!(error(shell(&script)).await, None);
        until_gone(std::fs::read_to_string(&pid).expect("the script has started").trim()).await;
    }

    /// Waits until a process has exited; zombies count as exited.
    async fn until_gone(pid: &str) {
        let runs = || {
            let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
        };
        while runs() {
            tokio::task::yield_now().await;
        }
    }
}
