//! The settings of a store, which come from the configuration.

use std::path::PathBuf;

use shared::Nanos;
use shared::page_config::AddressStyle;

use crate::redact::Secret;

/// Where results are stored, and for how long.
#[derive(Debug, Clone)]
pub struct Storage {
    pub location: StoreLocation,
    /// The age at which check files are deleted, or `None` to keep them.
    pub check_expiry: Option<Nanos>,
    /// How far back this node's history reaches.
    pub history_expiry: Nanos,
}

/// The kinds of stores. To add one, add a module under `store/` and a variant here.
#[derive(Debug, Clone)]
pub enum StoreLocation {
    /// A bucket of an S3 service.
    S3(Bucket),
    /// A directory on this machine.
    Directory(PathBuf),
}

/// A bucket, and the settings for accessing it.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub name: String,
    /// The region. If `None`, it comes from the environment or the profile, and defaults to `us-east-1`.
    pub region: Option<String>,
    /// The service's URL. If `None`, it comes from the environment, and defaults to that of AWS.
    pub endpoint_url: Option<String>,
    /// Whether URLs contain the bucket's name in their host or in their path.
    pub address_style: AddressStyle,
    /// The prefix of all keys: empty, or one or more folders with a trailing slash.
    pub prefix: String,
    /// The writer's keys. Without them, the AWS default credential chain is used (environment, profile, instance role).
    pub keys: Option<WriterKeys>,
}

/// The writer's keys. The secret never leaves the checker; requests contain only signatures made with it.
#[derive(Debug, Clone)]
pub struct WriterKeys {
    pub access_key_id: String,
    pub secret_access_key: Secret,
}
