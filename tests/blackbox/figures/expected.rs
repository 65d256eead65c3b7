//! The text that the page must show for the JSON from `checker status --full`. This module formats it independently of
//! the page, which takes its strings from locale files and computes the figures itself.

use serde_json::Value;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos, duration};

/// Outages that start within this time of each other are merged.
const MERGE_WINDOW: Nanos = 90 * SECOND;

/// The days of the week, starting with the weekday of January 1, 1970.
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// The JSON output of `checker status --full`.
pub(super) struct StatusJson<'a>(pub(super) &'a Value);

/// Returns the number under this key.
pub(super) fn number(json: &Value, name: &str) -> i64 {
    json[name].as_i64().unwrap_or_else(|| panic!("`{name}` is a number: {json:#}"))
}

/// Returns the string under this key, or an empty one if the key is missing.
pub(super) fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

/// Returns the elements of the list under this key.
pub(super) fn list<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().unwrap_or_else(|| panic!("`{name}` is a list: {json:#}"))
}

fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

fn listed(parts: &[String]) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => parts.concat(),
    }
}

fn clock(moment: UnixNanos) -> String {
    format!("{:02}:{:02}", moment.rem_euclid(DAY) / HOUR, moment.rem_euclid(HOUR) / MINUTE)
}

/// `12 min`, `1 h 5 min`: without seconds, except below a minute.
fn length(nanos: Nanos) -> String {
    duration::format_coarse(if nanos >= MINUTE { nanos / MINUTE * MINUTE } else { nanos })
}

/// `12 minutes`, `1 hour 5 minutes`, `2 days 3 hours`.
fn in_full(nanos: Nanos) -> String {
    let (great, small) = match nanos {
        ..MINUTE => return "less than a minute".to_owned(),
        MINUTE..HOUR => return counted((nanos / MINUTE) as usize, "minute"),
        HOUR..DAY => ((nanos / HOUR, "hour"), (nanos % HOUR / MINUTE, "minute")),
        _ => ((nanos / DAY, "day"), (nanos % DAY / HOUR, "hour")),
    };
    let whole = counted(great.0 as usize, great.1);
    if small.0 == 0 { whole } else { format!("{whole} {}", counted(small.0 as usize, small.1)) }
}

fn capital(word: &str) -> String {
    format!("{}{}", word[..1].to_uppercase(), &word[1..])
}

fn ago(nanos: Nanos) -> String {
    match nanos {
        ..MINUTE => "less than a minute ago".to_owned(),
        MINUTE..HOUR => format!("{} min ago", nanos / MINUTE),
        HOUR..DAY => format!("{} h ago", nanos / HOUR),
        _ => format!("{} ago", counted((nanos / DAY) as usize, "day")),
    }
}

/// `76.8% of the error budget is left (99.9% over 30 d)`.
pub(super) fn budget(of: &Value) -> String {
    let budget = &of["budget"];
    let (left, target) = (text(budget, "left_percent"), text(budget, "target"));
    format!("{left} of the error budget is left ({target} over {})", length(number(budget, "window")))
}

/// Appends the durations of other statuses, as in `99.20% up; down for 11 min`.
fn with_lengths(mut line: String, json: &Value) -> String {
    let (degraded, partial) = (number(json, "degraded"), number(json, "partial_outage"));
    for (time, what) in [
        (number(json, "down"), "down"),
        (partial, "partial outage"),
        (degraded - partial, "degraded"),
        (number(json, "unknown"), "not observed"),
    ] {
        if time > 0 {
            line = format!("{line}; {what} for {}", duration::format_coarse(time));
        }
    }
    line
}

impl StatusJson<'_> {
    pub(super) fn now(&self) -> UnixNanos {
        number(self.0, "now")
    }

    fn from(&self) -> UnixNanos {
        number(self.0, "from")
    }

    pub(super) fn endpoints(&self) -> &[Value] {
        list(self.0, "endpoints")
    }

    /// The shortest form of a time: `14:02`, `yesterday at 14:02`, `Friday 14:02`.
    fn moment(&self, moment: UnixNanos) -> String {
        let (today, day) = (self.now().div_euclid(DAY), moment.div_euclid(DAY));
        match today - day {
            0 => clock(moment),
            1 => format!("yesterday at {}", clock(moment)),
            2..7 => format!("{} {}", WEEKDAYS[day.rem_euclid(7) as usize], clock(moment)),
            _ => panic!("these stores have nothing that old"),
        }
    }

    /// The monitored endpoints, and those of them that determine the overall status.
    fn decisive(&self) -> (usize, Vec<&Value>) {
        let status = text(self.0, "status");
        let watched: Vec<&Value> = self.endpoints().iter().filter(|json| json["retired"] == false).collect();
        let count = watched.len();
        (count, watched.into_iter().filter(|json| text(json, "status") == status).collect())
    }

    /// When the overall status began, and whether it began at the same time everywhere.
    fn start(&self) -> (UnixNanos, bool) {
        let (_, of_status) = self.decisive();
        let starts: Vec<UnixNanos> = of_status.iter().map(|json| number(json, "since")).collect();
        let (first, last) =
            (starts.iter().min().expect("there are some"), starts.iter().max().expect("there are some"));
        (*first, last - first <= MERGE_WINDOW)
    }

    pub(super) fn sentence(&self) -> String {
        let status = text(self.0, "status");
        let (watched, of_status) = self.decisive();
        let (first, started_together) = self.start();
        let length = in_full(self.now() - first);
        if let [only] = of_status.as_slice() {
            let has = if only["localized"] == true { "had a partial outage" } else { &format!("been {status}") };
            return format!("{} has {has} for {length}", text(only, "title"));
        }
        let names: Vec<String> = of_status.iter().map(|json| text(json, "title").to_owned()).collect();
        let who = match names.len() {
            all if all == watched => panic!("these stores have healthy endpoints"),
            ..=3 => listed(&names),
            some => format!("{some} of {watched} services"),
        };
        if started_together { format!("{who} have been {status} for {length}") } else { format!("{who} are {status}") }
    }

    /// The remark below the overall status. It counts the endpoints with other statuses.
    pub(super) fn remark(&self) -> String {
        let counts = &self.0["counts"];
        let counted_as = |count: usize, is_first: bool, label: &str| {
            let what = if is_first { counted(count, "service") } else { count.to_string() };
            format!("{what} {} {label}", if count == 1 { "is" } else { "are" })
        };
        let mut remark = String::new();
        for status in ["degraded", "unknown", "healthy"] {
            if status != text(self.0, "status") && number(counts, status) > 0 {
                let part = counted_as(number(counts, status) as usize, remark.is_empty(), status);
                remark = if remark.is_empty() { part } else { format!("{remark}, {part}") };
            }
        }
        let retired = number(counts, "retired") as usize;
        if retired > 0 {
            let part = counted_as(retired, remark.is_empty(), "not monitored");
            remark = if remark.is_empty() { part } else { format!("{remark}; {part}") };
        }
        format!("{remark}.")
    }

    /// When the latest check ran, and since when and from where the overall status has been reported.
    pub(super) fn freshness(&self) -> (String, String) {
        let at = number(self.0, "checked");
        let (_, of_status) = self.decisive();
        let (first, started_together) = self.start();
        let which = if started_together { "" } else { "the first " };
        let locations = match of_status.as_slice() {
            [only] if !list(only, "down_from").is_empty() => {
                let (down, heard) = (list(only, "down_from").len() as i64, number(only, "heard"));
                if down < heard { format!("{down} of {heard}") } else { format!("all {heard}") }
            }
            _ => list(self.0, "nodes").len().to_string(),
        };
        let since = self.moment(first);
        (ago(self.now() - at), format!("{which}since {since}, from {locations} locations"))
    }

    /// The status that is shown next to an endpoint's name.
    pub(super) fn state(&self, json: &Value) -> String {
        let status = text(json, "status");
        let Some(since) = json["since"].as_i64() else {
            let at = number(json, "checked");
            return if json["retired"] == true {
                format!("Not monitored since {}", self.moment(at))
            } else {
                format!("No data for {}", length(self.now() - at))
            };
        };
        let word = if json["localized"] == true { "Partial outage".to_owned() } else { capital(status) };
        if status == "healthy" {
            return word;
        }
        assert!(since > self.from(), "in these stores, every status has changed: {json:#}");
        format!("{word} for {}", length(self.now() - since))
    }

    /// How much of the time an endpoint was observed, if that is not nearly all of it.
    pub(super) fn coverage(json: &Value) -> String {
        let [up, down, unknown] = ["healthy", "down", "unknown"].map(|name| number(json, name));
        let observed = up + number(json, "degraded") + down;
        let is_nearly_all = observed as f64 / (observed + unknown) as f64 >= 0.999;
        if is_nearly_all { String::new() } else { format!("monitored {} of the time", text(json, "coverage")) }
    }

    /// The uptime breakdown of an endpoint, as text.
    pub(super) fn breakdown(json: &Value) -> String {
        let up = number(json, "healthy") + number(json, "degraded");
        let (up, observed) = (duration::format_coarse(up), duration::format_coarse(up + number(json, "down")));
        with_lengths(format!("{} = up for {up} of {observed} observed", text(json, "uptime")), json)
    }

    /// The text of the bar for an hour or a day, without its time.
    pub(super) fn shares(&self, json: &Value, slot: &Value) -> String {
        if slot["uptime"].is_null() {
            return "not observed".to_owned();
        }
        let line = with_lengths(format!("{} up", text(slot, "uptime")), slot);
        let reaches_into = |incident: &&Value| {
            let end = incident["end"].as_i64().unwrap_or(self.now());
            number(incident, "start") < number(slot, "end") && end > number(slot, "start")
        };
        match list(json, "incidents").iter().filter(reaches_into).count() {
            ..2 => line,
            several => format!("{line}; {several} outages"),
        }
    }

    /// The summary of an endpoint's response times.
    pub(super) fn response_times(json: &Value) -> String {
        let times = &json["response_times"];
        let rtt = |name: &str| duration::format_rtt(number(times, name));
        match text(times, "of") {
            "checks" if number(times, "p95_of_attempts") < number(times, "max") => {
                format!("median {} · p95 {} · max {}", rtt("median"), rtt("p95_of_attempts"), rtt("max"))
            }
            "checks" => format!("median {} · max {}", rtt("median"), rtt("max")),
            _ => format!("Typically {}, 95% within {}", rtt("median"), rtt("max")),
        }
    }

    /// The percentiles of response times. The page shows them on request.
    pub(super) fn percentiles(json: &Value) -> String {
        let parts = ["p50", "p90", "p95", "p99"]
            .map(|name| format!("{name} {}", duration::format_rtt(number(&json["response_times"], name))));
        parts.join(" · ")
    }

    /// The timeline, newest first: the time and the text of each event, with its reason.
    pub(super) fn events(&self) -> Vec<(UnixNanos, String)> {
        let mut events = Vec::new();
        for json in self.endpoints() {
            for incident in list(json, "incidents") {
                let status = if incident["localized"] == true { "partial outage" } else { text(incident, "status") };
                let (at, line) = self.event(incident, &format!("{}: {status}", text(json, "title")));
                let reason = incident["reason"].as_str().unwrap_or_else(|| panic!("it has a reason: {incident:#}"));
                events.push((at, format!("{line}{reason}")));
            }
        }
        events.extend(list(self.0, "unobserved").iter().map(|gap| self.event(gap, "All services: not checked")));
        events.sort_by_key(|(at, _)| -at);
        events
    }

    fn event(&self, json: &Value, what: &str) -> (UnixNanos, String) {
        let begun = number(json, "start");
        let start = begun.max(self.from());
        let length = length(number(json, "length") - (start - begun));
        let Some(end) = json["end"].as_i64() else {
            return (start, format!("{}{what}, ongoing ({length} so far)", clock(start)));
        };
        assert_eq!(end - begun, number(json, "length"), "{json}");
        let until = if start.div_euclid(DAY) == end.div_euclid(DAY) { clock(end) } else { self.moment(end) };
        let text = if begun < self.from() {
            format!("{what} until {until}")
        } else {
            format!("{what} for {length}, until {until}")
        };
        (start, format!("{}{text}", clock(start)))
    }

    /// The nodes: each name and description, and whether the node is late.
    pub(super) fn nodes(&self) -> Vec<Value> {
        let observer = |node: &Value| {
            // The page shows the time of the node's latest round, and the JSON has the time when that round was stored.
            // The difference is less than a second, because these rounds start at whole seconds.
            let made = number(node, "newest") / SECOND * SECOND;
            let since = self.now() - made;
            let line = if node["late"] == true {
                format!("no reports since {} ({})", self.moment(made), length(since))
            } else {
                format!("reported {}", ago(since))
            };
            serde_json::json!([node["node"], line, node["late"]])
        };
        list(self.0, "nodes").iter().map(observer).collect()
    }
}
