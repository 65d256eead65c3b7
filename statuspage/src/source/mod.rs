//! Reads stores over HTTP. No other module uses the network. `s3` and `directory` build requests and parse responses
//! without I/O, and `fetch` sends them.

mod directory;
mod fetch;
#[doc(hidden)]
pub mod fuzzing;
mod requests;
mod s3;
mod sigv4;
mod xml;

pub(crate) use requests::language;
pub use requests::{get, list, list_histories, page_config};
