//! The outcome of one attempt: what is stored, the data that its assertions examine, or why the attempt was not
//! possible.

use shared::Nanos;
use shared::check_file::Attempt;

use super::probe_data::ProbeData;

/// One attempt and everything else that determines the status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptRecord {
    /// The attempt as stored.
    pub attempt: Attempt,
    /// Why the endpoint is degraded although the attempt succeeded.
    pub warning: Option<String>,
    /// Whether the attempt failed but a retry succeeded. Such an attempt is stored but does not count.
    pub recovered_by_retry: bool,
    /// The time until the first certificate on the verified path expires, if the attempt verified one.
    pub certificate_left: Option<Nanos>,
}

/// One attempt and its data, or why the attempt was not possible.
pub type Probed = Result<(AttemptRecord, ProbeData), String>;

/// Why an attempt failed, in words for users. It becomes [`shared::check_file::Attempt::error`].
pub type Failure = String;

/// The data of an attempt that succeeded, or why it failed.
pub type ProbeResult = Result<ProbeData, Failure>;
