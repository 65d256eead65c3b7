//! Snapshots of the texts that people read: help, problems of a configuration, errors, reports and reasons.
//! `INSTA_UPDATE=always` accepts a change of wording.

mod errors;
mod help;
mod notices;
mod reports;
mod validation;

use crate::config::Environment;

/// Compares a text with its stored snapshot. Names carry no module path, so that moving a test keeps its snapshot.
pub(crate) fn assert_text(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The same for lines `name: text`.
pub(crate) fn assert_list(name: &str, texts: &[(&str, String)]) {
    let lines: Vec<String> = texts.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    assert_text(name, &lines.join("\n"));
}

/// One variable and a host name.
pub(crate) fn surroundings() -> Environment<'static> {
    let variable = &|name: &str| (name == "KEY").then(|| "s3cr3t".to_owned());
    Environment { variable, host_name: "web-01".to_owned() }
}
