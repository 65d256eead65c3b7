//! The status page: lists and downloads check files, and shows status, uptime and response times in the browser.
//!
//! [`app`] starts the page, and `controller` connects the other modules: it loads data from a [`store`] into the
//! [`dataset`], computes the [`view`] from it and puts it into the signals of [`context`], which [`components`] show.
//! [`source`] sends all requests. [`i18n`] contains the translations; `i18n::intl` and `browser` wrap browser APIs.
//!
//! Everything is tested natively, except for `app`, `controller`, `context`, `render_queue`, `components`, `intl`,
//! `browser` and `source::fetch`, which need a browser.

// Slicing a string inside a character panics. The code for the message would make the page larger by up to 4 KB.
#![cfg_attr(not(test), warn(clippy::string_slice))]

pub mod app;
mod browser;
pub use shared::civil;
pub mod components;
pub mod context;
mod controller;
pub mod dataset;
pub mod i18n;
mod percent;
pub mod render_queue;
pub mod source;
pub mod store;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod text_snapshots;
pub mod url_state;
pub mod view;
