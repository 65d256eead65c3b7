//! The commands, one file each: they read the clock and the configuration, print, and choose the exit status.

pub mod beat;
mod bucket;
mod daemon;
pub mod deprovision;
pub mod doctor;
pub mod explain;
pub mod history;
pub mod init;
pub mod provision;
pub mod run;
pub mod serve;
pub mod status;
pub mod validate;

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anstream::adapter::strip_str;
use shared::object_name::NodeName;

use crate::checks::CheckContext;
use crate::config::model::Config;
use crate::config::{self, ConfigError, Surroundings};
use crate::monitor::heartbeat_reader::heartbeat_reader;
use crate::now;
use crate::ui::report::{Styles, plain};

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

/// The variable that says where `checker serve` listens: to it, and to the configuration that it reads.
pub const LISTEN_VARIABLE: &str = "CHECKUP_LISTEN";

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
    let loaded = config::load(path, &Surroundings { variable: &variable, ..surroundings() })?;
    for warning in &loaded.warnings {
        tell(warning);
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
fn with_surroundings<T>(ask: impl FnOnce(&Surroundings<'_>) -> T) -> T {
    ask(&surroundings())
}

/// This process's environment and host name.
fn surroundings() -> Surroundings<'static> {
    let host_name = gethostname::gethostname().to_string_lossy().into_owned();
    Surroundings { variable: &|name| std::env::var(name).ok(), host_name }
}

/// What a command is for cannot be written to the standard output.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output")]
pub struct NoOutput(#[source] io::Error);

/// Prints what a command is for in one go, however long it is: standard output by itself writes line by line.
pub fn output(text: &str) -> Result<(), NoOutput> {
    let plain = match styles() {
        Styles::Ansi => None,
        Styles::Without => text.contains('\u{1b}').then(|| strip_str(text).to_string()),
    };
    let mut output = io::stdout().lock();
    match output.write_all(plain.as_deref().unwrap_or(text).as_bytes()).and_then(|()| output.flush()) {
        // Whoever read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(NoOutput),
    }
}

/// Prints what a command has to say besides its work, which goes on if nobody can be told.
fn print(text: &str) {
    if let Err(NoOutput(error)) = output(text) {
        tell(&format!("warning: failed to write to standard output: {error}"));
    }
}

/// The same, as a line.
fn say(text: &str) {
    print(&format!("{text}\n"));
}

/// The styles that standard output shows.
fn styles() -> Styles {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => Styles::Without,
        _ => Styles::Ansi,
    }
}

/// Tells a person something beside the output: a line on standard error.
pub(crate) fn tell(text: &str) {
    tell_on_this_line(&format!("{text}\n"));
}

/// The same without ending the line. Where nobody can be told, as on a full disk, the work goes on all the same.
fn tell_on_this_line(text: &str) {
    let mut standard_error = anstream::stderr().lock();
    let _ = standard_error.write_all(text.as_bytes()).and_then(|()| standard_error.flush());
}

/// Tells an error with all its causes, without repeating what a cause said already.
pub fn tell_error(error: &dyn std::error::Error) {
    let style = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into())).bold();
    let mut text = format!("{style}error:{style:#} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = plain(&error.to_string(), 1_000);
        if !text.contains(&words) {
            text.push_str("\n  caused by: ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    tell(&text);
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
