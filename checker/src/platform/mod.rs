//! Interfaces to the operating system: signals, limits and memory.

pub mod clock;
pub mod fd_limit;
pub mod huge_pages;
pub mod operator_file;
pub mod shutdown;
