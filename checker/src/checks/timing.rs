//! Times the phases of an attempt. Where a library opens the connection, its resolver, its TLS configuration and
//! its connector each find the running attempt's stopwatch in the task. What they see on the way is noted on it, too,
//! where somebody wants to know that of an attempt that fails.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use shared::check_file::Phases;
use shared::{Nanos, duration};

use super::Failure;
use super::probe_data::ProbeData;

tokio::task_local! {
    /// The stopwatch of the attempt that this task is making.
    pub(super) static STOPWATCH: Arc<Stopwatch>;
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
    recording: Option<Mutex<ProbeData>>,
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
            recording: None,
        }
    }

    /// A stopwatch on which notes are kept.
    pub(super) fn start_recording() -> Stopwatch {
        Stopwatch { recording: Some(Mutex::default()), ..Stopwatch::start() }
    }

    /// Notes what was seen, if notes are kept.
    pub(super) fn record(&self, add: impl FnOnce(&mut ProbeData)) {
        if let Some(recording) = &self.recording {
            add(&mut recording.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// What was noted.
    pub(super) fn recorded(&self) -> ProbeData {
        let recording = self.recording.as_ref();
        recording.map(|recording| recording.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Nanoseconds since the attempt began.
    pub(super) fn elapsed(&self) -> Nanos {
        i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// Ends the present phase, books its time, and begins the next one.
    fn enter_phase(&self, next: Phase) {
        let now = self.elapsed();
        let took = now - self.phase_began.swap(now, Relaxed);
        let book = match self.current_phase() {
            Phase::Dns => &self.dns,
            Phase::Connect => &self.connect,
            Phase::Tls => &self.tls,
            Phase::FirstByte => &self.ttfb,
            Phase::Body | Phase::Command => return self.phase.store(next as u8, Relaxed),
        };
        book.store(book.load(Relaxed).max(0) + took, Relaxed);
        self.phase.store(next as u8, Relaxed);
    }

    pub(super) fn start_lookup(&self) {
        // What came before the look-up is ours, and no part of connecting.
        self.phase_began.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::Dns as u8, Relaxed);
    }

    pub(super) fn finish_lookup(&self) {
        self.enter_phase(Phase::Connect);
    }

    pub(super) fn start_handshake(&self) {
        // A second client hello (the server asked for another key share) belongs to the same handshake.
        if self.current_phase() != Phase::Tls {
            self.enter_phase(Phase::Tls);
        }
    }

    pub(super) fn connected(&self) {
        self.enter_phase(Phase::FirstByte);
    }

    pub(super) fn first_byte(&self) {
        self.enter_phase(Phase::Body);
    }

    pub(super) fn start_command(&self) {
        self.phase.store(Phase::Command as u8, Relaxed);
    }

    pub(super) fn start_body(&self) {
        self.phase.store(Phase::Body as u8, Relaxed);
    }

    /// A request goes out that needs no connection.
    pub(super) fn start_waiting(&self) {
        self.phase_began.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::FirstByte as u8, Relaxed);
    }

    /// The answer has begun, if it had not before.
    pub(super) fn first_byte_if_waiting(&self) {
        if self.current_phase() == Phase::FirstByte {
            self.first_byte();
        }
    }

    /// A redirect is followed: the next connection begins.
    pub(super) fn start_next_connection(&self) {
        self.phase_began.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::Connect as u8, Relaxed);
    }

    pub(super) fn current_phase(&self) -> Phase {
        const PHASES: [Phase; 6] =
            [Phase::Connect, Phase::Dns, Phase::Tls, Phase::FirstByte, Phase::Body, Phase::Command];
        let phase = self.phase.load(Relaxed);
        PHASES.into_iter().find(|known| *known as u8 == phase).unwrap_or(Phase::Connect)
    }

    /// What was being waited for when the time was up.
    pub(super) fn timeout_message(&self, limit: Duration) -> Failure {
        let limit = duration::format_exact(limit.as_nanos() as i64);
        match self.current_phase() {
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
pub(super) fn with_current_stopwatch(event: impl Fn(&Stopwatch)) {
    // Without a stopwatch nobody measures, which is fine.
    let _ = STOPWATCH.try_with(|stopwatch| event(stopwatch));
}

#[cfg(test)]
mod tests {
    use crate::checks::timing::*;

    #[test]
    fn each_phase_has_its_time_and_they_fit_into_the_whole() {
        let stopwatch = Stopwatch::start();
        stopwatch.start_lookup();
        stopwatch.finish_lookup();
        stopwatch.start_handshake();
        stopwatch.start_handshake();
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
        assert_eq!(stopwatch.current_phase(), Phase::FirstByte);
        let phases = stopwatch.phases();
        assert_eq!((phases.dns, phases.tls, phases.ttfb), (None, None, None));
        assert!(phases.connect.is_some());
    }
}
