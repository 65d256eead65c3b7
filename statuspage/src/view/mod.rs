//! From the record and the reader's now to what stands on the page: words, geometry, order. Everything in here is
//! pure and tested natively; components only put it into the document.

mod axes;
pub mod broken;
pub mod chart;
pub mod detail;
pub mod endpoint;
pub mod finding;
pub mod groups;
pub mod icon;
pub mod layers;
pub mod looking;
pub mod note;
pub mod overall;
pub mod percentiles;
pub mod period;
pub mod problems;
pub mod reckoned;
pub mod strip;
pub mod timeline;
pub mod tokens;
pub mod words;

use std::sync::Arc;

use shared::Nanos;
use shared::history::Outline;
use shared::looks::{Looks, place_in};
use shared::object_name::{HistoryPart, NodeName};

use crate::dataset::Cache;
use crate::dataset::Dataset;
use crate::i18n::Calendar;
use crate::i18n::{Language, texts};
use detail::Opened;
use endpoint::EndpointView;
use groups::GroupView;
use layers::{Besides, Layer};
use overall::Overall;
use period::Period;
use reckoned::Reckoned;
use shared::sorted;
use timeline::{DayView, MessageView};

/// The most endpoints that are drawn; the rest is counted, and what is not healthy comes first.
pub const ENDPOINTS_SHOWN: usize = 500;

/// With more endpoints than this the charts are folded, so that the strips stay together on a screen.
pub const CHARTS_UNFOLDED_LIMIT: usize = 10;

/// With more endpoints than this bars are drawn when they come into sight: 500 endpoints have 45,000 of them.
pub const STRIPS_AT_ONCE_LIMIT: usize = 40;

pub use looking::Looking;
pub use shared::verdict::CLOCK_TOLERANCE;

/// How far the load in hand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loading {
    /// Nothing was listed yet.
    #[default]
    Listing,
    /// Files are coming in: so many of so many.
    Files(usize, usize),
    /// Everything was dealt with.
    Complete,
}

/// All that stands on the page.
#[derive(Debug, PartialEq, Default)]
pub struct PageView {
    /// The first lines: the state of things.
    pub overall: Overall,
    /// The messages in force, newest first.
    pub messages: Vec<Arc<MessageView>>,
    /// Which moment is looked back at, in words; `None` is now.
    pub past: Option<String>,
    /// What has to be known about all of it; empty if nothing.
    pub note: String,
    /// The heads of the endpoints, those that need attention first; [`whole`] adds the rest.
    pub endpoints: Vec<Arc<EndpointView>>,
    /// The groups in which they stand.
    pub groups: Arc<Vec<GroupView>>,
    /// What somebody has opened.
    pub opened: Opened,
    /// What is not drawn, in words.
    pub not_shown: Option<String>,
    /// What charts can show besides.
    pub offers: Vec<Besides>,
    /// Whether charts are unfolded.
    pub charts_unfolded: bool,
    /// Whether all bars are drawn at once.
    pub strips_at_once: bool,
    /// What could not be loaded, each in a sentence.
    pub problems: Vec<String>,
    /// What happened, newest first.
    pub timeline: Vec<Arc<DayView>>,
    /// Who appearance, and when each last reported.
    pub observers: Vec<ObserverView>,
    /// How many check files are in memory.
    pub loaded: usize,
    /// Whether the load is complete.
    pub complete: bool,
}

/// A node that appearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObserverView {
    /// Its name.
    pub name: String,
    /// When it last reported, in words.
    pub reported: String,
    /// The same for machines.
    pub datetime: String,
    /// Whether it is late.
    pub late: bool,
}

/// Reckons everything that stands on the page, but of endpoints only their heads.
#[must_use]
pub fn page(
    cache: &mut Cache,
    calendar: Calendar<'_>,
    settings: Settings,
    appearance: &Looks,
    looking: &Looking,
    loading: Loading,
) -> PageView {
    cache.dataset.sort_samples();
    let dataset = &cache.dataset;
    let period = Period::new(settings.range, settings.bars_limit, calendar);
    let by_key = dataset.by_key.iter();
    let mut reckoned: Vec<Reckoned<'_>> = by_key
        .filter_map(|id| reckon(dataset, *id, calendar, settings, appearance))
        .filter(|reckoned| reckoned.is_within(&period))
        .collect();
    reckoned::mark_retired(&mut reckoned);
    reckoned::mark_twins(&mut reckoned);
    sorted::by_key(&mut reckoned, |reckoned| reckoned.endpoint.position as i64);
    if !appearance.order.is_empty() {
        let place = |reckoned: &Reckoned<'_>| place_in(&appearance.order, &reckoned.endpoint.key.title);
        sorted::by_key(&mut reckoned, |reckoned| place(reckoned).map_or(i64::MAX, |place| place as i64));
    }
    sorted::by_key(&mut reckoned, Reckoned::urgency);
    let messages = timeline::messages(dataset, calendar, appearance);
    let overall = overall::overall(&reckoned, cache.list_error.is_some(), &period, calendar, loading, appearance);
    if settings.drawn == Drawn::State {
        // The messages stand above what is still to be drawn, and would push it down later.
        return PageView { overall, messages: timeline::in_force(&messages, calendar.now), ..PageView::default() };
    }
    let heads = reckoned.iter().take(ENDPOINTS_SHOWN);
    let endpoints: Vec<_> =
        heads.map(|reckoned| Arc::new(endpoint::head(reckoned, &period, calendar, appearance))).collect();
    let opened = detail::opened(looking, &endpoints, &period, calendar);
    let hidden = reckoned.len().saturating_sub(ENDPOINTS_SHOWN);
    PageView {
        overall,
        note: note::note(cache, calendar, settings, looking.embed),
        past: looking.at.map(|at| calendar.full_moment(at)),
        groups: Arc::new(groups::groups(&reckoned[..reckoned.len() - hidden], appearance, calendar.language)),
        endpoints,
        opened,
        offers: offers(&reckoned, &period),
        not_shown: (hidden > 0).then(|| calendar.language.plural(texts::NOT_DRAWN, hidden, &[])),
        charts_unfolded: reckoned.len() <= CHARTS_UNFOLDED_LIMIT,
        strips_at_once: reckoned.len() <= STRIPS_AT_ONCE_LIMIT,
        problems: problems::problems(cache, calendar, looking),
        timeline: timeline::timeline(&reckoned, &messages, &period, calendar, loading),
        messages: timeline::in_force(&messages, calendar.now),
        observers: observers(&reckoned, cache, &period, calendar, looking),
        loaded: cache.dataset.file_count(),
        complete: loading == Loading::Complete,
    }
}

/// An endpoint as far as it was reckoned with the page, and all the rest: its bars, its chart and what is open of it.
#[must_use]
pub fn whole(
    cache: &Cache,
    head: &EndpointView,
    calendar: Calendar<'_>,
    settings: Settings,
    appearance: &Looks,
    opened: &Opened,
) -> Option<EndpointView> {
    let dataset = &cache.dataset;
    let mut reckoned = reckon(dataset, head.id, calendar, settings, appearance)?;
    (reckoned.retired, reckoned.has_twin) = (head.is_retired, head.has_twin);
    let period = Period::new(settings.range, settings.bars_limit, calendar);
    let opened = (opened.id == Some(head.id)).then_some(opened);
    let bucket = opened.and_then(|opened| opened.path.first().copied());
    let said = dataset.messages.iter().filter(|said| said.about.contains(&head.id));
    let marks: Vec<i64> = said.map(|said| said.at).collect();
    let mut view = endpoint::endpoint(&reckoned, &period, bucket, calendar, &marks, appearance);
    // What it is called beside others is known where all of them are.
    view.address.clone_from(&head.address);
    if settings.percentiles == Percentiles::Shown
        && let Some(told) = percentiles::in_words(&reckoned, &cache.latencies, &period, calendar.language)
    {
        view.chart.summary = told;
    }
    if let Some(opened) = opened {
        view.levels = detail::levels(&reckoned, opened, cache.hour.as_ref(), &period, calendar);
    }
    Some(view)
}

/// What the chart of an endpoint shows besides.
#[must_use]
pub fn besides(
    cache: &Cache,
    id: usize,
    calendar: Calendar<'_>,
    settings: Settings,
    appearance: &Looks,
    wanted: Besides,
) -> Vec<Layer> {
    let period = Period::new(settings.range, settings.bars_limit, calendar);
    let is_offered = |reckoned: &Reckoned<'_>| offers(std::slice::from_ref(reckoned), &period).contains(&wanted);
    let reckoned = reckon(&cache.dataset, id, calendar, settings, appearance).filter(is_offered);
    reckoned.map(|reckoned| layers::layers(&reckoned, &period, wanted, calendar.language)).unwrap_or_default()
}

/// Reckons an endpoint by its number; `None` if nothing is known about it.
fn reckon<'r>(
    dataset: &'r Dataset,
    id: usize,
    calendar: Calendar<'_>,
    settings: Settings,
    appearance: &Looks,
) -> Option<Reckoned<'r>> {
    let mut reckoned = Reckoned::new(id, dataset.endpoints.get(id)?, calendar.now, settings.interval)?;
    let title = &reckoned.endpoint.key.title;
    reckoned.hides_errors = place_in(&appearance.hidden_errors, title).is_some();
    reckoned.hides_locator = place_in(&appearance.hidden_locators, title).is_some();
    Some(reckoned)
}

/// What charts can show besides; only checks tell where their time went.
fn offers(reckoned: &[Reckoned<'_>], period: &Period) -> Vec<Besides> {
    let mut offers = Vec::new();
    if period.by_hour && reckoned.iter().any(|reckoned| reckoned.latest.phases[3] > 0) {
        offers.push(Besides::Phases);
    }
    if reckoned.iter().any(|reckoned| reckoned.endpoint.nodes.len() > 1) {
        offers.push(Besides::Places);
    }
    offers
}

/// What the page is told about how to reckon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// How far back it appearance, in nanoseconds.
    pub range: Nanos,
    /// How long a result stands that does not say so and has no neighbours to tell, in nanoseconds.
    pub interval: Nanos,
    /// How many bars there is room for.
    pub bars_limit: usize,
    /// Whether percentiles are told.
    pub percentiles: Percentiles,
    /// How much is drawn.
    pub drawn: Drawn,
    /// Whether the device has a network at all, as far as it knows.
    pub is_online: bool,
    /// By how much the device's clock is ahead of the server's, if that is worth a word.
    pub clock_ahead: Nanos,
}

/// How much of the page is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drawn {
    /// The state of things, which stands long before thousands of bars do.
    State,
    /// All of it.
    #[default]
    All,
}

/// Whether a reader wants to know the percentiles of response times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Percentiles {
    /// Nobody asked.
    #[default]
    Hidden,
    /// Somebody did.
    Shown,
}

fn observers(
    reckoned: &[Reckoned<'_>],
    cache: &Cache,
    period: &Period,
    calendar: Calendar<'_>,
    looking: &Looking,
) -> Vec<ObserverView> {
    let language = calendar.language;
    // Who appearance back wants to know who had reported by then.
    let by_then = |node: Option<&NodeName>| reckoned.iter().filter_map(|reckoned| reckoned.newest_of(node)).max();
    let nodes = cache.dataset.nodes.iter().filter_map(|(node, newest)| match looking.at {
        Some(_) => Some((node, by_then(node.as_ref())?)),
        None => Some((node, *newest)),
    });
    nodes
        .filter(|(_, newest)| *newest >= period.from)
        .map(|(node, newest)| {
            let late = !reckoned.iter().any(|reckoned| reckoned.is_watched_by(node.as_ref()));
            let since = calendar.now - newest;
            let say = |text, values: &[&str]| language.format(text, values);
            let mut reported = match since {
                _ if late => say(texts::SILENT_SINCE, &[&calendar.moment(newest), &words::length(since, language)]),
                ..0 => say(texts::CLOCK_AHEAD, &[&words::length(-since, language)]),
                _ => say(texts::REPORTED, &[&words::ago(since, language)]),
            };
            let history = cache.dataset.histories.iter().find(|history| history.node == *node);
            if let Some(crowd) = history.and_then(Outline::crowd) {
                let crowd = say(texts::TWO_CHECKERS, &[&crowd.stored.to_string(), &crowd.expected.to_string()]);
                reported = say(texts::SEMICOLON, &[&reported, &crowd]);
            }
            let is_unreadable =
                cache.unreadable_histories.iter().any(|(name, _)| name.part == HistoryPart::Main && name.node == *node);
            if is_unreadable {
                reported = say(texts::SEMICOLON, &[&reported, language.text(texts::HISTORY_UNREADABLE)]);
            }
            ObserverView {
                name: node.as_ref().map_or(language.text(texts::CHECKER_WITHOUT_NAME), NodeName::as_str).to_owned(),
                reported,
                datetime: crate::civil::rfc3339(newest),
                late,
            }
        })
        .collect()
}

impl Loading {
    /// How far the load is, in words; empty when it is complete.
    #[must_use]
    pub fn in_words(self, language: &Language) -> String {
        match self {
            Loading::Listing => language.format(texts::LISTING, &[]),
            Loading::Files(done, total) => {
                language.format(texts::LOADING_FILES, &[&language.number(done), &language.number(total)])
            }
            Loading::Complete => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::StoredMessage;
    use crate::i18n::calendar::tests::{NOW, utc};
    use crate::view::endpoint::tests::dataset;
    use shared::status::Status;
    use shared::{DAY, HOUR, MINUTE};

    #[test]
    fn a_message_is_marked_in_the_charts_of_the_endpoints_it_is_about() {
        let mut cache = Cache::default();
        cache.dataset = dataset(&[("A", "n1", 90, Status::Healthy), ("B", "n1", 90, Status::Healthy)]);
        let said = StoredMessage { at: NOW - HOUR, html: "We are on it".to_owned(), about: vec![1] };
        cache.dataset.messages.push(said);
        let settings = Settings {
            range: DAY,
            interval: MINUTE,
            bars_limit: 90,
            percentiles: Percentiles::Hidden,
            drawn: Drawn::All,
            ..Settings::default()
        };
        let view = page(&mut cache, utc(), settings, &Looks::default(), &Looking::default(), Loading::Complete);
        let marked = |title: &str| {
            let head = view.endpoints.iter().find(|endpoint| endpoint.title == title).expect("it is shown");
            let endpoint = whole(&cache, head, utc(), settings, &Looks::default(), &view.opened);
            !endpoint.expect("it is known").chart.marks.is_empty()
        };
        assert_eq!((marked("A"), marked("B")), (false, true));
    }
}
