//! Failures during provisioning: calls that fail once or permanently, missing permissions, and wrong addresses. The
//! final state is correct, no key is lost, and errors have a remedy.

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use support::endpoints::{Behavior, Endpoint, refused};
use support::faulty_proxy::{Fault, FaultyProxy, When};
use support::ministack::{self, AccessKey};
use support::test_site::TestSite;

const ARGUMENTS: [&str; 6] = ["--origin", "https://status.example", "--writer", "eu-west", "--lifecycle", "90d"];
const ROLES: [&str; 2] = ["reader", "writer_eu-west"];

/// A site behind a proxy that makes requests fail.
async fn site_behind_proxy() -> (TestSite, FaultyProxy) {
    let proxy = FaultyProxy::start(&ministack::server().url).await;
    (TestSite::at(&proxy.url).await, proxy)
}

/// Fails unless provisioning is complete: no steps are left, and each user has one key, which is in its file.
async fn assert_complete(site: &TestSite, what: &str) {
    assert_eq!(site.steps_left(&ARGUMENTS).await, Vec::<String>::new(), "{what}");
    let in_files = [site.reader(), site.writer("eu-west")];
    for (role, key) in ROLES.iter().zip(in_files) {
        let key = key.unwrap_or_else(|| panic!("{what}: the {role} has no key in its file"));
        assert_eq!(ministack::keys_of(&site.user(role)).await, [key.id], "{what}: {role}");
    }
    let left = std::fs::read_dir(site.checker.folder.path()).expect("the folder exists");
    let left = left.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned());
    let left: Vec<_> = left.filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, Vec::<String>::new(), "{what}: no temporary file is left");
}

/// Returns the requests that a successful run sends.
async fn requests_of_a_good_run() -> Vec<String> {
    let (site, proxy) = site_behind_proxy().await;
    let run = site.provision(&ARGUMENTS).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let requests = proxy.requests();
    assert_complete(&site, "a successful run").await;
    requests
}

async fn fails_once(number: usize, fault: Fault) {
    let (site, proxy) = site_behind_proxy().await;
    proxy.fail(When::Once(number, fault));
    let run = site.provision(&ARGUMENTS).await;
    let what = format!("{fault:?} at {number} of {:?}\n{}", proxy.requests(), run.output());
    proxy.fail(When::Never);
    if run.code != 0 {
        let again = site.provision(&ARGUMENTS).await;
        assert_eq!(again.code, 0, "{what}\nand then\n{}", again.output());
    }
    assert_complete(&site, &what).await;
}

async fn fails_for_good(number: usize, fault: Fault) {
    let (site, proxy) = site_behind_proxy().await;
    proxy.fail(When::From(number, fault));
    let run = site.provision(&ARGUMENTS).await;
    let what = format!("{fault:?} from {number} of {:?}\n{}", proxy.requests(), run.output());
    assert_eq!(run.code, 2, "{what}");
    assert!(run.stderr.contains("error: "), "{what}");
    let failed = proxy.requests().get(number - 1).cloned();
    proxy.fail(When::Never);
    let in_files: Vec<String> =
        [site.reader(), site.writer("eu-west")].into_iter().flatten().map(|key: AccessKey| key.id).collect();
    let mut orphans = Vec::new();
    for role in ROLES {
        let keys = ministack::keys_of(&site.user(role)).await;
        orphans.extend(keys.into_iter().filter(|key| !in_files.contains(key)));
    }
    // Keys are written to disk before the next call. So only a key whose response was lost can be missing from the
    // files.
    let is_lost = fault == Fault::AnswerLost && failed.as_deref() == Some("CreateAccessKey");
    assert_eq!(orphans.len(), usize::from(is_lost), "{what}");
    let again = site.provision(&ARGUMENTS).await;
    assert_eq!(again.code, 0, "{what}\nand then\n{}", again.output());
    for orphan in orphans {
        assert!(again.stdout.contains(&orphan), "{what}\n{orphan} is not named in\n{}", again.stdout);
    }
    // Keys that are in the files are never replaced.
    for key in in_files {
        let kept = [site.reader(), site.writer("eu-west")].into_iter().flatten().any(|there| there.id == key);
        assert!(kept, "{what}\n{key} was replaced");
    }
    assert_complete(&site, &what).await;
}

#[tokio::test]
async fn each_call_can_fail_once_before_or_after_it_is_handled() {
    let requests = requests_of_a_good_run().await;
    assert!(requests.len() >= 15, "{requests:?}");
    let numbers = (1..=requests.len()).flat_map(|number| [(number, Fault::Refused), (number, Fault::AnswerLost)]);
    let tries = numbers.map(|(number, fault)| fails_once(number, fault));
    stream::iter(tries).buffer_unordered(6).collect::<()>().await;
}

#[tokio::test]
async fn a_run_that_is_aborted_at_any_call_is_completed_by_the_next() {
    let requests = requests_of_a_good_run().await;
    let numbers = (1..=requests.len()).flat_map(|number| [(number, Fault::Unheard), (number, Fault::AnswerLost)]);
    let tries = numbers.map(|(number, fault)| fails_for_good(number, fault));
    stream::iter(tries).buffer_unordered(6).collect::<()>().await;
}

#[tokio::test]
async fn a_rotation_that_is_aborted_at_any_call_leaves_a_working_key() {
    let words = [&["--rotate"], ARGUMENTS.as_slice()].concat();
    let (site, proxy) = site_behind_proxy().await;
    assert_eq!(site.provision(&ARGUMENTS).await.code, 0);
    proxy.fail(When::Never);
    assert_eq!(site.provision(&words).await.code, 0);
    let count = proxy.requests().len();
    let words = &words;
    let tries = (1..=count).map(|number| async move {
        let (site, proxy) = site_behind_proxy().await;
        assert_eq!(site.provision(&ARGUMENTS).await.code, 0);
        proxy.fail(When::From(number, Fault::AnswerLost));
        let run = site.provision(words).await;
        let what = format!("from {number} of {:?}\n{}", proxy.requests(), run.output());
        proxy.fail(When::Never);
        for (role, key) in ROLES.iter().zip([site.reader(), site.writer("eu-west")]) {
            let keys = ministack::keys_of(&site.user(role)).await;
            assert!(keys.len() <= 2, "{what}");
            assert!(keys.contains(&key.expect("there is a key").id), "the key in the file works: {what}");
        }
        let again = site.provision(words).await;
        assert_eq!(again.code, 0, "{what}\nand then\n{}", again.output());
        assert_complete(&site, &what).await;
    });
    stream::iter(tries).buffer_unordered(6).collect::<()>().await;
}

#[tokio::test]
async fn a_removal_that_is_aborted_at_any_call_is_completed_by_the_next() {
    let (site, proxy) = site_behind_proxy().await;
    assert_eq!(site.provision(&ARGUMENTS).await.code, 0);
    proxy.fail(When::Never);
    assert_eq!(site.deprovision(&["--yes"], "").await.code, 0);
    let count = proxy.requests().len();
    let tries = (1..=count).map(|number| async move {
        let (site, proxy) = site_behind_proxy().await;
        assert_eq!(site.provision(&ARGUMENTS).await.code, 0);
        proxy.fail(When::From(number, Fault::AnswerLost));
        let run = site.deprovision(&["--yes"], "").await;
        proxy.fail(When::Never);
        let again = site.deprovision(&["--yes"], "").await;
        assert_eq!(again.code, 0, "{}\nand then\n{}", run.output(), again.output());
        assert_eq!(ministack::users(&format!("{}+", site.bucket.name)).await, Vec::<String>::new());
    });
    stream::iter(tries).buffer_unordered(6).collect::<()>().await;
}

/// Creates an administrator with all permissions except these, and returns the administrator's key.
async fn may_all_except(name: &str, actions: &[&str]) -> AccessKey {
    let rights = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": actions, "Resource": "*" },
    ] });
    ministack::user(name, &rights).await
}

#[tokio::test]
async fn a_missing_permission_is_named_with_the_statement_that_grants_it() {
    for (index, action) in [
        "s3:CreateBucket",
        "s3:PutBucketCORS",
        "s3:GetBucketCORS",
        "s3:PutLifecycleConfiguration",
        "iam:GetUser",
        "iam:CreateUser",
        "iam:PutUserPolicy",
        "iam:CreateAccessKey",
    ]
    .into_iter()
    .enumerate()
    {
        let mut site = TestSite::new().await;
        if action == "s3:GetBucketCORS" {
            assert_eq!(site.provision(&["--writer", "us"]).await.code, 0, "the bucket exists");
        }
        site.act_as(may_all_except(&format!("limited-{index}"), &[action]).await);
        let run = site.provision(&ARGUMENTS).await;
        assert_eq!(run.code, 2, "{action}: {}", run.output());
        for word in [action, "access is denied", "\"Effect\":\"Allow\"", "this statement allows it"] {
            assert!(run.stderr.contains(word), "{action}: `{word}` is not in\n{}", run.stderr);
        }
        site.act_as(ministack::admin().await);
        assert_eq!(site.provision(&ARGUMENTS).await.code, 0, "{action}: the same command continues");
        assert_eq!(site.steps_left(&ARGUMENTS).await, Vec::<String>::new(), "{action}");
    }
}

#[tokio::test]
async fn a_wrong_address_is_reported_in_one_sentence() {
    let page =
        Endpoint::start(Behavior::Answer("404 Not Found", "<!doctype html><h1>Nothing here</h1>".to_owned())).await;
    let proxy =
        Endpoint::start(Behavior::Answer("407 Proxy Authentication Required", "<html>Who are you?".to_owned())).await;
    let (page, proxy, refused_url) = (page.url.clone(), proxy.url.clone(), refused());
    for (arguments, words) in [
        (vec!["--bucket", "My_Bucket"], vec!["My_Bucket", "lowercase letters"]),
        (vec!["--bucket", "ab"], vec!["`ab`", "3 to 63"]),
        (vec!["--bucket", "my-status", "--prefix", "/status"], vec!["/status", "prefix"]),
        (vec!["--bucket", "my-status", "--prefix", "st*/"], vec!["st*/", "without `*`"]),
        (
            vec!["--bucket", "my-status", "--origin", "https://a.example/page"],
            vec!["https://a.example/page", "without a path"],
        ),
        (vec!["--bucket", "my-status", "--lifecycle", "36h"], vec!["whole number of days"]),
        (vec!["--bucket", "my-status", "--endpoint-url", "not a url"], vec!["not a url", "--endpoint-url"]),
        (vec!["--bucket", "my-status", "--endpoint-url", &refused_url], vec!["refused", "endpoint_url"]),
        (vec!["--bucket", "my-status", "--endpoint-url", &page], vec!["not from an S3 service", "endpoint_url"]),
        (vec!["--bucket", "my-status", "--endpoint-url", &proxy], vec!["not from an S3 service", "proxy"]),
        (vec![], vec!["--bucket", "-c FILE"]),
    ] {
        let site = TestSite::new().await;
        let command = [&["provision", "--yes", "--path-style"], arguments.as_slice()].concat();
        let run = site
            .checker
            .call_with(&command, |command| {
                command
                    .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
                    .env("AWS_SECRET_ACCESS_KEY", "canary-of-the-secret");
            })
            .await;
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.output());
        for word in words {
            assert!(run.stderr.contains(word), "{arguments:?}: `{word}` is not in\n{}", run.stderr);
        }
        assert_eq!(run.stderr.trim().lines().count(), 1, "{arguments:?}: one sentence:\n{}", run.stderr);
        assert!(!run.output().contains("canary"), "{}", run.output());
    }
}

#[tokio::test]
async fn a_bucket_in_another_account_or_region_is_refused() {
    // This server treats a twelve-digit access key ID as the ID of another account.
    let stranger = AccessKey { id: "222222222222".to_owned(), secret: "x".to_owned() };
    let site = TestSite::new().await;
    site.bucket.create_as(&stranger).await;
    let run = site.provision(&ARGUMENTS).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("another account") && run.stderr.contains("choose another"), "{}", run.stderr);

    let site = TestSite::new().await;
    assert_eq!(site.provision(&ARGUMENTS).await.code, 0);
    let key = ministack::admin().await;
    let words = ["provision", "--yes", "--path-style", "--bucket", &site.bucket.name, "--region", "us-west-2"];
    let words = [&words, ["--endpoint-url", site.endpoint_url.as_str(), "--out", "b"].as_slice()].concat();
    let prepare = |command: &mut std::process::Command| {
        command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    };
    let run = site.checker.call_with(&words, prepare).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("another region") && run.stderr.contains("`region`"), "{}", run.stderr);
}

#[tokio::test]
async fn without_an_iam_api_the_required_permissions_are_printed() {
    let only_s3 = FaultyProxy::without_iam(&ministack::server().url).await;
    let site = TestSite::at(&only_s3.url).await;
    let run = site.provision(&ARGUMENTS).await;
    assert_eq!(run.code, 1, "{}", run.output());
    for word in ["no IAM API", "manual step", "s3:GetObject", "eu-west-check.json"] {
        assert!(run.stdout.contains(word), "`{word}` is not in\n{}", run.stdout);
    }
    assert!(site.bucket.exists().await);
    assert!(site.file("config.json").contains("put the reader's key here"), "{}", site.file("config.json"));
    assert!(site.file("checker-eu-west.json").contains("${CHECKUP_SECRET_ACCESS_KEY}"));
    let again = site.provision(&ARGUMENTS).await;
    assert!(again.code == 1 && again.stdout.contains("Nothing to do"), "{}", again.output());
}

#[tokio::test]
async fn an_unwritable_folder_is_detected_before_a_key_is_created() {
    let site = TestSite::new().await;
    site.checker.write("file", "in the way");
    let run = site.provision(&[&["--out", "file/below"], ARGUMENTS.as_slice()].concat()).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("file/below"), "{}", run.stderr);
    assert_eq!(ministack::keys_of(&site.user("reader")).await, Vec::<String>::new());
}
