//! Prepares a bucket for a status page: the bucket's settings, a reader whose keys may be published, and a writer for
//! each node.
//!
//! [`plan`] compares the desired state ([`spec`]) with the current one ([`state`]), and [`apply`] carries out its
//! steps. [`policy`] contains all permissions. Only [`service`] and [`purge`] send requests, and only [`files`]
//! accesses the disk. [`destroy`] plans the deletion of what was created.

pub mod apply;
pub mod destroy;
pub mod files;
pub mod names;
pub mod plan;
pub mod policy;
pub mod progress;
pub mod purge;
pub mod service;
pub mod spec;
pub mod state;
pub mod step;
