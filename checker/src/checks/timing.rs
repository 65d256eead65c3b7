//! Times the phases of an attempt. Where a library opens the connection, its resolver, its TLS configuration and
//! its connector each find the running attempt's stopwatch in the task. What they see on the way is noted on it, too,
//! where somebody wants to know that of an attempt that fails.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::result::Phases;
use shared::{Nanos, duration};

use super::Failure;
use super::probe_data::Seen;

tokio::task_local! {
    /// The stopwatch of the attempt that this task is making.
    pub(super) static PHASES: Arc<Stopwatch>;
}

/// What an attempt waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Connect,
    Dns,
    Tls,
    FirstByte,
    Body,
    /// A command runs.
    Command,
}

/// Not measured: the phase did not happen (an address needs no look-up, plain HTTP no handshake).
const NEVER: i64 = -1;

/// The time of each phase, in nanoseconds; over several connections (redirects) they add up.
///
/// One task uses it at a time; the atomics only satisfy the traits that the connection's parts have to meet.
#[derive(Debug)]
pub struct Stopwatch {
    started: Instant,
    /// When the present phase began, in nanoseconds after `started`.
    phase_began: AtomicI64,
    phase: AtomicU8,
    dns: AtomicI64,
    connect: AtomicI64,
    tls: AtomicI64,
    ttfb: AtomicI64,
    /// What was seen so far, if somebody wants to know.
    notes: Option<Mutex<Seen>>,
}

impl Stopwatch {
    pub(super) fn start() -> Stopwatch {
        let never = || AtomicI64::new(NEVER);
        Stopwatch {
            started: Instant::now(),
            phase_began: AtomicI64::new(0),
            phase: AtomicU8::new(Phase::Connect as u8),
            dns: never(),
            connect: never(),
            tls: never(),
            ttfb: never(),
            notes: None,
        }
    }

    /// A stopwatch on which notes are kept.
    pub(super) fn start_with_notes() -> Stopwatch {
        Stopwatch { notes: Some(Mutex::default()), ..Stopwatch::start() }
    }

    /// Notes what was seen, if notes are kept.
    pub(super) fn note(&self, add: impl FnOnce(&mut Seen)) {
        if let Some(notes) = &self.notes {
            add(&mut notes.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// What was noted.
    pub(super) fn noted(&self) -> Seen {
        let notes = self.notes.as_ref();
        notes.map(|notes| notes.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Nanoseconds since the attempt began.
    pub(super) fn elapsed(&self) -> Nanos {
        i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// Ends the present phase, books its time, and begins the next one.
    fn turn(&self, next: Phase) {
        let now = self.elapsed();
        let took = now - self.phase_began.swap(now, Relaxed);
        let book = match self.waiting_for() {
            Phase::Dns => &self.dns,
            Phase::Connect => &self.connect,
            Phase::Tls => &self.tls,
            Phase::FirstByte => &self.ttfb,
            Phase::Body | Phase::Command => return self.phase.store(next as u8, Relaxed),
        };
        book.store(book.load(Relaxed).max(0) + took, Relaxed);
        self.phase.store(next as u8, Relaxed);
    }

    pub(super) fn lookup_begins(&self) {
        // What came before the look-up is ours, and no part of connecting.
        self.phase_began.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::Dns as u8, Relaxed);
    }

    pub(super) fn lookup_ends(&self) {
        self.turn(Phase::Connect);
    }

    pub(super) fn handshake_begins(&self) {
        // A second client hello (the server asked for another key share) belongs to the same handshake.
        if self.waiting_for() != Phase::Tls {
            self.turn(Phase::Tls);
        }
    }

    pub(super) fn connected(&self) {
        self.turn(Phase::FirstByte);
    }

    pub(super) fn first_byte(&self) {
        self.turn(Phase::Body);
    }

    pub(super) fn command_begins(&self) {
        self.phase.store(Phase::Command as u8, Relaxed);
    }

    pub(super) fn reading_body(&self) {
        self.phase.store(Phase::Body as u8, Relaxed);
    }

    /// A request goes out that needs no connection.
    pub(super) fn waits_for_answer(&self) {
        self.phase_began.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::FirstByte as u8, Relaxed);
    }

    /// The answer has begun, if it had not before.
    pub(super) fn first_byte_if_waiting(&self) {
        if self.waiting_for() == Phase::FirstByte {
            self.first_byte();
        }
    }

    /// A redirect is followed: the next connection begins.
    pub(super) fn next_connection(&self) {
        self.phase_began.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::Connect as u8, Relaxed);
    }

    pub(super) fn waiting_for(&self) -> Phase {
        const PHASES: [Phase; 6] =
            [Phase::Connect, Phase::Dns, Phase::Tls, Phase::FirstByte, Phase::Body, Phase::Command];
        let phase = self.phase.load(Relaxed);
        PHASES.into_iter().find(|known| *known as u8 == phase).unwrap_or(Phase::Connect)
    }

    /// What was being waited for when the time was up.
    pub(super) fn timed_out_after(&self, limit: Duration) -> Failure {
        let limit = duration::exact(limit.as_nanos() as i64);
        match self.waiting_for() {
            Phase::Dns => format!("host name not resolved within {limit}"),
            Phase::Connect => format!("no connection within {limit}"),
            Phase::Tls => format!("TLS handshake not complete within {limit}"),
            Phase::FirstByte => format!("no response within {limit}"),
            Phase::Body => format!("response not complete within {limit}"),
            Phase::Command => format!("command not finished within {limit}"),
        }
    }

    pub(super) fn phases(&self) -> Phases {
        let measured = |book: &AtomicI64| Some(book.load(Relaxed)).filter(|nanos| *nanos != NEVER);
        Phases {
            dns: measured(&self.dns),
            connect: measured(&self.connect),
            tls: measured(&self.tls),
            ttfb: measured(&self.ttfb),
        }
    }
}

/// Tells the running attempt's stopwatch, if this task has one.
pub(super) fn tell(event: impl Fn(&Stopwatch)) {
    // Without a stopwatch nobody measures, which is fine.
    let _ = PHASES.try_with(|stopwatch| event(stopwatch));
}

#[cfg(test)]
mod tests {
    use crate::checks::timing::*;

    #[test]
    fn each_phase_has_its_time_and_they_fit_into_the_whole() {
        let stopwatch = Stopwatch::start();
        stopwatch.lookup_begins();
        stopwatch.lookup_ends();
        stopwatch.handshake_begins();
        stopwatch.handshake_begins();
        stopwatch.connected();
        stopwatch.first_byte();
        let Phases { dns, connect, tls, ttfb } = stopwatch.phases();
        let sum: i64 = [dns, connect, tls, ttfb].into_iter().map(|phase| phase.expect("it was measured")).sum();
        assert!(sum <= stopwatch.elapsed());
    }

    #[test]
    fn what_did_not_happen_is_not_measured() {
        let stopwatch = Stopwatch::start();
        stopwatch.connected();
        assert_eq!(stopwatch.waiting_for(), Phase::FirstByte);
        let phases = stopwatch.phases();
        assert_eq!((phases.dns, phases.tls, phases.ttfb), (None, None, None));
        assert!(phases.connect.is_some());
    }
}
