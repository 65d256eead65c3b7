//! Connections for all kinds of checks: name resolution, address policy, TCP, TLS and STARTTLS.

pub mod address_filter;
pub mod address_policy;
pub mod connect;
pub mod http2_error;
pub mod idna;
pub mod metered;
pub mod online_check;
pub mod proxy;
pub mod proxy_environment;
pub mod resolver;
mod special_purpose;
pub mod starttls;
pub mod tls_config;
pub mod tls_files;
pub mod tls_handshake;
mod tls_observer;
mod tls_path;
pub mod tunnel;
