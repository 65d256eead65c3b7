//! The rules for notifications: which news each channel receives, and which node sends it. They perform no I/O and do
//! not read the clock.
//!
//! Notifications are not triggered by events. Instead, [`reconcile`](mod@reconcile) compares the current status of
//! every endpoint with the nodes' [logs](crate::notification_log), and returns the difference as news. [`lineup`]
//! determines which node's turn it is to send the news. That node records the news in its log, so the other nodes no
//! longer find a difference.

mod closing;
mod comparison;
pub mod condition;
pub mod deferral;
pub mod deferred_news;
mod dependencies;
pub mod digest;
mod episodes;
pub mod event;
mod flapping;
pub mod item;
pub mod lineup;
mod news;
mod periods;
pub mod policy;
pub mod reconcile;
pub mod registers;
mod selection;
mod situation;
mod state;
pub mod verdicts;

#[cfg(test)]
mod tests;
