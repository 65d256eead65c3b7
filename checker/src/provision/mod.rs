//! Prepares a bucket for a status page: the bucket's settings, a reader whose keys may be published, and a writer for
//! each node.
//!
//! [`plan`] compares the desired state ([`spec`]) with the current one ([`state`]), and [`apply`] carries out its
//! steps. [`policy`] contains all permissions, and `page_file` the contents of the page's file. Only [`service`] and [`purge`] send requests, and only [`files`] and
//! [`key_files`] access the disk.
//!
//! [`owned`] finds what was created and [`destroy`] plans its deletion. [`bucket_removal`] decides whether the bucket may
//! be deleted, and [`revocation`] proves that deleted keys no longer work.

pub mod apply;
pub mod bucket_removal;
pub mod destroy;
pub mod files;
pub mod key_files;
pub mod names;
pub mod owned;
mod page_file;
pub mod plan;
pub mod policy;
pub mod progress;
pub mod purge;
pub mod revocation;
pub mod service;
pub mod spec;
pub mod state;
pub mod step;
