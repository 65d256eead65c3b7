//! Tests `checker maintenance`: plans, changes and reports, and what maintenance windows do to notifications.

use serde_json::{Value, json};
use shared::civil::CivilTime;
use shared::{MINUTE, UnixNanos};
use support::bucket::Bucket;
use support::checker::{Checker, Run};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::fault_proxy::FaultProxy;
use support::{ministack, now};

use super::notifications::{Webhook, failing, notifying, round};

const CONFIG: [&str; 2] = ["-c", "checker.json"];

async fn maintenance(checker: &Checker, words: &[&str]) -> Run {
    checker.call(&[&["maintenance"], words, &CONFIG].concat()).await
}

async fn done(checker: &Checker, words: &[&str]) -> String {
    let run = maintenance(checker, words).await;
    assert_eq!(run.code, 0, "{words:?}: {}", run.output());
    run.stdout
}

async fn failure(checker: &Checker, words: &[&str]) -> String {
    let run = maintenance(checker, words).await;
    assert_eq!(run.code, 2, "{words:?}: {}", run.output());
    run.stderr
}

async fn shown(checker: &Checker) -> Value {
    let text = done(checker, &["show", "latest", "--format", "json"]).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Formats a time in UTC as `--start` expects it.
pub(crate) fn start(at: UnixNanos) -> String {
    let CivilTime { year, month, day, hour, minute, .. } = CivilTime::from_unix(at);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

async fn shop() -> Checker {
    let endpoint = Endpoint::start(Behavior::ok()).await;
    Checker::new(&watching(&[check("Shop", &endpoint.url)], &directory()))
}

/// A plan for `Shop` in UTC that begins at a time.
fn planning<'a>(start: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let plan = ["plan", "Database upgrade", "--affects", "Shop=down", "--start", start, "--zone", "UTC", "--for", "1h"];
    [&plan, more].concat()
}

#[tokio::test]
async fn a_plan_shows_the_next_windows_before_it_is_posted() {
    let checker = shop().await;
    let year = CivilTime::from_unix(now()).year + 1;
    let begin = format!("{year}-01-03 02:30");
    let plan = ["plan", "Database upgrade", "--affects", "Shop=down", "--zone", "Europe/Berlin", "--for", "90m"];
    let rule = format!("FREQ=DAILY;UNTIL={year}0106");
    let words = [&plan[..], &["--start", &begin, "--repeat", &rule]].concat();
    let text = done(&checker, &[&words[..], &["--dry-run"]].concat()).await;
    assert!(text.starts_with("Database upgrade: 4 windows\n"), "{text}");
    for day in 3..6 {
        let expected = format!("{year}-01-0{day} 02:30 to 04:00 +01:00 ({year}-01-0{day} 01:30 to 03:00 UTC)");
        assert!(text.contains(&expected), "{expected}: {text}");
    }
    assert!(text.contains(&format!("and 1 more, the last one at {year}-01-06 02:30 +01:00")), "{text}");
    assert!(text.ends_with("Nothing was posted, because --dry-run is set.\n"), "{text}");
    assert!(!checker.path("checks/0-posts").exists(), "nothing is stored");
    let posted = done(&checker, &words).await;
    assert!(posted.contains("planned as `") && posted.contains("-test-node"), "{posted}");
    let json = shown(&checker).await;
    assert_eq!(json["next"].as_array().map(Vec::len), Some(4), "{json}");
    assert_eq!(json["next"][0]["start"], json!(format!("{year}-01-03T01:30:00Z")));
    assert_eq!(
        (&json["affects"], &json["zone"], &json["past"]),
        (&json!({ "Shop": "down" }), &json!("Europe/Berlin"), &json!([]))
    );
    assert!(done(&checker, &["list"]).await.contains("Database upgrade  next at "));
}

#[tokio::test]
async fn mistakes_are_one_sentence_each_and_post_nothing() {
    let checker = shop().await;
    let soon = start(now() + 60 * MINUTE);
    for (words, expected) in [
        (planning("tomorrow", &[]), "invalid start `tomorrow`: expected a date and a time that exist"),
        (planning(&soon, &["--affects", "Shpo=down"]), "unknown endpoint `Shpo`: did you mean `Shop`?"),
        (planning(&soon, &["--repeat", "FREQ=MINUTELY"]), "a window can begin at most once per hour"),
        (planning(&soon, &["--repeat", "FREQ=DAILY;BYMINUTE=1"]), "`BYMINUTE` of recurrence rules is not supported"),
        (planning(&soon, &["--repeat", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"]), "the recurrence rule does not fire"),
        (planning(&soon, &["--repeat", "FREQ=HOURLY"]), "there are more than 2,000 windows"),
        (planning(&soon, &["--text", "<script>x</script>"]), "`<script>` is not allowed"),
        (vec!["plan", "x", "--affects", "Shop=down", "--start", &soon, "--zone", "UTC", "--for", "0s"], "length"),
        (
            vec!["plan", "x", "--affects", "Shop=down", "--start", &soon, "--zone", "Mars/Base", "--for", "1h"],
            "Mars/Base",
        ),
        (vec!["show", "latest"], "there is no maintenance: plan some with `checker maintenance plan`"),
        (vec!["end", "123456"], "unknown maintenance `123456`"),
        (vec!["end", "123"], "the ID `123` is too short"),
    ] {
        let text = failure(&checker, &words).await;
        assert!(text.contains(expected) && text.trim_end().lines().count() == 1, "{words:?}: {text}");
    }
    let endless = failure(&checker, &["extend", "latest", "--for", "53w"]).await;
    assert!(endless.contains("invalid length `53w`: expected at most `366d`"), "{endless}");
    assert_eq!(done(&checker, &["list", "--all"]).await, "No maintenance is planned.\n");
    assert!(!checker.path("checks/0-posts").exists(), "nothing is stored");
}

#[tokio::test]
async fn a_window_begins_is_extended_and_ends() {
    let checker = shop().await;
    let soon = start(now() + 120 * MINUTE);
    done(&checker, &planning(&soon, &["--repeat", "FREQ=DAILY;COUNT=3"])).await;
    assert!(failure(&checker, &["end", "latest"]).await.contains("no window is in progress: the next one begins at"));
    assert!(done(&checker, &["begin", "latest"]).await.starts_with("Database upgrade: "));
    let begun = shown(&checker).await;
    assert_eq!(begun["current"]["announced_afterwards"], json!(false), "{begun}");
    assert!(failure(&checker, &["begin", "latest"]).await.contains("the window already began"));
    assert!(failure(&checker, &["cancel", "latest"]).await.contains("end it with `checker maintenance end`"));
    let printed = done(&checker, &["extend", "latest", "--for", "1h"]).await;
    let extended = shown(&checker).await;
    let end = extended["current"]["end"].as_str().expect("a time");
    // After 22:00, the window ends on the next day, and its date is printed as well.
    assert!(printed.contains(&format!("{} UTC", &end[11..16])), "{end}: {printed}");
    assert!(extended["current"]["end"].as_str() > begun["current"]["end"].as_str(), "{extended}");
    assert!(done(&checker, &["list"]).await.contains("in progress until "));
    done(&checker, &["end", "latest"]).await;
    let ended = shown(&checker).await;
    assert_eq!((&ended["current"], ended["past"].as_array().map(Vec::len)), (&Value::Null, Some(1)), "{ended}");
    let day = ended["next"][0]["start"].as_str().map(|start| start[..10].to_owned()).expect("a window");
    done(&checker, &["cancel", "latest", "--only", &day]).await;
    assert_eq!(shown(&checker).await["next"].as_array().map(Vec::len), Some(1));
    done(&checker, &["cancel", "latest"]).await;
    assert!(failure(&checker, &["cancel", "latest"]).await.contains("there is nothing to cancel"));
    assert!(done(&checker, &["list", "--all"]).await.contains("canceled"));
    assert!(done(&checker, &["renew"]).await.starts_with("Nothing to renew"));
}

#[tokio::test]
async fn a_canceled_window_is_listed_as_canceled() {
    let checker = shop().await;
    let soon = start(now() + 120 * MINUTE);
    done(&checker, &planning(&soon, &[])).await;
    done(&checker, &["cancel", "latest", "--only", &soon]).await;
    let listed = done(&checker, &["list", "--all"]).await;
    assert!(listed.ends_with("  canceled\n"), "{listed}");
    assert_eq!(shown(&checker).await["canceled"], json!(true));
    assert!(failure(&checker, &["cancel", "latest"]).await.contains("all windows are canceled"));
}

#[tokio::test]
async fn an_end_wins_over_extensions_at_the_same_time() {
    let checker = shop().await;
    let soon = start(now() + 120 * MINUTE);
    done(&checker, &planning(&soon, &[])).await;
    done(&checker, &["begin", "latest"]).await;
    let extend = ["extend", "latest", "--for", "1h"];
    let (end, first, second, third) = tokio::join!(
        maintenance(&checker, &["end", "latest"]),
        maintenance(&checker, &extend),
        maintenance(&checker, &extend),
        maintenance(&checker, &extend),
    );
    assert_eq!(end.code, 0, "{}", end.output());
    assert_eq!(shown(&checker).await["current"], Value::Null, "{}", end.output());
    for run in [first, second, third] {
        assert!(run.code == 0 || run.stderr.lines().count() == 1, "{}", run.output());
    }
}

#[tokio::test]
async fn an_unknown_zone_of_another_author_does_not_fail_a_renewal() {
    let checker = shop().await;
    let soon = start(now() + 60 * MINUTE);
    done(&checker, &planning(&soon, &["--repeat", "FREQ=DAILY;COUNT=3", "--author", "anna"])).await;
    let path = checker.path("checks/history/anna.posts.json");
    let digest =
        std::fs::read_to_string(&path).expect("a digest").replace("\"zone\":\"UTC\"", "\"zone\":\"Mars/Base\"");
    std::fs::write(&path, digest).expect("it can be written");
    let run = maintenance(&checker, &["renew"]).await;
    assert!(run.code == 0 && run.stderr.contains("cannot be renewed"), "{}", run.output());
    assert!(failure(&checker, &["renew", "latest"]).await.contains("cannot be renewed"));
    assert!(failure(&checker, &["renew", "--author", "anna"]).await.contains("cannot be renewed"));
}

#[tokio::test]
async fn outages_in_a_window_are_held_back_until_it_ends() {
    let (endpoint, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let mut config = notifying(&endpoint, &directory(), &[webhook.channel()]);
    // The endpoint is named through its group.
    config["page"] = json!({ "groups": [{ "title": "Platform", "endpoints": ["Sh*"] }] });
    let checker = Checker::new(&config);
    round(&checker, &[]).await;
    let begin = start(now() - 5 * MINUTE);
    let plan = ["plan", "Upgrade", "--affects", "Platform=down", "--start", &begin, "--zone", "UTC", "--for", "1h"];
    done(&checker, &plan).await;
    endpoint.behave(failing());
    round(&checker, &[]).await;
    round(&checker, &[]).await;
    let preview = checker.call(&["notify", "preview", "-c", "checker.json"]).await;
    assert!(
        preview.stdout.contains("not sent: `down` for Shop, because it is in planned maintenance"),
        "{}",
        preview.output()
    );
    assert_eq!(webhook.news(), [""; 0]);
    done(&checker, &["end", "latest"]).await;
    round(&checker, &[]).await;
    assert_eq!(webhook.news(), ["down Shop"]);
    assert_eq!(webhook.messages()[0]["items"][0]["planned"], json!(false), "it was announced late");
}

#[tokio::test]
async fn posts_cost_a_round_one_request_per_author() {
    let (endpoint, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let bucket = Bucket::new().await;
    let proxy = FaultProxy::start(&ministack::server().url, |_, _| None).await;
    let mut storage = bucket.storage();
    storage["endpoint_url"] = json!(proxy.url);
    let checker = Checker::new(&notifying(&endpoint, &storage, &[webhook.channel()]));
    let in_round = async || {
        let before = proxy.requests().len();
        round(&checker, &[]).await;
        let requests = proxy.requests()[before..].to_vec();
        let digests = requests.iter().filter(|request| request.contains(".posts.json")).count();
        (requests.len(), digests)
    };
    in_round().await;
    let (without, digests) = in_round().await;
    assert_eq!(digests, 0);
    let soon = start(now() + 60 * MINUTE);
    for (author, posts) in [("anna", 1), ("ben", 3)] {
        for _ in 0..posts {
            done(&checker, &planning(&soon, &["--author", author])).await;
        }
    }
    assert_eq!(in_round().await, (without + 2, 2), "there are two authors");
}
