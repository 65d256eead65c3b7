//! The contents of the loaded check files, by endpoint and node. Files are added one by one, and old data is dropped.

use shared::budget::Objective;
use shared::check_file::{CheckFile, CheckResult, EndpointKey, SkippedElement};
use shared::history::{EndpointRows, HistoryRows};
use shared::object_name::{CheckFileName, NodeName};
use shared::quorum::Quorum;
use shared::response_times;
use shared::sorting::sort_by_integer;
use shared::status::Status;
use shared::uptime::{self, Span, StatusTimeline};
use shared::{Nanos, UnixNanos};

use super::limits::{ENDPOINTS, MESSAGES, SAMPLES, WITH_IDS};
use super::sample::{NodeHistory, Sample, samples_from};

/// The contents of the loaded check files and histories.
#[derive(Debug, Default)]
pub struct Dataset {
    /// The check files in memory, newest first, which is the order in which they are loaded.
    files: Vec<CheckFileName>,
    /// The endpoints, in order of first appearance. Their indexes are their ids and never change.
    pub endpoints: Vec<EndpointData>,
    /// The indexes of the endpoints, in key order. A hash map would add a kilobyte to the page.
    pub by_key: Vec<usize>,
    /// The nodes, in the order of their names.
    pub nodes: Vec<NodeUsage>,
    /// The messages, in no particular order.
    pub messages: Vec<StoredMessage>,
    /// The invalid elements of check files.
    pub skipped: Vec<(CheckFileName, Vec<SkippedElement>)>,
    /// The number of results from check files.
    samples: usize,
    /// The histories without the parts that were moved to `endpoints` and `messages`.
    pub histories: Vec<HistoryRows>,
}

/// How much data the dataset contains from one node.
#[derive(Debug, Default)]
pub struct NodeUsage {
    /// The node's name, or `None` for a checker without one.
    pub node: Option<NodeName>,
    /// When the node's newest result was recorded.
    pub newest: UnixNanos,
    /// When the node's newest check file in memory was stored.
    pub newest_file: UnixNanos,
    /// The minimum number of endpoints that were omitted for lack of room.
    pub left_out: usize,
    /// When the check file with the omitted endpoints was stored.
    left_out_at: UnixNanos,
    /// Whether messages were omitted for lack of room.
    pub messages_left_out: bool,
    endpoints: usize,
    samples: usize,
    messages: usize,
}

#[derive(Debug)]
pub struct StoredMessage {
    pub at: UnixNanos,
    /// The node's name, or `None` for a checker without one.
    pub node: Option<NodeName>,
    pub html: String,
    /// The ids of the endpoints that the message is about.
    pub about: Vec<usize>,
}

/// The results of one endpoint.
#[derive(Debug)]
pub struct EndpointData {
    pub key: EndpointKey,
    /// The endpoint's index in the newest check file that contains it. Check files have the order of the checker's
    /// configuration.
    pub position: usize,
    /// When the check file that determines the position was stored.
    positioned_at: UnixNanos,
    pub nodes: Vec<NodeSamples>,
}

/// The results of one endpoint from one node.
#[derive(Debug)]
pub struct NodeSamples {
    /// The node's name, or `None` for a checker without one.
    pub node: Option<NodeName>,
    /// The results from check files, in chronological order after [`Dataset::sort_samples`].
    pub samples: Vec<Sample>,
    pub history: Option<NodeHistory>,
    /// When the newest result was stored, and its settings.
    settings: (UnixNanos, Quorum, Option<Objective>),
}

impl Dataset {
    /// Returns the number of check files in memory.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Returns the longest interval in the results of nodes without a history, or 0 if there are no such results. (A
    /// history contains the status at the start of a period.)
    #[must_use]
    pub fn longest_interval(&self) -> Nanos {
        let nodes = self.endpoints.iter().flat_map(|endpoint| &endpoint.nodes);
        let samples = nodes.filter(|node| node.history.is_none()).flat_map(|node| &node.samples);
        samples.filter_map(|sample| sample.interval).max().unwrap_or(0)
    }

    /// Returns whether a check file is in memory.
    #[must_use]
    pub fn contains(&self, name: &CheckFileName) -> bool {
        self.find_file(name).is_ok()
    }

    fn find_file(&self, name: &CheckFileName) -> Result<usize, usize> {
        self.files.binary_search_by(|other| name.cmp(other))
    }

    /// Returns whether any check files of a node are in memory.
    #[must_use]
    pub fn has_files_of(&self, node: Option<&NodeName>) -> bool {
        self.files.iter().any(|name| name.node.as_ref() == node)
    }

    /// Returns when the newest check file in memory was stored.
    #[must_use]
    pub fn newest_file(&self) -> Option<UnixNanos> {
        self.files.first().map(|name| name.stored_at)
    }

    /// Returns the names of the check files in memory.
    pub(super) fn files(&self) -> &[CheckFileName] {
        &self.files
    }

    /// Returns whether there is room for a check file. There is always room for a node's newest file.
    pub(super) fn has_room_for(&mut self, name: &CheckFileName, file: &CheckFile) -> bool {
        let samples = self.samples + file.results.len();
        let node = self.usage(name.node.as_ref());
        node.newest_file < name.stored_at || SAMPLES.has_room(node.samples + file.results.len(), samples)
    }

    /// Adds a check file, unless it has already been added.
    pub fn add(&mut self, name: &CheckFileName, file: CheckFile) {
        let Err(index) = self.find_file(name) else { return };
        self.files.insert(index, name.clone());
        let file = file.stored_as(name);
        if !file.skipped.is_empty() {
            self.skipped.push((name.clone(), file.skipped));
        }
        let first_message = self.messages.len();
        let mut left_out = 0;
        for (index, result) in file.results.into_iter().enumerate() {
            let is_added = self.add_result(name, result.position_or(index), first_message, &result);
            left_out += usize::from(!is_added);
        }
        let usage = self.usage(name.node.as_ref());
        usage.newest_file = usage.newest_file.max(name.stored_at);
        usage.leave_out(left_out, name.stored_at);
    }

    /// Adds a result. Returns `false` if there is no room for its endpoint.
    fn add_result(
        &mut self,
        name: &CheckFileName,
        position: usize,
        first_message: usize,
        result: &CheckResult,
    ) -> bool {
        let node = name.node.as_ref();
        let usage = self.usage(node);
        usage.newest = usage.newest.max(result.timestamp);
        let Some(id) = self.id_of(&result.endpoint_key(), node, result.status) else { return false };
        // The page shows the post of a message instead, which its author can end and erase.
        if !result.message.trim().is_empty() && result.post.is_none() {
            // A message is stored in the results of every endpoint that it is about.
            let same_file = self.messages[first_message..].iter().position(|message| message.html == result.message);
            match same_file {
                Some(index) => self.messages[first_message + index].about.push(id),
                None => self.add_message(name.stored_at, node, &result.message, vec![id]),
            }
        }
        let endpoint = &mut self.endpoints[id];
        endpoint.update_position(name.stored_at, position);
        let samples = endpoint.node_mut(node);
        samples.update_settings(name.stored_at, result.quorum, result.objective.as_deref().copied());
        samples.samples.push(Sample::new(result));
        self.samples += 1;
        self.usage(node).samples += 1;
        true
    }

    /// Adds a message, unless it is already known or there is no room for it.
    fn add_message(&mut self, at: UnixNanos, node: Option<&NodeName>, html: &str, about: Vec<usize>) {
        if self.messages.iter().any(|known| known.at == at && known.html == html) {
            return;
        }
        let total = self.messages.len();
        let usage = self.usage(node);
        if MESSAGES.has_room(usage.messages, total) {
            usage.messages += 1;
            self.messages.push(StoredMessage { at, node: node.cloned(), html: html.to_owned(), about });
        } else {
            usage.messages_left_out = true;
        }
    }

    fn usage(&mut self, node: Option<&NodeName>) -> &mut NodeUsage {
        let index = self.nodes.partition_point(|known| known.node.as_ref() < node);
        if self.nodes.get(index).is_none_or(|known| known.node.as_ref() != node) {
            self.nodes.insert(index, NodeUsage { node: node.cloned(), ..NodeUsage::default() });
        }
        &mut self.nodes[index]
    }

    /// Returns an endpoint's index in `endpoints`, adding the endpoint if it is new. Returns `None` if the limit is
    /// reached. The limit is higher for endpoints that are not healthy, so healthy ones do not crowd them out.
    fn id_of(&mut self, key: &EndpointKey, node: Option<&NodeName>, status: Status) -> Option<usize> {
        let index = self.by_key.binary_search_by(|id| self.endpoints[*id].key.cmp(key));
        let exact = index.ok().map(|index| self.by_key[index]);
        // Newer results are added before older ones, so an endpoint keeps its newest title.
        let mut first = self.endpoints.iter().take(WITH_IDS);
        let known = exact.or_else(|| first.position(|known| known.key.is_same_endpoint(key)));
        if let Some(id) = known
            && self.endpoints[id].nodes.iter().any(|known| known.node.as_ref() == node)
        {
            return Some(id);
        }
        let (total, usage) = (self.endpoints.len(), self.usage(node));
        let limit = if status == Status::Healthy { ENDPOINTS } else { ENDPOINTS.doubled() };
        if !limit.has_room(usage.endpoints, total) {
            return None;
        }
        usage.endpoints += 1;
        if known.is_none() {
            self.by_key.insert(index.unwrap_or_else(|index| index), total);
            self.endpoints.push(EndpointData {
                key: key.clone(),
                position: 0,
                positioned_at: UnixNanos::MIN,
                nodes: Vec::new(),
            });
        }
        Some(known.unwrap_or(total))
    }

    /// Returns the minimum number of endpoints that were omitted.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.nodes.iter().map(|node| node.left_out).sum()
    }

    /// Adds a node's history, which replaces the node's previous history and the check files that it covers, except
    /// those stored at `keep_from` or later.
    pub fn add_history(&mut self, mut history: HistoryRows, keep_from: UnixNanos) {
        let before = self.histories.iter().position(|known| known.node == history.node);
        if before.is_some_and(|before| self.histories[before].newest == history.newest) {
            return;
        }
        self.files.retain(|name| name.node != history.node || name.stored_at >= keep_from || !history.covers(name));
        let own = history.node.as_ref();
        let mut rows: Vec<_> = std::mem::take(&mut history.endpoints).into_iter().enumerate().collect();
        let mut ids = vec![None; rows.len()];
        let status = |rows: &EndpointRows| rows.timeline.last.map_or(Status::Unknown, |last| last.status);
        // If there is not enough room, endpoints that are not healthy take precedence.
        sort_by_integer(&mut rows, |(_, rows)| i64::from(status(rows) == Status::Healthy));
        let mut left_out = 0;
        for (index, rows) in rows {
            let newest = rows.timeline.last.map_or(0, |last| last.at);
            let usage = self.usage(own);
            usage.newest = usage.newest.max(newest);
            let Some(id) = self.id_of(&rows.key, own, status(&rows)) else {
                left_out += 1;
                continue;
            };
            ids[index] = Some(id);
            let endpoint = &mut self.endpoints[id];
            endpoint.update_position(newest, rows.latest.position);
            let node = endpoint.node_mut(own);
            node.update_settings(newest, rows.latest.quorum, rows.latest.objective.as_deref().copied());
            node.samples.retain(|sample| sample.at >= keep_from || sample.at > newest);
            node.history = Some(NodeHistory { samples: samples_from(&rows), timeline: rows.timeline, open: rows.open });
        }
        self.usage(own).leave_out(left_out, history.newest);
        for posted in std::mem::take(&mut history.messages) {
            let about = posted.about.iter().filter_map(|index| ids.get(*index).copied().flatten()).collect();
            self.add_message(posted.at, own, &posted.message, about);
        }
        match before {
            Some(before) => self.histories[before] = history,
            None => self.histories.push(history),
        }
        self.count_usage();
    }

    /// Recounts how much data is kept from each node.
    fn count_usage(&mut self) {
        self.samples = 0;
        for usage in &mut self.nodes {
            (usage.endpoints, usage.samples) = (0, 0);
        }
        for endpoint in &self.endpoints {
            for node in &endpoint.nodes {
                self.samples += node.samples.len();
                let index = self.nodes.partition_point(|known| known.node < node.node);
                if let Some(usage) = self.nodes.get_mut(index) {
                    usage.endpoints += 1;
                    usage.samples += node.samples.len();
                }
            }
        }
    }

    /// Drops results and messages from before a time.
    pub fn drop_before(&mut self, time: UnixNanos) {
        if self.files.last().is_none_or(|oldest| oldest.stored_at >= time) {
            return;
        }
        self.files.truncate(self.files.partition_point(|name| name.stored_at >= time));
        self.skipped.retain(|(name, _)| name.stored_at >= time);
        self.messages.retain(|message| message.at >= time);
        for endpoint in &mut self.endpoints {
            for node in &mut endpoint.nodes {
                node.samples.retain(|sample| sample.at >= time);
            }
            endpoint.nodes.retain(|node| !node.samples.is_empty() || node.history.is_some());
        }
        // Endpoints are kept, because messages and the page refer to them by id. Those without samples are not shown.
        let histories = &self.histories;
        self.nodes.retain(|usage| usage.newest >= time || histories.iter().any(|known| known.node == usage.node));
        for usage in &mut self.nodes {
            if usage.left_out_at < time {
                usage.left_out = 0;
            }
            usage.messages = self.messages.iter().filter(|message| message.node == usage.node).count();
        }
        self.count_usage();
    }

    /// Sorts each node's samples by time. This costs almost nothing if they are already sorted.
    pub fn sort_samples(&mut self) {
        for node in self.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.nodes) {
            if !node.samples.is_sorted_by_key(|sample| sample.at) {
                sort_by_integer(&mut node.samples, |sample| sample.at);
            }
        }
    }
}

impl NodeUsage {
    fn leave_out(&mut self, count: usize, at: UnixNanos) {
        if count > 0 {
            self.left_out = self.left_out.max(count);
            self.left_out_at = self.left_out_at.max(at);
        }
    }
}

impl EndpointData {
    /// Returns the quorum that most nodes have configured.
    #[must_use]
    pub fn quorum(&self) -> Quorum {
        let quorum = |node: &NodeSamples| (node.settings.0, node.settings.1);
        Quorum::of_most(self.nodes.iter().map(quorum))
    }

    /// Returns the service level objective in the newest result, if it has one.
    #[must_use]
    pub fn objective(&self) -> Option<Objective> {
        self.nodes.iter().max_by_key(|node| node.settings.0)?.settings.2
    }

    /// Updates the position, unless a newer check file has already set it.
    fn update_position(&mut self, at: UnixNanos, position: usize) {
        if at >= self.positioned_at {
            (self.positioned_at, self.position) = (at, position);
        }
    }

    fn node_mut(&mut self, node: Option<&NodeName>) -> &mut NodeSamples {
        // Nodes are sorted by name.
        let index = self.nodes.partition_point(|known| known.node.as_ref() < node);
        if self.nodes.get(index).is_none_or(|known| known.node.as_ref() != node) {
            let settings = (UnixNanos::MIN, Quorum::default(), None);
            self.nodes.insert(index, NodeSamples { node: node.cloned(), samples: Vec::new(), history: None, settings });
        }
        &mut self.nodes[index]
    }
}

impl NodeSamples {
    /// Updates the settings, unless a newer result has already set them.
    fn update_settings(&mut self, at: UnixNanos, quorum: Quorum, objective: Option<Objective>) {
        if at >= self.settings.0 {
            self.settings = (at, quorum, objective);
        }
    }

    /// Returns the status spans up to and including `now`. `interval` applies to a single result without an interval.
    #[must_use]
    pub fn spans(&self, now: UnixNanos, interval: Nanos) -> Vec<Span> {
        let known = self.samples.partition_point(|sample| sample.at <= now);
        let mut samples = &self.samples[..known];
        let mut timeline = StatusTimeline::default();
        if let Some(history) = &self.history {
            timeline = history.timeline.clone();
            samples =
                &samples[samples.partition_point(|sample| timeline.last.is_some_and(|last| sample.at <= last.at))..];
        }
        // If there are several results, the time between them determines the interval.
        let is_single =
            self.history.is_none() && samples.first().is_none_or(|oldest| oldest.at == samples[samples.len() - 1].at);
        let mut samples: Vec<&Sample> = samples.iter().collect();
        // If several results have the same time, the worst one is sorted last and takes precedence.
        sort_by_integer(&mut samples, |sample| sample.status as i64);
        sort_by_integer(&mut samples, |sample| sample.at);
        for sample in samples {
            let mut observation = sample.observation();
            if is_single {
                observation.interval = observation.interval.or(Some(interval));
            }
            timeline.add(observation);
        }
        timeline.cut(now.saturating_add(1));
        timeline.spans
    }

    /// Returns the samples in a period (`from <= t < to`): checks, or hours and days where checks are not loaded.
    pub fn samples(&self, from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &Sample> {
        let history = self.history.as_ref().map_or(&[][..], |history| &history.samples);
        response_times::known(history, &self.samples, from, to)
    }

    /// Returns when the last check up to `now` ran, given its spans. If that check is not in memory, this is the earliest
    /// time at which it can have run: results are valid for longer than the time between checks.
    #[must_use]
    pub fn last_checked(&self, spans: &[Span], now: UnixNanos) -> Option<UnixNanos> {
        let newest_of = |samples: &[Sample]| {
            let known = samples.partition_point(|sample| sample.at <= now);
            samples[..known].iter().rfind(|sample| sample.length == 0).map(|sample| sample.at)
        };
        let history = self.history.as_ref();
        let interval = history.and_then(|history| history.timeline.last?.interval);
        let known = newest_of(&self.samples).max(history.and_then(|history| newest_of(&history.samples)));
        let derived = spans
            .last()
            .zip(interval)
            .map(|(last, interval)| last.start.max(last.end.min(now) - uptime::validity(interval)));
        known.max(derived)
    }

    /// Returns the newest sample that is not in the future.
    #[must_use]
    pub fn newest(&self, now: UnixNanos) -> Option<&Sample> {
        let newest_of = |samples: &[Sample]| samples.partition_point(|sample| sample.at <= now).checked_sub(1);
        let loaded = newest_of(&self.samples).map(|index| &self.samples[index]);
        let history = self.history.as_ref().map_or(&[][..], |history| &history.samples);
        let recorded = newest_of(history).map(|index| &history[index]);
        match (loaded, recorded) {
            (Some(loaded), Some(recorded)) if recorded.at > loaded.at => Some(recorded),
            (loaded, recorded) => loaded.or(recorded),
        }
    }
}

#[cfg(test)]
mod tests;
