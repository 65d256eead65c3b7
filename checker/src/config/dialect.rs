//! The two dialects of the configuration: the checker's, and the original Checkup's.
//!
//! A file named `checkup.json` is read as the original reads it. The dialect depends only on the name, because adding a
//! key to such a file must not change the meaning of the other keys.

use std::path::Path;

/// The file name of the original Checkup's configuration.
const ORIGINAL_NAME: &str = "checkup.json";

/// The rules for reading a configuration.
#[derive(Clone, Copy)]
pub enum Dialect<'p> {
    /// Keys must match exactly. Variables such as `${NAME}` in strings are replaced with the values that this function
    /// returns.
    Checker(&'p dyn Fn(&str) -> Option<String>),
    /// The rules of Go's decoder: strings are literal, keys ignore case, `null` means "not set", and the last of
    /// several duplicate keys takes precedence.
    Original,
}

impl<'p> Dialect<'p> {
    /// Returns the dialect of the file at `path`. `variable` looks up an environment variable.
    #[must_use]
    pub fn of_file(path: &Path, variable: &'p dyn Fn(&str) -> Option<String>) -> Dialect<'p> {
        if is_original(path) { Dialect::Original } else { Dialect::Checker(variable) }
    }

    /// Returns whether this is the original Checkup's dialect.
    #[must_use]
    pub fn is_original(&self) -> bool {
        matches!(self, Dialect::Original)
    }
}

/// Returns whether the file at `path` has the file name that the original Checkup uses for its configuration.
#[must_use]
pub fn is_original(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ORIGINAL_NAME)
}
