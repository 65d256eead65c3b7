//! Adding check files to a history, so that it is the same whatever the order, the number of steps and the repetitions.
//!
//! Most files are newer than all that is known: they go on where the history ends. One that is late (another run was
//! quicker, a clock was set back, a round waited in the spool) changes what was reckoned after it: then the history is
//! cut at the beginning of that day and made again from the check files since.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    BLOCK, CLOSING, DAILY_FOR, EVENT_LIMIT, EVENTS_A_DAY, EVENTS_FOR, Event, HOURLY_FOR, History, LONGEST_ROUND,
    Latencies, Latest, MESSAGES_A_DAY, OVERLAP, Past, Percentiles, Said, Sketches, day_of, start_of_day,
};
use crate::latency::Sketch;
use crate::object_name::CheckFileName;
use crate::result::{CheckFile, CheckResult, EndpointKey, shortened};
use crate::stats::Stats;
use crate::status::Status;
use crate::uptime::{Observation, Track};
use crate::verdict::CLOCK_TOLERANCE;
use crate::{DAY, HOUR, Nanos, UnixNanos};

/// A history cannot simply go on: it has to be made again from the check files since a moment.
///
/// Of two gaps the smaller one begins earlier, and to mend it mends both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    from: UnixNanos,
}

impl Gap {
    /// All of the past.
    pub const WHOLE: Gap = Gap { from: 0 };

    /// Where a listing has to start to have all files that are needed.
    #[must_use]
    pub fn list_from(self) -> UnixNanos {
        self.from.saturating_sub(CLOCK_TOLERANCE).max(0)
    }
}

/// What was left out of a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// Results whose time is none that their file could have.
    pub implausible: usize,
}

/// A history to which files are being added, in the order of their names.
#[derive(Debug)]
pub struct Folding<'a> {
    history: &'a mut History,
    latencies: &'a mut Latencies,
    /// Results from this moment on are taken.
    from: UnixNanos,
    /// Files up to this moment are taken; those from the future wait until their time has come.
    until: UnixNanos,
    /// Results that a file to come may precede.
    waiting: BTreeMap<EndpointKey, Vec<Seen>>,
    /// The time of the earliest of them.
    earliest: UnixNanos,
    /// Up to when nothing waits any more.
    flushed: UnixNanos,
    left: Left,
}

/// What a history takes from a result.
#[derive(Debug)]
struct Seen {
    observation: Observation,
    stored_at: UnixNanos,
    latest: Latest,
    latency: Option<Nanos>,
}

impl Seen {
    /// The order in which results count.
    fn order(&self) -> impl Ord + use<> {
        (self.observation.place_in_time(), self.stored_at, self.latest.place)
    }
}

impl History {
    /// Whether the history can go on as of `now` with these files, which are not in it, or what is needed first.
    ///
    /// `latencies` are needed when a day is closed; see [`History::closes_with`].
    pub fn can_go_on<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a CheckFileName, &'a [CheckResult])>,
        now: UnixNanos,
    ) -> Result<(), Gap> {
        if self.newest == 0 {
            return Ok(());
        }
        let latest_plausible = now.saturating_add(CLOCK_TOLERANCE);
        // Under a wrong clock, what is old was forgotten too early: all of it is made again.
        let from_the_future = (self.newest > latest_plausible).then_some(0);
        let files: Vec<_> = files.into_iter().collect();
        let plausible: Vec<(&CheckResult, UnixNanos)> = files
            .iter()
            .flat_map(|(name, results)| results.iter().map(|result| (result, moment_of(result, name), *name)))
            .filter(|(_, moment, name)| is_plausible(*moment, name))
            .map(|(result, moment, _)| (result, moment))
            .collect();
        let is_late = plausible.iter().any(|(result, moment)| self.comes_late(result, *moment));
        // Not only what is late is made again, but all that is new; also a file without results is counted.
        let moments = plausible.iter().map(|(_, moment)| *moment);
        let earliest = moments.chain(files.iter().map(|(name, _)| name.stored_at)).min().filter(|_| is_late);
        let is_told = plausible.iter().all(|(result, _)| result.interval.is_some());
        match from_the_future.or(earliest) {
            None => Ok(()),
            Some(moment) if is_told => Err(self.gap_from(moment)),
            Some(_) => Err(Gap::WHOLE),
        }
    }

    fn comes_late(&self, result: &CheckResult, moment: UnixNanos) -> bool {
        let known = self.endpoints.get(&result.endpoint_key()).and_then(|past| past.track.last);
        moment < self.open_from() || known.is_some_and(|last| moment <= last.at)
    }

    /// What is needed to make the history again from a moment on.
    #[must_use]
    pub fn gap_from(&self, moment: UnixNanos) -> Gap {
        // Where nobody says how long results stand, they depend on those before them.
        let is_told = self.endpoints.values().all(|past| past.track.untold.is_none());
        let from = if is_told { self.start_of_unit(moment).max(0) } else { 0 };
        Gap { from }
    }

    /// Whether a day is closed when a file that is stored at this time is added.
    #[must_use]
    pub fn closes_with(&self, stored_at: UnixNanos) -> bool {
        start_of_day(stored_at.max(self.newest).saturating_sub(CLOSING)) > self.open_from()
    }

    /// What is needed to mend latencies that do not belong to this history (they were lost, or another run was
    /// quicker); `None` if they do.
    #[must_use]
    pub fn gap_of(&self, latencies: &Latencies) -> Option<Gap> {
        let closed = day_of(self.open_from());
        if self.newest == 0 || latencies.until == closed {
            return None;
        }
        let from = if latencies.until == 0 { 0 } else { latencies.until.min(closed) };
        Some(self.gap_from(from.saturating_mul(DAY)))
    }

    /// The beginning of the shortest stretch around a moment for which sketches are kept.
    fn start_of_unit(&self, moment: UnixNanos) -> UnixNanos {
        if moment < self.blocks_until() {
            day_of(moment).div_euclid(BLOCK).saturating_mul(BLOCK * DAY)
        } else {
            start_of_day(moment)
        }
    }

    fn end_of_unit(&self, start: UnixNanos) -> UnixNanos {
        start.saturating_add(if start < self.blocks_until() { BLOCK * DAY } else { DAY })
    }

    /// The first moment for which sketches are kept day by day.
    fn blocks_until(&self) -> UnixNanos {
        let daily_from = day_of(self.newest.saturating_sub(DAILY_FOR)).max(0);
        daily_from.div_euclid(BLOCK).saturating_mul(BLOCK * DAY)
    }

    /// From which moment on the history can be made again from these files: later than asked for where files that
    /// it knew are there no more. What is before stays as it is.
    fn can_be_made_again_from(&self, gap: Gap, names: &[CheckFileName]) -> UnixNanos {
        let (Some((oldest, _)), Some((last, _))) = (self.files.first_key_value(), self.files.last_key_value()) else {
            return UnixNanos::MIN;
        };
        let mut there: BTreeMap<i64, u64> = BTreeMap::new();
        for name in names.iter().filter(|name| name.node == self.node && name.stored_at >= gap.from) {
            *there.entry(day_of(name.stored_at)).or_default() += 1;
        }
        let oldest = self.start_of_unit(oldest.saturating_mul(DAY));
        // Files expire in the order of time: from the oldest that is there on, all are, but for some of its day.
        let oldest_there = there.keys().next().map_or(last + 1, |day| *day);
        let there_from = self.start_of_unit(oldest_there.saturating_mul(DAY));
        let mut from = self.start_of_unit(gap.from).max(oldest);
        if day_of(from) < day_of(there_from) && self.files.range(day_of(from)..day_of(there_from)).next().is_some() {
            from = there_from;
        }
        let mut known = self.files.range(day_of(from)..day_of(self.end_of_unit(from)));
        if !known.all(|(day, count)| there.get(day).is_some_and(|there| there >= count)) {
            from = self.end_of_unit(from);
        }
        if from <= oldest { UnixNanos::MIN } else { from }
    }

    /// Forgets what is known from the beginning of a day on, save where nothing will replace it.
    fn cut(&mut self, from: UnixNanos, now: UnixNanos) {
        let (day, hour) = (day_of(from), from.div_euclid(HOUR));
        let _ = (self.files.split_off(&day), self.recent.split_off(&from));
        self.newest = self.recent.last().copied().unwrap_or(0);
        if self.newest == 0 {
            // The names are forgotten, but the last day is not.
            self.newest = self.files.last_key_value().map_or(0, |(day, _)| (day + 1).saturating_mul(DAY) - 1);
        }
        self.messages.retain(|said| said.at < from);
        for past in self.endpoints.values_mut() {
            let _ = (past.days.split_off(&day), past.hours.split_off(&hour));
            past.open.retain(|(open, _)| *open < hour);
            past.events.retain(|event| event.at < from);
            let is_from_the_future = past.track.last.is_some_and(|last| last.at > now.saturating_add(CLOCK_TOLERANCE));
            if from == UnixNanos::MIN || is_from_the_future {
                past.track.cut(from);
                past.track = Track { spans: std::mem::take(&mut past.track.spans), ..Track::default() };
            }
        }
        self.endpoints.retain(|_, past| **past != Past { latest: past.latest.clone(), ..Past::default() });
    }
}

impl Latencies {
    /// Forgets what is known from the beginning of a unit on.
    fn cut(&mut self, from: UnixNanos) {
        for sketches in self.endpoints.values_mut() {
            let _ = sketches.hours.split_off(&from.div_euclid(HOUR));
            let _ = sketches.days.split_off(&day_of(from));
            let _ = sketches.blocks.split_off(&day_of(from).div_euclid(BLOCK));
        }
    }
}

impl<'a> Folding<'a> {
    /// Goes on where a history ends, which [`History::can_go_on`] has to say.
    pub fn going_on(history: &'a mut History, latencies: &'a mut Latencies) -> Folding<'a> {
        latencies.node.clone_from(&history.node);
        Folding::between(history, latencies, UnixNanos::MIN, UnixNanos::MAX)
    }

    /// Makes a history again as of `now` from the check files since a gap, all of whose names are `listed`.
    pub fn again(
        history: &'a mut History,
        latencies: &'a mut Latencies,
        gap: Gap,
        listed: &[CheckFileName],
        now: UnixNanos,
    ) -> Folding<'a> {
        let from = history.can_be_made_again_from(gap, listed);
        history.cut(from, now);
        latencies.node.clone_from(&history.node);
        latencies.cut(from);
        Folding::between(history, latencies, from, now.saturating_add(CLOCK_TOLERANCE))
    }

    fn between(
        history: &'a mut History,
        latencies: &'a mut Latencies,
        from: UnixNanos,
        until: UnixNanos,
    ) -> Folding<'a> {
        let (waiting, earliest) = (BTreeMap::new(), UnixNanos::MAX);
        let (flushed, left) = (UnixNanos::MIN, Left::default());
        Folding { history, latencies, from, until, waiting, earliest, flushed, left }
    }

    /// Adds a file; files come in the order of their names. Files that only others need are passed over.
    pub fn add(&mut self, name: &CheckFileName, file: &CheckFile) {
        self.add_results(name, &file.results);
    }

    /// Adds the results of a file.
    pub fn add_results(&mut self, name: &CheckFileName, results: &[CheckResult]) {
        if name.node != self.history.node || name.stored_at > self.until {
            return;
        }
        if name.stored_at >= self.from {
            *self.history.files.entry(day_of(name.stored_at)).or_default() += 1;
            self.history.newest = self.history.newest.max(name.stored_at);
            self.history.recent.insert(name.stored_at);
            self.history.recent = self.history.recent.split_off(&self.history.newest.saturating_sub(OVERLAP));
            self.listen(name.stored_at, results);
        }
        for (place, result) in results.iter().enumerate() {
            let moment = moment_of(result, name);
            if !is_plausible(moment, name) {
                self.left.implausible += 1;
            } else if moment >= self.from {
                // Mostly there is one, and very many endpoints: a vector's usual first size would be for four.
                let waiting = self.waiting.entry(result.endpoint_key()).or_insert_with(|| Vec::with_capacity(1));
                waiting.push(Seen::of(result, moment, name.stored_at, place));
                self.earliest = self.earliest.min(moment);
            }
        }
        // No file to come can have a result from before this.
        let settled = name.stored_at.saturating_sub(LONGEST_ROUND);
        if settled.saturating_sub(self.flushed) >= HOUR {
            self.flush(settled);
        }
    }

    /// Keeps what the file's results say to people.
    fn listen(&mut self, stored_at: UnixNanos, results: &[CheckResult]) {
        let mut said: BTreeMap<&str, Vec<EndpointKey>> = BTreeMap::new();
        for result in results.iter().filter(|result| !result.message.trim().is_empty()) {
            said.entry(&result.message).or_default().push(result.endpoint_key());
        }
        let messages = &mut self.history.messages;
        for (message, mut about) in said {
            about.sort_unstable();
            about.dedup();
            messages.insert(Said { at: stored_at, message: message.to_owned(), about });
            let day = day_of(stored_at);
            let of_this_day: Vec<&Said> = messages.iter().filter(|said| day_of(said.at) == day).collect();
            if let Some(last) = of_this_day.get(MESSAGES_A_DAY).map(|said| (*said).clone()) {
                messages.remove(&last);
            }
        }
    }

    /// Reckons what waits from before a moment.
    fn flush(&mut self, before: UnixNanos) {
        self.flushed = before;
        if self.earliest >= before {
            return;
        }
        self.earliest = UnixNanos::MAX;
        let waiting = std::mem::take(&mut self.waiting);
        if self.history.endpoints.is_empty() {
            // All at once they are found without being looked for.
            let new = waiting.into_iter().filter_map(|(key, waiting)| {
                let seen = self.settled(&key, waiting, before);
                let mut past = (!seen.is_empty()).then(Box::<Past>::default)?;
                for seen in seen {
                    past.see(seen);
                }
                Some((key, past))
            });
            let new = new.collect();
            self.history.endpoints = new;
            return;
        }
        for (key, waiting) in waiting {
            let seen = self.settled(&key, waiting, before);
            if !seen.is_empty() {
                let past = self.history.endpoints.entry(key).or_default();
                for seen in seen {
                    past.see(seen);
                }
            }
        }
    }

    /// What was seen of an endpoint before a moment, in order; what is from after it goes on waiting.
    fn settled(&mut self, key: &EndpointKey, mut waiting: Vec<Seen>, before: UnixNanos) -> Vec<Seen> {
        waiting.sort_unstable_by_key(Seen::order);
        let still_waiting = waiting.split_off(waiting.partition_point(|seen| seen.observation.at < before));
        if let Some(first) = still_waiting.first() {
            self.earliest = self.earliest.min(first.observation.at);
            self.waiting.insert(key.clone(), still_waiting);
        }
        waiting
    }

    /// Reckons all that waits, closes what is over, and forgets what is older than `expiry`.
    #[expect(clippy::must_use_candidate, reason = "the work is done, whether or not anybody asks what was left out")]
    pub fn finish(mut self, expiry: Nanos) -> Left {
        self.flush(UnixNanos::MAX);
        let newest = self.history.newest;
        let kept_from = start_of_day(newest.saturating_sub(expiry.max(DAY))).max(0);
        let limits = Limits {
            open_from: self.history.open_from(),
            hourly_from: start_of_day(newest.saturating_sub(HOURLY_FOR)),
            events_from: start_of_day(newest.saturating_sub(EVENTS_FOR)),
            blocks_until: self.history.blocks_until(),
            kept_from,
        };
        for (key, past) in &mut self.history.endpoints {
            if past.open.first().is_some_and(|(hour, _)| hour.saturating_mul(HOUR) < limits.open_from) {
                past.close(self.latencies.endpoints.entry(key.clone()).or_default(), &limits);
            }
            past.forget(&limits);
        }
        self.latencies.endpoints.values_mut().for_each(|sketches| sketches.forget(&limits));
        self.latencies.until = day_of(limits.open_from);
        self.history.endpoints.retain(|_, past| !past.is_over(kept_from));
        let endpoints = &self.history.endpoints;
        self.latencies.endpoints.retain(|key, sketches| endpoints.contains_key(key) && !sketches.is_empty());
        self.history.files = self.history.files.split_off(&day_of(kept_from));
        self.history.messages.retain(|said| said.at >= kept_from);
        self.left
    }
}

/// Leaves what is from a period on. Nearly always that is all of it, which costs a glance.
fn drop_before<T>(periods: &mut BTreeMap<i64, T>, first: i64) {
    if periods.keys().next().is_some_and(|period| *period < first) {
        *periods = periods.split_off(&first);
    }
}

/// Where what is known gets coarser, and where it ends.
struct Limits {
    open_from: UnixNanos,
    hourly_from: UnixNanos,
    events_from: UnixNanos,
    blocks_until: UnixNanos,
    kept_from: UnixNanos,
}

impl Past {
    fn see(&mut self, seen: Seen) {
        let Seen { observation, latest, latency, .. } = seen;
        let at = observation.at;
        // Of very many endpoints most have one span for a long time; a vector's usual first size would be for four.
        if self.track.spans.is_empty() {
            self.track.spans.reserve_exact(1);
        }
        self.track.add(observation);
        if let Some(latency) = latency {
            self.sketch_of(at.div_euclid(HOUR)).add(latency);
        }
        // Results of the same moment replace each other, and so do their reasons.
        while self.events.pop_if(|event| event.at >= at).is_some() {}
        let begins = self.track.spans.last().is_some_and(|span| span.start == at);
        let today = self.events.iter().rev().take_while(|event| day_of(event.at) == day_of(at)).count();
        if begins
            && today < EVENTS_A_DAY
            && let Some(reason) = &latest.reason
        {
            self.events.push(Event { at, reason: reason.clone() });
        }
        self.latest = latest;
    }

    /// The sketch of an hour that is not closed.
    fn sketch_of(&mut self, hour: i64) -> &mut Sketch {
        let place = self.open.partition_point(|(other, _)| *other < hour);
        if self.open.get(place).is_none_or(|(other, _)| *other != hour) {
            self.open.reserve_exact(1);
            self.open.insert(place, (hour, Sketch::default()));
        }
        &mut self.open[place].1
    }

    /// Moves the sketches of closed days to the others and tells their percentiles.
    fn close(&mut self, sketches: &mut Sketches, limits: &Limits) {
        let closed_until = limits.open_from.div_euclid(HOUR);
        let open = self.open.split_off(self.open.partition_point(|(hour, _)| *hour < closed_until));
        let closed = std::mem::replace(&mut self.open, open);
        let mut days: BTreeMap<i64, Sketch> = BTreeMap::new();
        for (hour, sketch) in closed {
            days.entry(hour.div_euclid(24)).or_default().merge(&sketch);
            if hour.saturating_mul(HOUR) >= limits.hourly_from {
                self.hours.extend(Percentiles::of(&sketch).map(|percentiles| (hour, percentiles)));
                sketches.hours.insert(hour, sketch);
            }
        }
        for (day, sketch) in days {
            self.days.extend(Percentiles::of(&sketch).map(|percentiles| (day, percentiles)));
            sketches.days.insert(day, sketch);
        }
    }

    fn forget(&mut self, limits: &Limits) {
        drop_before(&mut self.hours, limits.hourly_from.div_euclid(HOUR));
        drop_before(&mut self.days, day_of(limits.kept_from));
        self.events.retain(|event| event.at >= limits.events_from);
        self.track.untold = self.track.untold.filter(|moment| *moment >= limits.kept_from);
        self.track.spans.retain(|span| span.end > limits.kept_from);
        if let Some(first) = self.track.spans.first_mut() {
            first.start = first.start.max(limits.kept_from);
        }
    }

    fn is_over(&self, kept_from: UnixNanos) -> bool {
        self.track.spans.is_empty() && self.days.is_empty() && self.track.last.is_none_or(|last| last.at < kept_from)
    }
}

impl Sketches {
    fn forget(&mut self, limits: &Limits) {
        self.hours = self.hours.split_off(&limits.hourly_from.div_euclid(HOUR));
        let daily = self.days.split_off(&day_of(limits.blocks_until));
        for (day, sketch) in std::mem::replace(&mut self.days, daily) {
            self.blocks.entry(day.div_euclid(BLOCK)).or_default().merge(&sketch);
        }
        self.days = self.days.split_off(&day_of(limits.kept_from));
        self.blocks.retain(|block, _| (block + 1).saturating_mul(BLOCK * DAY) > limits.kept_from);
    }

    fn is_empty(&self) -> bool {
        self.hours.is_empty() && self.days.is_empty() && self.blocks.is_empty()
    }
}

impl Seen {
    fn of(result: &CheckResult, at: UnixNanos, stored_at: UnixNanos, place: usize) -> Seen {
        // How quickly a connection was refused is no response time.
        let answered =
            result.attempts.iter().filter(|attempt| attempt.error.is_none()).map(|attempt| attempt.rtt).collect();
        let is_bad = matches!(result.status, Status::Degraded | Status::Down);
        let reason = result.reason().filter(|_| is_bad).map(|reason| shortened(reason.to_owned(), EVENT_LIMIT));
        Seen {
            observation: Observation { at, status: result.status, interval: result.interval },
            stored_at,
            latency: Stats::of(answered).map(|stats| stats.median),
            latest: Latest {
                place,
                kind: result.kind.clone().unwrap_or_default(),
                threshold: result.threshold,
                verdict: result.verdict,
                reason,
            },
        }
    }
}

/// When a result was made; its file's time, if it does not say.
fn moment_of(result: &CheckResult, name: &CheckFileName) -> UnixNanos {
    if result.timestamp > 0 { result.timestamp } else { name.stored_at }
}

/// Whether a result in a file of this name can be of this moment.
fn is_plausible(moment: UnixNanos, name: &CheckFileName) -> bool {
    let latest = name.stored_at.saturating_add(CLOCK_TOLERANCE);
    (name.stored_at.saturating_sub(LONGEST_ROUND)..=latest).contains(&moment)
}

/// The names among these that a history of this node can take, in order.
#[must_use]
pub fn own_names(history: &History, names: &[CheckFileName], now: UnixNanos) -> BTreeSet<CheckFileName> {
    let is_own =
        |name: &&CheckFileName| name.node == history.node && name.stored_at <= now.saturating_add(CLOCK_TOLERANCE);
    names.iter().filter(is_own).cloned().collect()
}
