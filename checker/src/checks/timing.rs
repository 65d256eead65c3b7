//! Measures the phases of an attempt. The stopwatch also records data, so `checker explain` can show the data of failed
//! attempts.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::Either;
use shared::check_file::{Attempt, Phases};
use shared::{Nanos, UnixNanos, duration};

use super::attempt::{AttemptRecord, Failure, ProbeResult};
use super::error_text;
use super::probe_data::{Capture, ProbeData};
use crate::tls_error::CLIENT_CERTIFICATE_REQUIRED;

tokio::task_local! {
    /// The stopwatch of this task's attempt, set only with diagnostics.
    pub(super) static STOPWATCH: Arc<Stopwatch>;
}

/// The phase of an attempt, named after what the attempt is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Connect,
    Dns,
    Tls,
    FirstByte,
    Body,
    Command,
}

/// Marks a phase that did not occur. For example, an IP address needs no lookup, and plain HTTP needs no handshake.
const NEVER: i64 = -1;
/// Marks an attempt that has received no code.
const NO_CODE: i64 = i64::MIN;

/// The first certificate on a path to expire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNote {
    /// The time until the certificate expires. It is negative once the certificate has expired.
    pub left: Nanos,
    /// When the certificate expires, in nanoseconds since 1970.
    pub expiry: UnixNanos,
    /// The authority that the certificate belongs to, or `None` for the server's certificate.
    pub authority: Option<String>,
    /// Whether the path was verified. `tls_skip_verify` turns verification off.
    pub is_verified: bool,
}

/// Whether the server requested a client certificate, and whether the client presented one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientIdentity {
    /// The server did not request a certificate.
    #[default]
    NotRequested,
    Presented,
    /// The server requested a certificate, but none is configured.
    Missing,
}

/// Facts about an attempt's last TLS handshake that affect its result or its error message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HandshakeNote {
    pub certificate: Option<CertificateNote>,
    pub client: ClientIdentity,
}

impl HandshakeNote {
    /// Adds to a failure that the server requested a client certificate. Many servers reject clients without one only
    /// after the handshake, with a status code or by closing the connection.
    fn explain(&self, failure: Failure) -> Failure {
        const REMEDY: &str = "set `client_cert_file` and `client_key_file`";
        match self.client {
            ClientIdentity::NotRequested | ClientIdentity::Presented => failure,
            ClientIdentity::Missing if failure == CLIENT_CERTIFICATE_REQUIRED => format!("{failure}: {REMEDY}"),
            ClientIdentity::Missing => {
                format!("{failure}; the server asked for a client certificate, and may require one: {REMEDY}")
            }
        }
    }
}

/// The time spent in each phase, in nanoseconds, summed over all connections if redirects are followed.
///
/// Only one task uses a stopwatch at a time. The fields are atomic because the certificate verifier must be `Sync`.
#[derive(Debug)]
pub struct Stopwatch {
    started: Instant,
    /// When the current phase started, in nanoseconds after `started`.
    phase_started: AtomicI64,
    phase: AtomicU8,
    dns: AtomicI64,
    connect: AtomicI64,
    tls: AtomicI64,
    ttfb: AtomicI64,
    /// The code that the endpoint returned last.
    code: AtomicI64,
    is_inconclusive: AtomicBool,
    handshake: Mutex<HandshakeNote>,
    /// The data recorded so far, if diagnostics are on.
    recording: Option<Mutex<ProbeData>>,
}

impl Stopwatch {
    pub(super) fn start() -> Stopwatch {
        let never = || AtomicI64::new(NEVER);
        Stopwatch {
            started: Instant::now(),
            phase_started: AtomicI64::new(0),
            phase: AtomicU8::new(Phase::Connect as u8),
            dns: never(),
            connect: never(),
            tls: never(),
            ttfb: never(),
            code: AtomicI64::new(NO_CODE),
            is_inconclusive: AtomicBool::new(false),
            handshake: Mutex::default(),
            recording: None,
        }
    }

    /// Starts a stopwatch that also records data.
    pub(super) fn start_recording() -> Stopwatch {
        Stopwatch { recording: Some(Mutex::default()), ..Stopwatch::start() }
    }

    /// Records data if diagnostics are on.
    pub(super) fn record(&self, add: impl FnOnce(&mut ProbeData)) {
        if let Some(recording) = &self.recording {
            add(&mut recording.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(super) fn recorded(&self) -> ProbeData {
        let recording = self.recording.as_ref();
        recording.map(|recording| recording.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Returns the nanoseconds since the attempt started.
    pub(super) fn elapsed(&self) -> Nanos {
        i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    /// Ends the current phase, adds its duration to the total, and starts the next phase.
    fn enter_phase(&self, next: Phase) {
        let now = self.elapsed();
        let took = now - self.phase_started.swap(now, Relaxed);
        let total = match self.current_phase() {
            Phase::Dns => &self.dns,
            Phase::Connect => &self.connect,
            Phase::Tls => &self.tls,
            Phase::FirstByte => &self.ttfb,
            Phase::Body | Phase::Command => return self.phase.store(next as u8, Relaxed),
        };
        total.store(total.load(Relaxed).max(0) + took, Relaxed);
        self.phase.store(next as u8, Relaxed);
    }

    /// Records that the attempt's failure does not show whether the endpoint works.
    pub(super) fn mark_inconclusive(&self) {
        self.set_inconclusive(true);
    }

    /// Records whether a failure at this point would show whether the endpoint works.
    pub(super) fn set_inconclusive(&self, is_inconclusive: bool) {
        self.is_inconclusive.store(is_inconclusive, Relaxed);
    }

    fn is_inconclusive(&self, error: &str) -> bool {
        self.is_inconclusive.load(Relaxed) || error_text::is_local(error)
    }

    pub(super) fn start_lookup(&self) {
        // The time before the lookup does not count as connection time.
        self.phase_started.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::Dns as u8, Relaxed);
    }

    pub(super) fn finish_lookup(&self) {
        self.enter_phase(Phase::Connect);
    }

    pub(super) fn start_handshake(&self) {
        // A `HelloRetryRequest` continues the same handshake.
        if self.current_phase() != Phase::Tls {
            self.enter_phase(Phase::Tls);
        }
    }

    pub(super) fn connected(&self) {
        self.enter_phase(Phase::FirstByte);
    }

    pub(super) fn note_handshake(&self, note: HandshakeNote) {
        *self.handshake.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    pub(super) fn handshake_note(&self) -> HandshakeNote {
        self.handshake.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records the code that the endpoint returned.
    pub(super) fn note_code(&self, code: i32) {
        self.code.store(code.into(), Relaxed);
    }

    fn code(&self) -> Option<i32> {
        i32::try_from(self.code.load(Relaxed)).ok()
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

    /// Starts timing the response to a request that needs no connection.
    pub(super) fn start_waiting(&self) {
        self.phase_started.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::FirstByte as u8, Relaxed);
    }

    /// Records the arrival of the first byte, unless one was already received.
    pub(super) fn first_byte_if_waiting(&self) {
        if self.current_phase() == Phase::FirstByte {
            self.first_byte();
        }
    }

    /// Starts timing the connection to the target of a redirect.
    pub(super) fn start_next_connection(&self) {
        self.note_handshake(HandshakeNote::default());
        self.code.store(NO_CODE, Relaxed);
        self.phase_started.store(self.elapsed(), Relaxed);
        self.phase.store(Phase::Connect as u8, Relaxed);
    }

    pub(super) fn current_phase(&self) -> Phase {
        const PHASES: [Phase; 6] =
            [Phase::Connect, Phase::Dns, Phase::Tls, Phase::FirstByte, Phase::Body, Phase::Command];
        let phase = self.phase.load(Relaxed);
        PHASES.into_iter().find(|known| *known as u8 == phase).unwrap_or(Phase::Connect)
    }

    /// Explains why an attempt timed out.
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
        let measured = |total: &AtomicI64| Some(total.load(Relaxed)).filter(|nanos| *nanos != NEVER);
        Phases {
            dns: measured(&self.dns),
            connect: measured(&self.connect),
            tls: measured(&self.tls),
            ttfb: measured(&self.ttfb),
        }
    }
}

/// Runs a probe within its time limit and measures it.
pub(super) async fn timed<F: Future<Output = ProbeResult>>(
    limit: Duration,
    capture: Capture,
    probe: impl FnOnce(Arc<Stopwatch>) -> F,
) -> (AttemptRecord, ProbeData) {
    let stopwatch = Arc::new(if capture.diagnostics { Stopwatch::start_recording() } else { Stopwatch::start() });
    let probe = probe(Arc::clone(&stopwatch));
    // Set the task-local stopwatch only with diagnostics, because nothing else reads it.
    let probe = if capture.diagnostics {
        Either::Left(Box::pin(STOPWATCH.scope(Arc::clone(&stopwatch), probe)))
    } else {
        Either::Right(probe)
    };
    let result = tokio::time::timeout(limit, probe).await.unwrap_or_else(|_| {
        // Neither an unresolved name nor a command that hangs shows whether the endpoint works.
        if matches!(stopwatch.current_phase(), Phase::Dns | Phase::Command) {
            stopwatch.mark_inconclusive();
        }
        Err(stopwatch.timeout_message(limit))
    });
    let rtt = stopwatch.elapsed();
    let note = stopwatch.handshake_note();
    let (error, mut data) = match result {
        Ok(data) => (None, data),
        Err(failure) => (Some(note.explain(failure)), stopwatch.recorded()),
    };
    let certificate = note.certificate.as_ref();
    data.certificate_expires_in = certificate.map(|certificate| certificate.left);
    let certificate_expiry =
        certificate.filter(|certificate| certificate.is_verified).map(|certificate| certificate.expiry);
    if capture.diagnostics && error.is_none() {
        let ProbeData { certificates, attempted, peer, .. } = stopwatch.recorded();
        (data.certificates, data.attempted, data.peer) = (certificates, attempted, peer);
    }
    let attempt = Attempt { rtt, error, phases: stopwatch.phases() };
    let is_inconclusive = attempt.error.as_deref().is_some_and(|error| stopwatch.is_inconclusive(error));
    let warning = data.warning.take();
    let code = stopwatch.code();
    (AttemptRecord { attempt, warning, is_inconclusive, code, certificate_expiry, ..AttemptRecord::default() }, data)
}

/// Calls a function with the current task's stopwatch, if it has one.
pub(super) fn with_current_stopwatch(call: impl Fn(&Stopwatch)) {
    // This fails without diagnostics, because the task then has no stopwatch.
    let _ = STOPWATCH.try_with(|stopwatch| call(stopwatch));
}

#[cfg(test)]
mod tests {
    use crate::checks::timing::*;

    #[test]
    fn the_phases_add_up_to_at_most_the_whole() {
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
    fn a_phase_that_did_not_happen_is_not_measured() {
        let stopwatch = Stopwatch::start();
        stopwatch.connected();
        assert_eq!(stopwatch.current_phase(), Phase::FirstByte);
        let phases = stopwatch.phases();
        assert_eq!((phases.dns, phases.tls, phases.ttfb), (None, None, None));
        assert!(phases.connect.is_some());
    }
}
