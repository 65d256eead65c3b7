//! Questions on standard error that are answered on standard input, which can be a terminal, a pipe or a file.

use std::io::Write as _;

/// Whether the user is asked to confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    Ask,
    AssumeYes,
}

impl Confirmation {
    /// Asks unless the flag `--yes` was given.
    #[must_use]
    pub fn from_yes_flag(yes: bool) -> Confirmation {
        if yes { Confirmation::AssumeYes } else { Confirmation::Ask }
    }

    /// Whether the answer is yes; at the end of the input it is no.
    #[must_use]
    pub fn confirm(self, question: &str) -> bool {
        self == Confirmation::AssumeYes || matches!(read_answer(question).as_str(), "yes" | "y")
    }
}

/// The line typed after a question; empty at the end of the input.
#[must_use]
pub fn read_answer(question: &str) -> String {
    let mut standard_error = anstream::stderr();
    // A question that cannot be shown must not be answered.
    let shown = write!(standard_error, "{question} ").and_then(|()| standard_error.flush());
    let mut line = String::new();
    match shown.and_then(|()| std::io::stdin().read_line(&mut line)) {
        Ok(_) => line.trim().to_owned(),
        Err(_) => String::new(),
    }
}
