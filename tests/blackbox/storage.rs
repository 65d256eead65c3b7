//! Stored rounds: none is lost, objects are never partial, and errors have a remedy.

use std::path::PathBuf;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::check_file::CheckFile;
use support::bucket::Bucket;
use support::checker::{Checker, check_files, index};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::ministack::REGION;
use support::switchable_proxy::SwitchableProxy;
use support::{free_port, ministack, wait_for};

/// The `storage` configuration for the bucket, with some keys replaced.
pub(crate) fn storage_with(bucket: &Bucket, other: Value) -> Value {
    let mut storage = bucket.storage();
    if let (Value::Object(storage), Value::Object(other)) = (&mut storage, other) {
        storage.extend(other);
    }
    storage
}

/// The spool's folder and all folders below it. Each store has a separate folder.
pub(crate) fn spool_folders(checker: &Checker) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![checker.spool()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        folders.extend(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_dir()));
        found.push(folder);
    }
    found
}

/// Returns the folder of the spool that contains rounds.
pub(crate) fn folder_with_rounds(checker: &Checker) -> PathBuf {
    spool_folders(checker).into_iter().find(|folder| !check_files(folder).is_empty()).expect("a round is waiting")
}

/// Returns the names of the check files in all of the spool's folders.
pub(crate) fn spooled(checker: &Checker) -> Vec<String> {
    let folders = spool_folders(checker);
    let mut names: Vec<String> =
        folders.iter().flat_map(|folder| check_files(folder)).map(|name| name.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_round_is_stored_as_an_immutable_object() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &bucket.storage()));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let keys = bucket.keys_without_histories().await;
    assert_eq!(keys.len(), 1);
    let stored = run.rounds()[0]["stored"].as_str().unwrap_or_default().to_owned();
    assert!(keys[0].starts_with("status/") && keys[0].ends_with(&stored) && !stored.is_empty(), "{keys:?} {stored}");
    let (kind, caching) = bucket.headers(&keys[0]).await;
    assert_eq!(kind, "application/json");
    assert!(caching.contains("immutable"), "{caching}");
    assert_eq!(bucket.all_results().await, run.results());
}

#[tokio::test]
async fn bucket_errors_have_a_remedy_and_the_round_is_spooled() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let closed = SwitchableProxy::new(&ministack::server().url);
    let stranger = ministack::reader(&bucket.name).await;
    for (storage, words) in [
        (json!({ "secret_access_key": "not-the-secret" }), vec!["secret_access_key"]),
        (json!({ "access_key_id": "AKIAIOSFODNN7EXAMPLE" }), vec!["access_key_id"]),
        (json!({ "access_key_id": stranger.id, "secret_access_key": stranger.secret }), vec!["s3:PutObject"]),
        (json!({ "bucket": "no-such-bucket" }), vec!["no-such-bucket", "create"]),
        (json!({ "endpoint_url": closed.url }), vec![closed.url.as_str(), "endpoint_url"]),
    ] {
        let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage_with(&bucket, storage.clone())));
        let run = checker.run(&["--format", "json"]).await;
        assert_eq!(run.code, 2, "{storage}: {}", run.output());
        assert_eq!(run.results().len(), 1, "the round is still printed");
        for word in words {
            assert!(run.stderr.contains(word), "{storage}: `{word}` is not in:\n{}", run.stderr);
        }
        assert!(run.stderr.contains("spool"), "the spool is named:\n{}", run.stderr);
        assert_eq!(spooled(&checker).len(), 1, "{storage}");
    }
    assert_eq!(bucket.keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn credentials_are_found_in_the_same_way_as_by_the_aws_cli() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut storage = bucket.storage();
    for key in ["access_key_id", "secret_access_key", "region"] {
        storage.as_object_mut().expect("it is an object").remove(key);
    }
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage));
    let run = ["run", "-c", "checker.json"];
    let without_credentials = checker.call(&run).await;
    assert_eq!(without_credentials.code, 2);
    assert!(without_credentials.stderr.contains("no credentials were found"), "{}", without_credentials.stderr);

    let key = &bucket.writer;
    let of_environment = checker
        .call_with(&run, |command| {
            command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
            command.env("AWS_REGION", REGION);
        })
        .await;
    assert_eq!(of_environment.code, 0, "{}", of_environment.output());
    let profile = format!("[status]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret);
    std::fs::create_dir(checker.path(".aws")).expect("the folder can be created");
    checker.write(".aws/credentials", &profile);
    let of_profile = checker
        .call_with(&run, |command| {
            command.env("AWS_PROFILE", "status").env("AWS_REGION", REGION);
        })
        .await;
    assert_eq!(of_profile.code, 0, "{}", of_profile.output());
    assert_eq!(bucket.check_files().await.len(), 3, "including the round without credentials");
}

#[tokio::test]
async fn spooled_rounds_are_stored_first_when_the_store_is_back() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut proxy = SwitchableProxy::new(&ministack::server().url);
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage));
    for _ in 0..2 {
        assert_eq!(checker.run(&[]).await.code, 2);
    }
    let waiting = spooled(&checker);
    assert_eq!(waiting.len(), 2);

    proxy.open().await;
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!(spooled(&checker), Vec::<String>::new());
    let stored: Vec<String> = bucket.check_files().await.iter().map(ToString::to_string).collect();
    assert_eq!(stored.len(), 3, "nothing is lost");
    assert_eq!(stored[..2], waiting, "under their original names, in chronological order");
    let times: Vec<i64> = bucket.all_results().await.iter().map(|result| result.timestamp).collect();
    assert!(times.is_sorted() && times.len() == 3, "{times:?}");
}

#[tokio::test]
async fn a_round_without_a_directory_is_spooled_and_stored_first_later() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &json!({ "type": "fs", "dir": "mount/checks" })));
    checker.write("mount", "no directory, as without a mount");
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!((run.code, run.results().len()), (2, 1), "{}", run.output());
    assert!(run.stderr.contains("a file exists where a directory is expected"), "{}", run.stderr);
    let waiting = spooled(&checker);
    assert_eq!(waiting.len(), 1, "{}", run.output());

    std::fs::remove_file(checker.path("mount")).expect("the file can be removed");
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let stored: Vec<String> = checker.check_files("mount/checks").iter().map(ToString::to_string).collect();
    assert_eq!((stored.len(), &stored[..1]), (2, &waiting[..]));
}

#[tokio::test]
async fn a_round_survives_if_the_checker_is_killed_during_an_upload() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let hanging = Endpoint::start(Behavior::Hang).await;
    let checker = Checker::new(&watching(
        &[check("Shop", &ok.url)],
        &storage_with(&bucket, json!({ "endpoint_url": hanging.url })),
    ));
    let running = checker.start(&["run", "-c", "checker.json"]);
    wait_for("the round in the spool", || async { (!spooled(&checker).is_empty()).then_some(()) }).await;
    assert_eq!(hanging.given_up(), 0, "it is still waiting for the store");
    // Kills the process without warning.
    drop(running);
    assert_eq!(spooled(&checker).len(), 1);
}

#[tokio::test]
async fn a_busy_store_gets_the_round_with_the_next_attempt() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let port = free_port();
    let busy = Endpoint::start_at(port, Behavior::Answer("503 Slow Down", String::new())).await;
    let mut proxy = SwitchableProxy::with_port(port, &ministack::server().url);
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage));
    let store_recovers = async {
        wait_for("the first refused request", || async { (!busy.requests().is_empty()).then_some(()) }).await;
        drop(busy);
        proxy.open().await;
    };
    let (run, ()) = tokio::join!(checker.run(&[]), store_recovers);
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!((bucket.check_files().await.len(), spooled(&checker).len()), (1, 0));
}

#[tokio::test]
async fn ten_checkers_can_store_into_one_bucket_at_the_same_time() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    // Half of the nodes share a name, as if their machines used the same image.
    let nodes = ["eu", "us", "asia", "africa", "moon", "twin", "twin", "twin", "twin", "twin"];
    let checkers: Vec<(Checker, &str)> = nodes
        .iter()
        .map(|node| (Checker::new(&watching(&[check("Shop", &ok.url)], &bucket.storage())), *node))
        .collect();
    let mut running = tokio::task::JoinSet::new();
    for (checker, node) in checkers {
        running.spawn(async move {
            let mut stored = Vec::new();
            for _ in 0..3 {
                let run = checker.run(&["--format", "json", "--node", node]).await;
                assert_eq!(run.code, 0, "{}", run.output());
                stored.extend(run.results());
            }
            stored
        });
    }
    let mut printed: Vec<_> = running.join_all().await.into_iter().flatten().collect();
    assert_eq!((printed.len(), bucket.check_files().await.len()), (30, 30));
    let mut stored = bucket.all_results().await;
    printed.sort_by_key(|result| result.timestamp);
    stored.sort_by_key(|result| result.timestamp);
    assert_eq!(stored, printed, "every round is stored as printed");
}

#[tokio::test]
async fn checkers_that_share_a_directory_keep_its_index_complete() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let runs = join_all((0..10).map(|_| checker.run(&[]))).await;
    assert!(runs.iter().all(|run| run.code == 0), "{runs:?}");
    assert_eq!(checker.check_files("checks").len(), 10);
    assert_eq!(index(&checker.path("checks")), checker.check_files("checks"));
}

#[tokio::test]
async fn killing_the_checker_never_leaves_a_partial_file_or_index() {
    const KILLS: u32 = 200;
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let start = Instant::now();
    assert_eq!(checker.run(&[]).await.code, 0);
    let whole_run = start.elapsed();

    let mut interrupted = 0;
    for kill in 0..KILLS {
        let mut running = checker.start(&["run", "-c", "checker.json"]);
        // The delay varies, so the kills range from the start of the process to after its end.
        tokio::time::sleep(whole_run * kill / (KILLS * 4 / 5)).await;
        if running.exit_status().is_none() {
            interrupted += 1;
        }
        drop(running);
        assert_directory_holds(&checker);
    }
    assert!(interrupted >= KILLS / 4, "many runs were killed before they exited: {interrupted} of {KILLS}");

    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!(index(&checker.path("checks")), checker.check_files("checks"), "the next round repairs the index");
    assert_eq!(spooled(&checker), Vec::<String>::new());
}

/// Checks a directory's invariant: each check file is complete, and the index is complete and lists only existing
/// files.
fn assert_directory_holds(checker: &Checker) {
    let directory = checker.path("checks");
    let names = check_files(&directory);
    for name in &names {
        let content = std::fs::read(directory.join(name.to_string())).expect("the file exists");
        let file = CheckFile::parse(&content).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((file.results.len(), file.skipped.len()), (1, 0), "{name}");
    }
    let missing: Vec<_> = index(&directory).into_iter().filter(|name| !names.contains(name)).collect();
    assert_eq!(missing, [], "the index lists only existing files");
}

#[tokio::test]
async fn a_directory_store_needs_only_a_static_web_server() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    for _ in 0..3 {
        assert_eq!(checker.run(&[]).await.code, 0);
    }
    let names: Vec<String> = checker.check_files("checks").iter().map(ToString::to_string).collect();
    let content = std::fs::read_to_string(checker.path("checks/index.json")).expect("there is an index");
    let originals_index: std::collections::BTreeMap<String, i64> = serde_json::from_str(&content).expect("as it was");
    assert_eq!(originals_index.keys().cloned().collect::<Vec<_>>(), names);
    assert!(originals_index.values().all(|time| (0..=support::now()).contains(time)));
}
