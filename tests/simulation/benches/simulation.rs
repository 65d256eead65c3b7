//! Simulates a million worlds in which nodes with faults notify a channel. Stops at the first violation, and prints its
//! seed.

#![expect(clippy::print_stdout, reason = "a measurement prints")]

use std::process::ExitCode;
use std::time::Instant;

const WORLDS: u64 = 1_000_000;

fn main() -> ExitCode {
    let start = Instant::now();
    match simulation::run(0..WORLDS) {
        Ok(counts) => {
            println!("{WORLDS} worlds: {counts} ({:.0?})", start.elapsed());
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
    }
}
