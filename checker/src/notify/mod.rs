//! Notifications: tells channels such as Slack or mail about outages, exactly once, from any number of nodes.
//!
//! Nothing reacts to events. After each round, [`reconcile`] compares the current status of every endpoint with what
//! the logs in the store say was notified, and returns the difference. [`lineup`] determines which node sends it.
//! Both are pure. [`channels`] turn a [`message`] into a request, and interpret the response.

pub mod channels;
pub mod event;
pub mod message;
pub mod rules;
