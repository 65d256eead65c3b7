//! What summaries and outputs are built from: the histories of all nodes, the current status, and the state of all posts.

use std::sync::Arc;

use shared::announced::Posted;
use shared::endpoint_status::of_incomplete;
use shared::history::History;
use shared::object_name::{BadgeTitle, NodeName, SummaryForm, SummaryName};
use shared::page_config::PageConfig;
use shared::page_config::appearance::Group;
use shared::post::Authors;
use shared::post::fold::Announcements;
use shared::summary::{Summary, summary};
use shared::{Nanos, UnixNanos};

use crate::config::model::Config;
use crate::posts::board::Board;
use crate::recorder::history_reader::histories_up_to;
use crate::recorder::summary::SummaryError;
use crate::store::Store;

/// The settings that determine the content of summaries and outputs.
#[derive(Debug, Clone)]
pub struct OutputSettings {
    /// The node that writes them.
    pub node: NodeName,
    /// The title of the page.
    pub title: String,
    /// The public URL of the page, with a trailing slash.
    pub url: Option<String>,
    /// The page's default range, for uptime and response times.
    pub range: Nanos,
    /// The groups of the page, which posts can name.
    pub groups: Vec<Group>,
    /// The authors whose posts are shown.
    pub authors: Authors,
    /// The titles of endpoints whose errors are hidden, as on the page.
    pub hidden_errors: Vec<String>,
}

impl OutputSettings {
    #[must_use]
    pub fn new(config: &Config) -> OutputSettings {
        let url = config.outputs.url.clone();
        OutputSettings { url, ..OutputSettings::of_page(config.node.clone(), &config.page.config) }
    }

    /// Returns the settings of a page without a known URL.
    #[must_use]
    pub fn of_page(node: NodeName, page: &PageConfig) -> OutputSettings {
        OutputSettings {
            node,
            title: page.title.clone(),
            url: None,
            range: page.range,
            groups: page.appearance.groups.clone(),
            authors: page.post_authors(),
            hidden_errors: page.appearance.hidden_errors.clone(),
        }
    }
}

/// The state of the store at one time.
#[derive(Debug)]
pub struct Dataset {
    pub settings: Arc<OutputSettings>,
    pub summary: Summary,
    /// Whether some histories cannot be read.
    pub is_incomplete: bool,
    histories: Vec<History>,
    announcements: Announcements,
}

impl Dataset {
    /// Reads everything up to `now`.
    pub async fn load(
        store: &Arc<Store>,
        settings: &Arc<OutputSettings>,
        now: UnixNanos,
    ) -> Result<Dataset, SummaryError> {
        let loaded = histories_up_to(store, now).await?;
        let board = Board::load(&**store, loaded.digests).await?;
        let announcements = board.shown(&settings.authors, now);
        let mut data = Dataset::new(settings, loaded.histories, announcements, now);
        if loaded.is_incomplete {
            data.is_incomplete = true;
            data.summary.status = of_incomplete(data.summary.status);
        }
        Ok(data)
    }

    #[must_use]
    pub fn new(
        settings: &Arc<OutputSettings>,
        histories: Vec<History>,
        announcements: Announcements,
        now: UnixNanos,
    ) -> Dataset {
        let posted = Posted { announcements: &announcements, groups: &settings.groups };
        let summary = summary(&histories, posted, (&settings.node, &settings.title), now);
        Dataset { settings: Arc::clone(settings), summary, is_incomplete: false, histories, announcements }
    }

    #[must_use]
    pub fn histories(&self) -> &[History] {
        &self.histories
    }

    #[must_use]
    pub fn posted(&self) -> Posted<'_> {
        Posted { announcements: &self.announcements, groups: &self.settings.groups }
    }

    /// Includes the badges and feeds of endpoints that only other nodes check.
    pub fn include_all_endpoints(&mut self) {
        for endpoint in &mut self.summary.endpoints {
            let form = SummaryForm::Badge(BadgeTitle::new(&endpoint.title));
            let name = || SummaryName { node: self.settings.node.clone(), form }.to_string();
            endpoint.badge.get_or_insert_with(name);
        }
    }
}
