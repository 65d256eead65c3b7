//! Computes everything that the page shows.

use std::sync::Arc;

use shared::history::HistoryRows;
use shared::object_name::{HistoryPart, NodeName};
use shared::page_config::appearance::{Appearance, position_in};
use shared::post::fold::Announcements;
use shared::post::{PlannedWork, PostKind};
use shared::sorting::sort_by_integer;

use super::affected::{AnnouncementContext, group_titles};
use super::announcements::{Announced, announced};
use super::combine_nodes::EvaluatedEndpoint;
use super::detail::OpenBars;
use super::endpoint::EndpointView;
use super::group_strip::{GroupStrip, group_strip};
use super::groups::GroupView;
use super::history::{self, MonthView};
use super::messages::{self, MessageView, current_messages};
use super::overall::{Missing, Overall};
use super::overlay::{ChartOverlay, Layer};
use super::period::Period;
use super::settings::{LoadProgress, Percentiles, ViewScope, ViewSettings};
use super::timeline::DayView;
use super::trouble::{TroubleList, trouble};
use super::{
    banner, combine_nodes, detail, endpoint, groups, notes, overall, overlay, percentiles, problems, text, timeline,
};
use crate::dataset::{Cache, Dataset};
use crate::i18n::{Calendar, texts};
use crate::url_state::{Shown, UrlState};

/// The maximum number of endpoints to show. Those that need attention are shown, and the rest are only counted.
const ENDPOINTS_SHOWN: usize = 500;

/// The maximum number of endpoints whose groups are unfolded. If there are more, those that are not healthy are also
/// listed below the headline.
const FEW_LIMIT: usize = 12;

/// The maximum number of endpoints whose bars are rendered immediately, with three lines for each. If there are more,
/// each has one line, and its bars are rendered when they become visible: 500 endpoints have 45,000 bars.
const STRIPS_AT_ONCE_LIMIT: usize = 40;

/// Everything that the page shows.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
#[derive(Debug, PartialEq, Default)]
pub struct PageView {
    pub overall: Overall,
    /// The incidents and maintenance below the headline.
    pub announced: Announced,
    /// Whether there is anything in the history view.
    pub has_history: bool,
    /// What the page shows instead of the endpoints, if anything.
    pub detail: Option<Arc<DetailView>>,
    /// The current messages, newest first.
    pub messages: Vec<Arc<MessageView>>,
    /// The past time that the page shows, or `None` for the present.
    pub past: Option<String>,
    /// A note about the whole page, or an empty string.
    pub banner: String,
    /// The endpoints that are not healthy, if there are more endpoints than fit on a screen.
    pub trouble: TroubleList,
    /// The endpoints without bars and charts, which [`full_endpoint`] adds.
    pub endpoints: Vec<Arc<EndpointView>>,
    pub groups: Arc<Vec<GroupView>>,
    pub opened: OpenBars,
    /// A note with the number of endpoints that are not shown.
    pub not_shown: Option<String>,
    pub available_overlays: Vec<ChartOverlay>,
    /// Whether groups are unfolded even if all of their members are healthy.
    pub groups_unfolded: bool,
    /// Whether bars are rendered before they are visible. Otherwise, each endpoint has a single line.
    pub strips_at_once: bool,
    /// The labels for the start and the end of all strips.
    pub strip_edges: [String; 2],
    /// Problems with loading data, one sentence each.
    pub problems: Vec<String>,
    /// The days of the timeline, newest first.
    pub timeline: Vec<Arc<DayView>>,
    pub nodes: Vec<NodeView>,
    /// The number of check files in memory.
    pub loaded: usize,
    /// Whether the load is complete.
    pub complete: bool,
}

/// An incident, planned maintenance or the history, which the page shows instead of the endpoints.
#[derive(Debug, PartialEq, Default)]
pub struct DetailView {
    /// The heading of the history, or an empty string.
    pub heading: String,
    /// The text for an unknown announcement, or an empty string.
    pub note: String,
    pub months: Vec<MonthView>,
}

/// A node, and when it last reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeView {
    pub name: String,
    /// When the node last reported, with a warning if its history is unreadable or two checkers use its name.
    pub reported: String,
    /// The time of the last report, in RFC 3339 format.
    pub datetime: String,
    /// Whether the node's next report is overdue.
    pub late: bool,
}

/// Computes what the page shows, except for the bars and charts of endpoints.
#[must_use]
pub fn page(
    cache: &mut Cache,
    calendar: Calendar<'_>,
    settings: ViewSettings,
    appearance: &Appearance,
    url_state: &UrlState,
    loading: LoadProgress,
) -> PageView {
    cache.dataset.sort_samples();
    cache.announcements = cache.posts.announcements(calendar.now);
    let (dataset, announcements) = (&cache.dataset, &cache.announcements);
    let context = AnnouncementContext { dataset, appearance, calendar };
    let period = Period::new(settings.range, settings.bars_limit, calendar);
    let by_key = dataset.by_key.iter();
    let mut evaluated: Vec<EvaluatedEndpoint<'_>> = by_key
        .filter_map(|id| evaluate(dataset, *id, announcements, calendar, settings, appearance))
        .filter(|evaluated| evaluated.is_within(&period))
        .collect();
    combine_nodes::mark_retired(&mut evaluated);
    combine_nodes::mark_duplicate_titles(&mut evaluated);
    sort_by_integer(&mut evaluated, |evaluated| evaluated.endpoint.position as i64);
    if !appearance.order.is_empty() {
        let position =
            |evaluated: &EvaluatedEndpoint<'_>| position_in(&appearance.order, &evaluated.endpoint.key.title);
        sort_by_integer(&mut evaluated, |evaluated| position(evaluated).map_or(i64::MAX, |position| position as i64));
    }
    let messages = messages::messages(announcements, context);
    let missing = Missing { is_incomplete: cache.is_incomplete(calendar.now), left_out: cache.dataset.left_out() };
    let overall = overall::overall(&evaluated, missing, &period, calendar, (loading, settings.refresh), appearance);
    if settings.scope == ViewScope::Summary {
        // Announcements and messages are included, because they would push the endpoints down if they appeared later.
        return PageView {
            overall,
            announced: announced(announcements, context),
            has_history: has_history(announcements),
            messages: current_messages(&messages, calendar.now),
            ..PageView::default()
        };
    }
    let shown_ids = shown_ids(&evaluated);
    let heads = evaluated.iter().filter(|evaluated| shown_ids.binary_search(&evaluated.id).is_ok());
    let endpoints: Vec<_> =
        heads.map(|evaluated| Arc::new(endpoint::head(evaluated, &period, calendar, appearance))).collect();
    let are_few = evaluated.len() <= FEW_LIMIT;
    let trouble =
        if are_few { TroubleList::default() } else { trouble(&endpoints.iter().map(|one| &**one), calendar.language) };
    let opened = detail::open_bars(url_state, &endpoints, &period, calendar);
    let hidden = evaluated.len().saturating_sub(ENDPOINTS_SHOWN);
    let is_unlisted = cache.list_error.is_some() || cache.posts.list_error.is_some();
    let has_all_posts = loading == LoadProgress::Complete && !is_unlisted;
    PageView {
        overall,
        announced: announced(announcements, context),
        has_history: has_history(announcements),
        detail: detail_view(url_state, announcements, has_all_posts, &evaluated, context).map(Arc::new),
        banner: banner::banner(cache, calendar, settings, url_state.embed),
        past: url_state.at.map(|at| calendar.full_moment(at)),
        groups: Arc::new(groups::groups(&evaluated, &shown_ids, missing.is_incomplete, appearance, calendar)),
        trouble,
        endpoints,
        opened,
        available_overlays: available_overlays(&evaluated, &period),
        not_shown: (hidden > 0).then(|| calendar.language.plural(texts::NOT_DRAWN, hidden, &[])),
        groups_unfolded: are_few,
        strip_edges: period.edge_labels(calendar),
        strips_at_once: evaluated.len() <= STRIPS_AT_ONCE_LIMIT,
        problems: problems::problems(cache, calendar, url_state),
        timeline: timeline::timeline(
            &evaluated,
            &messages,
            timeline::announced(announcements, &period, context),
            &period,
            calendar,
            loading,
        ),
        messages: current_messages(&messages, calendar.now),
        nodes: nodes(&evaluated, cache, &period, calendar, url_state),
        loaded: cache.dataset.file_count(),
        complete: loading == LoadProgress::Complete,
    }
}

/// Returns the ids of the endpoints that are shown, in ascending order.
fn shown_ids(evaluated: &[EvaluatedEndpoint<'_>]) -> Vec<usize> {
    let mut shown: Vec<&EvaluatedEndpoint<'_>> = evaluated.iter().collect();
    sort_by_integer(&mut shown, |evaluated| evaluated.urgency());
    let mut ids: Vec<usize> = shown.into_iter().take(ENDPOINTS_SHOWN).map(|evaluated| evaluated.id).collect();
    sort_by_integer(&mut ids, |id| *id as i64);
    ids
}

/// Returns the strip of a group.
#[must_use]
pub fn strip_of_group(
    cache: &Cache,
    group: &GroupView,
    calendar: Calendar<'_>,
    settings: ViewSettings,
    appearance: &Appearance,
) -> GroupStrip {
    let period = Period::new(settings.range, settings.bars_limit, calendar);
    let member = |id: &usize| evaluate(&cache.dataset, *id, &cache.announcements, calendar, settings, appearance);
    let mut members: Vec<EvaluatedEndpoint<'_>> = group.all.iter().filter_map(member).collect();
    for member in &mut members {
        member.retired = group.retired.contains(&member.id);
    }
    group_strip(group.key, &members, &period, calendar)
}

/// Returns whether the history view has any content.
fn has_history(announcements: &Announcements) -> bool {
    !announcements.incidents.is_empty() || !announcements.maintenance.is_empty()
}

/// Returns what the page shows instead of the endpoints. An announcement is reported as unknown only if the page has all
/// posts.
fn detail_view(
    url_state: &UrlState,
    announcements: &Announcements,
    has_all_posts: bool,
    evaluated: &[EvaluatedEndpoint<'_>],
    context: AnnouncementContext<'_>,
) -> Option<DetailView> {
    let view = match &url_state.shown {
        Shown::Endpoints => return None,
        Shown::History => {
            let heading = context.language().text(texts::HISTORY).to_owned();
            return Some(DetailView { heading, note: String::new(), months: history::months(announcements, context) });
        }
        Shown::Announcement(PostKind::Incident, id) => {
            let incident = announcements.incidents.iter().find(|incident| incident.id.to_string() == *id);
            incident.map(|incident| {
                let mut view = context.incident(incident);
                let period = (incident.began, incident.ended.unwrap_or(context.calendar.now));
                view.measured = timeline::outages_of(&view.about, evaluated, period, context.calendar);
                view.earlier.clear();
                view
            })
        }
        Shown::Announcement(_, id) => {
            let maintenance = announcements.maintenance.iter().find(|maintenance| maintenance.id.to_string() == *id);
            maintenance.map(|maintenance| context.maintenance(maintenance))
        }
    };
    Some(match view {
        Some(view) => {
            let only = MonthView { announcements: vec![Arc::new(view)], ..MonthView::default() };
            DetailView { months: vec![only], ..DetailView::default() }
        }
        None if !has_all_posts => DetailView::default(),
        None => DetailView { note: context.language().text(texts::NOT_POSTED).to_owned(), ..DetailView::default() },
    })
}

/// Adds bars, chart and open bars to an endpoint of the page.
#[must_use]
pub fn full_endpoint(
    cache: &Cache,
    head: &EndpointView,
    calendar: Calendar<'_>,
    settings: ViewSettings,
    appearance: &Appearance,
    opened: &OpenBars,
) -> Option<EndpointView> {
    let dataset = &cache.dataset;
    let announcements = &cache.announcements;
    let mut evaluated = evaluate(dataset, head.id, announcements, calendar, settings, appearance)?;
    (evaluated.retired, evaluated.has_duplicate_title) = (head.is_retired, head.has_duplicate_title);
    let period = Period::new(settings.range, settings.bars_limit, calendar);
    let opened = (opened.id == Some(head.id)).then_some(opened);
    let bucket = opened.and_then(|opened| opened.path.first().copied());
    let context = AnnouncementContext { dataset, appearance, calendar };
    evaluated.notes = notes::notes(&head.title, announcements, &period, context);
    let messages = dataset.messages.iter().filter(|message| message.about.contains(&head.id));
    let mut marks: Vec<i64> = messages.map(|message| message.at).collect();
    marks.extend(notes::incident_starts(&evaluated.notes));
    let mut view = endpoint::endpoint(&evaluated, &period, bucket, calendar, &marks, appearance);
    // The address depends on the other endpoints, so it is copied.
    view.address.clone_from(&head.address);
    if settings.percentiles == Percentiles::Shown
        && let Some(summary) = percentiles::summary(&evaluated, &cache.latencies, &period, calendar.language)
    {
        view.chart.summary = summary;
    }
    if let Some(opened) = opened {
        view.levels = detail::levels(&evaluated, opened, cache.hour.as_ref(), &period, calendar);
    }
    Some(view)
}

/// Returns the overlay of an endpoint's chart, or an empty list if it is not available.
#[must_use]
pub fn overlay_layers(
    cache: &Cache,
    id: usize,
    calendar: Calendar<'_>,
    settings: ViewSettings,
    appearance: &Appearance,
    overlay: ChartOverlay,
) -> Vec<Layer> {
    let period = Period::new(settings.range, settings.bars_limit, calendar);
    let is_available = |evaluated: &EvaluatedEndpoint<'_>| {
        available_overlays(std::slice::from_ref(evaluated), &period).contains(&overlay)
    };
    let evaluated = evaluate(&cache.dataset, id, &cache.announcements, calendar, settings, appearance);
    let evaluated = evaluated.filter(is_available);
    evaluated.map(|evaluated| overlay::layers(&evaluated, &period, overlay, calendar.language)).unwrap_or_default()
}

/// Evaluates an endpoint by its id. Returns `None` if it has no results.
#[inline(never)]
fn evaluate<'r>(
    dataset: &'r Dataset,
    id: usize,
    announcements: &Announcements,
    calendar: Calendar<'_>,
    settings: ViewSettings,
    appearance: &Appearance,
) -> Option<EvaluatedEndpoint<'r>> {
    let mut evaluated = EvaluatedEndpoint::new(id, dataset.endpoints.get(id)?, calendar.now, settings.interval)?;
    let title = &evaluated.endpoint.key.title;
    evaluated.errors_hidden = appearance.hides_errors(title);
    evaluated.locator_hidden = appearance.hides_locator(title);
    let groups = group_titles(&appearance.groups, title);
    evaluated.planned = PlannedWork::new(&announcements.maintenance, title, &groups, &evaluated.spans);
    Some(evaluated)
}

/// Returns the overlays that charts support. Phases are known only for checks.
fn available_overlays(evaluated: &[EvaluatedEndpoint<'_>], period: &Period) -> Vec<ChartOverlay> {
    let mut available_overlays = Vec::new();
    if period.by_hour && evaluated.iter().any(|evaluated| evaluated.latest.phases[3] > 0) {
        available_overlays.push(ChartOverlay::Phases);
    }
    if evaluated.iter().any(|evaluated| evaluated.endpoint.nodes.len() > 1) {
        available_overlays.push(ChartOverlay::Locations);
    }
    available_overlays
}

fn nodes(
    evaluated: &[EvaluatedEndpoint<'_>],
    cache: &Cache,
    period: &Period,
    calendar: Calendar<'_>,
    url_state: &UrlState,
) -> Vec<NodeView> {
    let language = calendar.language;
    // A view of the past shows the nodes that had reported by that time.
    let by_then = |node: Option<&NodeName>| evaluated.iter().filter_map(|evaluated| evaluated.reported_by(node)).max();
    let nodes = cache.dataset.nodes.iter().filter_map(|known| match url_state.at {
        Some(_) => Some((&known.node, by_then(known.node.as_ref())?)),
        None => Some((&known.node, known.newest)),
    });
    nodes
        .filter(|(_, newest)| *newest >= period.from)
        .map(|(node, newest)| {
            let late = !evaluated.iter().any(|evaluated| evaluated.is_checked_by(node.as_ref()));
            let since = calendar.now - newest;
            let format = |text, values: &[&str]| language.format(text, values);
            let mut reported = match since {
                _ if late => format(texts::SILENT_SINCE, &[&calendar.moment(newest), &text::length(since, language)]),
                ..0 => format(texts::CLOCK_AHEAD, &[&text::length(-since, language)]),
                _ => format(texts::REPORTED, &[&text::ago(since, language)]),
            };
            let history = cache.dataset.histories.iter().find(|history| history.node == *node);
            if let Some(evidence) = history.and_then(HistoryRows::duplicate_node_evidence) {
                let (stored, expected) = (evidence.stored.to_string(), evidence.expected.to_string());
                let duplicate = format(texts::TWO_CHECKERS, &[&stored, &expected]);
                reported = format(texts::SEMICOLON, &[&reported, &duplicate]);
            }
            let is_unreadable =
                cache.unreadable_histories.iter().any(|(name, _)| name.part == HistoryPart::Main && name.node == *node);
            if is_unreadable {
                reported = format(texts::SEMICOLON, &[&reported, language.text(texts::HISTORY_UNREADABLE)]);
            }
            NodeView {
                name: node.as_ref().map_or(language.text(texts::UNNAMED_LOCATION), NodeName::as_str).to_owned(),
                reported,
                datetime: crate::civil::rfc3339(newest),
                late,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::StoredMessage;
    use crate::test_support::dataset;
    use crate::test_support::{NOW, detailed, history_of_node, utc};
    use shared::status::Status;
    use shared::{DAY, HOUR, MINUTE};

    #[test]
    fn the_last_check_before_a_past_time_comes_from_the_spans() {
        let mut cache = Cache::default();
        cache.dataset.add_history(history_of_node(1).0, i64::MAX);
        let settings = ViewSettings { range: 7 * DAY, interval: MINUTE, bars_limit: 90, ..ViewSettings::default() };
        let mut shown = |at| {
            let url_state = UrlState { at: Some(at), ..UrlState::default() };
            let calendar = Calendar { now: at, ..utc() };
            page(&mut cache, calendar, settings, &detailed(), &url_state, LoadProgress::Complete)
        };
        // The history has only daily percentiles at this time, which are placed at noon.
        let past = shown(NOW - 2 * DAY - 90 * MINUTE);
        assert_eq!(past.overall.headline, "A is healthy");
        assert_eq!((past.overall.checked_at.as_str(), past.overall.checked.as_str()), ("Friday 11:30", "1 min ago"));
        assert_eq!(past.nodes[0].reported, "reported 1 min ago");
        assert!(!past.nodes[0].late);
    }

    #[test]
    fn a_message_is_marked_in_the_charts_of_its_endpoints() {
        let mut cache = Cache::default();
        cache.dataset = dataset(&[("A", "n1", 90, Status::Healthy), ("B", "n1", 90, Status::Healthy)]);
        let message = StoredMessage { at: NOW - HOUR, node: None, html: "We are on it".to_owned(), about: vec![1] };
        cache.dataset.messages.push(message);
        let settings = ViewSettings {
            range: DAY,
            interval: MINUTE,
            bars_limit: 90,
            percentiles: Percentiles::Hidden,
            scope: ViewScope::Full,
            ..ViewSettings::default()
        };
        let view = page(&mut cache, utc(), settings, &detailed(), &UrlState::default(), LoadProgress::Complete);
        let marked = |title: &str| {
            let head = view.endpoints.iter().find(|endpoint| endpoint.title == title).expect("it is shown");
            let endpoint = full_endpoint(&cache, head, utc(), settings, &detailed(), &view.opened);
            !endpoint.expect("it is known").chart.marks.is_empty()
        };
        assert_eq!((marked("A"), marked("B")), (false, true));
    }
}
