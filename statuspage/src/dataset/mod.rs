//! The data that was loaded from a store, in a form that is fast to evaluate, and what to load next.

mod bucket;
mod cache;
mod hour;
mod limits;
mod loader;
mod model;
mod posts;
mod request;
mod sample;

pub use bucket::TimeBucket;
pub use cache::Cache;
pub(crate) use hour::load_hour;
pub use hour::{HOUR_FILES_LIMIT, HourChecks};
pub use limits::{FILES, MESSAGES, NODES_LIMIT};
pub use loader::LoadEvent;
pub(crate) use loader::refresh;
pub use model::{Dataset, EndpointData, NodeSamples, NodeUsage, StoredMessage};
pub use posts::{AUTHORS_LIMIT, Posts};
pub use request::LoadRequest;
pub use sample::{NodeHistory, Sample};
