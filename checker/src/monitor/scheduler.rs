//! Checking without end: each endpoint when the timetable says so, bounded in number, each in its own time. What
//! was seen goes out in batches, news at once.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shared::check_file::CheckResult;
use shared::status::Status;
use shared::{Nanos, SECOND, UnixNanos};
use tokio::sync::mpsc::{Receiver, UnboundedSender};
use tokio::task::JoinSet;

use super::concurrency::Places;
use super::confirmation::Memory;
use super::runner::{Look, new_context};
use super::schedule::{Due, Timetable, stable_hash};
use crate::checks::Check;
use crate::checks::CheckContext;
use crate::config::model::Config;
use crate::platform::fd_limit;

/// How long the machine may have slept without our noticing: timers stand still meanwhile, the clock does not.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_secs(5);
/// How long nothing may be due or under way before a batch is complete.
const QUIET: Nanos = SECOND;
/// A result waits at most this part of the shortest interval, so that it is stored before it is too old.
const WAITS_AT_MOST: Nanos = 4;

/// The endpoints that are watched, and what is under way.
pub struct Watch {
    config: Arc<Config>,
    context: Arc<CheckContext>,
    every: Nanos,
    clock: fn() -> UnixNanos,
    timetable: Timetable,
    /// The shortest interval of any endpoint.
    shortest: Nanos,
    /// What is remembered of each endpoint, by its place.
    memories: Vec<Memory>,
    /// How often the configuration has changed: places are those of one configuration.
    generation: u64,
    /// The endpoints' places by their names, for what is under way from a configuration before.
    by_name: HashMap<Name, usize>,
    /// What is due and waits for a place.
    ready: VecDeque<Due>,
    /// Whether each endpoint is being looked at or waits for it, by its place.
    looking: Vec<bool>,
    places: Places,
    under_way: JoinSet<Finished>,
    batch: Vec<CheckResult>,
    /// When the oldest result of the batch came, and whether one of them is news.
    oldest: Option<UnixNanos>,
    is_news: bool,
    /// The clock when it was looked at last.
    seen_at: UnixNanos,
    batches: UnboundedSender<Vec<CheckResult>>,
}

/// What is known when a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// Nobody has looked yet: all endpoints are due at once.
    Fresh,
    /// A round was just made.
    AfterARound,
}

/// What a watch is interrupted for.
pub enum Event {
    /// Another configuration holds from now on.
    Reload(Arc<Config>),
    /// What is under way is finished, and then it is over.
    Stop,
}

/// What makes an endpoint the same one in two configurations.
type Name = (String, String);

/// A look that was made.
struct Finished {
    generation: u64,
    index: usize,
    ticket: u64,
    check: Arc<Check>,
    result: CheckResult,
}

impl Watch {
    /// Begins with what is remembered of each check, in their order. `every` holds for checks that say nothing else.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        context: Arc<CheckContext>,
        every: Nanos,
        (beginning, mut memories): (Beginning, Vec<Memory>),
        clock: fn() -> UnixNanos,
        batches: UnboundedSender<Vec<CheckResult>>,
    ) -> Watch {
        memories.resize(config.checks.len(), Memory::default());
        let mut watch = Watch {
            looking: vec![false; config.checks.len()],
            timetable: Timetable::default(),
            shortest: every,
            generation: 0,
            by_name: HashMap::new(),
            ready: VecDeque::new(),
            places: Places::new(config.concurrent_checks, fd_limit::limit()),
            under_way: JoinSet::new(),
            batch: Vec::new(),
            oldest: None,
            is_news: false,
            seen_at: clock(),
            config,
            context,
            every,
            clock,
            memories,
            batches,
        };
        watch.draw_up(&[]);
        if beginning == Beginning::Fresh {
            (0..watch.config.checks.len()).for_each(|index| watch.look_at_once(index));
        }
        watch
    }

    /// Watches until an event says to stop; what is under way then is finished and goes out, and so are those that were
    /// never looked at. Returns what is remembered, and of which configuration.
    pub async fn run(mut self, mut events: Receiver<Event>) -> (Arc<Config>, Vec<Memory>) {
        loop {
            self.see_what_is_due();
            self.start_what_has_room();
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
        loop {
            if self.places.is_first_time() {
                self.start_what_has_room();
            }
            if self.under_way.is_empty() {
                break;
            }
            let pause = self.pause();
            tokio::select! {
                Some(Ok(finished)) = self.under_way.join_next() => self.finish(finished),
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.send();
        (self.config, self.memories)
    }

    /// Makes the timetable; `due` says when endpoints are due by the one before, if that still holds.
    fn draw_up(&mut self, due: &[Option<UnixNanos>]) {
        let entries = self.config.checks.iter().zip(&self.memories).enumerate().map(|(index, (check, memory))| {
            let hash = stable_hash(&check.title, check.kind.locator());
            (hash, present_interval(check, self.every, memory), due.get(index).copied().flatten())
        });
        self.timetable = Timetable::new(entries, (self.clock)());
        let intervals = self.config.checks.iter();
        let intervals = intervals
            .flat_map(|check| [Status::Healthy, Status::Down].map(|status| interval(check, self.every, status)));
        self.shortest = intervals.min().unwrap_or(self.every);
    }

    fn look_at_once(&mut self, index: usize) {
        if !self.looking[index] {
            self.looking[index] = true;
            self.ready.push_back(Due { index, at: (self.clock)(), missed_since: None, missed: 0 });
        }
    }

    /// What is under way goes on and counts; from now on the new configuration says what is due. Who has the same
    /// interval as before keeps its moments, and whoever is new or has another one is looked at at once.
    fn reload(&mut self, config: Arc<Config>) {
        self.context = Arc::new(new_context(&config, self.clock).with_heartbeats(self.context.heartbeats().cloned()));
        self.every = config.every.unwrap_or(self.every);
        self.places.configure(config.concurrent_checks);
        let before = std::mem::replace(&mut self.config, config);
        let mut known: HashMap<Name, usize> = names_of(&before).collect();
        // Where each endpoint stood before.
        let from: Vec<Option<usize>> = self.config.checks.iter().map(|check| known.remove(&name_of(check))).collect();
        self.by_name = names_of(&self.config).collect();
        let mut memories = std::mem::take(&mut self.memories);
        self.memories =
            from.iter().map(|from| from.map(|from| std::mem::take(&mut memories[from])).unwrap_or_default()).collect();
        self.looking = from.iter().map(|from| from.is_some_and(|from| self.looking[from])).collect();
        let ready = std::mem::take(&mut self.ready).into_iter();
        let present =
            |due: Due| self.by_name.get(&name_of(&before.checks[due.index])).map(|index| Due { index: *index, ..due });
        self.ready = ready.filter_map(present).collect();
        let due: Vec<Option<UnixNanos>> = from
            .iter()
            .zip(self.config.checks.iter().zip(&self.memories))
            .map(|(from, (check, memory))| {
                let (every, next) = self.timetable.entry((*from)?);
                (every == present_interval(check, self.every, memory)).then_some(next)
            })
            .collect();
        self.generation += 1;
        self.draw_up(&due);
        let other = due.iter().enumerate().filter(|(_, due)| due.is_none());
        other.for_each(|(index, _)| self.look_at_once(index));
    }

    fn see_what_is_due(&mut self) {
        let now = (self.clock)();
        if now < self.seen_at {
            self.timetable.set_back(now);
        }
        self.seen_at = now;
        while let Some(due) = self.timetable.take_due(now) {
            if let Some(since) = due.missed_since {
                self.put_missed(due.index, since, due.missed, now);
            }
            // While the last look is still being made, its result is what counts.
            if !self.looking[due.index] {
                self.looking[due.index] = true;
                self.ready.push_back(due);
            }
        }
    }

    fn start_what_has_room(&mut self) {
        let now = (self.clock)();
        while !self.ready.is_empty()
            && let Some(ticket) = self.places.take(now)
            && let Some(due) = self.ready.pop_front()
        {
            let every = self.timetable.every(due.index);
            let passed = now.saturating_sub(due.at) / every;
            if passed > 0 && !self.places.is_first_time() {
                self.put_missed(due.index, due.at, passed, now);
            }
            let check = Arc::clone(&self.config.checks[due.index]);
            let look = Look::of(&self.config, Some(every));
            let (context, clock) = (Arc::clone(&self.context), self.clock);
            let (generation, index) = (self.generation, due.index);
            self.under_way.spawn(async move {
                let result = look.make(&check, &context, clock()).await;
                Finished { generation, index, ticket, check, result }
            });
        }
        if self.ready.is_empty() {
            self.places.end_first_time();
        }
    }

    fn put_missed(&mut self, index: usize, since: UnixNanos, times: i64, now: UnixNanos) {
        let look = Look::of(&self.config, Some(self.timetable.every(index)));
        let missed = look.missed(&self.config.checks[index], since, times);
        self.put(missed, now);
    }

    fn finish(&mut self, finished: Finished) {
        let now = (self.clock)();
        let Finished { generation, index, ticket, check, mut result } = finished;
        self.places.give_back(ticket);
        let present =
            if generation == self.generation { Some(index) } else { self.by_name.get(&name_of(&check)).copied() };
        let Some(index) = present else {
            // Nobody watches this endpoint any more; what was seen of it was seen.
            self.put(result, now);
            return;
        };
        let check = &self.config.checks[index];
        let memory = &mut self.memories[index];
        let before = memory.believed;
        let again = memory.take(&mut result, check.failures_before_down);
        self.is_news |= memory.believed != before;
        let every = present_interval(check, self.every, memory);
        self.looking[index] = false;
        self.timetable.set_every(index, every, now);
        // It stands until the next one, which may be due later or sooner than was thought when it was begun.
        result.interval = Some(until_next(result.timestamp, self.timetable.entry(index)));
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
        let room = if self.ready.is_empty() { None } else { self.places.next_room() };
        let next = [self.timetable.next_due(), self.batch_is_late_at(), room].into_iter().flatten().min();
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

fn name_of(check: &Check) -> Name {
    (check.title.clone(), check.kind.locator().to_owned())
}

/// The endpoints of a configuration by name, each with its place.
fn names_of(config: &Config) -> impl Iterator<Item = (Name, usize)> {
    config.checks.iter().enumerate().map(|(index, check)| (name_of(check), index))
}

/// For how long a look stands that began at a moment: one interval, or as many as it is to the next look, since who takes
/// longer than an interval is looked at once in several.
fn until_next(begun: UnixNanos, (every, next): (Nanos, UnixNanos)) -> Nanos {
    let intervals = next.saturating_sub(begun).saturating_add(every / 2) / every;
    every.saturating_mul(intervals.max(1))
}

/// How often a check is made by what is known of it. What may be getting worse is looked at as often as what has.
fn present_interval(check: &Check, every: Nanos, memory: &Memory) -> Nanos {
    interval(check, every, if memory.pending.is_empty() { memory.believed } else { Status::Down })
}

/// How often a check is made that has this status.
fn interval(check: &Check, every: Nanos, status: Status) -> Nanos {
    let usual = check.every.unwrap_or(every);
    let is_bad = matches!(status, Status::Down | Status::Degraded);
    check.every_when_unhealthy.filter(|_| is_bad).unwrap_or(usual)
}
