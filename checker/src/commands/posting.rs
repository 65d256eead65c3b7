//! What all commands that post have in common: the author, the posts of all authors, and publishing with messages for
//! the operator.

use std::sync::Arc;

use jiff::tz::TimeZone;
use shared::object_name::NodeName;
use shared::post::fold::Announcements;
use shared::post::{Affected, Details, Impact, Post, Scope};
use shared::{MINUTE, Nanos, UnixNanos, duration};

use super::{MissingStorage, load};
use crate::cli::{AuthorArguments, ConfigArgument};
use crate::config::model::Config;
use crate::now;
use crate::posts::affected::{KnownTitles, parse_affected};
use crate::posts::board::Board;
use crate::posts::publish::{Draft, publish};
use crate::posts::time::{UnusableTime, parse_past};
use crate::store::{Store, StoreError};
use crate::ui;

/// The smallest difference between this machine's clock and the store's to report.
const CLOCK_DIFFERENCE: Nanos = MINUTE;

/// The posts in a store, and the author in whose name a command posts.
pub(crate) struct Posting {
    pub(crate) config: Config,
    pub(crate) store: Arc<Store>,
    pub(crate) author: NodeName,
    pub(crate) board: Board,
    /// The time at which the command started.
    pub(crate) now: UnixNanos,
    /// The zone of times that the operator types and reads.
    pub(crate) zone: TimeZone,
}

impl Posting {
    /// Loads the configuration and reads the posts of all authors.
    pub(crate) async fn open(arguments: &AuthorArguments) -> anyhow::Result<Posting> {
        Posting::read(&arguments.config, arguments.author.as_ref()).await
    }

    /// Like [`Self::open`], for commands that only show posts.
    pub(crate) async fn view(arguments: &ConfigArgument) -> anyhow::Result<Posting> {
        Posting::read(arguments, None).await
    }

    async fn read(arguments: &ConfigArgument, author: Option<&NodeName>) -> anyhow::Result<Posting> {
        let config = load(&arguments.config, None)?;
        let Some(storage) = &config.storage else {
            return Err(MissingStorage(arguments.config.display().to_string()).into());
        };
        let now = now();
        let store = Arc::new(Store::open(storage).await);
        let board = read_board(&store, &config).await?;
        for (name, reason) in &board.unreadable {
            ui::warn(&format!("skipped the posts in `{name}`: {reason}"));
        }
        let author = author.or(config.author.as_ref()).unwrap_or(&config.node).clone();
        Ok(Posting { config, store, author, board, now, zone: TimeZone::system() })
    }

    /// Reads the posts of all authors again, as of now.
    pub(crate) async fn read_again(&mut self) -> anyhow::Result<()> {
        self.board = read_board(&self.store, &self.config).await?;
        self.now = now();
        Ok(())
    }

    /// Returns what readers see, and the silences of all authors.
    pub(crate) fn announcements(&self) -> Announcements {
        self.config.page.config.post_authors().announcements_with_silences(&self.board.digests, self.now)
    }

    /// Stores a post and updates the author's digest. Reports problems that do not prevent that.
    pub(crate) async fn publish(&self, draft: Draft) -> anyhow::Result<Post> {
        if !matches!(draft.details, Details::Silence { .. }) {
            warn_if_not_shown(&self.config, &self.author, "pass `--author`");
        }
        let published = publish(&*self.store, &self.board, &self.author, draft, self.now).await?;
        for problem in &published.problems {
            ui::warn(problem);
        }
        if let Some(warning) = self.store.store_time().and_then(|time| clock_warning(time, now())) {
            ui::warn(&warning);
        }
        Ok(published.post)
    }

    /// Parses and validates endpoints with their impacts. Returns `None` for an empty list.
    pub(crate) async fn affected(&self, texts: &[String]) -> anyhow::Result<Option<Vec<Affected>>> {
        let affected = texts.iter().map(|text| parse_affected(text)).collect::<Result<Vec<_>, _>>()?;
        let affected = self.resolve(affected).await?;
        Ok(Some(affected).filter(|affected| !affected.is_empty()))
    }

    /// Validates endpoints that are given without an impact.
    pub(crate) async fn scopes(&self, titles: &[String]) -> anyhow::Result<Vec<Affected>> {
        let scope = |title: &String| Affected { scope: Scope(title.clone()), impact: Impact::None };
        self.resolve(titles.iter().map(scope).collect()).await
    }

    async fn resolve(&self, affected: Vec<Affected>) -> anyhow::Result<Vec<Affected>> {
        let mut known = KnownTitles::of_config(&self.config);
        // Other nodes can have other endpoints, and an author's configuration usually has none.
        if !known.contain(&affected) || known == KnownTitles::default() && !affected.is_empty() {
            known.add_stored(&self.store).await?;
        }
        Ok(known.resolve(affected)?)
    }

    /// Parses the time that a flag gives for something that has already happened.
    pub(crate) fn past(&self, flag: &'static str, text: Option<&String>) -> Result<Option<UnixNanos>, UnusableTime> {
        text.map(|text| parse_past(flag, text, self.now, &self.zone)).transpose()
    }
}

async fn read_board(store: &Store, config: &Config) -> Result<Board, StoreError> {
    let mut board = Board::read(store).await?;
    board.editors.clone_from(&config.page.config.editors);
    Ok(board)
}

/// Warns if readers do not see the posts of an author. `other` states how to post under another name.
pub(crate) fn warn_if_not_shown(config: &Config, author: &NodeName, other: &str) {
    if config.page.config.post_authors().shown.is_some_and(|shown| !shown.contains(author)) {
        ui::warn(&format!("readers do not see posts of `{author}`: add it to `page.authors`, or {other}"));
    }
}

/// Returns the warning for a clock that differs from the store's.
fn clock_warning(store: UnixNanos, now: UnixNanos) -> Option<String> {
    let ahead = now.saturating_sub(store);
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    (ahead.saturating_abs() >= CLOCK_DIFFERENCE).then(|| {
        let difference = duration::format_coarse(ahead.saturating_abs());
        format!("this machine's clock, which dates posts, is {difference} {direction} the store's; set the clock")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::SECOND;

    #[test]
    fn a_clock_that_is_two_minutes_off_is_reported() {
        let now = 1_795_330_254_340_493_978;
        assert_eq!(clock_warning(now, now + 59 * SECOND), None);
        let warning = clock_warning(now, now + 2 * MINUTE).expect("a warning");
        assert!(warning.contains("2 min ahead of the store's"), "{warning}");
        let warning = clock_warning(now, now - 2 * MINUTE).expect("a warning");
        assert!(warning.contains("2 min behind the store's"), "{warning}");
    }
}
