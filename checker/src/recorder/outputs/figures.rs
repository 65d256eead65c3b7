//! Badges with the uptime and the median response time of each endpoint as images, and with its status for shields.io.

use serde::Serialize;
use shared::endpoint_status::{EndpointStatus, endpoint_statuses};
use shared::history::HistoryRows;
use shared::object_name::{BadgeTitle, OutputForm, SummaryForm};
use shared::response_times::{MAX_CHECK_RANGE, median_of_histories};
use shared::status::Status;
use shared::{DAY, HOUR, Nanos, UnixNanos, duration};

use super::dataset::Dataset;
use super::feeds::one_line;
use super::{RenderedOutputs, titles};
use crate::recorder::summary::badge::{self, BadgeColor};
use crate::recorder::summary::{BadgeContent, badge_contents};

/// The shortest period for response times. Shorter ones would need every check instead of hourly percentiles.
const RESPONSE_TIME_RANGE: Nanos = 7 * DAY;

/// The response of an endpoint badge: <https://shields.io/badges/endpoint-badge>.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShieldsBadge {
    schema_version: u8,
    label: String,
    message: String,
    color: &'static str,
    is_error: bool,
}

pub(super) fn render(data: &Dataset, now: UnixNanos) -> RenderedOutputs {
    let mut rendered = RenderedOutputs::new();
    let states = badge_contents(&data.summary);
    let endpoints = endpoint_statuses(data.histories());
    let rows: Vec<HistoryRows> =
        data.histories().iter().filter_map(|history| HistoryRows::parse(history.to_json().as_bytes()).ok()).collect();
    let range = data.settings.range;
    let response_range = range.max(RESPONSE_TIME_RANGE);
    let response_period = period(response_range, now);
    for (name, title) in titles(data) {
        if let Some(state) = states.get(&SummaryForm::Badge(name.clone())) {
            rendered.insert(OutputForm::Shields(name.clone()), shields(state).into());
        }
        let own: Vec<&EndpointStatus<'_>> =
            endpoints.iter().filter(|endpoint| BadgeTitle::new(&endpoint.key.title) == name).collect();
        let title = one_line(title);
        let uptime = uptime(&own, range, now);
        let uptime = badge::draw_figure(&title, "uptime", &uptime);
        rendered.insert(OutputForm::UptimeBadge(name.clone()), uptime.into());
        let medians = own.iter().filter_map(|one| median_of_histories(&rows, &one.key, response_period, now));
        let median = medians.max().map_or_else(|| "unknown".to_owned(), duration::format_rtt);
        let figure = format!("{median} in {}", duration::format_coarse(response_range));
        let response_time = badge::draw_figure(&title, "response time", &figure);
        rendered.insert(OutputForm::ResponseTimeBadge(name), response_time.into());
    }
    rendered
}

/// Returns the lowest uptime of endpoints with the same title, and how much of the period was observed if that is not all
/// of it: `99.97% in 1 d (97% observed)`.
fn uptime(endpoints: &[&EndpointStatus<'_>], range: Nanos, now: UnixNanos) -> String {
    let (period, (from, _)) = (duration::format_coarse(range), period(range, now));
    let breakdowns = endpoints.iter().map(|endpoint| endpoint.breakdown(from, now));
    let known = breakdowns.filter_map(|breakdown| Some((breakdown.uptime()?, breakdown.coverage()?)));
    let lowest = known.min_by(|(one, _), (other, _)| one.fraction().total_cmp(&other.fraction()));
    let Some((uptime, coverage)) = lowest else { return format!("unknown in {period}") };
    let (uptime, coverage) = (uptime.percent(), coverage.percent());
    match coverage.split_once('.') {
        // Whole percentages rarely change, so the badge is rarely written.
        Some((whole, _)) => format!("{uptime} in {period} ({whole}% observed)"),
        None => format!("{uptime} in {period}"),
    }
}

/// Returns the start and the length of a period that ends now. It starts with a whole hour or day, as on the page and in
/// `checker status`.
fn period(range: Nanos, now: UnixNanos) -> (UnixNanos, Nanos) {
    if range <= MAX_CHECK_RANGE {
        let from = now.saturating_sub(range);
        return (from - from.rem_euclid(HOUR), range);
    }
    let days = (range + DAY - 1) / DAY;
    (now - now.rem_euclid(DAY) - (days - 1) * DAY, days * DAY)
}

fn shields(state: &BadgeContent<'_>) -> String {
    let color = match state.color {
        BadgeColor::Status(Status::Healthy) => "brightgreen",
        BadgeColor::Status(Status::Degraded) => "yellow",
        BadgeColor::Status(Status::Down) => "red",
        BadgeColor::Status(Status::Unknown) | BadgeColor::Figure => "lightgrey",
        BadgeColor::Planned => "blue",
    };
    let badge = ShieldsBadge {
        schema_version: 1,
        label: one_line(state.title),
        message: state.word.clone(),
        color,
        // Clients that request an error style still show this color.
        is_error: state.color == BadgeColor::Status(Status::Down),
    };
    // Serializing strings cannot fail.
    serde_json::to_string(&badge).unwrap_or_default()
}
