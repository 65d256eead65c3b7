//! Work on a file system, done where it may block: one that hangs, such as a mount whose server is gone, is waited for
//! only so long, and is given nothing more to do until it answers. What the work is, is others' business.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How long one piece of work may take: a file of some kilobytes, the index of very many files, or some hundred files.
pub(super) const PIECE_LIMIT: Duration = Duration::from_mins(1);

/// The same for work on as many files as there are.
pub(super) const MANY_FILES_LIMIT: Duration = Duration::from_mins(2);

/// How many pieces of work one file system is given at once; each keeps a thread as long as it takes.
const AT_ONCE: usize = 32;

/// A file system, and whether it answers.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    /// When each piece of work that is not done should have been, whether or not somebody still waits for it.
    due: Arc<Mutex<Vec<Instant>>>,
    turns: Arc<Semaphore>,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk { due: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Disk {
    /// Does work that ends within the limit. What takes longer goes on, but nobody waits for it.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let due = Instant::now() + limit;
        if self.due().iter().any(|due| *due <= Instant::now()) {
            return Err(hangs("still does not answer"));
        }
        let done = async {
            let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(io::Error::other)?;
            self.due().push(due);
            let under_way = UnderWay { disk: self.clone(), due, _turn: turn };
            let work = move || {
                let _under_way = under_way;
                work()
            };
            tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten()
        };
        let late = || hangs(&format!("did not answer within {} s", limit.as_secs()));
        tokio::time::timeout_at(due, done).await.unwrap_or_else(|_| Err(late()))
    }

    fn due(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work that is not done, however it ends: also one that breaks off is under way no more.
struct UnderWay {
    disk: Disk,
    due: Instant,
    _turn: OwnedSemaphorePermit,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut all = self.disk.due();
        if let Some(place) = all.iter().position(|one| *one == self.due) {
            all.swap_remove(place);
        }
    }
}

fn hangs(how: &str) -> io::Error {
    let text = format!("the file system {how}; see whether it is a mount whose server is out of reach");
    io::Error::new(io::ErrorKind::TimedOut, text)
}

#[cfg(test)]
mod tests {
    use crate::store::blocking_io::*;
    use futures_util::FutureExt as _;
    use std::sync::mpsc;

    /// Waits until nothing is under way any more.
    async fn idle(disk: &Disk) {
        let begun = std::time::Instant::now();
        while disk.turns.available_permits() < AT_ONCE {
            assert!(begun.elapsed() < PIECE_LIMIT, "its work does not end");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_file_system_that_hangs_is_given_nothing_more_to_do_until_it_answers() {
        let disk = Disk::default();
        let (answer, answers) = mpsc::channel::<()>();
        let hanging = disk.work(Duration::from_millis(1), move || answers.recv().map_err(io::Error::other)).await;
        let error = hanging.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("did not answer within"), "{error}");
        let next = disk.clone().work(PIECE_LIMIT, || -> io::Result<()> { panic!("it is given work") }).await;
        assert!(next.unwrap_err().to_string().contains("still does not answer"));
        answer.send(()).unwrap();
        idle(&disk).await;
        assert_eq!(disk.work(PIECE_LIMIT, || Ok(1)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn work_that_breaks_off_is_not_waited_for_by_what_comes_later() {
        let disk = Disk::default();
        let limit = Duration::from_millis(1);
        assert!(disk.work(limit, || -> io::Result<()> { panic!("a fault in it") }).await.is_err());
        idle(&disk).await;
        assert!(disk.due().is_empty());
        assert_eq!(disk.work(PIECE_LIMIT, || Ok(1)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_counts_as_long_as_it_takes() {
        let disk = Disk::default();
        let limit = Duration::from_millis(100);
        let (answer, answers) = mpsc::channel::<()>();
        let answers = Arc::new(Mutex::new(answers));
        for _ in 0..AT_ONCE {
            let answers = Arc::clone(&answers);
            let work = move || answers.lock().unwrap().recv().map_err(io::Error::other);
            // It is begun, and nobody waits for its end.
            assert!(disk.work(limit, work).now_or_never().is_none());
        }
        let next = disk.work(limit, || -> io::Result<()> { panic!("it is given more than it can do") }).await;
        assert!(next.unwrap_err().to_string().contains("did not answer within"), "it had no turn");
        let next = disk.work(PIECE_LIMIT, || -> io::Result<()> { panic!("it is given work") }).await;
        assert!(next.unwrap_err().to_string().contains("still does not answer"));
        (0..AT_ONCE).for_each(|_| answer.send(()).unwrap());
        idle(&disk).await;
        assert_eq!(disk.work(PIECE_LIMIT, || Ok(1)).await.unwrap(), 1);
    }
}
