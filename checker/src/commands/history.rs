//! `checker history rebuild`: rebuilds a node's history from its check files.

use std::sync::Arc;
use std::time::Instant;

use shared::object_name::{HistoryName, HistoryPart};

use super::{MissingStorage, Outcome, load};
use crate::cli::RebuildArguments;
use crate::counted;
use crate::now;
use crate::recorder::history_writer::rebuild;
use crate::store::Store;
use crate::ui;
use crate::ui::progress::ProgressBar;

/// The maximum number of unreadable check files to list.
const LISTED_FILES: usize = 20;

pub async fn rebuild_history(arguments: &RebuildArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, arguments.node.as_ref())?;
    let Some(storage) = &config.storage else {
        return Err(MissingStorage(arguments.config.config.display().to_string()).into());
    };
    let store = Arc::new(Store::open(storage).await);
    let node = (!arguments.unnamed_node).then_some(&config.node);
    let started = Instant::now();
    let mut bar = ProgressBar::new("check files");
    let rebuilt = rebuild(&store, node, storage.history_expiry, now(), |done, total| bar.draw(done, total)).await;
    bar.clear();
    let rebuilt = rebuilt?;
    for (name, reason) in rebuilt.unreadable.iter().take(LISTED_FILES) {
        ui::warn(&format!("skipped `{name}`: {reason}"));
    }
    if rebuilt.unreadable.len() > LISTED_FILES {
        ui::warn(&format!(
            "skipped {}",
            counted(rebuilt.unreadable.len() - LISTED_FILES, "more unreadable check file")
        ));
    }
    if rebuilt.implausible > 0 {
        let results = counted(rebuilt.implausible, "result");
        ui::warn(&format!(
            "skipped {results} with a timestamp later than the check file's, or more than a day earlier"
        ));
    }
    if let Some(cause) = &rebuilt.replaced {
        ui::note(&format!("replaced the previous history: {cause}"));
    }
    if rebuilt.files == 0 {
        ui::print_line(&format!("{} has no check files from this node", store.describe()));
        return Ok(Outcome::Done);
    }
    let name = HistoryName { node: node.cloned(), part: HistoryPart::Main };
    let seconds = started.elapsed().as_secs_f64();
    ui::print_line(&format!(
        "rebuilt {name} in {} from {} in {seconds:.1} s",
        store.describe(),
        counted(rebuilt.files, "check file")
    ));
    Ok(Outcome::Done)
}
