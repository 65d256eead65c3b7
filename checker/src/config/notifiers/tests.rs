use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use shared::DAY;
use shared::check_file::EndpointKey;
use shared::notification_log::ChannelId;

use crate::config::model::Config;
use crate::config::spec::{Field, ValueKind};
use crate::config::{Environment, from_file, from_text};
use crate::notify::channels::Transport;
use crate::notify::channels::mail::SmtpSecurity;
use crate::notify::rules::{Channel, Notifications};

/// A fake secret that must not appear in any output.
const CANARY: &str = "canarySECRETcanarySECRETcanary4711";

fn environment() -> Environment<'static> {
    Environment {
        variable: &|name| (name != "UNSET").then(|| format!("value-of-{name}")),
        host_name: "here".to_owned(),
    }
}

/// Returns a configuration file with the given notifiers and other top-level keys.
pub(super) fn file(notifiers: &Value, others: &Value) -> String {
    let mut root = json!({
        "checkers": [{ "type": "exec", "name": "Shop", "command": "true" }],
        "storage": { "type": "fs", "dir": "checks" },
        "notifiers": notifiers,
    });
    for (key, value) in others.as_object().expect("an object") {
        root[key] = value.clone();
    }
    root.to_string()
}

pub(super) fn problems(text: &str) -> (Option<Config>, Vec<String>) {
    let (config, problems) = from_text(text, Path::new("/etc/checkup"), &environment());
    (config, problems.lines("c.json", text))
}

pub(super) fn loaded(text: &str) -> Config {
    let (config, lines) = problems(text);
    assert_eq!(lines, [""; 0]);
    config.expect("it is valid")
}

pub(super) fn notifications(notifiers: &Value, others: &Value) -> Notifications {
    let config = loaded(&file(notifiers, others));
    (*config.notifications.expect("there are notifiers")).clone()
}

/// Removes the position and the severity from a problem.
fn without_position(line: &str) -> String {
    line.splitn(3, ": ").nth(2).unwrap_or_default().to_owned()
}

/// Returns the problems of a file with one invalid notifier, without their positions.
pub(super) fn errors_of(notifier: &Value) -> Vec<String> {
    let (config, lines) = problems(&file(&json!([notifier]), &json!({})));
    assert!(config.is_none(), "{notifier}: {lines:?}");
    lines.iter().map(|line| without_position(line)).collect()
}

pub(super) fn slack(others: &Value) -> Value {
    let mut notifier = json!({ "type": "slack", "webhook": "https://hooks.slack.com/services/T/B/x" });
    for (key, value) in others.as_object().expect("an object") {
        notifier[key] = value.clone();
    }
    notifier
}

fn ids(channels: &[Channel]) -> Vec<&str> {
    channels.iter().map(|channel| channel.id.as_str()).collect()
}

/// One notifier of each type, with every key.
fn every_notifier() -> Value {
    json!([
        { "type": "slack", "webhook": "https://hooks.slack.com/services/T/B/x", "username": "a", "channel": "#ops" },
        { "type": "mattermost", "webhook": "https://chat.example.com/hooks/x", "username": "a", "channel": "ops" },
        { "type": "rocketchat", "webhook": "https://chat.example.com/hooks/x/y", "username": "a", "channel": "#ops" },
        { "type": "teams", "webhook": "https://example.webhook.office.com/workflows/x" },
        { "type": "googlechat", "webhook": "https://chat.googleapis.com/v1/spaces/x/messages?key=y&token=z" },
        { "type": "discord", "webhook": "https://discord.com/api/webhooks/1/x", "username": "a" },
        { "type": "mail", "from": "Status <status@example.com>", "to": ["ops@example.com", "Boss <boss@example.com>"],
          "subject": "Status", "smtp": { "server": "smtp.example.com", "port": 587, "encryption": "starttls",
          "username": "status", "password": "x" } },
        { "type": "mailgun", "from": "status@example.com", "to": "ops@example.com", "subject": "Status",
          "domain": "mg.example.com", "apikey": "x", "url": "https://api.eu.mailgun.net" },
        { "type": "pushover", "token": "x", "recipient": "y", "subject": "Status", "url": "https://push.example.com" },
        { "type": "telegram", "token": "1:x", "chat": -100_123, "thread": 7, "url": "https://telegram.example.com" },
        { "type": "ntfy", "url": "https://ntfy.example.com/status", "token": "x" },
        { "type": "gotify", "url": "https://gotify.example.com/", "token": "x" },
        { "type": "matrix", "url": "https://matrix.example.org", "access_token": "x", "room": "!abc:example.org" },
        { "type": "zulip", "url": "https://example.zulipchat.com", "email": "bot@example.com", "api_key": "x",
          "channel": "ops", "topic": "status" },
        { "type": "pagerduty", "routing_key": "x", "url": "https://events.eu.pagerduty.com" },
        { "type": "webhook", "url": "https://hooks.example.com/x", "headers": { "X-From": ["a", "b"] },
          "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "body": { "text": "{{ summary }}", "share": 0.5 } },
        { "type": "exec", "command": "./notify.sh", "arguments": ["--now"] },
        { "type": "apprise", "urls": ["ntfys://ntfy.example.com/status"], "command": "apprise" },
        { "type": "alertmanager", "url": "http://alertmanager:9093", "labels": { "team": "ops" }, "username": "a",
          "password": "x" },
        { "type": "ping", "url": "https://hc-ping.com/x" },
    ])
}

#[test]
fn every_type_is_converted() {
    let notifications = notifications(&every_notifier(), &json!({}));
    let names: Vec<&str> = super::VARIANTS.iter().map(|variant| variant.name).collect();
    assert_eq!(ids(&notifications.channels), names);
    let transports: BTreeSet<String> =
        notifications.channels.iter().map(|channel| format!("{:?}", channel.transport)).collect();
    assert_eq!(transports.len(), names.len());
    assert!(notifications.channels.iter().all(|channel| channel.is_enabled));
}

#[test]
fn the_originals_notifiers_load_as_they_are() {
    let text = r##"{"checkers":[],"storage":{"provider":"fs","dir":"checks"},
        "notifier":{"name":"slack","username":"","channel":"#ops","webhook":"https://hooks.slack.com/services/T/B/$x"},
        "notifiers":[
        {"type":"mail","from":"status@example.com","to":["ops@example.com"],"subject":"",
         "smtp":{"server":"localhost","port":0,"username":"","password":""}},
        {"type":"mailgun","apikey":"x","domain":"mg.example.com","from":"status@example.com","to":"ops@example.com"},
        {"Name":"pushover","Token":"x","recipient":"y","subject":"Down"},
        {"type":"discord","webhook":"https://discord.com/api/webhooks/1/x"}]}"##;
    let (config, problems) = from_file(text, Path::new("checkup.json"), &environment());
    let lines = problems.lines("checkup.json", text);
    let notifications = config.unwrap_or_else(|| panic!("{lines:?}")).notifications.expect("there are notifiers");
    assert_eq!(lines, [""; 0]);
    assert_eq!(ids(&notifications.channels), ["mail", "mailgun", "pushover", "discord", "slack"]);
    let Transport::Mail(mail) = &notifications.channels[0].transport else { panic!("it is mail") };
    assert_eq!((mail.port, mail.security, mail.login.is_none()), (25, SmtpSecurity::Opportunistic, true));
    assert_eq!((mail.subject.as_deref(), mail.to.len()), (None, 1));
}

#[test]
fn a_single_notifier_of_the_original_works_with_a_notice() {
    let text =
        file(&json!([]), &json!({})).replace(r#""notifiers":[]"#, &format!(r#""notifier":{}"#, slack(&json!({}))));
    let (config, lines) = problems(&text);
    assert_eq!(ids(&config.expect("it is valid").notifications.expect("there is one").channels), ["slack"]);
    assert!(lines.len() == 1 && lines[0].contains("notice: `notifier` was renamed to `notifiers`"), "{lines:?}");
}

#[test]
fn channels_without_an_id_are_numbered() {
    let taken = json!([
        slack(&json!({})),
        slack(&json!({ "id": "slack-2" })),
        slack(&json!({})),
        slack(&json!({ "id": "ops" }))
    ]);
    assert_eq!(ids(&notifications(&taken, &json!({})).channels), ["slack", "slack-2", "slack-3", "ops"]);
    let twice = json!([slack(&json!({ "id": "ops" })), slack(&json!({ "id": "ops" }))]);
    let (config, lines) = problems(&file(&twice, &json!({})));
    assert!(config.is_none() && lines.len() == 1, "{lines:?}");
    assert!(
        lines[0].ends_with("`notifiers[1].id` is `ops`, which is already the id of `notifiers[0]`: choose another id")
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let notifiers = json!([
        slack(&json!({ "id": "My channel" })),
        { "type": "slak", "webhook": "https://a" },
        { "type": "matrix", "url": "matrix.example.org", "access_token": "", "room": "#status:example.org" },
        { "type": "zulip", "url": "https://a", "email": "", "api_key": "", "channel": " " },
        { "type": "mail", "from": "unknown", "to": [], "smtp": { "server": "", "prot": 25 } },
        { "type": "ntfy", "url": "https://ntfy.sh/", "token": "x", "username": "y" },
        { "type": "alertmanager", "url": ["http://a", "b"], "labels": { "severity": "x", "a-b": "c" } },
    ]);
    let (config, lines) = problems(&file(&notifiers, &json!({ "notify": { "after": "2d", "time_zone": "Berlin" } })));
    assert!(config.is_none());
    let expected = [
        "`notifiers[0].id`: invalid channel id `My channel`",
        "unknown type `slak` for `notifiers[1]`: did you mean `slack`?",
        "invalid URL for `notifiers[2].url`",
        "`notifiers[2].access_token` is empty",
        "`notifiers[2].room`: invalid room `#status:example.org`",
        "`notifiers[3].email` is empty",
        "`notifiers[3].api_key` is empty",
        "`notifiers[3].channel` is empty",
        "unknown key `notifiers[4].smtp.prot`: did you mean `port`?",
        "`notifiers[4].from`: invalid address `unknown`",
        "`notifiers[4].to` is empty",
        "`notifiers[4].smtp.server` is empty",
        "`notifiers[5].username` conflicts with `token`",
        "`notifiers[5].url` has no topic",
        "invalid URL for `notifiers[6].url[1]`",
        "invalid label `a-b` in `notifiers[6].labels`",
        "`notifiers[6].labels`: alerts already have the label `severity`",
        "invalid value `2d` for `notify.after`: expected a duration from `0` to `1d`",
        "`notify.time_zone`: ",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for text in expected {
        assert!(lines.iter().any(|line| line.contains(text)), "{text}: {lines:#?}");
    }
}

#[test]
fn misspelled_endpoints_of_channels_are_reported() {
    let notifiers = json!([
        slack(&json!({ "id": "typo", "endpoints": ["Blgo", "Blog"] })),
        slack(&json!({ "id": "other", "endpoints": ["Elsewhere *", "Bl*"] })),
    ]);
    let checks = json!([check("Blog", &json!({}))]);
    let (config, lines) = problems(&file(&notifiers, &json!({ "checkers": checks })));
    assert!(config.is_some());
    let [typo] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(typo.contains("matches `Blgo` in `endpoints` of channel `typo`: did you mean `Blog`?"), "{typo}");
}

#[test]
fn problems_of_values_have_a_remedy() {
    let mail = |from: &str, to: Value, smtp: Value| json!({ "type": "mail", "from": from, "to": to, "smtp": smtp });
    for (notifier, expected) in [
        (mail("unknown", json!("a@b"), json!({ "server": "a" })), "`notifiers[0].from`: invalid address `unknown`"),
        (mail("a@b", json!(["a@b", "c d"]), json!({ "server": "a" })), "`notifiers[0].to`: invalid address `c d`"),
        (mail("a@b", json!([]), json!({ "server": "a" })), "`notifiers[0].to` is empty"),
        (mail("a@b", json!("a@b"), json!({ "server": " " })), "`notifiers[0].smtp.server` is empty"),
        (
            mail("a@b", json!("a@b"), json!({ "server": "smtp://u:s3cr3t@h" })),
            "`notifiers[0].smtp.server`: the value is not a host name or IP address; set the port in `port`, and",
        ),
        (mail("a@b", json!("a@b"), json!({ "server": "h:587" })), "`h:587` is not a host name or IP address"),
        (mail("a@b", json!("a@b"), json!({ "server": "smtp://h" })), "`smtp://h` is not a host name or IP address"),
        (mail("a@b", json!("a@b"), json!({ "server": "a", "username": "u" })), "is set without `password`"),
        (mail("a@b", json!("a@b"), json!({ "server": "a", "password": "p" })), "is set without `username`"),
        (json!({ "type": "matrix", "url": "https://a", "access_token": "x", "room": "#a:b" }), "invalid room `#a:b`"),
        (json!({ "type": "gotify", "url": "https://a", "token": " " }), "`notifiers[0].token` is empty"),
        (json!({ "type": "apprise", "urls": [] }), "`notifiers[0].urls` is empty"),
        (json!({ "type": "exec", "command": "" }), "`notifiers[0].command` is empty"),
        (json!({ "type": "alertmanager", "url": [] }), "`notifiers[0].url` is empty"),
        (json!({ "type": "webhook", "url": "https://a", "secret": "" }), "`notifiers[0].secret`"),
        (json!({ "type": "alertmanager", "url": "https://a", "password": "x" }), "has no effect without `username`"),
        (
            json!({ "type": "alertmanager", "url": "https://a", "labels": { "page": "x" } }),
            "already have the label `page`",
        ),
        (json!({ "type": "webhook", "url": "https://a", "headers": { "a b": "c" } }), "invalid header name `a b`"),
        (
            json!({ "type": "webhook", "url": "https://a", "body": { "a": ["{{ summry }}"] } }),
            "`notifiers[0].body`: invalid template `a[0]`",
        ),
        (
            json!({ "type": "webhook", "url": "https://a", "body": "{{ summary" }),
            "`notifiers[0].body`: invalid template",
        ),
        (json!({ "type": "webhook", "url": "https://a", "secret": "hunter2" }), "invalid signing key"),
        (slack(&json!({ "on": ["dwon"] })), "invalid value `dwon` for `notifiers[0].on[0]`"),
        (slack(&json!({ "on": ["incidents"] })), "invalid value `incidents`"),
        (slack(&json!({ "repeat": ["1s"] })), "invalid value `1s` for `notifiers[0].repeat[0]`"),
    ] {
        let errors = errors_of(&notifier);
        assert!(errors.len() == 1 && errors[0].contains(expected), "{expected}: {errors:?}");
    }
}

fn check(title: &str, others: &Value) -> Value {
    let mut check = json!({ "type": "exec", "name": title, "command": "true" });
    for (key, value) in others.as_object().expect("an object") {
        check[key] = value.clone();
    }
    check
}

#[test]
fn checks_choose_channels_and_dependencies() {
    let checks = json!([
        check("Router", &json!({})),
        check("Shop", &json!({ "id": "shop", "notify": ["ops"], "depends_on": ["Router"] })),
        check("Blog", &json!({ "notify": [], "slo": { "target": "99.9%" } })),
    ]);
    let config = loaded(&file(&json!([slack(&json!({ "id": "ops" }))]), &json!({ "checkers": checks })));
    let notifications = config.notifications.expect("there are notifiers");
    let key = |title: &str, id: Option<&str>| EndpointKey {
        title: title.to_owned(),
        locator: "true".to_owned(),
        id: id.map(Into::into),
    };
    let shop = notifications.checks.get(&key("Renamed", Some("shop"))).expect("it has settings");
    let channels: Vec<&str> = shop.channels.iter().flatten().map(ChannelId::as_str).collect();
    assert_eq!((channels, shop.depends_on.as_slice()), (vec!["ops"], &["Router".to_owned()][..]));
    assert_eq!(notifications.checks.get(&key("Blog", None)).and_then(|blog| blog.channels.as_deref()), Some(&[][..]));
    assert!(notifications.checks.get(&key("Router", None)).is_none());
    let objective = config.objectives.get(&key("Blog", None)).expect("it has an objective");
    assert_eq!((objective.target.to_string().as_str(), objective.window), ("99.9%", 30 * DAY));
}

/// Returns the problems that the given checks cause, without their positions.
fn check_problems(checks: &Value, notifiers: &Value) -> Vec<String> {
    let (_, lines) = problems(&file(notifiers, &json!({ "checkers": checks })));
    lines.iter().map(|line| without_position(line)).collect()
}

#[test]
fn references_of_checks_are_validated() {
    let ops = json!([slack(&json!({ "id": "ops" })), { "type": "slack", "id": "broken" }]);
    let shop = |keys: &Value| json!([check("Shop", keys), check("Router", &json!({}))]);
    let [missing, unknown] = &check_problems(&shop(&json!({ "notify": ["opss", "broken"] })), &ops)[..] else {
        panic!()
    };
    assert!(missing.contains("unknown channel `opss`: did you mean `ops`?") || unknown.contains("did you mean `ops`?"));
    for (keys, expected) in [
        (json!({ "depends_on": ["Ruoter"] }), "this file has no endpoint `Ruoter`: did you mean `Router`?"),
        (
            json!({ "depends_on": ["Elsewhere"] }),
            "this file has no endpoint `Elsewhere`, so another node must check it",
        ),
        (json!({ "depends_on": ["Shop"] }), "`Shop` depends on itself, so no channel would be notified of it"),
        (json!({ "slo": { "target": "100%" } }), "`checkers[0].slo.target`: invalid target `100%`"),
        (json!({ "slo": {} }), "missing key `checkers[0].slo.target`"),
    ] {
        let found = check_problems(&shop(&keys), &json!([slack(&json!({}))]));
        assert!(found.len() == 1 && found[0].contains(expected), "{expected}: {found:?}");
    }
    let found = check_problems(&shop(&json!({ "notify": ["ops"] })), &json!([]));
    assert_eq!(found, ["`checkers[0].notify` has no effect, because this file has no `notifiers`"]);
}

#[test]
fn cycles_of_dependencies_are_errors() {
    let checks = json!([
        check("A", &json!({ "depends_on": ["B"] })),
        check("B", &json!({ "depends_on": ["C", "D"] })),
        check("C", &json!({ "depends_on": ["A"] })),
        check("D", &json!({})),
    ]);
    let found = check_problems(&checks, &json!([slack(&json!({}))]));
    assert_eq!(
        found,
        [
            "`checkers[2].depends_on`: `A` depends on itself through `B`, `C`, so no channel would be notified of it: remove one of the dependencies"
        ]
    );
}

#[test]
fn long_chains_of_dependencies_are_validated_quickly() {
    let count = 20_000;
    let checks: Vec<Value> = (0..count)
        .map(|index| check(&index.to_string(), &json!({ "depends_on": [((index + 1) % count).to_string()] })))
        .collect();
    let found = check_problems(&json!(checks), &json!([slack(&json!({}))]));
    assert!(found.len() == 1 && found[0].contains("`0` depends on itself through `1`, `2`"), "{}", found.len());
}

/// A function that returns a test value for kinds that can contain a secret.
type SecretOf<'a> = dyn Fn(&ValueKind) -> Option<Value> + 'a;

/// Replaces the value of every secret key. Returns whether the notifier has any.
fn set_secrets(notifier: &mut Value, fields: &[Field], secret_of: &SecretOf<'_>) -> bool {
    let mut found = false;
    for field in fields {
        if let ValueKind::Object(inner) = field.kind {
            found |= set_secrets(&mut notifier[field.key], inner, secret_of);
        } else if let Some(secret) = secret_of(&field.kind)
            && field.key != "secret"
        {
            notifier[field.key] = secret;
            found = true;
        }
    }
    found
}

#[test]
fn secrets_are_neither_in_debug_output_nor_in_problems() {
    let url = format!("https://user:{CANARY}@a.example/{CANARY}?key={CANARY}#{CANARY}");
    let valid = |kind: &ValueKind| match kind {
        ValueKind::Secret => Some(json!(CANARY)),
        ValueKind::SecretUrl => Some(json!(url)),
        ValueKind::OneOrMany(ValueKind::SecretUrl) => Some(json!([url, url])),
        ValueKind::Headers => Some(json!({ "Authorization": CANARY })),
        ValueKind::OneOrMany(ValueKind::Secret) => Some(json!([CANARY])),
        _ => None,
    };
    let invalid: [&SecretOf<'_>; 4] = [
        &|kind| match kind {
            ValueKind::Secret => Some(json!([CANARY])),
            ValueKind::SecretUrl => Some(json!(format!("not a url {CANARY}"))),
            ValueKind::OneOrMany(ValueKind::SecretUrl) => Some(json!([url, format!("not a url {CANARY}")])),
            ValueKind::Headers => Some(json!({ "Authorization": format!("{CANARY}\n") })),
            _ => None,
        },
        &|kind| valid(kind).map(|value| json!({ "value": value })),
        &|kind| valid(kind).map(|_| json!(format!("ftp://{CANARY}"))),
        &|kind| {
            matches!(kind, ValueKind::SecretUrl | ValueKind::Secret).then(|| json!(format!("\u{1b}{CANARY}${{UNSET}}")))
        },
    ];
    let mut count = 0;
    for (index, variant) in super::VARIANTS.iter().enumerate() {
        let original = every_notifier()[index].clone();
        let mut notifier = original.clone();
        if variant.name == "ntfy" || variant.name == "alertmanager" {
            for key in ["token", "username", "password"] {
                notifier.as_object_mut().expect("an object").remove(key);
            }
        }
        let tokens: Vec<Field> = variant.fields.iter().filter(|field| field.key != "password").copied().collect();
        if !set_secrets(&mut notifier, &tokens, &valid) {
            continue;
        }
        count += 1;
        if let Some(smtp) = notifier.get_mut("smtp") {
            smtp["password"] = json!(CANARY);
        }
        if variant.name == "alertmanager" {
            notifier.as_object_mut().expect("an object").remove("username");
        }
        let config = loaded(&file(&json!([notifier]), &json!({})));
        let shown = format!("{config:?} {config:#?}");
        assert!(!shown.contains(CANARY), "{}: {shown}", variant.name);
        for invalid in invalid {
            let mut notifier = original.clone();
            set_secrets(&mut notifier, variant.fields, invalid);
            let (config, lines) = problems(&file(&json!([notifier]), &json!({})));
            assert!(!format!("{config:?}{lines:?}").contains(CANARY), "{}: {lines:?}", variant.name);
        }
    }
    assert!(count >= 17, "{count}");
    let webhook = json!([{ "type": "webhook", "url": "https://a", "secret": format!("whsec_{CANARY}") }]);
    let (config, lines) = problems(&file(&webhook, &json!({})));
    assert!(!format!("{config:?}{lines:?}").contains(CANARY), "{lines:?}");
}

/// Returns the JSON examples in a Markdown document.
fn examples(document: &str) -> Vec<&str> {
    document.split("\n```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

#[test]
fn the_documented_examples_are_valid() {
    let document = include_str!("../../../../docs/notifications.md");
    let variable = |name: &str| {
        Some(match name {
            "HOOK_SECRET" => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            name if name.ends_with("WEBHOOK") || name.ends_with("_URL") => "https://hooks.example.com/x".to_owned(),
            name => format!("value-of-{name}"),
        })
    };
    let environment = Environment { variable: &variable, host_name: "here".to_owned() };
    let rest = r#""storage": { "type": "fs", "dir": "checks" }"#;
    let mut types = BTreeSet::new();
    for example in examples(document) {
        let text = match example.starts_with('"') {
            true => format!(r#"{{ "checkers": [], {example}, {rest} }}"#),
            false if example.contains("endpoint_name") => {
                let router = r#"{ "type": "exec", "name": "Router", "command": "true" }"#;
                format!(r#"{{ "checkers": [{example}, {router}], {rest} }}"#)
            }
            false => format!(r#"{{ "checkers": [], "notifiers": [{example}], {rest} }}"#),
        };
        let (config, problems) = from_text(&text, Path::new("/etc/checkup"), &environment);
        assert!(config.is_some() && problems.is_empty(), "{example}\n{:#?}", problems.lines("c.json", &text));
        types.extend(example.split(r#""type": ""#).skip(1).filter_map(|rest| rest.split('"').next()));
    }
    let missing: Vec<&str> =
        super::VARIANTS.iter().map(|variant| variant.name).filter(|name| !types.contains(name)).collect();
    assert_eq!(missing, ["rocketchat"], "it has the same keys as `mattermost`");
}
