//! The valid configuration, with all defaults filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use shared::budget::Objective;
use shared::endpoint_map::EndpointMap;
use shared::object_name::NodeName;
use shared::page_config::{PageConfig, Source};
use shared::{Nanos, UnixNanos};

use crate::checks::Check;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::net::connect::Address;
use crate::checks::net::proxy_environment::ProxyEnvironment;
use crate::notify::rules::Notifications;
use crate::redact::Secret;
use crate::store::settings::Storage;

/// The checker's configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub node: NodeName,
    /// The name under which commands post, if it is not the node's.
    pub author: Option<NodeName>,
    /// The texts for incidents by name.
    pub templates: BTreeMap<String, Template>,
    /// The configured interval between checks, which is stored with the results.
    pub every: Option<Nanos>,
    /// The configured maximum number of concurrent checks, at least one.
    pub concurrent_checks: Option<usize>,
    /// The addresses that checks may connect to.
    pub address_policy: AddressPolicy,
    /// The proxies that environment variables define, for checks that do not set a proxy.
    pub proxies: Option<Arc<ProxyEnvironment>>,
    /// The checks, in file order.
    pub checks: Vec<Arc<Check>>,
    /// The addresses used to check whether this node is online. If the list is empty, the node is assumed to be online.
    pub online_check: Vec<Address>,
    /// The store for results, if one is configured.
    pub storage: Option<Storage>,
    /// Whether this node stores summaries and badges.
    pub summaries: bool,
    /// The outputs for other programs.
    pub outputs: Outputs,
    /// The directory for results that could not be stored.
    pub spool_dir: PathBuf,
    /// Who can read the metrics of `checker serve`, if anyone can.
    pub metrics: Option<MetricsAccess>,
    /// The file to which metrics are written after each round.
    pub metrics_file: Option<PathBuf>,
    /// The page that `checker serve` serves.
    pub page: Page,
    /// The channels that this node notifies, if it has any.
    pub notifications: Option<Arc<Notifications>>,
    /// The service level objectives of endpoints.
    pub objectives: Arc<EndpointMap<Objective>>,
    /// A fixed time for all results instead of the current time, as in the original Checkup.
    pub timestamp: Option<UnixNanos>,
}

/// Who can read the metrics of `checker serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAccess {
    Everyone,
    /// Clients that send this bearer token.
    Token(Secret),
}

/// The store's URL relative to the page that `checker serve` serves.
pub const SERVED_STORE: &str = "store/";

/// The beginning of an incident, from which `checker incident open` fills in what is not given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pub title: Option<String>,
    /// The first update's text, as HTML.
    pub text: Option<String>,
    /// Endpoints with their impacts: `Shop=degraded`.
    pub affects: Vec<String>,
}

/// Which outputs for other programs this node writes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outputs {
    /// The kinds of outputs that this node stores.
    pub stored: Vec<OutputKind>,
    /// Whether `checker serve` computes the Statuspage API and the badges of [`OutputKind::Badges`] on request.
    pub served: bool,
    /// The public URL of the page, with a trailing slash.
    pub url: Option<String>,
}

impl Outputs {
    /// Returns whether this node stores everything that the page's Subscribe menu links.
    #[must_use]
    pub fn fill_subscribe_menu(&self) -> bool {
        [OutputKind::Feeds, OutputKind::Calendar].iter().all(|kind| self.stored.contains(kind))
    }
}

/// A kind of output. Outputs of the same kind are written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputKind {
    /// Feeds of all endpoints and of each endpoint.
    Feeds,
    /// The calendar of maintenance windows.
    Calendar,
    /// The documents of the Statuspage API.
    Statuspage,
    /// Badges with uptime and response time, and badges for shields.io.
    Badges,
}

impl OutputKind {
    /// All kinds, in the order in which they are written.
    pub const ALL: [OutputKind; 4] =
        [OutputKind::Feeds, OutputKind::Calendar, OutputKind::Statuspage, OutputKind::Badges];

    /// Returns the kind's name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OutputKind::Feeds => "feeds",
            OutputKind::Calendar => "calendar",
            OutputKind::Statuspage => "statuspage",
            OutputKind::Badges => "badges",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Page {
    /// The configuration that `checker serve` passes to the page.
    pub config: PageConfig,
    /// The origins whose pages can show the status page in a frame, in addition to the page's own origin.
    pub embed_by: Vec<String>,
}

impl Default for Page {
    fn default() -> Self {
        let source = Source::Http { url: SERVED_STORE.to_owned() };
        Page { config: PageConfig::new(source), embed_by: Vec::new() }
    }
}
