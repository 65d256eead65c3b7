//! `checker history rebuild`: makes this node's history again from the check files.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::object_name::{HistoryName, HistoryPart};

use crate::cli::RebuildArguments;
use crate::command::{NoStorage, Outcome, load, tell};
use crate::history::rebuild;
use crate::now;
use crate::store::Store;

/// How many unreadable check files are named one by one.
const NAMED: usize = 20;
/// How wide the progress bar is, in characters.
const BAR_WIDTH: usize = 32;
/// How often the progress bar is drawn anew.
const DRAW_SPACING: Duration = Duration::from_millis(100);

/// Makes the history again and says what became of it.
pub async fn rebuild_history(arguments: &RebuildArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, arguments.node.as_ref())?;
    let Some(storage) = &config.storage else {
        return Err(NoStorage(arguments.config.config.display().to_string()).into());
    };
    let store = Arc::new(Store::open(storage).await?);
    let node = (!arguments.nameless).then_some(&config.node);
    let started = Instant::now();
    let mut bar = Bar::default();
    let rebuilt = rebuild(&store, node, storage.history_expiry, now(), |done, total| bar.draw(done, total)).await;
    bar.clear();
    let rebuilt = rebuilt?;
    for (name, reason) in rebuilt.unreadable.iter().take(NAMED) {
        tell(&format!("warning: left out `{name}`: failed to {reason}"));
    }
    if rebuilt.unreadable.len() > NAMED {
        tell(&format!("warning: left out {} more check files that cannot be read", rebuilt.unreadable.len() - NAMED));
    }
    if rebuilt.implausible > 0 {
        tell(&format!(
            "warning: left out {} results whose time is more than a day before that of their file, or after it",
            rebuilt.implausible
        ));
    }
    if let Some(cause) = &rebuilt.replaced {
        tell(&format!(
            "note: the history that was there could not be used (failed to {cause}); this one takes its place"
        ));
    }
    if rebuilt.files == 0 {
        anstream::println!("{} has no check file of this node", store.describe());
        return Ok(Outcome::Done);
    }
    let name = HistoryName { node: node.cloned(), part: HistoryPart::Main };
    let seconds = started.elapsed().as_secs_f64();
    anstream::println!(
        "made {name} in {} from {} in {seconds:.1} s",
        store.describe(),
        if rebuilt.files == 1 { "one check file".to_owned() } else { format!("{} check files", rebuilt.files) }
    );
    Ok(Outcome::Done)
}

/// A progress bar on standard error, if that is a terminal.
#[derive(Debug, Default)]
struct Bar {
    drawn: Option<Instant>,
}

impl Bar {
    fn draw(&mut self, done: usize, total: usize) {
        let mut stream = std::io::stderr();
        let is_early = self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAW_SPACING) && done < total;
        if is_early || !stream.is_terminal() {
            return;
        }
        self.drawn = Some(Instant::now());
        // That it cannot be drawn is no reason to stop.
        let _ = write!(stream, "\r{}", line(done, total));
        let _ = stream.flush();
    }

    fn clear(&self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: usize, total: usize) -> String {
    let filled = (done * BAR_WIDTH).checked_div(total).unwrap_or(0).min(BAR_WIDTH);
    format!("[{}{}] {done} of {total} check files", "#".repeat(filled), "-".repeat(BAR_WIDTH - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_fills_and_never_overflows() {
        assert_eq!(line(0, 0), format!("[{}] 0 of 0 check files", "-".repeat(32)));
        assert_eq!(line(5, 10), format!("[{}{}] 5 of 10 check files", "#".repeat(16), "-".repeat(16)));
        assert_eq!(line(11, 10), format!("[{}] 11 of 10 check files", "#".repeat(32)));
    }
}
