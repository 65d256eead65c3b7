//! The rules of notifications: which news each channel gets, and which node sends it. They have no I/O and no clock.
//!
//! Nothing reacts to events. [`reconcile`](mod@reconcile) compares the current status of every endpoint with what the
//! nodes' [logs](crate::notification_log) contain, and returns the difference as news. [`lineup`] determines whose turn
//! it is to send them. A node that sent them records that in its log, and other nodes then find no difference.

mod comparison;
pub mod condition;
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
