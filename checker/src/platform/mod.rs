//! Interfaces to the operating system: signals, limits, memory and files.

pub mod clock;
pub mod fd_limit;
pub mod huge_pages;
pub mod operator_file;
pub mod shutdown;
pub mod whole_file;
