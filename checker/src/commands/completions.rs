//! `checker completions`: prints shell completions.

use clap_complete::Shell;

use super::Outcome;
use crate::cli;
use crate::ui;

pub fn completions(shell: Shell) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "checker", &mut script);
    ui::stdout_data(&String::from_utf8(script)?)?;
    Ok(Outcome::Done)
}
