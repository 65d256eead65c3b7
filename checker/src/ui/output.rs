//! Prints results to standard output, and messages about them to standard error.

use std::error::Error;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tracing::Level;

use super::log;
use super::table::Styles;
use super::verbosity::is_quiet;
use crate::sanitize::{sanitize_for_terminal, without_disguise};

/// The maximum length of an error's cause, in characters.
const CAUSE_WIDTH: usize = 1_000;
/// The size of the parts in which JSON is written, in bytes.
const JSON_BUFFER: usize = 64 << 10;

/// A command's result could not be written to standard output.
#[derive(Debug, thiserror::Error)]
#[error("failed to write to standard output")]
pub struct StdoutError(#[source] io::Error);

/// Prints a command's result for people.
pub fn stdout(text: &str) -> Result<(), StdoutError> {
    stdout_data(&without_disguise(text))
}

/// Clears the terminal, if standard output is one.
pub fn clear_screen() {
    if io::stdout().is_terminal() {
        // The next output reports a terminal that cannot be written.
        let _ = io::stdout().write_all(b"\x1b[2J\x1b[H");
    }
}

/// Prints a command's result for programs, such as JSON, in a single write instead of line by line.
pub fn stdout_data(text: &str) -> Result<(), StdoutError> {
    let text = if io::stdout().is_terminal() { without_disguise(text) } else { text.into() };
    let text = &*text;
    let plain = match stdout_styles() {
        Styles::Ansi => None,
        Styles::Plain => text.contains('\u{1b}').then(|| strip_str(text).to_string()),
    };
    let mut output = io::stdout().lock();
    written(output.write_all(plain.as_deref().unwrap_or(text).as_bytes()).and_then(|()| output.flush()))
}

/// Prints a command's result as a line of JSON. Unlike [`stdout_data`], writes it in parts, because it can take much more
/// memory than the value.
pub fn stdout_json(value: &impl Serialize) -> Result<(), StdoutError> {
    if io::stdout().is_terminal() {
        let text = serde_json::to_string(value).map_err(|error| StdoutError(error.into()))?;
        return stdout_data(&format!("{text}\n"));
    }
    let mut output = BufWriter::with_capacity(JSON_BUFFER, io::stdout().lock());
    let json = serde_json::to_writer(&mut output, value).map_err(io::Error::from);
    written(json.and_then(|()| output.write_all(b"\n")).and_then(|()| output.flush()))
}

fn written(result: io::Result<()>) -> Result<(), StdoutError> {
    match result {
        // The reading process, such as `head`, does not need any more output.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(StdoutError),
    }
}

/// Prints supplementary output. If standard output cannot be written, the command continues with a warning.
pub fn print(text: &str) {
    if let Err(StdoutError(error)) = stdout(text) {
        warn(&format!("failed to write to standard output: {error}"));
    }
}

/// Calls [`print()`] with a line break appended.
pub fn print_line(text: &str) {
    print(&format!("{text}\n"));
}

/// Returns the styles that standard output supports.
#[must_use]
pub fn stdout_styles() -> Styles {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => Styles::Plain,
        _ => Styles::Ansi,
    }
}

/// Prints a message to standard error.
pub fn info(text: &str) {
    message(Level::INFO, "", text);
}

/// Prints a note to standard error.
pub fn note(text: &str) {
    message(Level::INFO, "note: ", text);
}

/// Prints a warning to standard error.
pub fn warn(text: &str) {
    message(Level::WARN, "warning: ", text);
}

fn message(level: Level, prefix: &str, text: &str) {
    if is_quiet() && level == Level::INFO {
        return;
    }
    if log::is_started() {
        log::log(level, text);
    } else {
        write_stderr(&format!("{prefix}{text}\n"));
    }
}

/// Writes to standard error. Errors are ignored: there is nowhere left to report them, and a full disk must not stop
/// the checks.
pub(super) fn write_stderr(text: &str) {
    let text = without_disguise(text);
    let mut standard_error = anstream::stderr().lock();
    let _ = standard_error.write_all(text.as_bytes()).and_then(|()| standard_error.flush());
}

/// Prints an error and its causes to standard error, omitting causes whose text is already part of it.
pub fn error(error: &dyn Error) {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = sanitize_for_terminal(&error.to_string(), CAUSE_WIDTH);
        if !texts.iter().any(|known| known.contains(&reason)) {
            texts.push(reason);
        }
        cause = error.source();
    }
    if log::is_started() {
        log::log(Level::ERROR, &texts.join(": "));
    } else {
        let style = Style::new().fg_color(Some(AnsiColor::Red.into())).bold();
        write_stderr(&format!("{style}error:{style:#} {}\n", texts.join("\n  caused by: ")));
    }
}
