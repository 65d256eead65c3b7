//! Thin components: a view value in, elements out. None computes, fetches, formats or reads the time.

pub mod chart;
pub mod endpoint;
pub mod message;
pub mod overall;
pub mod page;
pub mod shape;
pub mod strip;
pub mod timeline;
