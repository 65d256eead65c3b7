//! Preparing a bucket for one status page: the bucket's own settings, a reader whose keys the page may publish, and a
//! writer for each node. Start at [`spec`] (what is wanted), then [`state`] (what is there) and [`plan`] (pure:
//! the steps between the two) and [`apply`] (the steps, one by one). [`policy`] has every right in full; only
//! [`service`] and [`purge`] talk to the service and only [`files`] to the disk. [`destroy`] takes back what was made.

pub mod apply;
pub mod destroy;
pub mod files;
pub mod names;
pub mod plan;
pub mod policy;
pub mod purge;
pub mod service;
pub mod spec;
pub mod state;
pub mod step;
