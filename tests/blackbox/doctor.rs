//! `checker doctor` with correct and broken setups: its findings, the suggested fixes and the exit status.

use serde_json::{Value, json};
use shared::object_name::{CheckFileName, NodeName};
use shared::{DAY, HOUR};
use support::bucket::Bucket;
use support::checker::{Checker, Run};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::ministack;
use support::quirky_service::{QuirkyService, Reply};
use support::test_site::TestSite;

use crate::storage::{folder_with_rounds, spooled};

const ORIGIN: &str = "https://status.example";
const BOTH_SIDES: [&str; 5] = ["-c", "with-check.json", "--page", "config.json", "--origin"];

/// A provisioned site with a stored round. The file `with-check.json` is the writer's complete configuration.
async fn sound_site(words: &[&str]) -> TestSite {
    let site = TestSite::new().await;
    let run = site.provision(&[&["--origin", ORIGIN, "--writer", "eu-west"], words].concat()).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let ok = Endpoint::start(Behavior::ok()).await;
    configure(&site, |config| config["checkers"] = json!([check("Shop", &ok.url)]));
    let round = site.checker.call(&["run", "-c", "with-check.json"]).await;
    assert_eq!(round.code, 0, "{}", round.output());
    site
}

fn configure(site: &TestSite, change: impl FnOnce(&mut Value)) {
    let written = [site.file("with-check.json"), site.file("checker-eu-west.json")];
    let written = written.iter().find(|text| !text.is_empty()).expect("there is one");
    let mut config: Value = serde_json::from_str(written).expect("it is JSON");
    config["spool_dir"] = json!(site.checker.spool());
    change(&mut config);
    site.checker.write("with-check.json", &config.to_string());
}

fn configure_page(site: &TestSite, change: impl FnOnce(&mut Value)) {
    let mut config: Value = serde_json::from_str(&site.file("config.json")).expect("it is JSON");
    change(&mut config["source"]);
    site.checker.write("config.json", &config.to_string());
}

async fn doctor(site: &TestSite, words: &[&str]) -> Run {
    site.checker.call(&[&["doctor"], words].concat()).await
}

async fn both_sides(site: &TestSite) -> Run {
    doctor(site, &[BOTH_SIDES.as_slice(), &[ORIGIN]].concat()).await
}

/// Runs the doctor, and returns the findings at this level, each with its remedy.
async fn findings(site: &TestSite, level: &str, words: &[&str]) -> Vec<String> {
    let run = doctor(site, &[words, &["--format", "json"]].concat()).await;
    let json: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.output()));
    let findings = json["findings"].as_array().expect("there are findings").iter();
    let of_level = findings.filter(|finding| finding["level"] == level);
    of_level
        .map(|finding| {
            format!(
                "{} {}",
                finding["what"].as_str().unwrap_or_default(),
                finding["remedy"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

#[tokio::test]
async fn a_correct_setup_has_no_problems_and_is_not_changed() {
    let site = sound_site(&["--check-expiry", "30d"]).await;
    let before = site.bucket.keys().await;
    let run = both_sides(&site).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(
        run.stdout.lines().count() >= 10 && run.stdout.lines().all(|line| line.starts_with("ok ")),
        "{}",
        run.stdout
    );
    assert_eq!(site.bucket.keys().await, before, "the probes are gone");
    for secret in [site.reader().unwrap().secret, site.writer("eu-west").unwrap().secret] {
        assert!(!run.output().contains(&secret));
    }
    // Without expiry, the writer is not allowed to delete objects. The doctor's empty test object therefore remains,
    // under a name that the page does not list.
    let keeping = sound_site(&[]).await;
    for _ in 0..2 {
        assert_eq!(both_sides(&keeping).await.code, 0);
    }
    let probes = keeping.bucket.check_files().await;
    assert_eq!(probes.iter().filter(|name| name.stored_at == 1_000_000_000_000_000_000).count(), 1);
    assert_eq!(both_sides(&keeping).await.code, 0);
}

#[tokio::test]
async fn an_origin_that_was_not_provisioned_is_a_failure_with_a_remedy() {
    let site = sound_site(&[]).await;
    let run = doctor(&site, &[BOTH_SIDES.as_slice(), &["https://other.example"]].concat()).await;
    assert_eq!(run.code, 2, "{}", run.output());
    let remedy = "checker provision --origin https://other.example";
    assert!(run.stdout.lines().any(|line| line.starts_with("failure") && line.contains(remedy)), "{}", run.stdout);
    let none = doctor(&site, &["--page", "config.json"]).await;
    assert!(none.code == 1 && none.stdout.contains("--origin"), "{}", none.output());
}

#[tokio::test]
async fn excessive_permissions_are_reported() {
    let site = sound_site(&["--check-expiry", "30d"]).await;
    let administrator = ministack::admin().await;
    // The doctor only reports permission to list buckets if there is another bucket.
    Bucket::new().await;
    configure(&site, |config| {
        config["storage"]["access_key_id"] = json!(administrator.id);
        config["storage"]["secret_access_key"] = json!(administrator.secret);
    });
    let warnings = findings(&site, "warning", &["-c", "with-check.json"]).await.join("\n");
    for word in [
        "store another node's objects",
        "list objects outside the prefix",
        "store objects outside the prefix",
        "list the account's buckets",
        "--writer",
    ] {
        assert!(warnings.contains(word), "`{word}` is not in\n{warnings}");
    }
    configure_page(&site, |source| {
        source["public_access_key_id"] = json!(administrator.id);
        source["public_access_key"] = json!(administrator.secret);
    });
    let failures = findings(&site, "failure", &[BOTH_SIDES.as_slice(), &[ORIGIN]].concat()).await.join("\n");
    for word in
        ["publishes the checker's own keys", "can store check files", "can delete objects", "read the bucket's policy"]
    {
        assert!(failures.contains(word), "`{word}` is not in\n{failures}");
    }
    let left = site.bucket.keys().await;
    assert!(left.iter().all(|key| !key.contains("doctor")), "the probes are gone: {left:?}");
}

#[tokio::test]
async fn a_probe_that_cannot_be_removed_is_named() {
    let site = sound_site(&[]).await;
    let resources = ["", "/*"].map(|objects| format!("arn:aws:s3:::{}{objects}", site.bucket.name));
    let rights = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"], "Resource": resources },
    ] });
    let careless = ministack::user("doctor-careless", &rights).await;
    configure_page(&site, |source| {
        source["public_access_key_id"] = json!(careless.id);
        source["public_access_key"] = json!(careless.secret);
    });
    let failures = findings(&site, "failure", &["--page", "config.json", "--origin", ORIGIN]).await.join("\n");
    let left = site.bucket.keys().await.into_iter().find(|key| key.contains("doctor")).expect("a probe is left");
    assert!(failures.contains(&format!("can store check files (an empty `{left}` was left behind")), "{failures}");
}

#[tokio::test]
async fn missing_permissions_are_reported_by_name() {
    let site = sound_site(&["--check-expiry", "30d"]).await;
    let reader = site.reader().unwrap();
    configure(&site, |config| {
        config["storage"]["access_key_id"] = json!(reader.id);
        config["storage"]["secret_access_key"] = json!(reader.secret);
    });
    let failures = findings(&site, "failure", &["-c", "with-check.json"]).await.join("\n");
    assert!(failures.contains("s3:PutObject") && failures.contains("-eu-west-check.json"), "{failures}");
    let rights = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "sts:GetCallerIdentity", "Resource": "*" },
    ] });
    let restricted = ministack::user("doctor-restricted", &rights).await;
    configure_page(&site, |source| {
        source["public_access_key_id"] = json!(restricted.id);
        source["public_access_key"] = json!(restricted.secret);
    });
    let failures = findings(&site, "failure", &["--page", "config.json", "--origin", ORIGIN]).await.join("\n");
    assert!(failures.contains("cannot list") && failures.contains("s3:GetObject"), "{failures}");
}

#[tokio::test]
async fn wrong_keys_and_addresses_are_reported() {
    for (key, value, word) in [
        ("secret_access_key", json!("not-the-secret"), "secret_access_key"),
        ("access_key_id", json!("AKIAIOSFODNN7EXAMPLE"), "access_key_id"),
        ("bucket", json!("no-such-bucket"), "no-such-bucket"),
        ("endpoint_url", json!("http://127.0.0.1:1"), "refused"),
    ] {
        let site = sound_site(&[]).await;
        configure(&site, |config| config["storage"][key] = value);
        let run = doctor(&site, &["-c", "with-check.json"]).await;
        assert_eq!(run.code, 2, "{key}: {}", run.output());
        assert!(run.stdout.contains(word), "{key}: `{word}` is not in\n{}", run.stdout);
        let failures = run.stdout.lines().filter(|line| line.starts_with("failure")).count();
        assert_eq!(failures, 1, "{key}: it is reported once\n{}", run.stdout);
    }
    let site = sound_site(&[]).await;
    site.checker.write("config.json", r#"{ "titel": "x", "source": { "type": "s3" } }"#);
    let failures = findings(&site, "failure", &["--page", "config.json"]).await;
    assert!(failures.len() == 2 && failures.join(" ").contains("did you mean `title`"), "{failures:?}");
}

#[tokio::test]
async fn a_public_bucket_is_read_without_a_signature() {
    let site = sound_site(&[]).await;
    let words = ["--public", "--origin", ORIGIN, "--out", "public"];
    assert_eq!(site.provision(&words).await.code, 0);
    let run = doctor(&site, &["--page", "public/config.json", "--origin", ORIGIN]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stdout.contains("can read check files"), "{}", run.stdout);
}

#[tokio::test]
async fn silent_nodes_and_unexpired_files_are_reported() {
    let site = sound_site(&["--check-expiry", "1d"]).await;
    let file = |age: i64, node: &str| {
        let name =
            CheckFileName { stored_at: support::now() - age, node: Some(NodeName::new(node).expect("it is a name")) };
        format!("status/{name}")
    };
    let content = json!([{ "title": "Shop", "endpoint": "http://shop.example/", "healthy": true, "interval": 60_000_000_000_i64 }]);
    site.bucket.put(&file(2 * HOUR, "us"), content.to_string()).await;
    site.bucket.put(&file(2 * DAY, "eu-west"), content.to_string()).await;
    let warnings = findings(&site, "warning", &["-c", "with-check.json"]).await.join("\n");
    assert!(warnings.contains("`us`") && warnings.contains("2 h ago, but reports every 1m"), "{warnings}");
    assert!(warnings.contains("expiry does not work") && warnings.contains("2 d"), "{warnings}");
}

#[tokio::test]
async fn rounds_in_the_spool_are_reported() {
    let site = sound_site(&[]).await;
    configure(&site, |config| config["storage"]["secret_access_key"] = json!("not-the-secret"));
    assert_eq!(site.checker.call(&["run", "-c", "with-check.json"]).await.code, 2);
    let secret = site.writer("eu-west").unwrap().secret;
    configure(&site, |config| config["storage"]["secret_access_key"] = json!(secret));
    let run = doctor(&site, &["-c", "with-check.json"]).await;
    assert_eq!(run.code, 1, "{}", run.output());
    assert!(run.stdout.contains("1 round is waiting in the spool"), "{}", run.stdout);
    // The same folder can contain rounds of another node.
    let (folder, waiting) = (folder_with_rounds(&site.checker), &spooled(&site.checker)[0]);
    let name = waiting.replace("-eu-west-", "-other-");
    std::fs::rename(folder.join(waiting), folder.join(&name)).expect("it can be renamed");
    let run = doctor(&site, &["-c", "with-check.json"]).await;
    assert_eq!(run.code, 1, "{}", run.output());
    assert!(run.stdout.contains("contains 1 round of the node `other` since 20"), "{}", run.stdout);
    assert!(run.stdout.contains("send its rounds with `checker run --node NAME`, or delete them"), "{}", run.stdout);
}

#[tokio::test]
async fn a_directory_is_examined_too() {
    let site = TestSite::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    site.checker
        .configure(&json!({ "checkers": [check("Shop", &ok.url)], "storage": { "type": "fs", "dir": "checks" } }));
    let empty = doctor(&site, &["-c", "checker.json"]).await;
    assert!(empty.code == 1 && empty.stdout.contains("checker run"), "{}", empty.output());
    assert_eq!(site.checker.run(&[]).await.code, 0);
    let run = doctor(&site, &["-c", "checker.json"]).await;
    assert!(run.code == 0 && run.stdout.contains("`test-node` stored its newest check file"), "{}", run.output());
}

#[tokio::test]
async fn the_outputs_of_a_directory_are_requested_at_the_page() {
    let checker = Checker::new(&json!({}));
    let ok = Endpoint::start(Behavior::ok()).await;
    let finding = async |change: &dyn Fn(&mut Value)| {
        let mut config = watching(&[check("Shop", &ok.url)], &directory());
        change(&mut config);
        checker.write("doctor.json", &config.to_string());
        let run = checker.call(&["doctor", "-c", "doctor.json"]).await;
        let finding = run
            .stdout
            .lines()
            .find(|line| line.contains("can read") || line.contains("cannot read"))
            .map(str::to_owned);
        finding.unwrap_or_else(|| run.output())
    };
    let at = |url: &str| {
        let url = url.to_owned();
        move |config: &mut Value| config["outputs"] = json!({ "url": url })
    };
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    checker.configure(&config);
    assert_eq!(checker.run(&[]).await.code, 0);

    let unknown = finding(&|_| {}).await;
    let reason =
        "it is not known which outputs everyone can read, because that depends on the web server that publishes";
    assert!(unknown.contains(reason) && unknown.contains("set `url` in `outputs`"), "{unknown}");
    let unreachable = refused();
    let unknown = finding(&at(&unreachable)).await;
    assert!(unknown.contains(&format!("because this machine cannot reach the page at `{unreachable}`")), "{unknown}");

    let served = checker.serve(&[]).await;
    served.until_summed_up().await;
    let url = &served.url;
    let all = finding(&at(url)).await;
    let expected =
        format!("everyone can read summaries, badges, feeds, the calendar and the Statuspage API at `{url}`");
    assert!(all.contains(&expected), "{all}");
    // A server that answers all paths with its page does not publish outputs.
    let page =
        Endpoint::start(Behavior::Answer("200 OK\r\nContent-Type: text/html", "<!doctype html>".to_owned())).await;
    let nothing = finding(&at(&page.url)).await;
    assert!(nothing.contains("visitors cannot read summaries, badges, feeds and the calendar at"), "{nothing}");

    config["outputs"] = json!({ "store": [], "serve": false });
    checker.configure(&config);
    let served = checker.serve(&[]).await;
    served.until_summed_up().await;
    let some = finding(&at(&served.url)).await;
    let expected =
        format!("everyone can read summaries and badges at `{}`, but not feeds and the calendar", served.url);
    assert!(some.contains(&expected), "{some}");
}

/// Returns a configured site whose service denies reading a nonexistent node's objects if the request contains one of
/// these strings.
async fn site_where_missing_objects_are_denied(denied: &'static [&'static str]) -> (TestSite, QuirkyService) {
    let service = QuirkyService::start(&ministack::server().url, |request, _| {
        let is_denied = request.contains("checkup-doctor") && denied.iter().any(|part| request.contains(part));
        let code = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
        if is_denied { Reply::Scripted("403 Forbidden", code.to_owned()) } else { Reply::Forwarded }
    });
    let service = service.await;
    let site = sound_site(&["--check-expiry", "30d"]).await;
    configure(&site, |config| config["storage"]["endpoint_url"] = json!(service.url));
    (site, service)
}

#[tokio::test]
async fn a_service_that_denies_missing_objects_is_read_by_listing() {
    let (site, _service) = site_where_missing_objects_are_denied(&["/history/checkup-doctor.json"]).await;
    let fine = findings(&site, "ok", &["-c", "with-check.json"]).await.join("\n");
    assert!(fine.contains("the service denies reading missing objects"), "{fine}");
    assert_eq!(findings(&site, "failure", &["-c", "with-check.json"]).await, Vec::<String>::new());

    let (site, _service) =
        site_where_missing_objects_are_denied(&["/history/checkup-doctor.json", "list-type=2"]).await;
    let failures = findings(&site, "failure", &["-c", "with-check.json"]).await.join("\n");
    assert!(failures.contains("denies both reading and listing the missing object"), "{failures}");
    assert!(failures.contains("s3:ListBucket"), "{failures}");
}
