//! The permissions of provisioned keys, each tested with a request: those of the published reader key and those of the
//! writer keys. Also tests which origins can use the keys in a browser.

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use serde_json::{Value, json};
use shared::object_name::{CheckFileName, NodeName};
use support::browser::Browser;
use support::bucket::{self, Bucket};
use support::caddy::Caddy;
use support::configuration::check;
use support::endpoints::{Behavior, Endpoint};
use support::ministack::{self, AccessKey, REGION};
use support::page;
use support::test_site::TestSite;

/// Whether a call was allowed or refused. Any other outcome fails the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AccessDecision {
    Allowed,
    Refused,
}
use AccessDecision::{Allowed, Refused};

fn verdict<T, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    what: &str,
    answer: Result<T, SdkError<E, R>>,
) -> AccessDecision {
    match answer {
        Ok(_) => Allowed,
        Err(error) if matches!(error.code(), Some("AccessDenied" | "AccessDeniedException")) => Refused,
        // The object is missing, but reading it is allowed.
        Err(error) if error.code() == Some("NoSuchKey") => Allowed,
        Err(error) => panic!("{what}: {error:?}"),
    }
}

fn iam(key: &AccessKey) -> aws_sdk_iam::Client {
    let credentials = aws_sdk_s3::config::Credentials::new(&key.id, &key.secret, None, None, "tests");
    let configuration = aws_sdk_iam::Config::builder()
        .behavior_version(aws_sdk_iam::config::BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(credentials)
        .region(aws_sdk_iam::config::Region::new(REGION))
        .endpoint_url(&ministack::server().url)
        .build();
    aws_sdk_iam::Client::from_conf(configuration)
}

fn name(stored_at: i64, node: Option<&str>) -> String {
    let node = node.map(|node| NodeName::new(node).expect("it is a name"));
    format!("status/{}", CheckFileName { stored_at, node })
}

/// Returns the names of all kinds of objects that a node stores. The first one is a check file, the next two are posts.
fn objects_of(node: &str) -> Vec<String> {
    let others = [
        "0-posts/1795330254340493978-{}.incident.json",
        "0-posts/1795330254340493978-{}.message.json",
        "history/{}.posts.json",
        "history/{}.json",
        "history/{}.latency.json",
        "0-summary/{}.json",
        "0-summary/{}.html",
        "0-badge/{}/_overall.svg",
        "0-badge/{}/Billing__API.svg",
        "0-feed/{}/index.json",
        "0-feed/{}/endpoint/Billing__API.atom",
        "0-feed/{}/api/v2/incidents/unresolved.json",
        "0-notified/{}.json",
    ];
    let others = others.map(|name| format!("status/{}", name.replace("{}", node)));
    [vec![name(1_795_330_254_340_493_978, Some(node))], others.to_vec()].concat()
}

/// Tries to put, get and delete each object key, and returns which calls are allowed.
async fn objects(key: &AccessKey, bucket: &str, keys: &[&str]) -> Vec<[AccessDecision; 3]> {
    let client = bucket::client(key);
    let mut table = Vec::new();
    for object in keys {
        let put = client.put_object().bucket(bucket).key(*object).body(b"[]".to_vec().into()).send().await;
        let get = client.get_object().bucket(bucket).key(*object).send().await;
        let delete = client.delete_object().bucket(bucket).key(*object).send().await;
        table.push([verdict(object, put), verdict(object, get), verdict(object, delete)]);
    }
    table
}

/// Fails if the key can do anything that neither readers nor writers are allowed to do.
async fn assert_the_rest_is_refused(key: &AccessKey, site: &TestSite, other: &Bucket) {
    let (client, bucket) = (bucket::client(key), site.bucket.name.as_str());
    let rule = CorsRule::builder().allowed_methods("PUT").allowed_origins("*").build().expect("it is complete");
    let cors = CorsConfiguration::builder().cors_rules(rule).build().expect("it is complete");
    let users = iam(key);
    let mut table = vec![
        ("list without a prefix", verdict("", client.list_objects_v2().bucket(bucket).send().await)),
        ("list another prefix", verdict("", client.list_objects_v2().bucket(bucket).prefix("other/").send().await)),
        ("list a longer name", verdict("", client.list_objects_v2().bucket(bucket).prefix("status").send().await)),
        (
            "list another bucket",
            verdict("", client.list_objects_v2().bucket(&other.name).prefix("status/").send().await),
        ),
        ("list the buckets", verdict("", client.list_buckets().send().await)),
        ("read the policy", verdict("", client.get_bucket_policy().bucket(bucket).send().await)),
        ("set a policy", verdict("", client.put_bucket_policy().bucket(bucket).policy("{}").send().await)),
        ("read CORS", verdict("", client.get_bucket_cors().bucket(bucket).send().await)),
        ("set CORS", verdict("", client.put_bucket_cors().bucket(bucket).cors_configuration(cors).send().await)),
        ("remove CORS", verdict("", client.delete_bucket_cors().bucket(bucket).send().await)),
        ("open the bucket", verdict("", client.delete_public_access_block().bucket(bucket).send().await)),
        ("remove rules", verdict("", client.delete_bucket_lifecycle().bucket(bucket).send().await)),
        ("delete the bucket", verdict("", client.delete_bucket().bucket(bucket).send().await)),
        ("create a bucket", verdict("", client.create_bucket().bucket("a-new-one").send().await)),
        ("create a user", verdict("", users.create_user().user_name("mine").send().await)),
        ("list users", verdict("", users.list_users().send().await)),
    ];
    for user in [site.user("reader"), site.user("writer_eu-west")] {
        let policy =
            json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
        let put = users.put_user_policy().user_name(&user).policy_name("checkup").policy_document(policy.to_string());
        table.push(("take more rights", verdict("", put.send().await)));
        table.push(("make a key", verdict("", users.create_access_key().user_name(&user).send().await)));
        table.push(("see keys", verdict("", users.list_access_keys().user_name(&user).send().await)));
    }
    let allowed: Vec<_> = table.iter().filter(|(_, verdict)| *verdict == Allowed).collect();
    assert!(allowed.is_empty(), "{allowed:?}");
    let elsewhere = objects(key, &other.name, &["status/a.txt"]).await;
    assert_eq!(elsewhere, [[Refused; 3]], "another bucket");
}

/// A provisioned site with three writers, one of which can delete expired files, and a bucket that is not part of the
/// site.
async fn site() -> (TestSite, Bucket) {
    let site = TestSite::new().await;
    for (node, expiry) in [("eu-west", ["--check-expiry", "30d"].as_slice()), ("west", &[]), ("eu", &[])] {
        let words = [&["--origin", "https://status.example", "--writer", node], expiry].concat();
        let run = site.provision(&words).await;
        assert_eq!(run.code, 0, "{}", run.output());
    }
    let other = Bucket::new().await;
    for bucket in [&site.bucket, &other] {
        for key in ["status/a.txt", "a.txt", "other/a.txt", "status-2/a.txt"] {
            bucket.put(key, "mine").await;
        }
    }
    (site, other)
}

#[tokio::test]
async fn a_reader_lists_and_reads_the_prefix_and_nothing_else() {
    let (site, other) = site().await;
    let reader = site.reader().expect("there are keys");
    let listed = bucket::client(&reader).list_objects_v2().bucket(&site.bucket.name).prefix("status/").send().await;
    assert_eq!(verdict("list the prefix", listed), Allowed);
    let inside = [
        "status/a.txt",
        &name(1_795_330_254_340_493_978, Some("eu-west")),
        "status/history/eu-west.json",
        "status/heartbeats/a.json",
        "status/0-summary/eu-west.json",
        "status/0-summary/eu-west.html",
        "status/0-badge/eu-west/Shop.svg",
        "status/0-feed/eu-west/feed.atom",
        "status/0-notified/eu-west.json",
    ];
    assert_eq!(objects(&reader, &site.bucket.name, &inside).await, [[Refused, Allowed, Refused]; 9]);
    let outside = ["a.txt", "other/a.txt", "status-2/a.txt"];
    assert_eq!(objects(&reader, &site.bucket.name, &outside).await, [[Refused; 3]; 3]);
    assert_the_rest_is_refused(&reader, &site, &other).await;
    assert_eq!(site.bucket.get("status/a.txt").await, "mine", "nothing was changed");
}

#[tokio::test]
async fn a_writer_stores_under_its_name_and_deletes_expired_files() {
    let (site, other) = site().await;
    let time = 1_795_330_254_340_493_978;
    // One name begins or ends like another one, so a pattern that is too broad covers both.
    let pairs = [
        ("eu-west", ["west", "eu"], Allowed),
        ("west", ["eu-west", "eu"], Refused),
        ("eu", ["eu-west", "west"], Refused),
    ];
    for (node, neighbors, delete) in pairs {
        let key = site.writer(node).expect("there are keys");
        let bucket = &site.bucket.name;
        let own = objects_of(node);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let mut expected = vec![[Allowed, Allowed, Refused]; own.len()];
        expected[0] = [Allowed, Allowed, delete];
        expected[1..3].fill([Allowed; 3]);
        assert_eq!(objects(&key, bucket, &own).await, expected, "{node}");
        let beat = "status/heartbeats/nightly-backup.json";
        assert_eq!(objects(&key, bucket, &[beat]).await, [[Allowed, Allowed, Refused]], "{node}");

        for neighbor in neighbors {
            let theirs = objects_of(neighbor);
            let theirs: Vec<&str> = theirs.iter().map(String::as_str).collect();
            let expected = vec![[Refused, Allowed, Refused]; theirs.len()];
            assert_eq!(objects(&key, bucket, &theirs).await, expected, "{node}, {theirs:?}");
        }
        let no_nodes = [
            name(time, None),
            format!("status/0-notified/{node}/x.json"),
            "status/0-notified/.json".to_owned(),
            format!("status/messages/1795330254340493978-{node}-message.json"),
            "status/0-badge/Shop.svg".to_owned(),
            "status/0-feed/feed.atom".to_owned(),
            format!("status/0-badge/{node}/index.html"),
            "status/config.json".to_owned(),
            "status/index.html".to_owned(),
        ];
        let no_nodes = no_nodes.each_ref().map(String::as_str);
        assert_eq!(objects(&key, bucket, &no_nodes).await, [[Refused, Allowed, Refused]; 9], "{node}");
        let unprefixed = own[0].strip_prefix("status/").expect("it has the prefix");
        assert_eq!(objects(&key, bucket, &[unprefixed, "a.txt", "other/a.txt"]).await, [[Refused; 3]; 3], "{node}");
        assert_the_rest_is_refused(&key, &site, &other).await;
    }
}

#[tokio::test]
async fn an_author_posts_under_its_name_and_stores_nothing_else() {
    let (site, other) = site().await;
    for author in ["anna", "anna-2", "eu-west"] {
        let words = ["--origin", "https://status.example", "--author", author];
        let run = site.provision(&words).await;
        assert_eq!(run.code, 0, "{}", run.output());
    }
    // One name begins or ends like another one, and one is also a node's.
    for (author, neighbors) in [("anna", ["anna-2", "eu"]), ("anna-2", ["anna", "2"]), ("eu-west", ["eu", "west"])] {
        let (key, bucket) = (site.author(author).expect("there are keys"), site.bucket.name.as_str());
        let own = objects_of(author);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let mut expected = vec![[Refused, Allowed, Refused]; own.len()];
        expected[1..3].fill([Allowed; 3]);
        expected[3] = [Allowed, Allowed, Refused];
        assert_eq!(objects(&key, bucket, &own).await, expected, "{author}");
        for neighbor in neighbors {
            let theirs = objects_of(neighbor);
            let theirs: Vec<&str> = theirs.iter().map(String::as_str).collect();
            let expected = vec![[Refused, Allowed, Refused]; theirs.len()];
            assert_eq!(objects(&key, bucket, &theirs).await, expected, "{author}, {theirs:?}");
        }
        let odd = [
            "status/heartbeats/nightly-backup.json".to_owned(),
            format!("status/0-posts/{author}.incident.json"),
            format!("status/0-posts/1795330254340493978-{author}.json"),
            format!("status/1795330254340493978-{author}.incident.json"),
            "status/config.json".to_owned(),
        ];
        let odd = odd.each_ref().map(String::as_str);
        assert_eq!(objects(&key, bucket, &odd).await, [[Refused, Allowed, Refused]; 5], "{author}");
        assert_the_rest_is_refused(&key, &site, &other).await;
    }
}

#[tokio::test]
async fn only_pages_on_the_provisioned_origin_can_read_the_bucket() {
    let store = &ministack::server().url;
    let (ours, elsewhere) = (Caddy::start(store).await, Caddy::start(store).await);
    let site = TestSite::new().await;
    let run = site.provision(&["--origin", ours.url.trim_end_matches('/'), "--writer", "eu-west"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    config["checkers"] = json!([check("Shop", &ok.url)]);
    site.checker.write("with-check.json", &config.to_string());
    let round = site.checker.call(&["run", "-c", "with-check.json"]).await;
    assert_eq!(round.code, 0, "{}", round.output());

    let writer = site.writer("eu-west").expect("there are keys");
    for caddy in [&ours, &elsewhere] {
        caddy.configure(&site.file("config.json"));
        assert!(!site.file("config.json").contains(&writer.secret) && !site.file("config.json").contains(&writer.id));
    }
    let browser = Browser::open().await;
    let shown = page::visit(&browser, &ours.url).await;
    assert_eq!(shown.endpoint("Shop").text_of("status"), "healthy");
    assert_eq!(shown.problems(), "");
    shown.assert_clean();
    let blocked = page::visit(&browser, &elsewhere.url).await;
    assert!(blocked.endpoints().is_empty() && blocked.problems().contains("CORS"), "{:#}", blocked.0);
}
