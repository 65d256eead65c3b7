//! Simulates nodes that check endpoints and notify a channel, with a virtual clock and an in-memory store.
//!
//! The rules and the logs are the real ones. Everything else can fail, differently in each world: nodes die, lose their
//! connection to the store, or are killed between sending a message and storing their log; clocks differ; changes in
//! the store become visible late; the provider is down. A seed determines a world, and failures print it.

mod judge;
mod node;
mod plan;
mod random;
mod store;
mod world;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub use self::judge::{Counts, Violation};
pub use self::world::run_world;

/// Runs one world per seed, on all processors. Returns the violations in the order of their seeds.
pub fn run(seeds: Range<u64>) -> (Counts, Vec<Violation>) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let (mut counts, mut violations) = (Counts::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return (counts, violations);
            }
            match run_world(seed) {
                Ok(of_world) => counts.add(&of_world),
                Err(violation) => violations.push(violation),
            }
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let (mut total, mut violations) = (Counts::default(), Vec::new());
        for thread in running {
            let (counts, found) = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            total.add(&counts);
            violations.extend(found);
        }
        violations.sort_by_key(|violation| violation.seed);
        (total, violations)
    })
}
