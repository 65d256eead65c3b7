//! `checker provision` and `checker deprovision` with a real S3 and IAM server: each resource is created once, keys are
//! replaced in the right order, and only resources that were created are removed.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use shared::object_name::{CheckFileName, NodeName};
use shared::page_config::PageConfig;
use support::bucket::{self, Bucket};
use support::configuration::{check, watching};
use support::endpoints::{Behavior, Endpoint};
use support::ministack::{self, ACCOUNT, MiniStack};
use support::test_site::TestSite;

const ORIGIN: &str = "https://status.example";
const EVERYTHING: [&str; 8] =
    ["--origin", ORIGIN, "--writer", "eu-west", "--check-expiry", "30d", "--lifecycle", "90d"];

fn name(stored_at: i64, node: &str) -> String {
    CheckFileName { stored_at, node: Some(NodeName::new(node).expect("it is a name")) }.to_string()
}

#[tokio::test]
async fn provisioned_keys_and_files_work_with_a_checker() {
    let site = TestSite::new().await;
    let run = site.provision(&EVERYTHING).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let (reader, writer) = (site.reader().expect("there are keys"), site.writer("eu-west").expect("there are keys"));
    assert!(run.stdout.contains(&reader.secret) && run.stdout.contains("keys are public"), "{}", run.stdout);
    assert!(!run.output().contains(&writer.secret), "a writer's secret is only in its file");
    let mode = |name: &str| site.checker.path(name).metadata().expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode("checker-eu-west.json"), 0o600);

    // The file is a complete configuration: once a check is added, it can store a round.
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    config["checkers"] = json!([check("Shop", &ok.url)]);
    config["spool_dir"] = json!("spool");
    site.checker.write("with-check.json", &config.to_string());
    let round = site.checker.call(&["run", "-c", "with-check.json"]).await;
    assert_eq!(round.code, 0, "{}", round.output());
    let stored = site.bucket.check_files().await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].node.as_ref().map(NodeName::as_str), Some("eu-west"));
}

#[tokio::test]
async fn existing_resources_are_not_created_again() {
    let site = TestSite::new().await;
    assert_eq!(site.provision(&EVERYTHING).await.code, 0);
    let before = (site.file("config.json"), site.file("checker-eu-west.json"));
    let again = site.provision(&EVERYTHING).await;
    assert_eq!(again.code, 0, "{}", again.output());
    assert!(again.stdout.contains("Nothing to do"), "{}", again.stdout);
    assert_eq!((site.file("config.json"), site.file("checker-eu-west.json")), before);
    assert_eq!(ministack::keys_of(&site.user("reader")).await.len(), 1);
    assert_eq!(site.steps_left(&EVERYTHING).await, Vec::<String>::new());
    // An additional origin and an additional node change only what depends on them.
    let more = ["--origin", ORIGIN, "--origin", "https://other.example", "--writer", "us"];
    let left = site.steps_left(&more).await;
    assert!(left[0].contains("CORS") && left[1].contains("writer `us`") && left.len() == 5, "{left:?}");
}

#[tokio::test]
async fn a_dry_run_shows_calls_and_policies_and_changes_nothing() {
    let site = TestSite::new().await;
    let run = site.call("provision", &[&["--dry-run"], EVERYTHING.as_slice()].concat(), "").await;
    assert_eq!(run.code, 0, "{}", run.output());
    let plan: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let calls: Vec<&str> = plan["steps"].as_array().unwrap().iter().filter_map(|step| step["call"].as_str()).collect();
    for call in ["s3:CreateBucket", "s3:PutBucketCORS", "iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey"] {
        assert!(calls.contains(&call), "{call} is not among {calls:?}");
    }
    let resource = format!("arn:aws:s3:::{}/status/*", site.bucket.name);
    assert!(run.stdout.contains(&resource), "{}", run.stdout);
    assert!(!site.bucket.exists().await && site.reader().is_none());
    assert_eq!(ministack::users(&site.bucket.name).await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_changes_without_confirmation() {
    let site = TestSite::new().await;
    for typed in ["", "no\n"] {
        let run = site.call("provision", &EVERYTHING, typed).await;
        assert_eq!(run.code, 2, "{}", run.output());
        assert!(
            run.stdout.contains("create the bucket") && run.stderr.contains("nothing was changed"),
            "{}",
            run.output()
        );
        assert!(!site.bucket.exists().await);
    }
    let agreed = site.call("provision", &EVERYTHING, "yes\n").await;
    assert_eq!(agreed.code, 0, "{}", agreed.output());
}

#[tokio::test]
async fn new_keys_work_before_old_ones_are_deleted() {
    let site = TestSite::new().await;
    assert_eq!(site.provision(&EVERYTHING).await.code, 0);
    let (old_reader, old_writer) = (site.reader().unwrap(), site.writer("eu-west").unwrap());
    // The operator has edited the page's title.
    site.checker.write("config.json", &site.file("config.json").replace("\"Status\"", "\"My shop\""));

    // If the operator answers no, both keys are kept, and the new one is in the file.
    let paused = site.call("provision", &[&["--rotate"], EVERYTHING.as_slice()].concat(), "yes\nno\n").await;
    assert_eq!(paused.code, 2, "{}", paused.output());
    let new_reader = site.reader().unwrap();
    assert_ne!(new_reader.id, old_reader.id);
    let mut keys = ministack::keys_of(&site.user("reader")).await;
    keys.sort();
    let mut expected = vec![old_reader.id.clone(), new_reader.id.clone()];
    expected.sort();
    assert_eq!(keys, expected);
    let noted = site.provision(&EVERYTHING).await;
    assert!(noted.stdout.contains(&old_reader.id) && noted.stdout.contains("--rotate"), "{}", noted.stdout);

    let rotated = site.provision(&[&["--rotate"], EVERYTHING.as_slice()].concat()).await;
    assert_eq!(rotated.code, 0, "{}", rotated.output());
    assert_eq!(site.reader().unwrap().id, new_reader.id, "an interrupted rotation continues with the same key");
    assert_eq!(ministack::keys_of(&site.user("reader")).await, [new_reader.id]);
    let new_writer = site.writer("eu-west").unwrap();
    assert_ne!(new_writer.id, old_writer.id);
    assert_eq!(ministack::keys_of(&site.user("writer_eu-west")).await, [new_writer.id]);
    assert!(site.file("config.json").contains("My shop"), "the rest of the file is unchanged");
}

#[tokio::test]
async fn foreign_files_and_keys_are_left_alone() {
    let site = TestSite::new().await;
    site.checker.write("config.json", "{ \"mine\": true }");
    let refused = site.provision(&EVERYTHING).await;
    assert_eq!(refused.code, 2, "{}", refused.output());
    assert!(refused.stderr.contains("config.json") && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert!(!site.bucket.exists().await, "the file is checked before any change");
    assert_eq!(site.file("config.json"), "{ \"mine\": true }");
    assert_eq!(site.provision(&[&["--force"], EVERYTHING.as_slice()].concat()).await.code, 0);

    // With another folder, the key's secret is unknown, and a second key would be one too many.
    let elsewhere = site.provision(&[&["--out", "elsewhere"], EVERYTHING.as_slice()].concat()).await;
    assert_eq!(elsewhere.code, 2);
    let id = site.reader().unwrap().id;
    assert!(elsewhere.stderr.contains(&id) && elsewhere.stderr.contains("--out"), "{}", elsewhere.stderr);
    assert_eq!(ministack::keys_of(&site.user("reader")).await, [id]);
}

#[tokio::test]
async fn a_user_that_was_not_created_here_is_not_taken_over() {
    let site = TestSite::new().await;
    ministack::make_user(&site.user("reader")).await;
    let run = site.provision(&EVERYTHING).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains(&site.user("reader")) && run.stderr.contains("path"), "{}", run.stderr);
    assert_eq!(ministack::keys_of(&site.user("reader")).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_public_bucket_is_readable_without_keys_and_not_writable() {
    let site = TestSite::new().await;
    let words = ["--public", "--origin", ORIGIN];
    let run = site.provision(&words).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stdout.contains("everyone on the internet"), "{}", run.stdout);
    assert!(site.reader().is_none() && site.file("config.json").contains(&site.bucket.name));
    let key = format!("status/{}", name(support::now(), "eu-west"));
    site.bucket.put(&key, "[]").await;
    site.bucket.put("private.txt", "mine").await;
    let url = |path: &str| format!("{}/{}/{path}", site.endpoint_url, site.bucket.name);
    let status = async |path: &str| support::http_client::get(&url(path)).await.status;
    assert_eq!((status(&key).await, status("?list-type=2&prefix=status/").await), (200, 200));
    assert_eq!((status("private.txt").await, status("?list-type=2").await), (403, 403));
    let put = support::http_client::send(support::http_client::client().put(url(&key)).body("[]")).await;
    assert_eq!(put.status, 403);
    assert!(site.provision(&words).await.stdout.contains("Nothing to do"));

    let gone = site.deprovision(&["--yes"], "").await;
    assert_eq!(gone.code, 0, "{}", gone.output());
    assert_eq!(status(&key).await, 403);
    assert_eq!(site.bucket.get(&key).await, "[]", "data is kept");
}

#[tokio::test]
async fn public_outputs_are_readable_without_keys_and_check_files_are_not() {
    let site = TestSite::new().await;
    let words = ["--public-outputs", "--origin", ORIGIN, "--writer", "eu-west"];
    let run = site.provision(&words).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stdout.contains("read summaries, badges and outputs, but not check files"), "{}", run.stdout);
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config: serde_json::Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    config["checkers"] = json!([check("Shop", &ok.url)]);
    config["outputs"] = json!({ "store": ["feeds", "calendar", "statuspage", "badges"] });
    site.checker.write("with-check.json", &config.to_string());
    let round = site.checker.call(&["run", "-c", "with-check.json"]).await;
    assert_eq!((round.code, round.stderr.as_str()), (0, ""), "{}", round.output());
    let url = |path: &str| format!("{}/{}/{path}", site.endpoint_url, site.bucket.name);
    let mut public = 0;
    for key in site.bucket.keys().await {
        let answer = support::http_client::get(&url(&key)).await;
        let is_output =
            ["status/0-summary/", "status/0-badge/", "status/0-feed/"].iter().any(|one| key.starts_with(one));
        assert_eq!(answer.status, if is_output { 200 } else { 403 }, "{key}");
        public += usize::from(is_output);
    }
    assert!(public >= 20, "{public}");
    assert_eq!(support::http_client::get(&url("?list-type=2&prefix=status/0-feed/")).await.status, 403);
    let doctor = site.checker.call(&["doctor", "-c", "with-check.json"]).await;
    let finding =
        "everyone can read summaries, badges, feeds, the calendar and the Statuspage API; histories are private";
    assert!(doctor.stdout.contains(finding), "{}", doctor.output());
    // The page links what everyone can read.
    let outputs = page_outputs(&site).expect("the page links the outputs");
    assert_eq!(outputs, url("status/0-feed/eu-west/"));
    for path in ["feed.atom", "feed.rss", "feed.json", "maintenance.ics", "endpoint/Shop.atom"] {
        assert_eq!(support::http_client::get(&format!("{outputs}{path}")).await.status, 200, "{path}");
    }
    let doctor = site.checker.call(&["doctor", "--page", "config.json", "--origin", ORIGIN]).await;
    assert!(doctor.stdout.contains(&format!("visitors can read the feeds at `{outputs}`")), "{}", doctor.output());
    assert!(site.provision(&words).await.stdout.contains("Nothing to do"));
    // Without the flag, nothing that is public becomes private, and `deprovision` removes it.
    let gone = site.deprovision(&["--yes"], "").await;
    assert_eq!(gone.code, 0, "{}", gone.output());
    assert_eq!(support::http_client::get(&url("status/0-feed/eu-west/feed.atom")).await.status, 403);
    let doctor = site.checker.call(&["doctor", "--page", "config.json", "--origin", ORIGIN]).await;
    assert!(!doctor.stdout.contains("visitors can read the feeds"), "{}", doctor.output());
}

/// Returns the URL of the folder with the outputs, as the page reads it.
fn page_outputs(site: &TestSite) -> Option<String> {
    let page = PageConfig::parse(&site.file("config.json")).expect("the page can read it");
    assert_eq!(page.skipped, Vec::<String>::new());
    page.outputs
}

#[tokio::test]
async fn an_existing_page_links_outputs_once_everyone_can_read_them() {
    let site = TestSite::new().await;
    let words = ["--origin", ORIGIN, "--writer", "eu-west"];
    assert_eq!(site.provision(&words).await.code, 0);
    assert_eq!(page_outputs(&site), None);
    let id = || site.reader().map(|key| key.id);
    let (keys, edited) = (id(), site.file("config.json").replace("\"Status\"", "\"Our   status\""));
    site.checker.write("config.json", &edited);
    let public = [&words[..], &["--public-outputs", "--rotate"]].concat();
    let run = site.provision(&public).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let outputs = format!("{}/{}/status/0-feed/eu-west/", site.endpoint_url, site.bucket.name);
    assert_eq!(page_outputs(&site), Some(outputs.clone()));
    assert!(run.stdout.contains(&outputs), "the printed file is the new one: {}", run.stdout);
    assert!(site.file("config.json").contains("\"Our   status\"") && id() != keys);
    assert_eq!(site.steps_left(&public[..5]).await, Vec::<String>::new());
    // The operator's own URL is kept.
    let moved = site.file("config.json").replace(&outputs, "https://feeds.example/");
    site.checker.write("config.json", &moved);
    assert_eq!(site.steps_left(&public[..5]).await, Vec::<String>::new());
}

#[tokio::test]
async fn only_created_resources_are_removed_and_data_is_kept() {
    let site = TestSite::new().await;
    assert_eq!(site.provision(&EVERYTHING).await.code, 0);
    // Another page in the same bucket is not affected.
    let mut neighbor = TestSite::new().await;
    neighbor.bucket = Bucket::named(&site.bucket.name, "other/").await;
    let made = neighbor.provision(&["--origin", "https://other.example"]).await;
    assert_eq!(made.code, 0, "{}", made.output());
    let key = format!("status/{}", name(support::now(), "eu-west"));
    site.bucket.put(&key, "[]").await;

    let run = site.deprovision(&["--yes"], "").await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!(ministack::users(&format!("{}+status", site.bucket.name)).await, Vec::<String>::new());
    assert_eq!(ministack::users(&format!("{}+other", site.bucket.name)).await.len(), 1);
    assert_eq!(neighbor.steps_left(&["--origin", "https://other.example"]).await, Vec::<String>::new());
    assert_eq!(site.bucket.keys().await, [key]);
    let again = site.deprovision(&["--yes"], "").await;
    assert!(again.code == 0 && again.stdout.contains("nothing created by `provision` was found"), "{}", again.output());
}

#[tokio::test]
async fn ten_thousand_objects_are_deleted_after_the_name_is_typed() {
    const COUNT: i64 = 10_000;
    let foreign = [
        "status/index.html",
        "status/1-report.pdf",
        "status/history/notes.txt",
        "1495330254340493978-eu-check.json",
        "a.txt",
    ];
    let ours = (0..COUNT).map(|number| format!("status/{}", name(1_495_330_254_340_493_978 + number, "eu-west")));
    let ours = ours.chain(["status/history/eu-west.json".to_owned()]);
    // All of these objects are available at once when a separate server starts with them.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bucket = folder.path().join(ACCOUNT).join("site-full");
    std::fs::create_dir_all(bucket.join("status/history")).expect("the folder can be created");
    for key in ours.chain(foreign.map(str::to_owned)) {
        std::fs::write(bucket.join(key), "[]").expect("the file can be written");
    }
    let (server, administrator) = MiniStack::with_buckets(folder.path()).await;
    let mut site = TestSite::at(&server.url).await;
    site.bucket = Bucket::at(&server.url, &administrator, "site-full", "status/");
    site.act_as(administrator);
    let provisioned = site.provision(&["--origin", ORIGIN]).await;
    assert_eq!(provisioned.code, 0, "{}", provisioned.output());

    for typed in ["", "yes\n", "site\n"] {
        let refused = site.deprovision(&["--delete-data", "--yes"], typed).await;
        assert_eq!(refused.code, 2, "{}", refused.output());
        assert!(refused.stderr.contains("was not typed"), "{}", refused.stderr);
    }
    let run = site.deprovision(&["--delete-data"], &format!("{}\n", site.bucket.name)).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stderr.contains("10001 objects") && run.stderr.contains("5000 of 10001"), "{}", run.stderr);
    let mut kept = foreign.map(str::to_owned);
    kept.sort();
    assert_eq!(site.bucket.keys().await, kept);
    assert!(run.stdout.contains("The bucket is kept: it contains 5 other objects"), "{}", run.stdout);
}

#[tokio::test]
async fn a_bucket_that_becomes_empty_is_deleted() {
    let site = TestSite::new().await;
    assert_eq!(site.provision(&["--origin", ORIGIN]).await.code, 0);
    site.bucket.put(&format!("status/{}", name(1_495_330_254_340_493_978, "eu-west")), "[]").await;
    let run = site.deprovision(&["--delete-data"], &format!("{}\n", site.bucket.name)).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(!site.bucket.exists().await);
}

#[tokio::test]
async fn bucket_and_credentials_can_come_from_a_configuration() {
    let site = TestSite::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &site.bucket.storage());
    config["checkers"][0]["headers"] = json!({ "Authorization": "Bearer ${SHOP_TOKEN:-none}" });
    config["storage"]["check_expiry"] = json!("7d");
    config["deny_private_addresses"] = json!(true);
    config["online_check"] = json!(["192.0.2.1:443"]);
    config["page"] = json!({ "title": "The shop" });
    config["notifiers"] =
        json!([{ "type": "ntfy", "url": "${NTFY_TOPIC:-https://ntfy.example/topic}", "enabled": false }]);
    site.checker.configure(&config);
    let words = ["provision", "-c", "checker.json", "--yes", "--writer", "eu-west", "--origin", ORIGIN];
    let run = site.checker.call(&words).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let written: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    assert_eq!(
        written["checkers"][0]["headers"]["Authorization"], "Bearer ${SHOP_TOKEN:-none}",
        "variables are not expanded"
    );
    for key in ["deny_private_addresses", "online_check", "notifiers"] {
        assert_eq!(written[key], config[key], "restrictions and notifications also apply to the writers");
    }
    assert_eq!((&written["storage"]["check_expiry"], &written["node"]), (&json!("7d"), &json!("eu-west")));
    assert_ne!(
        written["storage"]["access_key_id"],
        json!(site.bucket.writer.id),
        "the writer does not get the administrator's key"
    );
    assert!(site.file("config.json").contains("The shop"));
    let round = site.checker.call(&["run", "-c", "checker-eu-west.json"]).await;
    assert_eq!(round.code, 0, "{}", round.output());
}

#[tokio::test]
async fn other_cors_rules_are_kept() {
    let site = TestSite::new().await;
    let bucket = &site.bucket;
    bucket.create_as(&bucket.writer).await;
    let client = bucket::client(&bucket.writer);
    let rule = aws_sdk_s3::types::CorsRule::builder().allowed_methods("PUT").allowed_origins("https://upload.example");
    let rules = aws_sdk_s3::types::CorsConfiguration::builder().cors_rules(rule.build().unwrap()).build().unwrap();
    client.put_bucket_cors().bucket(&bucket.name).cors_configuration(rules).send().await.expect("CORS is set");
    let run = site.provision(&["--origin", ORIGIN]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let origins = async || {
        let rules = client.get_bucket_cors().bucket(&bucket.name).send().await.expect("there are rules");
        rules.cors_rules().iter().flat_map(|rule| rule.allowed_origins().to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(origins().await, ["https://upload.example", ORIGIN]);
    assert_eq!(site.deprovision(&["--yes"], "").await.code, 0);
    assert_eq!(origins().await, ["https://upload.example"]);
}

/// All files in a folder, recursively.
fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries =
        std::fs::read_dir(folder).expect("the folder exists").map(|entry| entry.expect("it can be read").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn secrets_are_only_in_the_writers_file() {
    let site = TestSite::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut runs = vec![site.provision(&EVERYTHING).await];
    let mut secrets = vec![site.bucket.writer.secret.clone(), site.writer("eu-west").unwrap().secret];
    let mut config: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    config["checkers"] = json!([check("Shop", &ok.url)]);
    config["spool_dir"] = json!("spool");
    site.checker.write("checker-eu-west.json", &config.to_string());
    for words in [
        vec!["run", "-c", "checker-eu-west.json", "--message", "Hello"],
        vec!["doctor", "-c", "checker-eu-west.json", "--page", "config.json", "--origin", ORIGIN],
        vec!["doctor", "-c", "checker-eu-west.json", "--format", "json"],
        vec!["validate", "-c", "checker-eu-west.json"],
    ] {
        let verbose = |command: &mut std::process::Command| {
            command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        };
        runs.push(site.checker.call_with(&words, verbose).await);
    }
    runs.push(site.provision(&[&["--rotate"], EVERYTHING.as_slice()].concat()).await);
    secrets.push(site.writer("eu-west").unwrap().secret);
    runs.push(site.call("provision", &[&["--dry-run", "--rotate"], EVERYTHING.as_slice()].concat(), "").await);
    assert!(runs.iter().all(|run| run.code == 0), "{runs:?}");
    // Commands that fail or are refused do not reveal more than those that succeed.
    runs.push(site.provision(&[&["--out", "elsewhere"], EVERYTHING.as_slice()].concat()).await);
    let broken = site.file("checker-eu-west.json").replace("\"node\"", "\"nod\"");
    site.checker.write("checker-broken.json", &broken);
    runs.push(site.checker.call(&["doctor", "-c", "checker-broken.json"]).await);

    for key in site.bucket.keys().await {
        let content = site.bucket.get(&key).await;
        assert!(secrets.iter().all(|secret| !content.contains(secret)), "{key}");
    }
    runs.push(site.deprovision(&["--yes"], "").await);
    for run in runs {
        assert!(secrets.iter().all(|secret| !run.output().contains(secret)), "{}", run.output());
    }
    let files = files_below(site.checker.folder.path()).into_iter();
    let files: Vec<_> = files.filter(|path| !path.to_string_lossy().contains("checker-")).collect();
    assert!(files.iter().any(|path| path.ends_with("config.json")), "{files:?}");
    for path in files {
        let content = std::fs::read(&path).expect("the file can be read");
        let content = String::from_utf8_lossy(&content);
        assert!(secrets.iter().all(|secret| !content.contains(secret)), "{}", path.display());
    }
}
