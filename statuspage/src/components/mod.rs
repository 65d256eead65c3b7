//! Components: functions that turn a value of the view into elements.
//!
//! Components only build elements. They do not compute, fetch or format anything, and they do not read the time.

mod announcements;
mod chart;
mod detail;
mod dom;
mod endpoint;
mod endpoint_ref;
mod first_steps;
mod footer;
mod groups;
mod header;
mod keyboard;
mod keyed;
mod links;
mod message;
mod overall;
pub(crate) mod page;
mod parts;
mod strip;
mod subscribe;
mod table;
mod timeline;
mod toolbar;
