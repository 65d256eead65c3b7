//! Debian's Prometheus and `promtool`, and the reference parsers of Prometheus' Python client.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::program::Program;
use crate::{free_port, http_client, tool, wait_for};

/// Parses metrics strictly, and prints the samples as JSON.
const PARSER: &str = "
import json, sys
from prometheus_client import parser
from prometheus_client.openmetrics import parser as open_parser
text = sys.stdin.read()
families = (open_parser if sys.argv[1] == 'openmetrics' else parser).text_string_to_metric_families(text)
samples = [[sample.name, sample.labels, sample.value] for family in families for sample in family.samples]
print(json.dumps(samples))
";

/// A sample: the name, the labels and the value.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl MetricSample {
    /// Returns a label's value, or an empty string if the sample does not have it.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Runs a program with text on standard input.
fn run_with_input(command: &mut Command, text: &str) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.expect("the program starts");
    let mut input = child.stdin.take().expect("it has an input");
    let text = text.to_owned();
    // The program can write before it has read everything.
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("the program ends");
    writing.join().expect("the thread ends").expect("the program reads everything");
    output
}

/// Parses metrics with the reference parser of the text format.
#[must_use]
pub fn parse_text(text: &str) -> Vec<MetricSample> {
    parse("text", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Parses metrics with the reference parser of `OpenMetrics`, which is strict. The error is the parser's.
pub fn parse_open_metrics(text: &str) -> Result<Vec<MetricSample>, String> {
    parse("openmetrics", text)
}

fn parse(format: &str, text: &str) -> Result<Vec<MetricSample>, String> {
    let output = run_with_input(Command::new(tool("prometheus-python")).args(["-c", PARSER, format]), text);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let samples: Vec<(String, BTreeMap<String, String>, f64)> =
        serde_json::from_slice(&output.stdout).expect("the parser prints JSON");
    Ok(samples.into_iter().map(|(name, labels, value)| MetricSample { name, labels, value }).collect())
}

/// Returns what `promtool check metrics` reports. Valid metrics that follow all conventions have no report.
#[must_use]
pub fn check_metrics(text: &str) -> String {
    let output = run_with_input(Command::new(tool("promtool")).args(["check", "metrics"]), text);
    report(&output)
}

/// Runs `promtool` in a folder. Returns its output, and whether it succeeded.
#[must_use]
pub fn promtool(folder: &Path, words: &[&str]) -> (bool, String) {
    let output = Command::new(tool("promtool")).args(words).current_dir(folder).output().expect("promtool runs");
    (output.status.success(), report(&output))
}

fn report(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A running Prometheus. Dropping it stops the program.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    _program: Program,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts a server with these scrape configurations.
    pub async fn start(scrape_configs: &Value) -> Prometheus {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("prometheus.yml");
        let config = json!({ "global": { "scrape_interval": "1s" }, "scrape_configs": scrape_configs });
        // Every JSON document is also valid YAML.
        std::fs::write(&file, config.to_string()).expect("the file can be written");
        let address = format!("127.0.0.1:{}", free_port());
        let mut program = Program::start(&tool("prometheus"), |command| {
            command
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"));
        });
        let url = format!("http://{address}/");
        wait_for("Prometheus", || {
            let status = program.exit_status();
            assert!(status.is_none(), "Prometheus ended:\n{}", program.output());
            let ready = format!("{url}-/ready");
            async move {
                (http_client::is_reachable(&ready).await && http_client::get(&ready).await.status == 200).then_some(())
            }
        })
        .await;
        Prometheus { url, _program: program, _folder: folder }
    }

    /// Evaluates a query now. Returns each element's labels and value.
    pub async fn query(&self, query: &str) -> Vec<MetricSample> {
        let url = Url::parse_with_params(&format!("{}api/v1/query", self.url), [("query", query)]);
        let response = http_client::get(url.expect("the URL is valid").as_str()).await;
        let answer: Value = serde_json::from_slice(&response.body).expect("it is JSON");
        assert_eq!(answer["status"], "success", "{answer}");
        let elements = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let sample = |element: Value| {
            let mut labels: BTreeMap<String, String> =
                serde_json::from_value(element["metric"].clone()).expect("labels are strings");
            let name = labels.remove("__name__").unwrap_or_default();
            let value = element["value"][1].as_str().and_then(|value| value.parse().ok()).expect("it has a value");
            MetricSample { name, labels, value }
        };
        elements.into_iter().map(sample).collect()
    }

    /// Waits until a query has elements, and returns them.
    pub async fn until(&self, query: &str) -> Vec<MetricSample> {
        wait_for(query, || async { Some(self.query(query).await).filter(|elements| !elements.is_empty()) }).await
    }
}
