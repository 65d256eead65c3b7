//! One endpoint: its status now and since when, its uptime with its coverage, its strip and its chart. Pure.

use std::sync::Arc;

use shared::looks::Looks;
use shared::object_name::NodeName;
use shared::standing::{self, Word};
use shared::status::Status;
use shared::uptime::{self, Reckoning, Span};
use shared::verdict::{self, Present};
use shared::{Nanos, UnixNanos};

use super::chart::{self, ChartView};
use super::detail::LevelView;
use super::groups;
use super::period::{Period, Slot};
use super::strip::{self, BarView};
use super::words;
use crate::calendar::Calendar;
use crate::language::{Language, texts};
use crate::record::{EndpointRecord, Look};

/// What stands on the page about one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointView {
    /// Its number, the same as long as the page is open.
    pub id: usize,
    /// Its title as written.
    pub title: String,
    /// Its locator as written; empty if it is hidden.
    pub locator: String,
    /// The titles of the groups that it is in.
    pub group: String,
    /// What the page calls its status, and whether only some see it.
    pub word: String,
    /// What it is called in a sentence.
    pub name: String,
    /// Its status now.
    pub status: Status,
    /// The status in words with its beginning: `Down since 14:02 (12 min)`.
    pub state: String,
    /// Whether only some of the places see it down.
    pub is_localized: bool,
    /// Whether nobody looks at it any more, and nobody means to.
    pub is_retired: bool,
    /// What is wrong, in words; `None` if nothing is.
    pub reason: Option<String>,
    /// The uptime: `99.97%`, or a dash if nobody observed.
    pub uptime: String,
    /// How much was observed: `of 98.20% observed`.
    pub coverage: String,
    /// The same without words, where a heading says what it is: `98.20%`.
    pub observed: String,
    /// How the uptime was reckoned.
    pub reckoning: String,
    /// What the strip shows, in words.
    pub strip_label: String,
    /// The bars, oldest first.
    pub strip: Vec<Arc<BarView>>,
    /// What a reader has opened of it: days, hours and checks.
    pub levels: Vec<LevelView>,
    /// The response times.
    pub chart: ChartView,
}

/// An endpoint whose time has been reckoned.
pub struct Reckoned<'a> {
    /// Its number.
    pub id: usize,
    /// What is known of it.
    pub endpoint: &'a EndpointRecord,
    /// The spans as all nodes together saw them.
    pub spans: Vec<Span>,
    /// Its status now.
    pub status: Status,
    /// What the nodes say now, each by its place in `nodes`.
    pub present: Present,
    /// Its newest look that is not in the future.
    pub latest: &'a Look,
    /// What each node that looks at it said last.
    nodes: Vec<Word<'a>>,
    /// Whether those who watched it report, but no longer about it.
    pub retired: bool,
    /// Whether its error texts are kept from readers.
    pub hides_errors: bool,
    /// Whether its locator is.
    pub hides_locator: bool,
}

impl<'a> Reckoned<'a> {
    /// Reckons an endpoint; `None` if nothing is known about it up to now.
    #[must_use]
    pub fn new(id: usize, endpoint: &'a EndpointRecord, now: UnixNanos, interval: Nanos) -> Option<Reckoned<'a>> {
        let mut spans_of_nodes = Vec::with_capacity(endpoint.nodes.len());
        let mut nodes = Vec::with_capacity(endpoint.nodes.len());
        let mut latest: Option<&Look> = None;
        for of_node in &endpoint.nodes {
            let Some(newest) = of_node.newest(now) else { continue };
            let spans = of_node.spans(now, interval);
            nodes.push(Word::of(of_node.node.as_ref(), &spans, endpoint.nodes.len(), newest.at, now));
            spans_of_nodes.push(spans);
            latest = latest.into_iter().chain([newest]).max_by_key(|look| look.at);
        }
        let spans = verdict::combine(&spans_of_nodes, endpoint.verdict);
        let says: Vec<&[Span]> = spans_of_nodes.iter().map(Vec::as_slice).collect();
        let present = Present::of(&says, endpoint.verdict, now);
        let status = present.status;
        Some(Reckoned {
            id,
            endpoint,
            spans,
            status,
            present,
            latest: latest?,
            nodes,
            retired: false,
            hides_errors: false,
            hides_locator: false,
        })
    }

    /// Whether there is anything to show of it in the period.
    #[must_use]
    pub fn is_within(&self, period: &Period) -> bool {
        self.latest.at >= period.from || self.spans.last().is_some_and(|span| span.end > period.from)
    }

    /// Its name in a sentence.
    #[must_use]
    pub fn name(&self, language: &Language) -> String {
        language.name(words::name(&self.endpoint.key.title, self.locator(), language))
    }

    /// Its locator, unless it is kept from readers.
    #[must_use]
    pub fn locator(&self) -> &'a str {
        if self.hides_locator { "" } else { &self.endpoint.key.locator }
    }

    /// From how many of how many places that say something it is down; `None` if only one looks.
    #[must_use]
    pub fn places_down(&self) -> Option<(usize, usize)> {
        (self.endpoint.nodes.len() > 1 && !self.present.down.is_empty())
            .then_some((self.present.down.len(), self.present.heard))
    }

    /// When what is the case now began; `None` if nobody knows what is.
    #[must_use]
    pub fn since(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.present_span(now).map(|span| span.start)
    }

    /// The span of what is the case now.
    fn present_span(&self, now: UnixNanos) -> Option<Span> {
        uptime::present_span(&self.spans, self.status, now)
    }

    /// When a node last said something of it.
    #[must_use]
    pub fn newest_of(&self, node: Option<&NodeName>) -> Option<UnixNanos> {
        self.nodes.iter().find(|word| word.node == node).map(|word| word.newest)
    }

    /// The order on the page: what needs attention first, what nobody looks at any more last.
    #[must_use]
    pub fn urgency(&self) -> i64 {
        match self.status {
            Status::Down => 0,
            Status::Degraded => 1,
            Status::Unknown if !self.retired => 2,
            Status::Healthy => 3,
            Status::Unknown => 4,
        }
    }

    /// Whether this node's word on it stands now, also if its clock is a little behind.
    #[must_use]
    pub fn is_watched_by(&self, node: Option<&NodeName>) -> bool {
        self.nodes.iter().any(|word| word.is_in_time && word.node == node)
    }

    /// The time of a period, divided; nothing behind now counts.
    #[must_use]
    pub fn reckoning(&self, from: UnixNanos, to: UnixNanos, now: UnixNanos) -> Reckoning {
        Reckoning::of(&self.spans, from, to.min(now))
    }

    /// The looks of all nodes from `from` to before `to`.
    pub fn looks(&self, from: UnixNanos, to: UnixNanos) -> impl Iterator<Item = &'a Look> {
        self.endpoint.nodes.iter().flat_map(move |node| node.looks(from, to))
    }

    /// The newest reason that was given for this status from `from` to before `to`.
    #[must_use]
    pub fn reason(&self, status: Status, from: UnixNanos, to: UnixNanos) -> Option<Arc<str>> {
        let with_reason = |look: &&Look| look.reason.is_some() && !self.hides_errors;
        // Where nodes disagree, the verdict may be a status that no node gave: then any reason explains it.
        let of_status = self.looks(from, to).filter(with_reason).filter(|look| look.status == status);
        let newest = of_status.max_by_key(|look| look.at);
        newest.or_else(|| self.looks(from, to).filter(with_reason).max_by_key(|look| look.at))?.reason.clone()
    }
}

/// Where some nodes cannot reach it and others can: `unreachable from eu-west, reachable from 2 others`.
fn localized(reckoned: &Reckoned<'_>, language: &Language) -> Option<String> {
    let present = &reckoned.present;
    if !present.is_localized() {
        return None;
    }
    let names: Vec<&str> = present
        .down
        .iter()
        .filter_map(|place| reckoned.nodes.get(*place))
        .map(|word| word.node.map_or(language.line(texts::CHECKER_WITHOUT_NAME), NodeName::as_str))
        .collect();
    let others = present.heard.saturating_sub(present.down.len());
    Some(language.counted(texts::UNREACHABLE_FROM, others, &[&language.listed(&names)]))
}

/// Marks the endpoints that nobody looks at any more although those who did still report about others.
pub fn mark_retired(all: &mut [Reckoned<'_>]) {
    let mark = |reckoned: &mut Reckoned<'_>| reckoned.retired = reckoned.status == Status::Unknown;
    standing::mark_retired(all, |reckoned| &reckoned.nodes, mark);
}

/// What stands on the page about an endpoint; `marks` are the moments of messages.
#[must_use]
pub fn endpoint(
    reckoned: &Reckoned<'_>,
    period: &Period,
    opened: Option<Slot>,
    calendar: Calendar<'_>,
    marks: &[UnixNanos],
    looks: &Looks,
) -> EndpointView {
    EndpointView {
        strip: strip::strip(reckoned, period, opened, calendar),
        chart: chart::chart(reckoned, period, calendar, marks),
        ..head(reckoned, period, calendar, looks)
    }
}

/// The same without its bars and its chart, which take a hundred times as long.
#[must_use]
pub fn head(reckoned: &Reckoned<'_>, period: &Period, calendar: Calendar<'_>, looks: &Looks) -> EndpointView {
    let now = calendar.now;
    let whole = reckoned.reckoning(period.from, now, now);
    let span = reckoned.present_span(now);
    let language = calendar.language;
    let localized = localized(reckoned, language);
    let name = reckoned.name(language);
    let reason = match span {
        Some(span) if span.status != Status::Healthy => {
            reckoned.reason(span.status, span.start, now + 1).map(|reason| reason.trim().to_owned())
        }
        _ => None,
    };
    let reason = match (&localized, reason) {
        (Some(who), Some(reason)) => Some(language.say(texts::COLON, &[who, &reason])),
        (Some(who), None) => Some(who.clone()),
        (None, reason) => reason,
    };
    let uptime = whole.uptime().map_or_else(|| "–".to_owned(), |share| language.percent(&share.percent()));
    let observed = whole.coverage().map_or_else(|| "–".to_owned(), |share| language.percent(&share.percent()));
    let coverage = match whole.observed() {
        0 => language.say(texts::NOT_OBSERVED, &[]),
        _ => language.say(texts::OF_OBSERVED, &[&observed]),
    };
    let mut word = words::called(looks, reckoned.status, language).to_owned();
    if localized.is_some() {
        word.push(' ');
        word.push_str(language.line(texts::LOCALIZED));
    }
    EndpointView {
        id: reckoned.id,
        title: reckoned.endpoint.key.title.clone(),
        locator: reckoned.locator().to_owned(),
        group: groups::titles(&looks.groups, &reckoned.endpoint.key.title).join(" · "),
        word,
        status: reckoned.status,
        state: state(reckoned, span, period, calendar, looks),
        is_localized: localized.is_some(),
        reason,
        reckoning: reckoning_in_words(&whole, &uptime, language),
        uptime,
        coverage,
        observed,
        strip_label: language.say(texts::UPTIME_OF, &[&name, &period.in_words(calendar)]),
        strip: Vec::new(),
        levels: Vec::new(),
        chart: ChartView::default(),
        is_retired: reckoned.retired,
        name: words::name(&reckoned.endpoint.key.title, reckoned.locator(), language),
    }
}

fn state(
    reckoned: &Reckoned<'_>,
    span: Option<Span>,
    period: &Period,
    calendar: Calendar<'_>,
    looks: &Looks,
) -> String {
    let language = calendar.language;
    let capital = |status| words::capital(words::called(looks, status, language));
    let Some(span) = span else {
        let last = reckoned.latest.at;
        let (moment, length) = (calendar.moment(last), words::length(calendar.now - last, language));
        let text = match reckoned.latest.status {
            _ if reckoned.retired => return language.say(texts::RETIRED_SINCE, &[&moment, &length]),
            Status::Unknown => texts::SAYS_NOTHING,
            _ => texts::NOT_CHECKED_SINCE,
        };
        return language.say(text, &[&capital(Status::Unknown), &moment, &length]);
    };
    let word = if reckoned.present.is_localized() {
        words::capital(language.line(texts::LOCALIZED))
    } else {
        capital(span.status)
    };
    if span.status == Status::Healthy {
        return word;
    }
    // What began before the period began at an unknown time.
    if span.start <= period.from {
        let length = period.length_in_words(calendar);
        return language.say(texts::STATE_BEFORE, &[&word, &length, &calendar.moment(period.from)]);
    }
    let length = words::length(calendar.now - span.start, language);
    language.say(texts::STATE_SINCE, &[&word, &calendar.moment(span.start), &length])
}

/// `99.97% = up for 23 h 59 min of 24 h observed; down for 26 s; not observed for 12 min`.
fn reckoning_in_words(whole: &Reckoning, uptime: &str, language: &Language) -> String {
    if whole.observed() == 0 {
        return language.say(texts::NOBODY_LOOKED, &[]);
    }
    let length = |length| words::exact_length(length, language);
    let text = language.say(texts::UP_FOR, &[uptime, &length(whole.up()), &length(whole.observed())]);
    words::with_lengths(text, whole, language)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::calendar::tests::{NOW, utc};
    use crate::record::Record;
    use shared::object_name::CheckFileName;
    use shared::result::{Attempt, CheckFile, CheckResult};
    use shared::{DAY, HOUR, MINUTE};

    /// A record in which titles were checked with these statuses, each so many minutes ago.
    pub(crate) fn record(looks: &[(&str, &str, i64, Status)]) -> Record {
        let mut record = Record::default();
        for (title, node, minutes_ago, status) in looks {
            let at = NOW - minutes_ago * MINUTE;
            let node = (!node.is_empty()).then(|| NodeName::new(node).expect("a name"));
            let error = (*status == Status::Down).then(|| "connection refused".to_owned());
            let result = CheckResult {
                title: (*title).to_owned(),
                locator: format!("https://{title}"),
                timestamp: at,
                attempts: vec![Attempt { rtt: 95_000_000, error, ..Attempt::default() }],
                status: *status,
                node: node.clone(),
                interval: Some(MINUTE),
                ..CheckResult::default()
            };
            // A nanosecond a title keeps files of one minute apart.
            let name = CheckFileName { stored_at: at + title.bytes().map(i64::from).sum::<i64>(), node };
            record.add(&name, CheckFile { results: vec![result], skipped: Vec::new() });
        }
        record.put_in_order();
        record
    }

    pub(crate) fn reckon(record: &Record) -> Vec<Reckoned<'_>> {
        let endpoints = record.endpoints.iter().enumerate();
        let mut all: Vec<Reckoned<'_>> =
            endpoints.filter_map(|(id, endpoint)| Reckoned::new(id, endpoint, NOW, 10 * MINUTE)).collect();
        mark_retired(&mut all);
        all
    }

    pub(crate) fn period() -> Period {
        Period::new(DAY, 90, utc())
    }

    fn view(looks: &[(&str, &str, i64, Status)]) -> EndpointView {
        let record = record(looks);
        endpoint(&reckon(&record)[0], &period(), None, utc(), &[], &Looks::default())
    }

    #[test]
    fn what_is_down_says_since_when_and_why() {
        let view = view(&[
            ("A", "", 3, Status::Healthy),
            ("A", "", 2, Status::Down),
            ("A", "", 1, Status::Down),
            ("A", "", 0, Status::Down),
        ]);
        assert_eq!((view.status, view.state.as_str()), (Status::Down, "Down since 13:00 (2 min)"));
        assert_eq!(view.reason.as_deref(), Some("connection refused"));
        assert_eq!(view.uptime, "33.33%");
        assert!(
            view.reckoning
                .starts_with("33.33% = up for 1 min of 3 min observed; down for 2 min; not observed for 24 h")
                || view.reckoning.contains("not observed for 23 h 59 min")
                || view.reckoning.contains("1 d"),
            "{}",
            view.reckoning
        );
    }

    #[test]
    fn nodes_that_are_not_in_step_do_not_change_what_is_said() {
        // A minute and a half after their last results nothing of the first two stands, and the third's a second more.
        let mut looks = Vec::new();
        for ago in 2..9 {
            looks.extend([("A", "n1", ago, Status::Down), ("A", "n2", ago, Status::Down)]);
        }
        looks.push(("A", "n3", 1, Status::Healthy));
        let record = record(&looks);
        let all = reckon(&record);
        let view = endpoint(&all[0], &period(), None, utc(), &[], &Looks::default());
        assert_eq!((view.status, view.state.as_str()), (Status::Down, "Down since 12:54 (8 min)"));
        assert!(all[0].spans.last().is_some_and(|last| last.status == Status::Healthy), "{:?}", all[0].spans);
    }

    #[test]
    fn a_node_that_stops_reporting_turns_unknown() {
        let view = view(&[("A", "", 46, Status::Healthy), ("A", "", 45, Status::Healthy)]);
        assert_eq!((view.status, view.state.as_str()), (Status::Unknown, "Unknown: not checked since 12:17 (45 min)"));
        assert_eq!(view.uptime, "100%");
        assert!(view.coverage.starts_with("of 0.1"), "{}", view.coverage);
    }

    #[test]
    fn what_began_before_the_period_does_not_claim_a_beginning() {
        let looks: Vec<_> = (0..=1_600).map(|minute| ("A", "", minute, Status::Down)).collect();
        assert_eq!(view(&looks).state, "Down for more than 24 hours (since before yesterday 13:00)");
        assert_eq!((view(&looks).uptime.as_str(), view(&looks).coverage.as_str()), ("0.00%", "of 100% observed"));
    }

    #[test]
    fn an_endpoint_that_was_taken_out_is_retired_and_one_whose_node_died_is_not() {
        let record = record(&[
            ("A", "n1", 30, Status::Healthy),
            ("B", "n1", 0, Status::Healthy),
            ("C", "n2", 30, Status::Healthy),
        ]);
        let all = reckon(&record);
        assert_eq!(
            all.iter().map(|reckoned| (reckoned.status, reckoned.retired)).collect::<Vec<_>>(),
            [(Status::Unknown, true), (Status::Healthy, false), (Status::Unknown, false),]
        );
    }

    #[test]
    fn what_one_of_three_nodes_sees_is_localized_and_told_with_the_nodes_name_and_the_reason() {
        let looks = [
            ("A", "n1", 0, Status::Healthy),
            ("A", "n2", 0, Status::Healthy),
            ("A", "n3", 0, Status::Down),
            ("A", "n1", 1, Status::Healthy),
            ("A", "n2", 1, Status::Healthy),
            ("A", "n3", 1, Status::Down),
        ];
        let view = view(&looks);
        let expected = "unreachable from n3, reachable from 2 others: connection refused";
        assert_eq!((view.status, view.reason.as_deref()), (Status::Degraded, Some(expected)));
        assert!(view.is_localized && view.state.starts_with("Localized since"), "{}", view.state);
    }

    #[test]
    fn results_of_the_future_wait_until_they_are_due() {
        let record = record(&[("A", "", -60, Status::Down), ("A", "", 1, Status::Healthy)]);
        assert_eq!(reckon(&record)[0].status, Status::Healthy);
        let future = self::record(&[("A", "", -60, Status::Down)]);
        assert!(Reckoned::new(0, &future.endpoints[0], NOW, HOUR).is_none());
    }
}
