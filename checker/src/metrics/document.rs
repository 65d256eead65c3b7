//! The complete text of a node's metrics.

use shared::UnixNanos;
use shared::check_file::CheckResult;
use shared::object_name::NodeName;

use super::exposition::{Exposition, MetricsWriter};
use super::figures::StoreFigures;
use super::operation::{self, NotificationCounts};
use super::probes;

/// The expected size of the metrics of an endpoint, in bytes.
const ENDPOINT_SIZE: usize = 2_048;

/// The data from which metrics are written.
#[derive(Debug)]
pub struct MetricsDocument<'a, R> {
    pub node: &'a NodeName,
    /// The newest result of each check of this node.
    pub results: R,
    /// The figures of the store, if they are known.
    pub figures: Option<&'a StoreFigures>,
    /// The number of rounds in the spool, if it is known.
    pub spool_rounds: Option<usize>,
    /// Empty for a process that runs one round: its counters would always begin again.
    pub notifications: &'a NotificationCounts,
}

impl<'a, R: Iterator<Item = &'a CheckResult>> MetricsDocument<'a, R> {
    /// Returns the metrics at `now`.
    #[must_use]
    pub fn write(mut self, format: Exposition, now: UnixNanos) -> String {
        let endpoints = self.figures.map_or(0, StoreFigures::len).max(self.results.size_hint().0);
        let mut writer = MetricsWriter::new(format, (endpoints + 1) * ENDPOINT_SIZE);
        probes::write(&mut writer, &mut self.results, self.node.as_str(), now);
        if let Some(figures) = self.figures {
            figures.write(&mut writer);
        }
        operation::write(&mut writer, self.spool_rounds, self.notifications);
        writer.finish()
    }
}
