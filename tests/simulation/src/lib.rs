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

/// Runs one world per seed, on all processors. Stops at the first violation.
pub fn run(seeds: Range<u64>) -> Result<Counts, Violation> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut counts = Counts::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(counts);
            }
            match run_world(seed) {
                Ok(of_world) => counts.add(&of_world),
                Err(violation) => {
                    next.store(seeds.end, Ordering::Relaxed);
                    return Err(violation);
                }
            }
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut total = Counts::default();
        for thread in running {
            match thread.join() {
                Ok(counts) => total.add(&counts?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(total)
    })
}
