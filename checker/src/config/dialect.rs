//! The two dialects of the configuration: the checker's, and the original Checkup's.
//!
//! A file that is named `checkup.json`, like the original's, is read as the original reads it. The name decides, not
//! the content, because adding a key to such a file must not change the meaning of the others.

use std::path::Path;

/// The name that the original gives to its configuration.
const ORIGINAL_NAME: &str = "checkup.json";

/// How a configuration is read.
#[derive(Clone, Copy)]
pub enum Dialect<'p> {
    /// Variables such as `${NAME}` in strings are replaced with what this function returns, and keys must match
    /// exactly.
    Checker(&'p dyn Fn(&str) -> Option<String>),
    /// As Go's decoder reads it: strings are literal, the case of keys is ignored, `null` means "not set", and the last
    /// of duplicate keys counts.
    Original,
}

impl<'p> Dialect<'p> {
    /// The dialect of the file at `path`. `variable` looks up an environment variable.
    #[must_use]
    pub fn of_file(path: &Path, variable: &'p dyn Fn(&str) -> Option<String>) -> Dialect<'p> {
        if is_original(path) { Dialect::Original } else { Dialect::Checker(variable) }
    }

    /// Whether this is the original's dialect.
    #[must_use]
    pub fn is_original(&self) -> bool {
        matches!(self, Dialect::Original)
    }
}

/// Whether the file at `path` is the original's, by its name.
#[must_use]
pub fn is_original(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ORIGINAL_NAME)
}
