//! The settings of a store, which the configuration fills in.

use std::fmt;
use std::path::PathBuf;

use shared::Nanos;
use shared::page_config::AddressStyle;

/// Where results are stored, and for how long.
#[derive(Debug, Clone)]
pub struct Storage {
    pub location: StoreLocation,
    /// The age at which check files are removed; `None` keeps them.
    pub check_expiry: Option<Nanos>,
    /// How far back this node's history reaches.
    pub history_expiry: Nanos,
}

/// The kinds of store. A new kind is a file under `store/` and an arm here.
#[derive(Debug, Clone)]
pub enum StoreLocation {
    /// A bucket of an S3 service.
    S3(Bucket),
    /// A directory of this machine.
    Directory(PathBuf),
}

/// A bucket, as the checker reaches it.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// The bucket's name.
    pub name: String,
    /// Its region; `None` asks the environment and the profile, and falls back to `us-east-1`.
    pub region: Option<String>,
    /// The service's URL; `None` is AWS (or what the environment says).
    pub endpoint_url: Option<String>,
    /// Where the bucket's name stands in a URL.
    pub address_style: AddressStyle,
    /// What every object's name begins with: empty, or folders with a slash at the end.
    pub prefix: String,
    /// The writer's keys; `None` asks AWS's default chain (environment, profile, instance role).
    pub keys: Option<WriterKeys>,
}

/// The writer's keys. They never leave the checker, save as a signature.
#[derive(Debug, Clone)]
pub struct WriterKeys {
    /// The access key's id.
    pub access_key_id: String,
    /// The access key itself.
    pub secret_access_key: Secret,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as secret.
    #[must_use]
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// The text, for the one place that must send or sign with it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
