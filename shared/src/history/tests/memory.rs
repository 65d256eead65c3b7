//! Tests that the memory of a history is limited without losing what matters.

use super::*;

const LIMIT: usize = 1 << 20;

/// Builds a history within the limit, for a reader that needs only the status.
fn limited(files: &CheckFiles, limit: usize) -> (History, BuildReport) {
    let (mut history, mut latencies) = (History::new(node()), Latencies::default());
    let names: Vec<CheckFileName> = files.keys().cloned().collect();
    let now = DAY_ONE + 2 * DAY;
    let mut builder = HistoryBuilder::rebuild(&mut history, &mut latencies, RebuildFrom::START, &names, now)
        .with_memory_limit(limit)
        .without_latencies();
    for (name, file) in files {
        builder.add_owned(name, file.clone());
    }
    let report = builder.finish(Nanos::MAX);
    (history, report)
}

/// The number of endpoints of each file of [`flood`].
const PER_FILE: usize = 1_500;

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
fn the_newest_file_is_kept_even_above_the_limit() {
    let (history, report) = limited(&flood(3, Status::Healthy), 1);
    assert_eq!((of_file(&history, 1), of_file(&history, 2)), (0, PER_FILE));
    assert_eq!(report.left_out_before, Some(DAY_ONE + 2 * MINUTE));
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
