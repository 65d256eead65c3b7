//! What programs take: processor time, memory and open files, and how two of them compare in one run.

use std::process::Command;
use std::time::{Duration, Instant};

use support::program::Program;

/// How often a measurement is repeated; the median counts.
pub(crate) const REPETITIONS: usize = 7;

/// How long a measurement waits before it looks again at something that takes minutes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a program took, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessUsage {
    /// User and system time of the whole process.
    pub processor: f64,
    /// Time on the wall.
    pub elapsed: f64,
}

impl ProcessUsage {
    /// Microseconds of processor time for each of so many.
    pub(crate) fn each(self, count: usize) -> f64 {
        self.processor * 1e6 / count as f64
    }
}

/// Runs a program under a shell that knows what it took, and gives its output and that.
pub(crate) fn spent(command: &Command) -> (String, ProcessUsage) {
    let mut shell = Command::new("bash");
    shell.args(["-c", "TIMEFORMAT='%U %S'; time \"$@\"", "bash"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    let start = Instant::now();
    let output = shell.output().expect("it runs");
    let elapsed = start.elapsed().as_secs_f64();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let times = told.lines().last().expect("the shell tells the times");
    let processor = times.split_whitespace().map(|time| time.parse::<f64>().expect("seconds")).sum();
    (String::from_utf8_lossy(&output.stdout).into_owned(), ProcessUsage { processor, elapsed })
}

/// What we take beside a peer: the median of each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comparison {
    /// Microseconds of the peer's processor time, each.
    pub peer: f64,
    /// What all checks took.
    pub ours: ProcessUsage,
    /// Microseconds of our processor time, each.
    pub each: f64,
    /// How many times the peer's time we take.
    pub ratio: f64,
}

/// Measures the peer before and after each of our rounds of so many checks. Each round is compared with the mean of its
/// two neighbors, so that a machine whose speed changes meanwhile changes the ratio least.
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

/// The one in the middle, or the mean of the two there.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    f64::midpoint(figures[(figures.len() - 1) / 2], figures[figures.len() / 2])
}

/// The resident memory of a program, in megabytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// What it is now.
    pub now: f64,
    /// The most that it ever was.
    pub peak: f64,
}

/// The memory of a running program; `None` once it has ended.
pub(crate) fn memory(program: &Program) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).ok()?;
    let figure = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes = line.trim_start_matches(':').trim().strip_suffix(" kB")?;
        kibibytes.parse::<f64>().ok().map(|kibibytes| kibibytes * 1_024.0 / 1e6)
    };
    Some(Memory { now: figure("VmRSS")?, peak: figure("VmHWM")? })
}

/// How many files and sockets a running program has open.
pub(crate) fn open_files(program: &Program) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", program.id())).expect("it runs").count()
}

/// Waits, for as long as a program runs, until a condition comes true.
pub(crate) async fn until(program: &mut Program, mut condition: impl AsyncFnMut() -> bool) {
    while !condition().await {
        let status = program.exit_status();
        assert!(status.is_none(), "it ended with {status:?}:\n{}", program.output());
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
