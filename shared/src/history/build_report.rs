//! What a history lacks, although the check files that were added to it contain it.

use crate::UnixNanos;

/// A report about the results that [`super::HistoryBuilder::finish`] omitted from the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildReport {
    /// The number of results whose time is implausible for the file that contains them.
    pub implausible: usize,
    /// The number of results that were left out because they came late and there was no memory to wait for them.
    pub late: usize,
    /// The number of results that were left out because those of their file took too much memory.
    pub excess: usize,
    /// The time before which data was left out because it took too much memory.
    pub left_out_before: Option<UnixNanos>,
}

impl BuildReport {
    /// Returns whether results were left out because of the memory limit.
    #[must_use]
    pub fn exceeds_memory(&self) -> bool {
        self.late > 0 || self.excess > 0 || self.left_out_before.is_some()
    }

    /// Adds the report about other files.
    pub fn extend(&mut self, other: BuildReport) {
        self.implausible += other.implausible;
        self.late += other.late;
        self.excess += other.excess;
        self.left_out_before = self.left_out_before.max(other.left_out_before);
    }
}
