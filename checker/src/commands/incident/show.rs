//! `checker incident show`: shows an incident with all its updates.

use super::{find, render};
use crate::cli::{Format, IncidentShowArguments};
use crate::commands::Outcome;
use crate::commands::posting::Posting;
use crate::ui;

pub(super) async fn show(arguments: &IncidentShowArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::view(&arguments.config).await?;
    let announcements = posting.announcements();
    let incident = find(&announcements, &arguments.id)?;
    match arguments.format.get() {
        Format::Json => ui::stdout_data(&format!("{}\n", render::to_json(incident)))?,
        Format::Table => ui::stdout(&render::show(incident, &posting.zone))?,
    }
    Ok(Outcome::Done)
}
