//! What the checker asks of the operating system.

pub mod fd_limit;
pub mod huge_pages;
pub mod shutdown;
