//! Tests the checker's side: whether its keys allow exactly what the checker needs, whether its clock is correct,
//! whether its check files are recent and expire in time, and whether its spool is empty.

use std::sync::Arc;

use shared::UnixNanos;
use shared::check_file::CheckFile;
use shared::endpoint_status::endpoint_statuses;
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName};
use shared::page_config::S3Source;

use super::probe::{OwnKeyManagement, Signing, StoreProbe};
use super::{Finding, Side, clock, digests, freshness, kind_conflict, maintenance};
use crate::config::model::Config;
use crate::posts::board::Board;
use crate::provision::policy::{self, DeletableFiles, Scope};
use crate::recorder::history_reader::histories_up_to;
use crate::store::settings::{Bucket, Storage, StoreLocation};
use crate::store::spool::{OTHERS_REMEDY, Spool};
use crate::store::{Listing, S3Error, Store};

/// The time in the names of probe files. It is so far in the past that they affect neither the page nor any uptime.
pub(super) const PROBE_TIME: UnixNanos = 1_000_000_000_000_000_000;
/// The contents of probe files: a check file without results.
const PROBE_CONTENT: &str = "[]";
/// The instructions for preventing users from managing their own access keys.
pub(super) const SELF_SERVICE_REMEDY: &str =
    "do not let users manage their own keys in IAM; on SeaweedFS, set `-s3.iam.readOnly=true` after provisioning";
/// The name of a node that does not exist.
const OTHER_NODE: &str = "checkup-doctor";

/// Checks everything on the checker's side.
pub async fn examine(config: &Config, now: UnixNanos) -> Vec<Finding> {
    let Some(storage) = &config.storage else {
        return vec![Finding::failure(
            Side::Checker,
            "the configuration has no `storage`: results are only printed",
            "add `storage`",
        )];
    };
    let mut findings = Vec::new();
    let failure = match &storage.location {
        StoreLocation::S3(bucket) => examine_bucket(bucket, storage, &config.node, now, &mut findings).await,
        StoreLocation::Directory(_) => None,
    };
    // Unless the failure concerns a single permission, every further request would fail in the same way.
    if failure.as_ref().is_none_or(is_denied) {
        examine_files(storage, &config.node, now, &mut findings).await;
    }
    examine_spool(config, storage, &mut findings).await;
    findings
}

/// Tests the writer's keys. Returns the error that ended the tests early, if any.
async fn examine_bucket(
    bucket: &Bucket,
    storage: &Storage,
    node: &NodeName,
    now: UnixNanos,
    findings: &mut Vec<Finding>,
) -> Option<S3Error> {
    let probe = match StoreProbe::open(bucket, Signing::Signed).await {
        Ok(probe) => probe,
        Err(error) => {
            findings.push(Finding::failure(Side::Checker, error.to_string(), ""));
            return None;
        }
    };
    let region = bucket.region.as_deref().unwrap_or_default();
    let scope = Scope { bucket: &bucket.name, prefix: &bucket.prefix, region };
    let ahead = clock::ahead(&probe, &unsigned_source(bucket), now).await;
    let own = format!("{}{}", bucket.prefix, CheckFileName { stored_at: PROBE_TIME, node: Some(node.clone()) });
    let deletable = if storage.check_expiry.is_some() { DeletableFiles::Own } else { DeletableFiles::None };
    let permissions = || {
        let policy = policy::writer(&scope, node, deletable);
        format!("the node `{node}` needs these permissions: {}", policy["Statement"])
    };
    let stored = probe.put(&own, PROBE_CONTENT).await;
    if stored == Err(S3Error::ClockSkew) {
        findings.push(clock::refused_finding(Side::Checker, ahead));
        return Some(S3Error::ClockSkew);
    }
    findings.extend(clock::accepted_finding(Side::Checker, ahead));
    match stored {
        Ok(()) => findings.push(Finding::ok(Side::Checker, format!("the node `{node}` can store its check files"))),
        Err(error) => {
            let remedy = if is_denied(&error) { permissions() } else { String::new() };
            let what = format!("the node `{node}` cannot store its check files: {error}");
            findings.push(Finding::failure(Side::Checker, what, remedy));
            return Some(error);
        }
    }
    findings.push(examine_reading(&probe, bucket, node, &own, permissions).await);
    match (probe.delete(&own).await, storage.check_expiry) {
        (Ok(()), Some(_)) => {
            findings.push(Finding::ok(Side::Checker, "the node can delete its own check files when they expire"));
        }
        (Ok(()), None) => {
            findings.push(Finding::ok(
                Side::Checker,
                "the node can delete its own check files, although they never expire",
            ));
        }
        (Err(error), None) if is_denied(&error) => {
            findings.push(Finding::ok(
                Side::Checker,
                format!("the node cannot delete check files and does not need to, because no expiry is set; an empty `{own}` was left behind"),
            ));
        }
        (Err(error), None) => {
            findings.push(Finding::failure(Side::Checker, format!("failed to delete the empty `{own}`: {error}"), ""));
        }
        (Err(error), Some(_)) => {
            let what = format!("the node cannot delete its own check files when they expire: {error}");
            findings.push(Finding::failure(Side::Checker, what, permissions()));
        }
    }
    if let Err(error) = probe.list(&bucket.prefix).await {
        let what = format!("the node `{node}` cannot list the store: {error}");
        findings.push(Finding::failure(Side::Checker, what, permissions()));
    }
    examine_limits(&probe, bucket, node, findings).await;
    None
}

/// Tests whether the keys can read an object, and whether they can determine that an object is missing. Some services
/// deny reading a missing object, as if it existed, unless the key can list the whole bucket. In that case, a listing
/// must show that it is missing.
async fn examine_reading(
    probe: &StoreProbe,
    bucket: &Bucket,
    node: &NodeName,
    existing: &str,
    permissions: impl Fn() -> String,
) -> Finding {
    let failure = |what: String, error: &S3Error| {
        let remedy = if is_denied(error) { permissions() } else { String::new() };
        Finding::failure(Side::Checker, format!("{what}: {error}"), remedy)
    };
    if let Err(error) = probe.get(existing).await {
        return failure(format!("the node `{node}` cannot read the store"), &error);
    }
    let missing = history_key(bucket, &NodeName::from_host_name(OTHER_NODE));
    let missing = missing.as_str();
    match probe.exists(missing).await {
        Ok(_) => Finding::ok(Side::Checker, format!("the node `{node}` can read the store")),
        Err(error) if is_denied(&error) => match probe.list(missing).await {
            Ok(()) => {
                let what = format!(
                    "the node `{node}` can read the store; the service denies reading missing objects, so the checker lists their names instead"
                );
                Finding::ok(Side::Checker, what)
            }
            Err(error) => {
                let what = format!(
                    "the node `{node}` cannot determine whether a history or heartbeat exists: the service denies both reading and listing the missing object `{missing}`"
                );
                failure(what, &error)
            }
        },
        Err(error) => failure(
            format!("the request for `{missing}`, which does not exist, failed with an unexpected error"),
            &error,
        ),
    }
}

fn history_key(bucket: &Bucket, node: &NodeName) -> String {
    format!("{}{}", bucket.prefix, HistoryName { node: Some(node.clone()), part: HistoryPart::Main })
}

/// Tests that the writer's keys do not grant more than necessary. Reverts every change that succeeds.
async fn examine_limits(probe: &StoreProbe, bucket: &Bucket, node: &NodeName, findings: &mut Vec<Finding>) {
    const REMEDY: &str = "give this node its own writer: `checker provision --writer NODE`";
    let before = findings.len();
    let mut report = |result: Result<(), S3Error>, what: &str| match result {
        Ok(()) => findings.push(Finding::warning(Side::Checker, format!("the keys can {what}"), REMEDY)),
        Err(error) if is_refused(&error) => {}
        Err(error) => {
            let what = format!("failed to test whether the keys can {what}: {error}");
            findings.push(Finding::warning(Side::Checker, what, "run the doctor again"));
        }
    };
    let other_node =
        NodeName::from_host_name(if node.as_str() == OTHER_NODE { "checkup-doctor-2" } else { OTHER_NODE });
    let other_file =
        format!("{}{}", bucket.prefix, CheckFileName { stored_at: PROBE_TIME, node: Some(other_node.clone()) });
    let history = history_key(bucket, &other_node);
    for key in [&other_file, &history] {
        let stored = probe.put(key, PROBE_CONTENT).await;
        if stored.is_ok() {
            let _ = probe.delete(key).await;
        }
        report(stored, &format!("store another node's objects (`{key}`)"));
    }
    if !bucket.prefix.is_empty() {
        report(probe.list("").await, "list objects outside the prefix");
        let outside = format!("{OTHER_NODE}-probe");
        let stored = probe.put(&outside, PROBE_CONTENT).await;
        if stored.is_ok() {
            let _ = probe.delete(&outside).await;
        }
        report(stored, "store objects outside the prefix");
    }
    match probe.list_other_buckets().await {
        Ok(others) if others.is_empty() => {}
        others => report(others.map(drop), "list the account's buckets"),
    }
    report(probe.bucket_policy().await, "read the bucket's policy");
    match probe.own_key_management().await {
        OwnKeyManagement::Refused => {}
        OwnKeyManagement::Allowed => findings.push(Finding::warning(
            Side::Checker,
            "the keys can manage the writer's own access keys: someone who steals them can create others that keep working after they are replaced",
            SELF_SERVICE_REMEDY,
        )),
        OwnKeyManagement::Unknown(why) => findings.push(Finding::warning(
            Side::Checker,
            format!("failed to test whether the keys can manage the writer's own access keys: {why}"),
            "run the doctor again",
        )),
    }
    if findings.len() == before {
        let what = "the keys are restricted: they cannot store other nodes' objects, list or store objects outside the prefix, list other buckets, read policies or manage access keys";
        findings.push(Finding::ok(Side::Checker, what));
    }
}

/// Returns the bucket's address without keys. An unsigned request is enough, because only the time in the response
/// matters.
fn unsigned_source(bucket: &Bucket) -> S3Source {
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
    let store = Arc::new(Store::open(storage).await);
    let names = match store.list::<CheckFileName>(Listing::since(PROBE_TIME + 1)).await {
        Ok(names) => names,
        Err(error) => return findings.push(Finding::failure(Side::Store, error.to_string(), "")),
    };
    if let Err(error) = store.test_lock().await {
        let remedy = "if another program holds the lock, end it, and let only checkers read the directory";
        findings.push(Finding::failure(Side::Checker, error.to_string(), remedy));
    }
    if names.is_empty() {
        let what = format!("{} has no check files yet", store.describe());
        findings.push(Finding::warning(Side::Store, what, "run a round of checks: `checker run`"));
    }
    for newest in freshness::newest(&names).values() {
        let content = store.get(newest).await;
        let file = content.ok().flatten().and_then(|content| CheckFile::parse(&content).ok());
        let interval = file.and_then(|file| file.results.iter().filter_map(|result| result.interval).max());
        findings.push(freshness::node_finding(newest, interval, now));
    }
    if !names.is_empty() {
        findings.push(freshness::expiry_finding(&names, node, storage.check_expiry, now));
    }
    findings.extend(digests::findings(&store, now).await);
    // Ignore errors, because other findings report why histories cannot be read.
    if let Ok(read) = histories_up_to(&store, now).await {
        findings.extend(kind_conflict::findings(&endpoint_statuses(&read.histories), now));
    }
    if let Ok(board) = Board::read(&*store).await {
        findings.extend(maintenance::findings(&board.announcements(now).maintenance, now));
    }
}

async fn examine_spool(config: &Config, storage: &Storage, findings: &mut Vec<Finding>) {
    let spool = Spool::open(&config.spool_dir, storage, &config.node);
    let folder = spool.folder().display().to_string();
    let rounds = match spool.rounds().await {
        Ok(rounds) => rounds,
        Err(error) => return findings.push(Finding::failure(Side::Checker, error.to_string(), "")),
    };
    let waiting = match rounds.own.len() {
        0 => None,
        1 => Some(format!("1 round is waiting in the spool `{folder}`, because it could not be stored")),
        count => Some(format!("{count} rounds are waiting in the spool `{folder}`, because they could not be stored")),
    };
    let remedy = "fix the problems above; waiting rounds are sent before the next one";
    let waiting = waiting.map(|text| Finding::warning(Side::Checker, text, remedy));
    let others = rounds.describe_others().map(|others| format!("the spool `{folder}` contains {others}"));
    let others = others.map(|text| Finding::warning(Side::Checker, text, OTHERS_REMEDY));
    if waiting.is_none() && others.is_none() {
        findings.push(Finding::ok(Side::Checker, "the spool is empty"));
    }
    findings.extend(waiting.into_iter().chain(others));
}

pub(super) fn is_denied(error: &S3Error) -> bool {
    matches!(error, S3Error::AccessDenied { .. })
}

/// Returns whether a service refuses a request permanently, for example because it does not support it.
pub(super) fn is_refused(error: &S3Error) -> bool {
    matches!(error, S3Error::AccessDenied { .. } | S3Error::Refused(_) | S3Error::NotS3 { .. })
}
