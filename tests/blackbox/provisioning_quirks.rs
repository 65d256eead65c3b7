//! Provisioning with services that lack parts of the S3 and IAM APIs, or respond differently: small S3 servers, Ceph
//! RGW, and services that use IAM's protocol but are not IAM. A proxy in front of a real server imitates them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use support::faulty_proxy::FaultyProxy;
use support::ministack;
use support::quirky_service::{QuirkyService, Reply};
use support::test_site::TestSite;

const ARGUMENTS: [&str; 6] = ["--origin", "https://status.example", "--writer", "eu-west", "--lifecycle", "90d"];

/// A site on a service with scripted responses.
async fn site_on(script: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> (TestSite, QuirkyService) {
    let service = QuirkyService::start(&ministack::server().url, script).await;
    (TestSite::at(&service.url).await, service)
}

/// Whether a request is for one of a bucket's subresources, such as `?cors`.
fn is_for(request: &str, method: &str, subresource: &str) -> bool {
    let Some((found, path)) = request.split_once(' ') else { return false };
    let query = path.split_once('?').map(|(_, query)| query).unwrap_or_default();
    found == method && query.split('&').any(|part| part.split('=').next() == Some(subresource))
}

fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>")
}

const LISTING: &str =
    "<?xml version=\"1.0\"?>\n<ListBucketResult><Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
const SUBRESOURCES: [&str; 5] = ["cors", "lifecycle", "policy", "publicAccessBlock", "tagging"];

/// Imitates a service that ignores subresources: a GET lists the bucket, a PUT creates it, and a DELETE deletes it.
fn ignores_subresources(request: &str, put: &'static str) -> Reply {
    for subresource in SUBRESOURCES {
        if is_for(request, "GET", subresource) {
            return Reply::Scripted("200 OK", LISTING.to_owned());
        }
        if is_for(request, "PUT", subresource) {
            return Reply::Scripted(
                put,
                error(if put.starts_with("409") { "BucketAlreadyExists" } else { "NotImplemented" }),
            );
        }
        assert!(!is_for(request, "DELETE", subresource), "this deletes the bucket: {request}");
    }
    Reply::Forwarded
}

#[tokio::test]
async fn rules_that_a_service_does_not_support_are_left_to_the_operator() {
    for put in ["409 Conflict", "501 Not Implemented"] {
        let (site, _service) = site_on(move |request, _| ignores_subresources(request, put)).await;
        let run = site.provision(&ARGUMENTS).await;
        assert_eq!(run.code, 1, "{put}: {}", run.output());
        let (_, manual) = run.stdout.split_once("\nManual steps:").expect("there is a list");
        for words in
            ["set the bucket's CORS rules", "https://status.example", "set the bucket's lifecycle rules", "status/1"]
        {
            assert!(manual.contains(words), "{put}: `{words}` is not in\n{manual}");
        }
        assert!(run.stderr.contains("does not support bucket tags"), "{put}: {}", run.stderr);
        // All other steps succeed: the files exist, and their keys work.
        assert!(site.reader().is_some() && site.writer("eu-west").is_some(), "{put}");
        let again = site.provision(&ARGUMENTS).await;
        assert!(again.code == 1 && again.stdout.contains("Nothing to do"), "{put}: {}", again.output());
        assert!(again.stdout.contains("set the bucket's CORS rules"), "{put}: {}", again.stdout);

        let gone = site.deprovision(&["--delete-data"], &format!("{}\n", site.bucket.name)).await;
        assert_eq!(gone.code, 0, "{put}: {}", gone.output());
        assert!(gone.stdout.contains("nothing shows that `provision` created it"), "{put}: {}", gone.stdout);
        assert!(site.bucket.exists().await, "{put}");
    }
}

#[tokio::test]
async fn a_public_access_block_in_another_element_is_read_and_none_is_added() {
    let flags = |policy: bool| {
        format!(
            "<?xml version=\"1.0\"?><GetPublicAccessBlockResult><PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls><BlockPublicPolicy>{policy}</BlockPublicPolicy><RestrictPublicBuckets>{policy}</RestrictPublicBuckets></PublicAccessBlockConfiguration></GetPublicAccessBlockResult>"
        )
    };
    for (is_blocked, changes) in [(false, 0), (true, 1)] {
        let (site, service) = site_on(move |request, body| {
            if is_for(request, "GET", "publicAccessBlock") {
                return Reply::Scripted("200 OK", flags(is_blocked));
            }
            if is_for(request, "PUT", "publicAccessBlock") {
                assert!(!body.contains("<BlockPublicAcls>true"), "this makes the service refuse all uploads: {body}");
                return Reply::Scripted("200 OK", String::new());
            }
            // The proxy responds to this request itself, because the real server would refuse it.
            if is_for(request, "PUT", "policy") {
                Reply::Scripted("204 No Content", String::new())
            } else {
                Reply::Forwarded
            }
        })
        .await;
        let run = site.provision(&["--public", "--origin", "https://status.example"]).await;
        assert_eq!(run.code, 0, "{}", run.output());
        let puts = service.requests().iter().filter(|request| is_for(request, "PUT", "publicAccessBlock")).count();
        assert_eq!(puts, changes, "{:?}", service.requests());
        let gone = site.deprovision(&["--yes"], "").await;
        assert_eq!(gone.code, 0, "{}", gone.output());
        let puts = service.requests().iter().filter(|request| is_for(request, "PUT", "publicAccessBlock")).count();
        assert_eq!(puts, changes, "{:?}", service.requests());
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_is_never_replaced() {
    let (site, service) = site_on(|request, _| {
        if is_for(request, "GET", "policy") {
            Reply::Scripted("200 OK", "{ \"Version\": ".to_owned())
        } else {
            Reply::Forwarded
        }
    })
    .await;
    site.bucket.create_as(&site.bucket.writer).await;
    let run = site.provision(&["--public", "--origin", "https://status.example"]).await;
    assert_eq!(run.code, 1, "{}", run.output());
    assert!(run.stdout.contains("set the bucket's policy with the service's own tools"), "{}", run.stdout);
    assert!(service.requests().iter().all(|request| !is_for(request, "PUT", "policy")), "{:?}", service.requests());
}

#[tokio::test]
async fn a_service_with_iams_protocol_but_not_its_calls_has_no_iam() {
    let unknown = "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>no</Message></Error></ErrorResponse>";
    let (site, _service) = site_on(move |request, _| {
        if request.contains('/') { Reply::Forwarded } else { Reply::Scripted("400 Bad Request", unknown.to_owned()) }
    })
    .await;
    let run = site.provision(&ARGUMENTS).await;
    assert_eq!(run.code, 1, "{}", run.output());
    for words in ["no IAM API", "manual step", "s3:GetObject", "eu-west-check.json", "\nManual steps:"] {
        assert!(run.stdout.contains(words), "`{words}` is not in\n{}", run.stdout);
    }
    assert!(site.file("config.json").contains("put the reader's key here"), "{}", site.file("config.json"));
    let gone = site.deprovision(&["--yes"], "").await;
    assert_eq!(gone.code, 1, "{}", gone.output());
    assert!(gone.stdout.contains("delete the keys of the reader, writers and authors"), "{}", gone.stdout);
    assert!(!gone.stdout.contains("no longer work."), "{}", gone.stdout);
}

#[tokio::test]
async fn without_iam_keys_that_still_work_are_named() {
    let only_s3 = FaultyProxy::without_iam(&ministack::server().url).await;
    let site = TestSite::at(&only_s3.url).await;
    assert_eq!(site.provision(&["--writer", "eu-west"]).await.code, 1);
    let reader = ministack::reader(&site.bucket.name).await;
    let mut filled_in: Value = serde_json::from_str(&site.file("config.json")).expect("it is JSON");
    filled_in["source"]["public_access_key_id"] = json!(reader.id);
    filled_in["source"]["public_access_key"] = json!(reader.secret);
    site.checker.write("config.json", &filled_in.to_string());
    let gone = site.deprovision(&["--yes"], "").await;
    assert_eq!(gone.code, 2, "{}", gone.output());
    assert!(
        gone.stdout.contains(&format!("`{}`", reader.id)) && gone.stdout.contains("STILL WORKS"),
        "{}",
        gone.stdout
    );
}

#[tokio::test]
async fn users_without_paths_and_tags_are_recognized_by_their_permissions() {
    let (site, service) = site_on(|request, _| match request {
        "CreateUser" | "GetUser" | "ListUsers" => Reply::Replaced("<Path>/checkup/", "<Path>/other/".to_owned()),
        "TagUser" | "ListUserTags" => Reply::Scripted(
            "501 Not Implemented",
            "<ErrorResponse><Error><Code>NotImplemented</Code></Error></ErrorResponse>".to_owned(),
        ),
        _ => Reply::Forwarded,
    })
    .await;
    let words = [ARGUMENTS.as_slice(), &["--check-expiry", "30d"]].concat();
    let run = site.provision(&words).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert!(run.stderr.contains("neither user paths nor user tags"), "{}", run.stderr);
    let again = site.provision(&words).await;
    assert!(again.code == 0 && again.stdout.contains("Nothing to do"), "{}", again.output());
    assert_eq!(site.deprovision(&["--yes"], "").await.code, 0);
    assert_eq!(ministack::users(&format!("{}+", site.bucket.name)).await, Vec::<String>::new());
    assert!(service.requests().contains(&"TagUser".to_owned()), "{:?}", service.requests());
}

#[tokio::test]
async fn an_endless_listing_of_users_is_reported() {
    // The number of pages, and the error, if any.
    for (pages, error) in [
        (1_000, None),
        (usize::MAX, Some("failed to list the users (iam:ListUsers): the listing has more than 1000 pages")),
    ] {
        let page = AtomicUsize::new(0);
        let (site, service) = site_on(move |request, _| {
            if request != "ListUsers" {
                return Reply::Forwarded;
            }
            let number = 1 + page.fetch_add(1, Ordering::Relaxed);
            let marker = if number < pages { format!("<Marker>{number}</Marker>") } else { String::new() };
            let result = format!("<Users/><IsTruncated>{}</IsTruncated>{marker}", number < pages);
            let response =
                format!("<ListUsersResponse><ListUsersResult>{result}</ListUsersResult></ListUsersResponse>");
            Reply::Scripted("200 OK", response)
        })
        .await;
        let run = site.deprovision(&["--yes"], "").await;
        assert_eq!(run.stderr.contains("failed to list"), error.is_some(), "{}", run.output());
        assert!(error.is_none_or(|error| run.code == 2 && run.stderr.contains(error)), "{}", run.output());
        assert_eq!(service.requests().iter().filter(|request| *request == "ListUsers").count(), 1_000);
    }
}

#[tokio::test]
async fn a_service_that_deletes_nothing_is_noticed() {
    let (mut site, _service) = site_on(|request, _| match request {
        "DeleteAccessKey" => Reply::Scripted("200 OK", "<DeleteAccessKeyResponse/>".to_owned()),
        // The real server refuses to delete a user who still has keys.
        "DeleteUser" | "DeleteUserPolicy" => Reply::Scripted("200 OK", "<DeleteUserResponse/>".to_owned()),
        _ => Reply::Forwarded,
    })
    .await;
    assert_eq!(site.provision(&ARGUMENTS).await.code, 0);
    let reader = site.reader().expect("there are keys");
    // The command keeps trying the keys, which still work, and gives up after half a minute.
    let run = site.deprovision(&["--yes"], "").await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(
        run.stdout.contains(&format!("The key `{}`", reader.id)) && run.stdout.contains("STILL WORKS"),
        "{}",
        run.stdout
    );

    let file = "status/1495330254340493978-eu-west-check.json";
    site.bucket.put(file, "[]").await;
    let purged = QuirkyService::start(&ministack::server().url, |request, _| {
        if request.starts_with("POST ") && request.ends_with("?delete") {
            Reply::Scripted("200 OK", "<?xml version=\"1.0\"?><DeleteResult></DeleteResult>".to_owned())
        } else {
            Reply::Forwarded
        }
    })
    .await;
    site.endpoint_url.clone_from(&purged.url);
    let run = site.deprovision(&["--delete-data"], &format!("{}\n", site.bucket.name)).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("still lists 1 of them") && run.stderr.contains(file), "{}", run.stderr);
    assert_eq!(site.bucket.keys().await, [file], "no existing object is reported as deleted");
}
