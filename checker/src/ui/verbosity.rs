//! How much is printed, and whether it has colors. The command line sets this once, before any output.

use std::sync::OnceLock;

use anstream::ColorChoice;

/// How much is printed to standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// Only warnings and errors are printed.
    Quiet,
    #[default]
    Normal,
    /// Also details that most operators do not need, such as the names of stored objects.
    Verbose,
}

static VERBOSITY: OnceLock<Verbosity> = OnceLock::new();

/// Applies the options of the command line. Must be called before any output.
pub fn configure(verbosity: Verbosity, color: ColorChoice) {
    let _ = VERBOSITY.set(verbosity);
    if color != ColorChoice::Auto {
        color.write_global();
    }
}

/// Returns whether to print details.
#[must_use]
pub fn is_verbose() -> bool {
    VERBOSITY.get() == Some(&Verbosity::Verbose)
}

pub(super) fn is_quiet() -> bool {
    VERBOSITY.get() == Some(&Verbosity::Quiet)
}
