//! Prometheus' `blackbox_exporter`, as packaged by Debian.

use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::program::Program;
use crate::{free_port, http_client, tool, wait_for};

/// A running exporter. Dropping it stops the program.
#[derive(Debug)]
pub struct BlackboxExporter {
    /// The exporter's URL, with a trailing slash.
    pub url: String,
    pub program: Program,
    _folder: TempDir,
}

/// The outcome of a probe.
#[derive(Debug, Clone)]
pub struct ExporterProbe {
    pub succeeded: bool,
    /// The exporter's log of the probe.
    pub log: String,
    /// The metrics, in the text format.
    pub metrics: String,
}

impl ExporterProbe {
    /// Returns the value of a metric, which has at most the label `phase`.
    #[must_use]
    pub fn value(&self, name: &str, phase: &str) -> Option<f64> {
        let phase = if phase.is_empty() { String::new() } else { format!("{{phase=\"{phase}\"}}") };
        let sample = format!("{name}{phase} ");
        self.metrics.lines().find_map(|line| line.strip_prefix(&sample)?.parse().ok())
    }
}

impl BlackboxExporter {
    /// Starts an exporter. `modules` maps the names of modules to their settings.
    pub async fn start(modules: &Value) -> BlackboxExporter {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("modules.yml");
        // Every JSON document is also valid YAML.
        std::fs::write(&file, json!({ "modules": modules }).to_string()).expect("the file can be written");
        let address = format!("127.0.0.1:{}", free_port());
        let mut program = Program::start(&tool("prometheus-blackbox-exporter"), |command| {
            command.arg(format!("--config.file={}", file.display())).arg(format!("--web.listen-address={address}"));
        });
        let url = format!("http://{address}/");
        wait_for("the exporter", || {
            let status = program.exit_status();
            assert!(status.is_none(), "the exporter ended:\n{}", program.output());
            let url = url.clone();
            async move { http_client::is_reachable(&url).await.then_some(()) }
        })
        .await;
        BlackboxExporter { url, program, _folder: folder }
    }

    /// Probes a target with a module.
    pub async fn probe(&self, module: &str, target: &str) -> ExporterProbe {
        let query = [("module", module), ("target", target), ("debug", "true")];
        let url = Url::parse_with_params(&format!("{}probe", self.url), query).expect("the URL is valid");
        let response = http_client::get(url.as_str()).await;
        let text = response.text();
        assert_eq!(response.status, 200, "{text}");
        let succeeded = text.contains("\nprobe_success 1");
        assert!(succeeded || text.contains("\nprobe_success 0"), "{text}");
        let mut parts = text.split("\n\n\n");
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (log, metrics) = (part(), part());
        ExporterProbe { succeeded, log, metrics }
    }
}
