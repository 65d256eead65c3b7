//! Compares the cost of a check with that of a probe by Prometheus' `blackbox_exporter`, as packaged by Debian.

use futures_util::{StreamExt, stream};
use serde_json::json;
use support::blackbox_exporter::BlackboxExporter;
use support::http_client;

use crate::checks::spent_on_round;
use crate::nginx::Nginx;
use crate::process_usage::compare;

/// The number of endpoints that both programs check.
const TARGETS: usize = 1_000;
/// The number of concurrent probes. The cost of requesting them is not counted.
const PROBES_AT_ONCE: usize = 16;
/// The length of a clock tick in seconds; the kernel counts CPU time in ticks.
const TICK: f64 = 0.01;

/// Prints the CPU time of a check and of a probe, over plain HTTP and over TLS.
pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    let modules = json!({
        "http": { "prober": "http" },
        "https": { "prober": "http", "http": { "fail_if_not_ssl": true, "tls_config": { "ca_file": nginx.authority } } },
    });
    let BlackboxExporter { url, program: exporter, .. } = &BlackboxExporter::start(&modules).await;
    println!("The checker and Debian's prometheus-blackbox-exporter, {TARGETS} targets on a local nginx");
    let client = http_client::client();
    for (module, target, checks) in
        [("http", &nginx.plain, nginx.plain_checks(TARGETS)), ("https", &nginx.secure, nginx.secure_checks(TARGETS))]
    {
        let probe = async |number: usize| {
            let probe = format!("{url}probe?target={target}{number}&module={module}");
            let answer = http_client::send(client.get(probe)).await.text();
            assert!(answer.contains("\nprobe_success 1"), "{answer}");
        };
        // The first probe of a process can take longer than the later ones.
        probe(0).await;
        let spent_on_probes = async || {
            let before = exporter.processor_ticks();
            stream::iter(0..TARGETS).for_each_concurrent(PROBES_AT_ONCE, probe).await;
            (exporter.processor_ticks() - before) as f64 * TICK * 1e6 / TARGETS as f64
        };
        let comparison = compare(TARGETS, spent_on_probes, async || spent_on_round(&checks)).await;
        println!(
            "  {module:>5}: {:>6.1} µs of CPU per check, exporter {:>6.1} µs per probe: {:.2} × the exporter",
            comparison.each, comparison.peer, comparison.ratio,
        );
    }
}
