//! The log of a daemon: one event per line to standard error, as text or JSON.
//!
//! Only events from this crate are logged, whatever `RUST_LOG` specifies: libraries also log requests, which contain
//! credentials.

use std::fmt::{self, Debug};
use std::io;
use std::sync::OnceLock;

use anstream::{AutoStream, ColorChoice};
use chrono::{DateTime, SecondsFormat};
use clap::ValueEnum;
use serde_json::{Map, Value};
use shared::object_name::NodeName;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer as _, registry};

use super::verbosity;
use crate::platform::clock;
use crate::sanitize::without_disguise;

/// The first part of the target of every event from this crate.
const CRATE: &str = env!("CARGO_CRATE_NAME");

/// The log. It is set as soon as messages go to the log instead of the terminal.
static LOG: OnceLock<Log> = OnceLock::new();

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// Time, level, message and fields
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Debug, Default)]
struct Log {
    /// The node's name, which is known once the configuration is loaded, and does not change until a restart.
    node: OnceLock<NodeName>,
}

/// Writes to standard error, without characters that can disguise text from endpoints.
struct LogWriter;

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) => io::stderr().write_all(without_disguise(text).as_bytes())?,
            Err(_) => io::stderr().write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Sends all further messages of this process to the log. `directives` are those of `RUST_LOG`; the default is
/// `info`, or `warn` with `--quiet`.
pub fn start(format: LogFormat, directives: Option<&str>) {
    let (filter, invalid) = parse_filter(directives.unwrap_or_default(), default_level());
    // Failing to write an event must not stop the checks, and there is nowhere left to report it.
    let lines = layer().with_writer(|| LogWriter).with_target(false).log_internal_errors(false);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(AutoStream::choice(&io::stderr()) != ColorChoice::Never).boxed(),
        LogFormat::Json => lines.event_format(JsonLine).boxed(),
    };
    let subscriber = registry().with(filter).with(filter_fn(is_own)).with(lines);
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        LOG.get_or_init(Log::default);
    }
    if let Some(error) = invalid {
        log(Level::WARN, &format!("ignored `RUST_LOG`: {error}"));
    }
}

/// Includes the node's name in all further messages.
pub fn set_node(node: &NodeName) {
    if let Some(log) = LOG.get() {
        let _ = log.node.set(node.clone());
    }
}

pub(super) fn is_started() -> bool {
    LOG.get().is_some()
}

/// Logs each line of a message as an event.
pub(super) fn log(level: Level, text: &str) {
    let node = LOG.get().and_then(|log| log.node.get()).map(NodeName::as_str);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match level {
            Level::ERROR => tracing::error!(node, "{line}"),
            Level::WARN => tracing::warn!(node, "{line}"),
            _ => tracing::info!(node, "{line}"),
        }
    }
}

fn default_level() -> LevelFilter {
    if verbosity::is_quiet() { LevelFilter::WARN } else { LevelFilter::INFO }
}

/// Parses the filter. If the directives are invalid, ignores them and returns the error with the default filter.
fn parse_filter(directives: &str, default: LevelFilter) -> (EnvFilter, Option<String>) {
    let builder = || EnvFilter::builder().with_default_directive(default.into());
    match builder().parse(directives) {
        Ok(filter) => (filter, None),
        Err(error) => (builder().parse_lossy(""), Some(error.to_string())),
    }
}

fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next() == Some(CRATE)
}

/// Writes an event as a line of JSON: `timestamp`, `level` and its fields, with its text in `message`.
struct JsonLine;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for JsonLine {
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = JsonFields(Map::new());
        let now = DateTime::from_timestamp_nanos(clock::now());
        fields.insert("timestamp", now.to_rfc3339_opts(SecondsFormat::Micros, true));
        fields.insert("level", event.metadata().level().as_str());
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

struct JsonFields(Map<String, Value>);

impl JsonFields {
    fn insert(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for JsonFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.insert(field.name(), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_level_is_info() {
        for (directives, level) in
            [("", LevelFilter::INFO), ("warn", LevelFilter::WARN), ("checker=debug", LevelFilter::DEBUG)]
        {
            let (filter, invalid) = parse_filter(directives, LevelFilter::INFO);
            assert_eq!((filter.max_level_hint(), invalid), (Some(level), None), "{directives}");
        }
    }

    #[test]
    fn invalid_directives_are_reported_and_ignored() {
        let (filter, invalid) = parse_filter("checker=loud", LevelFilter::INFO);
        assert_eq!(filter.max_level_hint(), Some(LevelFilter::INFO));
        assert!(invalid.is_some());
    }
}
