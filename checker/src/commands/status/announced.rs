//! Incidents, maintenance and messages in the table of `checker status`. They never change what was measured. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use shared::UnixNanos;
use shared::announced::{Announced, LeftOut, Posted};
use shared::uptime::Ratio;

use crate::counted;
use crate::notify::time_text::Clock;
use crate::sanitize::sanitize_for_terminal;

/// The width of the column with the state of an incident or window, in characters.
const STATE_WIDTH: usize = 14;
/// The maximum length of a title, in characters.
const TITLE_WIDTH: usize = 80;
/// The maximum length of a message, in characters.
const TEXT_WIDTH: usize = 200;
/// The word in the first column for messages.
const MESSAGE: &str = "message";
/// The maximum number of titles to list for one post.
const TITLES_LIMIT: usize = 5;

/// Lists the open incidents, the maintenance in progress or planned soon, and the current messages.
pub(super) fn table(posted: &Posted<'_>, now: UnixNanos, zone: &TimeZone) -> String {
    let (announced, clock) = (Announced::new(posted.announcements, now), Clock::new(now, zone));
    let mut text = String::new();
    let mut row = |state: &str, title: &str, rest: &str, affected: &BTreeMap<String, String>| {
        let width = if state == MESSAGE { TEXT_WIDTH } else { TITLE_WIDTH };
        let (state, title) = (sanitize_for_terminal(state, STATE_WIDTH), sanitize_for_terminal(title, width));
        let _ = writeln!(text, "  {state:<STATE_WIDTH$} {title}{rest}{}", affects(affected));
    };
    for incident in &announced.incidents {
        let since = format!(", incident since {}", clock.time(incident.since));
        row(&incident.state, &incident.title, &since, &incident.affects);
    }
    for window in &announced.maintenance {
        let afterwards = if window.announced_afterwards { ", announced afterwards" } else { "" };
        if window.in_progress {
            let until = format!(", maintenance until {}{afterwards}", clock.time(window.end));
            row("in progress", &window.title, &until, &window.affects);
        } else {
            let range = format!(", maintenance {}", clock.range(window.start, window.end));
            row("planned", &window.title, &range, &window.affects);
        }
    }
    for message in &announced.messages {
        row(MESSAGE, &message.text, &format!(", until {}", clock.time(message.until)), &message.affects);
    }
    let LeftOut { incidents, maintenance, messages } = announced.left_out(posted.announcements, now);
    for (count, what, command) in [
        (incidents, "open incident", "incident"),
        (maintenance, "maintenance window", "maintenance"),
        (messages, "message", "message"),
    ] {
        if count > 0 {
            let _ = writeln!(text, "  {} not shown: `checker {command} list`", counted(count, what));
        }
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn affects(affects: &BTreeMap<String, String>) -> String {
    let one = |(title, impact): (&String, &String)| match impact.as_str() {
        "none" => sanitize_for_terminal(title, TITLE_WIDTH),
        impact => format!("{} ({impact})", sanitize_for_terminal(title, TITLE_WIDTH)),
    };
    let shown: Vec<String> = affects.iter().take(TITLES_LIMIT).map(one).collect();
    let more = affects.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if shown.is_empty() { String::new() } else { format!(", affects {}{more}", shown.join(", ")) }
}

/// Returns the uptime outside of planned maintenance, unless it is the same figure.
pub(super) fn outside(outside: Option<Ratio>, uptime: &str) -> String {
    let different = outside.map(Ratio::percent).filter(|outside| outside != uptime);
    different.map(|outside| format!("  {outside} outside planned maintenance")).unwrap_or_default()
}

/// Returns the end of the announced work that covers the current status.
pub(super) fn planned(until: Option<UnixNanos>, now: UnixNanos, zone: &TimeZone) -> String {
    until.map(|until| format!("  (planned until {})", Clock::new(now, zone).time(until))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shared::object_name::{NodeName, PostId};
    use shared::post::fold::fold;
    use shared::post::{Affected, Details, Impact, MaintenancePlan, Post, Scope};
    use shared::{DAY, HOUR, MINUTE};

    use super::*;

    /// The time 06:50:54 UTC on 2026-11-22.
    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn post(at: UnixNanos, title: &str, impact: Impact, details: Details) -> Post {
        let id = PostId { posted_at: at, author: NodeName::new("anna").unwrap() };
        let affects = Some(vec![Affected { scope: Scope("Shop".to_owned()), impact }]);
        let title = Some(title.to_owned());
        Post { subject: id.clone(), id, edit: None, title, affects, text: None, at: None, details }
    }

    fn window(at: UnixNanos, title: &str, start: UnixNanos) -> Post {
        let plan = MaintenancePlan { windows: vec![(start, start + HOUR)], ..MaintenancePlan::default() };
        post(at, title, Impact::Down, Details::Maintenance { plan: Some(plan), change: None })
    }

    fn message(at: UnixNanos, text: &str, until: UnixNanos) -> Post {
        let post = post(at, "", Impact::None, Details::Message { until: Some(until) });
        Post { title: None, text: Some(text.to_owned()), ..post }
    }

    #[test]
    fn posts_that_are_not_shown_are_counted() {
        let details = Details::Incident { state: None, began: None, ended: None };
        let incidents = (0..17).map(|number| post(NOW - HOUR - number, "Slow", Impact::None, details.clone()));
        let messages = (0..11).map(|number| message(NOW - HOUR - 20 - number, "We know.", NOW + HOUR));
        let windows = (0..12).map(|number| window(NOW - HOUR - 40 - number, "Upgrade", NOW + DAY));
        let posts: Vec<Post> = incidents.chain(messages).chain(windows).collect();
        let announcements = fold(&posts, &[], NOW);
        let text = table(&Posted { announcements: &announcements, groups: &[] }, NOW, &TimeZone::UTC);
        let shown = "  7 open incidents not shown: `checker incident list`\n  2 maintenance windows not shown: \
                     `checker maintenance list`\n  1 message not shown: `checker message list`\n";
        assert!(text.ends_with(shown) && text.lines().count() == 34, "{text}");
    }

    #[test]
    fn posts_follow_the_endpoints() {
        let posts = [
            post(
                NOW - 2 * HOUR,
                "Slow\u{1b}[2J",
                Impact::None,
                Details::Incident { state: None, began: None, ended: None },
            ),
            window(NOW - HOUR, "Upgrade", NOW - MINUTE),
            window(NOW - MINUTE, "Late", NOW - 2 * MINUTE),
            window(NOW - HOUR + 1, "Soon", NOW + DAY),
            window(NOW - HOUR + 2, "In 8 days", NOW + 8 * DAY),
            message(NOW - HOUR + 3, "We <b>know</b>.", NOW + HOUR),
            message(NOW - HOUR + 4, "Over.", NOW),
        ];
        let announcements = fold(&posts, &[], NOW);
        let posted = Posted { announcements: &announcements, groups: &[] };
        let lines = [
            "",
            "  investigating  Slow[2J, incident since 04:50 UTC, affects Shop",
            "  in progress    Upgrade, maintenance until 07:49 UTC, affects Shop (down)",
            "  in progress    Late, maintenance until 07:48 UTC, announced afterwards, affects Shop (down)",
            "  planned        Soon, maintenance from Nov 23, 06:50 to Nov 23, 07:50 UTC, affects Shop (down)",
            "  message        We know., until 07:50 UTC, affects Shop",
            "",
        ];
        assert_eq!(table(&posted, NOW, &TimeZone::UTC), lines.join("\n"));
        let nothing = fold(&[], &[], NOW);
        assert_eq!(table(&Posted { announcements: &nothing, groups: &[] }, NOW, &TimeZone::UTC), "");
        assert_eq!(planned(Some(NOW + HOUR), NOW, &TimeZone::UTC), "  (planned until 07:50 UTC)");
    }
}
