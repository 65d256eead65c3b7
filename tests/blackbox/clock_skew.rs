//! A machine with a wrong clock: the real checker runs with a clock that is off, so the server rejects its signatures.
//! Every command reports the problem in one clear sentence.

use serde_json::{Value, json};
use support::checker::Run;
use support::configuration::check;
use support::endpoints::{Behavior, Endpoint};
use support::ministack;
use support::test_site::TestSite;

const ORIGIN: &str = "https://status.example";
const REMEDY: &str = "set it, preferably with NTP";

/// A provisioned site with one check in its configuration.
async fn site() -> (TestSite, Endpoint) {
    let site = TestSite::new().await;
    let run = site.provision(&["--origin", ORIGIN, "--writer", "eu-west"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    config["checkers"] = json!([check("Shop", &ok.url)]);
    config["spool_dir"] = json!("spool");
    site.checker.write("with-check.json", &config.to_string());
    (site, ok)
}

async fn off(site: &TestSite, clock: &str, words: &[&str]) -> Run {
    site.checker.call_with_clock(words, clock, |_| {}).await
}

#[tokio::test]
async fn a_round_that_is_refused_for_its_time_waits_and_is_explained() {
    let (site, _ok) = site().await;
    for (rounds, clock) in ["-20.5m", "+20.5m"].into_iter().enumerate() {
        let run = off(&site, clock, &["run", "-c", "with-check.json"]).await;
        assert_eq!(run.code, 2, "{}", run.output());
        assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("clock differs too much") && run.stderr.contains(REMEDY), "{}", run.stderr);
        assert!(run.stderr.contains("sent before the next one"), "{}", run.stderr);
        assert_eq!(site.bucket.check_files().await.len(), 0, "{rounds}");
    }
    let run = site.checker.call(&["run", "-c", "with-check.json"]).await;
    assert!(run.code == 0 && run.stdout.contains("sent 2 waiting rounds first"), "{}", run.output());
}

#[tokio::test]
async fn provisioning_with_a_wrong_clock_creates_nothing_and_is_explained() {
    let site = TestSite::new().await;
    let key = ministack::admin().await;
    for clock in ["-20.5m", "+20.5m"] {
        let bucket = ["--bucket", &site.bucket.name, "--region", ministack::REGION, "--path-style", "--yes"];
        let words = [&["provision"], bucket.as_slice(), &["--endpoint-url", &site.endpoint_url]].concat();
        let words = [words.as_slice(), &["--origin", ORIGIN, "--writer", "eu-west"]].concat();
        let prepare = |command: &mut std::process::Command| {
            command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
        };
        let run = site.checker.call_with_clock(&words, clock, prepare).await;
        assert_eq!(run.code, 2, "{}", run.output());
        assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("clock differs too much") && run.stderr.contains(REMEDY), "{}", run.stderr);
        assert!(!site.bucket.exists().await && site.file("config.json").is_empty());
    }
}

#[tokio::test]
async fn the_doctor_reports_once_how_far_the_clock_is_off() {
    let (site, _ok) = site().await;
    let both = ["-c", "with-check.json", "--page", "config.json", "--origin", ORIGIN];
    for (clock, words) in [("-20.5m", "20 min behind the service's"), ("+20.5m", "20 min ahead of the service's")] {
        for sides in [both.as_slice(), &both[..2], &both[2..]] {
            let run = off(&site, clock, &[&["doctor"], sides].concat()).await;
            assert_eq!(run.code, 2, "{}", run.output());
            let failures: Vec<&str> = run.stdout.lines().filter(|line| !line.starts_with("ok ")).collect();
            assert!(failures.len() == 1 && failures[0].contains(words), "{sides:?}: {}", run.output());
            assert!(failures[0].contains("set the clock, preferably with NTP"), "{}", run.output());
        }
    }
    // The service still accepts these requests, but would refuse them if the clock were off by a few more minutes.
    let run = off(&site, "-10.5m", &["doctor", "-c", "with-check.json"]).await;
    assert_eq!(run.code, 1, "{}", run.output());
    let warning = run.stdout.lines().find(|line| line.contains("this machine's clock is 10 min"));
    assert!(
        warning.is_some_and(|line| line.contains("behind the service's; most services refuse")),
        "{}",
        run.output()
    );
    let right = off(&site, "+1m", &["doctor", "-c", "with-check.json"]).await;
    assert!(right.stdout.contains("the clock agrees with the service's"), "{}", right.output());
}
