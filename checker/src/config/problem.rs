//! What can be wrong with a configuration file, and where. All problems are found before any is told.

use std::fmt;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works. Only `checker validate` reports it.
    Notice,
    /// It works, but not all of it.
    Warning,
    /// One check cannot be made; the others are, and in its place each round says why.
    CheckError,
    /// It does not work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Severity::Notice => "notice",
            Severity::Warning => "warning",
            Severity::CheckError | Severity::Error => "error",
        })
    }
}

/// One problem, with its place and its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Byte offset in the file.
    pub at: usize,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what to write instead.
    pub text: String,
}

impl Problem {
    /// A problem that keeps the configuration from being used.
    #[must_use]
    pub fn error(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::Error, text }
    }

    /// A problem that keeps one check from being made.
    #[must_use]
    pub fn check_error(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::CheckError, text }
    }

    /// Advice that changes nothing.
    #[must_use]
    pub fn notice(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::Notice, text }
    }

    /// A problem that leaves something out.
    #[must_use]
    pub fn warning(at: usize, text: String) -> Problem {
        Problem { at, severity: Severity::Warning, text }
    }
}

/// All the problems of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Takes one more. What is found twice is told once, as what it is at worst.
    pub fn add(&mut self, problem: Problem) {
        match self.0.iter_mut().find(|known| known.at == problem.at && known.text == problem.text) {
            Some(known) => known.severity = known.severity.max(problem.severity),
            None => self.0.push(problem),
        }
    }

    /// Takes all that others found.
    pub fn extend(&mut self, others: Problems) {
        others.0.into_iter().for_each(|problem| self.add(problem));
    }

    /// The first that keeps a check from being made, in the order in which they were found.
    #[must_use]
    pub fn first_check_error(&self) -> Option<&Problem> {
        self.0.iter().find(|problem| problem.severity == Severity::CheckError)
    }

    /// Whether one of them should be mended: all but warnings.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity > Severity::Warning)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of them keep the configuration from being used.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// Each as a line `file:line:column: severity: text`, in the file's order.
    #[must_use]
    pub fn lines(&self, file: &str, text: &str) -> Vec<String> {
        self.lines_from(Severity::Notice, file, text)
    }

    /// The same for problems that are at least this severe.
    #[must_use]
    pub fn lines_from(&self, least: Severity, file: &str, text: &str) -> Vec<String> {
        let mut sorted: Vec<&Problem> = self.0.iter().filter(|problem| problem.severity >= least).collect();
        sorted.sort_by_key(|problem| problem.at);
        sorted
            .into_iter()
            .map(|problem| {
                let (line, column) = place(text, problem.at);
                format!("{file}:{line}:{column}: {}: {}", problem.severity, problem.text)
            })
            .collect()
    }
}

/// Line and column of a byte offset, both from 1; a column counts characters.
#[must_use]
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let text = "{\n  \"ä\": 1}";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 2), (2, 1));
        assert_eq!(place(text, text.find('1').expect("it is there")), (2, 8));
        assert_eq!(place(text, 999), (2, 10));
    }

    #[test]
    fn what_is_found_twice_is_told_once_and_as_what_it_is_at_worst() {
        let mut problems = Problems::default();
        problems.add(Problem::check_error(4, "odd".to_owned()));
        assert!(problems.errors() == 0 && problems.has_errors());
        problems.add(Problem::error(4, "odd".to_owned()));
        problems.add(Problem::check_error(4, "odd".to_owned()));
        assert!(problems.errors() == 1 && problems.first_check_error().is_none());
        assert_eq!(problems.lines("c.json", "abcdef"), ["c.json:1:5: error: odd"]);
    }

    #[test]
    fn lines_come_in_the_files_order() {
        let mut problems = Problems::default();
        problems.add(Problem::error(4, "second".to_owned()));
        problems.add(Problem::warning(0, "first".to_owned()));
        assert_eq!(problems.lines("c.json", "ab\ncd"), ["c.json:1:1: warning: first", "c.json:2:2: error: second"]);
    }
}
