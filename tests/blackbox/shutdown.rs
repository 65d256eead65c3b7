//! Shutdown: the current round finishes and is stored or spooled, nothing is lost, and shutting down has a time limit.

use std::process::Command;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::status::Status;
use support::bucket::Bucket;
use support::checker::{Checker, results};
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::{free_port, hanging_lock, wait_for};

use crate::storage::{spool_folders, spooled, storage_with};

/// The commands that start the two daemons: `checker run --every 1s` and `checker serve`.
fn daemons() -> [Vec<String>; 2] {
    let listen = format!("127.0.0.1:{}", free_port());
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    [words(&["run", "-c", "checker.json", "--every", "1s"]), words(&["serve", "--listen", &listen])]
}

/// Stops a daemon while its store hangs during a round, and fails unless every result is in the spool.
async fn assert_nothing_is_lost_while_the_store_hangs(
    words: &[String],
    storage: &Value,
    prepare: impl Fn(&Checker, &mut Command),
) {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], storage);
    config["every"] = json!("1s");
    let checker = Checker::new(&config);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut running = checker.start_with(&words, |command| prepare(&checker, command));
    let more_is_seen = || async { (!spooled(&checker).is_empty() && ok.requests().len() >= 4).then_some(()) };
    wait_for("the round in the spool, and newer results that wait for the store", more_is_seen).await;
    running.signal("TERM");
    let status = running.wait().await;
    let output = running.output();
    assert_eq!(status.code(), Some(2), "{words:?}: {output}");
    assert!(output.contains("shutting down: "), "{words:?}: {output}");
    assert!(output.contains("after the shutdown request; the round is kept in `"), "{words:?}: {output}");
    let kept: Vec<_> = spool_folders(&checker)
        .iter()
        .flat_map(|folder| support::checker::check_files(folder).into_iter().map(|name| results(folder, &name)))
        .flatten()
        .filter(|result| result.status != Status::Unknown)
        .collect();
    assert_eq!(kept.len(), ok.requests().len(), "{words:?}: each result is present: {output}");
    assert!(spooled(&checker).len() < kept.len(), "{words:?}: waiting results are merged: {output}");
}

#[tokio::test]
async fn a_hanging_bucket_does_not_delay_shutdown_or_lose_results() {
    let bucket = Bucket::new().await;
    let hanging = Endpoint::start(Behavior::Hang).await;
    let storage = storage_with(&bucket, json!({ "endpoint_url": hanging.url }));
    let ways = daemons();
    join_all(ways.iter().map(|words| assert_nothing_is_lost_while_the_store_hangs(words, &storage, |_, _| {}))).await;
}

#[tokio::test]
async fn a_hanging_directory_does_not_delay_shutdown_or_lose_results() {
    let hangs = |checker: &Checker, command: &mut Command| {
        command.env("LD_PRELOAD", hanging_lock::build(checker.folder.path()));
    };
    let (ways, storage) = (daemons(), directory());
    join_all(ways.iter().map(|words| assert_nothing_is_lost_while_the_store_hangs(words, &storage, hangs))).await;
}

#[tokio::test]
async fn a_second_signal_exits_immediately_even_if_output_blocks() {
    let (ok, hanging) = (Endpoint::start(Behavior::ok()).await, Endpoint::start(Behavior::Hang).await);
    let stuck = check_with("Stuck", &hanging.url, json!({ "timeout": "1h" }));
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let checker = Checker::new(&watching(std::slice::from_ref(&stuck), &directory()));
        let before = hanging.requests().len();
        let mut running = checker.start(&["run", "-c", "checker.json"]);
        wait_for("the check to start", || async { (hanging.requests().len() > before).then_some(()) }).await;
        running.signal(signal);
        wait_for("the message", || {
            let is_logged = running.output().contains("press Ctrl-C again to exit immediately");
            async move { is_logged.then_some(()) }
        })
        .await;
        running.signal(signal);
        assert_eq!(running.wait().await.code(), Some(code), "{}", running.output());
        assert!(running.output().contains("exiting immediately"), "{}", running.output());
    }

    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    // The pipe is full before the checker prints anything.
    let line =
        "mkfifo pipe; exec 3<>pipe; head -c 65536 /dev/zero >&3; exec \"$0\" run -c checker.json --every 1s >&3 2>&3";
    let mut running = checker.start_by(&["bash", "-c", line].map(ToString::to_string), &[]);
    wait_for("the round that cannot be printed", || async { (!ok.requests().is_empty()).then_some(()) }).await;
    let end = wait_for("the checker to end", || {
        let end = running.exit_status();
        if end.is_none() {
            running.signal("TERM");
        }
        async move { end }
    });
    assert_eq!(end.await.code(), Some(143));
}
