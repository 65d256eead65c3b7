//! `checker export`: writes all outputs, the summary and badges as static files.

use std::sync::Arc;

use super::{MissingStorage, Outcome, load};
use crate::cli::ExportArguments;
use crate::counted;
use crate::now;
use crate::recorder::outputs::dataset::{Dataset, OutputSettings};
use crate::recorder::outputs::export::{export as export_files, exported_index, link_outputs};
use crate::recorder::outputs::writer::{new_index, stored_index};
use crate::store::Store;
use crate::ui;

/// The exported files, relative to a page in the same folder.
const SAME_FOLDER: &str = "./";

/// Nothing is exported without results, so that a directory that is not mounted does not empty an earlier export.
#[derive(Debug, thiserror::Error)]
#[error("nothing was exported: {0} contains no current results; run `checker run` first, or check the directory")]
struct NoResults(String);

pub async fn export(arguments: &ExportArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, arguments.node.as_ref())?;
    let Some(storage) = &config.storage else {
        return Err(MissingStorage(arguments.config.config.display().to_string()).into());
    };
    let now = now();
    let store = Arc::new(Store::open(storage).await);
    let settings = Arc::new(OutputSettings::new(&config));
    let index = match exported_index(&arguments.into)? {
        Some(index) => index,
        // The first export continues with the identities that the node uses.
        None => stored_index(&store, &config.node).await?.unwrap_or_else(|| new_index(&settings, now)),
    };
    let mut data = Dataset::load(&store, &settings, now).await?;
    data.include_all_endpoints();
    if data.summary.endpoints.is_empty() {
        return Err(NoResults(store.describe()).into());
    }
    if data.is_incomplete {
        ui::warn("the outputs are incomplete, because some histories cannot be read; `checker status` names them");
    }
    let done = export_files(&arguments.into, &data, index, now)?;
    let removed = if done.removed > 0 { format!(", removed {}", done.removed) } else { String::new() };
    let (written, folder) = (counted(done.written, "file"), arguments.into.display());
    ui::print_line(&format!("wrote {written} to `{folder}`; {} unchanged{removed}", done.unchanged));
    let url = config.page.config.outputs.as_deref().unwrap_or(SAME_FOLDER);
    if let Some(page) = link_outputs(&arguments.into, url)? {
        ui::print_line(&format!("added the URL of the feeds and the calendar to `{}`", page.display()));
    }
    Ok(Outcome::Done)
}
