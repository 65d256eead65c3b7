//! The checker's side: its keys may do what the checker does and nothing else, its clock is right, its files are
//! fresh and go in time, and nothing waits in its spool.

use shared::UnixNanos;
use shared::check_file::CheckFile;
use shared::object_name::{CheckFileName, NodeName};
use shared::page_config::S3Source;

use super::probe::{Probe, Signs};
use super::{Finding, Side, clock, freshness};
use crate::config::model::Config;
use crate::provision::policy::{self, Expires, Scope};
use crate::store::settings::{Bucket, Storage, StoreLocation};
use crate::store::spool::Spool;
use crate::store::{Listing, S3Error, Store};

/// When probes were stored, by their names: so long ago that no page and no uptime takes notice.
const PROBE_TIME: UnixNanos = 1;
/// What is in a probe: a round without results.
const PROBE_CONTENT: &str = "[]";
/// A node that nobody has.
const NOBODY: &str = "checkup-doctor";

/// Looks at everything on the checker's side.
pub async fn examine(config: &Config, now: UnixNanos) -> Vec<Finding> {
    let Some(storage) = &config.storage else {
        return vec![Finding::failure(
            Side::Checker,
            "the configuration names no storage: rounds are only printed",
            "add `storage`",
        )];
    };
    let mut findings = Vec::new();
    let told = match &storage.location {
        StoreLocation::S3(bucket) => examine_bucket(bucket, storage, &config.node, now, &mut findings).await,
        StoreLocation::Directory(_) => None,
    };
    // What is no matter of a single right holds for every request, and saying it twice helps nobody.
    if told.as_ref().is_none_or(is_denied) {
        examine_files(storage, &config.node, now, &mut findings).await;
    }
    examine_spool(config, storage, &mut findings).await;
    findings
}

/// Tries the writer's keys; returns the problem that ended it early, if one did.
async fn examine_bucket(
    bucket: &Bucket,
    storage: &Storage,
    node: &NodeName,
    now: UnixNanos,
    findings: &mut Vec<Finding>,
) -> Option<S3Error> {
    let probe = match Probe::open(bucket, Signs::WithKeys).await {
        Ok(probe) => probe,
        Err(error) => {
            findings.push(Finding::failure(Side::Checker, error.to_string(), ""));
            return None;
        }
    };
    let region = bucket.region.as_deref().unwrap_or_default();
    let scope = Scope { bucket: &bucket.name, prefix: &bucket.prefix, region };
    let ahead = clock::ahead(&probe, &as_pages_reach_it(bucket), now).await;
    let own = format!("{}{}", bucket.prefix, CheckFileName { stored_at: PROBE_TIME, node: Some(node.clone()) });
    let expires = if storage.check_expiry.is_some() { Expires::Own } else { Expires::Nothing };
    let statements = || {
        let policy = policy::writer(&scope, node, expires);
        format!("the rights that the node `{node}` needs: {}", policy["Statement"])
    };
    let stored = probe.put(&own, PROBE_CONTENT).await;
    if stored == Err(S3Error::ClockSkew) {
        findings.push(clock::of_refused(Side::Checker, ahead));
        return Some(S3Error::ClockSkew);
    }
    findings.extend(clock::of_accepted(Side::Checker, ahead));
    match stored {
        Ok(()) => findings.push(Finding::ok(Side::Checker, format!("the node `{node}` may store its check files"))),
        Err(problem) => {
            let remedy = if is_denied(&problem) { statements() } else { String::new() };
            let what = format!("the node `{node}` cannot store its check files: {problem}");
            findings.push(Finding::failure(Side::Checker, what, remedy));
            return Some(problem);
        }
    }
    match (probe.delete(&own).await, storage.check_expiry) {
        (Ok(()), Some(_)) => {
            findings.push(Finding::ok(Side::Checker, "it may delete its own check files, which it expires"));
        }
        (Ok(()), None) => {
            findings.push(Finding::ok(Side::Checker, "it may delete its own check files, but it expires none"));
        }
        (Err(problem), None) if is_denied(&problem) => {
            findings.push(Finding::ok(
                Side::Checker,
                format!("it may delete nothing, and it expires nothing; an empty `{own}` stays"),
            ));
        }
        (Err(problem), _) => {
            let what = format!("it cannot delete its own check files, so that they do not expire: {problem}");
            findings.push(Finding::failure(Side::Checker, what, statements()));
        }
    }
    if let Err(problem) = probe.list(&bucket.prefix).await {
        let what = format!("the node `{node}` cannot list what is stored: {problem}");
        findings.push(Finding::failure(Side::Checker, what, statements()));
    }
    examine_limits(&probe, bucket, node, findings).await;
    None
}

/// What a writer's keys must not do: each is tried, and what goes through is undone.
async fn examine_limits(probe: &Probe, bucket: &Bucket, node: &NodeName, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let mut tell = |tried: Result<(), S3Error>, what: &str, remedy: &str| match tried {
        Ok(()) => findings.push(Finding::warning(Side::Checker, format!("the keys may {what}"), remedy)),
        Err(problem) if is_refused(&problem) => {}
        Err(problem) => {
            findings.push(Finding::warning(
                Side::Checker,
                format!("whether the keys may {what} cannot be seen: {problem}"),
                "try again",
            ));
        }
    };
    let narrower = "give this node a writer of its own: `checker provision --writer NODE`";
    let other_node = NodeName::from_host_name(if node.as_str() == NOBODY { "somebody-else" } else { NOBODY });
    let others =
        format!("{}{}", bucket.prefix, CheckFileName { stored_at: PROBE_TIME, node: Some(other_node.clone()) });
    let history = shared::object_name::patterns::history(&bucket.prefix, &other_node)[0].clone();
    for key in [&others, &history] {
        let stored = probe.put(key, PROBE_CONTENT).await;
        if stored.is_ok() {
            // It is our own probe, and must not stay.
            let _ = probe.delete(key).await;
        }
        tell(stored, &format!("store in the name of another node (`{key}`)"), narrower);
    }
    if !bucket.prefix.is_empty() {
        tell(probe.list("").await, "list beyond the prefix", narrower);
        let outside = format!("{NOBODY}-probe");
        let stored = probe.put(&outside, PROBE_CONTENT).await;
        if stored.is_ok() {
            let _ = probe.delete(&outside).await;
        }
        tell(stored, "store beyond the prefix", narrower);
    }
    tell(probe.list_buckets().await.map(drop), "list the account's buckets", narrower);
    tell(probe.bucket_policy().await, "read the bucket's policy", narrower);
    if findings.len() == before {
        let what = "it may not store in other nodes' names, list or store elsewhere, or look at buckets and policies";
        findings.push(Finding::ok(Side::Checker, what));
    }
}

/// The bucket's address without keys; any answer tells the time.
fn as_pages_reach_it(bucket: &Bucket) -> S3Source {
    S3Source {
        bucket: bucket.name.clone(),
        region: bucket.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
        endpoint_url: bucket.endpoint_url.clone(),
        address_style: bucket.address_style,
        prefix: bucket.prefix.clone(),
        public_keys: None,
    }
}

async fn examine_files(storage: &Storage, node: &NodeName, now: UnixNanos, findings: &mut Vec<Finding>) {
    let store = Store::open(storage).await;
    let names = match store.list::<CheckFileName>(Listing::since(PROBE_TIME + 1)).await {
        Ok(names) => names,
        Err(error) => return findings.push(Finding::failure(Side::Store, error.to_string(), "")),
    };
    if names.is_empty() {
        let what = format!("no check file is in {} yet", store.describe());
        findings.push(Finding::warning(Side::Store, what, "make a round: `checker run`"));
    }
    for newest in freshness::newest(&names).values() {
        let content = store.get(newest).await;
        let file = content.ok().flatten().and_then(|content| CheckFile::parse(&content).ok());
        let interval = file.and_then(|file| file.results.iter().filter_map(|result| result.interval).max());
        findings.push(freshness::of_node(newest, interval, now));
    }
    if !names.is_empty() {
        findings.push(freshness::of_expiry(&names, node, storage.check_expiry, now));
    }
}

async fn examine_spool(config: &Config, storage: &Storage, findings: &mut Vec<Finding>) {
    let spool = Spool::open(&config.spool_dir, storage);
    let folder = spool.folder().display().to_string();
    findings.push(match spool.waiting().await {
        Ok(waiting) if waiting.is_empty() => Finding::ok(Side::Checker, "no round waits in the spool"),
        Ok(waiting) => Finding::warning(
            Side::Checker,
            match waiting.len() {
                1 => format!("1 round waits in the spool `{folder}`: it could not be stored"),
                count => format!("{count} rounds wait in the spool `{folder}`: they could not be stored"),
            },
            "mend what is named above; the next round sends them first",
        ),
        Err(error) => Finding::failure(Side::Checker, error.to_string(), ""),
    });
}

pub(super) fn is_denied(problem: &S3Error) -> bool {
    matches!(problem, S3Error::AccessDenied { .. })
}

/// Whether a service refuses for good; one that does not know the call allows it even less.
pub(super) fn is_refused(problem: &S3Error) -> bool {
    matches!(problem, S3Error::AccessDenied { .. } | S3Error::Refused(_) | S3Error::NotS3 { .. })
}
