//! `checker notify status`: shows each channel's nodes, open outages and delivery failures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use shared::budget::Objective;
use shared::civil::{rfc3339, rfc3339_nanos};
use shared::endpoint_map::EndpointMap;
use shared::notification::registers::Registers;
use shared::notification_log::{ChannelId, Deferred, NotificationLog, Notified, Register, ServedChannel, Topic};
use shared::object_name::NodeName;
use shared::uptime::validity;
use shared::{DAY, MINUTE, Nanos, UnixNanos, duration};

use super::{MissingNotifiers, open_store};
use crate::cli::{Format, NotifyViewArguments};
use crate::commands::{Outcome, load};
use crate::notify::channels::Transport;
use crate::notify::evaluate::REACH;
use crate::notify::evaluate::waits::{Waits, current_waits};
use crate::notify::removed::removed_channels;
use crate::notify::rules::{Channel, Notifications};
use crate::notify::store_view::StoreView;
use crate::now;
use crate::sanitize::sanitize_for_terminal;
use crate::store::Store;
use crate::ui;

/// The maximum length of a title, in characters.
const TITLE_WIDTH: usize = 60;
/// The maximum number of subjects to list for each channel.
const LISTED: usize = 20;

const REMOVED_HINT: &str =
    "hint: no node reports when these outages end; if the provider keeps incidents, like PagerDuty, resolve them there";

const NEW_KEY_HINT: &str =
    "hint: no node resolves the incidents that were reported with the former key; resolve them at the provider";

/// How long a change of a channel's key is shown, which is how long outages of removed channels are shown.
const KEY_CHANGE_SHOWN_FOR: Nanos = 2 * DAY;

pub(super) async fn status(arguments: &NotifyViewArguments) -> anyhow::Result<Outcome> {
    let path = &arguments.config.config;
    let config = load(path, arguments.node.as_ref())?;
    let settings = config.notifications.as_deref().filter(|settings| !settings.channels.is_empty());
    let store = open_store(&config, path).await?;
    let report = NotifyReport::read(store, &config.node, (settings, &config.objectives), now()).await?;
    if settings.is_none() && report.removed(&report.registers()).is_empty() {
        return Err(MissingNotifiers(path.display().to_string()).into());
    }
    match arguments.format.get() {
        Format::Json => ui::stdout_data(&format!("{}\n", report.json()))?,
        Format::Table => ui::stdout(&report.text())?,
    }
    Ok(Outcome::Done)
}

/// The contents of all notification logs in the store.
struct NotifyReport<'a> {
    /// The node whose configuration is used.
    node: NodeName,
    channels: &'a [Channel],
    logs: Vec<NotificationLog>,
    /// When each node's newest result was stored.
    newest: BTreeMap<NodeName, UnixNanos>,
    waits: Waits,
    now: UnixNanos,
}

/// A node that serves a channel.
struct Sender<'a> {
    log: &'a NotificationLog,
    served: &'a ServedChannel,
    /// Whether the node is reporting. Silent nodes are not in the line-up.
    is_reporting: bool,
}

impl<'a> NotifyReport<'a> {
    async fn read(
        store: Arc<Store>,
        node: &NodeName,
        (settings, objectives): (Option<&'a Notifications>, &EndpointMap<Objective>),
        now: UnixNanos,
    ) -> anyhow::Result<NotifyReport<'a>> {
        let mut view = StoreView::of_all_nodes(store);
        view.set_reach(REACH);
        view.refresh_histories(now).await?;
        view.refresh_digests().await;
        view.refresh_logs(now).await?;
        for problem in view.take_problems() {
            ui::warn(&problem);
        }
        let newest = view.histories().iter().filter_map(|history| Some((history.node.clone()?, history.newest()?)));
        let mut newest: BTreeMap<NodeName, UnixNanos> = newest.collect();
        if let Some(unlisted) = view.unlisted() {
            ui::warn(&format!("endpoints that wait for a message are missing: {}", unlisted.cause));
            newest.extend(unlisted.nodes.clone());
        }
        let mut logs = view.logs().to_vec();
        logs.sort_by(|one, other| (one.rank, one.every, &one.node).cmp(&(other.rank, other.every, &other.node)));
        let waits = |settings| current_waits((settings, objectives), (view.histories(), view.digests()), &logs, now);
        let waits = settings.map(waits).unwrap_or_default();
        let channels = settings.map_or(&[][..], |settings| &settings.channels);
        Ok(NotifyReport { node: node.clone(), channels, logs, newest, waits, now })
    }

    fn registers(&self) -> Registers<'_> {
        Registers::merge(&self.logs, self.now)
    }

    fn removed<'r>(&self, registers: &Registers<'r>) -> Vec<&'r ChannelId> {
        removed_channels(registers, &self.logs, &self.node, self.channels)
    }

    /// Returns when a channel got another key on a node, if that was at most two days ago. If this node's configuration
    /// has changed since its last round, returns the current time.
    fn key_changed_at(&self, channel: &Channel, sender: &Sender<'_>) -> Option<UnixNanos> {
        let stored = sender.served.incidents.filter(|_| sender.log.node == self.node);
        let configured = channel.transport.incident_scope();
        if stored.is_some() && configured.is_some() && stored != configured {
            return Some(self.now);
        }
        sender.served.incidents_moved_at.filter(|moved_at| self.now.saturating_sub(*moved_at) <= KEY_CHANGE_SHOWN_FOR)
    }

    fn senders(&self, channel: &ChannelId) -> Vec<Sender<'_>> {
        let logs = self.logs.iter().filter_map(|log| Some((log, log.channel(channel)?)));
        logs.map(|(log, served)| {
            let age = self.newest.get(&log.node).map(|newest| self.now.saturating_sub(*newest));
            let is_reporting = age.is_some_and(|age| age <= validity(log.every).saturating_add(MINUTE));
            Sender { log, served, is_reporting }
        })
        .collect()
    }

    fn text(&self) -> String {
        let registers = self.registers();
        let mut text = String::new();
        for channel in self.channels {
            let state = if channel.is_enabled { "" } else { " (disabled)" };
            let _ = writeln!(text, "channel `{}`{state}", channel.id);
            self.channel_text(&mut text, channel, &registers);
        }
        for channel in self.removed(&registers) {
            let _ = writeln!(text, "channel `{channel}` (removed)");
            open_text(&mut text, channel, &registers);
            let _ = writeln!(text, "  {REMOVED_HINT}");
        }
        text
    }

    fn channel_text(&self, text: &mut String, channel: &Channel, registers: &Registers<'_>) {
        if matches!(channel.transport, Transport::Ping(_)) {
            let _ = writeln!(text, "  each node with this channel sends a request after each round");
            return;
        }
        let senders = self.senders(&channel.id);
        if senders.is_empty() {
            let _ = writeln!(text, "  no node has served it yet");
        }
        for (index, sender) in senders.iter().enumerate() {
            let Sender { log, served, is_reporting } = sender;
            let state = if *is_reporting { "" } else { ", not reporting" };
            let every = duration::format_exact(log.every);
            let _ = writeln!(text, "  {}. `{}` (rank {}, every {every}{state})", index + 1, log.node, log.rank);
            if let Some(retry) = &served.retry {
                let next = self.next_attempt(retry.next);
                let _ = writeln!(text, "     failed {} ({}); {next}", times(retry.tries), retry.why);
            }
            if let Some(changed_at) = self.key_changed_at(channel, sender) {
                let _ = writeln!(text, "     has another key since {}", rfc3339(changed_at));
                let _ = writeln!(text, "     {NEW_KEY_HINT}");
            }
            if let Some(unconfirmed) = served.unconfirmed {
                let age = duration::format_coarse(self.now.saturating_sub(unconfirmed).max(0));
                let _ = writeln!(text, "     gave up on a message {age} ago that the channel may have received");
            }
            for deferred in self.deferred(served) {
                let next = self.next_attempt(deferred.next);
                let (count, all) = (deferred.recipients.len(), deferred.list.count);
                let _ = writeln!(text, "     a message to {count} of {all} recipients is deferred; {next}");
            }
            // The first node does not wait for other nodes, except during its first 30 seconds.
            let is_behind = senders[..index].iter().any(|before| before.is_reporting);
            if let Some(since) = self.waiting_since(log, channel).filter(|_| is_behind && *is_reporting) {
                let age = duration::format_coarse(self.now.saturating_sub(since).max(0));
                let _ = writeln!(text, "     has waited {age} for the nodes before it to send news");
            }
        }
        open_text(text, &channel.id, registers);
    }

    /// Returns when a node started to wait for other nodes to send the current news.
    fn waiting_since(&self, log: &NotificationLog, channel: &Channel) -> Option<UnixNanos> {
        self.waits.get(&(log.node.clone(), channel.id.clone())).copied()
    }

    /// Returns the entries for recipients that can still be notified.
    fn deferred<'s>(&self, served: &'s ServedChannel) -> impl Iterator<Item = &'s Deferred> {
        served.deferred.iter().filter(|deferred| !deferred.is_expired(self.now))
    }

    fn next_attempt(&self, at: UnixNanos) -> String {
        match at.saturating_sub(self.now) {
            ..=0 => "next attempt after the next round".to_owned(),
            wait => format!("next attempt in {}", duration::format_coarse(wait)),
        }
    }

    fn json(&self) -> Value {
        let registers = self.registers();
        let channel = |channel: &Channel| {
            let senders = self.senders(&channel.id).into_iter().map(|sender| {
                let key_changed_at = self.key_changed_at(channel, &sender);
                let Sender { log, served, is_reporting } = sender;
                json!({
                    "node": log.node.as_str(),
                    "rank": log.rank,
                    "every": log.every,
                    "reporting": is_reporting,
                    "from": served.from,
                    "waiting_since": self.waiting_since(log, channel),
                    "retry": served.retry.map(|retry| {
                        json!({ "tries": retry.tries, "next": retry.next, "why": retry.why.to_string() })
                    }),
                    "unconfirmed": served.unconfirmed,
                    "key_changed_at": key_changed_at,
                    "deferred": self.deferred(served).map(|deferred| {
                        json!({
                            "recipients": deferred.recipients.len(),
                            "of": deferred.list.count,
                            "tries": deferred.tries,
                            "next": deferred.next,
                        })
                    }).collect::<Vec<_>>(),
                })
            });
            json!({
                "channel": channel.id.as_str(),
                "enabled": channel.is_enabled,
                "removed": false,
                "nodes": senders.collect::<Vec<_>>(),
                "notified": open_json(&channel.id, &registers),
            })
        };
        let removed = |channel: &ChannelId| {
            json!({
                "channel": channel.as_str(),
                "enabled": false,
                "removed": true,
                "nodes": [],
                "notified": open_json(channel, &registers),
            })
        };
        let removed = self.removed(&registers).into_iter().map(removed);
        let channels: Vec<Value> = self.channels.iter().map(channel).chain(removed).collect();
        json!({ "now": self.now, "now_rfc3339": rfc3339_nanos(self.now), "channels": channels })
    }
}

/// Returns the newest register of each subject with an open outage or condition.
fn open<'r>(channel: &ChannelId, registers: &Registers<'r>) -> Vec<&'r Register> {
    let mut open: Vec<&Register> = registers.open(channel).collect();
    open.sort_by(|one, other| (one.since, &one.key).cmp(&(other.since, &other.key)));
    open
}

fn open_text(text: &mut String, channel: &ChannelId, registers: &Registers<'_>) {
    let open = open(channel, registers);
    for register in open.iter().take(LISTED) {
        let (title, since) = (sanitize_for_terminal(&register.key.title, TITLE_WIDTH), rfc3339(register.since));
        let _ = writeln!(text, "  notified: {title} {} (since {since})", state(register));
    }
    if open.len() > LISTED {
        let _ = writeln!(text, "  and {} more", open.len() - LISTED);
    }
}

fn open_json(channel: &ChannelId, registers: &Registers<'_>) -> Vec<Value> {
    let register = |register: &Register| {
        json!({
            "about": register.topic.as_str(),
            "title": register.key.title,
            "endpoint": register.key.locator,
            "as": register.state.as_str(),
            "since": register.since,
            "since_rfc3339": rfc3339_nanos(register.since),
            "at": register.at,
            "reminders": register.reminders,
        })
    };
    open(channel, registers).into_iter().map(register).collect()
}

fn state(register: &Register) -> &'static str {
    match (register.topic, register.state) {
        (Topic::Endpoint, Notified::Degraded) => "is degraded",
        (Topic::Endpoint, Notified::Flapping) => "is flapping",
        (Topic::Endpoint, _) => "is down",
        (Topic::Silent, _) => "has not reported",
        (Topic::Store, _) => "cannot store its results",
        (Topic::Certificate, _) => "has an expiring certificate",
        (Topic::Budget, _) => "is using up its error budget too fast",
        (Topic::Incident, _) => "is an open incident",
        (Topic::Maintenance, _) => "is announced maintenance",
    }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times in a row") }
}

#[cfg(test)]
mod tests {
    use shared::notification_log::{FailureReason, RecipientList, Retry, Waiting};

    use super::*;
    use crate::notify::channels::exec::ExecChannel;
    use crate::notify::channels::pagerduty::PagerDuty;
    use crate::notify::channels::ping::Ping;
    use crate::notify::channels::secret_url::SecretUrl;
    use crate::notify::test_rules::{START, register, settings};
    use crate::redact::Secret;

    fn command() -> Notifications {
        settings(Transport::Exec(Arc::new(ExecChannel { command: "true".into(), arguments: Vec::new() })))
    }

    /// Returns a report about two nodes that check every minute. Both logs contain a wait of 7 minutes.
    fn report(settings: &Notifications, waits: Waits) -> NotifyReport<'_> {
        let log = |name: &str| {
            let mut served = ServedChannel::new(settings.channels[0].id.clone(), 0);
            served.waiting = vec![Waiting { since: START - 7 * MINUTE, news: vec![1] }];
            let node = NodeName::new(name).unwrap();
            NotificationLog { every: MINUTE, channels: vec![served], ..NotificationLog::new(node) }
        };
        let logs = vec![log("a"), log("b")];
        let newest = logs.iter().map(|log| (log.node.clone(), START)).collect();
        let node = NodeName::new("a").unwrap();
        NotifyReport { node, channels: &settings.channels, logs, newest, waits, now: START }
    }

    #[test]
    fn only_nodes_behind_others_are_shown_as_waiting() {
        let settings = command();
        let key = |name: &str| (NodeName::new(name).unwrap(), settings.channels[0].id.clone());
        let waits = ["a", "b"].map(|name| (key(name), START - 7 * MINUTE));
        let mut report = report(&settings, waits.into());
        report.logs[0].channels[0].unconfirmed = Some(START - 60 * MINUTE);
        let list = RecipientList { count: 3, checksum: Some(7) };
        let deferred = Deferred { recipients: vec![1], list, tries: 1, next: START + 5 * MINUTE, known: Vec::new() };
        let expired = Deferred { next: START - shared::DAY - MINUTE, ..deferred.clone() };
        report.logs[0].channels[0].deferred = vec![deferred, expired];
        assert_eq!(
            report.text(),
            "channel `ops`\n  \
             1. `a` (rank 0, every 1m)\n     \
             gave up on a message 1 h ago that the channel may have received\n     \
             a message to 1 of 3 recipients is deferred; next attempt in 5 min\n  \
             2. `b` (rank 0, every 1m)\n     \
             has waited 7 min for the nodes before it to send news\n"
        );
    }

    #[test]
    fn a_wait_that_is_over_is_not_shown() {
        let settings = command();
        let report = report(&settings, Waits::new());
        assert!(!report.text().contains("has waited"), "{}", report.text());
        assert_eq!(report.json()["channels"][0]["nodes"][1]["waiting_since"], Value::Null);
    }

    #[test]
    fn an_overdue_attempt_is_due_with_the_next_round() {
        let settings = command();
        let mut report = report(&settings, Waits::new());
        let channel = &mut report.logs[0].channels[0];
        channel.retry =
            Some(Retry { tries: 1, unanswered: 0, next: START - 20 * MINUTE, why: FailureReason::Refused(503) });
        let list = RecipientList { count: 3, checksum: None };
        channel.deferred = vec![Deferred { recipients: vec![1], list, tries: 1, next: START, known: Vec::new() }];
        let text = report.text();
        assert!(text.contains("failed once (refused-503); next attempt after the next round\n"), "{text}");
        assert!(text.contains("recipients is deferred; next attempt after the next round\n"), "{text}");
    }

    #[test]
    fn outages_of_a_removed_channel_are_shown_with_a_hint() {
        let settings = command();
        let mut report = report(&settings, Waits::new());
        let removed = ChannelId::new("on-call").unwrap();
        let outage = register(Topic::Endpoint, "Shop", Notified::Down, START + 1);
        report.logs[1].registers = vec![Register { channel: removed.clone(), ..outage }];
        // The node's log lists the channel until the node evaluates its new configuration.
        report.logs[0].channels.push(ServedChannel::new(removed.clone(), 0));
        let text = report.text();
        let shown =
            "channel `on-call` (removed)\n  notified: Shop is down (since 2026-11-22T06:50:00Z)\n  hint: no node";
        assert!(text.contains(shown), "{text}");
        let channel = report.json()["channels"][1].clone();
        assert_eq!((&channel["removed"], &channel["notified"][0]["title"]), (&json!(true), &json!("Shop")));
        report.logs[1].channels.push(ServedChannel::new(removed, 0));
        assert!(!report.text().contains("on-call"), "another node notifies it: {}", report.text());
    }

    #[test]
    fn a_channel_with_another_key_is_shown_with_a_hint() {
        let pager = |routing_key: &str| {
            let server = SecretUrl::parse("https://events.pagerduty.com").unwrap();
            let routing_key = Secret::new(routing_key.to_owned());
            settings(Transport::Http(Arc::new(PagerDuty { server, routing_key })))
        };
        let (former, current) = (pager("a"), pager("b"));
        let scope = |settings: &Notifications| settings.channels[0].transport.incident_scope();
        let mut report = report(&current, Waits::new());
        report.logs[0].channels[0].incidents = scope(&current);
        assert!(!report.text().contains("another key"), "{}", report.text());
        report.logs[0].channels[0].incidents = scope(&former);
        let shown =
            "1. `a` (rank 0, every 1m)\n     has another key since 2026-11-22T06:50:00Z\n     hint: no node resolves";
        assert!(report.text().contains(shown), "before the next round: {}", report.text());
        report.logs[0].channels[0].incidents = scope(&current);
        report.logs[0].channels[0].incidents_moved_at = Some(START);
        assert!(report.text().contains(shown), "{}", report.text());
        assert_eq!(report.json()["channels"][0]["nodes"][0]["key_changed_at"], json!(START));
        report.now += KEY_CHANGE_SHOWN_FOR + 1;
        assert!(!report.text().contains("another key"), "{}", report.text());
    }

    #[test]
    fn a_dead_mans_switch_shows_no_nodes() {
        let url = SecretUrl::parse("https://hc.example.com/x").unwrap();
        let settings = settings(Transport::Ping(Arc::new(Ping { url })));
        let report = NotifyReport { logs: Vec::new(), ..report(&settings, Waits::new()) };
        assert_eq!(report.text(), "channel `ops`\n  each node with this channel sends a request after each round\n");
    }
}
