//! What holds for a watch, with real commands and clocks of all kinds.

use super::*;
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

struct Watched {
    events: mpsc::Sender<Event>,
    batches: mpsc::UnboundedReceiver<Vec<CheckResult>>,
}

fn watch(config: &Arc<Config>, clock: fn() -> UnixNanos) -> Watched {
    watch_with(config, new_context(config, clock), Beginning::AfterARound, clock)
}

fn watch_with(config: &Arc<Config>, context: CheckContext, beginning: Beginning, clock: fn() -> UnixNanos) -> Watched {
    let (sender, batches) = mpsc::unbounded_channel();
    let (events, receiver) = mpsc::channel(1);
    let known = (beginning, Vec::new());
    tokio::spawn(Watch::new(Arc::clone(config), Arc::new(context), SECOND, known, clock, sender).run(receiver));
    Watched { events, batches }
}

/// A watch that was not begun yet, after a round that found all as `believed`, and what it sends.
fn standing(
    config: &Arc<Config>,
    believed: Status,
    clock: fn() -> UnixNanos,
) -> (Watch, mpsc::UnboundedReceiver<Vec<CheckResult>>) {
    let (sender, batches) = mpsc::unbounded_channel();
    let memories = vec![Memory { believed, pending: Vec::new() }; config.checks.len()];
    let known = (Beginning::AfterARound, memories);
    let context = Arc::new(new_context(config, clock));
    (Watch::new(Arc::clone(config), context, 60 * SECOND, known, clock, sender), batches)
}

/// A look that ended with this status, begun under the watch's present configuration.
fn look(watch: &mut Watch, index: usize, status: Status) -> Finished {
    let check = Arc::clone(&watch.config.checks[index]);
    let ticket = watch.places.take((watch.clock)()).expect("there is room");
    watch.looking[index] = true;
    let timestamp = (watch.clock)();
    let result = CheckResult { title: check.title.clone(), timestamp, status, ..CheckResult::default() };
    Finished { generation: watch.generation, index, ticket, check, result }
}

/// The next result of this title.
async fn next(watched: &mut Watched, title: &str) -> CheckResult {
    loop {
        let batch = watched.batches.recv().await.expect("it goes on");
        if let Some(result) = batch.into_iter().find(|result| result.title == title) {
            return result;
        }
    }
}

#[tokio::test]
async fn each_endpoint_keeps_its_own_moment_and_interval() {
    let config = config(&[command("A", ""), command("B", r#","every":"2s""#)].join(","));
    let mut watched = watch(&config, crate::now);
    let mut moments: Vec<(i64, i64)> = Vec::new();
    for (title, every) in [("A", SECOND), ("A", SECOND), ("B", 2 * SECOND), ("B", 2 * SECOND)] {
        let result = next(&mut watched, title).await;
        assert_eq!((result.status, result.interval), (Status::Healthy, Some(every)));
        moments.push((result.timestamp / every, every));
    }
    assert!(moments[0].0 < moments[1].0 && moments[2].0 < moments[3].0, "{moments:?}");
}

#[tokio::test]
async fn one_that_hangs_delays_nobody_and_what_is_under_way_is_finished() {
    let hanging = r#"{"type":"exec","name":"H","command":"sleep","arguments":["600"],"timeout":"3s"}"#;
    let mut watched = watch(&config(&[hanging.to_owned(), command("A", "")].join(",")), crate::now);
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(watched.batches.recv().await.expect("it goes on"));
    }
    assert!(seen.iter().take(2).all(|result| result.title == "A"), "{seen:?}");
    watched.events.send(Event::Stop).await.expect("it listens");
    while let Some(batch) = watched.batches.recv().await {
        seen.extend(batch);
    }
    let hung = seen.iter().find(|result| result.title == "H").expect("it was finished");
    assert_eq!(hung.reason(), Some("command not finished within 3s"));
}

#[tokio::test]
async fn a_check_that_breaks_off_is_unknown_and_made_again_when_it_is_due() {
    let faulty = r#"{"type":"tls","endpoint_name":"F","endpoint_url":"127.0.0.1:9"}"#;
    let config = config(&[faulty.to_owned(), command("A", "")].join(","));
    // Only the first of them asks these for the time.
    let context = new_context(&config, || panic!("a fault of the checker"));
    let mut watched = watch_with(&config, context, Beginning::AfterARound, crate::now);
    for title in ["F", "A", "F"] {
        let result = next(&mut watched, title).await;
        let expected = if title == "F" { Status::Unknown } else { Status::Healthy };
        assert_eq!((result.status, result.notice.contains("the check broke off")), (expected, title == "F"));
    }
}

#[tokio::test]
async fn another_configuration_holds_from_when_it_comes() {
    let mut watched = watch(&config(&command("A", "")), crate::now);
    next(&mut watched, "A").await;
    let new = config(&command("B", ""));
    watched.events.send(Event::Reload(new)).await.expect("it listens");
    next(&mut watched, "B").await;
    let batch = watched.batches.recv().await.expect("it goes on");
    assert!(batch.iter().all(|result| result.title == "B"), "{batch:?}");
}

static SLEPT: AtomicI64 = AtomicI64::new(0);

#[tokio::test]
async fn what_was_missed_while_the_machine_slept_is_stored_as_unknown() {
    let mut watched = watch(&config(&command("A", "")), || crate::now() + SLEPT.load(Ordering::Relaxed));
    // An hour passes at once, and no timer knows of it.
    SLEPT.fetch_add(3_600 * SECOND, Ordering::Relaxed);
    let batch = watched.batches.recv().await.expect("it goes on");
    let missed = batch.iter().find(|result| result.status == Status::Unknown).expect("it was missed");
    assert!(missed.notice.contains("times: this checker was suspended"), "{missed:?}");
    assert!(missed.timestamp < crate::now() + 10 * SECOND, "from the first of them on");
}

#[tokio::test]
async fn at_the_start_everything_is_looked_at_at_once_and_nobody_waits_for_one_that_hangs() {
    let hanging = r#"{"type":"exec","name":"H","command":"sleep","arguments":["600"],"timeout":"5m"}"#;
    let config = config(&[hanging.to_owned(), command("A", ""), command("B", r#","every":"1h""#)].join(","));
    let mut watched = watch_with(&config, new_context(&config, crate::now), Beginning::Fresh, crate::now);
    for title in ["B", "A", "A"] {
        assert_eq!(next(&mut watched, title).await.status, Status::Healthy);
    }
}

#[tokio::test]
async fn what_was_never_looked_at_is_looked_at_before_the_end() {
    let commands: Vec<String> = (0..100).map(|number| command(&format!("{number}"), "")).collect();
    let config = config(&commands.join(","));
    let mut watched = watch_with(&config, new_context(&config, crate::now), Beginning::Fresh, crate::now);
    watched.events.send(Event::Stop).await.expect("it listens");
    let mut seen = 0;
    while let Some(batch) = watched.batches.recv().await {
        seen += batch.len();
    }
    assert_eq!(seen, 100);
}

#[tokio::test]
async fn windows_that_pass_while_all_places_are_taken_are_stored_as_missed() {
    let slow = r#"{"type":"exec","name":"S","command":"sleep","arguments":["2.5"],"timeout":"1m"}"#;
    let text = format!(r#"{{"every":"1s","concurrent_checks":1,"checkers":[{slow},{}]}}"#, command("A", ""));
    let config = config_of(&text);
    let mut watched = watch(&config, crate::now);
    let mut seen = Vec::new();
    while seen.len() < 6 && !seen.iter().any(|result: &CheckResult| result.status == Status::Unknown) {
        seen.push(next(&mut watched, "A").await);
    }
    assert!(seen.last().is_some_and(|result| result.notice.contains("had too much to do")), "{seen:?}");
}

const HOUR: Nanos = 3_600 * SECOND;

#[test]
fn a_configuration_that_is_read_again_moves_no_window_and_what_is_new_is_looked_at_at_once() {
    static NOW: AtomicI64 = AtomicI64::new(1_000 * HOUR);
    let clock = || NOW.load(Ordering::Relaxed);
    let hourly = |name: &str| command(name, r#","every":"1h""#);
    let (mut watch, _batches) = standing(&config(&[hourly("A"), hourly("B")].join(",")), Status::Healthy, clock);
    let before = watch.timetable.entry(0);
    // Shortly before it is due.
    NOW.store(before.1 - SECOND, Ordering::Relaxed);
    watch.reload(config(&[hourly("New"), command("B", r#","every":"2h""#), hourly("A")].join(",")));
    assert_eq!(watch.timetable.entry(2), before, "A, at another place");
    let ready: Vec<usize> = watch.ready.iter().map(|due| due.index).collect();
    assert_eq!(ready, [0, 1], "the new one, and the one whose interval is another");
    // What waits for a place goes on waiting, and once.
    watch.reload(config(&[hourly("A"), hourly("New")].join(",")));
    let ready: Vec<usize> = watch.ready.iter().map(|due| due.index).collect();
    assert_eq!((ready, watch.looking.clone()), (vec![1], vec![false, true]));
}

#[test]
fn a_look_under_way_when_the_configuration_is_read_again_is_judged_like_any_other() {
    let careful = config(&command("A", r#","failures_before_down":2"#));
    let (mut watch, _batches) = standing(&careful, Status::Healthy, || 0);
    let finished = look(&mut watch, 0, Status::Down);
    watch.reload(config(&[command("B", ""), command("A", r#","failures_before_down":2"#)].join(",")));
    assert_eq!(watch.ready.iter().map(|due| due.index).collect::<Vec<_>>(), [0], "A is being looked at");
    watch.finish(finished);
    assert_eq!((watch.batch[0].title.as_str(), watch.batch[0].status), ("A", Status::Healthy));
    assert!(watch.batch[0].notice.contains("down 1 of 2 times in a row"), "{:?}", watch.batch[0]);
    assert_eq!((watch.looking[1], watch.memories[1].pending.len()), (false, 1));
    let gone = look(&mut watch, 1, Status::Down);
    watch.reload(config(&command("B", "")));
    watch.finish(gone);
    assert_eq!(watch.batch[1].status, Status::Down, "nobody waits for a second look any more");
}

#[test]
fn who_is_down_is_looked_at_more_often_and_each_result_stands_until_the_next() {
    let config = config(&command("A", r#","every":"1m","every_when_unhealthy":"10s","failures_before_down":2"#));
    let (mut watch, _batches) = standing(&config, Status::Healthy, || 1_000 * HOUR);
    let mut told = Vec::new();
    for status in [Status::Healthy, Status::Down, Status::Down, Status::Healthy] {
        let finished = look(&mut watch, 0, status);
        watch.finish(finished);
        let (every, next) = watch.timetable.entry(0);
        assert!(next <= 1_000 * HOUR + shared::uptime::validity(every), "due before it is too old");
        told.push((every / SECOND, watch.batch.last().and_then(|result| result.interval)));
    }
    // What may be getting worse is looked at as often as what has.
    let seconds = |count: i64| (count, Some(count * SECOND));
    assert_eq!(told, [seconds(60), seconds(10), seconds(10), seconds(60)]);
}

#[test]
fn a_look_that_takes_longer_than_the_interval_stands_until_the_next_one_all_the_same() {
    static NOW: AtomicI64 = AtomicI64::new(1_000 * HOUR);
    let config = config(&command("A", r#","every":"60s","every_when_unhealthy":"10s""#));
    let (mut watch, _batches) = standing(&config, Status::Healthy, || NOW.load(Ordering::Relaxed));
    // The interval is another from the first of them on, and is again with the last.
    for (status, takes) in [(Status::Down, 30), (Status::Down, 1), (Status::Down, 45), (Status::Healthy, 25)] {
        let begun = NOW.load(Ordering::Relaxed);
        let finished = look(&mut watch, 0, status);
        NOW.store(begun + takes * SECOND, Ordering::Relaxed);
        watch.see_what_is_due();
        watch.finish(finished);
        let (every, next) = watch.timetable.entry(0);
        let interval = watch.batch.last().and_then(|result| result.interval).expect("it is said");
        assert!(interval == every || (interval - (next - begun)).abs() <= every / 2, "{status:?}, {takes}: {interval}");
        let stands = shared::uptime::validity(interval);
        assert!(begun + stands >= next + every / 2, "{status:?}, {takes}: and the next one may take its time, too");
        assert!(watch.ready.is_empty(), "nobody is looked at twice at once");
        NOW.store(next, Ordering::Relaxed);
        watch.see_what_is_due();
        assert_eq!(watch.ready.pop_front().map(|due| due.index), Some(0));
        watch.looking[0] = false;
    }
}

#[test]
fn how_long_a_look_stands_is_told_in_intervals() {
    let told = |begun, next| until_next(begun, (10, next));
    assert_eq!([told(0, 10), told(1, 10), told(0, 13), told(0, 16), told(0, 40)], [10, 10, 10, 20, 40]);
    // Its clock was set back meanwhile, or knows no end.
    assert_eq!((told(100, 10), told(i64::MIN, i64::MAX)), (10, i64::MAX / 10 * 10));
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    static NOW: AtomicI64 = AtomicI64::new(1_000 * HOUR);
    let config = config(&command("A", r#","every":"1m""#));
    let (mut watch, _batches) = standing(&config, Status::Healthy, || NOW.load(Ordering::Relaxed));
    NOW.store(990 * HOUR, Ordering::Relaxed);
    watch.see_what_is_due();
    let (every, next) = watch.timetable.entry(0);
    assert!((990 * HOUR..=990 * HOUR + every).contains(&next), "{next}");
    assert!(watch.batch.is_empty(), "nothing was missed");
}
