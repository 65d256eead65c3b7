//! The kinds of check, one file each: I/O only, from a configured check to an observation.

pub mod http;
