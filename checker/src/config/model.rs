//! The configuration as valid: every value checked, every default filled in. How it is written in a file is
//! [`super::raw`]'s business.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use shared::object_name::NodeName;
use shared::page_config::{AddressStyle, PageConfig, Source};
use shared::{Nanos, UnixNanos};

use crate::checks::Check;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;

/// All that the checker needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who we are.
    pub node: NodeName,
    /// How often rounds are made, if the file says so; results carry it as their interval.
    pub every: Option<Nanos>,
    /// How many checks may be under way at once, if the file says; at least one.
    pub concurrent_checks: Option<usize>,
    /// Which addresses checks may connect to.
    pub address_policy: AddressPolicy,
    /// What is watched, in the file's order.
    pub checks: Vec<Arc<Check>>,
    /// Addresses one of which can be reached whenever this node is online; none asks nobody.
    pub connectivity: Vec<Address>,
    /// Where results go; `None` if the file names no storage.
    pub storage: Option<Storage>,
    /// Whether summaries and badges are kept in the store for those who run no script.
    pub summaries: bool,
    /// Where rounds wait that could not be stored.
    pub spool_dir: PathBuf,
    /// What the page that `checker serve` serves is told.
    pub page: Page,
    /// A time to put on every result instead of the clock's, as the original had it.
    pub timestamp: Option<UnixNanos>,
}

/// Where results are stored, and for how long.
#[derive(Debug, Clone)]
pub struct Storage {
    /// The place.
    pub place: Place,
    /// The age at which check files are removed; `None` keeps them.
    pub check_expiry: Option<Nanos>,
    /// How far back this node's history reaches.
    pub history_expiry: Nanos,
}

/// The kinds of store. A new kind is a file under `store/` and an arm here.
#[derive(Debug, Clone)]
pub enum Place {
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

/// Where a page that we serve finds the store.
pub const SERVED_STORE: &str = "store/";

/// What is said about the page.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it is told, when we serve it.
    pub told: PageConfig,
    /// The origins, besides its own, whose pages may show it in a frame.
    pub embed_by: Vec<String>,
}

impl Default for Page {
    fn default() -> Self {
        let source = Source::Http { url: SERVED_STORE.to_owned() };
        Page { told: PageConfig::new(source), embed_by: Vec::new() }
    }
}
