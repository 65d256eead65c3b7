//! Tests that the memory of a history is limited without losing what matters.

use super::*;

const LIMIT: usize = 1 << 20;

/// Builds a history within the limit, for a reader that needs only the status.
fn limited(files: &CheckFiles, limit: usize) -> (History, BuildReport) {
    let (mut history, mut latencies) = (History::new(node()), Latencies::default());
    let names: Vec<CheckFileName> = files.keys().cloned().collect();
    let now = DAY_ONE + 2 * DAY;
    let mut builder = HistoryBuilder::rebuild(&mut history, &mut latencies, RebuildFrom::START, &names, now)
        .with_memory_limit(0, limit)
        .without_latencies();
    for (name, file) in files {
        builder.add_each(name, |take| file.results.iter().cloned().for_each(take));
    }
    let report = builder.finish(Nanos::MAX);
    (history, report)
}

/// The number of endpoints of each file of [`flood`].
const PER_FILE: usize = 800;

/// Returns files that contain only new endpoints, one file per minute.
fn flood(files: i64, status: Status) -> CheckFiles {
    let mut flood = CheckFiles::new();
    for file in 0..files {
        let at = DAY_ONE + file * MINUTE;
        let results = (0..PER_FILE).map(|number| CheckResult {
            interval: Some(HOUR),
            ..result(&format!("Endpoint {number} of {file}"), at, status)
        });
        put(&mut flood, at + SECOND, results.collect());
    }
    flood
}

fn of_file(history: &History, file: i64) -> usize {
    history.endpoints.keys().filter(|key| key.title.ends_with(&format!(" of {file}"))).count()
}

#[test]
fn the_oldest_data_of_many_files_is_left_out() {
    for status in [Status::Healthy, Status::Down] {
        let (history, report) = limited(&flood(20, status), LIMIT);
        assert!(history.memory() <= LIMIT, "{} bytes", history.memory());
        assert_eq!((of_file(&history, 0), of_file(&history, 19)), (0, PER_FILE));
        assert_eq!(history.newest(), Some(DAY_ONE + 19 * MINUTE + SECOND));
        let before = report.left_out_before.expect("files were left out");
        assert!(before > DAY_ONE && before <= DAY_ONE + 19 * MINUTE, "{before}");
        assert_eq!(report.late, 0);
    }
    assert_eq!(limited(&flood(2, Status::Healthy), usize::MAX).1, BuildReport::default());
}

#[test]
fn a_file_above_the_limit_is_used_in_part() {
    // Every fourth endpoint is down, from the middle of the file on.
    let mut files = flood(3, Status::Healthy);
    for file in files.values_mut() {
        for result in file.results.iter_mut().skip(PER_FILE / 2).step_by(4) {
            (result.status, result.notice) = (Status::Down, "refused".to_owned());
        }
    }
    let (history, report) = limited(&files, LIMIT / 4);
    assert!(history.memory() <= LIMIT / 4, "{} bytes", history.memory());
    assert_eq!(of_file(&history, 0), 0);
    let newest = || history.endpoints.iter().filter(|(key, _)| key.title.ends_with(" of 2")).map(|(_, past)| past);
    let down = newest().filter(|past| past.latest.reason.is_some()).count();
    let healthy = of_file(&history, 2) - down;
    assert_eq!(down, PER_FILE / 8, "unhealthy endpoints have more room");
    assert!((PER_FILE / 8..PER_FILE / 2).contains(&healthy), "{healthy}");
    assert_eq!(report.excess, 3 * (PER_FILE - healthy - down), "each file has as much room");
    assert_eq!(limited(&files, 64 << 20).1, BuildReport::default());
}

#[test]
fn the_index_of_ids_is_limited_as_well() {
    let mut files = flood(20, Status::Down);
    for file in files.values_mut() {
        file.results.iter_mut().for_each(|result| result.id = Some(result.title.as_str().into()));
    }
    let (mut history, mut latencies) = (History::new(node()), Latencies::default());
    let mut builder = HistoryBuilder::append(&mut history, &mut latencies).with_memory_limit(0, LIMIT);
    for (name, file) in &files {
        builder.add_each(name, |take| file.results.iter().cloned().for_each(take));
        assert!(builder.identities().len() <= LIMIT / 512, "{} ids", builder.identities().len());
    }
    assert!(builder.finish(Nanos::MAX).left_out_before.is_some());
}

#[test]
fn known_endpoints_need_no_room_for_another_result() {
    let mut files = flood(1, Status::Healthy);
    let mut history = limited(&files, usize::MAX).0;
    let before = history.memory();
    let results = files.pop_first().expect("there is one").1.results.into_iter();
    let name = CheckFileName { stored_at: DAY_ONE + HOUR, node: node() };
    let mut latencies = Latencies::default();
    let mut builder =
        HistoryBuilder::append(&mut history, &mut latencies).with_memory_limit(before, LIMIT / 8).without_latencies();
    builder.add_each(&name, |take| {
        results.map(|result| CheckResult { timestamp: DAY_ONE + HOUR, ..result }).for_each(take);
    });
    assert_eq!(builder.finish(Nanos::MAX), BuildReport::default());
    assert!(history.endpoints.values().all(|past| past.timeline.last.is_some_and(|last| last.at == DAY_ONE + HOUR)));
}

#[test]
fn results_can_be_added_one_at_a_time() {
    let files = golden_files();
    let build = |add: &dyn Fn(&mut HistoryBuilder<'_>, &CheckFileName, &CheckFile)| {
        let (mut history, mut latencies) = (History::new(node()), Latencies::default());
        let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
        for (name, file) in &files {
            add(&mut builder, name, file);
        }
        builder.finish(Nanos::MAX);
        (history, latencies)
    };
    let each = build(&|builder, name, file| builder.add_each(name, |take| file.results.iter().cloned().for_each(take)));
    assert!(each == build(&|builder, name, file| builder.add(name, file)), "they differ");
    assert!(!each.0.endpoints.is_empty());
}

#[test]
fn a_span_and_its_event_share_the_reason() {
    let (history, _) = limited(&flood(1, Status::Down), usize::MAX);
    for past in history.endpoints.values() {
        assert!(past.latest.reason.as_ref().is_some_and(|reason| Arc::ptr_eq(reason, &past.events[0].reason)));
    }
}

#[test]
fn unhealthy_endpoints_are_left_out_last() {
    let mut files = flood(20, Status::Healthy);
    let down = CheckResult { interval: Some(DAY), ..result("Shop", DAY_ONE - MINUTE, Status::Down) };
    put(&mut files, DAY_ONE - MINUTE, vec![down]);
    let (history, report) = limited(&files, LIMIT);
    assert!(report.left_out_before.is_some() && of_file(&history, 0) == 0);
    let shop = history.endpoints.iter().find(|(key, _)| key.title == "Shop").expect("it is kept").1;
    assert_eq!(uptime::status_at(&shop.timeline.spans, DAY_ONE + 19 * MINUTE), Status::Down);
}

#[test]
fn rounds_of_the_same_endpoints_are_all_included() {
    let mut files = CheckFiles::new();
    for minute in 0..1_440 {
        let at = DAY_ONE + minute * MINUTE;
        let status = if minute / 60 == 7 { Status::Down } else { Status::Healthy };
        let results = (0..100).map(|number| {
            let check = result(&format!("Endpoint {number}"), at, status);
            let refused = vec![Attempt { error: Some("refused".to_owned()), ..Attempt::default() }];
            CheckResult { attempts: if status == Status::Down { refused } else { Vec::new() }, ..check }
        });
        put(&mut files, at + SECOND, results.collect());
    }
    // The results take 9 MB.
    let (history, report) = limited(&files, LIMIT / 4);
    assert_eq!(report, BuildReport::default());
    assert!(history == limited(&files, usize::MAX).0, "the limit changed it");
}

#[test]
fn late_results_are_included_as_long_as_there_is_memory() {
    let mut files = CheckFiles::new();
    for minute in 0..300 {
        let at = DAY_ONE + minute * MINUTE;
        let mut results: Vec<CheckResult> =
            (0..40).map(|number| result(&format!("Endpoint {number}"), at, Status::Healthy)).collect();
        if minute == 299 {
            results.push(result("Endpoint 0", at - 30 * SECOND - 2 * HOUR, Status::Down));
        }
        put(&mut files, at + SECOND, results);
    }
    let of_first = |history: &History| history.endpoints.values().next().expect("there are 40").timeline.spans.len();
    let (history, report) = limited(&files, 64 << 20);
    assert_eq!((of_first(&history), report), (3, BuildReport::default()));
    let (history, report) = limited(&files, LIMIT / 4);
    assert_eq!((of_first(&history), report), (1, BuildReport { late: 1, ..BuildReport::default() }));
}

#[test]
fn messages_about_many_endpoints_are_limited() {
    let mut files = flood(1, Status::Healthy);
    for step in 0..10 {
        let results = files.values().next().expect("there is one").results.clone().into_iter();
        let at = DAY_ONE + (step + 1) * MINUTE;
        let results = results.map(|result| CheckResult { timestamp: at, message: format!("Message {step}"), ..result });
        put(&mut files, at + SECOND, results.collect());
    }
    let (history, report) = limited(&files, LIMIT);
    assert!(history.memory() <= LIMIT, "{} bytes", history.memory());
    assert!((1..10).contains(&history.messages.len()) && report.left_out_before.is_some());
}

#[test]
fn removed_latencies_leave_the_status() {
    let mut history = rebuilt(&golden_files(), DAY_ONE + 3 * DAY, 90 * DAY).0;
    let spans = |history: &History| -> Vec<usize> {
        history.endpoints.values().map(|past| past.timeline.spans.len()).collect()
    };
    let before = (spans(&history), history.memory());
    history.remove_latencies();
    assert_eq!(spans(&history), before.0);
    assert!(history.memory() < before.1);
    assert!(history.endpoints.values().all(|past| past.days.is_empty() && past.open.is_empty()));
}
