//! The kinds of events that channels can be notified of.

pub use shared::notification::event::{EventKind, ParseEventError};
