//! Writes metrics in Prometheus' text format 0.0.4 and in OpenMetrics 1.0.
//!
//! Both formats have the same samples. They differ in the names of families of counters and in the end of the text.

use std::fmt::Write as _;

use shared::{Nanos, SECOND};

use crate::sanitize::sanitize_for_terminal;

/// The maximum length of a label's value, in characters.
const LABEL_LIMIT: usize = shared::check_file::LOCATOR_LIMIT;

/// The text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// The text format 0.0.4 of Prometheus, which everything can read.
    Text,
    /// OpenMetrics 1.0, which newer programs prefer.
    OpenMetrics,
}

impl Exposition {
    /// Returns the media type of the format.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Exposition::Text => "text/plain; version=0.0.4; charset=utf-8",
            Exposition::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The type of a family of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FamilyKind {
    Gauge,
    /// A number that only grows. The name ends with `_total`.
    Counter,
    /// Constant labels with the value 1. The name ends with `_info`.
    Info,
}

/// Metrics with the same name.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The name of the samples.
    pub name: &'static str,
    pub kind: FamilyKind,
    pub help: &'static str,
}

impl Family {
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Family {
        Family { name, kind: FamilyKind::Gauge, help }
    }

    /// Returns the name and the type in the comments before the samples.
    fn heading(&self, format: Exposition) -> (&'static str, &'static str) {
        match (format, self.kind) {
            (_, FamilyKind::Gauge) | (Exposition::Text, FamilyKind::Info) => (self.name, "gauge"),
            (Exposition::Text, FamilyKind::Counter) => (self.name, "counter"),
            (Exposition::OpenMetrics, FamilyKind::Counter) => (without_suffix(self.name, "_total"), "counter"),
            (Exposition::OpenMetrics, FamilyKind::Info) => (without_suffix(self.name, "_info"), "info"),
        }
    }
}

fn without_suffix(name: &'static str, suffix: &str) -> &'static str {
    name.strip_suffix(suffix).unwrap_or(name)
}

/// The escaped labels of a sample, such as `title="Shop",target="https://shop.example/"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Labels(String);

impl Labels {
    /// Creates labels. Empty values are omitted, because they mean the same as a missing label.
    #[must_use]
    pub fn new(labels: &[(&'static str, &str)]) -> Labels {
        let mut text = String::with_capacity(labels.iter().map(|(name, value)| name.len() + value.len() + 4).sum());
        for (name, value) in labels {
            push_label(&mut text, name, value);
        }
        Labels(text)
    }
}

/// Appends a label. The value is shown on one line, so it cannot contain other labels or samples.
fn push_label(text: &mut String, name: &str, value: &str) {
    let value = sanitize_for_terminal(value, LABEL_LIMIT);
    if value.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(name);
    text.push_str("=\"");
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            other => text.push(other),
        }
    }
    text.push('"');
}

/// The value of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleValue {
    Integer(i64),
    /// A duration or time in nanoseconds, which is written in seconds.
    Seconds(Nanos),
    Ratio(f64),
}

impl From<bool> for SampleValue {
    fn from(value: bool) -> Self {
        SampleValue::Integer(value.into())
    }
}

/// Writes families of metrics, one after another.
#[derive(Debug)]
pub struct MetricsWriter {
    format: Exposition,
    text: String,
}

impl MetricsWriter {
    /// Creates a writer that expects about `capacity` bytes.
    #[must_use]
    pub fn new(format: Exposition, capacity: usize) -> MetricsWriter {
        MetricsWriter { format, text: String::with_capacity(capacity) }
    }

    /// Writes a family with the samples that `write` adds. A family without samples is omitted.
    pub fn family(&mut self, family: &Family, write: impl FnOnce(&mut SampleWriter<'_>)) {
        let start = self.text.len();
        let (name, kind) = family.heading(self.format);
        let _ = writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help);
        let heading_end = self.text.len();
        write(&mut SampleWriter { text: &mut self.text, name: family.name });
        if self.text.len() == heading_end {
            self.text.truncate(start);
        }
    }

    /// Ends the text and returns it.
    #[must_use]
    pub fn finish(mut self) -> String {
        if self.format == Exposition::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// Writes the samples of one family.
#[derive(Debug)]
pub struct SampleWriter<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl SampleWriter<'_> {
    /// Writes a sample. `more` is a label whose value needs no escapes.
    pub fn sample(&mut self, labels: &Labels, more: Option<(&str, &str)>, value: SampleValue) {
        let text = &mut *self.text;
        text.push_str(self.name);
        if !labels.0.is_empty() || more.is_some() {
            text.push('{');
            text.push_str(&labels.0);
            if let Some((name, value)) = more {
                if !labels.0.is_empty() {
                    text.push(',');
                }
                text.extend([name, "=\"", value, "\""]);
            }
            text.push('}');
        }
        text.push(' ');
        push_value(text, value);
        text.push('\n');
    }
}

fn push_value(text: &mut String, value: SampleValue) {
    match value {
        SampleValue::Integer(integer) => text.push_str(itoa::Buffer::new().format(integer)),
        SampleValue::Seconds(nanos) => push_seconds(text, nanos),
        SampleValue::Ratio(ratio) => {
            let _ = write!(text, "{ratio}");
        }
    }
}

/// Appends nanoseconds as exact seconds.
fn push_seconds(text: &mut String, nanos: Nanos) {
    if nanos < 0 {
        text.push('-');
    }
    let (nanos, second) = (nanos.unsigned_abs(), SECOND.unsigned_abs());
    text.push_str(itoa::Buffer::new().format(nanos / second));
    let fraction = nanos % second;
    if fraction > 0 {
        text.push('.');
        let mut buffer = itoa::Buffer::new();
        // The leading 1 keeps the zeros after the point.
        let digits = &buffer.format(second + fraction)[1..];
        text.push_str(digits.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILIES: [Family; 3] = [
        Family::gauge("probe_duration_seconds", "How long the check took."),
        Family { name: "sent_total", kind: FamilyKind::Counter, help: "Messages." },
        Family { name: "build_info", kind: FamilyKind::Info, help: "The version." },
    ];

    fn written(format: Exposition) -> String {
        let mut writer = MetricsWriter::new(format, 0);
        let [gauge, counter, info] = &FAMILIES;
        let labels = Labels::new(&[("title", "A \"quoted\\ title\"} 1\nb"), ("node", ""), ("kind", "http")]);
        writer.family(gauge, |samples| {
            samples.sample(&labels, Some(("phase", "tls")), SampleValue::Seconds(31_000_001));
            samples.sample(&Labels::default(), Some(("phase", "x")), SampleValue::Seconds(-1_500_000_000));
        });
        writer.family(counter, |samples| samples.sample(&Labels::default(), None, SampleValue::Integer(7)));
        writer.family(&Family::gauge("empty", "Nothing."), |_| {});
        writer.family(info, |samples| samples.sample(&Labels::default(), None, SampleValue::Ratio(1.0)));
        writer.finish()
    }

    #[test]
    fn both_formats_have_the_same_samples() {
        let lines = [
            "# HELP probe_duration_seconds How long the check took.",
            "# TYPE probe_duration_seconds gauge",
            r#"probe_duration_seconds{title="A \"quoted\\ title\"} 1 b",kind="http",phase="tls"} 0.031000001"#,
            r#"probe_duration_seconds{phase="x"} -1.5"#,
            "# HELP sent_total Messages.",
            "# TYPE sent_total counter",
            "sent_total 7",
            "# HELP build_info The version.",
            "# TYPE build_info gauge",
            "build_info 1",
        ];
        let text = written(Exposition::Text);
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        let open = written(Exposition::OpenMetrics);
        assert!(open.contains("# TYPE sent counter\nsent_total 7\n"), "{open}");
        assert!(open.contains("# TYPE build info\nbuild_info 1\n# EOF\n"), "{open}");
        let samples =
            |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(samples(&open), samples(&text));
    }

    #[test]
    fn seconds_are_exact() {
        for (nanos, seconds) in [
            (0, "0"),
            (1, "0.000000001"),
            (SECOND, "1"),
            (1_795_330_254_340_493_978, "1795330254.340493978"),
            (i64::MAX, "9223372036.854775807"),
            (i64::MIN, "-9223372036.854775808"),
        ] {
            let mut text = String::new();
            push_seconds(&mut text, nanos);
            assert_eq!(text, seconds);
        }
    }
}
