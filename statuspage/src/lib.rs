//! The status page: lists and downloads check files and draws the state of things in the browser.
//!
//! Start at [`app`] (the page's state and its refresh; `controller` does the work). [`source`] is the only code that touches the network,
//! [`dataset`] loads and holds what it gives, [`view`] reckons what stands on the page from that and now,
//! [`components`] put it into the document. [`i18n`] has the page's words; `i18n::intl` asks the browser how a language
//! writes dates and numbers, and `browser` is everything else the browser knows: the time and its zone, the tab. All but
//! `app`, `controller`, `render_queue`, `components`, `intl`, `browser` and the sending of requests is tested natively.

pub mod app;
mod browser;
pub mod civil;
pub mod components;
mod controller;
pub mod dataset;
pub mod i18n;
mod percent;
pub mod render_queue;
pub mod source;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod text_snapshots;
pub mod url_state;
pub mod view;
