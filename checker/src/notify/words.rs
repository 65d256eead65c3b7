//! The wording of notifications. Text from endpoints and stores is sanitized here: each string becomes one line of
//! limited length, without control characters. Pure.

use shared::duration::format_coarse;
use shared::notification_log::Topic;
use shared::status::Status;

use super::event::EventKind;
use super::message::{Item, ItemKind, Message};
use super::time_text::Clock;
use crate::sanitize::sanitize_for_terminal;

/// The maximum length of a title, in characters.
const TITLE_LIMIT: usize = 80;
/// The maximum length of a reason, in characters.
const REASON_LIMIT: usize = 160;
/// The maximum number of different reasons to list for one endpoint.
const REASONS_LIMIT: usize = 3;
/// The maximum number of names in a list.
const NAMES_LIMIT: usize = 5;

/// How urgent a message or item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    Info,
    /// A recovery, which needs no action.
    Good,
    Warning,
    Critical,
}

impl Urgency {
    /// Returns the urgency of one item.
    #[must_use]
    pub fn from_item(item: &Item) -> Urgency {
        match item.event {
            EventKind::Silent | EventKind::Store | EventKind::Certificate | EventKind::Budget | EventKind::Incident
                if item.until.is_some() =>
            {
                Urgency::Good
            }
            EventKind::Down | EventKind::Worse => Urgency::Critical,
            EventKind::Reminder if item.is == Status::Down => Urgency::Critical,
            EventKind::Degraded
            | EventKind::Reminder
            | EventKind::Flapping
            | EventKind::Silent
            | EventKind::Store
            | EventKind::Certificate
            | EventKind::Budget
            | EventKind::Incident => Urgency::Warning,
            EventKind::Recovered => Urgency::Good,
            EventKind::Missed | EventKind::Closed | EventKind::Maintenance | EventKind::Test => Urgency::Info,
        }
    }

    /// Returns the urgency of the most urgent item.
    #[must_use]
    pub fn from_message(message: &Message) -> Urgency {
        message.items.iter().map(Urgency::from_item).max().unwrap_or(Urgency::Info)
    }

    /// Returns a symbol that is recognizable without color.
    #[must_use]
    pub fn symbol(self) -> char {
        match self {
            Urgency::Critical => Status::Down.symbol(),
            Urgency::Warning => Status::Degraded.symbol(),
            Urgency::Good => Status::Healthy.symbol(),
            Urgency::Info => Status::Unknown.symbol(),
        }
    }
}

/// Returns an item's title on one line, shortened if necessary.
#[must_use]
pub fn title(item: &Item) -> String {
    one_line(&item.title, TITLE_LIMIT)
}

/// Returns the text on one line, shortened to `limit` characters.
#[must_use]
pub fn one_line(text: &str, limit: usize) -> String {
    sanitize_for_terminal(text, limit)
}

/// Returns a sentence with all details of one item, except its reasons.
#[must_use]
pub fn headline(item: &Item, message: &Message) -> String {
    let clock = Clock::new(message.at, &message.zone);
    let title = title(item);
    let since = format!("since {} ({})", clock.time(item.since), format_coarse(item.length(message.at)));
    let was = if item.was == Status::Degraded { "degraded" } else { "down" };
    let during = item
        .until
        .map(|until| format!("{} ({})", clock.range(item.since, until), format_coarse(item.length(message.at))));
    let planned = if item.is_planned { ", during planned maintenance" } else { "" };
    let from = from_locations(item);
    let sentence = match (item.event, during) {
        (EventKind::Down, _) => format!("{title} has been down {since}{from}{planned}"),
        (EventKind::Degraded, _) => format!("{title} has been degraded {since}{from}{planned}"),
        (EventKind::Worse, _) => format!("{title} was degraded and has been down {since}{from}{planned}"),
        (EventKind::Recovered, Some(during)) if item.is == Status::Degraded => {
            format!("{title} is back but degraded: it was {was} {during}")
        }
        (EventKind::Recovered, Some(during)) if item.was_flapping => {
            format!("{title} has recovered: it was flapping {during}")
        }
        (EventKind::Recovered, Some(during)) => format!("{title} has recovered: it was {was} {during}"),
        (EventKind::Recovered, None) => format!("{title} has recovered"),
        (EventKind::Closed, _) => closed(item, &title, was, &clock),
        (EventKind::Reminder, _) => {
            let reminder = if item.reminder > 0 { format!(" (reminder {})", item.reminder) } else { String::new() };
            let is = if item.is == Status::Degraded { "degraded" } else { "down" };
            format!("{title} is still {is}, {since}{from}{planned}{reminder}")
        }
        (EventKind::Missed, Some(during)) => format!("{title} was {was} {during} and has recovered"),
        (EventKind::Missed, None) => format!("{title} was {was} earlier and has recovered"),
        (EventKind::Flapping, _) => {
            let is = match item.is {
                Status::Down => " and is down now",
                Status::Degraded => " and is degraded now",
                Status::Healthy | Status::Unknown => "",
            };
            let since = clock.time(item.since);
            format!("{title} has been flapping since {since}{is}: messages pause until its status is stable")
        }
        (EventKind::Silent, Some(during)) => format!("Location {title} is reporting again: it was silent {during}"),
        (EventKind::Silent, None) => format!("Location {title} has not reported {since}"),
        (EventKind::Store, Some(during)) => {
            format!("Location {title} can store its results again: it could not {during}")
        }
        (EventKind::Store, None) => format!("Location {title} has been unable to store its results {since}"),
        (EventKind::Certificate | EventKind::Budget | EventKind::Test, _) => brief(item),
        (EventKind::Incident, _) => format!("Incident: {title}"),
        (EventKind::Maintenance, _) => format!("Maintenance: {title}"),
    };
    match (&item.detail, item.event) {
        (_, EventKind::Test) | (None, _) => sentence,
        (Some(detail), EventKind::Budget) if item.reminder > 0 => {
            format!("{title} got worse: it {}", one_line(detail, REASON_LIMIT))
        }
        (Some(detail), EventKind::Budget) => format!("{title} {}", one_line(detail, REASON_LIMIT)),
        (Some(detail), EventKind::Certificate) => {
            format!("{title}: {}", one_line(detail, REASON_LIMIT))
        }
        (Some(detail), EventKind::Incident | EventKind::Maintenance) => {
            format!("{sentence}: {}", one_line(detail, 2 * REASON_LIMIT))
        }
        (Some(detail), _) => format!("{sentence}; {}", one_line(detail, REASON_LIMIT)),
    }
}

fn closed(item: &Item, title: &str, was: &str, clock: &Clock) -> String {
    let since = clock.time(item.since);
    match Group::from_kind(item.kind()) {
        Group::LocationRemoved => format!("Location {title} was removed: it had not reported since {since}"),
        Group::RemovedFromChannel if item.topic == Topic::Endpoint => {
            format!("{title} was removed from this channel: it had been {was} since {since}")
        }
        Group::Other(_) if item.topic == Topic::Endpoint => {
            let seen = item.until.map(|until| format!(", at {}", clock.time(until))).unwrap_or_default();
            format!("{title} is no longer monitored: when last seen{seen}, it had been {was} since {since}")
        }
        _ => brief(item),
    }
}

/// Returns a short sentence about one item, for subjects and titles.
#[must_use]
pub fn brief(item: &Item) -> String {
    counted(Group::from_kind(item.kind()), 1, &title(item))
}

/// Returns the reasons, each with the locations that report it: `connection refused (eu-west, us-east); timed out
/// after 10 s (ap-south)`.
#[must_use]
pub fn reasons(item: &Item) -> Option<String> {
    let mut grouped: Vec<(String, Vec<String>)> = Vec::new();
    for node_reason in item.reasons.iter().filter(|node_reason| !node_reason.reason.trim().is_empty()) {
        let reason = one_line(&node_reason.reason, REASON_LIMIT);
        let node = one_line(&node_reason.node, TITLE_LIMIT);
        match grouped.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, nodes)) => nodes.push(node),
            None => grouped.push((reason, vec![node])),
        }
    }
    let hidden = grouped.len().saturating_sub(REASONS_LIMIT);
    let is_alone = item.voters <= 1 && item.reasons.len() == 1;
    let mut parts: Vec<String> = grouped
        .into_iter()
        .take(REASONS_LIMIT)
        .map(|(reason, nodes)| if is_alone { reason } else { format!("{reason} ({})", list(&nodes, ", ")) })
        .collect();
    if hidden > 0 {
        parts.push(format!("{hidden} more {}", if hidden == 1 { "reason" } else { "reasons" }));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Lists the endpoints that depend on this one: `Also affected: API, Checkout and 3 more`.
#[must_use]
pub fn dependents(item: &Item) -> Option<String> {
    let titles: Vec<String> = item.dependents.iter().map(|title| one_line(title, TITLE_LIMIT)).collect();
    (!titles.is_empty()).then(|| format!("Also affected: {}", list(&titles, " and ")))
}

/// Summarizes the message in one sentence: its only item, or the number of items of each kind.
#[must_use]
pub fn summary(message: &Message) -> String {
    if let ([item], true) = (&message.items[..], message.more.is_empty()) {
        return headline(item, message);
    }
    short_summary(message)
}

/// Returns a short sentence for the whole message, for subjects and titles: `Shop is down; 3 services have recovered`.
#[must_use]
pub fn short_summary(message: &Message) -> String {
    let mut counts: Vec<(Group, usize, Option<&Item>)> = Vec::new();
    let shown = message.items.iter().map(|item| (item.kind(), Some(item)));
    for (kind, item) in shown.chain(message.hidden.iter().map(|kind| (*kind, None))) {
        let group = Group::from_kind(kind);
        match counts.iter_mut().find(|(known, ..)| *known == group) {
            Some((_, count, _)) => *count += 1,
            None => counts.push((group, 1, item)),
        }
    }
    // The title of a hidden item is unknown.
    let is_nameless = |(_, count, item): &&(Group, usize, Option<&Item>)| *count == 1 && item.is_none();
    let nameless = counts.iter().filter(is_nameless).count();
    let named = counts.iter().filter(|counted| !is_nameless(counted));
    let mut parts: Vec<String> =
        named.map(|(group, count, item)| counted(*group, *count, &item.map(title).unwrap_or_default())).collect();
    let updates = |count: usize| if count == 1 { "update" } else { "updates" };
    match more_count(message).saturating_sub(message.hidden.len()) + nameless {
        0 => {}
        more if parts.is_empty() => parts.push(format!("{more} {}", updates(more))),
        more => parts.push(format!("{more} more {}", updates(more))),
    }
    parts.join("; ")
}

/// Describes the items that the message counts but does not list: `and 38 more (12 in Web, 26 in Billing)`.
#[must_use]
pub fn more(message: &Message) -> Option<String> {
    let count = more_count(message);
    let named: Vec<String> = message
        .more
        .iter()
        .filter(|(group, count)| *count > 0 && !group.is_empty())
        .map(|(group, count)| format!("{count} in {}", one_line(group, TITLE_LIMIT)))
        .collect();
    match count {
        0 => None,
        _ if named.is_empty() => Some(format!("and {count} more")),
        _ => Some(format!("and {count} more ({})", list(&named, ", "))),
    }
}

/// Returns the number of items that the message counts but does not list.
#[must_use]
pub fn more_count(message: &Message) -> usize {
    message.more.iter().map(|(_, count)| count).sum()
}

fn from_locations(item: &Item) -> String {
    match (item.down_from.len(), item.voters) {
        (0, _) | (_, 0 | 1) => String::new(),
        (down, voters) => format!(", from {down} of {voters} locations"),
    }
}

/// Joins names to a list. Only counts those after the first few.
fn list(names: &[String], last_separator: &str) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [first @ .., last] if names.len() <= NAMES_LIMIT => format!("{}{last_separator}{last}", first.join(", ")),
        _ => format!("{} and {} more", names[..NAMES_LIMIT].join(", "), names.len() - NAMES_LIMIT),
    }
}

/// A group of items that a summary counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Down,
    StillDown,
    StillDegraded,
    Degraded,
    BackButDegraded,
    Silent { is_over: bool },
    Store { is_over: bool },
    CertificateReplaced,
    BudgetRelieved,
    LocationRemoved,
    RemovedFromChannel,
    Other(EventKind),
}

impl Group {
    fn from_kind(kind: ItemKind) -> Group {
        match kind.event {
            EventKind::Down | EventKind::Worse => Group::Down,
            EventKind::Reminder if kind.is == Status::Degraded => Group::StillDegraded,
            EventKind::Reminder => Group::StillDown,
            EventKind::Degraded => Group::Degraded,
            EventKind::Recovered if kind.is == Status::Degraded => Group::BackButDegraded,
            EventKind::Silent => Group::Silent { is_over: kind.is_over },
            EventKind::Store => Group::Store { is_over: kind.is_over },
            EventKind::Certificate if kind.is_over => Group::CertificateReplaced,
            EventKind::Budget if kind.is_over => Group::BudgetRelieved,
            EventKind::Closed if kind.topic == Topic::Silent => Group::LocationRemoved,
            // Only an endpoint that is still monitored has a known status.
            EventKind::Closed if kind.is != Status::Unknown => Group::RemovedFromChannel,
            event => Group::Other(event),
        }
    }
}

fn counted(group: Group, count: usize, title: &str) -> String {
    let services = |one: &str, many: &str| match count {
        1 => format!("{title} {one}"),
        _ => format!("{count} services {many}"),
    };
    let locations = |one: &str, many: &str| match count {
        1 => format!("Location {title} {one}"),
        _ => format!("{count} locations {many}"),
    };
    let posts = |one: &str, many: &str| match count {
        1 => format!("{one}: {title}"),
        _ => format!("{count} {many}"),
    };
    match group {
        Group::Down => services("is down", "are down"),
        Group::StillDown => services("is still down", "are still down"),
        Group::StillDegraded => services("is still degraded", "are still degraded"),
        Group::Degraded => services("is degraded", "are degraded"),
        Group::BackButDegraded => services("is back but degraded", "are back but degraded"),
        Group::Silent { is_over: false } => locations("is not reporting", "are not reporting"),
        Group::Silent { is_over: true } => locations("is reporting again", "are reporting again"),
        Group::Store { is_over: false } => locations("cannot store its results", "cannot store their results"),
        Group::Store { is_over: true } => locations("can store its results again", "can store their results again"),
        Group::CertificateReplaced => services("has a new certificate", "have new certificates"),
        Group::BudgetRelieved => {
            services("no longer uses up its error budget too fast", "no longer use up their error budgets too fast")
        }
        Group::LocationRemoved => locations("was removed", "were removed"),
        Group::RemovedFromChannel => services("was removed from this channel", "were removed from this channel"),
        Group::Other(EventKind::Closed) => services("is no longer monitored", "are no longer monitored"),
        Group::Other(EventKind::Missed) => services("was down earlier", "were down earlier"),
        Group::Other(EventKind::Flapping) => services("is flapping", "are flapping"),
        Group::Other(EventKind::Certificate) => {
            services("has a certificate that expires soon", "have certificates that expire soon")
        }
        Group::Other(EventKind::Budget) => services("is using up its error budget", "are using up their error budgets"),
        Group::Other(EventKind::Incident) => posts("Incident", "incident updates"),
        Group::Other(EventKind::Maintenance) => posts("Maintenance", "maintenance updates"),
        Group::Other(EventKind::Test) => "This is a test: notifications reach this channel".to_owned(),
        Group::Other(_) => services("has recovered", "have recovered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::sample;

    #[test]
    fn a_summary_counts_items_that_are_not_shown() {
        let down = sample::message().items.into_iter().find(|item| item.event == EventKind::Down).expect("an item");
        let recovered =
            ItemKind { event: EventKind::Recovered, topic: Topic::Endpoint, is: Status::Healthy, is_over: true };
        let message = |hidden: Vec<ItemKind>| Message {
            items: vec![down.clone(); 10],
            more: vec![(String::new(), hidden.len())],
            hidden,
            ..sample::message()
        };
        assert_eq!(short_summary(&message(vec![down.kind(); 2])), "12 services are down");
        let mixed = vec![down.kind(), recovered, recovered];
        assert_eq!(short_summary(&message(mixed)), "11 services are down; 2 services have recovered");
        assert_eq!(short_summary(&message(vec![recovered])), "10 services are down; 1 more update");
    }

    #[test]
    fn the_end_of_flapping_is_not_described_as_an_outage() {
        let message = sample::message();
        let item =
            Item { was_flapping: true, ..sample::item(EventKind::Recovered, "Shop", sample::AT - 600_000_000_000) };
        let item = Item { is: Status::Healthy, until: Some(sample::AT), ..item };
        assert!(headline(&item, &message).starts_with("Shop has recovered: it was flapping from"));
    }

    #[test]
    fn a_flapping_endpoint_that_is_down_is_described_as_down() {
        let message = sample::message();
        let item = Item { event: EventKind::Flapping, is: Status::Down, until: None, ..message.items[0].clone() };
        assert!(headline(&item, &message).contains("and is down now: messages pause"));
    }
}
