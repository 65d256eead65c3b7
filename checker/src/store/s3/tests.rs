//! Tests of requests to an S3 service, and of the handling of its responses.

use super::delete::{DELETE_BATCH, DELETES_AT_ONCE};
use super::*;
use crate::redact::Secret;
use crate::store::settings::WriterKeys;
use crate::store::{Store, next_name, upload};
use shared::UnixNanos;
use shared::object_name::CheckFileName;
use shared::page_config::AddressStyle;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn bucket(endpoint_url: &str) -> Bucket {
    Bucket {
        name: "b".to_owned(),
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some(endpoint_url.to_owned()),
        address_style: AddressStyle::Path,
        prefix: "status/".to_owned(),
        keys: Some(WriterKeys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI".to_owned()),
        }),
    }
}

const SOME_TIME: UnixNanos = 1_795_330_254_340_493_978;

fn name() -> CheckFileName {
    CheckFileName::parse("1795330254340493978-a-check.json").expect("it is a name")
}

/// Starts a server that answers the first request on each connection with the next response, then stops. Returns the
/// heads of the requests.
async fn server(responses: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let mut heads = Vec::new();
        for response_text in responses {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            let head_end = loop {
                if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                    break end + 4;
                }
                assert_ne!(connection.read_buf(&mut seen).await.unwrap(), 0);
            };
            let head = String::from_utf8(seen[..head_end].to_vec()).unwrap().to_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            while seen.len() < head_end + length {
                assert_ne!(connection.read_buf(&mut seen).await.unwrap(), 0);
            }
            connection.write_all(response_text.as_bytes()).await.unwrap();
            heads.push(head);
        }
        heads
    });
    (url, served)
}

fn response(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\netag: \"x\"\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn error_response(status: &str, code: &str) -> String {
    response(status, "application/xml", &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>"))
}

/// Stores a check file under its name or the next free one.
async fn put_to(url: &str) -> Result<CheckFileName, StoreError> {
    upload::put_check_file(&Store::S3(S3Store::open(&bucket(url)).await), &name(), "[]").await
}

async fn check_files(url: &str, listing: Listing) -> Result<Vec<CheckFileName>, StoreError> {
    S3Store::open(&bucket(url)).await.list(&listing).await
}

async fn put(responses: Vec<String>) -> (Result<CheckFileName, StoreError>, Vec<String>) {
    let (url, served) = server(responses).await;
    let stored = put_to(&url).await;
    (stored, served.await.unwrap())
}

#[tokio::test]
async fn a_check_file_is_stored_as_immutable_and_only_if_absent() {
    let (stored, heads) = put(vec![response("200 OK", "text/plain", "")]).await;
    assert_eq!(stored.unwrap(), name());
    for expected in [
        "put /b/status/1795330254340493978-a-check.json?x-id=putobject http/1.1",
        "\r\nif-none-match: *\r\n",
        "\r\ncontent-type: application/json\r\n",
        "\r\ncache-control: public, max-age=31536000, immutable\r\n",
        "/eu-west-1/s3/aws4_request",
    ] {
        assert!(heads[0].contains(expected), "{expected} is not in {}", heads[0]);
    }
    assert!(!heads[0].contains("checksum") && !heads[0].contains("aws-chunked"), "{}", heads[0]);
}

#[tokio::test]
async fn unsupported_conditions_are_no_longer_sent() {
    for refusal in
        [error_response("501 Not Implemented", "NotImplemented"), error_response("400 Bad Request", "InvalidArgument")]
    {
        let (stored, heads) = put(vec![refusal, response("200 OK", "text/plain", "")]).await;
        assert_eq!(stored.unwrap(), name());
        assert!(!heads[1].contains("if-none-match"), "{}", heads[1]);
    }
}

#[tokio::test]
async fn a_round_gets_the_next_free_name_unless_it_is_stored() {
    let taken = || error_response("412 Precondition Failed", "PreconditionFailed");
    let responses =
        vec![taken(), response("200 OK", "application/json", "[other]"), response("200 OK", "text/plain", "")];
    let (stored, _) = put(responses).await;
    assert_eq!(stored.unwrap().stored_at, name().stored_at + 1);
    let (stored, _) = put(vec![taken(), response("200 OK", "application/json", "[]")]).await;
    assert_eq!(stored.unwrap(), name());
}

#[tokio::test]
async fn a_check_file_is_put_once_because_the_caller_retries() {
    let (stored, heads) = put(vec![error_response("503 Slow Down", "SlowDown")]).await;
    assert!(stored.unwrap_err().is_transient());
    assert_eq!(heads.len(), 1);
}

#[tokio::test]
async fn a_slow_service_is_still_sent_conditions() {
    let (stored, heads) = put(vec![error_response("400 Bad Request", "RequestTimeout")]).await;
    assert!(stored.unwrap_err().is_transient());
    assert_eq!(heads.len(), 1);
}

#[tokio::test]
async fn a_web_server_that_accepts_anything_is_not_a_store() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
    let (stored, _) = put(vec![page.to_owned()]).await;
    let error = stored.unwrap_err();
    assert!(error.to_string().contains("not from an S3 service") && !error.is_transient(), "{error}");
    let (url, _served) = server(vec![page.to_owned()]).await;
    let error = check_files(&url, Listing::all()).await.unwrap_err();
    assert!(error.to_string().contains("not from an S3 service"), "{error}");
    let (url, _served) = server(vec![response("404 Not Found", "text/html", "<h1>Not Found</h1>")]).await;
    let error = S3Store::open(&bucket(&url)).await.get(&Object::new(&name())).await.unwrap_err();
    assert!(error.to_string().contains("not from an S3 service"), "{error}");
}

#[tokio::test]
async fn errors_name_object_bucket_and_remedy_but_no_secret() {
    let (stored, _) = put(vec![error_response("403 Forbidden", "AccessDenied")]).await;
    let text = stored.unwrap_err().to_string();
    assert!(
        text.starts_with("failed to write `status/1795330254340493978-a-check.json` to the bucket `b` at `http://127."),
        "{text}"
    );
    assert!(text.ends_with("give the key the permission `s3:PutObject` on `arn:aws:s3:::b/status/*`"), "{text}");
    assert!(!text.contains("AKIA") && !text.contains("wJalr"), "{text}");
    let store = S3Store::open(&bucket("http://user:password@127.0.0.1:1")).await;
    assert_eq!(format!("{store:?}"), "S3Store(\"the bucket `b` at `http://127.0.0.1:1`\")");
}

#[tokio::test]
async fn a_refused_connection_is_a_transient_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = put_to(&url).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the connection was refused; check `endpoint_url`, and whether the service is running")
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_service_without_tls_differs_from_an_unreachable_one() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = put_to(&url).await.unwrap_err();
    assert!(error.to_string().contains("no secure connection could be established"), "{error}");
}

#[tokio::test]
async fn all_pages_of_a_listing_are_read_and_decoded() {
    let page = |keys: &[&str], token: &str| {
        let contents =
            keys.iter().map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect::<Vec<_>>().concat();
        let more = if token.is_empty() { "false" } else { "true" };
        let token = if token.is_empty() {
            String::new()
        } else {
            format!("<NextContinuationToken>{token}</NextContinuationToken>")
        };
        response(
            "200 OK",
            "application/xml",
            &format!(
                "<?xml version=\"1.0\"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{more}</IsTruncated>{token}{contents}</ListBucketResult>"
            ),
        )
    };
    let (url, served) = server(vec![
        page(&["status%2F1795330254340493978-a-check.json", "status%2Fodd%01+key"], "more"),
        page(&["status/1795330254340493980-check.json", "status/index.json"], ""),
    ])
    .await;
    let names = check_files(&url, Listing::since(SOME_TIME)).await.unwrap();
    assert_eq!(
        names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["1795330254340493978-a-check.json", "1795330254340493980-check.json"]
    );
    let heads = served.await.unwrap();
    assert!(heads[0].contains("start-after=status%2f1795330254340493977~"), "{}", heads[0]);
    assert!(heads[1].contains("continuation-token=more"), "{}", heads[1]);
}

#[tokio::test]
async fn a_listing_of_old_files_stops_after_them() {
    let page = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>\
        <Contents><Key>status/1795330254340493978-check.json</Key></Contents>\
        <Contents><Key>status/1795330254340493980-check.json</Key></Contents></ListBucketResult>";
    let (url, served) = server(vec![response("200 OK", "application/xml", page)]).await;
    let names = check_files(&url, Listing::until(SOME_TIME + 1)).await.unwrap();
    assert_eq!(names, [CheckFileName { stored_at: SOME_TIME, node: None }]);
    assert_eq!(served.await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_without_batches_deletes_one_by_one() {
    let gone = || response("204 No Content", "text/plain", "");
    let (url, served) = server(vec![error_response("501 Not Implemented", "NotImplemented"), gone(), gone()]).await;
    let names = [name(), next_name(&name())];
    assert_eq!(S3Store::open(&bucket(&url)).await.delete(&names, |_| {}).await.deleted, 2);
    let heads = served.await.unwrap();
    assert!(heads[0].starts_with("post /b/?delete") && heads[2].starts_with("delete /b/status/"), "{heads:?}");
}

#[tokio::test]
async fn an_object_that_cannot_be_deleted_is_reported() {
    let body =
        "<?xml version=\"1.0\"?><DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code></Error></DeleteResult>";
    let (url, _served) = server(vec![response("200 OK", "application/xml", body)]).await;
    let names = [name(), next_name(&name())];
    let mut done = 0;
    let deletion = S3Store::open(&bucket(&url)).await.delete(&names, |count| done = count).await;
    assert_eq!((deletion.deleted, done), (1, 2));
    let error = deletion.failure.unwrap().to_string();
    assert!(error.starts_with("failed to delete 1 of 2 objects, such as `k`, from the bucket `b`"), "{error}");
    assert!(error.contains("`s3:DeleteObject`"), "{error}");
}

#[tokio::test]
async fn a_failed_delete_request_stops_further_ones() {
    // The server would refuse as many requests as there are batches.
    const BATCHES: usize = 3 * DELETES_AT_ONCE.0;
    let refusals = (0..BATCHES).map(|_| error_response("403 Forbidden", "AccessDenied")).collect();
    let (url, served) = server(refusals).await;
    let names: Vec<_> = (0..(BATCHES * DELETE_BATCH) as i64)
        .map(|later| CheckFileName { stored_at: SOME_TIME + later, node: None })
        .collect();
    let deletion = S3Store::open(&bucket(&url)).await.delete(&names, |_| {}).await;
    assert_eq!(deletion.deleted, 0);
    let error = deletion.failure.unwrap().to_string();
    assert!(error.starts_with("failed to delete 12000 of 12000 objects from the bucket `b`"), "{error}");
    assert!(error.contains("access is denied"), "{error}");
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!served.is_finished(), "not every batch was asked for");
}

#[test]
fn keys_of_listings_are_decoded() {
    for (encoded, key) in
        [("a%2Fb+c%2b", Some("a/b c+")), ("%C3%A9", Some("é")), ("%", None), ("%zz", None), ("%FF", None)]
    {
        assert_eq!(decode_url(encoded).as_deref(), key, "{encoded}");
    }
}

/// Starts a server that answers every request with an object of `size` bytes.
async fn server_of_large_objects(size: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !seen.ends_with(b"\r\n\r\n") && connection.read_buf(&mut seen).await.is_ok_and(|read| read > 0) {}
                let head =
                    format!("HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n");
                // The client does not read the body of an object for which it has no room.
                let _ = connection.write_all(head.as_bytes()).await;
                let _ = connection.write_all(&vec![b' '; size]).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn large_objects_are_read_in_several_batches() {
    const SIZE: usize = 30 << 20;
    let store = S3Store::open(&bucket(&server_of_large_objects(SIZE).await)).await;
    let name = |number: i64| CheckFileName { stored_at: SOME_TIME + number, node: None };
    let mut left: Vec<CheckFileName> = (0..5).map(name).collect();
    let mut batches = Vec::new();
    while !left.is_empty() {
        let batch = store.get_batch(&left).await.unwrap();
        let names: Vec<&CheckFileName> = batch.objects.iter().map(|(name, _)| name).collect();
        assert_eq!(names, left.iter().take(batch.names).collect::<Vec<_>>());
        assert!(batch.objects.iter().all(|(_, read)| read.as_ref().is_ok_and(|content| content.len() == SIZE)));
        batches.push(batch.names);
        left.drain(..batch.names);
    }
    assert_eq!(batches, [1; 5]);
}
