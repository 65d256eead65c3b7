//! Reads what people posted, for reports about the status.

use shared::UnixNanos;
use shared::object_name::DigestName;
use shared::page_config::PageConfig;
use shared::post::fold::Announcements;

use crate::posts::board::Board;
use crate::store::Store;
use crate::ui;

/// Reads what people posted. If posts cannot be read, the report contains only what was measured.
pub(super) async fn announcements(
    store: &Store,
    digests: Vec<DigestName>,
    page: &PageConfig,
    now: UnixNanos,
) -> Announcements {
    let board = match Board::load(store, digests).await {
        Ok(board) => board,
        Err(error) => {
            ui::warn(&format!("incidents and maintenance are missing: {error}"));
            return Announcements::default();
        }
    };
    for (name, reason) in &board.unreadable {
        ui::warn(&format!("skipped the posts in `{name}`: {reason}"));
    }
    board.shown(&page.post_authors(), now)
}
