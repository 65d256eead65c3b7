//! The real checker. Each instance has a separate configuration, store and spool in a temporary folder.

use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use shared::check_file::{CheckFile, CheckResult};
use shared::object_name::{CheckFileName, INDEX};
use tempfile::TempDir;

use crate::program::{Program, bound_command};
use crate::{PATIENCE, checker_binary, free_port, http_client, wait_for};

/// A folder with a `checker.json` in it.
#[derive(Debug)]
pub struct Checker {
    /// The working directory of the checker.
    pub folder: TempDir,
}

/// The outcome of running the checker.
#[derive(Debug, Clone)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Debug)]
pub struct Served {
    /// The server's URL, with a trailing slash.
    pub url: String,
    pub program: Program,
}

impl Served {
    /// Waits until the summary of the first round is stored.
    pub async fn until_summed_up(&self) {
        let summary = format!("{}summary.json", self.url);
        wait_for("the first round", || async { (http_client::get(&summary).await.status == 200).then_some(()) }).await;
    }
}

impl Checker {
    /// Creates a folder with this configuration in it.
    #[must_use]
    pub fn new(config: &Value) -> Checker {
        let checker = Checker { folder: TempDir::new().expect("a temporary folder") };
        checker.configure(config);
        checker
    }

    /// Replaces the configuration, with defaults for the node and the spool.
    pub fn configure(&self, config: &Value) {
        let mut config = config.clone();
        if let Value::Object(keys) = &mut config {
            keys.entry("node").or_insert(json!("test-node"));
            keys.entry("spool_dir").or_insert(json!(self.spool()));
        }
        self.write("checker.json", &format!("{config:#}"));
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).expect("the file can be written");
    }

    /// Returns the path to a file or folder in the checker's folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder for rounds that cannot be stored.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.path("spool")
    }

    /// Runs `checker run -c checker.json` with additional arguments.
    pub async fn run(&self, words: &[&str]) -> Run {
        self.call(&[&["run", "-c", "checker.json"], words].concat()).await
    }

    /// Runs `checker` with these arguments.
    pub async fn call(&self, words: &[&str]) -> Run {
        self.call_with(words, |_| {}).await
    }

    /// Runs `checker` with these arguments. The function `prepare` can change the command first.
    pub async fn call_with(&self, words: &[&str], prepare: impl FnOnce(&mut Command)) -> Run {
        self.call_typing(words, "", prepare).await
    }

    /// Runs `checker` with these arguments and with `typed` on standard input.
    pub async fn call_typing(&self, words: &[&str], typed: &str, prepare: impl FnOnce(&mut Command)) -> Run {
        let mut command = bound_command(checker_binary());
        self.prepare(&mut command, words);
        prepare(&mut command);
        finish(command, typed).await
    }

    /// Runs `checker` with these arguments and a clock that is wrong by `off`, such as `-20m`.
    pub async fn call_with_clock(&self, words: &[&str], off: &str, prepare: impl FnOnce(&mut Command)) -> Run {
        let library = crate::library("faketime/libfaketimeMT.so.1");
        let off_by = |command: &mut Command| {
            prepare(command);
            command.env("LD_PRELOAD", library).env("FAKETIME", off).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        };
        self.call_with(words, off_by).await
    }

    /// Runs `checker` with these arguments in a terminal. The returned stdout also contains stderr.
    pub async fn call_on_terminal(&self, words: &[&str]) -> Run {
        self.call_on_terminal_with(words, |_| {}).await
    }

    /// Like [`Self::call_on_terminal`]. The function `prepare` can change the command first.
    pub async fn call_on_terminal_with(&self, words: &[&str], prepare: impl FnOnce(&mut Command)) -> Run {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let line = format!("'{}' {}", checker_binary().display(), quoted.join(" "));
        let mut command = bound_command("script");
        self.prepare(&mut command, &["--quiet", "--return", "--command", &line, "/dev/null"]);
        prepare(&mut command);
        finish(command, "").await
    }

    /// Runs `checker` with these arguments after a command prefix such as those of [`crate::network_namespace`].
    pub async fn call_by(&self, way: &[String], words: &[&str]) -> Run {
        let mut command = bound_command(&way[0]);
        self.prepare_by(&mut command, way, words);
        finish(command, "").await
    }

    /// Starts `checker` with these arguments after a command prefix.
    #[must_use]
    pub fn start_by(&self, way: &[String], words: &[&str]) -> Program {
        Program::start(Path::new(&way[0]), |command| self.prepare_by(command, way, words))
    }

    fn prepare_by(&self, command: &mut Command, way: &[String], words: &[&str]) {
        command.args(&way[1..]).arg(checker_binary());
        self.prepare(command, words);
    }

    /// Starts `checker` with these arguments.
    #[must_use]
    pub fn start(&self, words: &[&str]) -> Program {
        Program::start(&checker_binary(), |command| self.prepare(command, words))
    }

    /// Starts `checker` with these arguments. The function `prepare` can change the command first.
    #[must_use]
    pub fn start_with(&self, words: &[&str], prepare: impl FnOnce(&mut Command)) -> Program {
        Program::start(&checker_binary(), |command| {
            self.prepare(command, words);
            prepare(command);
        })
    }

    /// Starts `checker` with these arguments and with a clock that is wrong by `off`, such as `+5m`.
    #[must_use]
    pub fn start_with_clock(&self, words: &[&str], off: &str) -> Program {
        let library = crate::library("faketime/libfaketimeMT.so.1");
        self.start_with(words, |command| {
            command.env("LD_PRELOAD", library).env("FAKETIME", off).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        })
    }

    /// Runs a shell command line, which can call `checker`.
    pub async fn call_in_shell(&self, line: &str) -> Run {
        let mut command = bound_command("bash");
        let line = format!("checker() {{ '{}' \"$@\"; }}; {line}", checker_binary().display());
        self.prepare(&mut command, &["-c", &line]);
        finish(command, "").await
    }

    /// Starts `checker` with these arguments. Its outputs cannot be written to, as on a full disk.
    #[must_use]
    pub fn start_unheard(&self, words: &[&str]) -> Program {
        let binary = checker_binary();
        let binary = binary.to_str().expect("the path is text");
        let line = ["-c", "exec \"$@\" >/dev/full 2>&1", "bash", binary];
        Program::start(Path::new("bash"), |command| self.prepare(command, &[&line, words].concat()))
    }

    /// Starts `checker serve` on a free port.
    pub async fn serve(&self, words: &[&str]) -> Served {
        let address = format!("127.0.0.1:{}", free_port());
        let mut program = self.start(&[&["serve", "-c", "checker.json", "--listen", address.as_str()], words].concat());
        let url = format!("http://{address}/");
        wait_for("`checker serve`", || {
            let status = program.exit_status();
            assert!(status.is_none(), "`checker serve` ended with {status:?}:\n{}", program.output());
            let url = url.clone();
            async move { http_client::is_reachable(&url).await.then_some(()) }
        })
        .await;
        Served { url, program }
    }

    fn prepare(&self, command: &mut Command, words: &[&str]) {
        command.args(words).current_dir(self.folder.path());
        // The machine's accounts and settings must not affect tests.
        for (name, _) in std::env::vars_os() {
            if ["AWS_", "CHECKUP_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        for name in ["RUST_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command.env("HOME", self.folder.path()).env_remove("XDG_STATE_HOME").env("AWS_EC2_METADATA_DISABLED", "true");
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
    }

    /// Returns the names of the check files in a directory below the checker's folder, sorted.
    #[must_use]
    pub fn check_files(&self, directory: &str) -> Vec<CheckFileName> {
        check_files(&self.path(directory))
    }

    /// Returns the results in all check files of a directory, in order.
    #[must_use]
    pub fn all_results(&self, directory: &str) -> Vec<CheckResult> {
        let directory = self.path(directory);
        check_files(&directory).iter().flat_map(|name| results(&directory, name)).collect()
    }
}

/// Runs a command with `typed` as its standard input, and waits until it exits.
async fn finish(command: Command, typed: &str) -> Run {
    let mut command = tokio::process::Command::from(command);
    let mut input = tempfile::tempfile().expect("a temporary file");
    input.write_all(typed.as_bytes()).and_then(|()| input.rewind()).expect("the file can be written");
    command.kill_on_drop(true).stdin(Stdio::from(input));
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("the checker exits").expect("the checker runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the checker prints text");
    let code = output.status.code().expect("the checker was not killed");
    Run { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

impl Run {
    /// Standard output and standard error combined, for assertions that apply to both.
    #[must_use]
    pub fn output(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Parses the output of `--format json`, which has one round per line.
    #[must_use]
    pub fn rounds(&self) -> Vec<Value> {
        let lines = self.stdout.lines().filter(|line| !line.trim().is_empty());
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// Parses the output of `--format json`, which must have exactly one round, and returns its results.
    #[must_use]
    pub fn results(&self) -> Vec<CheckResult> {
        let rounds = self.rounds();
        assert_eq!(rounds.len(), 1, "one round is printed:\n{}", self.output());
        let file = CheckFile::parse(rounds[0]["results"].to_string().as_bytes()).expect("results are printed");
        file.results
    }
}

/// Returns the names of the check files in a directory, sorted.
#[must_use]
pub fn check_files(directory: &Path) -> Vec<CheckFileName> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let names = entries.map(|entry| entry.expect("the folder can be read").file_name());
    let mut names: Vec<CheckFileName> =
        names.filter_map(|name| CheckFileName::parse(&name.to_string_lossy())).collect();
    names.sort();
    names
}

/// Returns the results in one of a directory's check files.
#[must_use]
pub fn results(directory: &Path, name: &CheckFileName) -> Vec<CheckResult> {
    let content = std::fs::read(directory.join(name.to_string())).expect("the file exists");
    let file = CheckFile::parse(&content).expect("it is a check file");
    assert_eq!(file.skipped, [], "the checker writes nothing that cannot be read");
    file.stored_as(name).results
}

/// Returns the names listed in a directory's `index.json`.
#[must_use]
pub fn index(directory: &Path) -> Vec<CheckFileName> {
    let content = std::fs::read_to_string(directory.join(INDEX)).expect("there is an index");
    let index: std::collections::BTreeMap<String, i64> = serde_json::from_str(&content).expect("the index is complete");
    index.keys().map(|name| CheckFileName::parse(name).expect("it lists check files")).collect()
}
