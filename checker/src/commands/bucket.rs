//! What `provision` and `deprovision` have in common: which bucket, who is asked, and how progress is told.

use std::path::Path;

use shared::page_config::AddressStyle;

use super::load;
use crate::checks::http::{HttpCheck, InvalidUrl};
use crate::cli::BucketArguments;
use crate::config::model::Config;
use crate::redact::without_user;
use crate::store::settings::{Bucket, StoreLocation};

/// Which bucket is meant cannot be known.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    /// Nobody says.
    #[error(
        "no bucket is named; name it with `--bucket NAME`, or name a configuration that stores in one with `-c FILE`"
    )]
    NotSaid,
    /// The configuration stores elsewhere.
    #[error("the `storage` in `{0}` is not of type `s3`; name the bucket with `--bucket NAME`")]
    NoBucket(String),
    /// The service's URL is none.
    #[error("`--endpoint-url`: {0}")]
    Endpoint(InvalidUrl),
    /// Somebody does not want to begin, or nobody is there to ask.
    #[error("canceled: nothing was changed; pass `--yes` to skip the prompt")]
    NotConfirmed,
    /// The bucket's name was not typed.
    #[error("canceled: nothing was changed, since the bucket's name was not typed")]
    NameNotTyped,
}

/// The bucket that is meant, and the configuration it was taken from.
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
        (None, None, Some(path)) => return Err(PlaceError::NoBucket(path.display().to_string()).into()),
        (None, None, None) => return Err(PlaceError::NotSaid.into()),
    };
    if let Some(name) = &arguments.name {
        bucket.name.clone_from(name);
    }
    if let Some(prefix) = &arguments.prefix {
        bucket.prefix.clone_from(prefix);
    }
    if let Some(url) = &arguments.endpoint_url {
        HttpCheck::parse_url(url).map_err(PlaceError::Endpoint)?;
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

/// The bucket as people call it: ``the bucket `b` (region `eu-west-1`, below `status/`) ``.
pub(super) fn describe(bucket: &Bucket, region: &str) -> String {
    let below = if bucket.prefix.is_empty() { String::new() } else { format!(", below `{}`", bucket.prefix) };
    let at = bucket.endpoint_url.as_ref().map(|url| format!(" at {}", without_user(url))).unwrap_or_default();
    format!("the bucket `{}`{at} (region `{region}`{below})", bucket.name)
}

/// A path as it stands in a command line.
pub(super) fn in_folder(out: &Path, name: &str) -> String {
    out.join(name).display().to_string().trim_start_matches("./").to_owned()
}
