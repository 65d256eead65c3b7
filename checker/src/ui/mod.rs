//! What a person sees in the terminal.

pub mod explain;
pub mod progress;
pub mod report;
