//! Compares the checker's verdicts with those of Prometheus' `blackbox_exporter` on generated targets: HTTP, TCP, DNS
//! and gRPC, with and without TLS. Every disagreement must have a documented reason.

mod dns_targets;
mod grpc_targets;
mod http_targets;
mod target;
mod tcp_targets;

use futures_util::{StreamExt as _, stream};
use serde_json::{Map, Value, json};
use shared::check_file::CheckResult;
use shared::status::Status;
use support::blackbox_exporter::{BlackboxExporter, ExporterProbe};
use support::certificates::Authority;
use support::checker::Checker;
use support::configuration::{directory, watching};
use support::mutants::Random;
use support::prometheus::{MetricSample, parse_text};
use support::root;

use self::target::{PATIENCE, Target};
use crate::curl_differential::judge_report;

/// The version of the exporter that the table of disagreements describes. With any other version, disagreements are
/// only printed.
const VERSION: &str = "version 0.23.";
/// The minimum number of targets.
const TARGETS: usize = 100;
/// The seed for the targets. The environment variable `EXPORTER_SEED` overrides it.
const SEED: u64 = 17;
/// The exporter's maximum number of concurrent probes.
const PROBES: usize = 24;

/// The targets on which the programs disagree: part of a target's name, whether the checker reports the target as
/// healthy, and the reason. `docs/verdicts.md` contains the same table.
const DISAGREEMENTS: &[(&str, bool, &str)] = &[
    (
        "gzip that is not requested",
        false,
        "A body that cannot be decoded is not evaluated. The exporter decodes it only with `compression`.",
    ),
    ("null in a header", false, "Browsers and curl reject a null character in a head."),
    ("banner without a line end", true, "A script matches what has arrived. The exporter waits for the end of a line."),
    (
        "pattern of two lines",
        true,
        "A script matches all lines that have arrived. The exporter matches each line separately.",
    ),
    ("no record", false, "A name without a record of the type cannot be used. The exporter accepts an empty answer."),
];

#[tokio::test]
async fn the_exporter_agrees_or_the_difference_is_explained() {
    let seed = std::env::var("EXPORTER_SEED").map_or(SEED, |seed| seed.parse().expect("`EXPORTER_SEED` is a number"));
    let authority = Authority::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ca = folder.path().join("ca.pem");
    authority.write_pem(&ca);
    let http = http_targets::HttpServers::start(&authority).await;
    let tcp = tcp_targets::TcpServers::start(&authority).await;
    let grpc = grpc_targets::GrpcServers::start(&authority).await;
    let name_server = dns_targets::start().await;
    let mut random = Random::new(seed);
    let mut targets = http.targets(&ca, &mut random);
    targets.extend(tcp.targets(&ca, &mut random));
    targets.extend(dns_targets::targets(&name_server, &mut random));
    targets.extend(grpc.targets(&ca, &mut random));
    assert!(targets.len() >= TARGETS, "{} targets", targets.len());

    let ((ours, samples), probes) = tokio::join!(judge_by_checker(&targets), judge_by_exporter(&targets));
    let found: Vec<String> = targets
        .iter()
        .zip(ours.iter().zip(&probes))
        .filter_map(|(target, (our, probe))| objection(target, our, probe))
        .collect();
    let report = format!("seed {seed}, {} of {} targets:\n{}", found.len(), targets.len(), found.join("\n"));
    judge_report(&report, found.is_empty(), "prometheus-blackbox-exporter", VERSION);
    let found: Vec<String> = targets
        .iter()
        .enumerate()
        .filter(|(number, _)| is_healthy(&ours[*number]) && probes[*number].succeeded)
        .flat_map(|(number, target)| unknown_samples(target, &number.to_string(), &samples, &probes[number]))
        .collect();
    judge_report(&found.join("\n"), found.is_empty(), "prometheus-blackbox-exporter", VERSION);
    for name in [
        "probe_http_status_code",
        "probe_grpc_status_code",
        "probe_ssl_earliest_cert_expiry",
        "probe_dns_duration_seconds",
    ] {
        assert!(samples.iter().any(|sample| sample.name == name), "no target has `{name}`");
    }
    for (part, ..) in DISAGREEMENTS {
        assert!(targets.iter().any(|target| target.name.contains(part)), "no target has `{part}`");
    }
}

/// Compares two verdicts on one target. Returns a description of the problem, if any.
fn objection(target: &Target, our: &CheckResult, probe: &ExporterProbe) -> Option<String> {
    let is_healthy = is_healthy(our);
    let explanation = DISAGREEMENTS.iter().find(|(part, ..)| target.name.contains(part));
    let problem = match (is_healthy == probe.succeeded, explanation) {
        _ if error_of(our).contains(&format!("within {PATIENCE}")) => "time limit reached although the target responds",
        (true, None) => return None,
        (false, Some((_, expected, _))) if *expected == is_healthy => return None,
        (false, _) => "unexplained disagreement",
        (true, Some(_)) => "agreement on a target that is listed as a disagreement",
    };
    let reason = error_of(our);
    let Target { name, module, check, .. } = target;
    Some(format!(
        "{name}: {problem}\n    checker: {:?}: {reason}\n      {check}\n    exporter: {}: {module}\n{}",
        our.status, probe.succeeded, probe.log
    ))
}

/// Describes the metrics of a target that the exporter does not have, or whose status code differs.
fn unknown_samples(target: &Target, title: &str, samples: &[MetricSample], probe: &ExporterProbe) -> Vec<String> {
    let own = samples.iter().filter(|sample| sample.name.starts_with("probe_") && sample.label("title") == title);
    let is_unknown = |sample: &&MetricSample| {
        let value = probe.value(&sample.name, sample.label("phase"));
        let is_equal = value.is_some_and(|value| (value - sample.value).abs() < f64::EPSILON);
        if sample.name.ends_with("_status_code") { !is_equal } else { value.is_none() }
    };
    let unknown = own.filter(is_unknown);
    unknown
        .map(|sample| format!("{}: the exporter does not have {sample:?}:\n{}", target.name, probe.metrics))
        .collect()
}

fn error_of(result: &CheckResult) -> String {
    let error = result.attempts.iter().find_map(|attempt| attempt.error.clone());
    error.unwrap_or_else(|| result.notice.clone())
}

fn is_healthy(result: &CheckResult) -> bool {
    matches!(result.status, Status::Healthy | Status::Degraded)
}

/// Returns the checker's verdict on every target, and the metrics, in which the title is the number of the target.
async fn judge_by_checker(targets: &[Target]) -> (Vec<CheckResult>, Vec<MetricSample>) {
    let checks: Vec<Value> = targets
        .iter()
        .enumerate()
        .map(|(number, target)| {
            let mut check = target.check.clone();
            check["endpoint_name"] = json!(number.to_string());
            check
        })
        .collect();
    let mut config = watching(&checks, &directory());
    config["metrics_file"] = json!("checkup.prom");
    let checker = Checker::new(&config);
    let run = checker.run(&["--format", "json"]).await;
    let results = run.results();
    let of_target = |number: usize| {
        let result = results.iter().find(|result| result.title == number.to_string());
        result.unwrap_or_else(|| panic!("no result for {}:\n{}", targets[number].name, run.output())).clone()
    };
    let metrics = std::fs::read_to_string(checker.path("checkup.prom")).expect("the round wrote it");
    ((0..targets.len()).map(of_target).collect(), parse_text(&metrics))
}

/// Returns the exporter's verdict on every target. Each target is probed with a separate module.
async fn judge_by_exporter(targets: &[Target]) -> Vec<ExporterProbe> {
    let modules: Map<String, Value> =
        targets.iter().enumerate().map(|(number, target)| (format!("m{number}"), target.module.clone())).collect();
    let exporter = &BlackboxExporter::start(&Value::Object(modules)).await;
    let probes = targets
        .iter()
        .enumerate()
        .map(|(number, target)| async move { exporter.probe(&format!("m{number}"), &target.address).await });
    stream::iter(probes).buffered(PROBES).collect().await
}

#[test]
fn the_documentation_lists_all_disagreements_with_the_exporter() {
    let row = |(target, is_healthy, reason): &(&str, bool, &str)| {
        let (checker, exporter) = if *is_healthy { ("healthy", "failure") } else { ("down", "success") };
        format!("| {target} | {checker} | {exporter} | {reason} |")
    };
    let rows: Vec<String> = DISAGREEMENTS.iter().map(row).collect();
    let document = std::fs::read_to_string(root().join("docs/verdicts.md")).expect("the document is there");
    assert!(document.contains(&rows.join("\n")), "docs/verdicts.md lacks this table:\n{}", rows.join("\n"));
}
