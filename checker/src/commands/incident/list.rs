//! `checker incident list`: lists incidents.

use super::render;
use crate::cli::{Format, PostListArguments};
use crate::commands::Outcome;
use crate::commands::posting::Posting;
use crate::ui;

pub(super) async fn list(arguments: &PostListArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::view(&arguments.config).await?;
    let announcements = posting.announcements();
    let is_listed = |incident: &&_| arguments.all || shared::post::incident::Incident::is_open(incident);
    let incidents: Vec<_> = announcements.incidents.iter().filter(is_listed).collect();
    match arguments.format.get() {
        Format::Json => ui::stdout_data(&format!("{}\n", render::list_json(&incidents)))?,
        Format::Table => ui::stdout(&render::list(&incidents, &announcements.incidents, &posting.zone))?,
    }
    Ok(Outcome::Done)
}
