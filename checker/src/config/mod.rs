//! The configuration file: the file as written, and the configuration as valid.

pub mod valid;
