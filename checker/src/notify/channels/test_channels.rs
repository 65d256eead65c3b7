//! Test channels of every type, with all options and fake secrets.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Request};
use serde_json::json;

use super::discord::Discord;
use super::googlechat::GoogleChat;
use super::gotify::Gotify;
use super::mail::{Mail, SmtpSecurity};
use super::mailgun::Mailgun;
use super::matrix::Matrix;
use super::mattermost::Mattermost;
use super::ntfy::Ntfy;
use super::pagerduty::PagerDuty;
use super::pushover::Pushover;
use super::rocketchat::RocketChat;
use super::secret_url::SecretUrl;
use super::signature::SigningKey;
use super::slack::Slack;
use super::teams::Teams;
use super::telegram::Telegram;
use super::webhook::Webhook;
use super::zulip::Zulip;
use super::{Authorization, HttpChannel, Login};
use crate::notify::template::BodyTemplate;
use crate::redact::Secret;

/// A string that is part of every secret in [`channels`].
pub(super) const SECRET: &str = "T0PS3CRET";

pub(super) fn url(text: &str) -> SecretUrl {
    SecretUrl::parse(text).unwrap()
}

pub(super) fn secret(name: &str) -> Secret {
    Secret::new(format!("{name}-{SECRET}"))
}

pub(super) fn signing_key() -> SigningKey {
    SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
}

/// Returns every channel with an HTTP API, with all its options.
pub(super) fn channels() -> Vec<(&'static str, Arc<dyn HttpChannel>)> {
    let hook = || url(&format!("https://hooks.example.com/services/{SECRET}"));
    let name = || Some("Checkup".to_owned());
    let room = || Some("#ops".to_owned());
    let from = || "Status <status@example.com>".parse().unwrap();
    let to = || vec!["ops@example.com".parse().unwrap(), "\"Doe, Jane\" <jane@example.com>".parse().unwrap()];
    let authorization = || Some(Authorization::Bearer(secret("tk")));
    let template = json!({ "text": "{{ summary }}", "count": "{{ items|length }}", "first": "{{ items[0].title }}" });
    vec![
        ("slack", Arc::new(Slack { webhook: hook(), username: name(), channel: room() })),
        ("mattermost", Arc::new(Mattermost { webhook: hook(), username: name(), channel: room() })),
        ("rocketchat", Arc::new(RocketChat { webhook: hook(), username: name(), channel: room() })),
        ("teams", Arc::new(Teams { webhook: hook() })),
        (
            "googlechat",
            Arc::new(GoogleChat {
                webhook: url(&format!("https://chat.example.com/v1/spaces/a/messages?key={SECRET}&token=x")),
            }),
        ),
        ("discord", Arc::new(Discord { webhook: hook(), username: name() })),
        (
            "mailgun",
            Arc::new(Mailgun {
                server: url("https://api.mailgun.net"),
                domain: "mg.example.com".to_owned(),
                api_key: secret("key"),
                from: from(),
                to: to(),
                subject: None,
            }),
        ),
        (
            "pushover",
            Arc::new(Pushover {
                server: url("https://api.pushover.net"),
                token: secret("app"),
                recipient: secret("user"),
                subject: None,
            }),
        ),
        (
            "telegram",
            Arc::new(Telegram {
                server: url("https://api.telegram.org"),
                token: secret("123:abc"),
                chat: "-100123".to_owned(),
                thread: Some(7),
            }),
        ),
        (
            "ntfy",
            Arc::new(Ntfy {
                server: url("https://ntfy.example.com"),
                topic: secret("topic"),
                authorization: authorization(),
            }),
        ),
        ("gotify", Arc::new(Gotify { server: url("https://gotify.example.com/push/"), token: secret("app") })),
        (
            "matrix",
            Arc::new(Matrix {
                server: url("https://matrix.example.org"),
                access_token: secret("syt"),
                room: "!abc/..:example.org".to_owned(),
            }),
        ),
        (
            "zulip",
            Arc::new(Zulip {
                server: url("https://zulip.example.com"),
                email: "bot@example.com".to_owned(),
                api_key: secret("key"),
                channel: "ops".to_owned(),
                topic: None,
            }),
        ),
        ("pagerduty", Arc::new(PagerDuty { server: url("https://events.pagerduty.com"), routing_key: secret("key") })),
        (
            "webhook",
            Arc::new(Webhook {
                url: url(&format!("https://me:{SECRET}@example.com/hook")),
                headers: vec![(HeaderName::from_static("x-token"), secret("token"))],
                signing_key: Some(signing_key()),
                body: None,
            }),
        ),
        (
            "webhook with a template",
            Arc::new(Webhook {
                url: hook(),
                headers: Vec::new(),
                signing_key: None,
                body: Some(BodyTemplate::parse(template).unwrap()),
            }),
        ),
    ]
}

pub(super) fn channel(name: &str) -> Arc<dyn HttpChannel> {
    channels().into_iter().find(|(known, _)| *known == name).unwrap().1
}

pub(super) fn body_text(request: &Request<Bytes>) -> String {
    String::from_utf8(request.body().to_vec()).unwrap()
}

pub(super) fn mail() -> Mail {
    Mail {
        host: "smtp.example.com".to_owned(),
        port: 587,
        security: SmtpSecurity::for_port(587),
        login: Some(Login { username: "status".to_owned(), password: secret("password") }),
        from: "Stätus <status@example.com>".parse().unwrap(),
        to: vec!["ops@example.com".parse().unwrap()],
        subject: None,
    }
}
