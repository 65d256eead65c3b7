use super::*;
use crate::test_support::utc;
use crate::test_support::with_status_labels;
use crate::test_support::{dataset, evaluate, period};
use Status::{Degraded, Down, Healthy};
use shared::MINUTE;

const COMPLETE: (LoadProgress, Nanos) = (LoadProgress::Complete, MINUTE);

const INCOMPLETE: Missing = Missing { is_incomplete: true, left_out: 0 };

fn overall_of(checks: &[(&str, &str, i64, Status)]) -> Overall {
    let dataset = dataset(checks);
    let mut all = evaluate(&dataset);
    all.sort_by_key(EvaluatedEndpoint::urgency);
    overall(&all, Missing::default(), &period(), utc(), COMPLETE, &Appearance::default())
}

#[test]
fn without_data_the_status_is_unknown_with_a_remedy() {
    let overall = overall_of(&[]);
    assert_eq!((overall.state, overall.headline.as_str()), ("unknown", "No results yet"));
    assert_eq!(overall.remark, "Nothing was stored in the last 24 hours.");
    assert_eq!(
        super::overall(&[], INCOMPLETE, &period(), utc(), COMPLETE, &Appearance::default()).headline,
        "Status is temporarily unavailable"
    );
    let listing = (LoadProgress::Listing, MINUTE);
    let loading = super::overall(&[], Missing::default(), &period(), utc(), listing, &Appearance::default());
    assert_eq!(loading.state, "loading");
}

#[test]
fn old_data_is_unknown() {
    let overall = overall_of(&[("A", "", 46, Healthy), ("A", "", 45, Healthy)]);
    assert_eq!(overall.headline, "No data for 45 minutes: last checked 12:17");
    assert_eq!((overall.state, overall.checked.as_str()), ("unknown", "45 min ago"));
}

#[test]
fn the_headline_names_services() {
    let sentence = |checks: &[(&str, &str, i64, Status)]| overall_of(checks).headline;
    assert_eq!(sentence(&[("A", "", 0, Healthy)]), "A is healthy");
    assert_eq!(sentence(&[("A", "", 0, Healthy), ("B", "", 0, Healthy)]), "Both services are healthy");
    assert_eq!(
        sentence(&[("A", "", 1, Down), ("A", "", 0, Down), ("B", "", 0, Healthy)]),
        "A has been down for 1 minute"
    );
    assert_eq!(
        sentence(&[("A", "", 0, Down), ("B", "", 0, Down), ("C", "", 0, Healthy)]),
        "A and B have been down for less than a minute"
    );
    assert_eq!(
        sentence(&[("A", "", 0, Down), ("B", "", 0, Down)]),
        "Both services have been down for less than a minute"
    );
}

#[test]
fn the_lines_name_locations_and_the_start() {
    let lines = |checks: &[(&str, &str, i64, Status)]| {
        let overall = overall_of(checks);
        (overall.headline, overall.scope, overall.announcement)
    };
    let of = |headline: &str, scope: &str, announcement: &str| {
        (headline.to_owned(), scope.to_owned(), announcement.to_owned())
    };
    let round = |ago: i64, second: Status, third: Status| {
        [("Shop", "n1", ago, Down), ("Shop", "n2", ago, second), ("Shop", "n3", ago, third)]
    };
    let all = |second, third| lines(&(0..=12).flat_map(|ago| round(ago, second, third)).collect::<Vec<_>>());
    let down = "Shop has been down for 12 minutes";
    assert_eq!(all(Down, Healthy), of(down, "since 12:50, from 2 of 3 locations", "Shop is down"));
    assert_eq!(all(Down, Down), of(down, "since 12:50, from all 3 locations", "Shop is down"));
    let partial = "Shop has had a partial outage for 12 minutes";
    let announcement = "Shop has a partial outage";
    assert_eq!(all(Healthy, Healthy), of(partial, "since 12:50, from 1 of 3 locations", announcement));
    let later: Vec<_> = (0..9).flat_map(|ago| [("A", "", ago, Down), ("B", "", ago / 3, Down)]).collect();
    let both = "Both services are down";
    assert_eq!(lines(&later), of(both, "the first since 12:54", both));
    let long: Vec<_> = (0..1_700).map(|ago| ("A", "", ago, Down)).collect();
    assert_eq!(lines(&long), of("A has been down for more than 24 hours", "", "A is down"));
}

#[test]
fn an_incomplete_page_is_never_healthy_and_never_mentions_all() {
    let of = |missing, checks: &[(&str, &str, i64, Status)]| {
        let dataset = dataset(checks);
        let all = evaluate(&dataset);
        let overall = super::overall(&all, missing, &period(), utc(), COMPLETE, &Appearance::default());
        (overall.state, overall.headline, overall.remark)
    };
    let three = |status| [("A", "", 0, status), ("B", "", 0, status), ("C", "", 0, status)];
    let expected = (
        "unknown",
        "Incomplete: 3 services are healthy".to_owned(),
        "See below for the cause and how to fix it.".to_owned(),
    );
    assert_eq!(of(INCOMPLETE, &three(Healthy)), expected);
    let left_out = Missing { is_incomplete: true, left_out: 50 };
    assert_eq!(of(left_out, &three(Healthy)).1, "At least 53 services; the first 3 are shown");
    assert_eq!(of(left_out, &three(Down)).1, "3 services are down");
    assert_eq!(of(left_out, &[("A", "", 0, Healthy), ("B", "", 0, Down)]).0, "down");
    assert_eq!(of(INCOMPLETE, &[]).1, "Status is temporarily unavailable");
}

#[test]
fn status_labels_and_remarks_can_be_configured() {
    let dataset = dataset(&[("A", "", 0, Healthy), ("B", "", 0, Healthy)]);
    let mut appearance = Appearance::default();
    appearance.status_remarks[Healthy as usize] = Some("Thanks for visiting.".to_owned());
    let language = with_status_labels(Healthy, "operational");
    let calendar = Calendar { language: &language, ..utc() };
    let overall = overall(&evaluate(&dataset), Missing::default(), &period(), calendar, COMPLETE, &appearance);
    assert_eq!(overall.headline, "Both services are operational");
    assert_eq!((overall.state, overall.remark.as_str()), ("healthy", "Thanks for visiting."));
}

#[test]
fn the_remark_counts_the_other_services() {
    let overall =
        overall_of(&[("A", "", 0, Down), ("B", "", 0, Degraded), ("C", "", 0, Healthy), ("D", "", 0, Healthy)]);
    assert_eq!((overall.state, overall.remark.as_str()), ("down", "1 service is degraded, 2 are healthy."));
}

#[test]
fn a_service_without_checks_makes_the_page_unknown() {
    let overall = overall_of(&[("A", "n1", 0, Healthy), ("B", "n2", 60, Healthy)]);
    let sentence = "B has been unknown for 1 hour";
    assert_eq!((overall.state, overall.headline.as_str()), ("unknown", sentence));
    assert_eq!(overall.scope, "since 12:02, from 2 locations");
}
