//! The commands, one per module. They read the clock and the environment, print output, and determine the exit status.

mod announcements;
pub mod beat;
mod bucket;
pub mod completions;
mod daemon;
mod daemon_tasks;
pub mod demo;
pub mod deprovision;
pub mod doctor;
pub mod erase;
pub mod expire;
pub mod explain;
pub mod export;
pub mod history;
pub mod incident;
pub mod init;
pub mod maintenance;
pub mod man;
pub mod message;
mod metrics_file;
mod metrics_task;
mod notices;
mod notifier_task;
pub mod notify;
pub mod post;
pub mod post_text;
mod posting;
pub mod provision;
pub mod run;
pub mod schema;
pub mod serve;
pub mod silence;
pub mod status;
pub mod validate;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use shared::Nanos;
use shared::object_name::NodeName;

use crate::checks::CheckContext;
use crate::cli::{LISTEN_VARIABLE, parse_listen};
use crate::config::model::Config;
use crate::config::{self, ConfigError, Environment};
use crate::monitor::heartbeat_reader::heartbeat_reader;
use crate::monitor::runner::new_context;
use crate::notify::evaluate::{EvaluationReport, Notifier, NotifierNode};
use crate::notify::rules::NotifierMode;
use crate::now;
use crate::recorder::summary::SummaryError;
use crate::recorder::upkeep::UpkeepOutcome;
use crate::store::Store;
use crate::store::upload::Upload;
use crate::ui;

#[derive(Debug, thiserror::Error)]
#[error("`{0}` has no `storage`: add one, for example `\"storage\": {{ \"type\": \"fs\", \"dir\": \"checks\" }}`")]
pub struct MissingStorage(pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The command succeeded, but found something that makes it exit with 1, such as an endpoint that is down.
    Found,
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

/// Loads the configuration, prints its warnings, and applies the node name from the command line.
fn load(path: &Path, node: Option<&NodeName>) -> Result<Config, ConfigError> {
    load_with_page_address(path, node, None)
}

/// Like [`load`], for a checker that serves the page. The configuration can refer to `page_address`.
fn load_with_page_address(
    path: &Path,
    node: Option<&NodeName>,
    page_address: Option<SocketAddr>,
) -> Result<Config, ConfigError> {
    let page_address = page_address.map(|address| reachable(address).to_string());
    let variable = |name: &str| match &page_address {
        Some(address) if name == LISTEN_VARIABLE => Some(address.clone()),
        None if name == LISTEN_VARIABLE => std::env::var(name).ok().map(complete_address),
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

/// Creates the context for a configuration's checks, including heartbeats.
fn check_context(config: &Config) -> Arc<CheckContext> {
    Arc::new(new_context(config, now).with_heartbeats(config.storage.as_ref().map(heartbeat_reader)))
}

/// Reports the warnings from storing a round.
fn report_upload(upload: &Upload) {
    for warning in &upload.warnings {
        ui::warn(warning);
    }
}

/// Reports problems with the work that follows a stored round.
fn report_upkeep(upkeep: &UpkeepOutcome) {
    if let Some(error) = &upkeep.expiry.deletion.failure {
        ui::error(error);
    }
    for warning in &upkeep.expiry.warnings {
        ui::warn(&warning.to_string());
    }
    if let Err(error) = &upkeep.history {
        ui::warn(&format!("history not updated: {error}"));
    }
    match &upkeep.summary {
        Ok(()) => {}
        Err(error @ SummaryError::Outputs(_)) => ui::warn(&format!("outputs not updated: {error}")),
        Err(error) => ui::warn(&format!("summary not updated: {error}")),
    }
}

/// Creates the task that notifies the configured channels. Returns `None` if no channel is configured.
fn notifier(config: &Config, store: &Arc<Store>, every: Option<Nanos>, mode: NotifierMode) -> Option<Notifier> {
    let storage = config.storage.as_ref()?;
    let node = NotifierNode { name: &config.node, spool_dir: &config.spool_dir, storage, store };
    Notifier::new(&node, (config.notifications.clone(), Arc::clone(&config.objectives)), every, mode)
}

/// Reports the messages that were sent to channels, and those that could not be sent.
fn report_notifications(report: &EvaluationReport) {
    for line in &report.sent {
        ui::info(line);
    }
    for problem in &report.problems {
        ui::warn(problem);
    }
}

/// Returns the complete form of an address that the operator shortened, such as `:8460`, for use in URLs.
fn complete_address(text: String) -> String {
    parse_listen(&text).map_or(text, |address| reachable(address).to_string())
}

/// Returns the address at which this machine can reach a listener: the loopback address if it listens on all addresses.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let loopback = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(loopback, listener.port())
}

/// Calls a function with this process's environment and host name.
fn with_environment<T>(ask: impl FnOnce(&Environment<'_>) -> T) -> T {
    ask(&environment())
}

/// Returns this process's environment and host name.
fn environment() -> Environment<'static> {
    let host_name = gethostname::gethostname().to_string_lossy().into_owned();
    Environment { variable: &|name| std::env::var(name).ok(), host_name }
}

#[cfg(test)]
mod tests {
    use crate::commands::*;

    #[test]
    fn a_listener_on_all_addresses_is_reached_via_loopback() {
        for (text, complete) in [(":8460", "127.0.0.1:8460"), ("80", "127.0.0.1:80"), ("shop.example", "shop.example")]
        {
            assert_eq!(complete_address(text.to_owned()), complete);
        }
        for (listener, reached) in [
            ("0.0.0.0:9000", "127.0.0.1:9000"),
            ("[::]:9000", "[::1]:9000"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            let listener: SocketAddr = listener.parse().expect("it is an address");
            assert_eq!(reachable(listener).to_string(), reached);
        }
    }
}
