//! Tests how news is divided into messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::MINUTE;
use shared::check_file::EndpointKey;
use shared::notification::reconcile::{News, Plan};
use shared::notification_log::{Notified, Register, Topic};
use shared::status::Status;

use super::queue::{Outgoing, queue};
use crate::notify::channels::Transport;
use crate::notify::channels::pagerduty::PagerDuty;
use crate::notify::channels::secret_url::SecretUrl;
use crate::notify::channels::slack::Slack;
use crate::notify::event::EventKind;
use crate::notify::message::{ITEM_LIMIT, Item};
use crate::notify::sample::AT;
use crate::notify::test_rules::{register, settings};
use crate::redact::Secret;

fn url() -> SecretUrl {
    SecretUrl::parse("https://provider.example").unwrap()
}

fn news(title: &str, events: &[EventKind]) -> News {
    let key = EndpointKey { title: title.to_owned(), ..EndpointKey::default() };
    let item = |event: &EventKind| Item { since: AT - MINUTE, ..Item::new(*event, &key, Status::Down) };
    let is_healthy = events.last() == Some(&EventKind::Recovered);
    let state = if is_healthy { Notified::Healthy } else { Notified::Down };
    let register = Register { number: 0, since: AT - MINUTE, ..register(Topic::Endpoint, title, state, AT) };
    News { items: events.iter().map(item).collect(), register }
}

/// Returns a plan with outages of twelve endpoints, one of which recovered in between, and with one recovery.
fn plan() -> Plan {
    let outages = (0..11).map(|number| news(&format!("e{number}"), &[EventKind::Down]));
    let again = news("again", &[EventKind::Recovered, EventKind::Down]);
    let recovered = news("blog", &[EventKind::Recovered]);
    Plan { news: outages.chain([again, recovered]).collect(), ..Plan::default() }
}

#[test]
fn providers_that_keep_incidents_receive_all_news() {
    let pagerduty = PagerDuty { server: url(), routing_key: Secret::new("key".to_owned()) };
    let settings = settings(Transport::Http(Arc::new(pagerduty)));
    let messages = queue(&settings, &settings.channels[0], plan(), AT);
    let shown = |outgoing: &Outgoing<'_>| {
        let items = outgoing.message.items.iter().map(|item| format!("{} {}", item.event, item.title));
        items.collect::<Vec<_>>().join(", ")
    };
    let shown: Vec<String> = messages.iter().map(shown).collect();
    assert_eq!((shown.len(), &*shown[0], &*shown[1]), (13, "recovered blog", "down e0"));
    assert_eq!(shown[12], "recovered again, down again", "the last event determines the incident's state");
    assert!(messages.iter().all(|outgoing| outgoing.message.more.is_empty() && outgoing.news.len() == 1));
    let ids: BTreeSet<&str> = messages.iter().map(|outgoing| outgoing.message.id.as_str()).collect();
    assert_eq!(ids.len(), 13);
}

#[test]
fn other_providers_receive_one_message() {
    let slack = Slack { webhook: url(), username: None, channel: None };
    let settings = settings(Transport::Http(Arc::new(slack)));
    let messages = queue(&settings, &settings.channels[0], plan(), AT);
    let [Outgoing { message, news, .. }] = messages.as_slice() else { panic!("there is one message: {messages:?}") };
    assert_eq!((message.items.len(), message.hidden.len(), news.len()), (ITEM_LIMIT, 4, 13));
}
