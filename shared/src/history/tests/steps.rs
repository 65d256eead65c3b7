//! Tests that histories remain correct when clocks change, runs overlap, and updates or latencies are lost.

use proptest::prelude::*;

use super::*;
use crate::uptime::{self, Observation};

/// An event in the life of a node.
#[derive(Debug, Clone)]
enum Step {
    /// The node's clock advances, or is set.
    Clock(Nanos),
    /// The node stores a round and adds it to the history.
    Round(Vec<(u8, Nanos, Status, Option<Nanos>)>),
    /// The node stores a round, but another run overwrites the history without it.
    RoundOnly(Vec<(u8, Nanos, Status, Option<Nanos>)>),
    /// A run that read the history before the previous step ends now. The clock does not advance.
    StaleRun,
    /// The history's latencies are lost.
    LatenciesLost,
    /// The first such step sets an endpoint's id. Each later one changes its title, which the endpoint's results contain
    /// from the day after the first result with the id on, as docs/configuration.md advises.
    Rename,
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

fn any_step_with_renames() -> impl Strategy<Value = Step> {
    prop_oneof![12 => any_step(), 1 => Just(Step::Rename)]
}

/// Changes the id and title of a result for the endpoint `0` as this many [`Step::Rename`] steps do. `id_since` is the
/// time of the earliest result with the id so far.
fn renamed(result: CheckResult, renames: usize, id_since: &mut UnixNanos) -> CheckResult {
    if renames == 0 || result.title != "0" {
        return result;
    }
    *id_since = result.timestamp.min(*id_since);
    let keeps_title = renames == 1 || day_of(result.timestamp) == day_of(*id_since);
    let title = if keeps_title { result.title } else { format!("0, {renames}") };
    CheckResult { title, id: Some("zero".into()), ..result }
}

/// Runs the steps. Returns all files, the final history and latencies, and the time.
fn run_steps(steps: Vec<Step>) -> (CheckFiles, (History, Latencies), UnixNanos) {
    let (mut files, mut now) = (CheckFiles::new(), DAY_ONE);
    let mut known = (History::new(node()), Latencies::default());
    let mut before = known.clone();
    // Rounds that this node stored but has not added yet. The next update adds them.
    let mut own = Vec::new();
    // Rounds that a run would miss if it read the history before the previous step.
    let mut lost = Vec::new();
    let (mut renames, mut id_since) = (0, UnixNanos::MAX);
    let mut store =
        |files: &mut CheckFiles, round: Vec<(u8, Nanos, Status, Option<Nanos>)>, now: UnixNanos, renames| {
            let mut stored_at = now;
            while files.contains_key(&CheckFileName { stored_at, node: node() }) {
                stored_at += 1;
            }
            let results = round
                .into_iter()
                .map(|(endpoint, lag, status, interval)| {
                    let message = if lag == 0 { "hello".to_owned() } else { String::new() };
                    let result = renamed(result(&endpoint.to_string(), now - lag, status), renames, &mut id_since);
                    CheckResult { message, interval, ..result }
                })
                .collect();
            put(files, stored_at, results)
        };
    for step in steps {
        let earlier = known.clone();
        match step {
            Step::Clock(by) => now += by,
            Step::Round(round) => {
                own.push(store(&mut files, round, now, renames));
                update(&files, &mut known, &own, now, DEFAULT_EXPIRY);
                lost = std::mem::take(&mut own);
            }
            Step::RoundOnly(round) => own.push(store(&mut files, round, now, renames)),
            Step::StaleRun if lost.iter().all(|name| name.stored_at >= before.0.list_from()) => known = before.clone(),
            Step::StaleRun => {}
            Step::Rename => renames += 1,
            Step::LatenciesLost => known.1 = Latencies::default(),
        }
        // The history and the latencies both round-trip.
        let read = (History::parse(known.0.to_json().as_bytes()), Latencies::parse(known.1.to_json().as_bytes()));
        assert_eq!(read, (Ok(known.0.clone()), Ok(known.1.clone())));
        before = earlier;
    }
    // The clock is correct again, and a run finds all files.
    now = now.max(files.keys().next_back().map_or(now, |name| name.stored_at));
    update(&files, &mut known, &own, now, DEFAULT_EXPIRY);
    (files, known, now)
}

#[test]
fn a_late_round_without_results_is_counted() {
    let round = || vec![(1, 0, Status::Unknown, Some(HOUR))];
    // The clock is set back past midnight, by more than the clock tolerance.
    let steps = [
        Step::Round(round()),
        Step::Round(round()),
        Step::RoundOnly(round()),
        Step::Clock(-CLOCK_TOLERANCE - 1),
        Step::RoundOnly(Vec::new()),
    ];
    let (files, known, now) = run_steps(steps.to_vec());
    assert_eq!(bytes(&known), bytes(&rebuilt(&files, now, DEFAULT_EXPIRY)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn an_updated_history_equals_a_rebuilt_one(steps in prop::collection::vec(any_step_with_renames(), 0..40)) {
        let (files, known, now) = run_steps(steps);
        let rebuilt_history = rebuilt(&files, now, DEFAULT_EXPIRY);
        prop_assert_eq!(&known.0, &rebuilt_history.0);
        prop_assert_eq!(bytes(&known), bytes(&rebuilt_history));
        // Rebuilding the history from itself and all files changes nothing.
        let mut same = known.clone();
        rebuild_from(&files, &mut same, RebuildFrom::START, now, DEFAULT_EXPIRY);
        prop_assert_eq!(bytes(&known), bytes(&same));
    }

    #[test]
    fn spans_are_those_of_the_check_files(steps in prop::collection::vec(any_step(), 0..30)) {
        let (files, known, now) = run_steps(steps);
        let mut seen: BTreeMap<EndpointKey, Vec<Observation>> = BTreeMap::new();
        for result in files.values().flat_map(|file| &file.results) {
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
            let mut timeline = known.0.endpoints.get(&key).map(|endpoint| endpoint.timeline.clone()).unwrap_or_default();
            timeline.cut(now);
            prop_assert_eq!(timeline.spans, expected);
        }
    }

    #[test]
    fn parsing_never_panics(content in ".{0,80}", cut in 0..3_000_usize) {
        let good = rebuilt(&one_day(), DAY_ONE + DAY, DEFAULT_EXPIRY).0.to_json();
        let _ = (History::parse(content.as_bytes()), Latencies::parse(content.as_bytes()));
        prop_assert!(History::parse(&good.as_bytes()[..cut.min(good.len() - 1)]).is_err());
    }
}
