//! `checker notify preview`: shows which messages an evaluation would send now, and why other news is held back.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::civil::rfc3339_nanos;
use shared::history::History;
use shared::notification::reconcile::{Held, HeldReason};
use shared::notification::verdicts::REPORTED_TIME;
use shared::{UnixNanos, duration};

use super::{channels, mode, open_store};
use crate::cli::{Format, NotifyViewArguments};
use crate::commands::{Outcome, load, notifier};
use crate::notify::evaluate::StoredHistory;
use crate::notify::event::EventKind;
use crate::notify::message::Message;
use crate::notify::own_log::OwnLog;
use crate::notify::{message_json, words};
use crate::now;
use crate::recorder::history_reader::{Detail, histories};
use crate::sanitize::sanitize_for_terminal;
use crate::ui;

/// The maximum length of a title, in characters.
const TITLE_WIDTH: usize = 60;
/// The maximum number of excluded endpoints to name.
const TITLES_LIMIT: usize = 5;

pub(super) async fn preview(arguments: &NotifyViewArguments) -> anyhow::Result<Outcome> {
    let path = &arguments.config.config;
    let config = load(path, arguments.node.as_ref())?;
    channels(&config, path)?;
    let (store, now) = (open_store(&config, path).await?, now());
    let own = OwnLog::load(&store, &config.node, &config.spool_dir).await?;
    let mode = mode(&config, std::slice::from_ref(&own.log));
    let Some(mut notifier) = notifier(&config, &store, config.every, mode) else {
        ui::print_line("All channels are disabled.");
        return Ok(Outcome::Done);
    };
    let loaded = histories(&store, now.saturating_sub(REPORTED_TIME), now, Detail::Status).await?;
    let own = loaded.histories.into_iter().find(|history| history.node.as_ref() == Some(&config.node));
    let history = Arc::new(own.unwrap_or_else(|| History::new(Some(config.node.clone()))));
    let stored = StoredHistory { history, has_round: false, was_behind: false, certificates: Vec::new() };
    let preview = notifier.preview(stored, now).await?;
    for problem in &preview.problems {
        ui::warn(problem);
    }
    let plans = preview.channels;
    match arguments.format.get() {
        Format::Json => {
            let channels: Vec<Value> = plans
                .iter()
                .map(|plan| {
                    json!({
                        "channel": plan.channel.as_str(),
                        "message": plan.message.as_ref().map(message_json::to_json),
                        "held": plan.held.iter().map(held_json).collect::<Vec<_>>(),
                        "excluded": plan.excluded,
                        "next": plan.next,
                    })
                })
                .collect();
            ui::stdout_data(&format!("{}\n", json!({ "now": now, "channels": channels })))?;
        }
        Format::Table => {
            for plan in &plans {
                let heading = match &plan.message {
                    Some(_) => format!("channel `{}` would be sent:", plan.channel),
                    None => format!("channel `{}`: nothing to send", plan.channel),
                };
                ui::print_line(&heading);
                if let Some(message) = &plan.message {
                    ui::print_line(&text(message));
                }
                for held in &plan.held {
                    ui::print_line(&format!("  not sent: {}", held_text(held, now)));
                }
                if let Some(excluded) = excluded_text(&plan.excluded) {
                    ui::print_line(&format!("  not sent: {excluded}"));
                }
            }
        }
    }
    Ok(Outcome::Done)
}

/// Formats a message for the terminal, indented.
pub(super) fn text(message: &Message) -> String {
    let mut lines: Vec<String> = message.preface.iter().map(|preface| format!("    {preface}")).collect();
    for item in &message.items {
        lines.push(format!("    {}", words::headline(item, message)));
        lines.extend(words::reasons(item).map(|reasons| format!("      {reasons}")));
        lines.extend(words::dependents(item).map(|dependents| format!("      {dependents}")));
    }
    lines.extend(words::more(message).map(|more| format!("    {more}")));
    lines.join("\n")
}

fn held_json(held: &Held) -> Value {
    json!({
        "event": held.event.as_str(),
        "title": held.title,
        "reason": reason(held),
        "until": held.until,
        "until_rfc3339": held.until.map(rfc3339_nanos),
    })
}

fn held_text(held: &Held, now: UnixNanos) -> String {
    let until = held
        .until
        .filter(|until| *until > now)
        .map(|until| format!(" (expected in {})", duration::format_coarse(until.saturating_sub(now))));
    let title = sanitize_for_terminal(&held.title, TITLE_WIDTH);
    format!("`{}` for {title}, because {}{}", held.event, reason(held), until.unwrap_or_default())
}

/// Names the failing endpoints that a channel does not cover, up to a limit.
fn excluded_text(titles: &[String]) -> Option<String> {
    let named: Vec<String> =
        titles.iter().take(TITLES_LIMIT).map(|title| sanitize_for_terminal(title, TITLE_WIDTH)).collect();
    let more = match titles.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let them = if titles.len() == 1 { "it" } else { "them" };
    let text = || format!("news about {}{more}, because this channel does not cover {them}", named.join(", "));
    (!named.is_empty()).then(text)
}

fn reason(held: &Held) -> String {
    match &held.reason {
        HeldReason::NotLongEnough if held.event == EventKind::Reminder => "the next one is not due yet".to_owned(),
        HeldReason::NotLongEnough => "it has not lasted long enough".to_owned(),
        HeldReason::NotHealthyLongEnough => "it has not been healthy for long enough".to_owned(),
        HeldReason::Flapping => "it is flapping, and the channel was already notified of that".to_owned(),
        HeldReason::Unknown => "it has no current result".to_owned(),
        HeldReason::Planned => "it is in planned maintenance".to_owned(),
        HeldReason::Silenced => "it is silenced".to_owned(),
        HeldReason::Dependency(Some(title)) => format!("`{title}`, which it depends on, is failing"),
        HeldReason::Dependency(None) => "an endpoint that it depends on failed until recently".to_owned(),
        HeldReason::Gathering => "more news may follow".to_owned(),
        HeldReason::Spacing => "a message was sent only recently".to_owned(),
        HeldReason::Turn(nodes) => {
            let names: Vec<String> = nodes.iter().map(|node| format!("`{node}`")).collect();
            format!("this node comes after {}", names.join(", "))
        }
        HeldReason::Retry => "the channel did not accept the last message".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use shared::MINUTE;
    use shared::object_name::NodeName;

    use super::*;
    use crate::text_snapshots::assert_text;

    #[test]
    fn every_reason_is_a_sentence() {
        let reasons = [
            (EventKind::Down, HeldReason::NotLongEnough, Some(2)),
            (EventKind::Reminder, HeldReason::NotLongEnough, Some(180)),
            (EventKind::Recovered, HeldReason::NotHealthyLongEnough, Some(2)),
            (EventKind::Down, HeldReason::Flapping, Some(15)),
            (EventKind::Down, HeldReason::Unknown, None),
            (EventKind::Down, HeldReason::Planned, Some(60)),
            (EventKind::Down, HeldReason::Silenced, None),
            (EventKind::Down, HeldReason::Dependency(Some("Router".to_owned())), None),
            (EventKind::Down, HeldReason::Dependency(None), Some(1)),
            (EventKind::Down, HeldReason::Gathering, Some(1)),
            (EventKind::Recovered, HeldReason::Spacing, Some(5)),
            (EventKind::Down, HeldReason::Turn(vec![NodeName::new("eu").unwrap()]), Some(3)),
            (EventKind::Down, HeldReason::Retry, Some(4)),
        ];
        let line = |(event, reason, minutes): (EventKind, HeldReason, Option<i64>)| {
            let until = minutes.map(|minutes| minutes * MINUTE);
            held_text(&Held { event, title: "Shop".to_owned(), reason, until }, 0)
        };
        let mut lines: Vec<String> = reasons.into_iter().map(line).collect();
        for count in [0, 1, 2, 7] {
            let titles: Vec<String> = (0..count).map(|number| format!("Shop {number}")).collect();
            lines.extend(excluded_text(&titles));
        }
        assert_text("notify.preview", &lines.join("\n"));
    }
}
