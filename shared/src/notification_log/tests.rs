use super::*;

const GOLDEN: &str = include_str!("../../golden/notification_log.json");

#[test]
fn the_golden_log_round_trips() {
    let log = NotificationLog::parse(GOLDEN.as_bytes()).expect("it is a log");
    assert_eq!(log.to_json(), GOLDEN.trim_end());
    assert_eq!((log.node.as_str(), log.rank, log.every, log.gather), ("eu-west", 100, 60_000_000_000, 30_000_000_000));
    let ops = log.channel(&ChannelId::new("ops").expect("an id")).expect("it is served");
    let retry = Retry { tries: 4, unanswered: 2, next: 1_795_330_600_000_000_000, why: FailureReason::RateLimited };
    assert_eq!((ops.retry, ops.waiting.as_slice()), (Some(retry), &[][..]));
    let [down, silent] = log.registers.as_slice() else { panic!("{:?}", log.registers) };
    assert_eq!((down.topic, down.state, down.number, down.reminders), (Topic::Endpoint, Notified::Down, 17, 1));
    assert_eq!((silent.topic, silent.state, &*silent.key.title), (Topic::Silent, Notified::Healthy, "ap-south"));
}

/// Registers once contained a provider's message ID, and news waited together. This file must never change, because
/// stored logs must stay readable.
#[test]
fn a_log_with_message_ids_is_still_valid() {
    let json = include_str!("../../golden/notification_log_with_reference.json");
    assert!(json.contains(r#""ref":"m-9f2c4e1b7a3d5f60""#));
    let [log, mut golden] = [json, GOLDEN].map(|json| NotificationLog::parse(json.as_bytes()).expect("it is a log"));
    for channel in &mut golden.channels {
        (channel.waiting, channel.unconfirmed, channel.deferred) = (Vec::new(), None, Vec::new());
        channel.retry.iter_mut().for_each(|retry| retry.unanswered = 0);
    }
    assert_eq!(log, golden);
}

#[test]
fn other_objects_are_not_logs() {
    for (json, expected) in [
        ("", "invalid notification log"),
        ("[]", "invalid notification log"),
        ("{}", "the key `version` is missing"),
        (r#"{"version":2,"node":"a"}"#, "has version 2"),
        (r#"{"version":1}"#, "the key `node` must be the name of a node"),
        (r#"{"version":1,"node":"A B"}"#, "the key `node` must be the name of a node"),
    ] {
        let error = NotificationLog::parse(json.as_bytes()).expect_err(json).to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(NotificationLog::parse(b"\xff").is_err());
}

#[test]
fn invalid_and_unknown_entries_are_skipped() {
    let json = r#"{"version":1,"node":"a","rank":-1,"every":"x","channels":[7,{"id":"Ops","from":1},{"id":"ops"},
        {"id":"ops","from":1,"retry":{"tries":-1,"next":1},"waiting":[{"since":1},{"news":[1]},{"since":2,"news":[7,-1,"x",3]}]}],
        "sent":[null,{"channel":"ops","title":"x","n":1,"as":"new","until":0,"at":0},
        {"channel":"ops","title":"x","n":1,"as":"down","about":"new","until":0,"at":0},
        {"channel":"ops","title":"x","n":1.5,"as":"down","until":0,"at":0},
        {"channel":"ops","title":"x","n":1,"as":"down","until":0,"at":0,"more":[]}]}"#;
    let log = NotificationLog::parse(json.as_bytes()).expect("it is a log");
    assert_eq!((log.rank, log.every, log.channels.len(), log.registers.len()), (0, 0, 1, 1));
    let waiting = |since, news: &[u32]| Waiting { since, news: news.to_vec() };
    assert_eq!((log.channels[0].retry, &log.channels[0].waiting), (None, &vec![waiting(1, &[]), waiting(2, &[3, 7])]));
    assert_eq!(NotificationLog::parse(log.to_json().as_bytes()), Ok(log));
}

/// The golden log is from a version that did not store checksums of lists of recipients.
#[test]
fn checksums_of_recipients_are_optional() {
    let parse = |json: &str| NotificationLog::parse(json.as_bytes()).expect("it is a log");
    let list = |log: &NotificationLog| log.channels[1].deferred[0].list;
    assert_eq!(list(&parse(GOLDEN)), RecipientList { count: 3, checksum: None });
    let with = |checksum: &str| parse(&GOLDEN.replace(r#""of":3"#, &format!(r#""of":3,"list":{checksum}"#)));
    for (checksum, expected) in [("0", Some(0)), ("255", Some(255)), ("256", None), ("-1", None), (r#""7""#, None)] {
        let log = with(checksum);
        assert_eq!(list(&log), RecipientList { count: 3, checksum: expected });
        assert_eq!(NotificationLog::parse(log.to_json().as_bytes()), Ok(log));
    }
}

/// Earlier versions did not store where providers keep incidents.
#[test]
fn incident_scopes_are_optional() {
    let mut log = NotificationLog::parse(GOLDEN.as_bytes()).expect("it is a log");
    assert!(log.channels.iter().all(|channel| channel.incidents.is_none()));
    log.channels[0].incidents = Some(IncidentScope(u16::MAX));
    let json = log.to_json();
    assert_eq!(NotificationLog::parse(json.as_bytes()), Ok(log));
    for scope in ["65536", "-1", r#""7""#, "7.5", "1e999", "null", "[]", "{}", "true", "99999999999999999999"] {
        let log = NotificationLog::parse(json.replace("65535", scope).as_bytes()).expect("it is a log");
        assert_eq!(log.channels[0].incidents, None);
    }
}

#[test]
fn a_log_is_limited_and_invalid_text_is_found_in_lists() {
    let register = r#"{"channel":"ops","title":"x","n":1,"as":"down","until":0,"at":0},"#;
    let json = format!(r#"{{"version":1,"node":"a","sent":[{}7]}}"#, register.repeat(REGISTERS_LIMIT + 2));
    let log = NotificationLog::parse(json.as_bytes()).expect("it is a log");
    assert_eq!((log.registers.len(), log.ignored), (REGISTERS_LIMIT, 3));
    for json in [
        r#"{"version":1,"node":"a","sent":[}"#,
        r#"{"version":1,"node":"a","sent":[{]}"#,
        r#"{"version":1,"node":"a","channels":[nul]}"#,
    ] {
        assert!(NotificationLog::parse(json.as_bytes()).is_err(), "{json}");
    }
    let other = r#"{"version":1,"node":"a","sent":{"a":1},"channels":7}"#;
    assert!(NotificationLog::parse(other.as_bytes()).is_ok_and(|log| log.registers.is_empty()));
}

#[test]
fn reasons_for_failures_round_trip() {
    use FailureReason::{Failed, RateLimited, Refused, TimedOut, Unreachable};
    for reason in [Unreachable, TimedOut, RateLimited, Refused(404), Failed] {
        assert_eq!(FailureReason::parse(&reason.to_string()), reason);
    }
    assert_eq!(FailureReason::parse("refused-x"), Failed);
}
