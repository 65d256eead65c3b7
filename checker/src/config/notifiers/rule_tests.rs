//! Tests of the rules for all channels, and of their defaults.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{DAY, HOUR, MINUTE, SECOND};

use super::tests::{errors_of, file, loaded, notifications, problems, slack};
use crate::notify::event::EventKind;

#[test]
fn defaults_match_the_reference() {
    let notifications = notifications(&json!([slack(&json!({}))]), &json!({}));
    let rules = &notifications.rules;
    assert_eq!((rules.gather, rules.spacing, rules.rank), (30 * SECOND, 5 * MINUTE, 100));
    assert_eq!((rules.flapping.outages, rules.flapping.within, rules.certificate_days), (4, HOUR, 14));
    assert_eq!((rules.page_url.as_deref(), rules.page_title.as_str()), (None, "Status"));
    let policy = &notifications.channels[0].policy;
    assert_eq!((policy.after, policy.recovered_after, policy.repeat.as_slice()), (0, 2 * MINUTE, &[4 * HOUR, DAY][..]));
    let kinds = [EventKind::Down, EventKind::Recovered, EventKind::Reminder, EventKind::Silent, EventKind::Store];
    assert_eq!(policy.on, BTreeSet::from(kinds));
    assert!(policy.hears(EventKind::Missed) && policy.hears(EventKind::Worse));
    assert!(policy.includes("anything"));
    assert!(loaded(&file(&json!([]), &json!({}))).notifications.is_none());
}

#[test]
fn a_notifier_overrides_the_rules_of_all() {
    let section = json!({
        "notify": { "after": "1m", "recovered_after": "3m", "repeat": ["1h"], "gather": "1s", "spacing": "2s", "rank": 7,
            "flapping": { "outages": 3 }, "time_zone": "Europe/Berlin", "page_url": "https://status.example.com/" },
        "page": { "title": "My status", "groups": [{ "title": "Shops", "endpoints": ["Shop*"] }] },
    });
    let own = json!({ "id": "ops", "after": "5m", "repeat": [], "on": ["degraded", "recovered"], "endpoints": ["Shop *"],
        "enabled": false });
    let notifications = notifications(&json!([slack(&json!({})), slack(&own)]), &section);
    let rules = &notifications.rules;
    assert_eq!((rules.gather, rules.spacing, rules.rank), (SECOND, 2 * SECOND, 7));
    assert_eq!((rules.flapping.outages, rules.flapping.within), (3, HOUR));
    assert_eq!(rules.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(rules.page_url.as_deref(), Some("https://status.example.com/"));
    assert_eq!(
        (rules.page_title.as_str(), rules.group_of("Shop 1"), rules.group_of("Blog")),
        ("My status", "Shops", "")
    );
    let [first, second] = notifications.channels.as_slice() else { panic!("there are two") };
    assert_eq!((first.policy.after, first.policy.recovered_after), (MINUTE, 3 * MINUTE));
    assert_eq!((second.policy.after, second.policy.recovered_after), (5 * MINUTE, 3 * MINUTE));
    assert_eq!((first.policy.repeat.len(), second.policy.repeat.len()), (1, 0));
    assert_eq!((first.is_enabled, second.is_enabled), (true, false));
    assert_eq!(second.policy.on, BTreeSet::from([EventKind::Degraded, EventKind::Recovered]));
    assert!(second.policy.includes("Shop 1") && !second.policy.includes("Shop"));
}

#[test]
fn settings_without_effect_are_reported() {
    let warning = |notifiers: &Value, others: &Value, expected: &str| {
        let (config, lines) = problems(&file(notifiers, others));
        assert!(config.is_some(), "{lines:?}");
        assert!(lines.len() == 1 && lines[0].contains(expected), "{expected}: {lines:?}");
    };
    let none = json!({});
    warning(&json!([slack(&json!({ "on": [] }))]), &none, "warning: `notifiers[0].on` is empty");
    warning(&json!([slack(&json!({ "on": ["down"], "repeat": ["1h"] }))]), &none, "`on` does not contain `reminder`");
    warning(&json!([]), &json!({ "notify": { "rank": 1 } }), "notice: `notify` has no effect without `notifiers`");
    let days = json!({ "notify": { "certificate_days": 30 } });
    let unheard = "warning: `notify.certificate_days` has no effect, because no notifier has `certificate` in `on`";
    warning(&json!([slack(&json!({ "on": ["down"] }))]), &days, unheard);
    let text =
        file(&json!([slack(&none)]), &none).replace(r#""storage":{"dir":"checks","type":"fs"}"#, r#""every":"1m""#);
    let (config, lines) = problems(&text);
    assert!(config.is_some() && lines.len() == 1, "{lines:?}");
    assert!(lines[0].contains("warning: `notifiers` has no effect without `storage`"), "{lines:?}");
}

#[test]
fn the_days_before_a_certificate_expires_can_be_set() {
    let notifier = json!([slack(&json!({ "on": ["certificate"] }))]);
    for days in [1, 30, 90] {
        let rules = notifications(&notifier, &json!({ "notify": { "certificate_days": days } })).rules;
        assert_eq!(rules.certificate_days, days);
    }
    for days in [0, 91] {
        let (config, lines) = problems(&file(&notifier, &json!({ "notify": { "certificate_days": days } })));
        let expected =
            format!("invalid value `{days}` for `notify.certificate_days`: expected an integer from 1 to 90");
        assert!(config.is_none() && lines.len() == 1 && lines[0].contains(&expected), "{lines:?}");
    }
}

#[test]
fn every_invalid_template_is_reported_at_its_position() {
    let text = r#"{ "checkers": [], "storage": { "type": "fs", "dir": "checks" }, "notifiers": [
  { "type": "webhook", "url": "https://a", "secret": "hunter2", "body": {
    "good": "{{ summary }}",
    "a": [ "{{ summary",
      "x {{ unknown }}" ],
    "b": "{{ more }}\n{% for %}" } } ] }"#;
    let lines = problems(text).1;
    for expected in [
        "c.json:2:54: error: `notifiers[0].secret`: invalid signing key",
        "c.json:4:12: error: `notifiers[0].body`: invalid template `a[0]`: its syntax is invalid; expected for example",
        "c.json:6:10: error: `notifiers[0].body`: invalid template `b`: its syntax is invalid in line 2",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}: {lines:#?}");
    }
    let lines = problems(&text.replace("\"{{ summary\"", "\"{{ a }}\"").replace("{% for %}", "{{ b }}")).1;
    let names: Vec<_> =
        ["`a`", "`b`", "`unknown`"].map(|name| lines.iter().filter(|line| line.contains(name)).count()).into();
    assert!(names.iter().all(|count| *count > 0), "{lines:#?}");
}

#[test]
fn a_variable_that_is_not_set_is_reported_once() {
    for notifier in [
        slack(&json!({ "webhook": "${UNSET}" })),
        json!({ "type": "webhook", "url": "https://a", "secret": "${UNSET}" }),
        json!({ "type": "mail", "from": "a@b", "to": ["c@d", "${UNSET}"], "smtp": { "server": "a" } }),
        json!({ "type": "mail", "from": "a@b", "to": "c@d", "smtp": { "server": "${UNSET}" } }),
        json!({ "type": "matrix", "url": "${UNSET}", "access_token": "x", "room": "!a:b" }),
        json!({ "type": "matrix", "url": "https://a", "access_token": "x", "room": "${UNSET}" }),
        json!({ "type": "alertmanager", "url": ["https://a", "${UNSET}"] }),
        json!({ "type": "ntfy", "url": "${UNSET}" }),
        json!({ "type": "ping", "url": "${UNSET}" }),
        slack(&json!({ "id": "${UNSET}" })),
        slack(&json!({ "after": "${UNSET}" })),
    ] {
        let errors = errors_of(&notifier);
        assert!(errors.len() == 1 && errors[0].contains("`UNSET` is not set"), "{notifier}: {errors:#?}");
    }
}

#[test]
fn public_channels_come_first_in_the_subscribe_menu() {
    let public = |text: &str, url: &str| slack(&json!({ "public": { "text": text, "url": url } }));
    let other =
        json!({ "id": "off", "enabled": false, "public": { "text": " Chat ", "url": "https://chat.example/join" } });
    let notifiers = json!([
        public("Telegram", "https://t.me/example"),
        slack(&json!({})),
        slack(&other),
        public("Telegram", "https://t.me/example"),
    ]);
    let page = json!({ "page": { "subscribe": [{ "text": "List", "url": "mailto:join@lists.example" }] } });
    let config = loaded(&file(&notifiers, &page));
    let links: Vec<(&str, &str)> =
        config.page.config.appearance.subscribe.iter().map(|link| (link.text.as_str(), link.url.as_str())).collect();
    assert_eq!(
        links,
        [
            ("Telegram", "https://t.me/example"),
            ("Chat", "https://chat.example/join"),
            ("List", "mailto:join@lists.example")
        ]
    );
}

#[test]
fn invalid_links_to_public_channels_are_refused() {
    for url in
        ["javascript:alert(1)", "java\nscript:alert(1)", "https://t.me/a b", "https://", "data:text/html,x", "//t.me"]
    {
        let lines = errors_of(&slack(&json!({ "public": { "text": "Telegram", "url": url } })));
        assert!(lines[0].contains("`notifiers[0].public.url`: invalid URL"), "{url}: {lines:?}");
    }
    let lines = errors_of(&slack(&json!({ "public": { "text": " ", "url": "https://t.me/example" } })));
    assert!(lines[0].contains("`notifiers[0].public.text` is empty"), "{lines:?}");
    let lines = errors_of(&slack(&json!({ "public": { "text": "Telegram" } })));
    assert!(lines[0].contains("missing key `notifiers[0].public.url`"), "{lines:?}");
}
