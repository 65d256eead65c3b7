//! Tests the page's side: lists and reads the store that `config.json` specifies, as a browser does for each origin,
//! and verifies that visitors can do nothing else.

use reqwest::Url;
use shared::object_name::{CheckFileName, NodeName};
use shared::page_config::{PageConfig, S3Source, Source};
use shared::{DAY, UnixNanos};

use super::checker_side::{PROBE_TIME, SELF_SERVICE_REMEDY, is_denied, is_refused};
use super::probe::{BrowserResponse, OwnKeyManagement, Signing, StoreProbe};
use super::{Finding, Side, address, clock};
use crate::config::model::Config;
use crate::provision::policy::{self, Scope};
use crate::redact::Secret;
use crate::store::S3Error;
use crate::store::s3::client::decode_url;
use crate::store::settings::{Bucket, StoreLocation, WriterKeys};

/// An origin that does not belong to any page.
const FOREIGN_ORIGIN: &str = "https://checkup-doctor.invalid";
/// The name of a node that does not exist.
const PROBE_NODE: &str = "checkup-doctor-probe";

/// Checks everything on the page's side. `writer` is the checker's configuration, if given.
pub async fn examine(page: &PageConfig, writer: Option<&Config>, origins: &[String], now: UnixNanos) -> Vec<Finding> {
    let skipped = page.skipped.iter();
    let mut findings: Vec<Finding> = skipped
        .map(|skipped| {
            Finding::warning(Side::Page, skipped, "fix `config.json`; until then, the page ignores this setting")
        })
        .collect();
    match &page.source {
        Source::S3(source) => examine_bucket(source, writer, origins, now, &mut findings).await,
        Source::Http { url } => findings.push(Finding::warning(
            Side::Page,
            format!("the page reads `{url}` from a web server, which the doctor does not check"),
            "open the page in a browser: it reports what it cannot load",
        )),
    }
    findings
}

async fn examine_bucket(
    source: &S3Source,
    writer: Option<&Config>,
    origins: &[String],
    now: UnixNanos,
    findings: &mut Vec<Finding>,
) {
    examine_keys(source, writer, findings);
    let bucket = bucket_of(source);
    let signing = if bucket.keys.is_some() { Signing::Signed } else { Signing::Unsigned };
    let probe = match StoreProbe::open(&bucket, signing).await {
        Ok(probe) => probe,
        Err(error) => return findings.push(Finding::failure(Side::Page, error.to_string(), "")),
    };
    let scope = Scope { bucket: &bucket.name, prefix: &bucket.prefix, region: &source.region };
    let listed = probe.list(&bucket.prefix).await;
    if listed == Err(S3Error::ClockSkew) {
        let ahead = clock::ahead(&probe, source, now).await;
        return findings.push(clock::refused_finding(Side::Page, ahead));
    }
    if let Err(error) = listed {
        let remedy = if is_denied(&error) { permissions(&scope, signing) } else { String::new() };
        return findings.push(Finding::failure(Side::Page, format!("the page cannot list the store: {error}"), remedy));
    }
    findings.push(Finding::ok(Side::Page, "the page can list the store"));
    let list = match address::list_url(source, now.saturating_sub(DAY), now) {
        Ok(url) => url,
        Err(error) => return findings.push(Finding::failure(Side::Page, error.to_string(), "")),
    };
    if let Ok(response) = probe.browse(&list, None).await {
        examine_reading(&probe, &scope, signing, &response, findings).await;
    }
    if origins.is_empty() {
        let what = "no origin was given, so access from browsers was not checked";
        findings.push(Finding::warning(
            Side::Page,
            what,
            "pass the page's origin, for example `--origin https://status.example.com`",
        ));
    }
    for origin in origins {
        examine_origin(&probe, &list, origin, findings).await;
    }
    examine_foreign_origin(&probe, &list, origins, findings).await;
    examine_limits(&probe, &bucket, findings).await;
}

/// Checks that the page does not publish a writer's keys, and that it reads the bucket and prefix in which the checker
/// stores results.
fn examine_keys(source: &S3Source, writer: Option<&Config>, findings: &mut Vec<Finding>) {
    let storage = writer.and_then(|config| config.storage.as_ref());
    let Some(StoreLocation::S3(bucket)) = storage.map(|storage| &storage.location) else { return };
    if (&bucket.name, &bucket.prefix) != (&source.bucket, &source.prefix) {
        let what = format!(
            "the page reads `{}/{}`, but the checker stores in `{}/{}`",
            source.bucket, source.prefix, bucket.name, bucket.prefix
        );
        findings.push(Finding::warning(Side::Page, what, "configure the same bucket and prefix in both files"));
    }
    let public = source.public_keys.as_ref().map(|keys| &keys.access_key_id);
    if public.is_some() && public == bucket.keys.as_ref().map(|keys| &keys.access_key_id) {
        let what =
            "the page publishes the checker's own keys: every visitor can store and delete everything the checker can";
        findings.push(Finding::failure(
            Side::Page,
            what,
            "create a reader with `checker provision`, and replace the exposed keys with `checker provision --rotate`",
        ));
    }
}

async fn examine_reading(
    probe: &StoreProbe,
    scope: &Scope<'_>,
    signing: Signing,
    listing: &BrowserResponse,
    findings: &mut Vec<Finding>,
) {
    let Some(key) = first_key(&listing.body, scope.prefix) else {
        return findings.push(Finding::warning(
            Side::Page,
            "no check file was stored in the last 24 hours, so reading was not checked; the page shows everything as unknown",
            "run a round of checks: `checker run`",
        ));
    };
    findings.push(match probe.get(&key).await {
        Ok(()) => Finding::ok(Side::Page, "the page can read check files"),
        Err(error) => {
            let remedy = if is_denied(&error) { permissions(scope, signing) } else { String::new() };
            Finding::failure(Side::Page, format!("the page cannot read check files: {error}"), remedy)
        }
    });
}

async fn examine_origin(probe: &StoreProbe, list: &Url, origin: &str, findings: &mut Vec<Finding>) {
    let remedy = format!("allow it: `checker provision --origin {origin}`");
    let response = match probe.browse(list, Some(origin)).await {
        Ok(response) => response,
        Err(error) => {
            return findings.push(Finding::failure(Side::Page, format!("the store cannot be reached: {error}"), ""));
        }
    };
    findings.push(if response.status == 200 && response.allows_origin(origin) {
        Finding::ok(Side::Page, format!("browsers let a page at {origin} read the store"))
    } else if response.status == 200 {
        Finding::failure(
            Side::Page,
            format!(
                "browsers do not let a page at {origin} read the store: the store's CORS rules do not allow this origin"
            ),
            remedy.clone(),
        )
    } else {
        let code = response.code().map(|code| format!(" {code}")).unwrap_or_default();
        Finding::failure(
            Side::Page,
            format!("the store refuses requests from a page at {origin} (status {}{code})", response.status),
            remedy.clone(),
        )
    });
    let preflight = probe.preflight(list, origin).await;
    if !preflight.is_ok_and(|response| (200..300).contains(&response.status) && response.allows_origin(origin)) {
        let what = format!(
            "the store refuses CORS preflight requests from {origin}; the page does not send any, but other browser tools may"
        );
        findings.push(Finding::warning(Side::Page, what, remedy));
    }
}

async fn examine_foreign_origin(probe: &StoreProbe, list: &Url, origins: &[String], findings: &mut Vec<Finding>) {
    let is_public_on_purpose = origins.iter().any(|origin| origin == "*");
    match probe.browse(list, Some(FOREIGN_ORIGIN)).await {
        Ok(response) if response.allows_origin(FOREIGN_ORIGIN) && !is_public_on_purpose => {
            findings.push(Finding::warning(
                Side::Page,
                "browsers let pages from any origin read the store",
                "allow only the page's origin: `checker provision --origin https://status.example.com`",
            ));
        }
        Ok(response) if !response.allows_origin(FOREIGN_ORIGIN) => {
            findings.push(Finding::ok(Side::Page, "browsers do not let pages from other origins read the store"));
        }
        _ => {}
    }
}

/// Tests that the published keys do not grant more than necessary. Reverts every change that succeeds.
async fn examine_limits(probe: &StoreProbe, bucket: &Bucket, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let mut report = |result: Result<(), S3Error>, what: &str| match result {
        Ok(()) => findings.push(Finding::failure(
            Side::Page,
            format!("every visitor to the page can {what}"),
            "create a reader without this permission: `checker provision`",
        )),
        Err(error) if is_refused(&error) => {}
        Err(error) => findings.push(Finding::warning(
            Side::Page,
            format!("failed to test whether visitors can {what}: {error}"),
            "run the doctor again",
        )),
    };
    let check_file = CheckFileName { stored_at: PROBE_TIME, node: Some(NodeName::from_host_name(PROBE_NODE)) };
    let inside = format!("{}{check_file}", bucket.prefix);
    let stored = probe.put(&inside, "[]").await;
    let was_stored = stored.is_ok();
    // Delete the probe, even if it was not stored: deleting a missing object requires the same permission.
    let deleted = probe.delete(&inside).await;
    let left = format!("store check files (an empty `{inside}` was left behind; delete it)");
    report(stored, if deleted.is_ok() { "store check files" } else { &left });
    report(deleted, if was_stored { "delete objects (the probe was deleted)" } else { "delete objects" });
    if !bucket.prefix.is_empty() {
        report(probe.list("").await, "list objects outside the prefix");
    }
    if bucket.keys.is_some() {
        match probe.list_other_buckets().await {
            Ok(others) if others.is_empty() => {}
            others => report(others.map(drop), "list the account's buckets"),
        }
    }
    report(probe.bucket_policy().await, "read the bucket's policy");
    report(probe.cors().await, "read the bucket's CORS rules");
    match probe.own_key_management().await {
        OwnKeyManagement::Refused => {}
        OwnKeyManagement::Allowed => findings.push(Finding::failure(
            Side::Page,
            "every visitor to the page can manage the reader's access keys: delete the page's key, or create others that keep working after it is replaced",
            SELF_SERVICE_REMEDY,
        )),
        OwnKeyManagement::Unknown(why) => findings.push(Finding::warning(
            Side::Page,
            format!("failed to test whether visitors can manage the reader's access keys: {why}"),
            "run the doctor again",
        )),
    }
    if findings.len() == before {
        let what = "visitors cannot store or delete objects, list objects outside the prefix, read other buckets, policies and CORS rules, or manage access keys";
        findings.push(Finding::ok(Side::Page, what));
    }
}

/// Describes the permissions that a page needs.
fn permissions(scope: &Scope<'_>, signing: Signing) -> String {
    match signing {
        Signing::Signed => format!("the page's keys need these permissions: {}", policy::reader(scope)["Statement"]),
        Signing::Unsigned => {
            let [list, read] = policy::public_statements(scope);
            format!(
                "set `public_access_key_id` and `public_access_key` in `config.json`, or make the bucket public with `checker provision --public`: [{list},{read}]"
            )
        }
    }
}

/// Returns the key of the first check file in a listing, whether or not the listing's keys are URL-encoded.
fn first_key(listing: &str, prefix: &str) -> Option<String> {
    let keys = listing.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
    let spellings = keys.flat_map(|(key, _)| [Some(key.to_owned()), decode_url(key)]);
    spellings.flatten().find(|key| CheckFileName::parse_key(prefix, key).is_some())
}

fn bucket_of(source: &S3Source) -> Bucket {
    Bucket {
        name: source.bucket.clone(),
        region: Some(source.region.clone()),
        endpoint_url: source.endpoint_url.clone(),
        address_style: source.address_style,
        prefix: source.prefix.clone(),
        keys: source.public_keys.as_ref().map(|keys| WriterKeys {
            access_key_id: keys.access_key_id.clone(),
            secret_access_key: Secret::new(keys.secret_access_key.clone()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::doctor::page_side::*;

    #[tokio::test]
    async fn ignored_page_settings_are_reported() {
        let text = r#"{ "foter": "x", "logo": 7, "source": { "type": "http", "url": "store/" } }"#;
        let page = PageConfig::parse(text).expect("the page is shown");
        let findings = examine(&page, None, &[], 0).await;
        let text = crate::doctor::text(&findings);
        assert!(
            text.contains("did you mean `footer`?") && text.contains("`logo` must be a non-empty string"),
            "{text}"
        );
    }

    #[test]
    fn the_first_check_file_of_a_listing_is_found() {
        let listing = "<Contents><Key>shop/notes.txt</Key></Contents><Contents><Key>shop/1795330254340493978-a-check.json</Key></Contents>";
        assert_eq!(first_key(listing, "shop/").as_deref(), Some("shop/1795330254340493978-a-check.json"));
        let encoded = listing.replace("shop/", "shop%2F");
        assert_eq!(first_key(&encoded, "shop/"), first_key(listing, "shop/"));
        assert_eq!(first_key(listing, "other/"), None);
        assert_eq!(first_key("", ""), None);
    }
}
