//! Checks endpoints continuously: each check runs when it is due, with limited concurrency. Results are sent in
//! batches. Status changes are sent almost immediately.

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
use tracing::{error, info};

use super::concurrency::ConcurrencyLimiter;
use super::confirmation::ConfirmationState;
use super::runner::{CheckRunner, new_context};
use super::schedule::{DueCheck, Schedule, stable_hash};
use crate::checks::{Check, CheckContext};
use crate::config::model::Config;
use crate::platform::{clock, fd_limit};

/// The maximum time until a suspension of the machine is detected. During a suspension, timers stop but the clock
/// continues.
const CLOCK_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// A batch is sent if no check is running and none will be due within this time.
const QUIET: Nanos = SECOND;
/// A result waits at most the shortest interval divided by this number, so it is stored while it is still valid.
const MAX_WAIT_DIVISOR: Nanos = 4;

/// Runs the checks of a configuration when they are due.
///
/// Endpoints are identified by their index in the current configuration.
pub struct Scheduler {
    config: Arc<Config>,
    context: Arc<CheckContext>,
    every: Nanos,
    clock: fn() -> UnixNanos,
    schedule: Schedule,
    /// The shortest interval among all endpoints.
    shortest: Nanos,
    confirmations: Vec<ConfirmationState>,
    /// The number of reloads so far. The index of a running check refers to the configuration of its generation.
    generation: u64,
    by_name: HashMap<Name, usize>,
    /// The checks that are due and waiting for a permit.
    ready: VecDeque<DueCheck>,
    /// For each endpoint, whether its check is running or waiting for a permit.
    is_active: Vec<bool>,
    limiter: ConcurrencyLimiter,
    running: JoinSet<CompletedCheck>,
    batch: Vec<CheckResult>,
    /// The time at which the first result was added to the batch.
    batch_started: Option<UnixNanos>,
    /// Whether the batch contains a status change.
    has_changes: bool,
    last_clock: UnixNanos,
    /// Whether the clock shows a time that can be stored in results.
    is_clock_usable: bool,
    batches: UnboundedSender<Vec<CheckResult>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartMode {
    /// Check all endpoints immediately.
    CheckAll,
    /// Check endpoints when they are due, because a round has just finished.
    AfterRound,
}

/// A request to a running scheduler.
pub enum Control {
    Reload(Arc<Config>),
    /// Finish the running checks, then stop.
    Stop,
}

/// The title and locator, which together identify an endpoint across configurations.
type Name = (String, String);

struct CompletedCheck {
    generation: u64,
    index: usize,
    permit: u64,
    check: Arc<Check>,
    result: CheckResult,
}

impl Scheduler {
    /// Creates a scheduler with the confirmation state of each check, in configuration order. `every` is the interval
    /// of checks that do not set one.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        context: Arc<CheckContext>,
        every: Nanos,
        (start_mode, mut confirmations): (StartMode, Vec<ConfirmationState>),
        clock: fn() -> UnixNanos,
        batches: UnboundedSender<Vec<CheckResult>>,
    ) -> Scheduler {
        confirmations.resize(config.checks.len(), ConfirmationState::default());
        let mut scheduler = Scheduler {
            is_active: vec![false; config.checks.len()],
            schedule: Schedule::default(),
            shortest: every,
            generation: 0,
            by_name: HashMap::new(),
            ready: VecDeque::new(),
            limiter: ConcurrencyLimiter::new(config.concurrent_checks, fd_limit::limit()),
            running: JoinSet::new(),
            batch: Vec::new(),
            batch_started: None,
            has_changes: false,
            last_clock: clock(),
            is_clock_usable: true,
            config,
            context,
            every,
            clock,
            confirmations,
            batches,
        };
        scheduler.reschedule_all(&[]);
        if start_mode == StartMode::CheckAll {
            (0..scheduler.config.checks.len()).for_each(|index| scheduler.check_now(index));
        }
        scheduler
    }

    /// Runs checks until a stop is requested. Before returning, waits for running checks and checks every endpoint that
    /// has not been checked yet. Returns the configuration and the confirmation state of its checks.
    pub async fn run(mut self, mut controls: Receiver<Control>) -> (Arc<Config>, Vec<ConfirmationState>) {
        loop {
            self.verify_clock();
            if self.is_clock_usable {
                self.collect_due();
                self.start_ready();
            }
            let pause = if self.is_clock_usable { self.pause() } else { CLOCK_CHECK_INTERVAL };
            tokio::select! {
                biased;
                control = controls.recv() => match control {
                    Some(Control::Reload(config)) => self.reload(config),
                    Some(Control::Stop) | None => break,
                },
                Some(Ok(completed)) = self.running.join_next() => self.complete(completed),
                () = tokio::time::sleep(pause) => {}
            }
            if self.is_clock_usable {
                self.send_if_complete();
            }
        }
        loop {
            if self.limiter.is_warming_up() {
                self.start_ready();
            }
            if self.running.is_empty() {
                break;
            }
            // Checks that become due are no longer started. Only checks that are already ready can still start.
            let slot = if self.limiter.is_warming_up() { self.limiter.next_slot() } else { None };
            let pause = self.pause_until(slot);
            tokio::select! {
                Some(Ok(completed)) = self.running.join_next() => self.complete(completed),
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.send();
        (self.config, self.confirmations)
    }

    /// Returns the clock's time, or the last usable time if the clock's time cannot be stored.
    fn now(&self) -> UnixNanos {
        if self.is_clock_usable { (self.clock)().clamp(0, clock::LATEST) } else { self.last_clock }
    }

    /// Pauses checks while the clock shows a time that cannot be stored. Results wait until the clock is correct again.
    fn verify_clock(&mut self) {
        let verified = clock::verify((self.clock)());
        match &verified {
            Err(error) if self.is_clock_usable => error!("checks are paused: {error}"),
            Ok(()) if !self.is_clock_usable => {
                info!("the system clock is correct again, checks continue");
                self.schedule.clock_moved_back((self.clock)());
            }
            _ => {}
        }
        self.is_clock_usable = verified.is_ok();
    }

    /// Creates a new schedule. `due` contains the due times of the endpoints that keep theirs.
    fn reschedule_all(&mut self, due: &[Option<UnixNanos>]) {
        let checks = self.config.checks.iter().zip(&self.confirmations).enumerate();
        let entries = checks.map(|(index, (check, confirmation))| {
            let hash = stable_hash(&check.title, check.kind.locator());
            (hash, current_interval(check, self.every, confirmation), due.get(index).copied().flatten())
        });
        self.schedule = Schedule::new(entries, self.now());
        let intervals = self.config.checks.iter();
        let intervals = intervals
            .flat_map(|check| [Status::Healthy, Status::Down].map(|status| interval(check, self.every, status)));
        self.shortest = intervals.min().unwrap_or(self.every);
    }

    fn check_now(&mut self, index: usize) {
        if !self.is_active[index] {
            self.is_active[index] = true;
            self.ready.push_back(DueCheck { index, at: self.now(), missed_since: None, missed: 0 });
        }
    }

    /// Applies a new configuration. The results of running checks remain valid. Endpoints with an unchanged interval
    /// keep their schedule. New endpoints and those whose interval changed are checked immediately.
    fn reload(&mut self, config: Arc<Config>) {
        self.context = Arc::new(new_context(&config, self.clock).with_heartbeats(self.context.heartbeats().cloned()));
        self.every = config.every.unwrap_or(self.every);
        self.limiter.set_configured(config.concurrent_checks);
        let before = std::mem::replace(&mut self.config, config);
        let mut known: HashMap<Name, usize> = names_of(&before).collect();
        // The index of each endpoint in the previous configuration.
        let from: Vec<Option<usize>> = self.config.checks.iter().map(|check| known.remove(&name_of(check))).collect();
        self.by_name = names_of(&self.config).collect();
        let mut confirmations = std::mem::take(&mut self.confirmations);
        let mut take = |from: usize| std::mem::take(&mut confirmations[from]);
        self.confirmations = from.iter().map(|from| from.map(&mut take).unwrap_or_default()).collect();
        self.is_active = from.iter().map(|from| from.is_some_and(|from| self.is_active[from])).collect();
        let ready = std::mem::take(&mut self.ready).into_iter();
        let with_new_index = |due: DueCheck| {
            self.by_name.get(&name_of(&before.checks[due.index])).map(|index| DueCheck { index: *index, ..due })
        };
        self.ready = ready.filter_map(with_new_index).collect();
        let due: Vec<Option<UnixNanos>> = from
            .iter()
            .zip(self.config.checks.iter().zip(&self.confirmations))
            .map(|(from, (check, confirmation))| {
                let (every, next) = self.schedule.entry((*from)?);
                (every == current_interval(check, self.every, confirmation)).then_some(next)
            })
            .collect();
        self.generation += 1;
        self.reschedule_all(&due);
        let changed = due.iter().enumerate().filter(|(_, due)| due.is_none());
        changed.for_each(|(index, _)| self.check_now(index));
    }

    fn collect_due(&mut self) {
        let now = self.now();
        if now < self.last_clock {
            self.schedule.clock_moved_back(now);
            // If the batch kept its start time, it would wait until the clock has caught up.
            self.batch_started = self.batch_started.map(|started| started.min(now));
        }
        self.last_clock = now;
        while let Some(due) = self.schedule.take_due(now) {
            if let Some(since) = due.missed_since {
                self.push_missed(due.index, since, due.missed, now);
            }
            // If the endpoint's check is still running, its result also covers this due time.
            if !self.is_active[due.index] {
                self.is_active[due.index] = true;
                self.ready.push_back(due);
            }
        }
    }

    fn start_ready(&mut self) {
        let now = self.now();
        while !self.ready.is_empty()
            && let Some(permit) = self.limiter.acquire(now)
            && let Some(due) = self.ready.pop_front()
        {
            let every = self.schedule.every(due.index);
            let missed = now.saturating_sub(due.at) / every;
            if missed > 0 && !self.limiter.is_warming_up() {
                self.push_missed(due.index, due.at, missed, now);
            }
            let check = Arc::clone(&self.config.checks[due.index]);
            let runner = CheckRunner::new(&self.config, Some(every));
            let (context, clock) = (Arc::clone(&self.context), self.clock);
            let (generation, index) = (self.generation, due.index);
            self.running.spawn(async move {
                let result = runner.run(&check, &context, clock()).await;
                CompletedCheck { generation, index, permit, check, result }
            });
        }
        if self.ready.is_empty() {
            self.limiter.end_warm_up();
        }
    }

    fn push_missed(&mut self, index: usize, since: UnixNanos, count: i64, now: UnixNanos) {
        let runner = CheckRunner::new(&self.config, Some(self.schedule.every(index)));
        let missed = runner.missed(&self.config.checks[index], since, count);
        self.push_as(index, missed, now);
    }

    fn complete(&mut self, completed: CompletedCheck) {
        let now = self.now();
        let CompletedCheck { generation, index, permit, check, mut result } = completed;
        self.limiter.release(permit);
        let current =
            if generation == self.generation { Some(index) } else { self.by_name.get(&name_of(&check)).copied() };
        let Some(index) = current else {
            // Store the last result, although the endpoint was removed from the configuration.
            self.push(result, now);
            return;
        };
        let check = &self.config.checks[index];
        let confirmation = &mut self.confirmations[index];
        let before = confirmation.confirmed_status;
        let earlier = confirmation.confirm(&mut result, check.failures_before_down);
        self.has_changes |= confirmation.confirmed_status != before;
        let every = current_interval(check, self.every, confirmation);
        self.is_active[index] = false;
        self.schedule.set_every(index, every, now);
        // The interval may have changed since the check started.
        result.interval = Some(interval_until_next(result.timestamp, self.schedule.entry(index)));
        for result in earlier {
            self.push_as(index, result, now);
        }
        self.push_as(index, result, now);
    }

    /// Adds a result of the check at `index` to the batch.
    fn push_as(&mut self, index: usize, mut result: CheckResult, now: UnixNanos) {
        result.position = u32::try_from(index).ok();
        self.push(result, now);
    }

    fn push(&mut self, result: CheckResult, now: UnixNanos) {
        self.batch_started.get_or_insert(now);
        self.batch.push(result);
    }

    /// Returns the time until there is something to do.
    fn pause(&mut self) -> Duration {
        let slot = if self.ready.is_empty() { None } else { self.limiter.next_slot() };
        let next = [self.schedule.next_due(), self.batch_deadline(), slot].into_iter().flatten().min();
        self.pause_until(next)
    }

    fn pause_until(&self, next: Option<UnixNanos>) -> Duration {
        let pause = next.map_or(Nanos::MAX, |at| at.saturating_sub(self.now()).max(0));
        Duration::from_nanos(pause.unsigned_abs()).min(CLOCK_CHECK_INTERVAL)
    }

    fn batch_deadline(&self) -> Option<UnixNanos> {
        let wait = if self.has_changes { SECOND } else { (self.shortest / MAX_WAIT_DIVISOR).max(SECOND) };
        self.batch_started.map(|started| started.saturating_add(wait))
    }

    fn send_if_complete(&mut self) {
        let now = self.now();
        let is_quiet = self.running.is_empty()
            && self.ready.is_empty()
            && self.schedule.next_due().is_none_or(|next| next.saturating_sub(now) > QUIET.min(self.every / 2));
        if is_quiet || self.batch_deadline().is_some_and(|at| at <= now) {
            self.send();
        }
    }

    fn send(&mut self) {
        self.batch_started = None;
        self.has_changes = false;
        if !self.batch.is_empty() {
            // Checks finish in any order. An endpoint's newest result must remain its last one.
            self.batch.sort_by_key(|result| result.position);
            // Sending cannot fail, because the receiver lives as long as the scheduler.
            let _ = self.batches.send(std::mem::take(&mut self.batch));
        }
    }
}

fn name_of(check: &Check) -> Name {
    (check.title.clone(), check.kind.locator().to_owned())
}

/// Returns the names of a configuration's endpoints, with their indices.
fn names_of(config: &Config) -> impl Iterator<Item = (Name, usize)> {
    config.checks.iter().enumerate().map(|(index, check)| (name_of(check), index))
}

/// Returns how long the result of a check is valid: a whole number of intervals until the next check, at least one. A
/// check that takes longer than an interval runs only every few intervals.
fn interval_until_next(started: UnixNanos, (every, next): (Nanos, UnixNanos)) -> Nanos {
    let intervals = next.saturating_sub(started).saturating_add(every / 2) / every;
    every.saturating_mul(intervals.max(1))
}

/// Returns an endpoint's interval in its current state. An endpoint with unconfirmed results is checked as often as an
/// unhealthy one.
fn current_interval(check: &Check, every: Nanos, confirmation: &ConfirmationState) -> Nanos {
    let is_confirmed = confirmation.unconfirmed.is_empty();
    interval(check, every, if is_confirmed { confirmation.confirmed_status } else { Status::Down })
}

fn interval(check: &Check, every: Nanos, status: Status) -> Nanos {
    let usual = check.every.unwrap_or(every);
    let is_unhealthy = matches!(status, Status::Down | Status::Degraded);
    check.every_when_unhealthy.filter(|_| is_unhealthy).unwrap_or(usual)
}
