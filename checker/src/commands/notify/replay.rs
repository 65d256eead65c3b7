//! `checker notify replay`: runs the rules over the stored history, and shows every message that they would have sent.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use shared::{DAY, UnixNanos, duration};

use super::preview::text;
use super::{channels, mode, open_store};
use crate::cli::{Format, NotifyReplayArguments};
use crate::commands::{Outcome, load};
use crate::counted;
use crate::notify::holds::holds;
use crate::notify::message::Message;
use crate::notify::message_json;
use crate::notify::replay::{ReplayedMessage, replay as replay_history};
use crate::notify::store_view::StoreView;
use crate::notify::time_text::date_time;
use crate::now;
use crate::recorder::history_reader::{Detail, histories};
use crate::ui;

pub(super) async fn replay(arguments: &NotifyReplayArguments) -> anyhow::Result<Outcome> {
    let path = &arguments.config.config;
    let config = load(path, None)?;
    let settings = channels(&config, path)?;
    let (store, now) = (open_store(&config, path).await?, now());
    let from = now.saturating_sub(arguments.since);
    let loaded = histories(&store, from, now, Detail::Status).await?;
    if let Some(cause) = &loaded.unlisted {
        ui::warn(&format!("using check files instead of histories: {cause}"));
    }
    for (name, cause) in &loaded.unreadable {
        ui::warn(&format!("using check files instead of the unreadable history `{name}`: {cause}"));
    }
    for left_out in &loaded.left_out {
        ui::warn(&left_out.to_string());
    }
    let mut view = StoreView::of_all_nodes(store);
    view.refresh_histories(now).await?;
    view.refresh_digests().await;
    view.refresh_logs(now).await?;
    let holds =
        holds(view.digests(), (&settings.rules.groups, &settings.rules.authors), (from.saturating_sub(DAY), now));
    let pace = settings.rules.pace(mode(&config, view.logs()));
    let messages = replay_history((&settings, pace), &config.objectives, (&loaded.histories, &holds), (from, now));
    let totals: Vec<(String, usize, usize)> = settings
        .channels
        .iter()
        .filter(|channel| channel.is_enabled)
        .map(|channel| {
            let sent = || messages.iter().filter(|sent| sent.channel == channel.id);
            (channel.id.to_string(), sent().count(), sent().map(|sent| items(&sent.message)).sum())
        })
        .collect();
    match arguments.format.get() {
        Format::Json => {
            let json = |sent: &ReplayedMessage| json!({ "channel": sent.channel.as_str(), "message": message_json::to_json(&sent.message) });
            let totals: Vec<Value> = totals
                .iter()
                .map(|(channel, messages, items)| json!({ "channel": channel, "messages": messages, "items": items }))
                .collect();
            let messages: Vec<Value> = messages.iter().map(json).collect();
            let report = json!({ "from": from, "now": now, "messages": messages, "totals": totals });
            ui::stdout_data(&format!("{report}\n"))?;
        }
        Format::Table => ui::stdout(&table(&messages, &totals, (from, now), &settings.rules.zone))?,
    }
    Ok(Outcome::Done)
}

fn items(message: &Message) -> usize {
    message.items.len() + message.more.iter().map(|(_, count)| count).sum::<usize>()
}

fn table(
    messages: &[ReplayedMessage],
    totals: &[(String, usize, usize)],
    (from, now): (UnixNanos, UnixNanos),
    zone: &TimeZone,
) -> String {
    let mut lines = String::new();
    for sent in messages {
        let _ = writeln!(lines, "{} to `{}`:\n{}", date_time(sent.message.at, zone), sent.channel, text(&sent.message));
    }
    let range = duration::format_exact(now.saturating_sub(from));
    for (channel, messages, items) in totals {
        let (messages, items) = (counted(*messages, "message"), counted(*items, "item"));
        let _ = writeln!(lines, "channel `{channel}`: {messages} with {items} in {range}");
    }
    lines
}
