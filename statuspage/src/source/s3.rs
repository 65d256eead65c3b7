//! URLs and responses of an S3 bucket, which is listed with `ListObjectsV2`. With public keys, requests are signed in
//! the query. This module is pure.

use shared::UnixNanos;
use shared::object_name::{self, CheckFileName, DigestName, HistoryName};
use shared::page_config::S3Source;
use shared::s3_request::{self, BucketAddress, S3ErrorKind};

use super::sigv4::{Signer, encode_path, encode_query};
use super::xml;
use crate::i18n::{Text, texts};
use crate::percent;
use crate::store::{HistoryListing, ListedFile, Listing, StoreError};

/// One page of a listing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListingPage {
    pub(crate) listing: Listing,
    /// The continuation token of the next page, or `None` if no more check files follow.
    pub(crate) next: Option<String>,
}

/// Returns the URL of one page of a listing that contains the check files stored at `from` or later.
pub(crate) fn list_url(source: &S3Source, from: UnixNanos, continuation: Option<&str>, now: UnixNanos) -> String {
    let query = s3_request::list_query(source, from, continuation);
    url(source, "", &query, now)
}

pub(crate) fn object_url(source: &S3Source, name: &impl std::fmt::Display, now: UnixNanos) -> String {
    url(source, &format!("{}{name}", source.prefix), &[], now)
}

/// Returns the URL for listing all histories and digests of posts. There are two objects per node and one per author, so
/// they fit on one page.
pub(crate) fn histories_url(source: &S3Source, now: UnixNanos) -> String {
    let prefix = format!("{}{}", source.prefix, object_name::HISTORY_FOLDER);
    url(source, "", &[("list-type", "2".to_owned()), ("encoding-type", "url".to_owned()), ("prefix", prefix)], now)
}

/// Returns the scheme, host and port of all requests to this bucket.
pub(crate) fn origin(source: &S3Source) -> String {
    BucketAddress::new(source).origin()
}

fn url(source: &S3Source, key: &str, query: &[(&str, String)], now: UnixNanos) -> String {
    let BucketAddress { scheme, host, path } = BucketAddress::new(source);
    let path = encode_path(&format!("{path}{key}"));
    let query = match &source.public_keys {
        Some(keys) => Signer::new(keys, &source.region, now).presigned_query(&host, &path, query),
        None => encode_query(query),
    };
    let question_mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{host}{path}{question_mark}{query}")
}

/// Parses one page of a listing.
pub(crate) fn parse_listing(source: &S3Source, body: &str) -> Result<ListingPage, StoreError> {
    let Some(result) = xml::elements(body, "ListBucketResult").next() else {
        return Err(StoreError::InvalidListing);
    };
    let is_encoded = xml::text(result, "EncodingType").is_some_and(|encoding| encoding == "url");
    let plain = |text: String| if is_encoded { percent::decode(&text) } else { text };
    let mut listing = Listing::default();
    let mut digests = Vec::new();
    let mut last_key = String::new();
    for object in xml::elements(result, "Contents") {
        let Some(key) = xml::text(object, "Key").map(plain) else { continue };
        let size = xml::text(object, "Size").and_then(|size| size.parse().ok());
        match CheckFileName::parse_key(&source.prefix, &key) {
            Some(name) => listing.files.push(ListedFile { name, size, file: None }),
            None => match DigestName::parse_key(&source.prefix, &key) {
                Some(name) => digests.push((name, xml::text(object, "ETag"))),
                None => listing.unrelated.push(key.strip_prefix(&source.prefix).unwrap_or(&key).to_owned()),
            },
        }
        last_key = key;
    }
    // Check file names start with a digit, so none of them sort after names that start with `9`.
    let is_past_digits = last_key > format!("{}:", source.prefix);
    let is_truncated = xml::text(result, "IsTruncated").is_some_and(|truncated| truncated == "true");
    // `0` follows the slash at the end of the folder's name.
    let is_past_histories =
        last_key > format!("{}{}0", source.prefix, object_name::HISTORY_FOLDER.trim_end_matches('/'));
    listing.digests = (!is_truncated || is_past_histories).then_some(digests);
    let next = xml::text(result, "NextContinuationToken").filter(|_| is_truncated && !is_past_digits);
    Ok(ListingPage { listing, next })
}

/// Parses a listing of histories and digests of posts.
pub(crate) fn parse_histories(source: &S3Source, body: &str) -> HistoryListing {
    let is_encoded = xml::text(body, "EncodingType").is_some_and(|encoding| encoding == "url");
    let mut listing = HistoryListing::default();
    for object in xml::elements(body, "Contents") {
        let Some(key) = xml::text(object, "Key") else { continue };
        let key = if is_encoded { percent::decode(&key) } else { key };
        let etag = xml::text(object, "ETag");
        if let Some(name) = HistoryName::parse_key(&source.prefix, &key) {
            listing.histories.push((name, etag));
        } else if let Some(name) = DigestName::parse_key(&source.prefix, &key) {
            listing.digests.push((name, etag));
        }
    }
    listing
}

/// Parses an error response and determines the remedy.
pub(crate) fn parse_error(status: u16, body: &str) -> StoreError {
    let error = xml::elements(body, "Error").next().unwrap_or_default();
    let code = xml::text(error, "Code").unwrap_or_default();
    let message = xml::text(error, "Message").unwrap_or_default();
    let region = xml::text(error, "Region").or_else(|| xml::text(error, "Endpoint"));
    let remedy = remedy(status, &code, &message, region.is_some());
    let mut described = status.to_string();
    for part in [code, message] {
        if !part.is_empty() {
            described.push_str(": ");
            described.push_str(&shared::check_file::shortened(part, 200));
        }
    }
    let region = shared::check_file::shortened(region.unwrap_or_default(), 100);
    StoreError::UnexpectedStatus { status: described, remedy, region }
}

fn remedy(status: u16, code: &str, message: &str, has_region: bool) -> Text {
    match S3ErrorKind::from_code(code, message) {
        Some(S3ErrorKind::WrongSecret) => texts::KEY_MISMATCH,
        Some(S3ErrorKind::UnknownKey) => texts::KEY_UNKNOWN,
        Some(S3ErrorKind::ExpiredCredentials) => texts::CHECK_KEYS,
        Some(S3ErrorKind::ExpiredUrl) => texts::CLOCK_DAYS_OFF,
        Some(S3ErrorKind::AccessDenied) => texts::PERMISSIONS_MISSING,
        Some(S3ErrorKind::NoSuchBucket) => texts::CHECK_BUCKET,
        Some(S3ErrorKind::NoSuchKey) => texts::DELETED,
        Some(S3ErrorKind::WrongRegion) if has_region => texts::OTHER_REGION_OF,
        Some(S3ErrorKind::WrongRegion) => texts::OTHER_REGION,
        Some(S3ErrorKind::ClockSkew) => texts::CLOCK_OFF,
        Some(S3ErrorKind::Busy) => texts::STORE_OVERLOADED,
        None => match status {
            301 | 307 => texts::OTHER_REGION,
            401 | 403 => texts::CHECK_KEYS,
            404 => texts::CHECK_ADDRESS,
            500.. => texts::STORE_ERROR,
            _ => texts::CHECK_SOURCE,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::english;
    use proptest::prelude::*;
    use shared::page_config::{AddressStyle, PublicKeys};

    fn bucket() -> S3Source {
        S3Source {
            bucket: "status".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint_url: None,
            address_style: AddressStyle::VirtualHost,
            prefix: String::new(),
            public_keys: None,
        }
    }

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    #[test]
    fn aws_buckets_are_part_of_the_host_name() {
        assert_eq!(
            list_url(&bucket(), NOW, None, NOW),
            "https://status.s3.eu-central-1.amazonaws.com/?encoding-type=url&list-type=2&start-after=1795330254340493977~"
        );
        let name = CheckFileName { stored_at: NOW, node: None };
        assert_eq!(
            object_url(&bucket(), &name, NOW),
            "https://status.s3.eu-central-1.amazonaws.com/1795330254340493978-check.json"
        );
    }

    #[test]
    fn path_style_urls_have_a_slash_after_the_bucket() {
        let source = S3Source {
            endpoint_url: Some("http://127.0.0.1:18400".to_owned()),
            address_style: AddressStyle::Path,
            prefix: "a b/".to_owned(),
            ..bucket()
        };
        assert_eq!(
            list_url(&source, NOW, Some("to/ken="), NOW),
            "http://127.0.0.1:18400/status/?continuation-token=to%2Fken%3D&encoding-type=url&list-type=2&prefix=a%20b%2F"
        );
        let name = CheckFileName::parse("1795330254340493978-eu-west-check.json").expect("a name");
        assert_eq!(
            object_url(&source, &name, NOW),
            "http://127.0.0.1:18400/status/a%20b/1795330254340493978-eu-west-check.json"
        );
    }

    #[test]
    fn the_signed_host_is_the_one_that_browsers_send() {
        let source = S3Source { endpoint_url: Some("https://S3.example.com:443".to_owned()), ..bucket() };
        assert_eq!(origin(&source), "https://status.s3.example.com");
        let source = S3Source { endpoint_url: Some("http://localhost:9000/base".to_owned()), ..bucket() };
        assert_eq!(
            object_url(&source, &CheckFileName { stored_at: NOW, node: None }, NOW),
            "http://status.localhost:9000/base/1795330254340493978-check.json"
        );
    }

    #[test]
    fn public_keys_sign_the_query() {
        let keys = PublicKeys { access_key_id: "AKIA".to_owned(), secret_access_key: "secret".to_owned() };
        let url = list_url(&S3Source { public_keys: Some(keys), ..bucket() }, NOW, None, NOW);
        assert!(url.contains("X-Amz-Credential=AKIA%2F20261122%2Feu-central-1%2Fs3%2Faws4_request"), "{url}");
        assert!(url.contains("&X-Amz-Signature=") && !url.contains("secret"), "{url}");
    }

    #[test]
    fn a_listing_has_decoded_keys_sizes_and_a_next_page() {
        let source = S3Source { prefix: "a b/".to_owned(), ..bucket() };
        let page = parse_listing(
            &source,
            r#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>
            <Contents><Key>a+b/1795330254340493978-eu-west-check.json</Key><Size>812</Size></Contents>
            <Contents><Key>a%20b/1795330254340493979-check.json</Key></Contents>
            <Contents><Key>a%20b/17-x%26y.txt</Key><Size>5</Size></Contents>
            <EncodingType>url</EncodingType><NextContinuationToken>1ue&amp;=</NextContinuationToken></ListBucketResult>"#,
        )
        .expect("a listing");
        let names: Vec<String> = page.listing.files.iter().map(|listed| listed.name.to_string()).collect();
        assert_eq!(names, ["1795330254340493978-eu-west-check.json", "1795330254340493979-check.json"]);
        assert_eq!(page.listing.files[0].size, Some(812));
        assert_eq!(page.listing.unrelated, ["17-x&y.txt"]);
        assert_eq!(page.next.as_deref(), Some("1ue&="));
    }

    #[test]
    fn a_listing_ends_after_the_last_possible_check_file() {
        let page = parse_listing(
            &bucket(),
            "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>logs/1</Key></Contents><NextContinuationToken>x</NextContinuationToken></ListBucketResult>",
        )
        .expect("a listing");
        assert_eq!(page.next, None);
    }

    #[test]
    fn a_listing_has_digests_if_it_reaches_them() {
        let digests = |body: &str| {
            let page =
                parse_listing(&bucket(), &format!("<ListBucketResult>{body}</ListBucketResult>")).expect("valid");
            assert!(page.listing.unrelated.iter().all(|name| !name.ends_with(".posts.json")));
            page.listing
                .digests
                .map(|digests| digests.into_iter().map(|(name, etag)| (name.to_string(), etag)).collect())
        };
        let anna = "<Contents><Key>history/anna.posts.json</Key><ETag>&quot;1&quot;</ETag></Contents>";
        let one = vec![("history/anna.posts.json".to_owned(), Some("\"1\"".to_owned()))];
        assert_eq!(digests(anna), Some(one.clone()));
        assert_eq!(digests(&format!("{anna}<IsTruncated>true</IsTruncated>")), None::<Vec<_>>, "more may follow");
        let after = "<Contents><Key>logs/1</Key></Contents><IsTruncated>true</IsTruncated>";
        assert_eq!(digests(&format!("{anna}{after}")), Some(one));
        let listing = parse_histories(&bucket(), &format!("{anna}<Contents><Key>history/eu.json</Key></Contents>"));
        assert_eq!((listing.histories.len(), listing.digests.len()), (1, 1));
    }

    #[test]
    fn a_web_page_is_an_invalid_listing() {
        assert_eq!(parse_listing(&bucket(), "<!doctype html><p>Welcome"), Err(StoreError::InvalidListing));
    }

    #[test]
    fn each_error_names_a_remedy() {
        for (status, code, remedy) in [
            (403, "SignatureDoesNotMatch", "does not match"),
            (403, "InvalidAccessKeyId", "does not recognize `public_access_key_id`"),
            (403, "AccessDenied", "s3:ListBucket"),
            (404, "NoSuchBucket", "check `bucket`"),
            (301, "PermanentRedirect", "`eu-west-3`"),
            (403, "RequestTimeTooSkewed", "clock"),
            (503, "SlowDown", "will retry"),
        ] {
            let body = format!("<Error><Code>{code}</Code><Message>No.</Message><Region>eu-west-3</Region></Error>");
            let error = parse_error(status, &body).describe(english());
            assert!(error.contains(code) && error.contains(remedy), "{error}");
        }
        assert!(parse_error(502, "<html>Bad gateway").describe(english()).contains("status 502"));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(body in r"(<ListBucketResult>|</ListBucketResult>|<Contents>|</Contents>|<Key>|</Key>|9|-check.json|<Error>|%|&|ä){0,30}") {
            let _ = parse_listing(&bucket(), &body);
            let _ = parse_error(403, &body);
        }
    }
}
