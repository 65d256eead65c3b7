//! Compares the cost of a check with that of a probe by Prometheus' `blackbox_exporter`, as packaged by Debian.

use std::path::Path;

use futures_util::{StreamExt, stream};
use serde_json::json;
use support::program::Program;
use support::{free_port, http_client, tool, wait_for};
use tempfile::TempDir;

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
    let (exporter, url, _folder) = start_exporter(&nginx.authority).await;
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

/// Starts an exporter with one module for HTTP and one for HTTPS that trusts the authority.
async fn start_exporter(authority: &Path) -> (Program, String, TempDir) {
    let folder = TempDir::new().expect("a temporary folder");
    // Every JSON document is also valid YAML.
    let modules = json!({ "modules": {
        "http": { "prober": "http" },
        "https": { "prober": "http", "http": { "fail_if_not_ssl": true, "tls_config": { "ca_file": authority } } },
    } });
    let file = folder.path().join("modules.yml");
    std::fs::write(&file, modules.to_string()).expect("the file can be written");
    let address = format!("127.0.0.1:{}", free_port());
    let program = Program::start(&tool("prometheus-blackbox-exporter"), |command| {
        command.arg(format!("--config.file={}", file.display())).arg(format!("--web.listen-address={address}"));
    });
    let url = format!("http://{address}/");
    wait_for("the exporter", || async { http_client::is_reachable(&url).await.then_some(()) }).await;
    (program, url, folder)
}
