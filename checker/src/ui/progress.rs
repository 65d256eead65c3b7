//! How far a long piece of work is, as a bar on standard error. What is done is others' business.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How wide a bar is, in characters.
const WIDTH: usize = 32;
/// How often a bar is drawn anew.
const DRAW_SPACING: Duration = Duration::from_millis(100);

/// A progress bar on standard error, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    what: &'static str,
    drawn: Option<Instant>,
}

impl Bar {
    /// A bar for so many of these, named in the plural.
    pub(crate) fn of(what: &'static str) -> Bar {
        Bar { what, drawn: None }
    }

    pub(crate) fn draw(&mut self, done: usize, total: usize) {
        let mut stream = std::io::stderr();
        let is_early = self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_SPACING) && done < total;
        if is_early || !stream.is_terminal() {
            return;
        }
        self.drawn = Some(Instant::now());
        // That it cannot be drawn is no reason to stop.
        let _ = write!(stream, "\r{} {}", line(done, total), self.what);
        let _ = stream.flush();
    }

    pub(crate) fn clear(&self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// A bar that is filled as far as the work is done, with the figures beside it.
pub(crate) fn line(done: usize, total: usize) -> String {
    let filled = (done * WIDTH).checked_div(total).unwrap_or(0).min(WIDTH);
    format!("[{}{}] {done} of {total}", "#".repeat(filled), "-".repeat(WIDTH - filled))
}

#[cfg(test)]
mod tests {
    use crate::ui::progress::*;

    #[test]
    fn a_bar_fills_and_never_overflows() {
        assert_eq!(line(0, 0), format!("[{}] 0 of 0", "-".repeat(32)));
        assert_eq!(line(5, 10), format!("[{}{}] 5 of 10", "#".repeat(16), "-".repeat(16)));
        assert_eq!(line(11, 10), format!("[{}] 11 of 10", "#".repeat(32)));
    }
}
