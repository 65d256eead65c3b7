//! Functions that `provision` and `deprovision` share, such as finding and describing the bucket.

use std::path::Path;

use shared::page_config::AddressStyle;

use super::{Outcome, load};
use crate::checks::http::{HttpCheck, InvalidUrl};
use crate::cli::BucketArguments;
use crate::config::model::Config;
use crate::provision::revocation::{Revocation, RevokedKey};
use crate::redact::redact_userinfo;
use crate::store::settings::{Bucket, StoreLocation};
use crate::ui;

#[derive(Debug, thiserror::Error)]
pub(super) enum BucketError {
    #[error("no bucket given: use `--bucket NAME`, or `-c FILE` with a configuration whose `storage` is a bucket")]
    Missing,
    #[error("the `storage` in `{0}` is not of type `s3`: use `--bucket NAME`")]
    NotS3(String),
    #[error("invalid `--endpoint-url`: {0}")]
    InvalidEndpointUrl(InvalidUrl),
    /// The operator did not confirm the plan.
    #[error("canceled: nothing was changed; pass `--yes` to skip the prompt")]
    NotConfirmed,
    #[error("canceled: nothing was changed, because the bucket's name was not typed")]
    NameNotTyped,
    /// The plan changed while the command waited for the confirmation.
    #[error(
        "nothing was changed: the service's state changed while this command waited for the confirmation; run it again"
    )]
    ChangedMeanwhile,
}

/// Returns the bucket that the arguments specify, and the configuration if one was given.
pub(super) fn find(arguments: &BucketArguments) -> anyhow::Result<(Bucket, Option<Config>)> {
    let config = arguments.config.as_deref().map(|path| load(path, None)).transpose()?;
    let configured = match config.as_ref().and_then(|config| config.storage.as_ref()).map(|storage| &storage.location) {
        Some(StoreLocation::S3(bucket)) => Some(bucket.clone()),
        _ => None,
    };
    let mut bucket = match (configured, &arguments.name, &arguments.config) {
        (Some(bucket), ..) => bucket,
        (None, Some(name), _) => Bucket {
            name: name.clone(),
            region: None,
            endpoint_url: None,
            address_style: AddressStyle::default(),
            prefix: String::new(),
            keys: None,
        },
        (None, None, Some(path)) => return Err(BucketError::NotS3(path.display().to_string()).into()),
        (None, None, None) => return Err(BucketError::Missing.into()),
    };
    if let Some(name) = &arguments.name {
        bucket.name.clone_from(name);
    }
    if let Some(prefix) = &arguments.prefix {
        bucket.prefix.clone_from(prefix);
    }
    if let Some(url) = &arguments.endpoint_url {
        HttpCheck::parse_url(url).map_err(BucketError::InvalidEndpointUrl)?;
        bucket.endpoint_url = Some(url.trim_end_matches('/').to_owned());
    }
    if arguments.region.is_some() {
        bucket.region.clone_from(&arguments.region);
    }
    if arguments.path_style {
        bucket.address_style = AddressStyle::Path;
    }
    Ok((bucket, config))
}

/// Describes the bucket for users: ``the bucket `b` (region `eu-west-1`, prefix `status/`)``.
pub(super) fn describe(bucket: &Bucket, region: &str) -> String {
    let prefix = if bucket.prefix.is_empty() { String::new() } else { format!(", prefix `{}`", bucket.prefix) };
    let at = bucket.endpoint_url.as_ref().map(|url| format!(" at {}", redact_userinfo(url))).unwrap_or_default();
    format!("the bucket `{}`{at} (region `{region}`{prefix})", bucket.name)
}

/// Returns the path to an output file, as shown in command lines.
pub(super) fn in_folder(out: &Path, name: &str) -> String {
    out.join(name).display().to_string().trim_start_matches("./").to_owned()
}

/// Prints whether deleted keys still work, and which steps the operator must do manually.
pub(super) fn report_completion(revoked: &[(RevokedKey, Revocation)], manual: &[String]) -> Outcome {
    let no_key_works = report_revoked_keys(revoked);
    report_manual_steps(manual);
    if !no_key_works {
        Outcome::Failed
    } else if manual.is_empty() {
        Outcome::Done
    } else {
        Outcome::Found
    }
}

/// Prints whether deleted keys still work. Returns `false` if any of them does.
fn report_revoked_keys(revoked: &[(RevokedKey, Revocation)]) -> bool {
    let refused: Vec<String> = revoked
        .iter()
        .filter(|(_, outcome)| *outcome == Revocation::Refused)
        .map(|(key, _)| format!("`{}`", key.id))
        .collect();
    match refused.as_slice() {
        [] => {}
        [key] => ui::print_line(&format!("The service refuses the key {key}.")),
        keys => ui::print_line(&format!("The service refuses the keys {}.", keys.join(", "))),
    }
    let mut none_works = true;
    for (key, outcome) in revoked {
        match outcome {
            Revocation::Refused => {}
            Revocation::Untried(why) => {
                ui::print_line(&format!(
                    "The key `{}` of `{}` was deleted, but could not be tested: {why}.",
                    key.id, key.user
                ));
            }
            Revocation::StillWorks => {
                none_works = false;
                ui::print_line(&format!(
                    "The key `{}` of `{}` STILL WORKS. Services may need a minute: run the same command again, and if it still works then, delete it with the service's own tools.",
                    key.id, key.user
                ));
            }
        }
    }
    none_works
}

fn report_manual_steps(manual: &[String]) {
    if !manual.is_empty() {
        ui::print_line("\nManual steps:");
    }
    for step in manual {
        ui::print_line(&format!("  - {step}"));
    }
}
