//! Snapshots of the text that users read: help, configuration problems, errors, reports and reasons.
//! `INSTA_UPDATE=always` accepts changed wording.

mod errors;
mod help;
mod notices;
mod notifications;
mod posts;
mod reports;
mod validation;

use crate::config::Environment;

/// Compares text with its stored snapshot. The snapshot's name does not contain the module path, so it stays the same
/// when a test moves.
pub(crate) fn assert_text(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Like [`assert_text`], for a list, with one line `name: text` per entry.
pub(crate) fn assert_list(name: &str, texts: &[(&str, String)]) {
    let lines: Vec<String> = texts.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    assert_text(name, &lines.join("\n"));
}

/// Returns an environment with one variable and a host name.
pub(crate) fn environment() -> Environment<'static> {
    let variable = &|name: &str| (name == "KEY").then(|| "s3cr3t".to_owned());
    Environment { variable, host_name: "web-01".to_owned() }
}
