//! Notifies channels after a round: reads changes from the store, determines the news, sends the part that this node is
//! responsible for, and records it in the node's log.

pub mod composition;
mod deferred;
#[cfg(test)]
mod hold_tests;
#[cfg(test)]
mod mail_tests;
mod message_outcome;
mod outcomes;
pub mod preview;
mod queue;
#[cfg(test)]
mod queue_tests;
mod sending;
mod state_channels;
pub mod waits;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::budget::Objective;
use shared::endpoint_map::EndpointMap;
use shared::endpoint_status::{EndpointStatus, endpoint_statuses};
use shared::history::History;
use shared::notification::condition::Condition;
use shared::notification::lineup::{Nodes, stored_since};
use shared::notification::policy::{ChannelPolicy, Pace};
use shared::notification::reconcile::{Plan, Situation, reconcile};
use shared::notification::registers::{Introduction, Registers};
use shared::notification::verdicts::{REPORTED_TIME, verdicts};
use shared::notification_log::{ChannelId, NotificationLog};
use shared::object_name::NodeName;
use shared::uptime::FALLBACK_INTERVAL;
use shared::{DAY, Nanos, SECOND, UnixNanos};

use self::deferred::{DeferredPlan, deferred_plans};
pub use self::message_outcome::MessageOutcome;
use crate::notify::budget_conditions::{burning_budgets, ended_budgets};
use crate::notify::channels::Transport;
use crate::notify::conditions::{
    SeenCertificate, expiring_certificates, failing_store, silent_nodes, typical_interval, working_store,
};
use crate::notify::delivery::{Courier, Job, TIME_LIMIT};
use crate::notify::event::EventKind;
use crate::notify::holds::holds;
use crate::notify::own_checks::OwnChecks;
use crate::notify::own_log::OwnLog;
use crate::notify::post_conditions::{posted, remove_titles, withdrawn};
use crate::notify::rules::{Channel, Notifications, NotifierMode};
use crate::notify::store_view::StoreView;
use crate::store::settings::Storage;
use crate::store::spool::Spool;
use crate::store::{Store, StoreError};

/// The maximum age of spans to keep for error budgets and verdicts, unless an objective has a longer window.
pub const REACH: Nanos = 30 * DAY;

/// The upper limit of the pause between two reads of the other nodes' histories, and between two posts of the state.
/// The pause saves work when a node stores several times per interval.
const LONGEST_PAUSE: Nanos = 15 * SECOND;

/// How far back maintenance windows and silences are considered. Outages that began earlier were already reported.
const HELD_TIME: Nanos = REPORTED_TIME + DAY;

/// The outcome of a round, as input to an evaluation.
#[derive(Debug, Clone)]
pub enum RoundOutcome {
    Stored(StoredHistory),
    NotStored,
}

/// A node's state after a round was stored, or between rounds.
#[derive(Debug, Clone)]
pub struct StoredHistory {
    /// This node's history, including the round.
    pub history: Arc<History>,
    /// Whether a round was stored since the last evaluation.
    pub has_round: bool,
    /// Whether earlier rounds were kept in the spool because the store was failing.
    pub was_behind: bool,
    /// The certificates that the round's checks verified.
    pub certificates: Vec<SeenCertificate>,
}

/// The outcome of an evaluation.
#[derive(Debug, Default)]
pub struct EvaluationReport {
    /// The outcome of each attempt to send a message, with its channel.
    pub outcomes: Vec<(ChannelId, MessageOutcome)>,
    /// One line for each message that was sent.
    pub sent: Vec<String>,
    /// Failures to report to the operator, as complete clauses.
    pub problems: Vec<String>,
    /// When to evaluate the rules again, unless a round is stored first.
    pub due: Option<UnixNanos>,
}

/// The node that notifies channels, with its store and spool directory.
#[derive(Debug, Clone, Copy)]
pub struct NotifierNode<'a> {
    pub name: &'a NodeName,
    pub spool_dir: &'a Path,
    pub storage: &'a Storage,
    pub store: &'a Arc<Store>,
}

/// Notifies the channels of one node.
#[derive(Debug)]
pub struct Notifier {
    pub(super) node: NodeName,
    pub(super) every: Option<Nanos>,
    mode: NotifierMode,
    pub(super) settings: Arc<Notifications>,
    objectives: Arc<EndpointMap<Objective>>,
    spool_dir: PathBuf,
    spool: Spool,
    /// The results of this node while its store is failing.
    own_checks: OwnChecks,
    pub(super) view: StoreView,
    pub(super) own: Option<OwnLog>,
    /// The client that sends messages, which is created for the first message.
    pub(super) courier: Option<Courier>,
    /// When the other nodes' histories were last read.
    read_at: Option<UnixNanos>,
    /// When the state was last posted to channels that receive it after each round.
    pub(super) posted_at: Option<UnixNanos>,
}

/// The result of evaluating the rules, before anything is sent.
#[derive(Debug, Default)]
pub struct Assessment {
    /// The plan for each channel, by its index in the configuration.
    pub plans: Vec<(usize, Plan)>,
    /// The number for the next registers that this node writes.
    pub number: i64,
    /// The current state, for Alertmanagers.
    pub states: Vec<Job>,
    /// The news for recipients that did not accept it at first.
    pub deferred: Vec<DeferredPlan>,
}

impl Notifier {
    /// Creates a notifier. Returns `None` if no channel is enabled. `every` is the time between rounds, if known.
    #[must_use]
    pub fn new(
        node: &NotifierNode<'_>,
        (settings, objectives): (Option<Arc<Notifications>>, Arc<EndpointMap<Objective>>),
        every: Option<Nanos>,
        mode: NotifierMode,
    ) -> Option<Notifier> {
        let settings = settings?;
        if !settings.channels.iter().any(|channel| channel.is_enabled) {
            return None;
        }
        let mut notifier = Notifier {
            node: node.name.clone(),
            every,
            mode,
            settings,
            objectives,
            spool_dir: node.spool_dir.to_owned(),
            spool: Spool::open(node.spool_dir, node.storage, node.name),
            own_checks: OwnChecks::default(),
            view: StoreView::new(Arc::clone(node.store), node.name.clone(), REACH),
            own: None,
            courier: None,
            read_at: None,
            posted_at: None,
        };
        notifier.prepare_view();
        Some(notifier)
    }

    /// Applies the settings of a reloaded configuration.
    pub fn configure(&mut self, settings: Option<Arc<Notifications>>, objectives: Arc<EndpointMap<Objective>>) {
        let empty = || Arc::new(Notifications { channels: Vec::new(), ..Notifications::clone(&self.settings) });
        self.settings = settings.unwrap_or_else(empty);
        self.objectives = objectives;
        self.prepare_view();
    }

    /// Determines what to read from the store.
    fn prepare_view(&mut self) {
        self.view.set_reach(self.reach());
        self.view.expect_authors(self.expected_authors());
    }

    /// Returns the authors whose first post is read in the next round if channels are notified of posts. The posts of
    /// all other authors are read before news is sent, because they can hold it back.
    fn expected_authors(&self) -> Vec<NodeName> {
        let rules = &self.settings.rules;
        let hears_posts = |channel: &Channel| {
            let hears = |kind| channel.policy.hears(kind);
            channel.is_enabled && (hears(EventKind::Incident) || hears(EventKind::Maintenance))
        };
        if !self.settings.channels.iter().any(hears_posts) {
            return Vec::new();
        }
        let own = || [&self.node].into_iter().chain(&rules.author).cloned().collect();
        rules.authors.shown.clone().unwrap_or_else(own)
    }

    /// Returns whether something was done too recently to repeat it: less than half an interval and less than
    /// [`LONGEST_PAUSE`] ago.
    fn is_recent(&self, done_at: Option<UnixNanos>, now: UnixNanos) -> bool {
        let pause = self.every.map_or(LONGEST_PAUSE, |every| (every / 2).min(LONGEST_PAUSE));
        done_at.is_some_and(|at| (0..pause).contains(&now.saturating_sub(at)))
    }

    fn reach(&self) -> Nanos {
        self.objectives.values().map(|objective| objective.window).max().unwrap_or(0).max(REACH).max(REPORTED_TIME)
    }

    /// Evaluates the rules after a round, or when something became due.
    pub async fn evaluate(&mut self, outcome: RoundOutcome, now: UnixNanos) -> EvaluationReport {
        let mut report = EvaluationReport::default();
        let is_stored = matches!(outcome, RoundOutcome::Stored(_));
        let has_round =
            matches!(&outcome, RoundOutcome::NotStored | RoundOutcome::Stored(StoredHistory { has_round: true, .. }));
        if is_stored {
            self.own_checks = OwnChecks::default();
        }
        let assessed = match outcome {
            RoundOutcome::Stored(stored) => self.assess_round(stored, now).await,
            RoundOutcome::NotStored => Ok(self.assess_failure(now).await),
        };
        match assessed {
            Ok(mut assessment) => {
                report.problems.extend(self.own.as_mut().and_then(|own| own.problem.take()));
                report.problems.extend(self.view.take_problems());
                let states = std::mem::take(&mut assessment.states);
                let states = if has_round { self.state_jobs(states, is_stored, now) } else { Vec::new() };
                let courier = if states.is_empty() { None } else { self.courier().await.ok() };
                let posting = async {
                    match courier {
                        Some(courier) => courier.deliver(states, TIME_LIMIT, now).await,
                        None => Vec::new(),
                    }
                };
                // A slow channel must delay neither alerts nor dead man's switches.
                let (posted, ()) = tokio::join!(posting, self.send(assessment, is_stored, now, &mut report));
                report.problems.extend(posted.into_iter().filter_map(|delivery| delivery.problem));
            }
            Err(error) => report.problems.push(format!("channels were not notified: {error}")),
        }
        report
    }

    /// Determines the news after a round. Lists new authors only before anything is sent, and reads the other nodes' logs
    /// only if there is news or the copies are old.
    pub(super) async fn assess_round(
        &mut self,
        stored: StoredHistory,
        now: UnixNanos,
    ) -> Result<Assessment, StoreError> {
        self.introduce(&stored, now).await?;
        if let Some(own) = &mut self.own {
            own.log.correct_times(now);
        }
        if !self.is_recent(self.read_at, now) {
            self.view.refresh_histories(now).await?;
            self.view.refresh_digests().await;
            self.read_at = Some(now);
        }
        self.remove_titles(now).await?;
        let had_old_logs = self.view.are_logs_old(now);
        if had_old_logs {
            self.view.refresh_logs(now).await?;
        }
        let assessment = self.assess(&stored, now);
        let has_news = assessment.has_news();
        if !has_news && assessment.states.is_empty() {
            return Ok(assessment);
        }
        self.view.refresh_authors(now).await;
        if has_news && !had_old_logs {
            self.view.refresh_logs(now).await?;
            if let Some(own) = &mut self.own {
                own.refresh(self.view.store()).await?;
                own.log.correct_times(now);
            }
        }
        Ok(self.assess(&stored, now))
    }

    /// Removes the titles of posts that were erased from this node's log, because they can contain secrets.
    async fn remove_titles(&mut self, now: UnixNanos) -> Result<(), StoreError> {
        // A post that cannot be read was not erased.
        let Some(own) = self.own.as_mut().filter(|_| self.view.has_all_posts()) else { return Ok(()) };
        let announcements = self.settings.rules.authors.announcements(self.view.digests(), now);
        if remove_titles(&announcements, &mut own.log) { own.save(self.view.store()).await } else { Ok(()) }
    }

    /// Determines the news while this node cannot store its results, using only local data.
    async fn assess_failure(&mut self, now: UnixNanos) -> Assessment {
        if self.own.is_none() {
            let mut own = OwnLog::load_kept(&self.node, &self.spool_dir);
            let introduction = Introduction {
                rank: self.settings.rules.rank,
                every: self.every.unwrap_or(FALLBACK_INTERVAL),
                pace: self.pace(),
                channels: &served(&self.settings),
                stored_since: now,
            };
            own.log.introduce(&introduction, now);
            self.own = Some(own);
        }
        // The oldest round in the spool shows when the store began to fail.
        let waiting = self.spool.waiting().await.unwrap_or_default();
        let since = waiting.first().map_or(now, |name| name.stored_at);
        self.own_checks.read(&self.spool, &waiting).await;
        let conditions = [failing_store(&self.node, since, now)];
        self.plan(&[], &conditions, &BTreeMap::new(), now)
    }

    /// Loads this node's log if necessary, and updates the log's data about the node.
    async fn introduce(&mut self, stored: &StoredHistory, now: UnixNanos) -> Result<(), StoreError> {
        let mut own = match self.own.take() {
            Some(own) => own,
            None => OwnLog::load(self.view.store(), &self.node, &self.spool_dir).await?,
        };
        let mut has_changed = own.log.introduce(&self.introduction(stored, &served(&self.settings), now), now);
        has_changed |= own.log.describe_incidents(|channel| self.settings.incident_scope(channel), now);
        let saved = if has_changed || own.is_behind() { own.save(self.view.store()).await } else { Ok(()) };
        self.own = Some(own);
        saved
    }

    /// Returns the data about this node for its log.
    fn introduction<'a>(
        &self,
        stored: &StoredHistory,
        channels: &'a [&'a ChannelId],
        now: UnixNanos,
    ) -> Introduction<'a> {
        let files: Vec<UnixNanos> = stored.history.recent_files().collect();
        let every = self.every.unwrap_or_else(|| typical_interval(&files));
        let stored_since = if stored.was_behind { now } else { stored_since(&files, every, now) };
        Introduction { rank: self.settings.rules.rank, every, pace: self.pace(), channels, stored_since }
    }

    /// Returns how long this node collects news, and the minimum time between two messages.
    fn pace(&self) -> Pace {
        self.settings.rules.pace(self.mode)
    }

    fn assess(&self, stored: &StoredHistory, now: UnixNanos) -> Assessment {
        let history = &*stored.history;
        let all = || self.view.histories().iter().chain([history]);
        let endpoints = endpoint_statuses(all());
        // A node whose history is unreadable was not removed.
        let mut newest: BTreeMap<NodeName, UnixNanos> = self.view.nodes().map(|node| (node.clone(), 0)).collect();
        newest.extend(all().filter_map(|history| Some((history.node.clone()?, history.newest()?))));
        let own = self.own.as_ref().map(|own| &own.log);
        let logs: Vec<&NotificationLog> = self.view.logs().iter().chain(own).collect();
        let mut conditions = silent_nodes(self.view.histories(), &logs, now);
        conditions.extend(own.map(|own| working_store(own, &history.recent_files().collect::<Vec<_>>(), now)));
        let certificate_days = self.settings.rules.certificate_days;
        conditions.extend(expiring_certificates(&stored.certificates, certificate_days, &logs, now));
        conditions.extend(burning_budgets(&endpoints, &self.objectives, &logs, now));
        conditions.extend(ended_budgets(&all().collect::<Vec<_>>(), &self.objectives, own, now));
        conditions.extend(self.post_conditions(own, now));
        let mut assessment = self.plan(&endpoints, &conditions, &newest, now);
        self.add_budgets(&mut assessment, &endpoints, now);
        assessment
    }

    /// Returns the incidents and the maintenance that channels can be notified of.
    fn post_conditions(&self, own: Option<&NotificationLog>, now: UnixNanos) -> Vec<Condition> {
        let rules = &self.settings.rules;
        let announcements = rules.authors.announcements(self.view.digests(), now);
        let mut conditions = posted(&announcements, (&rules.groups, &rules.zone), now);
        // A post that cannot be read was not withdrawn.
        conditions.extend(
            own.filter(|_| self.view.has_all_posts()).into_iter().flat_map(|own| withdrawn(&announcements, own)),
        );
        conditions
    }

    fn plan(
        &self,
        endpoints: &[EndpointStatus<'_>],
        conditions: &[Condition],
        newest: &BTreeMap<NodeName, UnixNanos>,
        now: UnixNanos,
    ) -> Assessment {
        let Some(own) = &self.own else { return Assessment::default() };
        let registers = Registers::merge(self.view.logs().iter().chain([&own.log]), now);
        let verdicts = verdicts(endpoints, now);
        let rules = &self.settings.rules;
        let (pace, channels) = (self.pace(), enabled_channels(&self.settings));
        let holds = holds(self.view.digests(), (&rules.groups, &rules.authors), (now.saturating_sub(HELD_TIME), now));
        let plan = |(index, channel): (usize, &Channel)| {
            let mut conditions = Cow::Borrowed(conditions);
            if !self.own_checks.is_empty() {
                let describe = |condition: &mut Condition| {
                    self.own_checks.describe(condition, (&channel.id, &channel.policy), &self.settings.checks, now);
                };
                conditions.to_mut().iter_mut().for_each(describe);
            }
            let situation = Situation {
                channel: &channel.id,
                policy: &channel.policy,
                channels: &channels,
                flapping: rules.flapping,
                pace,
                checks: &self.settings.checks,
                verdicts: &verdicts,
                conditions: &conditions,
                holds: &holds,
                registers: &registers,
                nodes: Nodes {
                    own: &own.log,
                    others: self.view.logs(),
                    newest,
                    has_unreadable: self.view.has_unreadable(),
                },
                now,
            };
            ((index, reconcile(&situation)), deferred_plans(index, &situation))
        };
        let (plans, deferred): (Vec<_>, Vec<_>) = message_channels(&self.settings).map(plan).unzip();
        let deferred = deferred.into_iter().flatten().collect();
        let states = self.states(&own.log, (&verdicts, conditions, &holds), newest, now);
        Assessment { plans, number: registers.next_number(), states, deferred }
    }

    /// Adds the remaining error budget to news about endpoints that have an objective.
    fn add_budgets(&self, assessment: &mut Assessment, endpoints: &[EndpointStatus<'_>], now: UnixNanos) {
        let mut with_objectives = EndpointMap::new();
        for endpoint in endpoints {
            if let Some(objective) = self.objectives.get(&endpoint.key) {
                with_objectives.insert(endpoint.key.clone().into_owned(), (objective, endpoint));
            }
        }
        for news in assessment.plans.iter_mut().flat_map(|(_, plan)| &mut plan.news) {
            let Some((objective, endpoint)) = with_objectives.get(&news.register.key) else { continue };
            let left = objective.budget(&endpoint.spans(now), now).percent_left();
            for item in news.items.iter_mut().filter(|item| item.detail.is_none()) {
                item.detail = Some(format!("{left} of its error budget is left"));
            }
        }
    }
}

impl Assessment {
    /// Returns whether this node has news to send, either now or later if no other node sends it. The other nodes' logs
    /// must be current before it does so.
    #[must_use]
    pub fn has_news(&self) -> bool {
        let has_news = |plan: &Plan| !plan.news.is_empty() || !plan.waiting.is_empty();
        !self.deferred.is_empty() || self.plans.iter().any(|(_, plan)| has_news(plan))
    }
}

fn served(settings: &Notifications) -> Vec<&ChannelId> {
    let is_served = |channel: &&Channel| channel.is_enabled && !matches!(channel.transport, Transport::Ping(_));
    settings.channels.iter().filter(is_served).map(|channel| &channel.id).collect()
}

/// Returns the enabled channels that receive messages, with their indexes in the configuration.
pub(super) fn message_channels(settings: &Notifications) -> impl Iterator<Item = (usize, &Channel)> {
    let receives_messages = |channel: &Channel| {
        channel.is_enabled && !matches!(channel.transport, Transport::Alertmanager(_) | Transport::Ping(_))
    };
    settings.channels.iter().enumerate().filter(move |(_, channel)| receives_messages(channel))
}

/// Returns the enabled channels that receive messages, with their rules.
pub(super) fn enabled_channels(settings: &Notifications) -> Vec<(&ChannelId, &ChannelPolicy)> {
    message_channels(settings).map(|(_, channel)| (&channel.id, &channel.policy)).collect()
}

#[cfg(test)]
mod tests;
