//! The arguments of the commands with which operators start: `demo`, `init` and `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use shared::object_name::NodeName;

use super::listen::parse_listen;
use super::{ConfigArgument, LISTEN_VARIABLE, shard};
use crate::monitor::schedule::Shard;
use crate::ui::log::LogFormat;

/// The address of the web server.
#[derive(Debug, Args)]
pub struct ListenArgument {
    /// Address of the web server: `8460` or `localhost:8460` for this machine only, `:8460` or `0.0.0.0:8460` to accept
    /// connections from other machines
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = LISTEN_VARIABLE, value_parser = parse_listen)]
    pub listen: SocketAddr,
}

#[derive(Debug, Args)]
pub struct DemoArguments {
    #[command(flatten)]
    pub address: ListenArgument,
    /// Serve the page from this directory instead of the built-in one
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,
    /// Number from which all data is generated; each number gives other data
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct InitArguments {
    /// URLs to check, each with its own check (default: the status page itself). A name that ends with `.json` is the
    /// file to write
    #[arg(value_name = "URL")]
    pub targets: Vec<String>,
    /// File to write (default: checker.json)
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Replace the file if it already exists
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct ServeArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    #[command(flatten)]
    pub address: ListenArgument,
    /// Host name that browsers can use to open the page if it is served on a loopback address, for example behind a
    /// reverse proxy; repeatable, and .example.com also allows all names below example.com. Always allowed: localhost
    /// and IP addresses
    #[arg(long, value_name = "NAME")]
    pub allowed_host: Vec<String>,
    /// Format of log lines, which go to standard error. RUST_LOG sets their level, for example warn (default: info)
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Do not notify channels. Other nodes still notify them
    #[arg(long)]
    pub no_notify: bool,
    /// Serve the page from this directory instead of the built-in one
    #[arg(long, value_name = "DIR")]
    pub page: Option<PathBuf>,
    /// Check only this part of the endpoints, for example 2/5; other machines check the other parts
    #[arg(long, value_name = "PART/COUNT", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Name of this node, overriding the configuration
    #[arg(long, value_name = "NAME")]
    pub node: Option<NodeName>,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// Directory to write a page for each command to, for example /usr/local/share/man/man1 (default: print only the page
    /// of `checker`)
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
}
