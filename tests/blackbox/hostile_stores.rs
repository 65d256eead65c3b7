//! Stores that are slow, endless, huge or full of traps: every operation ends, nothing is lost, nothing outside the
//! store is accessed, and skipped objects are reported by name.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use shared::check_file::CheckFile;
use shared::object_name::{CheckFileName, NodeName};
use support::browser::Browser;
use support::bucket::Bucket;
use support::caddy::Caddy;
use support::certificates::{Authority, Validity};
use support::checker::{Checker, Run, check_files, results};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::fault_proxy::{FaultProxy, StoreFault};
use support::http_client;
use support::page;
use support::{ministack, now, wait_for};

use crate::hostile_visitors::peak_memory;
use crate::storage::{folder_with_rounds, spool_folders, spooled, storage_with};

/// The maximum memory of a command, in KiB: its typical usage (44,000), plus a history of 64 MiB that is decompressed
/// until it exceeds its limit, plus a check file of 8 MiB that is read at the same time, plus the buffers for reading.
const MEMORY_LIMIT: u64 = 110_000;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

pub(crate) fn name(stored_at: i64, node: &str) -> String {
    CheckFileName { stored_at, node: NodeName::new(node).ok() }.to_string()
}

fn is_history(request: &str) -> bool {
    request.starts_with("GET ") && request.contains("/history/") && !request.contains("list-type")
}

/// Sends a body at two bytes per second.
fn at_two_bytes_a_second(request: &str, _: usize) -> Option<StoreFault> {
    is_history(request).then_some(StoreFault::Trickle(1, Duration::from_millis(500)))
}

/// Runs a command, and returns its result and its peak memory, in KB.
pub(crate) async fn measured(checker: &Checker, words: &[&str]) -> (Run, u64) {
    let script = "import resource, subprocess, sys\n\
                  code = subprocess.call(sys.argv[1:])\n\
                  print('\\nmaxrss', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n\
                  sys.exit(code)";
    let run = checker.call_by(&["python3", "-c", script].map(ToString::to_string), words).await;
    let memory = run.stderr.lines().find_map(|line| line.strip_prefix("maxrss ")?.parse().ok());
    (run, memory.expect("it was measured"))
}

/// A bucket that contains the history of one round, behind a proxy, and a checker that uses it.
async fn behind_proxy(
    rule: impl Fn(&str, usize) -> Option<StoreFault> + Send + Sync + 'static,
) -> (Bucket, FaultProxy, Endpoint, Checker) {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let proxy = FaultProxy::start(&ministack::server().url, |_, _| None).await;
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage));
    assert_eq!(checker.run(&[]).await.code, 0);
    proxy.follow(rule);
    (bucket, proxy, ok, checker)
}

#[tokio::test]
async fn a_history_that_trickles_does_not_delay_rounds() {
    let (bucket, proxy, ok, checker) = behind_proxy(at_two_bytes_a_second).await;
    let before = ok.requests().len();
    let running = checker.start(&["run", "-c", "checker.json", "--every", "1s"]);
    wait_for("rounds in the bucket while the history is read", || async {
        let is_trickling = proxy.requests().iter().any(|request| is_history(request));
        (is_trickling && bucket.check_files().await.len() >= 4).then_some(())
    })
    .await;
    // Dropping the program kills it without warning.
    let made = ok.requests().len() - before;
    drop(running);
    let kept: usize = spool_folders(&checker)
        .iter()
        .flat_map(|folder| check_files(folder).into_iter().map(|name| results(folder, &name).len()))
        .sum();
    let stored = bucket.all_results().await.len() - 1;
    // Only the round that was being stored can be missing from both the bucket and the spool.
    assert!(stored + kept + 1 >= made, "{stored} stored and {kept} kept of {made}");
}

#[tokio::test]
async fn a_history_that_trickles_ends_a_single_round_in_time() {
    let (bucket, _proxy, _ok, checker) = behind_proxy(at_two_bytes_a_second).await;
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "the round is stored: {}", run.output());
    assert!(run.stderr.contains("history not updated: "), "{}", run.stderr);
    assert!(run.stderr.contains("too slowly: less than 4 KiB in 5 s"), "{}", run.stderr);
    assert_eq!(bucket.check_files().await.len(), 2);
}

#[tokio::test]
async fn a_shutdown_ends_a_hanging_history_update() {
    let rule = |request: &str, _: usize| is_history(request).then_some(StoreFault::Delay(Duration::from_hours(1)));
    let (_bucket, proxy, _ok, checker) = behind_proxy(rule).await;
    let before = proxy.requests().len();
    let mut running = checker.start(&["run", "-c", "checker.json", "--every", "1s"]);
    wait_for("the history to be read", || async {
        proxy.requests().iter().skip(before).any(|request| is_history(request)).then_some(())
    })
    .await;
    running.signal("TERM");
    running.wait().await;
    let output = running.output();
    let warning = output.lines().find(|line| line.contains("history not updated: the bucket `")).unwrap_or_default();
    assert!(warning.contains("did not respond within 1 s after the shutdown request"), "{output}");
}

/// The secret access key in [`storage_at`]'s configuration.
const SECRET: &str = "secretOfTheWriter4711";

/// Returns the `storage` configuration for a bucket at this address.
fn storage_at(url: &str) -> Value {
    json!({ "type": "s3", "bucket": "status", "region": "us-east-1", "endpoint_url": url, "path_style": true,
        "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET })
}

#[tokio::test]
async fn a_store_with_an_untrusted_certificate_receives_nothing() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let untrusted = Authority::new().server("127.0.0.1", Validity::Now);
    let store = Endpoint::start_tls(Behavior::ok(), untrusted).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage_at(&store.url)));
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("no secure connection could be established"), "{}", run.stderr);
    assert_eq!(store.requests(), [""; 0]);
    assert_eq!(spooled(&checker).len(), 1, "the round waits");
}

#[tokio::test]
async fn requests_to_a_store_do_not_contain_the_secret_key() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let store = Endpoint::start(Behavior::Answer("403 Forbidden", String::new())).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage_at(&store.url)));
    for words in [["run", "-c", "checker.json"], ["status", "-c", "checker.json"]] {
        let before = store.requests().len();
        assert_eq!(checker.call(&words).await.code, 2);
        let requests = store.requests().split_off(before);
        assert!(!requests.is_empty(), "{words:?}");
        for request in requests {
            assert!(request.contains("AWS4-HMAC-SHA256") && !request.contains(SECRET), "{request}");
        }
    }
}

/// A page of a listing that announces another page.
fn endless_page(keys: usize, token: &str) -> String {
    let key = |number: usize| name(1_795_330_254_340_493_978 + number as i64, "other");
    let keys: Vec<String> =
        (0..keys).map(|number| format!("<Contents><Key>status/{}</Key></Contents>", key(number))).collect();
    let keys = keys.concat();
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>\
         <NextContinuationToken>{token}</NextContinuationToken>{keys}</ListBucketResult>"
    )
}

#[tokio::test]
async fn an_endless_listing_is_reported() {
    let is_listing = |request: &str| request.contains("list-type=2");
    let (_bucket, proxy, _ok, checker) = behind_proxy(|_, _| None).await;
    proxy.follow(move |request, _| is_listing(request).then(|| StoreFault::Answer(endless_page(1, "again"))));
    let repeated = checker.call(&["status", "-c", "checker.json"]).await;
    proxy.follow(move |request, number| {
        is_listing(request).then(|| StoreFault::Answer(endless_page(2, &number.to_string())))
    });
    let same_keys = checker.call(&["status", "-c", "checker.json"]).await;
    for (run, what) in
        [(repeated, "continuation token of an earlier page"), (same_keys, "repeats the keys of an earlier page")]
    {
        assert_eq!(run.code, 2, "{}", run.output());
        assert!(run.stderr.contains("the listing never ends") && run.stderr.contains(what), "{}", run.stderr);
    }
}

/// A gigabyte of spaces, compressed. Debug builds take a while to compress it, so the tests share the result.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(&vec![b' '; 1 << 30]));

/// Returns a checker whose directory also contains huge objects from another node, and the names of that node's two
/// check files: one is a gigabyte long, and one contains millions of results. The directory also contains a history
/// that decompresses to a gigabyte.
async fn beside_huge_objects(endpoint: &Endpoint) -> (Checker, [String; 2]) {
    let checker = Checker::new(&watching(&[check("Shop", &endpoint.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let (sparse, many) = (name(now() - 3_000_000_000, "other"), name(now() - 2_000_000_000, "other"));
    let path = |name: &str| checker.path("checks").join(name);
    std::fs::File::create(path(&sparse)).and_then(|file| file.set_len(1 << 30)).expect("the file can be written");
    std::fs::write(path(&many), format!("[{}{{}}]", "{},".repeat(2_700_000))).expect("the file can be written");
    std::fs::write(path("history/bomb.json"), &*BOMB).expect("the file can be written");
    (checker, [sparse, many])
}

#[tokio::test]
async fn huge_objects_from_others_are_named_and_skipped() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let (checker, [sparse, many]) = beside_huge_objects(&ok).await;
    for words in [["status", "-c", "checker.json"], ["run", "-c", "checker.json"]] {
        let (run, memory) = measured(&checker, &words).await;
        assert_eq!(run.code, 0, "{}", run.output());
        assert!(memory < MEMORY_LIMIT, "{words:?} used {memory} KiB");
        if words[0] == "status" {
            for named in
                [&sparse, "limit of 32 MiB", &many, "more results than", "history/bomb.json", "limit of 64 MiB"]
            {
                assert!(run.stderr.contains(named), "`{named}` is not in:\n{}", run.stderr);
            }
            assert!(run.stdout.contains("Shop"), "{}", run.stdout);
        }
    }
}

#[tokio::test]
async fn invalid_results_in_a_readable_file_are_named() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let content = r#"[{"title":"Blog","endpoint":"https://blog.example/","healthy":true},{"title":1},5]"#;
    let file = name(now() - 3_000_000_000, "other");
    std::fs::write(checker.path("checks").join(&file), content).expect("the file can be written");
    let status = checker.call(&["status", "-c", "checker.json"]).await;
    let warning =
        format!("skipped 2 invalid results in the check file `{file}`, the first at index 1: `title` must be");
    assert!(status.stderr.contains(&warning), "{}", status.stderr);
    assert!(status.stdout.contains("Blog"), "{}", status.stdout);
}

#[tokio::test]
async fn huge_objects_from_others_use_little_memory_of_serve() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let (checker, [sparse, many]) = beside_huge_objects(&ok).await;
    let other = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let normal = peak_memory(&other.serve(&[]).await);
    let served = checker.serve(&[]).await;
    for name in ["index.json?with=results", "history/index.json", "history/bomb.json", &sparse, &many] {
        http_client::get(&format!("{}store/{name}", served.url)).await;
    }
    let memory = peak_memory(&served);
    assert!(memory < normal + (64 << 10), "{memory} kB, and usually {normal} kB");
    let list = http_client::get(&format!("{}store/index.json?with=results", served.url)).await;
    assert!(list.status == 200 && list.text().contains("\"title\":\"Shop\""), "{}", list.status);
}

#[tokio::test]
async fn links_in_a_directory_store_are_not_followed() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    (config["node"], config["every"]) = (json!("checker"), json!("1s"));
    let checker = Checker::new(&config);
    std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
    symlink("..", checker.path("checks/0-summary")).expect("the link can be created");
    let before = std::fs::read(checker.path("checker.json")).expect("it exists");
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stderr.contains("`0-summary` is a symbolic link"), "{}", run.stderr);
    let served = checker.serve(&[]).await;
    let response = http_client::get(&format!("{}store/0-summary/checker.json", served.url)).await;
    assert!(response.status >= 400 && !response.text().contains("checkers"), "{}", response.text());
    drop(served);
    assert_eq!(std::fs::read(checker.path("checker.json")).expect("it exists"), before, "it was not overwritten");
}

#[tokio::test]
async fn a_round_waits_while_another_program_holds_the_lock() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    // Permission to read the file is enough to lock it.
    let lock = std::fs::File::open(checker.path("checks/.index.lock")).expect("it is there");
    lock.lock().expect("it is free");
    let (run, doctor) = tokio::join!(checker.run(&[]), checker.call(&["doctor", "-c", "checker.json"]));
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("another program holds the lock"), "{}", run.stderr);
    assert!(doctor.output().contains("another program holds the lock"), "{}", doctor.output());
    assert_eq!((checker.check_files("checks").len(), spooled(&checker).len()), (1, 1));
    drop(lock);
    assert_eq!(checker.run(&[]).await.code, 0);
    assert_eq!((checker.check_files("checks").len(), spooled(&checker).len()), (3, 0));
}

#[tokio::test]
async fn the_spool_sends_only_rounds_of_this_checker() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &json!({ "type": "fs", "dir": "mount/checks" })));
    checker.write("mount", "no directory");
    assert_eq!(checker.run(&[]).await.code, 2);
    let waiting = spooled(&checker);
    let folder = folder_with_rounds(&checker);
    let (link, broken) = (name(now() - 2, "test-node"), name(now() - 1, "test-node"));
    let other = name(now() - 3, "other-node");
    std::fs::copy(folder.join(&waiting[0]), folder.join(&other)).expect("it can be copied");
    symlink(checker.path("checker.json"), folder.join(&link)).expect("the link can be created");
    std::fs::write(folder.join(&broken), "[{\"title\":").expect("the file can be written");
    std::fs::remove_file(checker.path("mount")).expect("it exists");
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!(spooled(&checker).iter().filter(|name| name.contains("other-node")).count(), 1, "{}", run.output());
    for named in [
        &link,
        "it is not a regular file",
        &broken,
        "invalid check file",
        "refused",
        "1 round of the node `other-node`",
    ] {
        assert!(run.stderr.contains(named), "`{named}` is not in:\n{}", run.stderr);
    }
    let stored: Vec<String> = checker.check_files("mount/checks").iter().map(ToString::to_string).collect();
    assert_eq!((stored.len(), &stored[..1]), (2, &waiting[..]));
    for name in &stored {
        let content = std::fs::read(checker.path("mount/checks").join(name)).expect("it exists");
        assert_eq!(CheckFile::parse(&content).expect("it is a round").results.len(), 1);
    }
}

#[tokio::test]
async fn missing_objects_that_are_denied_are_treated_as_missing() {
    let bucket = Bucket::new().await;
    let ok = Endpoint::start(Behavior::ok()).await;
    let is_object = |request: &str| request.starts_with("GET ") && !request.contains("list-type");
    let proxy = FaultProxy::start(&ministack::server().url, move |request, _| {
        is_object(request).then_some(StoreFault::DenyMissing)
    })
    .await;
    let storage = storage_with(&bucket, json!({ "endpoint_url": proxy.url }));
    let job = json!({ "type": "heartbeat", "endpoint_name": "Backup", "job": "backup", "interval": "10m" });
    let checker = Checker::new(&watching(&[check("Shop", &ok.url), job], &storage));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.output());
    let statuses: Vec<&str> = run.results().iter().map(|result| result.status.as_str()).collect();
    assert_eq!(statuses, ["healthy", "down"], "a job that never reported is down: {}", run.output());
    assert!(bucket.keys().await.contains(&"status/history/test-node.json".to_owned()));
    let rebuilt = checker.call(&["history", "rebuild", "-c", "checker.json"]).await;
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.output());
}

#[tokio::test]
async fn compressed_histories_are_recognized_without_their_header() {
    let (bucket, proxy, _ok, checker) =
        behind_proxy(|request, _| is_history(request).then_some(StoreFault::HideEncoding)).await;
    let from_bucket = checker.call(&["status", "-c", "checker.json"]).await;
    assert_eq!((from_bucket.code, from_bucket.stderr.as_str()), (0, ""), "{}", from_bucket.output());
    // A directory store with copies of the bucket's objects.
    let copy = Checker::new(&watching(&[check("Shop", "http://127.0.0.1:9/")], &directory()));
    std::fs::create_dir_all(copy.path("checks/history")).expect("the folder can be created");
    for key in bucket.keys().await.iter().filter(|key| !key.contains("/0-")) {
        let content = bucket.get(key).await.into_bytes();
        let content = if key.contains("/history/") { gzip(&content) } else { content };
        let target = copy.path("checks").join(key.trim_start_matches("status/"));
        std::fs::write(target, content).expect("the file can be written");
    }
    let of_copy = copy.call(&["status", "-c", "checker.json"]).await;
    assert_eq!((of_copy.code, of_copy.stderr.as_str()), (0, ""), "{}", of_copy.output());
    assert!(of_copy.stdout.contains("Shop"), "{}", of_copy.output());
    // Delete the check files so that the page can load only histories.
    for file in bucket.check_files().await {
        let deletion = bucket.client_with(&bucket.writer).delete_object().bucket(&bucket.name);
        deletion.key(format!("{}{file}", bucket.prefix)).send().await.expect("the file can be deleted");
    }
    let (browser, caddy) = (Browser::open().await, Caddy::start(&proxy.url).await);
    let proxied = Bucket::at(&proxy.url, &bucket.writer, &bucket.name, &bucket.prefix);
    caddy.configure(&proxied.page_config(Some(&ministack::reader(&bucket.name).await)).to_json());
    let shown = page::visit(&browser, &format!("{}?range=7d", caddy.url)).await;
    assert_eq!(shown.problems(), "");
    assert_eq!(shown.endpoints().len(), 1, "{}", shown.text_of("text"));
}

#[tokio::test]
async fn pipes_and_devices_are_neither_configurations_nor_certificates() {
    let checker = Checker::new(&json!({}));
    assert!(Command::new("mkfifo").arg(checker.path("pipe")).status().expect("mkfifo runs").success());
    for path in ["pipe", "/dev/zero", "."] {
        let run = checker.call(&["validate", "-c", path]).await;
        assert_eq!(run.code, 2, "{path}: {}", run.output());
        assert!(run.stderr.contains("not a regular file"), "{path}: {}", run.stderr);
    }
    for path in ["pipe", "/dev/zero"] {
        let mut secure = check("Shop", "https://127.0.0.1:9/");
        secure["tls_ca_file"] = json!(path);
        checker.configure(&json!({ "checkers": [secure] }));
        let run = checker.run(&["--format", "json"]).await;
        let results: Value = run.rounds()[0]["results"].clone();
        assert!(results.to_string().contains("not a regular file"), "{path}: {}", run.output());
    }
}
