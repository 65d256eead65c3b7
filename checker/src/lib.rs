//! The checker: from a configuration over checks to a verdict, and into the store.

pub mod check;
pub mod config;
pub mod store;
