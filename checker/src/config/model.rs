//! The valid configuration, with all defaults filled in.

use std::path::PathBuf;
use std::sync::Arc;

use shared::object_name::NodeName;
use shared::page_config::{PageConfig, Source};
use shared::{Nanos, UnixNanos};

use crate::checks::Check;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::checks::net::proxy_environment::ProxyEnvironment;
use crate::store::settings::Storage;

/// The checker's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub node: NodeName,
    /// The configured interval between checks, which is stored with the results.
    pub every: Option<Nanos>,
    /// The configured maximum number of concurrent checks; at least one.
    pub concurrent_checks: Option<usize>,
    /// The addresses that checks may connect to.
    pub address_policy: AddressPolicy,
    /// The proxies in the environment, for checks that do not set their own.
    pub proxies: Option<Arc<ProxyEnvironment>>,
    /// In file order.
    pub checks: Vec<Arc<Check>>,
    /// Addresses of which at least one is reachable whenever this node is online. If empty, the node is assumed to be
    /// online.
    pub online_check: Vec<Address>,
    /// Where results are stored, if anywhere.
    pub storage: Option<Storage>,
    /// Whether summaries and badges are stored.
    pub summaries: bool,
    /// The directory for results that could not be stored.
    pub spool_dir: PathBuf,
    /// The page that `checker serve` serves.
    pub page: Page,
    /// A fixed time for all results, instead of the current time, as in the original.
    pub timestamp: Option<UnixNanos>,
}

/// The URL of the store, relative to the page that `checker serve` serves.
pub const SERVED_STORE: &str = "store/";

#[derive(Debug, Clone)]
pub struct Page {
    /// The configuration that `checker serve` passes to the page.
    pub config: PageConfig,
    /// The origins, in addition to the page's own, whose pages may show the status page in a frame.
    pub embed_by: Vec<String>,
}

impl Default for Page {
    fn default() -> Self {
        let source = Source::Http { url: SERVED_STORE.to_owned() };
        Page { config: PageConfig::new(source), embed_by: Vec::new() }
    }
}
