//! Preparing a bucket for one status page: the bucket's own settings, a reader whose keys the page may publish, and a
//! writer for each node. Start at [`wishes`] (what is wanted), then [`plan`] (pure: wishes and what is there make
//! steps) and [`carry_out`] (the steps, one by one). [`policy`] has every right in full; only [`service`] talks to
//! the service and only [`files`] to the disk. [`removal`] takes back what was made.

pub mod names;
pub mod policy;
