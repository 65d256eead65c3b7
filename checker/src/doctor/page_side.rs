//! The page's side: what its `config.json` names is listed and read as a browser would for each origin, and whatever
//! a visitor must not do with it is refused.

use reqwest::Url;
use shared::object_name::{CheckFileName, NodeName};
use shared::page_config::{PageConfig, S3Source, Source};
use shared::{DAY, UnixNanos};

use super::checker_side::{is_denied, is_refused};
use super::probe::{BrowserAnswer, Probe, Signs};
use super::{Finding, Side, address, clock};
use crate::config::model::Config;
use crate::provision::policy::{self, Scope};
use crate::store::S3Error;
use crate::store::settings::{Bucket, Secret, StoreLocation, WriterKeys};

/// An origin that no page has.
const NOBODYS_ORIGIN: &str = "https://checkup-doctor.invalid";
/// A name that nothing has.
const PROBE: &str = "checkup-doctor-probe";

/// Looks at everything on the page's side. `writer` is the checker's configuration, if it is given, too.
pub async fn examine(page: &PageConfig, writer: Option<&Config>, origins: &[String], now: UnixNanos) -> Vec<Finding> {
    let skipped = page.skipped.iter();
    let mut findings: Vec<Finding> = skipped
        .map(|skipped| Finding::warning(Side::Page, skipped, "mend `config.json`; the page does without it until then"))
        .collect();
    match &page.source {
        Source::S3(source) => examine_bucket(source, writer, origins, now, &mut findings).await,
        Source::Http { url } => findings.push(Finding::warning(
            Side::Page,
            format!("the page reads `{url}` from a web server, which is not tried from here"),
            "open the page in a browser: it names what it cannot load",
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
    let signs = if bucket.keys.is_some() { Signs::WithKeys } else { Signs::Not };
    let probe = match Probe::open(&bucket, signs).await {
        Ok(probe) => probe,
        Err(error) => return findings.push(Finding::failure(Side::Page, error.to_string(), "")),
    };
    let scope = Scope { bucket: &bucket.name, prefix: &bucket.prefix, region: &source.region };
    let listed = probe.list(&bucket.prefix).await;
    if listed == Err(S3Error::ClockSkew) {
        let ahead = clock::ahead(&probe, source, now).await;
        return findings.push(clock::of_refused(Side::Page, ahead));
    }
    if let Err(problem) = listed {
        let remedy = if is_denied(&problem) { rights(&scope, signs) } else { String::new() };
        return findings.push(Finding::failure(
            Side::Page,
            format!("the page cannot list the store: {problem}"),
            remedy,
        ));
    }
    findings.push(Finding::ok(Side::Page, "the page may list the store"));
    let list = match address::list(source, now.saturating_sub(DAY), now) {
        Ok(url) => url,
        Err(error) => return findings.push(Finding::failure(Side::Page, error.to_string(), "")),
    };
    if let Ok(answer) = probe.browse(&list, None).await {
        examine_reading(&probe, &scope, signs, &answer, findings).await;
    }
    if origins.is_empty() {
        let what = "no origin is given, so that nobody knows whether browsers let the page read";
        findings.push(Finding::warning(Side::Page, what, "name the page's with `--origin https://status.example.com`"));
    }
    for origin in origins {
        examine_origin(&probe, &list, origin, findings).await;
    }
    examine_foreign_origin(&probe, &list, origins, findings).await;
    examine_limits(&probe, &bucket, findings).await;
}

/// Keys that everybody sees must not be a writer's.
fn examine_keys(source: &S3Source, writer: Option<&Config>, findings: &mut Vec<Finding>) {
    let storage = writer.and_then(|config| config.storage.as_ref());
    let Some(StoreLocation::S3(bucket)) = storage.map(|storage| &storage.location) else { return };
    if (&bucket.name, &bucket.prefix) != (&source.bucket, &source.prefix) {
        let what = format!(
            "the page reads `{}/{}`, and the checker stores in `{}/{}`",
            source.bucket, source.prefix, bucket.name, bucket.prefix
        );
        findings.push(Finding::warning(Side::Page, what, "name the same bucket and prefix in both files"));
    }
    let public = source.public_keys.as_ref().map(|keys| &keys.access_key_id);
    if public.is_some() && public == bucket.keys.as_ref().map(|keys| &keys.access_key_id) {
        let what = "the page publishes the checker's own keys: every visitor may store and delete what the checker may";
        findings.push(Finding::failure(
            Side::Page,
            what,
            "make a reader with `checker provision`, and replace the checker's keys with `--rotate`",
        ));
    }
}

async fn examine_reading(
    probe: &Probe,
    scope: &Scope<'_>,
    signs: Signs,
    listing: &BrowserAnswer,
    findings: &mut Vec<Finding>,
) {
    let Some(key) = first_key(&listing.body, scope.prefix) else {
        return findings.push(Finding::warning(
            Side::Page,
            "nothing was stored within a day, so that reading could not be tried; the page shows everything as unknown",
            "make a round: `checker run`",
        ));
    };
    findings.push(match probe.get(&key).await {
        Ok(()) => Finding::ok(Side::Page, "the page may read check files"),
        Err(problem) => {
            let remedy = if is_denied(&problem) { rights(scope, signs) } else { String::new() };
            Finding::failure(Side::Page, format!("the page cannot read check files: {problem}"), remedy)
        }
    });
}

async fn examine_origin(probe: &Probe, list: &Url, origin: &str, findings: &mut Vec<Finding>) {
    let remedy = format!("allow it: `checker provision --origin {origin}`");
    let answer = match probe.browse(list, Some(origin)).await {
        Ok(answer) => answer,
        Err(problem) => {
            return findings.push(Finding::failure(Side::Page, format!("the store cannot be reached: {problem}"), ""));
        }
    };
    findings.push(if answer.status == 200 && answer.lets(origin) {
        Finding::ok(Side::Page, format!("browsers let a page at {origin} read the store"))
    } else if answer.status == 200 {
        Finding::failure(
            Side::Page,
            format!("browsers let no page at {origin} read the store: its CORS rules do not allow this origin"),
            remedy.clone(),
        )
    } else {
        let code = answer.code().map(|code| format!(" {code}")).unwrap_or_default();
        Finding::failure(
            Side::Page,
            format!("a page at {origin} is refused (status {}{code})", answer.status),
            remedy.clone(),
        )
    });
    let preflight = probe.preflight(list, origin).await;
    if !preflight.is_ok_and(|answer| (200..300).contains(&answer.status) && answer.lets(origin)) {
        let what = format!("a preflight from {origin} is refused; the page needs none, other tools in a browser may");
        findings.push(Finding::warning(Side::Page, what, remedy));
    }
}

async fn examine_foreign_origin(probe: &Probe, list: &Url, origins: &[String], findings: &mut Vec<Finding>) {
    let is_open_on_purpose = origins.iter().any(|origin| origin == "*");
    match probe.browse(list, Some(NOBODYS_ORIGIN)).await {
        Ok(answer) if answer.lets(NOBODYS_ORIGIN) && !is_open_on_purpose => findings.push(Finding::warning(
            Side::Page,
            "browsers let the pages of every origin read the store",
            "name the page's own origin: `checker provision --origin https://status.example.com`",
        )),
        Ok(answer) if !answer.lets(NOBODYS_ORIGIN) => {
            findings.push(Finding::ok(Side::Page, "browsers let no page of another origin read the store"));
        }
        _ => {}
    }
}

/// What a visitor must not do with what the page publishes: each is tried, and what goes through is undone.
async fn examine_limits(probe: &Probe, bucket: &Bucket, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let mut tell = |tried: Result<(), S3Error>, what: &str| match tried {
        Ok(()) => findings.push(Finding::failure(
            Side::Page,
            format!("every visitor of the page may {what}"),
            "make a reader that may not: `checker provision`",
        )),
        Err(problem) if is_refused(&problem) => {}
        Err(problem) => findings.push(Finding::warning(
            Side::Page,
            format!("whether visitors may {what} cannot be seen: {problem}"),
            "try again",
        )),
    };
    let check_file = CheckFileName { stored_at: 1, node: Some(NodeName::from_host_name(PROBE)) };
    let inside = format!("{}{check_file}", bucket.prefix);
    let stored = probe.put(&inside, "[]").await;
    let was_stored = stored.is_ok();
    // Deleting what is not there is allowed or refused like any deletion; it also undoes the probe.
    let deleted = probe.delete(&inside).await;
    let left = format!("store check files (an empty `{inside}` is left: remove it)");
    tell(stored, if deleted.is_ok() { "store check files" } else { &left });
    tell(deleted, if was_stored { "delete objects (the probe was removed)" } else { "delete objects" });
    if !bucket.prefix.is_empty() {
        tell(probe.list("").await, "list beyond the prefix");
    }
    if bucket.keys.is_some() {
        tell(probe.list_buckets().await.map(drop), "list the account's buckets");
    }
    tell(probe.bucket_policy().await, "read the bucket's policy");
    tell(probe.cors().await, "read the bucket's CORS rules");
    if findings.len() == before {
        let what = "visitors may not store, delete, list elsewhere, or look at buckets, policies and rules";
        findings.push(Finding::ok(Side::Page, what));
    }
}

/// The statements that let a page read.
fn rights(scope: &Scope<'_>, signs: Signs) -> String {
    match signs {
        Signs::WithKeys => format!("the rights that the page's keys need: {}", policy::reader(scope)["Statement"]),
        Signs::Not => {
            let [list, read] = policy::public_statements(scope);
            format!(
                "write `public_access_key_id` and `public_access_key` into config.json, or open the bucket with `checker provision --public`: [{list},{read}]"
            )
        }
    }
}

/// The first check file that a listing names.
fn first_key(listing: &str, prefix: &str) -> Option<String> {
    let keys = listing.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
    keys.map(|(key, _)| key.to_owned()).find(|key| CheckFileName::parse_key(prefix, key).is_some())
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
    async fn what_the_page_does_without_is_named() {
        let text = r#"{ "foter": "x", "logo": 7, "source": { "type": "http", "url": "store/" } }"#;
        let page = PageConfig::parse(text).expect("the page is shown");
        let findings = examine(&page, None, &[], 0).await;
        let told = crate::doctor::text(&findings);
        assert!(
            told.contains("did you mean `footer`?") && told.contains("`logo` must be a non-empty string"),
            "{told}"
        );
    }

    #[test]
    fn the_first_check_file_of_a_listing_is_found() {
        let listing = "<Contents><Key>shop/notes.txt</Key></Contents><Contents><Key>shop/1795330254340493978-a-check.json</Key></Contents>";
        assert_eq!(first_key(listing, "shop/").as_deref(), Some("shop/1795330254340493978-a-check.json"));
        assert_eq!(first_key(listing, "other/"), None);
        assert_eq!(first_key("", ""), None);
    }
}
