//! Asks questions on standard error and reads the answers from standard input, which can be a terminal, a pipe or a
//! file.

use std::io::Write as _;

/// Whether to ask the user for confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    Ask,
    AssumeYes,
}

impl Confirmation {
    /// Asks unless the `--yes` flag was given.
    #[must_use]
    pub fn from_yes_flag(yes: bool) -> Confirmation {
        if yes { Confirmation::AssumeYes } else { Confirmation::Ask }
    }

    /// Returns whether the answer is yes. The end of the input is treated as no.
    #[must_use]
    pub fn confirm(self, question: &str) -> bool {
        self == Confirmation::AssumeYes || matches!(read_answer(question).as_str(), "yes" | "y")
    }
}

/// Asks a question. Returns the line that was entered, or an empty line at the end of the input.
#[must_use]
pub fn read_answer(question: &str) -> String {
    let mut standard_error = anstream::stderr();
    // Do not accept the answer to a question that could not be shown.
    let shown = write!(standard_error, "{question} ").and_then(|()| standard_error.flush());
    let mut line = String::new();
    match shown.and_then(|()| std::io::stdin().read_line(&mut line)) {
        Ok(_) => line.trim().to_owned(),
        Err(_) => String::new(),
    }
}
