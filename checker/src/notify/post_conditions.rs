//! Turns incidents and maintenance into conditions, so that channels are notified of what people post. Pure.
//!
//! Each update of an incident, and each start and end of a window, increases the number of reminders of its condition,
//! so that every channel is notified of it once, by one node.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use shared::check_file::EndpointKey;
use shared::duration::format_coarse;
use shared::message::Message;
use shared::notification::condition::Condition;
use shared::notification::reconcile::covered_titles;
use shared::notification_log::{NotificationLog, Notified, Register, Topic};
use shared::page_config::appearance::Group;
use shared::post::fold::Announcements;
use shared::post::incident::Incident;
use shared::post::maintenance::Maintenance;
use shared::post::{Affected, Impact, PostId};
use shared::{Nanos, UnixNanos};

use super::time_text::Clock;

/// How long after its end a post is still a condition, so that all nodes can report the end.
const ENDED_WITHIN: Nanos = shared::notification::verdicts::REPORTED_TIME;
/// The maximum number of endpoints to name.
const NAMES_LIMIT: usize = 5;

/// Determines the conditions for everything that was posted, except for incidents whose first post is missing. `zone` is the time zone of messages.
#[must_use]
pub fn posted(announcements: &Announcements, (groups, zone): (&[Group], &TimeZone), now: UnixNanos) -> Vec<Condition> {
    let clock = Clock::new(now, zone);
    let is_recent = |condition: &Condition| condition.is_present || condition.since.saturating_add(ENDED_WITHIN) > now;
    let incidents = announcements.incidents.iter().filter(|incident| incident.began <= now && incident.is_complete);
    let incidents = incidents.map(|one| incident(one, groups));
    let windows = announcements.maintenance.iter().map(|one| maintenance(one, groups, &clock, now));
    incidents.chain(windows).filter(is_recent).collect()
}

/// Ends the conditions that this node reported for posts that do not exist anymore, because they were withdrawn or
/// erased.
#[must_use]
pub fn withdrawn(announcements: &Announcements, own: &NotificationLog) -> Vec<Condition> {
    let is_gone = gone(announcements);
    let ended = |register: &Register| Condition {
        detail: Some("withdrawn".to_owned()),
        ..Condition::new(register.topic, without_title(&register.key), register.since, false)
    };
    let bad = own.registers.iter().filter(|register| register.state != Notified::Healthy);
    bad.filter(|register| is_gone(register)).map(ended).collect()
}

/// Replaces the titles of posts that were withdrawn or erased in this node's log by their IDs. Returns whether the log
/// has changed.
pub fn remove_titles(announcements: &Announcements, own: &mut NotificationLog) -> bool {
    let is_gone = gone(announcements);
    let mut has_changed = false;
    for register in own.registers.iter_mut().filter(|register| is_gone(register)) {
        let key = without_title(&register.key);
        has_changed |= key != register.key;
        register.key = key;
    }
    has_changed
}

/// Returns whether the post that a message was about does not exist anymore.
fn gone(announcements: &Announcements) -> impl Fn(&Register) -> bool {
    let incidents = announcements.incidents.iter().filter(|incident| incident.is_complete);
    let incidents = incidents.map(|incident| (Topic::Incident, &incident.id));
    let maintenance = announcements.maintenance.iter().map(|maintenance| (Topic::Maintenance, &maintenance.id));
    let known: BTreeSet<(Topic, String)> =
        incidents.chain(maintenance).map(|(topic, id)| (topic, id.to_string())).collect();
    move |register| {
        let id = register.key.id.clone().unwrap_or_default().to_string();
        register.topic.is_post() && !known.contains(&(register.topic, id))
    }
}

/// The title of an erased post can contain a secret.
fn without_title(key: &EndpointKey) -> EndpointKey {
    match &key.id {
        Some(id) => EndpointKey { title: id.to_string(), ..key.clone() },
        None => key.clone(),
    }
}

fn incident(incident: &Incident, groups: &[Group]) -> Condition {
    let text = incident.updates.last().map(|update| Message::parse(&update.text).text()).unwrap_or_default();
    let about = names(&incident.affects);
    let state = match incident.ended {
        None => format!("{}{about}", incident.state.as_str()),
        Some(ended) => format!("resolved after {}{about}", format_coarse(ended.saturating_sub(incident.began))),
    };
    let updates = u32::try_from(incident.updates.len()).unwrap_or(u32::MAX);
    let since = incident.ended.unwrap_or(incident.began);
    let reminders = updates.saturating_sub(1);
    Condition {
        reminders,
        lasting: incident.is_open().then_some(reminders),
        about: covered(&incident.affects, groups),
        detail: Some(if text.is_empty() { state } else { format!("{state}. {text}") }),
        ..Condition::new(Topic::Incident, key(&incident.id, incident.display_title()), since, incident.is_open())
    }
}

fn maintenance(maintenance: &Maintenance, groups: &[Group], clock: &Clock, now: UnixNanos) -> Condition {
    let windows = &maintenance.windows;
    let count = |is_past: &dyn Fn(UnixNanos, UnixNanos) -> bool| {
        u32::try_from(windows.iter().filter(|window| is_past(window.start, window.end)).count()).unwrap_or(u32::MAX)
    };
    let (started, ended) = (count(&|start, _| start <= now), count(&|_, end| end <= now));
    let about = names(&maintenance.affects);
    let (is_present, state) = match (maintenance.current(now), maintenance.next(now)) {
        (Some(current), _) => (true, format!("in progress until {}{about}", clock.time(current.end))),
        (None, Some(next)) if started == 0 => (true, format!("planned {}{about}", clock.range(next.start, next.end))),
        (None, Some(next)) => (true, format!("over; the next window begins at {}{about}", clock.time(next.start))),
        (None, None) if maintenance.is_canceled => (false, "canceled".to_owned()),
        (None, None) => (false, "over".to_owned()),
    };
    let announced_at = maintenance.id.posted_at;
    let last = windows.iter().map(|window| window.end).max();
    let since = if is_present { announced_at } else { last.unwrap_or(announced_at).max(announced_at) };
    let text = Message::parse(&maintenance.text).text();
    let is_first = is_present && started == 0 && !text.is_empty();
    let reminders = started.saturating_add(ended);
    Condition {
        reminders,
        lasting: is_present.then_some(reminders),
        about: covered(&maintenance.affects, groups),
        detail: Some(if is_first { format!("{state}. {text}") } else { state }),
        ..Condition::new(Topic::Maintenance, key(&maintenance.id, maintenance.display_title()), since, is_present)
    }
}

fn key(id: &PostId, title: &str) -> EndpointKey {
    EndpointKey { title: title.to_owned(), locator: String::new(), id: Some(id.to_string().into()) }
}

/// Returns the titles and prefixes that posts name, or an empty list for all endpoints.
fn covered(affects: &[Affected], groups: &[Group]) -> Vec<String> {
    if affects.iter().any(|affected| affected.scope.0 == "*") {
        return Vec::new();
    }
    affects.iter().flat_map(|affected| covered_titles(&affected.scope, groups)).collect()
}

fn names(affects: &[Affected]) -> String {
    let one = |affected: &Affected| match affected.impact {
        Impact::None => affected.scope.0.clone(),
        impact => format!("{} ({})", affected.scope.0, impact.as_str()),
    };
    let shown: Vec<String> = affects.iter().take(NAMES_LIMIT).map(one).collect();
    let more = affects.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if shown.is_empty() { String::new() } else { format!(", affects {}{more}", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use shared::object_name::NodeName;
    use shared::post::fold::fold;
    use shared::post::{Details, IncidentState, MaintenanceChange, MaintenancePlan, Post, Scope};
    use shared::{HOUR, MINUTE};

    use super::*;
    use crate::notify::test_rules::register;

    /// The time 06:50:54 UTC on 2026-11-22.
    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn id(at: UnixNanos) -> PostId {
        PostId { posted_at: at, author: NodeName::new("anna").unwrap() }
    }

    fn post(at: UnixNanos, subject: UnixNanos, details: Details, text: &str) -> Post {
        let first = at == subject;
        let affects = vec![Affected { scope: Scope("Shop".to_owned()), impact: Impact::Down }];
        Post {
            id: id(at),
            subject: id(subject),
            edit: None,
            title: first.then(|| "It fails".to_owned()),
            affects: first.then_some(affects),
            text: Some(text.to_owned()),
            at: None,
            details,
        }
    }

    fn state(state: IncidentState) -> Details {
        Details::Incident { state: Some(state), began: None, ended: None }
    }

    fn found(posts: &[Post], now: UnixNanos) -> Vec<(bool, u32, Option<u32>, String)> {
        let conditions = posted(&fold(posts, &[], now), (&[], &TimeZone::UTC), now);
        conditions.into_iter().map(|one| (one.is_present, one.reminders, one.lasting, one.detail.unwrap())).collect()
    }

    #[test]
    fn each_update_of_an_incident_is_reported_until_it_is_resolved() {
        let start = NOW - HOUR;
        let posts = [
            post(start, start, state(IncidentState::Investigating), "We're <b>on it</b>."),
            post(start + MINUTE, start, state(IncidentState::Monitoring), ""),
            post(start + 5 * MINUTE, start, state(IncidentState::Resolved), "Done."),
        ];
        let texts = |count: usize| found(&posts[..count], NOW);
        assert_eq!(texts(1), [(true, 0, Some(0), "investigating, affects Shop (down). We're on it.".to_owned())]);
        assert_eq!(texts(2), [(true, 1, Some(1), "monitoring, affects Shop (down)".to_owned())]);
        assert_eq!(texts(3), [(false, 2, None, "resolved after 5 min, affects Shop (down). Done.".to_owned())]);
        assert_eq!(found(&posts, NOW + 3 * 24 * HOUR), [], "the end was long ago");
    }

    #[test]
    fn maintenance_is_reported_when_announced_started_ended_or_canceled() {
        let windows = vec![(NOW, NOW + HOUR), (NOW + 5 * HOUR, NOW + 6 * HOUR)];
        let plan = MaintenancePlan { windows, ..MaintenancePlan::default() };
        let at = NOW - HOUR;
        let announced = post(at, at, Details::Maintenance { plan: Some(plan), change: None }, "");
        let cancel = Details::Maintenance { plan: None, change: Some(MaintenanceChange::CancelAll) };
        let canceled = post(at + 1, at, cancel, "");
        let text = |text: &str| format!("{text}, affects Shop (down)");
        for (now, is_present, reminders, expected) in [
            (NOW - 1, true, 0, text("planned from 06:50 to 07:50 UTC")),
            (NOW, true, 1, text("in progress until 07:50 UTC")),
            (NOW + HOUR, true, 2, text("over; the next window begins at 11:50 UTC")),
            (NOW + 5 * HOUR, true, 3, text("in progress until 12:50 UTC")),
            (NOW + 6 * HOUR, false, 4, "over".to_owned()),
        ] {
            let lasting = is_present.then_some(reminders);
            assert_eq!(found(std::slice::from_ref(&announced), now), [(is_present, reminders, lasting, expected)]);
        }
        assert_eq!(found(&[announced, canceled], NOW), [(false, 0, None, "canceled".to_owned())]);
    }

    #[test]
    fn a_withdrawn_post_ends_for_the_node_that_reported_it() {
        let incident = post(NOW, NOW, state(IncidentState::Investigating), "");
        let announcements = fold([&incident], &[], NOW);
        let mut log = NotificationLog::new(NodeName::new("eu").unwrap());
        for (at, notified) in [(NOW, Notified::Down), (NOW - 1, Notified::Down), (NOW - 2, Notified::Healthy)] {
            let mut sent = register(Topic::Incident, "It fails", notified, at);
            sent.key.id = Some(id(at).to_string().into());
            log.registers.push(sent);
        }
        let ended = withdrawn(&announcements, &log);
        let ids: Vec<_> = ended.iter().map(|one| one.key.id.as_deref().unwrap().to_owned()).collect();
        assert_eq!((ids, ended[0].is_present), (vec![id(NOW - 1).to_string()], false));
        assert_eq!(ended[0].key.title, id(NOW - 1).to_string(), "the title can contain a secret");
        assert!(remove_titles(&announcements, &mut log));
        let titles: Vec<_> = log.registers.iter().map(|register| register.key.title.clone()).collect();
        assert_eq!(titles, ["It fails".to_owned(), id(NOW - 1).to_string(), id(NOW - 2).to_string()]);
        assert!(!remove_titles(&announcements, &mut log));
    }

    #[test]
    fn what_remains_of_an_erased_incident_is_not_reported() {
        let incident = post(NOW - MINUTE, NOW - MINUTE, state(IncidentState::Investigating), "");
        let update = post(NOW, NOW - MINUTE, state(IncidentState::Monitoring), "");
        let announcements = fold([&update], &[], NOW);
        assert_eq!(announcements.incidents.len(), 1);
        assert_eq!(posted(&announcements, (&[], &TimeZone::UTC), NOW), []);
        let mut log = NotificationLog::new(NodeName::new("eu").unwrap());
        let mut sent = register(Topic::Incident, "It fails", Notified::Down, NOW);
        sent.key.id = Some(incident.id.to_string().into());
        log.registers.push(sent);
        assert_eq!(withdrawn(&announcements, &log).len(), 1);
        assert_eq!(withdrawn(&fold([&incident, &update], &[], NOW), &log), []);
    }

    #[test]
    fn a_post_is_about_the_endpoints_in_its_groups() {
        let groups = [Group { title: "All".to_owned(), endpoints: vec!["API *".to_owned()], groups: Vec::new() }];
        let affected = |scope: &str| Affected { scope: Scope(scope.to_owned()), impact: Impact::Down };
        assert_eq!(covered(&[affected("All"), affected("Shop")], &groups), ["All", "API *", "Shop"]);
        assert_eq!(covered(&[affected("Shop"), affected("*")], &groups), [""; 0]);
    }
}
