//! The configuration as valid: every value checked, every default filled in. How it is written in a file is
//! [`super::raw`]'s business.

use std::path::PathBuf;
use std::sync::Arc;

use shared::object_name::NodeName;
use shared::page_config::{PageConfig, Source};
use shared::{Nanos, UnixNanos};

use crate::checks::Check;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::store::settings::Storage;

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
    pub online_check: Vec<Address>,
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
