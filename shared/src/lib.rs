//! Defines the stored formats, and all calculations on them, for the checker and the status page.
//!
//! Everything is pure: no I/O, no clock, no async; `now` is a parameter. Start with [`check_file`] (the results of a
//! round), [`object_name`] (where they are stored), [`uptime`] (how results become time) and [`quorum`] (how several
//! nodes agree on one status).

#![warn(missing_docs)]
// Slicing a string inside a character panics. The code for the message would make the page larger by up to 4 KB.
#![cfg_attr(not(test), warn(clippy::string_slice))]

pub mod announced;
pub mod budget;
pub mod check_file;
pub mod civil;
pub mod duration;
pub mod endpoint_map;
pub mod endpoint_status;
mod hash;
pub mod heartbeat;
pub mod history;
pub mod json;
mod json_writer;
pub mod latency;
pub mod message;
pub mod notification;
pub mod notification_log;
pub mod object_name;
pub mod outputs;
pub mod page_config;
pub mod post;
pub mod quorum;
pub mod response_times;
pub mod s3_request;
mod serialize_time;
pub mod sorting;
pub mod stats;
pub mod status;
pub mod statuspage_api;
pub mod substring;
pub mod suggest;
pub mod summary;
pub mod time;
pub mod uptime;

pub use self::time::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};
