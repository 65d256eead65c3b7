//! Simulates a million worlds in which nodes notify a channel, and stops at the first violation.

use std::time::Instant;

const WORLDS: u64 = 1_000_000;

pub(super) fn measure() {
    println!("Simulated worlds in which nodes with faults notify a channel");
    let start = Instant::now();
    match simulation::run(0..WORLDS) {
        Ok(counts) => println!("  {counts} ({:.0?})", start.elapsed()),
        Err(violation) => println!("  {violation}"),
    }
}
