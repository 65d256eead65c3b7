//! Tests of the queue with stores and upkeep that hang, in virtual time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::recorder::expiry::ExpiryOutcome;
use crate::store::settings::{Storage, StoreLocation};

const START: UnixNanos = 1_795_330_254_340_493_978;

thread_local! {
    static CLOCK: Cell<UnixNanos> = const { Cell::new(START) };
}

fn clock(_: &[CheckResult]) -> UnixNanos {
    CLOCK.set(CLOCK.get() + 1_000_000);
    CLOCK.get()
}

fn node() -> NodeName {
    NodeName::new("here").expect("it is a name")
}

fn result(timestamp: i64) -> CheckResult {
    CheckResult { timestamp, ..CheckResult::default() }
}

fn spool(directory: &std::path::Path) -> Spool {
    let location = StoreLocation::Directory("checks".into());
    Spool::open(directory, &Storage { location, check_expiry: None, history_expiry: shared::DAY }, &node())
}

/// A store that accepts rounds while it is open, and removes them from the spool.
#[derive(Clone)]
struct Gate {
    spool: Spool,
    is_open: Rc<Cell<bool>>,
    opened: Rc<Notify>,
    stored: Rc<RefCell<Vec<Vec<i64>>>>,
}

impl Gate {
    fn new(spool: &Spool, is_open: bool) -> Gate {
        Gate {
            spool: spool.clone(),
            is_open: Rc::new(Cell::new(is_open)),
            opened: Rc::default(),
            stored: Rc::default(),
        }
    }

    fn open(&self) {
        self.is_open.set(true);
        self.opened.notify_waiters();
    }

    async fn wait(&self) {
        while !self.is_open.get() {
            self.opened.notified().await;
        }
    }
}

impl RoundStore for Gate {
    async fn store(&mut self, round: &QueuedRound) -> Result<Upload, StoreError> {
        // As in the real store, rounds that are already in the spool are sent first.
        let waiting = self.spool.waiting().await?;
        self.wait().await;
        let mut sent = Vec::new();
        for name in waiting {
            if round.kept.as_deref() != Some(&self.spool.folder().join(name.to_string())) {
                self.spool.delete_file(self.spool.folder().join(name.to_string())).await?;
                sent.push(name);
            }
        }
        if let Some(path) = round.kept.clone() {
            self.spool.delete_file(path).await?;
        }
        self.stored.borrow_mut().push(round.results.iter().map(|result| result.timestamp).collect());
        let name = round.name.clone();
        Ok(Upload { name, sent_from_spool: sent.len(), sent, still_waiting: 0, warnings: Vec::new() })
    }
}

/// Upkeep that waits for a gate, and records what the history would contain.
struct Recording {
    gate: Gate,
    names: Rc<RefCell<Vec<CheckFileName>>>,
}

impl FollowUp for Recording {
    async fn follow_up(&mut self, round: (&CheckFileName, &[CheckResult]), others: &[CheckFileName]) -> UpkeepOutcome {
        self.gate.wait().await;
        self.names.borrow_mut().extend(others.iter().chain([round.0]).cloned());
        UpkeepOutcome { history: Ok(()), summary: Ok(()), expiry: ExpiryOutcome::default(), current: None }
    }
}

/// Returns the times of all results in the spool.
async fn spooled(spool: &Spool) -> Vec<i64> {
    let mut times = Vec::new();
    for name in spool.waiting().await.unwrap() {
        let content = std::fs::read(spool.folder().join(name.to_string())).unwrap();
        let file = shared::check_file::CheckFile::parse(&content).unwrap();
        times.extend(file.results.iter().map(|result| result.timestamp));
    }
    times
}

/// Runs a queue while `scenario` sends batches, and returns the errors that were reported.
async fn run(
    spool: &Spool,
    store: &Gate,
    upkeep: &Gate,
    scenario: impl AsyncFnOnce(tokio::sync::mpsc::UnboundedSender<Vec<CheckResult>>),
) -> (Vec<String>, Vec<CheckFileName>) {
    let (sender, mut batches) = unbounded_channel();
    let errors = RefCell::new(Vec::new());
    let report = |event: RecordEvent<'_>| {
        if let RecordEvent::NotStored { error, .. } = event {
            errors.borrow_mut().push(error.to_string());
        }
    };
    let names = Rc::default();
    let queue = Queue { node: node(), spool: spool.clone(), clock, report, store_description: "the store".to_owned() };
    let recording = Recording { gate: upkeep.clone(), names: Rc::clone(&names) };
    tokio::join!(queue.run(store.clone(), recording, &mut batches), scenario(sender));
    (errors.take(), names.take())
}

#[tokio::test(start_paused = true)]
async fn upkeep_that_hangs_delays_no_round_and_later_gets_all_of_them() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    let (store, upkeep) = (Gate::new(&spool, true), Gate::new(&spool, false));
    let (errors, names) = run(&spool, &store, &upkeep, async |sender| {
        for time in 1..=60 {
            sender.send(vec![result(time)]).unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(store.stored.borrow().len(), time as usize, "the round is stored");
        }
        assert_eq!(spooled(&spool).await, [0_i64; 0]);
        upkeep.open();
    })
    .await;
    assert_eq!((errors, names.len()), (vec![], 60));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_stops_no_round_and_everything_is_in_the_spool() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    let (store, upkeep) = (Gate::new(&spool, false), Gate::new(&spool, true));
    let (errors, names) = run(&spool, &store, &upkeep, async |sender| {
        for time in 1..=61 {
            sender.send(vec![result(time)]).unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(SPOOL_AFTER).await;
        // The store itself spools the round that it is storing: see `upload`.
        assert_eq!(spooled(&spool).await, (2..=61).collect::<Vec<_>>(), "a kill loses nothing");
        assert_eq!(spool.waiting().await.unwrap().len(), 1, "and they are merged");
        store.open();
    })
    .await;
    assert_eq!(errors, [""; 0]);
    assert_eq!(store.stored.borrow()[..], [vec![1], (2..=61).collect::<Vec<_>>()]);
    assert_eq!((spooled(&spool).await, names.len()), (vec![], 2));
}

#[tokio::test(start_paused = true)]
async fn more_results_than_fit_a_check_file_are_left_to_the_spool() {
    let directory = tempfile::tempdir().unwrap();
    let spool = spool(directory.path());
    let (store, upkeep) = (Gate::new(&spool, false), Gate::new(&spool, true));
    let all = 3 * MERGED_RESULTS_LIMIT as i64;
    let (errors, names) = run(&spool, &store, &upkeep, async |sender| {
        sender.send(vec![result(0)]).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        for time in 1..=all {
            sender.send(vec![result(time)]).unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(2 * SPOOL_AFTER).await;
        assert_eq!(spooled(&spool).await, (1..=all).collect::<Vec<_>>());
        store.open();
        tokio::time::sleep(Duration::from_secs(1)).await;
        // Sending the next round also sends the spooled ones.
        sender.send(vec![result(all + 1)]).unwrap();
    })
    .await;
    assert!(
        !errors.is_empty()
            && errors.iter().all(|error| error.contains("busy with earlier rounds; the round is kept in"))
    );
    assert_eq!(spooled(&spool).await, [0_i64; 0]);
    assert_eq!(names.len() - store.stored.borrow().len(), errors.len(), "the history gets those from the spool, too");
}

#[tokio::test]
async fn batches_that_pile_up_are_merged_in_order_up_to_a_limit() {
    let (sender, mut batches) = unbounded_channel();
    let send = |times: std::ops::Range<i64>| sender.send(times.map(result).collect()).expect("it is open");
    send(0..1);
    send(1..3);
    let limit = MERGED_RESULTS_LIMIT as i64;
    send(3..limit + 3);
    send(limit + 3..limit + 4);
    drop(sender);
    let mut next = async || {
        let mut results = batches.recv().await?;
        merge_more(&mut results, &mut batches);
        Some(results.iter().map(|result| result.timestamp).collect::<Vec<i64>>())
    };
    assert_eq!(next().await, Some((0..limit + 3).collect()));
    assert_eq!(next().await, Some(vec![limit + 3]));
    assert!(next().await.is_none());
}
