//! Notifies channels such as Slack or mail of outages: once for each outage, no matter how many nodes run.
//!
//! Notifications are not driven by events. After each round, [`reconcile`] compares the current status of every
//! endpoint with the logs in the store, and returns the difference. [`lineup`] determines which node sends it. Both are
//! pure, and part of [`shared::notification`]. [`channels`] convert a [`message`] to requests, and interpret the
//! responses.

pub use shared::notification::{condition, digest, lineup, reconcile, registers, verdicts};

pub mod budget_conditions;
pub mod channels;
pub mod conditions;
mod copies;
pub mod delivery;
pub mod evaluate;
pub mod event;
pub mod holds;
pub mod html;
pub mod message;
pub mod message_json;
pub mod outline;
pub mod own_checks;
pub mod own_log;
pub mod post_conditions;
pub mod removed;
pub mod replay;
pub mod rules;
pub mod sample;
pub mod store_view;
pub mod template;
#[cfg(test)]
pub(crate) mod test_rules;
pub mod time_text;
pub mod words;
