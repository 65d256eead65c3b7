//! Provisioned buckets and their administrators: regions, existing rules, profiles, whether the documented permissions
//! are necessary and sufficient, and services with unexpected responses.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use support::bucket;
use support::checker::Run;
use support::configuration::{check, watching};
use support::endpoints::{Behavior, Endpoint};
use support::ministack::{self, REGION};
use support::test_site::TestSite;

const ORIGIN: &str = "https://status.example";
const ARGUMENTS: [&str; 8] = ["--origin", ORIGIN, "--writer", "eu-west", "--check-expiry", "30d", "--lifecycle", "90d"];

#[tokio::test]
async fn the_bucket_has_the_requested_region_and_rules() {
    let site = TestSite::new().await;
    let run = site.provision(&ARGUMENTS).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let steps = run.stderr.lines().filter(|line| line.starts_with('[') && line.contains("… done")).count();
    assert!(run.stderr.contains(&format!("[{steps}/{steps}] ")) && steps > 8, "each step is printed: {}", run.stderr);
    let (client, name) = (bucket::client(&site.bucket.writer), &site.bucket.name);
    let location = client.get_bucket_location().bucket(name).send().await.expect("it has a location");
    assert_eq!(location.location_constraint().map(|region| region.as_str().to_owned()).as_deref(), Some(REGION));
    let rules = client.get_bucket_lifecycle_configuration().bucket(name).send().await.expect("there are rules");
    let rules = rules.rules().iter().map(|rule| {
        let prefix = rule.filter().and_then(|filter| filter.prefix()).unwrap_or_default().to_owned();
        (prefix, rule.expiration().and_then(aws_sdk_s3::types::LifecycleExpiration::days))
    });
    let expected = ["status/1", "status/2"].map(|prefix| (prefix.to_owned(), Some(90)));
    assert_eq!(rules.collect::<Vec<_>>(), expected);
    let block = client.get_public_access_block().bucket(name).send().await;
    assert!(
        format!("{block:?}").contains("restrict_public_buckets: Some(true)"),
        "public access is blocked: {block:?}"
    );
}

#[tokio::test]
async fn the_default_region_needs_no_location_constraint() {
    let site = TestSite::new().await;
    let key = ministack::admin().await;
    let target = ["--bucket", &site.bucket.name, "--region", "us-east-1", "--path-style", "--yes"];
    let words = [&["provision"], target.as_slice(), &["--endpoint-url", &site.endpoint_url]].concat();
    let prepare = |command: &mut std::process::Command| {
        command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    };
    let run = site.checker.call_with(&words, prepare).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stdout.contains("`us-east-1`"), "{}", run.stdout);
}

#[tokio::test]
async fn a_public_bucket_is_opened_as_far_as_needed_and_closed_again() {
    let site = TestSite::new().await;
    let run = site.provision(&["--public", "--origin", ORIGIN]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let client = bucket::client(&site.bucket.writer);
    let block = async || {
        let block = client.get_public_access_block().bucket(&site.bucket.name).send().await.expect("there is a block");
        let block = block.public_access_block_configuration.expect("it has a configuration");
        let flags = [block.block_public_acls, block.ignore_public_acls];
        (flags, [block.block_public_policy, block.restrict_public_buckets])
    };
    assert_eq!(block().await, ([Some(true); 2], [Some(false); 2]));
    assert_eq!(site.deprovision(&["--yes"], "").await.code, 0);
    assert_eq!(block().await, ([Some(true); 2], [Some(true); 2]));
}

#[tokio::test]
async fn all_origins_are_allowed_only_on_request() {
    let site = TestSite::new().await;
    let client = bucket::client(&site.bucket.writer);
    let origins = async || match client.get_bucket_cors().bucket(&site.bucket.name).send().await {
        Ok(rules) => rules.cors_rules().iter().flat_map(|rule| rule.allowed_origins().to_vec()).collect(),
        Err(error) => vec![format!("{:?}", error.into_service_error().meta().code())],
    };
    assert_eq!(site.provision(&[]).await.code, 0);
    assert_eq!(origins().await, [r#"Some("NoSuchCORSConfiguration")"#]);
    assert_eq!(site.provision(&["--origin", ORIGIN, "--origin", "http://localhost:8080"]).await.code, 0);
    assert_eq!(origins().await, [ORIGIN, "http://localhost:8080"]);
    assert_eq!(site.provision(&["--origin", "*"]).await.code, 0);
    assert_eq!(origins().await, ["*"]);
}

#[tokio::test]
async fn the_named_profile_is_used() {
    let site = TestSite::new().await;
    let key = ministack::admin().await;
    let folder = site.checker.path(".aws");
    std::fs::create_dir(&folder).expect("the folder can be created");
    let section = |name: &str, id: &str, secret: &str| {
        format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
    };
    let profiles = section("default", "AKIAIOSFODNN7EXAMPLE", "nothing") + &section("boss", &key.id, &key.secret);
    std::fs::write(folder.join("credentials"), profiles).expect("the file can be written");
    let target = ["--bucket", &site.bucket.name, "--region", REGION, "--path-style", "--yes"];
    let words = [&["provision"], target.as_slice(), &["--endpoint-url", &site.endpoint_url]].concat();
    let in_the_way = |command: &mut std::process::Command| {
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "nothing");
    };
    let refused = site.checker.call_with(&words, in_the_way).await;
    assert!(refused.code == 2 && refused.stderr.contains("does not recognize the access key"), "{}", refused.output());
    let words = [words.as_slice(), &["--profile", "boss"]].concat();
    let run = site.checker.call_with(&words, in_the_way).await;
    assert_eq!(run.code, 0, "{}", run.output());
}

/// Returns the documented policy for administrators, adapted to this bucket, and its actions.
fn documented_rights(bucket: &str) -> (Value, Vec<String>) {
    let documentation = std::fs::read_to_string(support::root().join("docs/provisioning.md")).expect("it exists");
    let (_, rest) = documentation.split_once("**Administrator**").expect("it has the administrator's permissions");
    let (_, rest) = rest.split_once("```json").expect("a policy follows");
    let (policy, _) = rest.split_once("```").expect("it ends");
    let policy: Value = serde_json::from_str(&policy.replace("my-status", bucket)).expect("it is JSON");
    let actions = policy["Statement"].as_array().expect("there are statements").iter().flat_map(|statement| {
        let action = &statement["Action"];
        action.as_array().cloned().unwrap_or_else(|| vec![action.clone()])
    });
    let actions = actions.map(|action| action.as_str().expect("it is a name").to_owned()).collect();
    (policy, actions)
}

/// Runs all of an administrator's commands for a site, up to the first failure.
async fn whole_life(site: &TestSite) -> Result<(), Run> {
    let typed = format!("{}\n", site.bucket.name);
    let done = |run: Run| if run.code == 0 { Ok(()) } else { Err(run) };
    done(site.provision(&ARGUMENTS).await)?;
    done(site.provision(&[&["--rotate"], ARGUMENTS.as_slice()].concat()).await)?;
    done(site.provision(&["--public", "--origin", ORIGIN, "--out", "public"]).await)?;
    let writer = site.writer("eu-west").expect("there are keys");
    let file = "status/1495330254340493978-eu-west-check.json";
    let put = bucket::client(&writer).put_object().bucket(&site.bucket.name).key(file).body(b"[]".to_vec().into());
    put.send().await.expect("the writer can store");
    done(site.deprovision(&["--delete-data"], &typed).await)
}

#[tokio::test]
async fn the_documented_administrator_permissions_suffice() {
    let mut site = TestSite::new().await;
    let (policy, actions) = documented_rights(&site.bucket.name);
    assert!(actions.len() > 20, "{actions:?}");
    site.act_as(ministack::user("documented", &policy).await);
    if let Err(run) = whole_life(&site).await {
        panic!("{}", run.output());
    }
    assert!(!site.bucket.exists().await, "nothing is left");
    assert_eq!(ministack::users(&format!("{}+", site.bucket.name)).await, Vec::<String>::new());
}

/// The commands succeed without this permission, which only serves to recognize a readable bucket of another account.
const GONE_WITHOUT: [&str; 1] = ["s3:ListAllMyBuckets"];
/// Without one of these permissions, the bucket cannot be inspected. It is kept, and all other steps succeed.
const KEPT_WITHOUT: [&str; 2] = ["s3:ListBucketVersions", "s3:GetBucketTagging"];

#[tokio::test]
async fn each_missing_permission_is_named_with_the_statement_that_grants_it() {
    let (_, actions) = documented_rights("any");
    let tries = actions.into_iter().enumerate().map(|(number, action)| async move {
        let mut site = TestSite::new().await;
        let (mut policy, _) = documented_rights(&site.bucket.name);
        let deny = json!({ "Effect": "Deny", "Action": action, "Resource": "*" });
        policy["Statement"].as_array_mut().expect("there are statements").push(deny);
        site.act_as(ministack::user(&format!("denied-{number}"), &policy).await);
        let outcome = whole_life(&site).await;
        if GONE_WITHOUT.contains(&action.as_str()) {
            return assert!(outcome.is_ok(), "{action}: {outcome:?}");
        }
        let Err(run) = outcome else { panic!("{action} is not needed") };
        if KEPT_WITHOUT.contains(&action.as_str()) {
            assert_eq!(run.code, 1, "{action}: {}", run.output());
            assert!(run.stdout.contains(&format!("({action}): access is denied")), "{action}: {}", run.stdout);
            assert!(run.stdout.contains("this statement allows it"), "{action}: {}", run.stdout);
            return assert!(site.bucket.exists().await, "{action}");
        }
        assert_eq!(run.code, 2, "{action}: {}", run.output());
        let errors: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("error:")).collect();
        let statement =
            format!("this statement allows it: {{\"Action\":\"{action}\",\"Effect\":\"Allow\",\"Resource\":\"");
        assert_eq!(errors.len(), 1, "{action}: {}", run.stderr);
        // If a key does not work, the line after the error states the cause.
        let call = format!("({action}): access is denied");
        assert!(run.stderr.contains(&call) && run.stderr.contains(&statement), "{action}: {}", run.stderr);
        if run.stderr.contains("[1/") {
            assert!(run.stderr.contains("run the same command again to continue"), "{action}: {}", run.stderr);
        }
    });
    stream::iter(tries).buffer_unordered(6).collect::<()>().await;
}

#[tokio::test]
async fn a_bucket_in_another_region_is_reported_with_that_region() {
    let redirect = "<?xml version=\"1.0\"?><Error><Code>PermanentRedirect</Code><Message>elsewhere</Message><Region>eu-west-9</Region></Error>";
    let malformed = "<?xml version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'x' is wrong; expecting 'eu-west-9'</Message><Region>eu-west-9</Region></Error>";
    let ok = Endpoint::start(Behavior::ok()).await;
    for (status, body) in [("301 Moved Permanently", redirect), ("400 Bad Request", malformed)] {
        let elsewhere = Endpoint::start(Behavior::Answer(status, body.to_owned())).await;
        let site = TestSite::at(elsewhere.url.trim_end_matches('/')).await;
        let mut storage = site.bucket.storage();
        storage["endpoint_url"] = json!(elsewhere.url.trim_end_matches('/'));
        site.checker.configure(&watching(&[check("Shop", &ok.url)], &storage));
        let provision = site.provision(&ARGUMENTS).await;
        let round = site.checker.run(&[]).await;
        let doctor = site.checker.call(&["doctor", "-c", "checker.json"]).await;
        for (command, run) in [("provision", &provision), ("run", &round), ("doctor", &doctor)] {
            assert_eq!(run.code, 2, "{status}, {command}: {}", run.output());
            let error = run.output();
            assert!(error.contains("in another region; set `region` to `eu-west-9`"), "{status}, {command}: {error}");
        }
        assert_eq!(provision.stderr.trim().lines().count(), 1, "{}", provision.stderr);
        assert_eq!(round.stderr.trim().lines().count(), 1, "{}", round.stderr);
        assert!(site.file("config.json").is_empty(), "nothing is created");
    }
}

/// Returns the commands in the README's first code block after the given text, each as a list of arguments.
fn readme_commands(after: &str) -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(support::root().join("README.md")).expect("it exists");
    let (_, rest) = readme.split_once(after).expect("the README has it");
    let (_, rest) = rest.split_once("```sh\n").expect("commands follow");
    let (block, _) = rest.split_once("```").expect("they end");
    let block = block.replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect();
    block.lines().map(words).collect()
}

#[tokio::test]
async fn the_readmes_path_from_the_starter_to_a_bucket_works() {
    let site = TestSite::new().await;
    let made = site.checker.call(&["init", "--force"]).await;
    assert_eq!(made.code, 0, "{}", made.output());
    let [provision] = &readme_commands("**1. Provision a bucket**")[..] else { panic!("it is one command") };
    let mut words: Vec<&str> = provision.iter().map(String::as_str).collect();
    for (argument, ours) in [("my-status", site.bucket.name.as_str()), ("eu-central-1", REGION)] {
        let index = words.iter().position(|word| *word == argument).expect("the README names it");
        words[index] = ours;
    }
    words.extend(["--endpoint-url", site.endpoint_url.as_str(), "--path-style", "--yes"]);
    let key = ministack::admin().await;
    let as_administrator = |command: &mut std::process::Command| {
        command.env("AWS_ACCESS_KEY_ID", &key.id).env("AWS_SECRET_ACCESS_KEY", &key.secret);
    };
    let run = site.checker.call_with(&words, as_administrator).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let configuration: Value = serde_json::from_str(&site.file("checker-eu-west.json")).expect("it is JSON");
    assert!(configuration["checkers"].as_array().is_some_and(|checks| !checks.is_empty()), "{configuration:#}");
    for command in readme_commands("**3. Verify the setup.**") {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let run = site.checker.call(&words).await;
        assert_eq!(run.code, 0, "{words:?}: {}", run.output());
    }
}
