//! Findings about outputs: which of them everyone can read without keys, as feed readers and other programs must.

use shared::object_name::{
    HistoryName, HistoryPart, OutputForm, OutputName, StatuspageDocument, SummaryForm, SummaryName,
};

use super::checker_side::is_denied;
use super::probe::{Signing, StoreProbe};
use super::web_outputs::{examine_site, listed};
use super::{Finding, Side};
use crate::config::model::{Config, OutputKind};
use crate::store::settings::{Bucket, StoreLocation};

/// How to let clients without keys read outputs.
const REMEDY: &str = "for feed readers and other clients without keys, run `checker provision --public-outputs`, `checker export` or `checker serve`";

/// Reports which outputs everyone can read in a bucket or, if the store is a directory, next to the page.
pub async fn examine(config: &Config) -> Option<Finding> {
    match config.storage.as_ref().map(|storage| &storage.location)? {
        StoreLocation::S3(bucket) => examine_bucket(config, bucket).await,
        StoreLocation::Directory(_) if !config.summaries && config.outputs.stored.is_empty() => None,
        StoreLocation::Directory(folder) => Some(examine_site(config, &folder.display().to_string()).await),
    }
}

/// Compares what the writer's keys and requests without keys can read. Ignores other errors, because other findings report
/// why the store cannot be read.
async fn examine_bucket(config: &Config, bucket: &Bucket) -> Option<Finding> {
    let signed = StoreProbe::open(bucket, Signing::Signed).await.ok()?;
    let unsigned = StoreProbe::open(bucket, Signing::Unsigned).await.ok()?;
    let key = |name: String| format!("{}{name}", bucket.prefix);
    let (mut public, mut private) = (Vec::new(), Vec::new());
    for (what, name) in examples(config) {
        let name = key(name);
        // Without keys, services deny access to a missing object instead of reporting that it is missing.
        if signed.exists(&name).await != Ok(true) {
            continue;
        }
        match unsigned.exists(&name).await {
            Ok(true) => public.push(what),
            Err(error) if is_denied(&error) => private.push(what),
            _ => {}
        }
    }
    let history = HistoryName { node: Some(config.node.clone()), part: HistoryPart::Main };
    let is_open = unsigned.exists(&key(history.to_string())).await == Ok(true);
    describe(&public, &private, is_open)
}

/// Returns an object of each kind that the node stores, with the name of the kind.
fn examples(config: &Config) -> Vec<(&'static str, String)> {
    let summary = |form| SummaryName { node: config.node.clone(), form }.to_string();
    let output = |form| OutputName { node: config.node.clone(), form }.to_string();
    let mut examples = Vec::new();
    if config.summaries {
        examples.push(("summaries", summary(SummaryForm::Json)));
        examples.push(("badges", summary(SummaryForm::OverallBadge)));
    }
    examples.extend(config.outputs.stored.iter().filter_map(|kind| match kind {
        OutputKind::Feeds => Some(("feeds", output(OutputForm::Atom))),
        OutputKind::Calendar => Some(("the calendar", output(OutputForm::Calendar))),
        OutputKind::Statuspage => {
            Some(("the Statuspage API", output(OutputForm::Statuspage(StatuspageDocument::Summary))))
        }
        // These badges have the same permissions as the other outputs.
        OutputKind::Badges => None,
    }));
    examples
}

fn describe(public: &[&str], private: &[&str], is_open: bool) -> Option<Finding> {
    let what = match (public, private) {
        ([], []) => return None,
        ([], private) => {
            let what = format!("only clients with keys can read {}; {REMEDY}", listed(private));
            return Some(Finding::ok(Side::Store, what));
        }
        (public, []) => format!("everyone can read {}", listed(public)),
        (public, private) => format!("everyone can read {}, but not {}", listed(public), listed(private)),
    };
    let histories = if is_open { "public" } else { "private" };
    Some(Finding::ok(Side::Store, format!("{what}; histories are {histories}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_what_everyone_can_read() {
        let what = |public: &[&str], private: &[&str], is_open| {
            describe(public, private, is_open).map(|finding| finding.what).unwrap_or_default()
        };
        assert_eq!(what(&[], &[], false), "");
        assert_eq!(what(&["badges", "feeds"], &[], false), "everyone can read badges and feeds; histories are private");
        let mixed = what(&["summaries", "badges", "feeds"], &["the calendar"], true);
        assert_eq!(mixed, "everyone can read summaries, badges and feeds, but not the calendar; histories are public");
        let private = what(&[], &["feeds"], false);
        assert!(private.starts_with("only clients with keys can read feeds; for feed readers"), "{private}");
    }
}
