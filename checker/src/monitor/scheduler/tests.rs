//! Tests the scheduler with real commands and simulated clocks.

use super::*;
use crate::checks::HeartbeatReader;
use crate::config::{Environment, from_text};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::mpsc;

fn config(checkers: &str) -> Arc<Config> {
    config_of(&format!(r#"{{"every":"1s","checkers":[{checkers}]}}"#))
}

fn config_of(text: &str) -> Arc<Config> {
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let (config, problems) = from_text(text, Path::new(""), &environment);
    Arc::new(config.unwrap_or_else(|| panic!("{:#?}", problems.lines("x", text))))
}

fn command(name: &str, more: &str) -> String {
    format!(r#"{{"type":"exec","name":"{name}","command":"true"{more}}}"#)
}

struct RunningScheduler {
    controls: mpsc::Sender<Control>,
    batches: mpsc::UnboundedReceiver<Vec<CheckResult>>,
}

fn start(config: &Arc<Config>, clock: fn() -> UnixNanos) -> RunningScheduler {
    start_with(config, new_context(config, clock), StartMode::AfterRound, clock)
}

fn start_with(
    config: &Arc<Config>,
    context: CheckContext,
    start_mode: StartMode,
    clock: fn() -> UnixNanos,
) -> RunningScheduler {
    let (sender, batches) = mpsc::unbounded_channel();
    let (controls, receiver) = mpsc::channel(1);
    let start = (start_mode, Vec::new());
    tokio::spawn(Scheduler::new(Arc::clone(config), Arc::new(context), SECOND, start, clock, sender).run(receiver));
    RunningScheduler { controls, batches }
}

/// Creates a scheduler that is not running yet, and the receiver of its batches. In the preceding round, every endpoint
/// had `confirmed_status`.
fn idle(
    config: &Arc<Config>,
    confirmed_status: Status,
    clock: fn() -> UnixNanos,
) -> (Scheduler, mpsc::UnboundedReceiver<Vec<CheckResult>>) {
    let (sender, batches) = mpsc::unbounded_channel();
    let confirmations = vec![ConfirmationState { confirmed_status, unconfirmed: Vec::new() }; config.checks.len()];
    let start = (StartMode::AfterRound, confirmations);
    let context = Arc::new(new_context(config, clock));
    (Scheduler::new(Arc::clone(config), context, 60 * SECOND, start, clock, sender), batches)
}

/// Creates a completed check with this status, started under the current configuration.
fn run_check(scheduler: &mut Scheduler, index: usize, status: Status) -> CompletedCheck {
    let check = Arc::clone(&scheduler.config.checks[index]);
    let permit = scheduler.limiter.acquire((scheduler.clock)()).expect("there is room");
    scheduler.is_active[index] = true;
    let timestamp = (scheduler.clock)();
    let result = CheckResult { title: check.title.clone(), timestamp, status, ..CheckResult::default() };
    CompletedCheck { generation: scheduler.generation, index, permit, check, result }
}

/// Returns the next result with this title.
async fn next(running: &mut RunningScheduler, title: &str) -> CheckResult {
    loop {
        let batch = running.batches.recv().await.expect("it is running");
        if let Some(result) = batch.into_iter().find(|result| result.title == title) {
            return result;
        }
    }
}

#[tokio::test]
async fn each_endpoint_keeps_its_time_and_interval() {
    let config = config(&[command("A", ""), command("B", r#","every":"2s""#)].join(","));
    let mut running = start(&config, crate::now);
    let mut moments: Vec<(i64, i64)> = Vec::new();
    for (title, every) in [("A", SECOND), ("A", SECOND), ("B", 2 * SECOND), ("B", 2 * SECOND)] {
        let result = next(&mut running, title).await;
        assert_eq!((result.status, result.interval), (Status::Healthy, Some(every)));
        moments.push((result.timestamp / every, every));
    }
    assert!(moments[0].0 < moments[1].0 && moments[2].0 < moments[3].0, "{moments:?}");
}

#[tokio::test]
async fn a_hanging_check_is_finished_without_delaying_others() {
    let hanging = r#"{"type":"exec","name":"H","command":"sleep","arguments":["600"],"timeout":"3s"}"#;
    let mut running = start(&config(&[hanging.to_owned(), command("A", "")].join(",")), crate::now);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(running.batches.recv().await.expect("it is running"));
    }
    assert!(seen.iter().take(2).all(|result| result.title == "A"), "{seen:?}");
    running.controls.send(Control::Stop).await.expect("it is running");
    while let Some(batch) = running.batches.recv().await {
        seen.extend(batch);
    }
    let hung = seen.iter().find(|result| result.title == "H").expect("it was finished");
    assert_eq!(hung.reason(), Some("command not finished within 3s"));
}

#[tokio::test]
async fn a_check_that_panics_is_unknown_and_runs_again() {
    let faulty = r#"{"type":"heartbeat","endpoint_name":"F","job":"faulty","interval":"1d"}"#;
    let config = config(&[faulty.to_owned(), command("A", "")].join(","));
    let reader: HeartbeatReader = Arc::new(|_| panic!("a bug"));
    let context = new_context(&config, crate::now).with_heartbeats(Some(reader));
    let mut running = start_with(&config, context, StartMode::AfterRound, crate::now);
    for title in ["F", "A", "F"] {
        let result = next(&mut running, title).await;
        let expected = if title == "F" { Status::Unknown } else { Status::Healthy };
        assert_eq!((result.status, result.notice.contains("the check panicked")), (expected, title == "F"));
    }
}

#[tokio::test]
async fn a_new_configuration_takes_effect_immediately() {
    let mut running = start(&config(&command("A", "")), crate::now);
    next(&mut running, "A").await;
    let new = config(&command("B", ""));
    running.controls.send(Control::Reload(new)).await.expect("it is running");
    next(&mut running, "B").await;
    let batch = running.batches.recv().await.expect("it is running");
    assert!(batch.iter().all(|result| result.title == "B"), "{batch:?}");
}

static SLEPT: AtomicI64 = AtomicI64::new(0);

#[tokio::test]
async fn checks_missed_during_a_suspension_are_unknown() {
    let mut running = start(&config(&command("A", "")), || crate::now() + SLEPT.load(Ordering::Relaxed));
    // Advance the clock by an hour without letting any timer expire.
    SLEPT.fetch_add(3_600 * SECOND, Ordering::Relaxed);
    let batch = running.batches.recv().await.expect("it is running");
    let missed = batch.iter().find(|result| result.status == Status::Unknown).expect("it was missed");
    assert!(missed.notice.contains("checks missed: the checker was suspended"), "{missed:?}");
    assert!(missed.timestamp < crate::now() + 10 * SECOND, "it has the time of the first missed check");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_cannot_be_stored_pauses_checks_without_a_busy_loop() {
    static NOW: AtomicI64 = AtomicI64::new(clock::EARLIEST + 1_000 * HOUR);
    static READS: AtomicI64 = AtomicI64::new(0);
    fn read() -> UnixNanos {
        READS.fetch_add(1, Ordering::Relaxed);
        NOW.load(Ordering::Relaxed)
    }
    let mut running = start(&config(&command("A", "")), read);
    for unusable in [-1, 0, clock::LATEST, UnixNanos::MAX] {
        NOW.store(unusable, Ordering::Relaxed);
        tokio::time::sleep(2 * CLOCK_CHECK_INTERVAL).await;
        let before = READS.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_hours(1)).await;
        let reads = READS.load(Ordering::Relaxed) - before;
        assert!((1..3_600).contains(&reads), "{reads} reads in an hour at {unusable}");
        assert!(running.batches.try_recv().is_err(), "nothing is checked at {unusable}");
    }
    NOW.store(clock::EARLIEST + 1_001 * HOUR + SECOND / 10, Ordering::Relaxed);
    let batch = running.batches.recv().await.expect("it is running");
    assert!(batch.iter().all(|result| clock::verify(result.timestamp).is_ok()), "{batch:?}");
    NOW.store(UnixNanos::MAX, Ordering::Relaxed);
    running.controls.send(Control::Stop).await.expect("it is running");
    while running.batches.recv().await.is_some() {}
}

#[tokio::test]
async fn all_endpoints_are_checked_at_the_start() {
    let hanging = r#"{"type":"exec","name":"H","command":"sleep","arguments":["600"],"timeout":"5m"}"#;
    let config = config(&[hanging.to_owned(), command("A", ""), command("B", r#","every":"1h""#)].join(","));
    let mut running = start_with(&config, new_context(&config, crate::now), StartMode::CheckAll, crate::now);
    for title in ["B", "A", "A"] {
        assert_eq!(next(&mut running, title).await.status, Status::Healthy);
    }
}

#[tokio::test]
async fn every_endpoint_is_checked_before_a_stop() {
    let commands: Vec<String> = (0..100).map(|number| command(&format!("{number}"), "")).collect();
    let config = config(&commands.join(","));
    let mut running = start_with(&config, new_context(&config, crate::now), StartMode::CheckAll, crate::now);
    running.controls.send(Control::Stop).await.expect("it is running");
    let mut seen = 0;
    while let Some(batch) = running.batches.recv().await {
        seen += batch.len();
    }
    assert_eq!(seen, 100);
}

#[tokio::test]
async fn checks_without_a_permit_are_stored_as_missed() {
    let slow = r#"{"type":"exec","name":"S","command":"sleep","arguments":["2.5"],"timeout":"1m"}"#;
    let text = format!(r#"{{"every":"1s","concurrent_checks":1,"checkers":[{slow},{}]}}"#, command("A", ""));
    let config = config_of(&text);
    let mut running = start(&config, crate::now);
    let mut seen = Vec::new();
    while seen.len() < 6 && !seen.iter().any(|result: &CheckResult| result.status == Status::Unknown) {
        seen.push(next(&mut running, "A").await);
    }
    assert!(seen.last().is_some_and(|result| result.notice.contains("suspended or overloaded")), "{seen:?}");
}

const HOUR: Nanos = 3_600 * SECOND;

#[test]
fn a_reload_keeps_schedules_and_checks_new_endpoints_immediately() {
    static NOW: AtomicI64 = AtomicI64::new(1_000 * HOUR);
    let clock = || NOW.load(Ordering::Relaxed);
    let hourly = |name: &str| command(name, r#","every":"1h""#);
    let (mut scheduler, _batches) = idle(&config(&[hourly("A"), hourly("B")].join(",")), Status::Healthy, clock);
    let before = scheduler.schedule.entry(0);
    // Set the clock to shortly before the endpoint is due.
    NOW.store(before.1 - SECOND, Ordering::Relaxed);
    scheduler.reload(config(&[hourly("New"), command("B", r#","every":"2h""#), hourly("A")].join(",")));
    assert_eq!(scheduler.schedule.entry(2), before, "A has another index");
    let ready: Vec<usize> = scheduler.ready.iter().map(|due| due.index).collect();
    assert_eq!(ready, [0, 1], "the new endpoint, and the one with another interval");
    // A check that is ready stays in the queue, but only once.
    scheduler.reload(config(&[hourly("A"), hourly("New")].join(",")));
    let ready: Vec<usize> = scheduler.ready.iter().map(|due| due.index).collect();
    assert_eq!((ready, scheduler.is_active.clone()), (vec![1], vec![false, true]));
}

#[test]
fn a_check_that_runs_during_a_reload_counts() {
    let careful = config(&command("A", r#","failures_before_down":2"#));
    let (mut scheduler, _batches) = idle(&careful, Status::Healthy, || 0);
    let completed = run_check(&mut scheduler, 0, Status::Down);
    scheduler.reload(config(&[command("B", ""), command("A", r#","failures_before_down":2"#)].join(",")));
    assert_eq!(scheduler.ready.iter().map(|due| due.index).collect::<Vec<_>>(), [0], "A is being checked");
    scheduler.complete(completed);
    assert_eq!((scheduler.batch[0].title.as_str(), scheduler.batch[0].status), ("A", Status::Healthy));
    assert!(scheduler.batch[0].notice.contains("down 1 of 2 times in a row"), "{:?}", scheduler.batch[0]);
    assert_eq!((scheduler.is_active[1], scheduler.confirmations[1].unconfirmed.len()), (false, 1));
    let gone = run_check(&mut scheduler, 1, Status::Down);
    scheduler.reload(config(&command("B", "")));
    scheduler.complete(gone);
    assert_eq!(scheduler.batch[1].status, Status::Down, "a removed endpoint needs no confirmation");
}

#[test]
fn results_are_sent_in_the_order_of_the_configuration() {
    let config = config(&["B", "A", "C"].map(|name| command(name, "")).join(","));
    let (mut scheduler, mut batches) = idle(&config, Status::Healthy, || 0);
    for index in [2, 0, 1] {
        let completed = run_check(&mut scheduler, index, Status::Healthy);
        scheduler.complete(completed);
    }
    scheduler.send();
    let sent = batches.try_recv().expect("there are results");
    let sent: Vec<_> = sent.iter().map(|result| (result.title.as_str(), result.position)).collect();
    assert_eq!(sent, [("B", Some(0)), ("A", Some(1)), ("C", Some(2))]);
}

#[test]
fn an_unhealthy_endpoint_is_checked_more_often() {
    let config = config(&command("A", r#","every":"1m","every_when_unhealthy":"10s","failures_before_down":2"#));
    let (mut scheduler, _batches) = idle(&config, Status::Healthy, || 1_000 * HOUR);
    let mut intervals = Vec::new();
    for status in [Status::Healthy, Status::Down, Status::Down, Status::Healthy] {
        let completed = run_check(&mut scheduler, 0, status);
        scheduler.complete(completed);
        let (every, next) = scheduler.schedule.entry(0);
        assert!(
            next <= 1_000 * HOUR + shared::uptime::validity(every),
            "the next check is due while the result is valid"
        );
        intervals.push((every / SECOND, scheduler.batch.last().and_then(|result| result.interval)));
    }
    // An unconfirmed result also shortens the interval.
    let seconds = |count: i64| (count, Some(count * SECOND));
    assert_eq!(intervals, [seconds(60), seconds(10), seconds(10), seconds(60)]);
}

#[test]
fn a_slow_check_is_valid_until_the_next_one() {
    static NOW: AtomicI64 = AtomicI64::new(1_000 * HOUR);
    let config = config(&command("A", r#","every":"60s","every_when_unhealthy":"10s""#));
    let (mut scheduler, _batches) = idle(&config, Status::Healthy, || NOW.load(Ordering::Relaxed));
    // The first result changes the interval, and the last one changes it back.
    for (status, takes) in [(Status::Down, 30), (Status::Down, 1), (Status::Down, 45), (Status::Healthy, 25)] {
        let started = NOW.load(Ordering::Relaxed);
        let completed = run_check(&mut scheduler, 0, status);
        NOW.store(started + takes * SECOND, Ordering::Relaxed);
        scheduler.collect_due();
        scheduler.complete(completed);
        let (every, next) = scheduler.schedule.entry(0);
        let interval = scheduler.batch.last().and_then(|result| result.interval).expect("it has an interval");
        assert!(
            interval == every || (interval - (next - started)).abs() <= every / 2,
            "{status:?}, {takes}: {interval}"
        );
        let validity = shared::uptime::validity(interval);
        assert!(started + validity >= next + every / 2, "{status:?}, {takes}: the next check can be late, too");
        assert!(scheduler.ready.is_empty(), "no endpoint has two checks at once");
        NOW.store(next, Ordering::Relaxed);
        scheduler.collect_due();
        assert_eq!(scheduler.ready.pop_front().map(|due| due.index), Some(0));
        scheduler.is_active[0] = false;
    }
}

#[test]
fn validity_is_a_number_of_intervals() {
    let validity = |started, next| interval_until_next(started, (10, next));
    assert_eq!(
        [validity(0, 10), validity(1, 10), validity(0, 13), validity(0, 16), validity(0, 40)],
        [10, 10, 10, 20, 40]
    );
    // The clock moved back during the check, or the times are extreme.
    assert_eq!((validity(100, 10), validity(i64::MIN, i64::MAX)), (10, i64::MAX / 10 * 10));
}

#[test]
fn a_clock_that_moves_back_does_not_delay_checks() {
    static NOW: AtomicI64 = AtomicI64::new(1_000 * HOUR);
    let config = config(&command("A", r#","every":"1m""#));
    let (mut scheduler, _batches) = idle(&config, Status::Healthy, || NOW.load(Ordering::Relaxed));
    NOW.store(990 * HOUR, Ordering::Relaxed);
    scheduler.collect_due();
    let (every, next) = scheduler.schedule.entry(0);
    assert!((990 * HOUR..=990 * HOUR + every).contains(&next), "{next}");
    assert!(scheduler.batch.is_empty(), "nothing was missed");
}
