//! Checking without end: each endpoint when the timetable says so, bounded in number, each in its own time. What
//! was seen goes out in batches, news at once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shared::result::CheckResult;
use shared::status::Status;
use shared::{Nanos, SECOND, UnixNanos};
use tokio::sync::mpsc::{Receiver, UnboundedSender};
use tokio::task::JoinSet;

use crate::check::Probes;
use crate::config::valid::{Check, Config};
use crate::confirm::Memory;
use crate::round::Look;
use crate::schedule::{Due, Timetable, stable_hash};

/// How many checks may be under way at once unless the file says: those that hang must not keep others waiting.
const CHECKS_AT_ONCE: usize = 512;
/// How long the machine may have slept without our noticing: timers stand still meanwhile, the clock does not.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(5);
/// How long nothing may be due or under way before a batch is complete.
const QUIET: Nanos = SECOND;
/// A result waits at most this part of the shortest interval, so that it is stored before it is too old.
const WAITS_AT_MOST: Nanos = 4;

/// The endpoints that are watched, and what is under way.
pub struct Watch {
    config: Arc<Config>,
    probes: Arc<Probes>,
    every: Nanos,
    clock: fn() -> UnixNanos,
    timetable: Timetable,
    /// The shortest interval of any endpoint.
    shortest: Nanos,
    /// What is remembered of each endpoint, by its place.
    memories: Vec<Memory>,
    /// How often the configuration has changed: places are those of one configuration.
    generation: u64,
    /// What is due and waits for a place.
    ready: VecDeque<Due>,
    /// Whether each endpoint is being looked at, by its place.
    looking: Vec<bool>,
    under_way: JoinSet<Finished>,
    batch: Vec<CheckResult>,
    /// When the oldest result of the batch came, and whether one of them is news.
    oldest: Option<UnixNanos>,
    is_news: bool,
    batches: UnboundedSender<Vec<CheckResult>>,
}

/// What a watch is interrupted for.
pub enum Event {
    /// Another configuration holds from now on.
    Reload(Arc<Config>),
    /// What is under way is finished, and then it is over.
    Stop,
}

/// A look that was made.
struct Finished {
    generation: u64,
    index: usize,
    result: CheckResult,
}

impl Watch {
    /// Begins after a first round, of which `memories` know, one for each check in their order. `every` holds for checks that say nothing else.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        probes: Arc<Probes>,
        every: Nanos,
        memories: Vec<Memory>,
        clock: fn() -> UnixNanos,
        batches: UnboundedSender<Vec<CheckResult>>,
    ) -> Watch {
        let mut watch = Watch {
            looking: Vec::new(),
            timetable: Timetable::default(),
            shortest: every,
            generation: 0,
            ready: VecDeque::new(),
            under_way: JoinSet::new(),
            batch: Vec::new(),
            oldest: None,
            is_news: false,
            config,
            probes,
            every,
            clock,
            memories,
            batches,
        };
        watch.draw_up();
        watch
    }

    /// Watches until an event says to stop; what is under way then is finished and goes out. Returns what is
    /// remembered, and of which configuration.
    pub async fn run(mut self, mut events: Receiver<Event>) -> (Arc<Config>, Vec<Memory>) {
        loop {
            self.start_what_is_due();
            let pause = self.pause();
            tokio::select! {
                biased;
                event = events.recv() => match event {
                    Some(Event::Reload(config)) => self.reload(config),
                    Some(Event::Stop) | None => break,
                },
                Some(Ok(finished)) = self.under_way.join_next() => self.finish(finished),
                () = tokio::time::sleep(pause) => {}
            }
            self.send_if_complete();
        }
        while let Some(Ok(finished)) = self.under_way.join_next().await {
            self.finish(finished);
        }
        self.send();
        (self.config, self.memories)
    }

    fn draw_up(&mut self) {
        self.memories.resize(self.config.checks.len(), Memory::default());
        let checks = self.config.checks.iter();
        let entries = checks.clone().zip(&self.memories).map(|(check, memory)| {
            (stable_hash(&check.title, check.kind.locator()), interval(check, self.every, memory.believed))
        });
        let intervals =
            checks.flat_map(|check| [Status::Healthy, Status::Down].map(|status| interval(check, self.every, status)));
        self.shortest = intervals.min().unwrap_or(self.every);
        self.timetable = Timetable::new(entries, (self.clock)());
        self.looking = vec![false; self.config.checks.len()];
        self.ready.clear();
    }

    /// What is under way goes on and counts; from now on the new configuration says what is due.
    fn reload(&mut self, config: Arc<Config>) {
        self.probes = Arc::new(Probes::of(&config, self.clock).with_beats(self.probes.beats()));
        self.every = config.every.unwrap_or(self.every);
        let before = std::mem::replace(&mut self.config, config);
        let remembered = std::mem::take(&mut self.memories);
        let mut remembered: HashMap<_, _> = before.checks.iter().map(|check| name_of(check)).zip(remembered).collect();
        self.memories =
            self.config.checks.iter().map(|check| remembered.remove(&name_of(check)).unwrap_or_default()).collect();
        self.generation += 1;
        self.draw_up();
    }

    fn start_what_is_due(&mut self) {
        let now = (self.clock)();
        while let Some(due) = self.timetable.take_due(now) {
            let check = &self.config.checks[due.index];
            if let Some(since) = due.missed_since {
                let look = Look::of(&self.config, Some(self.timetable.every(due.index)));
                let missed = look.missed(check, since, due.missed);
                self.put(missed, now);
            }
            // While the last look is still being made, its result is what counts.
            if !self.looking[due.index] {
                self.looking[due.index] = true;
                self.ready.push_back(due);
            }
        }
        let places = self.config.concurrent_checks.unwrap_or(CHECKS_AT_ONCE);
        while self.under_way.len() < places
            && let Some(due) = self.ready.pop_front()
        {
            let check = Arc::clone(&self.config.checks[due.index]);
            let look = Look::of(&self.config, Some(self.timetable.every(due.index)));
            let (probes, clock) = (Arc::clone(&self.probes), self.clock);
            let (generation, index) = (self.generation, due.index);
            self.under_way.spawn(async move {
                let result = look.make(&check, &probes, clock()).await;
                Finished { generation, index, result }
            });
        }
    }

    fn finish(&mut self, Finished { generation, index, mut result }: Finished) {
        let now = (self.clock)();
        if generation != self.generation {
            // It belongs to a place of the configuration before: it is stored as it is.
            self.put(result, now);
            return;
        }
        let check = &self.config.checks[index];
        let memory = &mut self.memories[index];
        let before = memory.believed;
        let again = memory.take(&mut result, check.confirm);
        self.is_news |= memory.believed != before;
        // What may be getting worse is looked at as often as what has.
        let status = if memory.pending.is_empty() { memory.believed } else { Status::Down };
        let every = interval(check, self.every, status);
        self.looking[index] = false;
        self.timetable.set_every(index, every, now);
        for earlier in again {
            self.put(earlier, now);
        }
        self.put(result, now);
    }

    fn put(&mut self, result: CheckResult, now: UnixNanos) {
        self.oldest.get_or_insert(now);
        self.batch.push(result);
    }

    /// How long nothing has to be done.
    fn pause(&mut self) -> Duration {
        let now = (self.clock)();
        let next = [self.timetable.next_due(), self.batch_is_late_at()].into_iter().flatten().min();
        let pause = next.map_or(Nanos::MAX, |at| at.saturating_sub(now).max(0));
        Duration::from_nanos(pause.unsigned_abs()).min(LOOK_AT_CLOCK_EVERY)
    }

    fn batch_is_late_at(&self) -> Option<UnixNanos> {
        let wait = if self.is_news { SECOND } else { (self.shortest / WAITS_AT_MOST).max(SECOND) };
        self.oldest.map(|oldest| oldest.saturating_add(wait))
    }

    fn send_if_complete(&mut self) {
        let now = (self.clock)();
        let is_quiet = self.under_way.is_empty()
            && self.ready.is_empty()
            && self.timetable.next_due().is_none_or(|next| next.saturating_sub(now) > QUIET.min(self.every / 2));
        if is_quiet || self.batch_is_late_at().is_some_and(|at| at <= now) {
            self.send();
        }
    }

    fn send(&mut self) {
        self.oldest = None;
        self.is_news = false;
        if !self.batch.is_empty() {
            // Who receives them lives as long as the watch; should it be gone, there is nobody to tell.
            let _ = self.batches.send(std::mem::take(&mut self.batch));
        }
    }
}

fn name_of(check: &Check) -> (String, String) {
    (check.title.clone(), check.kind.locator().to_owned())
}

/// How often a check is made that has this status.
fn interval(check: &Check, every: Nanos, status: Status) -> Nanos {
    let usual = check.every.unwrap_or(every);
    let is_bad = matches!(status, Status::Down | Status::Degraded);
    check.every_when_down.filter(|_| is_bad).unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Surroundings, from_text};
    use std::path::Path;
    use std::sync::atomic::{AtomicI64, Ordering};
    use tokio::sync::mpsc;

    fn config(checkers: &str) -> Arc<Config> {
        let text = format!(r#"{{"every":"1s","checkers":[{checkers}]}}"#);
        let surroundings = Surroundings { variable: &|_| None, host_name: "here".to_owned() };
        let (config, problems) = from_text(&text, Path::new(""), &surroundings);
        Arc::new(config.unwrap_or_else(|| panic!("{:#?}", problems.lines("x", &text))))
    }

    fn command(name: &str, more: &str) -> String {
        format!(r#"{{"type":"exec","name":"{name}","command":"true"{more}}}"#)
    }

    struct Watched {
        events: mpsc::Sender<Event>,
        batches: mpsc::UnboundedReceiver<Vec<CheckResult>>,
    }

    fn watch(config: &Arc<Config>, clock: fn() -> UnixNanos) -> Watched {
        watch_with(config, Probes::of(config, clock), clock)
    }

    fn watch_with(config: &Arc<Config>, probes: Probes, clock: fn() -> UnixNanos) -> Watched {
        let (sender, batches) = mpsc::unbounded_channel();
        let (events, receiver) = mpsc::channel(1);
        let probes = Arc::new(probes);
        let memories = vec![Memory::default(); config.checks.len()];
        tokio::spawn(Watch::new(Arc::clone(config), probes, SECOND, memories, clock, sender).run(receiver));
        Watched { events, batches }
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
        let probes = Probes::of(&config, || panic!("a fault of the checker"));
        let mut watched = watch_with(&config, probes, crate::now);
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
}
