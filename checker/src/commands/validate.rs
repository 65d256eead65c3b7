//! `checker validate`: prints all problems in a configuration.

use super::{Outcome, with_environment};
use crate::cli::ConfigArgument;
use crate::config;
use crate::ui;

/// Prints one line per problem. Errors set the exit status to 1; warnings do not.
pub fn validate(argument: &ConfigArgument) -> anyhow::Result<Outcome> {
    let (lines, has_errors) = with_environment(|environment| config::validate(&argument.config, environment))?;
    if !lines.is_empty() {
        ui::stdout(&(lines.join("\n") + "\n"))?;
    }
    if has_errors {
        return Ok(Outcome::Found);
    }
    ui::info(&format!("{} is valid", argument.config.display()));
    Ok(Outcome::Done)
}
