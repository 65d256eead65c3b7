//! Measures the CPU time, memory and open files of programs, and compares two programs in one run.

use std::process::Command;
use std::time::{Duration, Instant};

use support::program::Program;

/// How many times a measurement is repeated. The median is printed.
pub(crate) const REPETITIONS: usize = 7;

/// The polling interval for conditions that can take minutes to become true.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The time used by a program, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessUsage {
    /// User and system time of the whole process.
    pub processor: f64,
    /// The wall-clock time, including the start of the measuring shell.
    pub elapsed: f64,
}

impl ProcessUsage {
    /// The CPU time for each of `count` operations, in microseconds.
    pub(crate) fn each(self, count: usize) -> f64 {
        self.processor * 1e6 / count as f64
    }
}

/// Runs a program in a shell that measures it, and returns its output and usage.
pub(crate) fn spent(command: &Command) -> (String, ProcessUsage) {
    let mut shell = Command::new("bash");
    shell.args(["-c", "TIMEFORMAT='%U %S'; time \"$@\"", "bash"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    let start = Instant::now();
    let output = shell.output().expect("it runs");
    let elapsed = start.elapsed().as_secs_f64();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let times = errors.lines().last().expect("the shell prints the times");
    let processor = times.split_whitespace().map(|time| time.parse::<f64>().expect("seconds")).sum();
    (String::from_utf8_lossy(&output.stdout).into_owned(), ProcessUsage { processor, elapsed })
}

/// The median usage of the checker and of another program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison {
    /// The other program's CPU time per operation, in microseconds.
    pub peer: f64,
    /// The checker's usage for all checks together.
    pub ours: ProcessUsage,
    /// The checker's CPU time per check, in microseconds.
    pub each: f64,
    /// The ratio of the checker's time to the other program's.
    pub ratio: f64,
}

/// Measures the other program before and after each of the checker's rounds of `count` checks. Compares each round with
/// the mean of the two measurements around it, so changes in the machine's speed have little effect on the ratio.
pub(crate) async fn compare(
    checks: usize,
    mut peer: impl AsyncFnMut() -> f64,
    mut ours: impl AsyncFnMut() -> ProcessUsage,
) -> Comparison {
    let mut peers = vec![peer().await];
    let (mut rounds, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let before = peers.last().copied().unwrap_or(f64::NAN);
        let spent = ours().await;
        let after = peer().await;
        peers.push(after);
        ratios.push(spent.each(checks) / f64::midpoint(before, after));
        rounds.push(spent);
    }
    rounds.sort_by(|one, other| one.processor.total_cmp(&other.processor));
    let ours = rounds[REPETITIONS / 2];
    Comparison { peer: median(peers), ours, each: ours.each(checks), ratio: median(ratios) }
}

/// The middle value, or the mean of the two middle values.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    f64::midpoint(figures[(figures.len() - 1) / 2], figures[figures.len() / 2])
}

/// The resident memory of a program, in megabytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub now: f64,
    pub peak: f64,
}

/// The memory of a running program. Returns `None` if it has exited.
pub(crate) fn memory(program: &Program) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).ok()?;
    let figure = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes = line.trim_start_matches(':').trim().strip_suffix(" kB")?;
        kibibytes.parse::<f64>().ok().map(|kibibytes| kibibytes * 1_024.0 / 1e6)
    };
    Some(Memory { now: figure("VmRSS")?, peak: figure("VmHWM")? })
}

/// The number of files and sockets that a running program has open.
pub(crate) fn open_files(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.id())).expect("it runs").count()
}

/// Waits until a condition is true, and fails if the program exits first.
pub(crate) async fn until(program: &mut Program, mut condition: impl AsyncFnMut() -> bool) {
    while !condition().await {
        let status = program.exit_status();
        assert!(status.is_none(), "it ended with {status:?}:\n{}", program.output());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
