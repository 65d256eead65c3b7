//! File system work on threads that may block.
//!
//! A file system that hangs, such as a network mount whose server is unreachable, delays its callers only up to a
//! limit, and receives no more work until it responds.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The time limit for a small task: one file of a few kilobytes, a large index, or a few hundred files.
pub(super) const TASK_LIMIT: Duration = Duration::from_mins(1);

/// The time limit for a task on any number of files.
pub(super) const MANY_FILES_LIMIT: Duration = Duration::from_mins(2);

/// The maximum number of tasks that run on one file system at once. Each of them occupies a thread.
const AT_ONCE: usize = 32;

/// Runs tasks on one file system, and tracks whether it responds.
#[derive(Debug, Clone)]
pub(super) struct BlockingIo {
    /// The deadlines of all running tasks, including those whose callers have stopped waiting.
    deadlines: Arc<Mutex<Vec<Instant>>>,
    permits: Arc<Semaphore>,
}

impl Default for BlockingIo {
    fn default() -> BlockingIo {
        BlockingIo { deadlines: Arc::default(), permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl BlockingIo {
    /// Runs a task, and waits for it up to the limit. A task that takes longer continues in the background.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let deadline = Instant::now() + limit;
        if self.deadlines().iter().any(|deadline| *deadline <= Instant::now()) {
            return Err(timed_out("still has not responded to an earlier request"));
        }
        let result = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
            self.deadlines().push(deadline);
            let in_flight = InFlight { io: self.clone(), deadline, _permit: permit };
            let work = move || {
                let _in_flight = in_flight;
                work()
            };
            tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten()
        };
        let late = || timed_out(&format!("did not respond within {} s", limit.as_secs()));
        tokio::time::timeout_at(deadline, result).await.unwrap_or_else(|_| Err(late()))
    }

    fn deadlines(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Marks a task as running until it ends or panics.
struct InFlight {
    io: BlockingIo,
    deadline: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut deadlines = self.io.deadlines();
        if let Some(index) = deadlines.iter().position(|deadline| *deadline == self.deadline) {
            deadlines.swap_remove(index);
        }
    }
}

fn timed_out(how: &str) -> io::Error {
    let text = format!("the file system {how}; check whether it is a network mount whose server is unreachable");
    io::Error::new(io::ErrorKind::TimedOut, text)
}

#[cfg(test)]
mod tests {
    use crate::store::blocking_io::*;
    use futures_util::FutureExt as _;
    use std::sync::mpsc;

    /// Waits until no task is running.
    async fn idle(blocking_io: &BlockingIo) {
        let started = std::time::Instant::now();
        while blocking_io.permits.available_permits() < AT_ONCE {
            assert!(started.elapsed() < TASK_LIMIT, "a task does not end");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_hanging_file_system_gets_no_work_until_it_responds() {
        let blocking_io = BlockingIo::default();
        let (answer, answers) = mpsc::channel::<()>();
        let hanging = blocking_io.run(Duration::from_millis(1), move || answers.recv().map_err(io::Error::other)).await;
        let error = hanging.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("did not respond within"), "{error}");
        let next = blocking_io.clone().run(TASK_LIMIT, || -> io::Result<()> { panic!("it gets work") }).await;
        assert!(next.unwrap_err().to_string().contains("still has not responded"));
        answer.send(()).unwrap();
        idle(&blocking_io).await;
        assert_eq!(blocking_io.run(TASK_LIMIT, || Ok(1)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_task_that_panics_does_not_block_later_tasks() {
        let blocking_io = BlockingIo::default();
        let limit = Duration::from_millis(1);
        assert!(blocking_io.run(limit, || -> io::Result<()> { panic!("a bug") }).await.is_err());
        idle(&blocking_io).await;
        assert!(blocking_io.deadlines().is_empty());
        assert_eq!(blocking_io.run(TASK_LIMIT, || Ok(1)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn an_abandoned_task_counts_until_it_ends() {
        let blocking_io = BlockingIo::default();
        let limit = Duration::from_millis(100);
        let (answer, answers) = mpsc::channel::<()>();
        let answers = Arc::new(Mutex::new(answers));
        for _ in 0..AT_ONCE {
            let answers = Arc::clone(&answers);
            let work = move || answers.lock().unwrap().recv().map_err(io::Error::other);
            // The task starts, but its caller does not wait for it to end.
            assert!(blocking_io.run(limit, work).now_or_never().is_none());
        }
        let next = blocking_io.run(limit, || -> io::Result<()> { panic!("it runs too many tasks") }).await;
        assert!(next.unwrap_err().to_string().contains("did not respond within"), "it had no permit");
        let next = blocking_io.run(TASK_LIMIT, || -> io::Result<()> { panic!("it gets work") }).await;
        assert!(next.unwrap_err().to_string().contains("still has not responded"));
        (0..AT_ONCE).for_each(|_| answer.send(()).unwrap());
        idle(&blocking_io).await;
        assert_eq!(blocking_io.run(TASK_LIMIT, || Ok(1)).await.unwrap(), 1);
    }
}
