//! Provisioning, checks, the page, the doctor and deprovisioning on two very different real servers: MiniStack and
//! `SeaweedFS`. The same table of permissions of readers, writers and authors applies to both.

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};
use shared::object_name::{CheckFileName, NodeName};
use support::browser::Browser;
use support::bucket::Bucket;
use support::caddy::Caddy;
use support::checker::Run;
use support::configuration::check;
use support::endpoints::{Behavior, Endpoint};
use support::ministack::AccessKey;
use support::page;
use support::s3_server::S3Server;
use support::test_site::TestSite;

const ORIGIN: &str = "https://status.example";
const ARGUMENTS: [&str; 6] = ["--origin", ORIGIN, "--writer", "eu-west", "--check-expiry", "30d"];

fn file(node: &str) -> String {
    let node = Some(NodeName::new(node).expect("it is a name"));
    format!("status/{}", CheckFileName { stored_at: 1_495_330_254_340_493_978, node })
}

async fn provisioned(server: S3Server) -> TestSite {
    let site = TestSite::on(server).await;
    let run = site.provision(&ARGUMENTS).await;
    assert_eq!(run.code, 0, "{server:?}: {}", run.output());
    site
}

/// Stores a round with the writer's configuration file, and returns the outcome of the command.
async fn round(site: &TestSite) -> Run {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    config["checkers"] = json!([check("Shop", &ok.url)]);
    config["spool_dir"] = json!(site.checker.spool());
    site.checker.write("with-check.json", &config.to_string());
    site.checker.call(&["run", "-c", "with-check.json"]).await
}

#[tokio::test]
async fn all_commands_can_be_repeated_on_both_servers() {
    for server in S3Server::ALL {
        let site = provisioned(server).await;
        let again = site.provision(&ARGUMENTS).await;
        assert!(again.code == 0 && again.stdout.contains("Nothing to do"), "{server:?}: {}", again.output());

        let more = [ARGUMENTS.as_slice(), &["--writer", "us"]].concat();
        let added = site.provision(&more).await;
        assert_eq!(added.code, 0, "{server:?}: {}", added.output());
        assert!(site.writer("us").is_some(), "{server:?}");

        let old = site.reader().expect("there are keys");
        let rotated = site.provision(&[&["--rotate"], more.as_slice()].concat()).await;
        assert_eq!(rotated.code, 0, "{server:?}: {}", rotated.output());
        let new = site.reader().expect("there are keys");
        assert_eq!(server.keys_of(&site.user("reader")).await, std::slice::from_ref(&new.id), "{server:?}");
        assert!(rotated.stdout.contains("The service refuses the key"), "{server:?}: {}", rotated.stdout);
        assert!(rotated.stdout.contains(&old.id), "{server:?}: {}", rotated.stdout);

        let stored = round(&site).await;
        assert_eq!(stored.code, 0, "{server:?}: {}", stored.output());
        assert_eq!(site.bucket.check_files().await.len(), 1, "{server:?}");
    }
}

#[tokio::test]
async fn an_interrupted_run_is_continued_on_both_servers() {
    for server in S3Server::ALL {
        let site = TestSite::on(server).await;
        let iam = server.iam(&server.admin().await);
        // Imitates a run that was interrupted after creating the user. SeaweedFS drops the user's path, so only the
        // marker file proves that provisioning created the user.
        let user = site.user("reader");
        let path = format!("/checkup/{}/status/", site.bucket.name);
        iam.create_user().user_name(&user).path(path).send().await.expect("the user is created");
        let marker = json!({ "user": user, "keys_before": [] }).to_string();
        site.checker.write(&format!(".{user}.key-in-the-making"), &marker);
        let run = site.provision(&ARGUMENTS).await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        assert_eq!(server.keys_of(&user).await.len(), 1, "{server:?}");
    }
}

#[tokio::test]
async fn a_foreign_user_is_kept_on_both_servers() {
    for server in S3Server::ALL {
        let site = TestSite::on(server).await;
        let iam = server.iam(&server.admin().await);
        let user = site.user("reader");
        iam.create_user().user_name(&user).send().await.expect("the user is created");
        let run = site.provision(&ARGUMENTS).await;
        assert_eq!(run.code, 2, "{server:?}: {}", run.output());
        assert!(run.stderr.contains(&user) && run.stderr.contains("nothing shows"), "{server:?}: {}", run.stderr);
        let gone = site.deprovision(&["--yes"], "").await;
        assert_eq!(gone.code, 1, "{server:?}: {}", gone.output());
        assert!(gone.stdout.contains(&format!("delete the user `{user}` if it is not in use")), "{}", gone.stdout);
        assert_eq!(server.users(&user).await, [user], "{server:?}");
    }
}

#[tokio::test]
async fn removed_keys_are_proven_to_be_refused_on_both_servers() {
    for server in S3Server::ALL {
        let site = provisioned(server).await;
        let (reader, writer) =
            (site.reader().expect("there are keys"), site.writer("eu-west").expect("there are keys"));
        // A visitor created this key, so provisioning does not know its secret.
        let iam = server.iam(&server.admin().await);
        let visitors = iam.create_access_key().user_name(site.user("reader")).send().await.expect("a key is created");
        let visitors = visitors.access_key.expect("it is in the response").access_key_id;
        let run = site.deprovision(&["--yes"], "").await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        let refused = run.stdout.lines().find(|line| line.starts_with("The service refuses the keys"));
        let refused = refused.unwrap_or_else(|| panic!("{server:?}: {}", run.output()));
        assert!(refused.contains(&reader.id) && refused.contains(&writer.id), "{server:?}: {refused}");
        assert!(!refused.contains(&visitors), "{server:?}: {refused}");
        let untried = format!("The key `{visitors}` of `{}` was deleted, but could not be tested", site.user("reader"));
        assert!(run.stdout.contains(&untried), "{server:?}: {}", run.stdout);
        assert_eq!(server.users(&format!("{}+", site.bucket.name)).await, Vec::<String>::new(), "{server:?}");
        for key in [&reader, &writer] {
            let listed = site.bucket.client_with(key).list_objects_v2().bucket(&site.bucket.name).prefix("status/");
            assert!(listed.send().await.is_err(), "{server:?}: {}", key.id);
        }
        // A second run tries the keys in the files again.
        let again = site.deprovision(&["--yes"], "").await;
        assert!(again.code == 0 && again.stdout.contains("Nothing to do"), "{server:?}: {}", again.output());
        assert!(again.stdout.contains("The service refuses the keys"), "{server:?}: {}", again.stdout);
    }
}

#[tokio::test]
async fn keys_that_still_work_are_reported() {
    for server in S3Server::ALL {
        let site = provisioned(server).await;
        // The key in the file belongs to a user who was not created by provisioning.
        let reader = server.admin().await;
        let mut config: Value = serde_json::from_str(&site.file("config.json")).expect("it is JSON");
        config["source"]["public_access_key_id"] = json!(reader.id);
        config["source"]["public_access_key"] = json!(reader.secret);
        site.checker.write("config.json", &config.to_string());
        let run = site.deprovision(&["--yes"], "").await;
        assert_eq!(run.code, 2, "{server:?}: {}", run.output());
        assert!(run.stdout.contains(&format!("The key `{}`", reader.id)), "{server:?}: {}", run.stdout);
        assert!(run.stdout.contains("STILL WORKS"), "{server:?}: {}", run.stdout);
    }
}

/// Objects that checkers did not store, so `deprovision --delete-data` must not touch them.
const FOREIGN: [&str; 3] = ["report.pdf", "status/index.html", "other/1495330254340493978-eu-west-check.json"];

#[tokio::test]
async fn a_bucket_with_foreign_objects_is_kept_on_both_servers() {
    for server in S3Server::ALL {
        let site = provisioned(server).await;
        for key in FOREIGN.iter().copied().chain([file("eu-west").as_str()]) {
            site.bucket.put(key, "mine").await;
        }
        let preview = site.call("deprovision", &["--delete-data", "--dry-run"], "").await;
        let preview: Value = serde_json::from_str(&preview.stdout).expect("it is JSON");
        let why = preview["bucket_kept_because"].as_str().unwrap_or_default();
        assert!(
            why.contains("3 other objects, for example `") && !preview.to_string().contains("s3:DeleteBucket\""),
            "{server:?}: {why}"
        );
        assert_eq!(site.bucket.keys().await.len(), 4, "{server:?}");

        let run = site.deprovision(&["--delete-data"], &format!("{}\n", site.bucket.name)).await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        assert!(run.stdout.contains("The bucket is kept: it contains 3 other objects"), "{server:?}: {}", run.stdout);
        let mut kept = FOREIGN.map(str::to_owned);
        kept.sort();
        assert_eq!(site.bucket.keys().await, kept, "{server:?}");
    }
}

#[tokio::test]
async fn a_bucket_is_deleted_only_if_it_was_created_here_and_is_empty() {
    for server in S3Server::ALL {
        // The first bucket was not created by provisioning.
        let site = TestSite::on(server).await;
        let foreign = Bucket::on(server, &site.bucket.name, "").await;
        if server == S3Server::MiniStack {
            foreign.create_as(&foreign.writer).await;
        } else {
            foreign.create().await;
        }
        assert_eq!(site.provision(&ARGUMENTS).await.code, 0, "{server:?}");
        let typed = format!("{}\n", site.bucket.name);
        let run = site.deprovision(&["--delete-data"], &typed).await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        assert!(run.stdout.contains("nothing shows that `provision` created it"), "{server:?}: {}", run.stdout);
        assert!(site.bucket.exists().await, "{server:?}");

        // The second bucket also contains another page, which has no objects yet.
        drop(site);
        let site = provisioned(server).await;
        let mut neighbor = TestSite::beside_another(server).await;
        neighbor.bucket = Bucket::on(server, &site.bucket.name, "other/").await;
        assert_eq!(neighbor.provision(&[]).await.code, 0, "{server:?}");
        let typed = format!("{}\n", site.bucket.name);
        let run = site.deprovision(&["--delete-data"], &typed).await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        assert!(run.stdout.contains("of another page needs it"), "{server:?}: {}", run.stdout);
        assert!(site.bucket.exists().await, "{server:?}");
        let reader = neighbor.reader().expect("there are keys");
        let list = neighbor.bucket.client_with(&reader).list_objects_v2().bucket(&site.bucket.name).prefix("other/");
        list.send().await.expect("the other page still works");
        assert_eq!(neighbor.deprovision(&["--delete-data"], &typed).await.code, 0, "{server:?}");
        assert!(!site.bucket.exists().await, "{server:?}: removing the last page removes the bucket");
    }
}

#[tokio::test]
async fn old_versions_of_objects_keep_a_bucket() {
    let site = provisioned(S3Server::MiniStack).await;
    let client = site.bucket.client_with(&site.bucket.writer);
    let enabled = aws_sdk_s3::types::VersioningConfiguration::builder()
        .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
        .build();
    let put = client.put_bucket_versioning().bucket(&site.bucket.name).versioning_configuration(enabled);
    put.send().await.expect("versioning is enabled");
    site.bucket.put("report.pdf", "mine").await;
    client.delete_object().bucket(&site.bucket.name).key("report.pdf").send().await.expect("it is deleted");
    assert_eq!(site.bucket.keys().await, Vec::<String>::new());
    let run = site.deprovision(&["--delete-data"], &format!("{}\n", site.bucket.name)).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stdout.contains("2 other objects, for example `report.pdf`"), "{}", run.stdout);
    assert!(site.bucket.exists().await);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Allowed,
    Refused,
}
use Decision::{Allowed, Refused};

fn verdict<T, E: ProvideErrorMetadata, R>(answer: Result<T, SdkError<E, R>>) -> Decision {
    match answer {
        Ok(_) => Allowed,
        // The object is missing, but reading it is allowed.
        Err(error) if error.code() == Some("NoSuchKey") => Allowed,
        Err(_) => Refused,
    }
}

/// Tests the permissions of one key with real requests.
async fn rights(server: S3Server, key: &AccessKey, site: &TestSite) -> Vec<(&'static str, Decision)> {
    let (client, iam, bucket) = (site.bucket.client_with(key), server.iam(key), site.bucket.name.as_str());
    let (own, others) = (file("eu-west"), file("west"));
    let post = |author: &str| format!("status/0-posts/1495330254340493978-{author}.incident.json");
    let put = |key: &str| client.put_object().bucket(bucket).key(key).body(b"[]".to_vec().into()).send();
    let get = |key: &str| client.get_object().bucket(bucket).key(key).send();
    let delete = |key: &str| client.delete_object().bucket(bucket).key(key).send();
    let list = |prefix: &str| client.list_objects_v2().bucket(bucket).prefix(prefix).send();
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy = |role: &str| {
        let put = iam.put_user_policy().user_name(site.user(role)).policy_name("checkup");
        put.policy_document(everything).send()
    };
    vec![
        ("list the prefix", verdict(list("status/").await)),
        ("list everything", verdict(list("").await)),
        ("list another prefix", verdict(list("other/").await)),
        ("store one of its files", verdict(put(&own).await)),
        ("store a history", verdict(put("status/history/eu-west.json").await)),
        ("store a heartbeat", verdict(put("status/heartbeats/backup.json").await)),
        ("store another node's file", verdict(put(&others).await)),
        ("store another node's history", verdict(put("status/history/west.json").await)),
        ("store a history of an invented node", verdict(put("status/history/aaaaaaaaaaa-eu-west-check.json").await)),
        ("store the page", verdict(put("status/index.html").await)),
        ("store outside the prefix", verdict(put("a.txt").await)),
        ("read a file", verdict(get(&own).await)),
        ("read outside the prefix", verdict(get("a.txt").await)),
        ("delete one of its files", verdict(delete(&own).await)),
        ("delete a history", verdict(delete("status/history/eu-west.json").await)),
        ("delete another node's file", verdict(delete(&others).await)),
        ("store one of anna's posts", verdict(put(&post("anna")).await)),
        ("store anna's digest", verdict(put("status/history/anna.posts.json").await)),
        ("store another author's post", verdict(put(&post("bob")).await)),
        ("delete one of anna's posts", verdict(delete(&post("anna")).await)),
        ("delete anna's digest", verdict(delete("status/history/anna.posts.json").await)),
        ("delete another author's post", verdict(delete(&post("bob")).await)),
        ("read the policy", verdict(client.get_bucket_policy().bucket(bucket).send().await)),
        ("remove CORS", verdict(client.delete_bucket_cors().bucket(bucket).send().await)),
        ("remove lifecycle rules", verdict(client.delete_bucket_lifecycle().bucket(bucket).send().await)),
        ("delete the bucket", verdict(client.delete_bucket().bucket(bucket).send().await)),
        ("create a bucket", verdict(client.create_bucket().bucket("a-new-one").send().await)),
        ("create a user", verdict(iam.create_user().user_name("mine").send().await)),
        ("list users", verdict(iam.list_users().send().await)),
        ("change the reader's policy", verdict(policy("reader").await)),
        ("change the writer's policy", verdict(policy("writer_eu-west").await)),
    ]
}

/// The permissions of readers, writers and authors, which are the same on every server.
const RIGHTS: [(&str, Decision, Decision, Decision); 31] = [
    ("list the prefix", Allowed, Allowed, Allowed),
    ("list everything", Refused, Refused, Refused),
    ("list another prefix", Refused, Refused, Refused),
    ("store one of its files", Refused, Allowed, Refused),
    ("store a history", Refused, Allowed, Refused),
    ("store a heartbeat", Refused, Allowed, Refused),
    ("store another node's file", Refused, Refused, Refused),
    ("store another node's history", Refused, Refused, Refused),
    ("store a history of an invented node", Refused, Refused, Refused),
    ("store the page", Refused, Refused, Refused),
    ("store outside the prefix", Refused, Refused, Refused),
    ("read a file", Allowed, Allowed, Allowed),
    ("read outside the prefix", Refused, Refused, Refused),
    ("delete one of its files", Refused, Allowed, Refused),
    ("delete a history", Refused, Refused, Refused),
    ("delete another node's file", Refused, Refused, Refused),
    ("store one of anna's posts", Refused, Refused, Allowed),
    ("store anna's digest", Refused, Refused, Allowed),
    ("store another author's post", Refused, Refused, Refused),
    ("delete one of anna's posts", Refused, Refused, Allowed),
    ("delete anna's digest", Refused, Refused, Refused),
    ("delete another author's post", Refused, Refused, Refused),
    ("read the policy", Refused, Refused, Refused),
    ("remove CORS", Refused, Refused, Refused),
    ("remove lifecycle rules", Refused, Refused, Refused),
    ("delete the bucket", Refused, Refused, Refused),
    ("create a bucket", Refused, Refused, Refused),
    ("create a user", Refused, Refused, Refused),
    ("list users", Refused, Refused, Refused),
    ("change the reader's policy", Refused, Refused, Refused),
    ("change the writer's policy", Refused, Refused, Refused),
];

#[tokio::test]
async fn readers_writers_and_authors_have_the_same_rights_on_both_servers() {
    for server in S3Server::ALL {
        let site = provisioned(server).await;
        let run = site.provision(&[ARGUMENTS.as_slice(), &["--author", "anna"]].concat()).await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        site.bucket.put("a.txt", "mine").await;
        let reader = rights(server, &site.reader().expect("there are keys"), &site).await;
        let writer = rights(server, &site.writer("eu-west").expect("there are keys"), &site).await;
        let author = rights(server, &site.author("anna").expect("there are keys"), &site).await;
        let decisions = reader.iter().zip(&writer).zip(&author);
        let table: Vec<_> = decisions.map(|((one, other), third)| (one.0, one.1, other.1, third.1)).collect();
        assert_eq!(table, RIGHTS, "{server:?}");
    }
}

#[tokio::test]
async fn an_author_posts_updates_and_erases_on_both_servers() {
    for server in S3Server::ALL {
        let site = provisioned(server).await;
        let run = site.provision(&[ARGUMENTS.as_slice(), &["--author", "anna"]].concat()).await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        let config = ["-c", "author-anna.json"];
        let call = async |words: &[&str]| {
            let run = site.checker.call(&[words, &config].concat()).await;
            assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        };
        let posts = async || site.bucket.keys().await.iter().filter(|key| key.contains("0-posts/")).count();
        call(&["incident", "open", "A mistake"]).await;
        call(&["incident", "erase", "latest", "--yes"]).await;
        assert_eq!(posts().await, 0, "{server:?}");
        call(&["incident", "open", "Checkout fails", "--text", "We are on it."]).await;
        call(&["incident", "update", "latest", "--text", "A fix is out."]).await;
        call(&["incident", "resolve", "latest", "--text", "Fixed."]).await;
        assert_eq!(posts().await, 3, "{server:?}");
    }
}

#[tokio::test]
async fn the_doctor_reports_only_real_problems_on_both_servers() {
    for server in S3Server::ALL {
        let site = provisioned(server).await;
        assert_eq!(round(&site).await.code, 0, "{server:?}");
        let words = ["doctor", "-c", "with-check.json", "--page", "config.json", "--origin", ORIGIN];
        let run = site.checker.call(&words).await;
        let found: Vec<&str> = run.stdout.lines().filter(|line| !line.starts_with("ok ")).collect();
        match server {
            S3Server::MiniStack => assert_eq!((run.code, found), (0, Vec::new()), "{}", run.output()),
            // SeaweedFS allows users to manage their access keys unless its IAM is read-only.
            S3Server::SeaweedFs => {
                assert_eq!((run.code, found.len()), (2, 2), "{}", run.output());
                assert!(found[0].starts_with("warning checker") && found[1].starts_with("failure page"), "{found:?}");
                assert!(found.iter().all(|line| line.contains("-s3.iam.readOnly=true")), "{found:?}");
            }
        }
        // The doctor's attempts did not change the keys.
        let keys = [site.reader(), site.writer("eu-west")].map(|key| key.expect("there are keys").id);
        for (role, key) in ["reader", "writer_eu-west"].iter().zip(keys) {
            assert_eq!(server.keys_of(&site.user(role)).await, [key], "{server:?}");
        }
    }
}

#[tokio::test]
async fn the_page_reads_both_servers_with_the_reader_keys() {
    let browser = Browser::open().await;
    for server in S3Server::ALL {
        let caddy = Caddy::start(&server.url()).await;
        let site = TestSite::on(server).await;
        let run = site.provision(&["--origin", caddy.url.trim_end_matches('/'), "--writer", "eu-west"]).await;
        assert_eq!(run.code, 0, "{server:?}: {}", run.output());
        assert_eq!(round(&site).await.code, 0, "{server:?}");
        caddy.configure(&site.file("config.json"));
        let shown = page::visit(&browser, &caddy.url).await;
        assert_eq!(shown.problems(), "", "{server:?}");
        assert_eq!(shown.endpoint("Shop").text_of("status"), "healthy", "{server:?}");
        let status = site.checker.call(&["status", "-c", "with-check.json"]).await;
        assert!(status.code == 0 && status.stdout.contains("Shop"), "{server:?}: {}", status.output());
    }
}
