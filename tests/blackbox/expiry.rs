//! Expiry removes rounds older than `check_expiry` in every mode, and nothing else.

use serde_json::{Value, json};
use shared::history::History;
use shared::object_name::{CheckFileName, NodeName};
use shared::{DAY, HOUR, UnixNanos};
use support::bucket::Bucket;
use support::checker::{Checker, index};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::faulty_proxy::{FaultyProxy, When};
use support::ministack::{ACCOUNT, MiniStack};
use support::{now, wait_for};

const CONTENT: &str = r#"[{"title":"Shop","endpoint":"http://shop.example/","healthy":true}]"#;

fn name(stored_at: UnixNanos, node: Option<&str>) -> String {
    let node = node.map(|node| NodeName::new(node).expect("it is a name"));
    CheckFileName { stored_at, node }.to_string()
}

fn expiring(mut storage: Value) -> Value {
    storage["check_expiry"] = json!("7d");
    storage
}

/// Names that expiry must not touch: recent rounds, other nodes' rounds, and objects that are not check files.
fn to_be_kept() -> Vec<String> {
    let old = now() - 8 * DAY;
    vec![
        name(now() - 7 * DAY + HOUR, Some("test-node")),
        name(now() - HOUR, Some("test-node")),
        name(old, Some("other-node")),
        "notes.txt".to_owned(),
        "1795330254340493978-check.json.bak".to_owned(),
        "backup-1495330254340493978-check.json".to_owned(),
        "1495330254-check.json".to_owned(),
        "histories".to_owned(),
        "heartbeats/nightly-backup.json".to_owned(),
    ]
}

#[tokio::test]
async fn thousands_of_expired_files_in_a_directory_are_removed() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &expiring(directory())));
    assert_eq!(checker.run(&[]).await.code, 0);
    std::fs::create_dir(checker.path("checks/heartbeats")).expect("the folder can be created");
    let store = |name: &str| checker.write(&format!("checks/{name}"), CONTENT);
    let kept = to_be_kept();
    for name in &kept {
        store(name);
    }
    for number in 0..5_000 {
        store(&name(now() - 8 * DAY - number * 1_000_000, Some("test-node")));
    }
    let before = checker.check_files("checks").len();

    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    for name in kept {
        assert!(checker.path("checks").join(&name).exists(), "{name} is kept");
    }
    assert_eq!(checker.check_files("checks").len(), before - 5_000 + 1);
    assert_eq!(index(&checker.path("checks")), checker.check_files("checks"));
}

#[tokio::test]
async fn more_expired_objects_than_fit_a_request_are_removed() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut kept: Vec<String> = to_be_kept().iter().map(|name| format!("status/{name}")).collect();
    // An object outside the prefix does not belong to the checker, even if it is named like a check file.
    kept.push(name(now() - 8 * DAY, Some("test-node")));
    let old = (0..1_100).map(|number| format!("status/{}", name(now() - 8 * DAY - number, Some("test-node"))));
    bucket.put_all(kept.iter().cloned().chain(old).collect(), CONTENT).await;

    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &expiring(bucket.storage())));
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let keys = bucket.keys_without_histories().await;
    for key in &kept {
        assert!(keys.contains(key), "{key} is kept");
    }
    assert_eq!(keys.len(), kept.len() + 1);
}

/// A bucket on a separate server, with this many expired rounds of `test-node` and with names that expiry must not
/// touch.
async fn filled_bucket(old: i64) -> (MiniStack, Bucket, Vec<String>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let below = folder.path().join(ACCOUNT).join("full/status");
    std::fs::create_dir_all(&below).expect("the folder can be created");
    let kept = to_be_kept();
    for name in &kept {
        let path = below.join(name);
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be created");
        std::fs::write(path, CONTENT).expect("the file can be written");
    }
    for number in 0..old {
        let name = name(now() - 8 * DAY - number, Some("test-node"));
        std::fs::write(below.join(name), CONTENT).expect("the file can be written");
    }
    let (server, administrator) = MiniStack::with_buckets(folder.path()).await;
    let bucket = Bucket::at(&server.url, &administrator, "full", "status/");
    let kept: Vec<String> = kept.iter().map(|name| format!("status/{name}")).collect();
    assert_eq!(bucket.keys().await.len(), kept.len() + old as usize);
    (server, bucket, kept, folder)
}

#[tokio::test]
async fn ten_thousand_expired_objects_are_removed_in_batches() {
    let (server, bucket, kept, _folder) = filled_bucket(10_000).await;
    let proxy = FaultyProxy::start(&server.url).await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut storage = bucket.storage();
    storage["endpoint_url"] = json!(proxy.url);
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &expiring(storage)));
    let run = checker.call_on_terminal(&["run", "-c", "checker.json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stdout.contains("removed 10000 expired check files"), "{}", run.output());
    for drawn in ["] 0 of 10000 expired check files", "] 10000 of 10000 expired check files"] {
        assert!(run.stdout.contains(drawn), "{}", run.output());
    }
    let deletes = proxy.requests().iter().filter(|request| request.ends_with("?delete")).count();
    assert_eq!(deletes, 10, "a thousand at a time: {:?}", proxy.requests());
    let keys = bucket.keys_without_histories().await;
    for key in &kept {
        assert!(keys.contains(key), "{key} is kept");
    }
    assert_eq!(keys.len(), kept.len() + 1, "and the round itself");
}

#[tokio::test]
async fn objects_that_cannot_be_deleted_are_reported_and_others_removed() {
    let (server, bucket, kept, _folder) = filled_bucket(2_500).await;
    // Files of the original Checkup. Writers cannot delete these without an additional permission.
    let originals: Vec<String> =
        (0..3).map(|number| format!("status/{}", name(1_495_330_254_340_493_978 + number, None))).collect();
    bucket.put_all(originals.clone(), CONTENT).await;
    let proxy = FaultyProxy::start(&server.url).await;
    proxy.fail(When::UndeletableKeys("status/1495330254"));
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut storage = bucket.storage();
    storage["endpoint_url"] = json!(proxy.url);
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &expiring(storage)));
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "the round is stored: {}", run.output());
    assert!(run.stdout.contains("removed 2500 expired check files"), "{}", run.output());
    let report = format!("delete 3 of 2503 objects, such as `{}`", originals[0]);
    let right = format!("`s3:DeleteObject` on `arn:aws:s3:::{}/status/1??????????????????-check.json`", bucket.name);
    assert!(run.stderr.contains(&report) && run.stderr.contains(&right), "{}", run.stderr);
    assert_eq!(run.stderr.trim().lines().count(), 1, "and nothing else: {}", run.stderr);
    let keys = bucket.keys_without_histories().await;
    for key in kept.iter().chain(&originals) {
        assert!(keys.contains(key), "{key} still exists");
    }
    assert_eq!(keys.len(), kept.len() + originals.len() + 1, "and the round itself");
}

#[tokio::test]
async fn files_expire_while_the_checker_runs_as_a_daemon() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let old = name(now() - 8 * DAY, Some("test-node"));
    for repeating in ["run", "serve"] {
        let mut config = watching(&[check("Shop", &ok.url)], &expiring(directory()));
        config["every"] = json!("1s");
        let checker = Checker::new(&config);
        std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
        let old_file = checker.path("checks").join(&old);
        checker.write(&format!("checks/{old}"), CONTENT);
        let (served, running);
        if repeating == "run" {
            running = checker.start(&["run", "-c", "checker.json", "--every", "1s"]);
        } else {
            served = checker.serve(&[]).await;
            running = served.program;
        }
        wait_for("the old file to be removed", || async { (!old_file.exists()).then_some(()) }).await;
        let young = || async { (!checker.check_files("checks").is_empty()).then_some(()) };
        wait_for("a recent file", young).await;
        drop(running);
    }
}

#[tokio::test]
async fn without_expiry_everything_is_kept() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
    checker.write(&format!("checks/{}", name(now() - 3_000 * DAY, Some("test-node"))), CONTENT);
    assert_eq!(checker.run(&[]).await.code, 0);
    assert_eq!(checker.check_files("checks").len(), 2);
}

#[tokio::test]
async fn a_clock_years_ahead_deletes_neither_check_files_nor_history() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut storage = directory();
    storage["check_expiry"] = json!("30d");
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage));
    std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
    for day in 1..=60 {
        checker.write(&format!("checks/{}", name(now() - day * DAY + HOUR, Some("test-node"))), CONTENT);
    }
    assert_eq!(checker.call(&["history", "rebuild", "-c", "checker.json"]).await.code, 0);
    let run = checker.run(&[]).await;
    assert!(run.stdout.contains("removed 30 expired check files"), "regular rounds prove their age: {}", run.output());
    let before = checker.check_files("checks");
    assert_eq!(before.len(), 31);

    let history = || {
        let content = std::fs::read(checker.path("checks/history/test-node.json")).expect("it exists");
        History::parse(&content).expect("it is a history").file_count()
    };
    for _ in 0..2 {
        let run = checker.call_with_clock(&["run", "-c", "checker.json"], "+3650d", |_| {}).await;
        assert_eq!(run.code, 0, "{}", run.output());
        assert!(run.stderr.contains("this machine's clock is"), "{}", run.stderr);
        assert!(
            run.stderr.contains("ahead of the store's, which determines when check files expire"),
            "{}",
            run.stderr
        );
        let after = checker.check_files("checks");
        assert!(before.iter().all(|name| after.contains(name)), "{}", run.output());
        assert!(history() >= 61, "{}", history());
    }
    let expire = ["expire", "-c", "checker.json", "--dry-run"];
    let shown = checker.call_with_clock(&expire, "+3650d", |_| {}).await;
    assert_eq!(shown.code, 0, "{}", shown.output());
    assert!(shown.stdout.contains("31 check files of `test-node`"), "{}", shown.output());
    assert!(shown.stdout.contains("only by this machine's clock"), "{}", shown.output());
    assert!(shown.stdout.contains("Nothing was deleted"), "{}", shown.output());
    assert_eq!(checker.check_files("checks").len(), before.len() + 2);

    // With the correct clock, the history has not changed.
    let run = checker.run(&[]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.output());
    assert_eq!(history(), 62);
}

#[tokio::test]
async fn old_files_of_uncertain_age_are_deleted_after_confirmation() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &expiring(directory())));
    std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
    // The checker did not run for a month.
    for day in 30..=33 {
        checker.write(&format!("checks/{}", name(now() - day * DAY, Some("test-node"))), CONTENT);
    }
    let run = checker.run(&[]).await;
    assert!(
        run.stderr.contains(
            "warning: kept 4 check files that are older than `check_expiry` according to this machine's clock"
        ),
        "{}",
        run.stderr
    );
    let expire = ["expire", "-c", "checker.json"];
    let unanswered = checker.call(&expire).await;
    assert_eq!(unanswered.code, 2, "{}", unanswered.output());
    assert!(unanswered.stderr.contains("canceled: nothing was changed"), "{}", unanswered.stderr);
    assert_eq!(checker.check_files("checks").len(), 5);
    let confirmed = checker.call_typing(&expire, "yes\n", |_| {}).await;
    assert_eq!(confirmed.code, 0, "{}", confirmed.output());
    assert!(confirmed.stdout.contains("Deleted 4 check files."), "{}", confirmed.output());
    assert_eq!(checker.check_files("checks").len(), 1);
    let again = checker.call(&[expire.as_slice(), &["--yes"]].concat()).await;
    assert!(again.code == 0 && again.stdout.contains("Nothing to do"), "{}", again.output());
}
