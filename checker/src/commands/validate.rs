//! `checker validate`: prints every problem of a configuration at once.

use super::{Outcome, output, tell, with_surroundings};
use crate::cli::ConfigArgument;
use crate::config;

/// Prints the problems, one line each; errors make it end with 1, warnings do not.
pub fn validate(argument: &ConfigArgument) -> anyhow::Result<Outcome> {
    let (lines, has_errors) = with_surroundings(|surroundings| config::validate(&argument.config, surroundings))?;
    if !lines.is_empty() {
        output(&(lines.join("\n") + "\n"))?;
    }
    if has_errors {
        return Ok(Outcome::Found);
    }
    tell(&format!("{} is valid", argument.config.display()));
    Ok(Outcome::Done)
}
