//! Compares the metrics with the JSON of `checker status` for the same store at the same time.

use serde_json::{Value, json};
use support::prometheus::{MetricSample, parse_text};

use super::expected::{list, number, text};

/// The ranges of the metrics.
pub(super) const RANGES: [&str; 4] = ["24h", "7d", "30d", "90d"];

/// Compares two values. The parser of JSON can round the last bit.
#[track_caller]
fn assert_equal(found: Option<f64>, expected: Option<f64>, context: &str) {
    let is_equal = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 2.0 * f64::EPSILON * expected.abs(),
        (found, expected) => found.is_none() && expected.is_none(),
    };
    assert!(is_equal, "{context}: found {found:?}, expected {expected:?}");
}

/// Compares all figures of the metrics with a report for each of [`RANGES`].
pub(super) fn compare(metrics: &str, reports: &[Value]) {
    let samples = parse_text(metrics);
    let mut compared = 0;
    for (range, report) in RANGES.iter().zip(reports) {
        for of in list(report, "endpoints").iter().filter(|of| of["retired"] == false) {
            let title = text(of, "title");
            let find = |name: &str, label: (&str, &str)| -> Option<f64> {
                let is_wanted = |sample: &&MetricSample| {
                    sample.name == name
                        && sample.label("title") == title
                        && sample.label("target") == text(of, "endpoint")
                        && (label.0.is_empty() || sample.label(label.0) == label.1)
                };
                samples.iter().find(is_wanted).map(|sample| sample.value)
            };
            let seconds = |nanos: &Value| nanos.as_i64().map(|nanos| nanos as f64 / 1e9);
            let (up, down) = (number(of, "healthy") + number(of, "degraded"), number(of, "down"));
            let (observed, period) = (up + down, up + down + number(of, "unknown"));
            let ratio = |part: i64, whole: i64| (whole > 0).then(|| part as f64 / whole as f64);
            let context = format!("{title} over {range}");
            assert_equal(find("checkup_endpoint_uptime_ratio", ("range", range)), ratio(up, observed), &context);
            assert_equal(find("checkup_endpoint_coverage_ratio", ("range", range)), ratio(observed, period), &context);
            for status in ["healthy", "degraded", "down", "unknown"] {
                let is_current = f64::from(u8::from(of["status"] == status));
                assert_equal(find("checkup_endpoint_status", ("status", status)), Some(is_current), &context);
            }
            let is_planned = f64::from(u8::from(!of["planned_until"].is_null()));
            assert_equal(find("checkup_endpoint_planned", ("", "")), Some(is_planned), &context);
            for (name, key) in [
                ("checkup_endpoint_error_budget_seconds", "total"),
                ("checkup_endpoint_error_budget_spent_seconds", "spent"),
            ] {
                assert_equal(find(name, ("", "")), seconds(&of["budget"][key]), &context);
            }
            let target =
                of["budget"]["target"].as_str().and_then(|target| target.trim_end_matches('%').parse::<f64>().ok());
            let found = find("checkup_endpoint_slo_target_ratio", ("", ""));
            assert_equal(found, target.map(|target| target / 100.0), &context);
            compared += 1;
        }
    }
    let nodes = list(&reports[0], "nodes").iter().map(|node| (&node["node"], node["newest"].as_i64()));
    for (node, newest) in nodes.filter(|(_, newest)| newest.is_some()) {
        let is_wanted = |sample: &&MetricSample| {
            sample.name == "checkup_round_timestamp_seconds" && json!(sample.label("node")) == *node
        };
        let found = samples.iter().find(is_wanted).map(|sample| sample.value);
        assert_equal(found, newest.map(|newest| newest as f64 / 1e9), &node.to_string());
    }
    assert!(compared >= 4 * 6, "{compared}");
    let has = |name: &str, expected: f64| {
        samples.iter().any(|sample| sample.name == name && (sample.value - expected).abs() < 1e-9)
    };
    assert!(has("checkup_endpoint_planned", 1.0) && has("checkup_endpoint_planned", 0.0), "{metrics}");
}
