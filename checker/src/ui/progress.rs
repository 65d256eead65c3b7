//! Progress of long operations, on standard error.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::log;
use super::output::{info, write_stderr};
use super::prompt::Confirmation;
use super::verbosity::is_quiet;
use crate::provision::progress::Progress;
use crate::sanitize::sanitize_for_terminal;

/// The width of a bar, in characters.
const WIDTH: usize = 32;
/// The maximum width of a title, in characters, so that the line is not wrapped.
const TITLE_WIDTH: usize = 40;
/// The minimum time between two updates of a bar.
const DRAW_SPACING: Duration = Duration::from_millis(100);

/// A progress bar. It is shown only on a terminal, and only if messages do not go to the log.
#[derive(Debug)]
pub struct ProgressBar {
    unit: &'static str,
    drawn: Option<Instant>,
}

impl ProgressBar {
    /// Creates a bar that counts items of this unit, such as `check files`.
    #[must_use]
    pub fn new(unit: &'static str) -> ProgressBar {
        ProgressBar { unit, drawn: None }
    }

    /// Draws the bar, unless it was drawn a moment ago.
    pub fn draw(&mut self, done: usize, total: usize) {
        let mut stream = std::io::stderr();
        let is_early = self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_SPACING) && done < total;
        if is_early || log::is_started() || !stream.is_terminal() {
            return;
        }
        self.drawn = Some(Instant::now());
        // Failing to draw a bar must not stop the work.
        let _ = write!(stream, "\r{} {}", line(done, total), self.unit);
        let _ = stream.flush();
    }

    pub fn clear(&self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// A line that names a check that takes long. It is shown only on a terminal, and only if messages do not go to the log.
#[derive(Debug, Default)]
pub struct WaitingLine {
    is_drawn: bool,
}

impl WaitingLine {
    pub fn draw(&mut self, done: usize, total: usize, title: &str) {
        let mut stream = std::io::stderr();
        if log::is_started() || is_quiet() || !stream.is_terminal() {
            return;
        }
        self.is_drawn = true;
        // Failing to draw a line must not stop the work.
        let _ = write!(stream, "\r\x1b[K{}", waiting(done, total, title));
        let _ = stream.flush();
    }

    pub fn clear(&self) {
        if self.is_drawn {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Formats the progress of a round: `7 of 9 done, waiting for Slow API…`.
fn waiting(done: usize, total: usize, title: &str) -> String {
    format!("{done} of {total} done, waiting for {}…", sanitize_for_terminal(title, TITLE_WIDTH))
}

/// Prints the steps of provisioning to standard error, and asks before a key is deleted.
#[derive(Debug)]
pub struct StepProgress {
    confirmation: Confirmation,
    is_terminal: bool,
    /// The last multiple of 10% that was printed, if lines cannot be overwritten.
    tenth: usize,
}

impl StepProgress {
    /// Creates a reporter that asks for confirmation according to `confirmation`.
    #[must_use]
    pub fn new(confirmation: Confirmation) -> StepProgress {
        StepProgress { confirmation, is_terminal: std::io::stderr().is_terminal(), tenth: 0 }
    }
}

impl Progress for StepProgress {
    fn step_started(&mut self, number: usize, of: usize, what: &str) {
        self.tenth = 0;
        write_stderr(&format!("[{number}/{of}] {what} … "));
    }

    fn step_done(&mut self, note: &str) {
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        info(&format!("done{note}"));
    }

    fn items_done(&mut self, done: usize, of: Option<usize>) {
        let Some(of) = of.filter(|of| *of > 0) else { return };
        if self.is_terminal {
            write_stderr(&format!("\r{} ", line(done, of)));
        } else if done * 10 / of > self.tenth {
            self.tenth = done * 10 / of;
            write_stderr(&format!("\n  {} ", line(done, of)));
        }
    }

    fn confirm_key_deletion(&mut self, key_id: &str, user: &str) -> bool {
        self.confirmation.confirm(&format!(
            "The new key works and is saved in its file. Replace the old file wherever it is used, then type `yes` to remove the old key `{key_id}` of `{user}`:"
        ))
    }
}

/// Formats a bar with its numbers, such as `[####----] 5 of 10`.
fn line(done: usize, total: usize) -> String {
    let filled = (done * WIDTH).checked_div(total).unwrap_or(0).min(WIDTH);
    format!("[{}{}] {done} of {total}", "#".repeat(filled), "-".repeat(WIDTH - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_check_is_named_on_one_line() {
        assert_eq!(waiting(7, 9, "Slow API"), "7 of 9 done, waiting for Slow API…");
        assert_eq!(waiting(0, 1, "A\u{1b}[2J\nB"), "0 of 1 done, waiting for A[2J B…");
    }

    #[test]
    fn a_bar_fills_and_never_overflows() {
        assert_eq!(line(0, 0), format!("[{}] 0 of 0", "-".repeat(32)));
        assert_eq!(line(5, 10), format!("[{}{}] 5 of 10", "#".repeat(16), "-".repeat(16)));
        assert_eq!(line(11, 10), format!("[{}] 11 of 10", "#".repeat(32)));
    }
}
