//! The text of a post: from a flag, a file, standard input or an editor.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::post::TEXT_LIMIT;
use tempfile::TempPath;

use crate::cli::TextArguments;
use crate::platform::operator_file::read_operator_text;
use crate::posts::text::InvalidText;
use crate::ui;

/// The maximum size of a text from standard input or a pipe, in bytes. Longer texts are rejected in any case.
const INPUT_LIMIT: u64 = 1 << 20;
/// Explains the editor's file. Lines that start with `#` are not part of the text.
const INSTRUCTIONS: &str = "# Write the text above, as HTML. Lines that start with `#` are ignored.\n# Allowed elements: b, i, em, strong, u, s, code, pre, br, p, ul, ol, li, blockquote, a[href].\n";

#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error("failed to read the text from `{}`", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error(
        "the text is larger than {INPUT_LIMIT} bytes, but the limit is {TEXT_LIMIT} characters; shorten it and link to the details"
    )]
    TooLarge,
    #[error("the text is not UTF-8")]
    NotUtf8,
    #[error("missing text: pass `--text` or `--file`, or set `$EDITOR`")]
    NoEditor,
    #[error("failed to run the editor `{0}`")]
    Editor(String, #[source] io::Error),
    #[error("canceled: the editor `{0}` failed")]
    EditorFailed(String),
    #[error("canceled: the text is empty")]
    Empty,
    #[error("failed to write the file for the editor")]
    Draft(#[source] io::Error),
}

/// A text, and the file in which it was edited. The file is deleted unless the post fails.
#[derive(Debug, Default)]
pub(crate) struct PostText {
    pub(crate) text: Option<String>,
    draft: Option<TempPath>,
}

impl PostText {
    /// Keeps an edited text if the post failed, so that the author need not type it again.
    pub(crate) fn keep_on_failure<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        if result.is_err()
            && let Some(path) = self.draft.and_then(|draft| draft.keep().ok())
        {
            ui::note(&format!("the text was saved: pass it again with `--file {}`", path.display()));
        }
        result
    }

    /// Checks the text with `check`, and keeps an edited text if it is invalid.
    pub(crate) fn checked(self, check: impl Fn(&str) -> Result<(), InvalidText>) -> Result<PostText, InvalidText> {
        match self.text.as_deref().map_or(Ok(()), check) {
            Ok(()) => Ok(self),
            Err(error) => self.keep_on_failure(Err(error)),
        }
    }
}

/// Reads the text that the arguments name. Without one, opens an editor with `initial` on a terminal, and returns
/// `initial` otherwise.
pub(crate) fn read(arguments: &TextArguments, initial: &str) -> Result<PostText, TextError> {
    let given = |text: String| Ok(PostText { text: Some(text), draft: None });
    if let Some(text) = &arguments.text {
        return given(text.clone());
    }
    if let Some(path) = &arguments.file {
        let text = if path == Path::new("-") { read_input(io::stdin(), path)? } else { read_file(path)? };
        // Some editors begin files with a byte order mark.
        return given(text.trim_start_matches('\u{feff}').trim().to_owned());
    }
    if !io::stdin().is_terminal() {
        return Ok(PostText { text: Some(initial.to_owned()).filter(|text| !text.is_empty()), draft: None });
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = variable("VISUAL").or_else(|| variable("EDITOR")).ok_or(TextError::NoEditor)?;
    edit(&editor, initial)
}

/// Reads standard input or a pipe, but not much more than a text can have.
fn read_input(input: impl Read, path: &Path) -> Result<String, TextError> {
    let mut content = Vec::new();
    let read = input.take(INPUT_LIMIT + 1).read_to_end(&mut content);
    read.map_err(|error| TextError::File(path.to_owned(), error))?;
    if content.len() as u64 > INPUT_LIMIT {
        return Err(TextError::TooLarge);
    }
    String::from_utf8(content).map_err(|_| TextError::NotUtf8)
}

/// Reads a file or a pipe, such as the output of a command in `--file <(command)`.
fn read_file(path: &Path) -> Result<String, TextError> {
    let unreadable = |error| TextError::File(path.to_owned(), error);
    if std::fs::metadata(path).map_err(unreadable)?.file_type().is_fifo() {
        return read_input(File::open(path).map_err(unreadable)?, path);
    }
    read_operator_text(path).map_err(unreadable)
}

/// Opens an editor, which can be a command with arguments, and waits until it ends.
fn edit(editor: &str, initial: &str) -> Result<PostText, TextError> {
    let mut file = tempfile::Builder::new().prefix("checkup-").suffix(".html").tempfile().map_err(TextError::Draft)?;
    let written = file.write_all(format!("{initial}\n{INSTRUCTIONS}").as_bytes()).and_then(|()| file.flush());
    written.map_err(TextError::Draft)?;
    let path = file.into_temp_path();
    let status = Command::new("sh").arg("-c").arg(format!("{editor} \"$1\"")).arg("sh").arg(&path).status();
    let status = status.map_err(|error| TextError::Editor(editor.to_owned(), error))?;
    if !status.success() {
        return Err(TextError::EditorFailed(editor.to_owned()));
    }
    let text = read_operator_text(&path).map_err(|error| TextError::File(path.to_path_buf(), error))?;
    let text = without_instructions(&text);
    if text.is_empty() { Err(TextError::Empty) } else { Ok(PostText { text: Some(text), draft: Some(path) }) }
}

fn without_instructions(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: Option<&str>, file: Option<PathBuf>) -> TextArguments {
        TextArguments { text: text.map(str::to_owned), file }
    }

    #[test]
    fn a_text_comes_from_a_flag_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pm.html");
        std::fs::write(&path, "\n<p>Why.</p>\n").unwrap();
        assert_eq!(read(&arguments(Some("We know."), None), "x").unwrap().text.as_deref(), Some("We know."));
        assert_eq!(read(&arguments(None, Some(path.clone())), "x").unwrap().text.as_deref(), Some("<p>Why.</p>"));
        let error = read(&arguments(None, Some(folder.path().join("missing"))), "").unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }

    #[test]
    fn a_text_can_come_from_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let limit = usize::try_from(INPUT_LIMIT).unwrap();
        for (written, expected) in [
            ("\u{feff}Why.\n".to_owned(), "Why."),
            ("x".repeat(limit + 1), "the text is larger than 1048576 bytes, but the limit is 20000 characters"),
            ("ü".repeat(limit), "the text is larger than 1048576 bytes, but the limit is 20000 characters"),
        ] {
            let writer = std::thread::spawn({
                let path = path.clone();
                // Writing fails when the reader has read enough.
                move || drop(std::fs::write(path, written))
            });
            let text = match read(&arguments(None, Some(path.clone())), "") {
                Ok(text) => text.text.unwrap(),
                Err(error) => error.to_string(),
            };
            assert!(text.starts_with(expected), "{text:.100}");
            writer.join().unwrap();
        }
    }

    #[test]
    fn an_editor_changes_the_text_and_its_failure_cancels() {
        let edited = edit("sed -i 's/down/slow/'", "Shop is down.").unwrap();
        assert_eq!(edited.text.as_deref(), Some("Shop is slow."));
        assert!(matches!(edit("true", "").unwrap_err(), TextError::Empty));
        assert!(matches!(edit("false", "x").unwrap_err(), TextError::EditorFailed(_)));
    }

    #[test]
    fn an_edited_text_is_kept_if_the_post_fails() {
        let edited = edit("true", "Shop is down.").unwrap();
        let path = edited.draft.as_ref().unwrap().to_path_buf();
        edited.keep_on_failure::<(), _>(Err("busy")).unwrap_err();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("Shop is down."));
        std::fs::remove_file(&path).unwrap();
        let edited = edit("true", "Shop is down.").unwrap();
        let path = edited.draft.as_ref().unwrap().to_path_buf();
        edited.keep_on_failure::<_, &str>(Ok(())).unwrap();
        assert!(!path.exists());
    }
}
