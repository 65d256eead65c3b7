//! Decides when this node's summary, badges and outputs are written, and writes them.

use std::sync::Arc;

use bytes::Bytes;
use shared::check_file::CheckResult;
use shared::object_name::{SummaryForm, SummaryName};
use shared::outputs::MIN_OUTAGE;
use shared::status::Status;
use shared::summary::Summary;
use shared::{HOUR, Nanos, UnixNanos};

use super::outputs::dataset::{Dataset, OutputSettings};
use super::outputs::writer::OutputWriter;
use super::summary::{SUMMARY_INTERVAL, SummaryError, badge, badge_contents, html};
use crate::config::model::Config;
#[cfg(test)]
use crate::config::model::OutputKind;
use crate::store::Store;

/// The interval between writes of all badges while nothing changes. Each badge costs a request, and there may be
/// hundreds of badges.
const BADGE_INTERVAL: Nanos = HOUR;

/// Writes a node's summary and badges, and other outputs, and keeps the last summary in memory.
#[derive(Debug)]
pub(super) struct Publisher {
    settings: Arc<OutputSettings>,
    /// Whether the summary and badges are stored. If not, the summary only determines when outputs are written.
    is_stored: bool,
    outputs: Option<OutputWriter>,
    last: Option<Summary>,
}

impl Publisher {
    /// Creates a publisher that reads the last summary when it first writes. Returns `None` if the configuration
    /// disables summaries and all outputs.
    pub(super) fn new(config: &Config) -> Option<Publisher> {
        let outputs = OutputWriter::new(&config.outputs.stored);
        let settings = Arc::new(OutputSettings::new(config));
        let is_stored = config.summaries;
        (is_stored || outputs.is_some()).then_some(Publisher { settings, is_stored, outputs, last: None })
    }

    #[cfg(test)]
    pub(super) fn with_settings(settings: OutputSettings, outputs: &[OutputKind]) -> Publisher {
        let outputs = OutputWriter::new(outputs);
        Publisher { settings: Arc::new(settings), is_stored: true, outputs, last: None }
    }

    #[cfg(test)]
    pub(super) fn settings_mut(&mut self) -> &mut OutputSettings {
        Arc::make_mut(&mut self.settings)
    }

    /// Writes the summary, and the badges and outputs that changed, if a status changed or the last summary is old. The
    /// results must already be in the store.
    pub(super) async fn write(
        &mut self,
        store: &Arc<Store>,
        results: &[CheckResult],
        now: UnixNanos,
    ) -> Result<(), SummaryError> {
        let before = match self.last.take() {
            None if self.is_stored => {
                let content = store.get(&self.name(SummaryForm::Json)).await?;
                content.and_then(|content| Summary::parse(&content))
            }
            last => last,
        };
        let has_outputs = self.outputs.is_some();
        let is_due = |before: &Summary| is_due(before, results, now) || has_outputs && has_long_outage(before, now);
        if let Some(before) = before.as_ref().filter(|before| !is_due(before)) {
            self.last = Some(before.clone());
            return Ok(());
        }
        let mut data = Box::pin(Dataset::load(store, &self.settings, now)).await?;
        if self.is_stored {
            store.put_all(self.badges(before.as_ref(), &mut data.summary)).await?;
            store.put(&self.name(SummaryForm::Html), html::page(&data.summary).into()).await?;
            // Write the summary after the badges, because the next write assumes that they are as current as the summary.
            store.put(&self.name(SummaryForm::Json), data.summary.to_json().into()).await?;
        }
        self.last = Some(data.summary.clone());
        if let Some(outputs) = &mut self.outputs {
            Box::pin(outputs.write(store, &data, now)).await.map_err(SummaryError::Outputs)?;
        }
        Ok(())
    }

    fn name(&self, form: SummaryForm) -> SummaryName {
        SummaryName { node: self.settings.node.clone(), form }
    }

    /// Returns the badges to write: those that changed, or all of them if [`BADGE_INTERVAL`] has passed since they were
    /// last written.
    fn badges(&self, before: Option<&Summary>, current: &mut Summary) -> Vec<(SummaryName, Bytes)> {
        let before = before.filter(|before| within(BADGE_INTERVAL, before.badges_at, current.at));
        if let Some(before) = before {
            current.badges_at = before.badges_at;
        }
        let contents = badge_contents(current);
        let contents_before = before.map(badge_contents).unwrap_or_default();
        let changed = contents.iter().filter(|(form, badge)| {
            contents_before.get(*form).is_none_or(|before| (before.status, &before.word) != (badge.status, &badge.word))
        });
        changed
            .map(|(form, badge)| {
                (self.name(form.clone()), badge::draw(badge.title, &badge.word, badge.color, badge.at).into())
            })
            .collect()
    }
}

/// Returns whether a new summary is due, which is the case immediately after a status change.
fn is_due(before: &Summary, results: &[CheckResult], now: UnixNanos) -> bool {
    let is_changed = |result: &CheckResult| {
        before.endpoint(&result.endpoint_key()).is_none_or(|endpoint| endpoint.own_status != result.status)
    };
    !within(SUMMARY_INTERVAL, before.at, now) || results.iter().any(is_changed)
}

/// Returns whether an outage has lasted long enough since the last summary for outputs to contain it.
fn has_long_outage(before: &Summary, now: UnixNanos) -> bool {
    let problems = before.endpoints.iter().filter(|endpoint| endpoint.status >= Status::Degraded && !endpoint.retired);
    let mut times = problems.filter_map(|endpoint| endpoint.since).map(|since| since.saturating_add(MIN_OUTAGE));
    times.any(|at| before.at < at && at <= now)
}

/// Returns whether `then` is at most this long before `now`. Returns `false` for a time in the future, which can occur
/// after the clock was set back.
fn within(interval: Nanos, then: UnixNanos, now: UnixNanos) -> bool {
    (0..interval).contains(&now.saturating_sub(then))
}
