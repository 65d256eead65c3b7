//! Simulates a million worlds in which nodes with faults notify a channel. Prints each violation with its seed, and the
//! counts so far after every 50,000 worlds. Seeds as arguments select single worlds:
//! `cargo bench --package simulation --bench simulation -- 44572`.
//!
//! A run takes about an hour on two processors.

#![expect(clippy::print_stdout, reason = "a measurement prints")]

use std::process::ExitCode;
use std::time::Instant;

use simulation::Counts;

const WORLDS: u64 = 1_000_000;
const WORLDS_PER_LINE: u64 = 50_000;

fn main() -> ExitCode {
    let start = Instant::now();
    let seeds: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let ranges: Vec<_> = if seeds.is_empty() {
        (0..WORLDS).step_by(WORLDS_PER_LINE as usize).map(|first| first..first + WORLDS_PER_LINE).collect()
    } else {
        seeds.into_iter().map(|seed| seed..seed + 1).collect()
    };
    let (mut counts, mut violations) = (Counts::default(), 0);
    for seeds in ranges {
        let (more, found) = simulation::run(seeds);
        counts.add(&more);
        violations += found.len();
        for violation in found {
            println!("{violation}");
        }
        println!("{counts}, {violations} violations ({:.0?})", start.elapsed());
    }
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
