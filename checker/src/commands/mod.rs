//! The commands, one file each: they read the clock and the configuration, print, and choose the exit status.

pub mod beat;
mod bucket;
pub mod completions;
mod daemon;
pub mod deprovision;
pub mod doctor;
pub mod explain;
pub mod history;
pub mod init;
pub mod provision;
pub mod run;
pub mod schema;
pub mod serve;
pub mod status;
pub mod validate;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use shared::object_name::NodeName;

use crate::checks::CheckContext;
use crate::cli::LISTEN_VARIABLE;
use crate::config::model::Config;
use crate::config::{self, ConfigError, Environment};
use crate::monitor::heartbeat_reader::heartbeat_reader;
use crate::monitor::runner::new_context;
use crate::now;
use crate::ui;

/// The configuration names no store, and the command works on one.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` has no `storage`; add one, for example `\"storage\": {{ \"type\": \"fs\", \"dir\": \"checks\" }}`")]
pub struct NoStorage(pub String);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The work was done.
    Done,
    /// The work was done, and what it found is as bad as was asked for.
    Found,
    /// The work could not be done.
    Failed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::Found => 1,
            Outcome::Failed => 2,
        })
    }
}

/// Loads the configuration, tells its warnings, and lets the command line have the last word on the node's name.
fn load(path: &Path, node: Option<&NodeName>) -> Result<Config, ConfigError> {
    load_beside_page(path, node, None)
}

/// The same for a checker that serves the page at `own_address`, if it does: a check of the page itself follows it.
fn load_beside_page(
    path: &Path,
    node: Option<&NodeName>,
    own_address: Option<SocketAddr>,
) -> Result<Config, ConfigError> {
    let own_address = own_address.map(|address| reachable(address).to_string());
    let variable = |name: &str| match &own_address {
        Some(address) if name == LISTEN_VARIABLE => Some(address.clone()),
        _ => std::env::var(name).ok(),
    };
    let loaded = config::load(path, &Environment { variable: &variable, ..environment() })?;
    for warning in &loaded.warnings {
        ui::info(warning);
    }
    let mut config = loaded.config;
    if let Some(node) = node {
        config.node.clone_from(node);
    }
    Ok(config)
}

/// What the checks of this configuration share, heartbeats included.
fn check_context(config: &Config) -> Arc<CheckContext> {
    Arc::new(new_context(config, now).with_heartbeats(config.storage.as_ref().map(heartbeat_reader)))
}

/// Where this machine reaches what listens there: at the loopback address if it is all addresses.
fn reachable(listens: SocketAddr) -> SocketAddr {
    let loopback = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(loopback, listens.port())
}

/// Asks with this process's environment and host name.
fn with_environment<T>(ask: impl FnOnce(&Environment<'_>) -> T) -> T {
    ask(&environment())
}

/// This process's environment and host name.
fn environment() -> Environment<'static> {
    let host_name = gethostname::gethostname().to_string_lossy().into_owned();
    Environment { variable: &|name| std::env::var(name).ok(), host_name }
}

#[cfg(test)]
mod tests {
    use crate::commands::*;

    #[test]
    fn what_listens_everywhere_is_reached_at_home() {
        for (listens, reached) in [
            ("0.0.0.0:9000", "127.0.0.1:9000"),
            ("[::]:9000", "[::1]:9000"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            let listens: SocketAddr = listens.parse().expect("it is an address");
            assert_eq!(reachable(listens).to_string(), reached);
        }
    }
}
