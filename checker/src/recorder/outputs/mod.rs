//! Outputs for other programs: feeds, the calendar, the Statuspage API and badges with uptime and response time.
//!
//! [`dataset`] loads what they are built from, one module renders each kind, [`writer`] stores those that changed, and
//! [`export`] writes them as files.
//! Rendering is pure: the same data, index and time produce the same outputs.

mod atom;
mod calendar;
pub mod dataset;
pub mod export;
mod feeds;
mod figures;
mod rss;
#[cfg(test)]
mod tests;
pub mod writer;

use std::collections::BTreeMap;

use bytes::Bytes;
use shared::UnixNanos;
use shared::endpoint_status::endpoint_statuses;
use shared::object_name::{BadgeTitle, OutputForm, StatuspageDocument};
use shared::outputs::{NamedOutage, OutputIndex, name_outages};
use shared::page_config::appearance::position_in;
use shared::statuspage_api::{Statuspage, StatuspageSource};

use self::dataset::Dataset;
use crate::config::model::OutputKind;

/// The maximum length of a title, in characters.
const TITLE_LIMIT: usize = 200;

/// The content of rendered outputs by form.
pub type RenderedOutputs = BTreeMap<OutputForm, Bytes>;

/// Renders all outputs of these kinds. The index provides the identities of outages, and remembers new ones.
#[must_use]
pub fn render(kinds: &[OutputKind], data: &Dataset, index: &mut OutputIndex, now: UnixNanos) -> RenderedOutputs {
    let mut rendered = RenderedOutputs::new();
    let outages = if kinds.iter().any(|kind| matches!(kind, OutputKind::Feeds | OutputKind::Statuspage)) {
        let mut outages = name_outages(&endpoint_statuses(data.histories()), data.posted(), now, index);
        hide_errors(&mut outages, &data.settings.hidden_errors);
        outages
    } else {
        Vec::new()
    };
    for kind in kinds {
        rendered.extend(match kind {
            OutputKind::Feeds => feeds::render(data, &outages, index, now),
            OutputKind::Calendar => calendar::render(data, now),
            OutputKind::Statuspage => statuspage(data, &outages, index, now),
            OutputKind::Badges => figures::render(data, now),
        });
    }
    rendered
}

/// Removes the reasons of outages whose errors are hidden. `titles` is a list as in the page's configuration.
fn hide_errors(outages: &mut [NamedOutage], titles: &[String]) {
    for outage in outages.iter_mut().filter(|outage| position_in(titles, &outage.key.title).is_some()) {
        outage.reason = None;
    }
}

/// Renders all documents of the Statuspage API.
fn statuspage(data: &Dataset, outages: &[NamedOutage], index: &OutputIndex, now: UnixNanos) -> RenderedOutputs {
    let page_url = data.settings.url.as_deref();
    let source = StatuspageSource { summary: &data.summary, page_url, index, outages, posted: data.posted() };
    let page = Statuspage::new(&source, now);
    // Titles from other nodes can contain characters that disguise text.
    let text = |document| feeds::several_lines(&page.to_json(document));
    let document = |document| (OutputForm::Statuspage(document), text(document).into());
    StatuspageDocument::ALL.map(document).into()
}

/// Returns the titles of the endpoints that have separate outputs, each once.
fn titles(data: &Dataset) -> BTreeMap<BadgeTitle, &str> {
    let own = data.summary.endpoints.iter().filter(|endpoint| endpoint.badge.is_some());
    own.map(|endpoint| (BadgeTitle::new(&endpoint.title), endpoint.title.as_str())).collect()
}
