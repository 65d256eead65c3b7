//! Measures whether memory use and the number of open files grow over a million checks by one process.

use std::time::Duration;

use serde_json::json;
use support::checker::Checker;
use support::program::Program;

use crate::nginx::Nginx;
use crate::process_usage::{memory, open_files, until};

/// The number of endpoints. Each is checked every second, the shortest possible interval.
const ENDPOINTS: usize = 2_000;
const CHECKS: u64 = 1_000_000;
/// How many times memory use and open files are sampled.
const SAMPLES: u64 = 10;
/// How many times open files are counted for each sample, within a second. The lowest count is the sample.
const COUNTS_PER_SAMPLE: u32 = 50;

/// Prints memory use and the number of open files as the number of checks grows.
pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    println!("Endurance: {CHECKS} checks of one process, {ENDPOINTS} endpoints every second, stored in a directory");
    let checker = Checker::new(&json!({
        "checkers": nginx.plain_checks(ENDPOINTS), "storage": { "type": "fs", "dir": "checks" },
    }));
    let mut asked = nginx.requests().await;
    let mut program = checker.start(&["run", "-c", "checker.json", "--every", "1s"]);
    let mut samples = Vec::new();
    for number in 1..=SAMPLES {
        let wanted = CHECKS / SAMPLES * number;
        let made = async || {
            // Reading the counter is itself a request.
            asked += 1;
            nginx.requests().await - asked >= wanted
        };
        until(&mut program, made).await;
        let sample = (memory(&program).expect("it runs").now, open_files_at_rest(&program).await);
        println!("  after {wanted:>7} checks: {:>5.1} MB resident, {:>3} files open", sample.0, sample.1);
        samples.push(sample);
    }
    let (first, last) = (samples[0], samples[samples.len() - 1]);
    let most = samples.iter().fold((0.0, 0), |most: (f64, usize), sample| (most.0.max(sample.0), most.1.max(sample.1)));
    println!(
        "  first {:.1} MB and {} files, last {:.1} MB and {}, maximum {:.1} MB and {}; growth {:+.1} MB and {:+} files",
        first.0,
        first.1,
        last.0,
        last.1,
        most.0,
        most.1,
        last.0 - first.0,
        last.1 as i64 - first.1 as i64,
    );
}

/// The number of files that stay open between checks: the lowest of several counts within a second.
async fn open_files_at_rest(program: &Program) -> usize {
    let mut fewest = usize::MAX;
    for _ in 0..COUNTS_PER_SAMPLE {
        fewest = fewest.min(open_files(program));
        tokio::time::sleep(Duration::from_secs(1) / COUNTS_PER_SAMPLE).await;
    }
    fewest
}
