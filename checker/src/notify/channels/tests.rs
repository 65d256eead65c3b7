//! Tests the requests that every channel builds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use shared::MINUTE;
use shared::status::Status::{Degraded, Down, Healthy};

use super::alertmanager::Alertmanager;
use super::apprise::Apprise;
use super::ping::Ping;
use super::secret_url::SecretUrl;
use super::test_channels::{SECRET, body_text, channel, channels, mail, secret, url};
use super::{Authorization, Login};
use crate::notify::event::EventKind;
use crate::notify::message::{ITEM_LIMIT, Item, Message, NodeReason};
use crate::notify::sample;
use crate::text_snapshots::assert_text;

/// Formats a request for a snapshot, with a decoded body.
fn shown(request: &Request<Bytes>) -> String {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        if name != "user-agent" {
            let value = value.to_str().unwrap();
            let login = value.strip_prefix("Basic ").map(|encoded| STANDARD.decode(encoded).unwrap());
            let value = login.map_or(value.to_owned(), |login| format!("login {}", String::from_utf8(login).unwrap()));
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    let body = body_text(request);
    if let Ok(json) = serde_json::from_str::<Value>(&body) {
        return text + &serde_json::to_string_pretty(&json).unwrap() + "\n";
    }
    for (name, value) in url::form_urlencoded::parse(body.as_bytes()) {
        let _ = writeln!(text, "{name} = {value}");
    }
    text
}

#[test]
fn every_channel_sends_what_its_provider_documents() {
    let message = sample::message();
    let mut text = String::new();
    for (name, channel) in channels() {
        for request in channel.requests(&message, message.at).unwrap() {
            let _ = writeln!(text, "## {name}\n{}", shown(&request));
        }
    }
    for is_stored in [true, false] {
        let ping = Ping { url: url("https://hc.example.com/uuid?create=1") };
        let _ = writeln!(text, "## ping\n{}", shown(&ping.request(is_stored).unwrap()));
    }
    let alertmanager = Alertmanager {
        servers: vec![url("https://alerts.example.com/am"), url("https://alerts-2.example.com")],
        authorization: Some(Authorization::Basic(Login { username: "me".to_owned(), password: secret("password") })),
        labels: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
    };
    let requests = alertmanager.requests(&message, message.at + 3 * MINUTE).unwrap();
    assert_eq!((requests.len(), requests[0].body()), (2, requests[1].body()));
    let _ = writeln!(text, "## alertmanager\n{}", shown(&requests[0]));
    let apprise = Apprise { command: "apprise".into(), urls: vec![secret("json://a"), secret("json://b")] };
    let _ = writeln!(text, "## apprise\n{:?}\n{}", apprise.arguments(&message), apprise.input(&message));
    assert_text("notification_requests", &text);
}

#[test]
fn a_secret_is_shown_neither_for_debugging_nor_in_requests() {
    let message = sample::message();
    for (name, channel) in channels() {
        assert!(!format!("{channel:?}").contains(SECRET), "{name}: {channel:?}");
        for request in channel.requests(&message, message.at).unwrap() {
            let headers = format!("{:?}", request.headers());
            assert!(!headers.contains(SECRET), "{name}: {headers}");
        }
    }
    let mail = mail();
    let apprise = Apprise { command: "apprise".into(), urls: vec![secret("json://a")] };
    let shown = format!("{mail:?} {apprise:?} {:?}", apprise.arguments(&message));
    assert!(!shown.contains(SECRET), "{shown}");
}

/// Returns a message whose titles and reasons contain the markup of every provider.
fn hostile_message() -> Message {
    let text = "<!channel> <users/all> @everyone @here @all @**all** <at>x</at> *b* _i_ `c` [l](https://evil.example) </b><b> & \"q\" 'q' {{ x }}\r\nBcc: evil@example.com\r\n\r\n.\r\n";
    let mut message = sample::message();
    message.page_title = text.to_owned();
    for item in &mut message.items {
        item.title = text.to_owned();
        item.reasons = vec![NodeReason { node: "eu".to_owned(), reason: text.to_owned() }];
        item.dependents = vec![text.to_owned()];
    }
    message
}

#[test]
fn no_text_can_use_the_markup_of_a_provider() {
    let message = hostile_message();
    let sent = |name: &str| {
        let requests = channel(name).requests(&message, message.at).unwrap();
        let body: Value = serde_json::from_str(&body_text(&requests[0])).unwrap();
        body
    };
    let text = |name: &str, key: &str| sent(name)[key].as_str().unwrap().to_owned();
    let slack = text("slack", "text");
    assert!(slack.contains("&lt;!channel&gt;") && !slack.contains('<'), "{slack}");
    for (name, key) in [("mattermost", "text"), ("discord", "content"), ("rocketchat", "text")] {
        let text = text(name, key);
        assert!(!text.contains("@everyone") && !text.contains("@here") && !text.contains("@all"), "{name}: {text}");
        assert!(text.contains("\\*b\\*") && !text.contains("[l]("), "{name}: {text}");
    }
    assert_eq!(sent("discord")["allowed_mentions"], json!({ "parse": [] }));
    let chat = text("googlechat", "text");
    assert!(!chat.contains("<users"), "{chat}");
    let telegram = text("telegram", "text");
    assert!(telegram.contains("&lt;/b&gt;&lt;b&gt; &amp;"), "{telegram}");
    assert_eq!(telegram.matches("<b>").count(), 2, "{telegram}");
    let matrix = text("matrix", "formatted_body");
    assert!(matrix.contains("&lt;at&gt;") && !matrix.contains("<at>"), "{matrix}");
    assert_eq!(sent("matrix")["m.mentions"], json!({}));
    let zulip = channel("zulip").requests(&message, message.at).unwrap();
    let zulip: BTreeMap<_, _> = url::form_urlencoded::parse(zulip[0].body()).into_owned().collect();
    assert!(!zulip["content"].contains("@**all**") && !zulip["content"].contains("[l]"), "{}", zulip["content"]);
    assert!(zulip["topic"].chars().count() <= 60);
}

#[test]
fn no_text_can_forge_a_header() {
    let message = hostile_message();
    let content = String::from_utf8(mail().content(&message, message.at).unwrap()).unwrap();
    let (headers, body) = content.split_once("\r\n\r\n").unwrap();
    assert!(!headers.to_lowercase().contains("\nbcc:"), "{headers}");
    assert!(!body.contains("\r\n.\r\n"), "{body}");
    for (name, channel) in channels() {
        for request in channel.requests(&message, message.at).unwrap() {
            assert!(request.headers().values().all(|value| !value.as_bytes().contains(&b'\n')), "{name}");
        }
    }
    let title = Apprise { command: "apprise".into(), urls: Vec::new() }.arguments(&message).pop().unwrap();
    assert!(!title.contains(['\r', '\n']), "{title}");
}

/// Returns a message that exceeds most providers' length limits.
fn long_message() -> Message {
    let mut message = sample::message();
    message.items = (0..ITEM_LIMIT)
        .map(|number| Item {
            title: format!("{number} {}", "é😀<*".repeat(30)),
            voters: 8,
            reasons: (0..8)
                .map(|node| NodeReason {
                    node: format!("node-{node}"),
                    reason: format!("{node} {}", "&<_".repeat(100)),
                })
                .collect(),
            ..sample::item(EventKind::Down, "", message.at - MINUTE)
        })
        .collect();
    message.more = vec![("Web".to_owned(), 28)];
    message
}

#[test]
fn every_text_fits_and_counts_what_it_leaves_out() {
    let message = long_message();
    let json_text = |name: &str, key: &str| {
        let requests = channel(name).requests(&message, message.at).unwrap();
        serde_json::from_str::<Value>(&body_text(&requests[0])).unwrap()[key].as_str().unwrap().to_owned()
    };
    for (name, key, limit) in [
        ("slack", "text", 4_000),
        ("mattermost", "text", 4_000),
        ("rocketchat", "text", 4_000),
        ("googlechat", "text", 4_000),
        ("discord", "content", 2_000),
        ("telegram", "text", 4_096),
    ] {
        let sent = json_text(name, key);
        let text = sent.replace('\\', "");
        assert!(sent.encode_utf16().count() <= limit, "{name}: {}", sent.encode_utf16().count());
        let shown = text.matches('■').count();
        assert!(shown >= 1, "{name}: {text}");
        assert!(text.contains(&format!("and {} more (28 in Web)", 38 - shown)), "{name}: {text}");
        assert!(text.contains("https://status.example.com/"), "{name}: {text}");
    }
    assert!(json_text("ntfy", "message").len() <= 4_096);
    let pushover = channel("pushover").requests(&message, message.at).unwrap();
    let fields: BTreeMap<_, _> = url::form_urlencoded::parse(pushover[0].body()).into_owned().collect();
    assert!(fields["message"].chars().count() <= 1_024 && fields["title"].chars().count() <= 250);
    let teams = channel("teams").requests(&message, message.at).unwrap();
    assert!(teams[0].body().len() < 28_000, "{}", teams[0].body().len());
    let matrix = channel("matrix").requests(&message, message.at).unwrap();
    assert!(matrix[0].body().len() < 65_000, "{}", matrix[0].body().len());
    for request in channel("pagerduty").requests(&message, message.at).unwrap() {
        let body: Value = serde_json::from_str(&body_text(&request)).unwrap();
        assert!(body["payload"]["summary"].as_str().unwrap().chars().count() <= 1_024);
    }
}

#[test]
fn pagerduty_resolves_the_incident_that_it_triggered() {
    let key = |event, title| {
        let item = Item { until: Some(sample::message().at), ..sample::item(event, title, 1) };
        let message = Message { items: vec![item], more: Vec::new(), ..sample::message() };
        let requests = channel("pagerduty").requests(&message, message.at).unwrap();
        let body: Value = serde_json::from_str(&body_text(&requests[0])).unwrap();
        (requests[0].uri().path().to_owned(), body["event_action"].clone(), body["dedup_key"].clone())
    };
    let (path, action, triggered) = key(EventKind::Down, "Shop");
    assert_eq!((path.as_str(), action), ("/v2/enqueue", json!("trigger")));
    for event in [EventKind::Worse, EventKind::Reminder, EventKind::Flapping, EventKind::Degraded] {
        assert_eq!(key(event, "Shop"), ("/v2/enqueue".to_owned(), json!("trigger"), triggered.clone()), "{event}");
    }
    assert_eq!(key(EventKind::Recovered, "Shop").1, json!("resolve"));
    assert_eq!(key(EventKind::Recovered, "Shop").2, triggered);
    assert_ne!(key(EventKind::Recovered, "Blog").2, triggered);
    assert_ne!(key(EventKind::Certificate, "Shop").2, triggered);
    assert_eq!(key(EventKind::Silent, "eu").1, json!("resolve"));
    assert_eq!(key(EventKind::Missed, "Shop").0, "/v2/change/enqueue");
}

#[test]
fn pagerduty_closes_the_incident_of_each_topic() {
    let event = |item: Item| {
        let message = Message { items: vec![item], more: Vec::new(), ..sample::message() };
        let requests = channel("pagerduty").requests(&message, message.at).unwrap();
        let body: Value = serde_json::from_str(&body_text(&requests[0])).unwrap();
        (body["event_action"].clone(), body["dedup_key"].clone())
    };
    for event_kind in [EventKind::Down, EventKind::Silent, EventKind::Certificate, EventKind::Budget] {
        let (action, triggered) = event(sample::item(event_kind, "eu-west", 1));
        assert_eq!(action, json!("trigger"), "{event_kind}");
        let closed = Item { topic: event_kind.topic(), ..sample::item(EventKind::Closed, "eu-west", 1) };
        assert_eq!(event(closed), (json!("resolve"), triggered), "{event_kind}");
    }
}

#[test]
fn an_alert_ends_with_the_labels_that_it_had() {
    let servers = vec![url("http://a.example")];
    let alertmanager = Alertmanager { servers, authorization: None, labels: BTreeMap::new() };
    let alert = |item: Item| {
        let state = Message { items: vec![item], ..sample::message() };
        let requests = alertmanager.requests(&state, state.at + 3 * MINUTE).unwrap();
        let alerts: Value = serde_json::from_str(&body_text(&requests[0])).unwrap();
        (alerts[0]["labels"].clone(), alerts[0]["endsAt"].as_str().unwrap().to_owned())
    };
    for status in [Down, Degraded] {
        let event = if status == Down { EventKind::Down } else { EventKind::Degraded };
        let firing = alert(Item { is: status, ..sample::item(event, "Shop", 1) });
        let over = Item { was: status, is: Healthy, until: Some(2), ..sample::item(EventKind::Recovered, "Shop", 1) };
        let over = alert(over);
        assert_eq!(firing.0, over.0);
        assert_eq!((firing.1.as_str(), over.1.as_str()), ("2026-11-29T13:07:00Z", "2026-11-29T13:04:00Z"));
    }
}

#[test]
fn an_endpoint_with_an_id_keeps_its_incident_when_it_is_renamed() {
    let servers = vec![url("http://a.example")];
    let alertmanager = Alertmanager { servers, authorization: None, labels: BTreeMap::new() };
    let sent = |title: &str, id: Option<&str>| {
        let item = Item { id: id.map(str::to_owned), ..sample::item(EventKind::Down, title, 1) };
        let message = Message { items: vec![item], ..sample::message() };
        let body = |request: &Request<Bytes>| serde_json::from_str::<Value>(&body_text(request)).unwrap();
        let event = body(&channel("pagerduty").requests(&message, message.at).unwrap()[0]);
        let alert = &body(&alertmanager.requests(&message, message.at).unwrap()[0])[0];
        let thread = super::mail::thread_id(&message, &mail().from);
        (event["dedup_key"].clone(), alert["labels"].clone(), thread)
    };
    assert_eq!(sent("Shop", Some("shop")), sent("Store", Some("shop")));
    let (shop, store, other) = (sent("Shop", None), sent("Store", None), sent("Shop", Some("other")));
    for different in [store, other] {
        assert_ne!(shop.0, different.0);
        assert_ne!(shop.1, different.1);
        assert_ne!(shop.2, different.2);
    }
}

#[test]
fn a_matrix_transaction_is_the_message() {
    let message = sample::message();
    let request = &channel("matrix").requests(&message, message.at).unwrap()[0];
    assert_eq!(request.method(), "PUT");
    // The slash in the room ID is encoded, so it cannot change the path.
    let path = "/_matrix/client/v3/rooms/!abc%2F..:example.org/send/m.room.message/m-9f2c4e1b7a3d5f60";
    assert_eq!(request.uri().path(), path);
}

#[test]
fn mail_about_one_outage_is_one_conversation() {
    let header = |message: &Message, name: &str| {
        let content = String::from_utf8(mail().content(message, message.at).unwrap()).unwrap();
        let line = content.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.unwrap_or_default()
    };
    let since = sample::message().at - MINUTE;
    let message = |event, id: &str| Message {
        id: id.to_owned(),
        items: vec![sample::item(event, "Shop", since)],
        more: Vec::new(),
        ..sample::message()
    };
    let (down, recovered) = (message(EventKind::Down, "m-1"), message(EventKind::Recovered, "m-2"));
    assert_eq!(header(&down, "Message-ID:"), "Message-ID: <m-1@example.com>");
    assert_eq!(header(&recovered, "Message-ID:"), "Message-ID: <m-2@example.com>");
    assert_eq!(header(&down, "Auto-Submitted:"), "Auto-Submitted: auto-generated");
    assert!(header(&down, "In-Reply-To: <outage-").ends_with("@example.com>"));
    assert_eq!(header(&down, "References:"), header(&recovered, "References:"));
}

#[test]
fn urls_are_validated_and_split() {
    for text in ["", "hooks.example.com", "ftp://example.com/x", "https://", "file:///etc/passwd"] {
        let error = SecretUrl::parse(text).unwrap_err().to_string();
        assert_eq!(
            error,
            "invalid URL: expected `https://` or `http://` and a host, for example `https://hooks.example.com/services/…`"
        );
    }
    let split = |text: &str| url(text).split_last_segment().map(|(server, topic)| (server.origin(), topic));
    assert_eq!(split("https://ntfy.sh/topic"), Some(("https://ntfy.sh".to_owned(), "topic".to_owned())));
    assert_eq!(split("https://ntfy.sh/"), None);
    let shown = format!("{:?}", url("https://me:word@a.example:8443/b/c?d#e"));
    assert_eq!(shown, "SecretUrl(https://a.example:8443/…)");
}

/// Every character of this text takes three or four bytes, and some take two UTF-16 code units.
#[test]
fn limits_hold_for_multibyte_text() {
    let text = "日本語のとても長い題名🦀です\\\"".repeat(20);
    let mut message = sample::message();
    message.page_title = text.clone();
    message.page_url = Some(format!("https://status.example.com/{}", "ü".repeat(400)));
    let item = Item { title: text.clone(), dependents: vec![text.clone(); 5], ..message.items[0].clone() };
    let reasons = (0..3).map(|index| NodeReason { node: "eu".to_owned(), reason: format!("{index} {text}") }).collect();
    message.items = vec![Item { reasons, ..item }; ITEM_LIMIT];
    let characters = |text: &str| text.chars().count();
    let utf16 = |text: &str| text.encode_utf16().count();
    let body = |name: &str| body_text(&channel(name).requests(&message, message.at).unwrap()[0]);
    let field = |name: &str, key: &str| {
        let body = body(name);
        if let Ok(json) = serde_json::from_str::<Value>(&body) {
            return json.pointer(key).and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
        }
        let mut fields = url::form_urlencoded::parse(body.as_bytes());
        fields.find(|(name, _)| name == key).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    for (name, key, length, limit) in [
        ("pushover", "title", &characters as &dyn Fn(&str) -> usize, 250),
        ("pushover", "message", &characters, 1_024),
        ("pushover", "url_title", &characters, 100),
        ("pushover", "url", &characters, 512),
        ("telegram", "/text", &utf16, 4_096),
        ("discord", "/content", &utf16, 2_000),
        ("slack", "/text", &characters, 4_000),
        ("mattermost", "/text", &characters, 4_000),
        ("rocketchat", "/text", &characters, 5_000),
        ("googlechat", "/text", &characters, 4_096),
        ("zulip", "topic", &characters, 60),
        ("zulip", "content", &characters, 10_000),
        ("ntfy", "/message", &str::len, 4_096),
        ("pagerduty", "/payload/summary", &characters, 1_024),
    ] {
        let text = field(name, key);
        let length = length(&text);
        assert!(length > 0 && length <= limit, "{name} {key}: {length} of {limit}: {text}");
    }
    assert!(body("matrix").len() <= 60_000 && body("teams").len() <= 28 << 10);
    let url_title = field("pushover", "url_title");
    assert_eq!(characters(&url_title), 100, "{url_title}");
}
