//! Limits for every operation on a store: time, rate and size. docs/limits.md lists them for operators.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout_at};

/// The time limit for writing an object, including all attempts of one call. A check file takes a few kilobytes.
pub(super) const PUT_TIMEOUT: Duration = Duration::from_mins(1);
/// The time limit for reading an object, including its body.
pub(super) const GET_TIMEOUT: Duration = Duration::from_mins(2);
/// The time limit for reading many objects. Callers that cannot wait as long use shorter limits.
pub(super) const GET_ALL_TIMEOUT: Duration = Duration::from_mins(20);
/// The time limit for a listing, which is enough for millions of names at 100 ms per thousand.
pub(super) const LIST_TIMEOUT: Duration = Duration::from_mins(20);

/// The period in which at least [`MIN_BYTES_PER_WINDOW`] of a body must arrive.
pub(super) const RATE_WINDOW: Duration = Duration::from_secs(5);
/// The minimum number of bytes of a body in each [`RATE_WINDOW`]: a tenth of a modem's speed. A slower service would
/// keep its readers busy for hours.
pub(super) const MIN_BYTES_PER_WINDOW: u64 = 4 << 10;

/// The maximum size of a check file, in bytes. A round of 100,000 endpoints takes about 23 MB.
pub(super) const CHECK_FILE_LIMIT: u64 = 32 << 20;
/// The maximum size of a history, in bytes, both as stored and decompressed. 10,000 endpoints over a year take about 60
/// MB.
pub(super) const HISTORY_LIMIT: u64 = 64 << 20;
/// The maximum size of latency sketches, in bytes, both as stored and decompressed. They are ten times as large as a
/// history.
pub(super) const LATENCIES_LIMIT: u64 = 256 << 20;
/// The maximum size of a summary or badge, in bytes. A summary takes a few hundred bytes per endpoint.
pub(super) const SUMMARY_LIMIT: u64 = 16 << 20;

/// The maximum size of a post, in bytes: enough for the longest text, 500 endpoints and 2,000 windows.
pub(super) const POST_LIMIT: u64 = 1 << 20;

/// The maximum size of a batch of objects, in bytes, unless it contains only one object. Hostile nodes can store many
/// objects of the maximum size.
pub(super) const BATCH_LIMIT: u64 = 32 << 20;

/// The maximum number of names of one kind in a listing: enough for ten years of checks every minute. A name takes up
/// to 64 bytes of memory.
pub(super) const NAMES_LIMIT: usize = 5_000_000;
/// The maximum number of pages in a bucket's listing, with a thousand keys each.
pub(super) const PAGES_LIMIT: usize = 20_000;

/// Why a body was not read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyError<E> {
    /// The body is larger than the limit.
    TooLarge,
    /// The body arrives more slowly than [`MIN_BYTES_PER_WINDOW`], or is incomplete at the deadline.
    TooSlow,
    Failed(E),
}

/// Reads a body that arrives in chunks, within a size limit, a deadline and a minimum rate. `length` is its size in bytes
/// if the service announced it.
pub(super) async fn read_body<E>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    length: Option<u64>,
    size_limit: u64,
    deadline: Instant,
) -> Result<Vec<u8>, BodyError<E>> {
    // Growing step by step could take twice the memory.
    let mut content = Vec::with_capacity(usize::try_from(length.unwrap_or(0).min(size_limit)).unwrap_or_default());
    let (mut window_end, mut in_window) = (Instant::now() + RATE_WINDOW, 0);
    loop {
        let chunk = timeout_at(window_end.min(deadline), body.next()).await;
        let now = Instant::now();
        match chunk {
            Ok(None) => return Ok(content),
            Ok(Some(Err(error))) => return Err(BodyError::Failed(error)),
            Ok(Some(Ok(chunk))) => {
                in_window += chunk.len() as u64;
                if (content.len() + chunk.len()) as u64 > size_limit {
                    return Err(BodyError::TooLarge);
                }
                content.extend_from_slice(&chunk);
            }
            Err(_) => {}
        }
        // The limits also apply to a body that never waits for more data.
        if now >= deadline || now >= window_end && in_window < MIN_BYTES_PER_WINDOW {
            return Err(BodyError::TooSlow);
        }
        if now >= window_end {
            (window_end, in_window) = (now + RATE_WINDOW, 0);
        }
    }
}

/// Describes a size limit in words: `64 MiB`, `16 KiB`.
pub(super) fn describe_size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    /// Reads a body of `count` chunks of `size` bytes, one every `interval`, and measures how long that takes.
    async fn read(
        count: usize,
        size: usize,
        interval: Duration,
        limit: u64,
    ) -> (Result<usize, BodyError<()>>, Duration) {
        let start = Instant::now();
        let chunks = stream::iter(0..count).then(|_| async move {
            tokio::time::sleep(interval).await;
            Ok(Bytes::from(vec![b'x'; size]))
        });
        let read = read_body(Box::pin(chunks), None, limit, start + GET_TIMEOUT).await;
        (read.map(|content| content.len()), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_below_the_minimum_rate_is_abandoned_after_a_window() {
        let (read, elapsed) = read(usize::MAX, 1, Duration::from_millis(500), HISTORY_LIMIT).await;
        assert_eq!((read, elapsed), (Err(BodyError::TooSlow), RATE_WINDOW));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_later_is_abandoned_as_well() {
        let start = Instant::now();
        let first = stream::iter([Ok::<_, ()>(Bytes::from(vec![b'x'; 1 << 20]))]);
        let read =
            read_body(first.chain(stream::pending()), Some(HISTORY_LIMIT), HISTORY_LIMIT, start + GET_TIMEOUT).await;
        assert_eq!(read, Err(BodyError::TooSlow));
        assert!(start.elapsed() <= 2 * RATE_WINDOW, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_is_read_while_it_keeps_the_minimum_rate() {
        let (read, elapsed) = read(20, 1 << 10, Duration::from_secs(1), HISTORY_LIMIT).await;
        assert_eq!((read, elapsed), (Ok(20 << 10), Duration::from_secs(20)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_an_end_is_abandoned_at_the_deadline() {
        let (read, elapsed) = read(usize::MAX, 1 << 10, Duration::from_secs(1), HISTORY_LIMIT).await;
        assert_eq!((read, elapsed), (Err(BodyError::TooSlow), GET_TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_above_the_size_limit_is_not_read_to_its_end() {
        let (read, elapsed) = read(usize::MAX, 1 << 20, Duration::ZERO, 3 << 20).await;
        assert_eq!(read, Err(BodyError::TooLarge));
        assert!(elapsed < RATE_WINDOW);
    }

    #[test]
    fn sizes_have_units() {
        let sizes = [7, 16 << 10, CHECK_FILE_LIMIT].map(describe_size);
        assert_eq!(sizes, ["7 bytes", "16 KiB", "32 MiB"]);
    }
}
