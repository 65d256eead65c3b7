//! Formats maintenance for people and programs. Pure.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use shared::civil::rfc3339;
use shared::object_name::PostId;
use shared::post::maintenance::{Maintenance, Window};
use shared::post::{Affected, MaintenanceChange, MaintenancePlan};
use shared::{UnixNanos, duration};

use crate::commands::incident::render::affected_json;
use crate::counted;
use crate::posts::maintenance::{is_canceled, zone_of};
use crate::posts::recurrence::{ClockChange, Occurrence, Recurrence, local_text, to_local};
use crate::posts::resolve::ShortIds;
use crate::sanitize::sanitize_for_terminal;

/// The number of windows to show before a plan is posted.
const SHOWN: usize = 3;
/// The maximum length of a title, in characters.
const TITLE_WIDTH: usize = 60;

/// Describes the next windows of a plan, in its zone and in UTC.
pub(crate) fn planned(title: &str, recurrence: &Recurrence, windows: &[Occurrence], now: UnixNanos) -> String {
    let zone = recurrence.zone();
    let next = windows.partition_point(|window| window.end <= now);
    let (past, next) = windows.split_at(next);
    let mut text = format!("{}: {}\n", sanitize_for_terminal(title, TITLE_WIDTH), counted(windows.len(), "window"));
    if !past.is_empty() {
        let _ = writeln!(text, "  {} already over, which the page marks as announced afterwards", already(past.len()));
    }
    for window in next.iter().take(SHOWN) {
        let remark = match window.change {
            ClockChange::None => String::new(),
            ClockChange::Skipped => format!("; {} does not exist on this day", window.local.strftime("%H:%M")),
            ClockChange::Repeated => format!(
                "; {} occurs twice on this day, and the window begins the first time",
                window.local.strftime("%H:%M")
            ),
        };
        let _ = writeln!(text, "  {}{remark}", range(window.start, window.end, zone));
    }
    if let Some(last) = next.get(SHOWN..).and_then(<[Occurrence]>::last) {
        let last = local_text(last.start, zone);
        let _ = writeln!(text, "  and {} more, the last one at {last}", next.len() - SHOWN);
    }
    text
}

fn already(count: usize) -> String {
    if count == 1 { "1 window is".to_owned() } else { format!("{count} windows are") }
}

/// Returns a note if the rule does not include the start.
pub(super) fn unused_start(recurrence: &Recurrence, windows: &[Occurrence]) -> Option<String> {
    let first = windows.first().filter(|first| first.local != recurrence.start())?;
    let (start, first) = (recurrence.start().strftime("%Y-%m-%d %H:%M"), local_text(first.start, recurrence.zone()));
    Some(format!("the rule does not include the start {start}; the first window begins at {first}"))
}

/// Formats a window in its zone and in UTC: `Sun 2026-12-06 02:00 to 03:30 +01:00 (2026-12-06 01:00 to 02:30 UTC)`.
fn range(start: UnixNanos, end: UnixNanos, zone: &TimeZone) -> String {
    let in_zone = |zone: &TimeZone| {
        let (from, to) = (to_local(start, zone), to_local(end, zone));
        let format = if from.date() == to.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        (from.strftime("%Y-%m-%d %H:%M").to_string(), to.strftime(format).to_string())
    };
    let day = to_local(start, zone).strftime("%a").to_string();
    let ((from, to), (utc_from, utc_to)) = (in_zone(zone), in_zone(&TimeZone::UTC));
    let offset = |moment| local_text(moment, zone).split(' ').nth(2).unwrap_or_default().to_owned();
    let (first, last) = (offset(start), offset(end));
    // Both offsets are shown if clocks change during the window.
    let first = if first == last { String::new() } else { format!(" {first}") };
    format!("{day} {from}{first} to {to} {last} ({utc_from} to {utc_to} UTC)")
}

/// Describes planned maintenance in one line.
pub(crate) fn line(maintenance: &Maintenance, ids: &ShortIds, now: UnixNanos) -> String {
    let id = ids.get(&maintenance.id);
    format!("{id}  {}  {}", sanitize_for_terminal(maintenance.display_title(), TITLE_WIDTH), state(maintenance, now))
}

fn state(maintenance: &Maintenance, now: UnixNanos) -> String {
    let zone = zone_of(maintenance);
    if let Some(current) = maintenance.current(now) {
        return format!("in progress until {}", local_text(current.end, &zone));
    }
    match maintenance.next(now) {
        Some(next) => {
            let ahead = duration::format_coarse(next.start.saturating_sub(now));
            format!("next at {}, in {ahead}", local_text(next.start, &zone))
        }
        None if is_canceled(maintenance, now) => "canceled".to_owned(),
        None => "over".to_owned(),
    }
}

/// Describes planned maintenance with all its windows.
pub(crate) fn details(maintenance: &Maintenance, now: UnixNanos) -> String {
    let zone = zone_of(maintenance);
    let plan = &maintenance.plan;
    let mut text = format!("{}\n", sanitize_for_terminal(maintenance.display_title(), usize::MAX));
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<9} {}", sanitize_for_terminal(value, usize::MAX));
    };
    row("id", &maintenance.id.to_string());
    row("author", maintenance.author.as_str());
    row("state", &state(maintenance, now));
    let affects = |affected: &Affected| format!("{}={}", affected.scope.0, affected.impact.as_str());
    row("affects", &maintenance.affects.iter().map(affects).collect::<Vec<_>>().join(", "));
    let length = duration::format_exact(plan.length);
    row("plan", &format!("{} {} for {length}", plan.start.replace('T', " "), plan.zone));
    if !plan.repeat.is_empty() {
        row("repeat", &plan.repeat);
    }
    if !plan.except.is_empty() {
        row("except", &plan.except.join(", "));
    }
    if !maintenance.text.is_empty() {
        row("text", &maintenance.text);
    }
    text.push_str("windows\n");
    for window in &maintenance.windows {
        let remark = match window {
            _ if window.contains(now) => "  in progress",
            _ if window.end <= now => "  over",
            _ => "",
        };
        let afterwards = if window.is_announced_before() { "" } else { "  announced afterwards" };
        let _ = writeln!(text, "  {}{remark}{afterwards}", range(window.start, window.end, &zone));
    }
    text
}

/// Describes the effect of a change.
pub(crate) fn changed(maintenance: &Maintenance, change: MaintenanceChange) -> String {
    let (title, zone) = (sanitize_for_terminal(maintenance.display_title(), TITLE_WIDTH), zone_of(maintenance));
    match change {
        MaintenanceChange::CancelAll => format!("canceled all windows of {title}"),
        MaintenanceChange::Cancel(window) => format!("canceled the window of {title} at {}", local_text(window, &zone)),
        MaintenanceChange::Move { start, end, .. } => format!("{title}: {}", range(start, end, &zone)),
    }
}

/// Describes the windows that were added to a plan.
pub(super) fn renewed(maintenance: &Maintenance, plan: &MaintenancePlan) -> String {
    let title = sanitize_for_terminal(maintenance.display_title(), TITLE_WIDTH);
    let last = plan.windows.last().map(|(start, _)| local_text(*start, &zone_of(maintenance))).unwrap_or_default();
    format!("{title}: {} added, the last one at {last}", counted(plan.windows.len(), "window"))
}

/// Returns a plan as JSON. `id` is `None` if it was not posted.
pub(super) fn planned_json(id: Option<&PostId>, title: &str, plan: &MaintenancePlan) -> Value {
    let window = |(start, end): &(UnixNanos, UnixNanos)| json!({ "start": rfc3339(*start), "end": rfc3339(*end) });
    let mut json = plan_json(plan);
    json["id"] = json!(id.map(ToString::to_string));
    json["title"] = json!(title);
    json["windows"] = plan.windows.iter().map(window).collect();
    json
}

/// Returns planned maintenance as JSON. All times are in UTC, except the local start.
pub(crate) fn json(maintenance: &Maintenance, now: UnixNanos) -> Value {
    let window = |window: &Window| {
        json!({
            "planned": rfc3339(window.planned),
            "start": rfc3339(window.start),
            "end": rfc3339(window.end),
            "announced_afterwards": !window.is_announced_before(),
        })
    };
    let windows = |is_listed: &dyn Fn(&Window) -> bool| -> Vec<Value> {
        maintenance.windows.iter().filter(|window| is_listed(window)).map(window).collect()
    };
    let mut json = plan_json(&maintenance.plan);
    json["id"] = json!(maintenance.id.to_string());
    json["author"] = json!(maintenance.author.as_str());
    json["title"] = json!(maintenance.title);
    json["affects"] = affected_json(&maintenance.affects);
    json["text"] = json!(maintenance.text);
    json["canceled"] = json!(is_canceled(maintenance, now));
    json["current"] = json!(maintenance.current(now).as_ref().map(window));
    json["next"] = json!(windows(&|window| window.start > now));
    json["past"] = json!(windows(&|window| window.end <= now));
    json
}

fn plan_json(plan: &MaintenancePlan) -> Value {
    json!({
        "local_start": plan.start,
        "zone": plan.zone,
        "length": duration::format_exact(plan.length),
        "repeat": plan.repeat,
        "except": plan.except,
    })
}
