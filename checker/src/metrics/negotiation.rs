//! Chooses the format of metrics from the `Accept` header of a request.

use super::exposition::Exposition;

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text";
/// The weight of a media range without a `q` parameter, in thousandths.
const WHOLE: u32 = 1_000;

/// Chooses OpenMetrics if the client accepts a version that we write, and does not prefer plain text.
#[must_use]
pub fn negotiate(accept: &str) -> Exposition {
    let (mut open, mut text) = (0, 0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut weight, mut has_known_version) = (WHOLE, true);
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => weight = parse_weight(value),
                "version" => has_known_version = matches!(value, "1.0.0" | "1.0" | "0.0.1" | "0.0.4"),
                _ => {}
            }
        }
        if !has_known_version {
            continue;
        }
        match media_type.as_str() {
            OPEN_METRICS => open = open.max(weight),
            "text/plain" | "text/*" => text = text.max(weight),
            _ => {}
        }
    }
    if open > 0 && open >= text { Exposition::OpenMetrics } else { Exposition::Text }
}

/// Parses a weight such as `0.75`, in thousandths. An invalid weight counts as 0.
fn parse_weight(text: &str) -> u32 {
    let weight = text.parse::<f64>().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or(0.0);
    (weight * f64::from(WHOLE)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_header_selects_the_format() {
        use Exposition::{OpenMetrics, Text};
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, expected) in [
            (prometheus_2, OpenMetrics),
            (prometheus_3, OpenMetrics),
            ("", Text),
            ("*/*", Text),
            ("text/plain;version=0.0.4;q=0.9, Application/OpenMetrics-Text; q=0.1", Text),
            ("application/openmetrics-text; version=\"1.0.0\"", OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Text),
            ("application/openmetrics-text;q=0", Text),
            ("application/openmetrics-text;q=nan", Text),
            ("text/html,*/*;q=0.8", Text),
            (";;,=,q=1", Text),
        ] {
            assert_eq!(negotiate(accept), expected, "{accept}");
        }
    }
}
