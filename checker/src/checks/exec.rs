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

use super::expected_text::expect_texts;
use super::http::text::{TextOrigin, interpret_text};
use super::net::metered::MeteredStream;
use super::probe_data::{Capture, EncodedBody, ProbeData};
use super::timing::{Stopwatch, timed};
use super::{CheckContext, Failure, Probe, ProbeResult, Probed, error_text};
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
                outcome?;
                read_all = true;
                group.child.wait().await
            }
            status = group.child.wait() => status,
        };
        group.kill();
        if !read_all {
            // Only a process that left the group can still hold the pipe open.
            match tokio::time::timeout(OUTPUT_GRACE, reading).await {
                Ok(outcome) => outcome?,
                Err(_) => is_open = true,
            }
        }
        status.map_err(|error| format!("failed to get the command's exit status: {error}"))?
    };
    let is_cut = from_stdout.is_truncated || from_stderr.is_truncated;
    let truncation = if is_cut {
        Some(format!("only the first {OUTPUT_LIMIT} bytes of the output were kept"))
    } else {
        is_open.then(|| STILL_OPEN.to_owned())
    };
    let (output, encoded) = joined([from_stdout, from_stderr], !is_open).await;
    let data = ProbeData {
        status: status.code().map(i64::from),
        body: Some(output),
        encoded,
        truncation,
        may_be_complete: !is_cut,
        ..ProbeData::default()
    };
    stopwatch.record(|recorded| *recorded = data.clone());
    evaluate(check, status, &data, &stopwatch)?;
    Ok(data)
}

/// Joins the output streams, each of which can have its own charset.
async fn joined(streams: [Output; 2], is_closed: bool) -> (Vec<u8>, Option<Box<EncodedBody>>) {
    let size = streams.iter().map(|stream| stream.bytes.len()).sum();
    let (mut output, mut encoded) = (Vec::new(), None);
    for mut stream in streams {
        let is_complete = is_closed && !stream.is_truncated;
        if let Some(part) = interpret_text(&mut stream.bytes, is_complete, TextOrigin::Command).await {
            let all = encoded.get_or_insert_with(Box::<EncodedBody>::default);
            all.size = size;
            all.unknown_charset = all.unknown_charset.take().or(part.unknown_charset);
        }
        output.append(&mut stream.bytes);
    }
    (output, encoded)
}

/// Compares the exit status and the output with the expected ones.
fn evaluate(check: &ExecCheck, status: ExitStatus, data: &ProbeData, stopwatch: &Stopwatch) -> Result<(), Failure> {
    let output = data.body.as_deref().unwrap_or_default();
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
mod tests;
