//! Apprise, a program that can notify more than 100 further services.

use std::path::PathBuf;

use crate::redact::Secret;

/// The program `apprise`, which receives its URLs in an environment variable and the text on its standard input.
#[derive(Debug, Clone)]
pub struct Apprise {
    /// The program: a path, or a name to search for in `PATH`.
    pub command: PathBuf,
    /// One or more URLs as the program expects them, which contain secrets.
    pub urls: Vec<Secret>,
}
