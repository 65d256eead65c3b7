//! `checker man`: prints the manual page, or writes the pages of all commands.

use std::fs;

use clap_mangen::{Man, generate_to};

use super::Outcome;
use crate::cli::{self, ManArguments};
use crate::ui;

pub fn man(arguments: &ManArguments) -> anyhow::Result<Outcome> {
    let Some(folder) = &arguments.into else {
        let mut page = Vec::new();
        Man::new(cli::command()).render(&mut page)?;
        ui::stdout_data(&String::from_utf8(page)?)?;
        return Ok(Outcome::Done);
    };
    let written = fs::create_dir_all(folder).and_then(|()| generate_to(cli::command(), folder));
    written.map_err(|error| anyhow::anyhow!("failed to write manual pages to `{}`: {error}", folder.display()))?;
    ui::info(&format!("wrote the manual pages to {}", folder.display()));
    Ok(Outcome::Done)
}
