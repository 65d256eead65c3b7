//! Clocks that show a time outside the range that can be stored, as on a machine without a clock battery, and clocks
//! that jump while the checker is running.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::program::Program;

/// Clock settings before and after the range that can be stored, each with part of the expected error.
const UNUSABLE: [(&str, &str); 3] = [
    ("@1960-01-01 00:00:00", "shows 1960-01-01"),
    ("@1970-01-01 00:00:10", "shows 1970-01-01"),
    ("@2300-01-01 00:00:00", "shows a time after 2262"),
];

async fn checker() -> (Checker, Endpoint) {
    let shop = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &shop.url)], &directory());
    config["every"] = json!("1s");
    (Checker::new(&config), shop)
}

#[tokio::test]
async fn a_time_that_cannot_be_stored_is_an_error_at_startup() {
    let (checker, _shop) = checker().await;
    for (clock, shown) in UNUSABLE {
        for words in [
            &["run", "-c", "checker.json"][..],
            &["run", "-c", "checker.json", "--every", "1s"],
            &["serve", "-c", "checker.json", "--listen", "127.0.0.1:0"],
            &["status", "-c", "checker.json"],
        ] {
            let run = checker.call_with_clock(words, clock, |_| {}).await;
            assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{words:?}: {}", run.output());
            assert_eq!(run.stderr.trim().lines().count(), 1, "{words:?}: {}", run.stderr);
            let is_explained = run.stderr.contains(shown) && run.stderr.contains("set the clock, preferably with NTP");
            assert!(is_explained, "{words:?}: {}", run.stderr);
        }
        let valid = checker.call_with_clock(&["validate", "-c", "checker.json"], clock, |_| {}).await;
        assert_eq!(valid.code, 0, "{}", valid.output());
    }
    assert!(!checker.path("checks").exists() || checker.check_files("checks").is_empty());
}

/// Starts a daemon whose clock is set by the `clock` file.
fn start(checker: &Checker) -> Program {
    checker.write("clock", "+0\n");
    let file = checker.path("clock");
    checker.start_with(&["run", "-c", "checker.json", "--every", "1s"], |command| {
        command
            .env("LD_PRELOAD", support::library("faketime/libfaketimeMT.so.1"))
            .env("FAKETIME_TIMESTAMP_FILE", file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    })
}

async fn wait_for_rounds(checker: &Checker, more: usize) {
    let before = checker.check_files("checks").len();
    support::wait_for("more rounds", || async { (checker.check_files("checks").len() >= before + more).then_some(()) })
        .await;
}

fn machine_time() -> shared::UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    since.as_nanos().try_into().expect("it is before 2262")
}

async fn wait_for_line(program: &Program, words: &str) {
    support::wait_for(words, || async { program.output().contains(words).then_some(()) }).await;
}

#[tokio::test]
async fn a_daemon_pauses_while_the_time_cannot_be_stored() {
    let (checker, _shop) = checker().await;
    let mut daemon = start(&checker);
    wait_for_rounds(&checker, 2).await;
    for (clock, shown) in UNUSABLE {
        checker.write("clock", clock);
        wait_for_line(&daemon, shown).await;
        let paused = checker.check_files("checks").len();
        checker.write("clock", "+0\n");
        wait_for_rounds(&checker, 2).await;
        assert!(paused > 0 && daemon.output().contains("the system clock is correct again"), "{}", daemon.output());
    }
    let now = machine_time();
    let newest = checker.check_files("checks").pop().expect("there are check files");
    assert!((now - newest.stored_at).abs() < shared::HOUR, "{newest}");
    checker.write("clock", UNUSABLE[2].0);
    let lines = || daemon.output().matches(UNUSABLE[2].1).count();
    support::wait_for("the second pause", || async { (lines() == 2).then_some(()) }).await;
    daemon.signal("TERM");
    assert!(daemon.wait().await.success(), "{}", daemon.output());
    assert!(!daemon.output().contains("panicked"), "{}", daemon.output());
}

#[tokio::test]
async fn a_daemon_keeps_checking_after_its_clock_jumps() {
    let (checker, _shop) = checker().await;
    let mut daemon = start(&checker);
    wait_for_rounds(&checker, 2).await;
    for jump in ["+3y\n", "-3y\n", "+2h\n", "+0\n"] {
        checker.write("clock", jump);
        wait_for_rounds(&checker, 3).await;
    }
    daemon.signal("TERM");
    assert!(daemon.wait().await.success(), "{}", daemon.output());
    assert!(!daemon.output().contains("panicked"), "{}", daemon.output());
}
