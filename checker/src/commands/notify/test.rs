//! `checker notify test`: sends a test message to channels, and reports which of them accepted it.

use shared::check_file::EndpointKey;
use shared::status::Status;

use super::channels;
use crate::cli::NotifyTestArguments;
use crate::commands::{Outcome, load};
use crate::notify::channels::SendOutcome;
use crate::notify::delivery::{Content, Courier, Job, TIME_LIMIT};
use crate::notify::event::EventKind;
use crate::notify::message::{Item, Message};
use crate::notify::rules::{Channel, Rules};
use crate::now;
use crate::ui;

#[derive(Debug, thiserror::Error)]
#[error("unknown channel `{id}`: the configuration has {known}")]
struct UnknownChannel {
    id: String,
    known: String,
}

pub(super) async fn test(arguments: &NotifyTestArguments) -> anyhow::Result<Outcome> {
    let path = &arguments.config.config;
    let config = load(path, None)?;
    let settings = channels(&config, path)?;
    let chosen = |channel: &&Channel| match &arguments.channel {
        Some(id) => channel.id == *id,
        None => channel.is_enabled,
    };
    let chosen: Vec<&Channel> = settings.channels.iter().filter(chosen).collect();
    if let (true, Some(id)) = (chosen.is_empty(), &arguments.channel) {
        let ids: Vec<String> = settings.channels.iter().map(|channel| format!("`{}`", channel.id)).collect();
        return Err(UnknownChannel { id: id.to_string(), known: ids.join(", ") }.into());
    }
    let message = test_message(&settings.rules, config.node.as_str());
    let courier = Courier::open().await?;
    let job = |channel: &&Channel| Job {
        channel: channel.id.clone(),
        transport: channel.transport.clone(),
        content: Content::News(message.clone()),
    };
    let reports = courier.deliver(chosen.iter().map(job).collect(), TIME_LIMIT, message.at).await;
    let mut outcome = Outcome::Done;
    for report in reports {
        if matches!(report.outcome, SendOutcome::Delivered) {
            ui::print_line(&format!("channel `{}` accepted the test message", report.channel));
        } else {
            outcome = Outcome::Found;
        }
        if let Some(problem) = report.problem {
            ui::print_line(&problem);
        }
    }
    Ok(outcome)
}

fn test_message(rules: &Rules, node: &str) -> Message {
    let at = now();
    let key = EndpointKey { title: format!("Test from `{node}`"), ..EndpointKey::default() };
    let detail = Some("this channel works".to_owned());
    let item = Item { since: at, detail, ..Item::new(EventKind::Test, &key, Status::Healthy) };
    rules.message(format!("m-{:016x}", at.unsigned_abs()), vec![item], at)
}
