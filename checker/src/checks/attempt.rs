//! The outcome of one attempt: a record to store and the data that assertions examine, or the reason why no attempt was
//! possible.

use shared::UnixNanos;
use shared::check_file::Attempt;

use super::probe_data::ProbeData;

/// An attempt, and everything else that determines the endpoint's status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptRecord {
    /// The attempt as written to the check file.
    pub attempt: Attempt,
    /// Why the endpoint is degraded although the attempt succeeded.
    pub warning: Option<String>,
    /// Whether the attempt failed but a retry succeeded. Such an attempt is stored but does not affect the status.
    pub recovered_by_retry: bool,
    /// Whether the attempt failed without showing that the endpoint is at fault, for example because its name could not
    /// be resolved.
    pub is_inconclusive: bool,
    /// Why the first assertion that could not be evaluated is undetermined, if another assertion failed before it.
    pub undetermined: Option<String>,
    /// The expected failure, if the check is inverted and the attempt failed.
    pub required_failure: Option<String>,
    /// The status code of the response, the gRPC status, or the exit status of the command, if there is one.
    pub code: Option<i32>,
    /// When the first certificate on the verified path expires, if the attempt verified certificates.
    pub certificate_expiry: Option<UnixNanos>,
}

/// The record and data of an attempt, or the reason why no attempt was possible.
pub type Probed = Result<(AttemptRecord, ProbeData), String>;

/// Why an attempt failed, worded for users. It becomes [`shared::check_file::Attempt::error`].
pub type Failure = String;

/// The data of a successful attempt, or the reason why the attempt failed.
pub type ProbeResult = Result<ProbeData, Failure>;
