//! Work on a file system, done where it may block: one that hangs, such as a mount whose server is gone, is waited for
//! only so long, and is given nothing more to do until it answers. What the work is, is others' business.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long one piece of work may take: a file of some kilobytes, the index of very many files, or some hundred files.
pub(super) const PIECE_LIMIT: Duration = Duration::from_mins(1);

/// The same for work on as many files as there are.
pub(super) const MANY_FILES_LIMIT: Duration = Duration::from_mins(10);

/// A file system, and whether it answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    /// How many pieces of work were given up and still keep a thread each.
    hanging: Arc<AtomicUsize>,
}

impl Disk {
    /// Does work that ends within the limit. What takes longer goes on, but nobody waits for it.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        if self.hanging.load(Ordering::Relaxed) > 0 {
            return Err(hangs("still does not answer"));
        }
        let mut doing = tokio::task::spawn_blocking(work);
        if let Ok(done) = tokio::time::timeout(limit, &mut doing).await {
            return done.map_err(io::Error::other).flatten();
        }
        self.hanging.fetch_add(1, Ordering::Relaxed);
        let hanging = Arc::clone(&self.hanging);
        tokio::spawn(async move {
            let _ = doing.await;
            hanging.fetch_sub(1, Ordering::Relaxed);
        });
        Err(hangs(&format!("did not answer within {} s", limit.as_secs())))
    }
}

fn hangs(how: &str) -> io::Error {
    let text = format!("the file system {how}; see whether it is a mount whose server is out of reach");
    io::Error::new(io::ErrorKind::TimedOut, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

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
        while disk.hanging.load(Ordering::Relaxed) > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(disk.work(PIECE_LIMIT, || Ok(1)).await.unwrap(), 1);
    }
}
