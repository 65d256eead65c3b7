//! The valid configuration, with all defaults filled in.

use std::path::PathBuf;
use std::sync::Arc;

use shared::object_name::NodeName;
use shared::page_config::{PageConfig, Source};
use shared::{Nanos, UnixNanos};

use crate::checks::Check;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::store::settings::Storage;

/// The configuration of the checker.
#[derive(Debug, Clone)]
pub struct Config {
    pub node: NodeName,
    /// The interval between checks, if it is configured. Results contain it.
    pub every: Option<Nanos>,
    /// The maximum number of concurrent checks, if it is configured; at least one.
    pub concurrent_checks: Option<usize>,
    /// The addresses that checks can connect to.
    pub address_policy: AddressPolicy,
    /// In the order of the file.
    pub checks: Vec<Arc<Check>>,
    /// Addresses of which one is reachable whenever this node is online. If empty, the node is assumed to be online.
    pub online_check: Vec<Address>,
    /// Where results are stored, if anywhere.
    pub storage: Option<Storage>,
    /// Whether summaries and badges are stored.
    pub summaries: bool,
    /// The directory for results that could not be stored.
    pub spool_dir: PathBuf,
    /// The page that `checker serve` serves.
    pub page: Page,
    /// A fixed time for all results instead of the clock's, as in the original.
    pub timestamp: Option<UnixNanos>,
}

/// The URL of the store, relative to the page that `checker serve` serves.
pub const SERVED_STORE: &str = "store/";

/// The settings of the page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The configuration that `checker serve` gives to the page.
    pub config: PageConfig,
    /// The origins, in addition to its own, whose pages can show it in a frame.
    pub embed_by: Vec<String>,
}

impl Default for Page {
    fn default() -> Self {
        let source = Source::Http { url: SERVED_STORE.to_owned() };
        Page { config: PageConfig::new(source), embed_by: Vec::new() }
    }
}
