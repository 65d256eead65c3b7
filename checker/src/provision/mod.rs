//! Preparing a bucket for one status page: the bucket's own settings, a reader whose keys the page may publish, and a
//! writer for each node. Start at [`wishes`] (what is wanted), then [`observe`] (what is there) and [`plan`] (pure:
//! the steps between the two) and [`carry_out`] (the steps, one by one). [`policy`] has every right in full; only
//! [`service`] and [`purge`] talk to the service and only [`files`] to the disk. [`removal`] takes back what was made.

pub mod carry_out;
pub mod files;
pub mod names;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod purge;
pub mod removal;
pub mod service;
pub mod step;
pub mod wishes;
