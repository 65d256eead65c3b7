//! A command that receives the message as JSON on its standard input.

use std::path::PathBuf;

/// A command. Exit status 0 means delivered and 75 that it should be tried again. Any other one means refused.
#[derive(Debug, Clone)]
pub struct ExecChannel {
    /// The program: a path, or a name to search for in `PATH`.
    pub command: PathBuf,
    pub arguments: Vec<String>,
}
