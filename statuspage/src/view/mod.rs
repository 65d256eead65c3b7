//! Computes what the page shows (text, geometry and order) from the dataset and the current time. All of this is pure
//! and tested natively. Components add it to the document.

mod affected;
pub mod announcements;
mod axes;
pub mod banner;
pub mod chart;
mod chart_paths;
pub mod combine_nodes;
pub mod config_error;
pub mod css_variables;
pub mod detail;
pub mod endpoint;
pub mod event;
pub mod geometry;
pub mod group_strip;
pub mod groups;
pub mod history;
pub mod icon;
pub mod level;
pub mod messages;
pub mod notes;
pub mod outage_changes;
pub mod overall;
pub mod overlay;
mod page;
pub mod percentiles;
pub mod period;
pub mod problems;
mod sample_groups;
pub mod search;
mod settings;
pub mod strip;
pub mod subscribe;
pub mod text;
pub mod timeline;
pub mod trouble;

pub use page::{DetailView, NodeView, PageView, full_endpoint, overlay_layers, page, strip_of_group};
pub use settings::{LoadProgress, Percentiles, ViewScope, ViewSettings};
