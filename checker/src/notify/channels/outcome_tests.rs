//! Tests how each channel interprets the errors that its provider documents.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use shared::SECOND;

use super::apprise::Apprise;
use super::exec::ExecChannel;
use super::test_channels::channel;
use super::{FailureReason, SendOutcome};
use crate::notify::sample;

fn outcome(name: &str, status: u16, headers: &[(&'static str, &str)], body: &str) -> SendOutcome {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    let now = sample::message().at;
    channel(name).outcome(StatusCode::from_u16(status).unwrap(), &headers, body.as_bytes(), now)
}

#[test]
fn documented_errors_are_interpreted() {
    let limited = |seconds: f64| SendOutcome::Retry {
        reason: FailureReason::RateLimited,
        after: Some(Duration::from_secs_f64(seconds)),
    };
    let refused = |status| SendOutcome::Refused { reason: FailureReason::Refused(status) };
    let later = |status| SendOutcome::Retry { reason: FailureReason::Refused(status), after: None };
    let delivered = SendOutcome::Delivered;
    let reset = (sample::message().at / SECOND + 3_600).to_string();
    for (name, status, headers, body, expected) in [
        ("slack", 200, &[][..], "ok", delivered.clone()),
        ("slack", 403, &[], "action_prohibited", refused(403)),
        ("slack", 404, &[], "no_service", refused(404)),
        ("slack", 410, &[], "channel_is_archived", refused(410)),
        ("slack", 429, &[("retry-after", "30")], "rate_limited", limited(30.0)),
        ("teams", 202, &[], "", delivered.clone()),
        ("teams", 400, &[], r#"{"error":{"code":"InvalidWorkflow"}}"#, refused(400)),
        ("discord", 204, &[], "", delivered.clone()),
        ("discord", 404, &[], r#"{"message":"Unknown Webhook","code":10015}"#, refused(404)),
        ("mailgun", 200, &[], r#"{"id":"<x>","message":"Queued. Thank you."}"#, delivered.clone()),
        ("mailgun", 401, &[], "Forbidden", refused(401)),
        ("mailgun", 502, &[], "<html>", later(502)),
        ("pushover", 200, &[], r#"{"status":1,"request":"x"}"#, delivered.clone()),
        (
            "pushover",
            400,
            &[],
            r#"{"token":"invalid","errors":["application token is invalid"],"status":0}"#,
            refused(400),
        ),
        ("pushover", 429, &[("x-limit-app-reset", reset.as_str())], r#"{"status":0}"#, limited(3_600.0)),
        ("telegram", 200, &[], r#"{"ok":true,"result":{"message_id":1}}"#, delivered.clone()),
        ("telegram", 429, &[], r#"{"ok":false,"error_code":429,"parameters":{"retry_after":5}}"#, limited(5.0)),
        ("telegram", 400, &[], r#"{"ok":false,"description":"Bad Request: chat not found"}"#, refused(400)),
        ("telegram", 403, &[], r#"{"ok":false,"description":"Forbidden: bot was blocked by the user"}"#, refused(403)),
        (
            "ntfy",
            429,
            &[],
            r#"{"code":42901,"http":429,"error":"limit reached"}"#,
            SendOutcome::Retry { reason: FailureReason::RateLimited, after: None },
        ),
        ("ntfy", 507, &[], r#"{"code":50701,"http":507}"#, later(507)),
        ("gotify", 401, &[], r#"{"error":"Unauthorized","errorCode":401}"#, refused(401)),
        ("matrix", 200, &[], r#"{"event_id":"$x"}"#, delivered.clone()),
        ("matrix", 429, &[], r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}"#, limited(2.5)),
        ("matrix", 403, &[], r#"{"errcode":"M_FORBIDDEN"}"#, refused(403)),
        ("zulip", 429, &[], r#"{"code":"RATE_LIMIT_HIT","result":"error","retry-after":28.7}"#, limited(28.7)),
        ("zulip", 400, &[], r#"{"code":"STREAM_DOES_NOT_EXIST","result":"error"}"#, refused(400)),
        ("pagerduty", 202, &[], r#"{"status":"success","dedup_key":"x"}"#, delivered.clone()),
        ("pagerduty", 400, &[], r#"{"status":"invalid event"}"#, refused(400)),
        ("pagerduty", 429, &[], "", SendOutcome::Retry { reason: FailureReason::RateLimited, after: None }),
        ("webhook", 307, &[("location", "https://evil.example/")], "", refused(307)),
        (
            "webhook",
            503,
            &[("retry-after", "Sun, 29 Nov 2026 13:05:00 GMT")],
            "",
            SendOutcome::Retry { reason: FailureReason::Refused(503), after: Some(Duration::from_mins(1)) },
        ),
    ] {
        assert_eq!(outcome(name, status, headers, body), expected, "{name} {status} {body}");
    }
}

/// The header takes precedence, because the wait in the body is sometimes in milliseconds.
#[test]
fn discord_uses_the_wait_in_the_header() {
    let body = r#"{"message":"You are being rate limited.","retry_after":1337.0}"#;
    let limited = |after| SendOutcome::Retry { reason: FailureReason::RateLimited, after };
    let with_header = outcome("discord", 429, &[("retry-after", "2")], body);
    assert_eq!(with_header, limited(Some(Duration::from_secs(2))));
    assert_eq!(outcome("discord", 429, &[], body), limited(None));
}

#[test]
fn exit_statuses_are_interpreted() {
    let exec = ExecChannel { command: "notify".into(), arguments: Vec::new() };
    let apprise = Apprise { command: "apprise".into(), urls: Vec::new() };
    let delivered = SendOutcome::Delivered;
    let retry = |reason| SendOutcome::Retry { reason, after: None };
    assert_eq!(exec.outcome(Some(0)), delivered);
    assert_eq!(exec.outcome(Some(75)), retry(FailureReason::Refused(75)));
    assert_eq!(exec.outcome(Some(1)), SendOutcome::Refused { reason: FailureReason::Refused(1) });
    assert_eq!(exec.outcome(None), retry(FailureReason::Failed));
    assert_eq!(apprise.outcome(Some(0)), delivered);
    assert_eq!(apprise.outcome(Some(1)), retry(FailureReason::Failed));
    assert_eq!(apprise.outcome(Some(2)), SendOutcome::Refused { reason: FailureReason::Refused(2) });
}
