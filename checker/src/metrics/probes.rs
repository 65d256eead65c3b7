//! The metrics of a node's own checks, under the names of Prometheus' `blackbox_exporter`. They describe the attempt that
//! agrees with the status of the newest result.

use shared::check_file::{Attempt, CheckResult};
use shared::status::Status;
use shared::{Nanos, UnixNanos};

use super::exposition::{Family, Labels, MetricsWriter, SampleValue};

const SUCCESS: Family = Family::gauge("probe_success", "Whether the endpoint is healthy or degraded on this node.");
const DURATION: Family = Family::gauge("probe_duration_seconds", "How long the attempt took.");
const LOOKUP: Family = Family::gauge("probe_dns_lookup_time_seconds", "How long the lookup of the host name took.");
const STATUS_CODE: Family = Family::gauge("probe_http_status_code", "The status code of the last HTTP response.");
const GRPC_STATUS_CODE: Family = Family::gauge("probe_grpc_status_code", "The status code of the gRPC call.");
const EXIT_STATUS: Family = Family::gauge("checkup_exec_exit_status", "The exit status of the command.");
const CERTIFICATE_EXPIRY: Family = Family::gauge(
    "probe_ssl_earliest_cert_expiry",
    "When the first certificate on the verified path expires, in seconds since 1970.",
);

/// The families of durations by phase, each with the kinds of check that have them.
const PHASES: [(Family, &[&str]); 4] = [
    (
        Family::gauge("probe_http_duration_seconds", "How long each phase took, summed over all redirects."),
        &["http", "statuspage"],
    ),
    (Family::gauge("probe_icmp_duration_seconds", "How long each phase took."), &["icmp"]),
    (Family::gauge("probe_dns_duration_seconds", "How long each phase took."), &["dns"]),
    (Family::gauge("probe_grpc_duration_seconds", "How long each phase took."), &["grpc"]),
];

/// A current result of this node.
struct CurrentResult<'a> {
    labels: Labels,
    kind: &'a str,
    result: &'a CheckResult,
    /// Empty if no attempt was possible.
    attempt: Option<&'a Attempt>,
}

/// Writes the metrics of the results that are valid at `now`. Unknown results have no samples.
pub(super) fn write(
    writer: &mut MetricsWriter,
    results: &mut dyn Iterator<Item = &CheckResult>,
    node: &str,
    now: UnixNanos,
) {
    let is_known = |result: &&CheckResult| {
        result.status != Status::Unknown && result.valid_until().is_none_or(|until| until > now)
    };
    let mut probes: Vec<CurrentResult<'_>> =
        results.filter(is_known).map(|result| CurrentResult::new(result, node)).collect();
    probes.sort_by(|one, other| one.labels.cmp(&other.labels));
    // Titles that differ only in characters that are removed would otherwise have the same labels.
    probes.dedup_by(|one, other| one.labels == other.labels);
    let mut family = |family: &Family, value: &dyn Fn(&CurrentResult<'_>) -> Option<SampleValue>| {
        writer.family(family, |samples| {
            for probe in &probes {
                if let Some(value) = value(probe) {
                    samples.sample(&probe.labels, None, value);
                }
            }
        });
    };
    let code_of = |probe: &CurrentResult<'_>, kinds: &[&str]| {
        let code = probe.result.code.filter(|_| kinds.contains(&probe.kind));
        code.map(|code| SampleValue::Integer(code.into()))
    };
    let lookup = |probe: &CurrentResult<'_>| Some(SampleValue::Seconds(probe.attempt?.phases.dns?));
    family(&SUCCESS, &|probe| Some((probe.result.status != Status::Down).into()));
    family(&DURATION, &|probe| Some(SampleValue::Seconds(probe.attempt?.rtt)));
    family(&LOOKUP, &lookup);
    family(&STATUS_CODE, &|probe| code_of(probe, &["http", "statuspage"]));
    family(&GRPC_STATUS_CODE, &|probe| code_of(probe, &["grpc"]));
    family(&EXIT_STATUS, &|probe| code_of(probe, &["exec"]));
    family(&CERTIFICATE_EXPIRY, &|probe| probe.result.certificate_expiry.map(SampleValue::Seconds));
    for (family, kinds) in &PHASES {
        writer.family(family, |samples| {
            for probe in probes.iter().filter(|probe| kinds.contains(&probe.kind)) {
                for (phase, time) in phases(probe.kind, probe.attempt) {
                    samples.sample(&probe.labels, Some(("phase", phase)), SampleValue::Seconds(time));
                }
            }
        });
    }
}

impl<'a> CurrentResult<'a> {
    fn new(result: &'a CheckResult, node: &str) -> CurrentResult<'a> {
        let kind = result.kind.as_deref().unwrap_or_default();
        let labels = Labels::new(&[
            ("title", &result.title),
            ("target", &result.locator),
            ("id", result.id.as_deref().unwrap_or_default()),
            ("kind", kind),
            ("node", node),
        ]);
        CurrentResult { labels, kind, result, attempt: result.decisive_attempt() }
    }
}

/// Returns the phases of an attempt, as `blackbox_exporter` names them for this kind of check.
fn phases(kind: &str, attempt: Option<&Attempt>) -> impl Iterator<Item = (&'static str, Nanos)> {
    let phases = attempt.map(|attempt| attempt.phases).unwrap_or_default();
    let measured = [phases.dns, phases.connect, phases.tls, phases.ttfb];
    // The rest of a successful attempt is the last phase.
    let rest = attempt.filter(|attempt| attempt.error.is_none()).map(|attempt| {
        let measured: Nanos = measured.iter().flatten().sum();
        attempt.rtt.saturating_sub(measured).max(0)
    });
    let times = match kind {
        "icmp" => [("resolve", phases.dns), ("rtt", rest), ("", None), ("", None), ("", None)],
        "grpc" => {
            let check = attempt.map(|attempt| attempt.rtt.saturating_sub(phases.dns.unwrap_or_default()).max(0));
            [("resolve", phases.dns), ("check", check), ("", None), ("", None), ("", None)]
        }
        "dns" => [
            ("resolve", phases.dns),
            ("connect", phases.connect),
            ("request", phases.ttfb.or(rest)),
            ("", None),
            ("", None),
        ],
        _ => [
            ("resolve", phases.dns),
            ("connect", phases.connect),
            ("tls", phases.tls),
            ("processing", phases.ttfb),
            ("transfer", rest),
        ],
    };
    times.into_iter().filter_map(|(phase, time)| Some((phase, time?)))
}

#[cfg(test)]
mod tests {
    use shared::MINUTE;
    use shared::check_file::Phases;

    use super::super::exposition::Exposition;
    use super::*;

    const NOW: UnixNanos = 1_795_330_254_000_000_000;

    fn result(title: &str, kind: &str, status: Status) -> CheckResult {
        let phases =
            Phases { dns: Some(1_000_000), connect: Some(2_000_000), tls: Some(3_000_000), ttfb: Some(4_000_000) };
        CheckResult {
            title: title.to_owned(),
            locator: "shop.example".to_owned(),
            timestamp: NOW - MINUTE,
            attempts: vec![Attempt { rtt: 15_000_000, error: None, phases }],
            status,
            kind: Some(kind.to_owned()),
            interval: Some(MINUTE),
            code: Some(200),
            certificate_expiry: Some(NOW + 1),
            ..CheckResult::default()
        }
    }

    fn written(results: &[CheckResult]) -> Vec<String> {
        let mut writer = MetricsWriter::new(Exposition::Text, 0);
        write(&mut writer, &mut results.iter(), "eu", NOW);
        writer.finish().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn a_check_has_the_names_of_the_exporter() {
        let labels = r#"title="Shop",target="shop.example",kind="http",node="eu""#;
        let sample = |name: &str, value: &str| format!("{name}{{{labels}}} {value}");
        let phase =
            |phase: &str, value: &str| format!(r#"probe_http_duration_seconds{{{labels},phase="{phase}"}} {value}"#);
        let expected = [
            sample("probe_success", "1"),
            sample("probe_duration_seconds", "0.015"),
            sample("probe_dns_lookup_time_seconds", "0.001"),
            sample("probe_http_status_code", "200"),
            sample("probe_ssl_earliest_cert_expiry", "1795330254.000000001"),
            phase("resolve", "0.001"),
            phase("connect", "0.002"),
            phase("tls", "0.003"),
            phase("processing", "0.004"),
            phase("transfer", "0.005"),
        ];
        assert_eq!(written(&[result("Shop", "http", Status::Degraded)]), expected);
    }

    #[test]
    fn unknown_and_expired_results_have_no_samples() {
        let expired = CheckResult { timestamp: NOW - 2 * MINUTE, ..result("Old", "http", Status::Healthy) };
        assert_eq!(written(&[result("Shop", "http", Status::Unknown), expired]), Vec::<String>::new());
    }

    #[test]
    fn values_that_were_not_measured_have_no_samples() {
        let refused = Attempt { rtt: 1, error: Some("connection refused".to_owned()), phases: Phases::default() };
        let down = CheckResult {
            attempts: vec![refused],
            code: None,
            certificate_expiry: None,
            ..result("Shop", "http", Status::Down)
        };
        let names: Vec<String> =
            written(&[down]).iter().map(|line| line.split('{').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(names, ["probe_success", "probe_duration_seconds"]);
    }

    #[test]
    fn codes_belong_to_the_kind_of_check() {
        let codes = |kind: &str| {
            let lines = written(&[result("Shop", kind, Status::Healthy)]);
            let is_code = |line: &&String| line.contains("status");
            lines.iter().filter(is_code).map(|line| line.split('{').next().unwrap_or_default().to_owned()).collect()
        };
        let found: Vec<Vec<String>> = ["http", "grpc", "exec", "tcp"].into_iter().map(codes).collect();
        let expected: [&[&str]; 4] =
            [&["probe_http_status_code"], &["probe_grpc_status_code"], &["checkup_exec_exit_status"], &[]];
        assert_eq!(found, expected);
    }

    #[test]
    fn titles_that_are_equal_in_labels_have_one_sample() {
        let lines = written(&[result("Shop", "tcp", Status::Healthy), result("Shop\u{200e}", "tcp", Status::Healthy)]);
        assert_eq!(lines.iter().filter(|line| line.starts_with("probe_success")).count(), 1, "{lines:?}");
    }
}
