//! What holds whatever happens in a node's life: clocks that are set, runs that overlap, folds and latencies that are lost.

use proptest::prelude::*;

use super::*;
use crate::uptime::{self, Observation};

/// What may happen to a node in one step of its life.
#[derive(Debug, Clone)]
enum Step {
    /// Its clock goes on, or is set back or forth.
    Clock(Nanos),
    /// It makes a round and folds it.
    Round(Vec<(u8, Nanos, Status, Option<Nanos>)>),
    /// It makes a round whose fold is lost: another run has written later.
    RoundOnly(Vec<(u8, Nanos, Status, Option<Nanos>)>),
    /// A run ends that had read the history before the last step, and under the same clock.
    StaleRun,
    /// The history's latencies are lost.
    LatenciesLost,
}

fn any_round() -> impl Strategy<Value = Vec<(u8, Nanos, Status, Option<Nanos>)>> {
    let interval = prop_oneof![8 => Just(Some(HOUR)), 1 => Just(Some(MINUTE)), 1 => Just(None)];
    let lag = prop_oneof![6 => 0..5 * SECOND, 1 => 0..3 * HOUR];
    let one = (0..3_u8, lag, prop::sample::select(Status::ALL.to_vec()), interval);
    prop::collection::vec(one, 0..4)
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..2 * HOUR).prop_map(Step::Clock),
        1 => (0..40 * DAY).prop_map(Step::Clock),
        1 => (-2 * DAY..0).prop_map(Step::Clock),
        8 => any_round().prop_map(Step::Round),
        2 => any_round().prop_map(Step::RoundOnly),
        1 => Just(Step::StaleRun),
        1 => Just(Step::LatenciesLost),
    ]
}

/// Lives through the steps, and says what is known at the end beside all files and the time.
fn live(steps: Vec<Step>) -> (Shelf, (History, Latencies), UnixNanos) {
    let (mut shelf, mut now) = (Shelf::new(), DAY_ONE);
    let mut known = (History::new(node()), Latencies::default());
    let mut before = known.clone();
    // What this node stored but did not fold, and knows of: it is late at most for the next fold.
    let mut own = Vec::new();
    // What a run would not know that had read the history before the last step.
    let mut lost = Vec::new();
    let store = |shelf: &mut Shelf, round: Vec<(u8, Nanos, Status, Option<Nanos>)>, now: UnixNanos| {
        let mut stored_at = now;
        while shelf.contains_key(&CheckFileName { stored_at, node: node() }) {
            stored_at += 1;
        }
        let results = round
            .into_iter()
            .map(|(endpoint, lag, status, interval)| {
                let message = if lag == 0 { "hello".to_owned() } else { String::new() };
                CheckResult { message, interval, ..result(&endpoint.to_string(), now - lag, status) }
            })
            .collect();
        put(shelf, stored_at, results)
    };
    for step in steps {
        let earlier = known.clone();
        match step {
            Step::Clock(by) => now += by,
            Step::Round(round) => {
                own.push(store(&mut shelf, round, now));
                fold(&shelf, &mut known, &own, now, DEFAULT_EXPIRY);
                lost = std::mem::take(&mut own);
            }
            Step::RoundOnly(round) => own.push(store(&mut shelf, round, now)),
            Step::StaleRun if lost.iter().all(|name| name.stored_at >= before.0.list_from()) => known = before.clone(),
            Step::StaleRun => {}
            Step::LatenciesLost => known.1 = Latencies::default(),
        }
        // What was written and is read again is the same.
        let read = (History::parse(known.0.to_json().as_bytes()), Latencies::parse(known.1.to_json().as_bytes()));
        assert_eq!(read, (Ok(known.0.clone()), Ok(known.1.clone())));
        before = earlier;
    }
    // The clock is right at last, and a run finds what is there.
    now = now.max(shelf.keys().next_back().map_or(now, |name| name.stored_at));
    fold(&shelf, &mut known, &own, now, DEFAULT_EXPIRY);
    (shelf, known, now)
}

#[test]
fn a_round_without_results_that_comes_late_is_counted_with_what_comes_late_beside_it() {
    let round = || vec![(1, 0, Status::Unknown, Some(HOUR))];
    // The clock is set back over midnight, by more than clocks may differ.
    let steps = [
        Step::Round(round()),
        Step::Round(round()),
        Step::RoundOnly(round()),
        Step::Clock(-CLOCK_TOLERANCE - 1),
        Step::RoundOnly(Vec::new()),
    ];
    let (shelf, known, now) = live(steps.to_vec());
    assert_eq!(bytes(&known), bytes(&rebuilt(&shelf, now, DEFAULT_EXPIRY)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_history_that_grew_is_the_one_that_is_made_from_all_files(steps in prop::collection::vec(any_step(), 0..40)) {
        let (shelf, known, now) = live(steps);
        let again = rebuilt(&shelf, now, DEFAULT_EXPIRY);
        prop_assert_eq!(&known.0, &again.0);
        prop_assert_eq!(bytes(&known), bytes(&again));
        // To make it again from itself and all files changes nothing either.
        let mut same = known.clone();
        make_again(&shelf, &mut same, RebuildFrom::START, now, DEFAULT_EXPIRY);
        prop_assert_eq!(bytes(&known), bytes(&same));
    }

    #[test]
    fn the_spans_are_those_of_the_check_files(steps in prop::collection::vec(any_step(), 0..30)) {
        let (shelf, known, now) = live(steps);
        let mut seen: BTreeMap<EndpointKey, Vec<Observation>> = BTreeMap::new();
        for result in shelf.values().flat_map(|file| &file.results) {
            let observation = Observation { at: result.timestamp, status: result.status, interval: result.interval };
            seen.entry(result.endpoint_key()).or_default().push(observation);
        }
        let kept_from = start_of_day(known.0.newest - DEFAULT_EXPIRY);
        for (key, observations) in seen {
            let mut expected = uptime::spans(observations, now);
            expected.retain(|span| span.end > kept_from);
            if let Some(first) = expected.first_mut() {
                first.start = first.start.max(kept_from);
            }
            let mut timeline = known.0.endpoints.get(&key).map(|past| past.timeline.clone()).unwrap_or_default();
            timeline.cut(now);
            prop_assert_eq!(timeline.spans, expected);
        }
    }

    #[test]
    fn no_content_makes_reading_panic(content in ".{0,80}", cut in 0..3_000_usize) {
        let good = rebuilt(&one_day(), DAY_ONE + DAY, DEFAULT_EXPIRY).0.to_json();
        let _ = (History::parse(content.as_bytes()), Latencies::parse(content.as_bytes()));
        prop_assert!(History::parse(&good.as_bytes()[..cut.min(good.len() - 1)]).is_err());
    }
}
