//! Programs that run alongside a test. They end with the test, even if the test process is killed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use tempfile::NamedTempFile;

/// A running program. Dropping it kills the program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    output: NamedTempFile,
}

/// Returns a command that the kernel kills when the thread that started it ends. The process ID of the command is also
/// the program's.
#[must_use]
pub fn bound_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Program {
    /// Starts a program for a test. Its output is captured for error messages.
    #[must_use]
    pub fn start(program: &Path, prepare: impl FnOnce(&mut Command)) -> Program {
        let output = NamedTempFile::new().expect("a temporary file");
        let mut command = bound_command(program);
        prepare(&mut command);
        let child = command
            .stdin(Stdio::null())
            .stdout(output.as_file().try_clone().expect("the file is open"))
            .stderr(output.as_file().try_clone().expect("the file is open"))
            .spawn()
            .unwrap_or_else(|error| panic!("failed to start {}: {error}", program.display()));
        Program { child, output }
    }

    /// Starts a program that all tests of the process share and that exits with the process.
    #[must_use]
    pub fn start_for_all(program: &Path, prepare: impl FnOnce(&mut Command) + Send + 'static) -> Program {
        let program = program.to_owned();
        let (sender, receiver) = mpsc::channel();
        // The program is killed when the thread that started it ends, so that thread must live as long as the process.
        std::thread::spawn(move || {
            let _ = sender.send(Program::start(&program, prepare));
            loop {
                std::thread::park();
            }
        });
        receiver.recv().expect("the program starts")
    }

    #[must_use]
    pub fn output(&self) -> String {
        let bytes = std::fs::read(self.output.path()).expect("the file exists");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Returns the program's exit status, or `None` if it is still running.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is a child process")
    }

    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the program a signal, such as `TERM`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success(), "the program is gone:\n{}", self.output());
    }

    pub async fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        crate::wait_for("a program to end", || {
            let status = child.try_wait().expect("it is a child process");
            async move { status }
        })
        .await
    }

    /// The CPU time used by the program, in clock ticks of 10 ms.
    #[must_use]
    pub fn processor_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let tick = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).expect("a number");
        tick(11) + tick(12)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
