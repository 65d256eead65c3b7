//! `checker schema`: prints the JSON Schema of the configuration.

use super::Outcome;
use crate::config::json_schema;
use crate::ui;

pub fn schema() -> anyhow::Result<Outcome> {
    ui::stdout_data(&format!("{:#}\n", json_schema::schema()))?;
    Ok(Outcome::Done)
}
