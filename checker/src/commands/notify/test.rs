//! `checker notify test`: sends a test message to channels, and reports which of them accepted it.

use futures_util::future::join_all;
use shared::status::Status;

use super::channels;
use crate::cli::NotifyTestArguments;
use crate::commands::{Outcome, load};
use crate::notify::channels::{Outcome as Delivery, Transport};
use crate::notify::delivery::deliver;
use crate::notify::event::EventKind;
use crate::notify::message::{Item, Message};
use crate::notify::rules::{Channel, Rules};
use crate::notify::sending::describe_failure;
use crate::now;
use crate::ui;

#[derive(Debug, thiserror::Error)]
#[error("unknown channel `{id}`: the configuration has {known}")]
struct UnknownChannel {
    id: String,
    known: String,
}

pub async fn test(arguments: &NotifyTestArguments) -> anyhow::Result<Outcome> {
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
    let at = message.at;
    let sending = chosen.iter().map(async |channel| (channel, deliver(&channel.transport, &message, at).await));
    let mut outcome = Outcome::Done;
    for (channel, delivered) in join_all(sending).await {
        let is_message = !matches!(channel.transport, Transport::Alertmanager(_) | Transport::Ping(_));
        let what = if is_message { "the test message" } else { "the request" };
        match delivered {
            Delivery::Delivered { .. } => ui::print_line(&format!("channel `{}` accepted {what}", channel.id)),
            Delivery::Retry { reason, .. } | Delivery::Refused { reason } => {
                outcome = Outcome::Found;
                let why = describe_failure(reason);
                ui::print_line(&format!("channel `{}` did not accept {what}: {why}", channel.id));
            }
        }
    }
    Ok(outcome)
}

fn test_message(rules: &Rules, node: &str) -> Message {
    let at = now();
    let item = Item {
        event: EventKind::Test,
        title: format!("Test from `{node}`"),
        locator: String::new(),
        was: Status::Healthy,
        is: Status::Healthy,
        since: at,
        until: None,
        voters: 0,
        down_from: Vec::new(),
        reasons: Vec::new(),
        is_planned: false,
        reminder: 0,
        dependents: Vec::new(),
        detail: Some("this channel works".to_owned()),
    };
    Message {
        id: format!("m-{:016x}", at.unsigned_abs()),
        at,
        page_title: rules.page_title.clone(),
        page_url: rules.page_url.clone(),
        preface: None,
        items: vec![item],
        more: Vec::new(),
        zone: rules.zone.clone(),
    }
}
