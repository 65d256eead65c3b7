//! The only code that touches the network: how the page reads a store. [`s3`] and [`http`] build requests and read
//! answers purely; [`fetch`] sends them.

mod error;
mod fetch;
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod listing;
mod reader;
mod s3;
mod sigv4;
mod xml;

pub use error::SourceError;
pub use listing::{HistoryListing, InlineContents, ListedFile, Listing, StoreObject};
pub(crate) use reader::language;
pub use reader::{CHECK_FILE_LIMIT, get, list, list_histories, page_config};
