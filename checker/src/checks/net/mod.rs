//! What several kinds of check need to connect.

pub mod address_policy;
pub mod connect;
pub mod online_check;
pub mod resolver;
pub mod starttls;
pub mod tls_config;
