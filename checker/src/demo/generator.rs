//! Computes the results of every round. Pure: each value depends only on the seed, the time at which the demo began, and
//! the round.

use std::f64::consts::TAU;

use shared::check_file::{Attempt, CheckResult, Phases};
use shared::object_name::NodeName;
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use super::services::{BILLING_API, BUILD_RUNNERS, LOCATIONS, MAIL, MOBILE_API, SEARCH, SERVICES, SHOP, WEBSITE};

/// How far back the data begins.
pub const LENGTH: Nanos = 90 * DAY;
/// How long before the beginning of the demo rounds are more frequent, with the interval between rounds from then on.
const INTERVALS: [(Nanos, Nanos); 3] = [(LENGTH, 10 * MINUTE), (26 * HOUR, 5 * MINUTE), (HOUR, MINUTE)];
/// The time between the rounds of two locations.
const LOCATION_OFFSET: Nanos = 13 * SECOND;
/// How long a round takes: from the start of its first check until it is stored.
pub const ROUND_LENGTH: Nanos = 3 * SECOND;
/// The time between the starts of two checks of a round.
const CHECK_SPACING: Nanos = 300_000_000;
/// The response time above which a service is degraded.
const THRESHOLD: Nanos = 800_000_000;
/// The number of short outages at times that depend on the seed.
const RANDOM_EVENTS: u64 = 9;

const ALL: &[usize] = &[0, 1, 2];
const UNAVAILABLE: &str = "503 Service Unavailable, expected 2xx";
const REFUSED: &str = "connection refused";
const TIMED_OUT: &str = "no answer within 10s";
const TOO_SLOW: &str = "median round trip time exceeded threshold (800ms)";

/// A period in which a service has a problem, before the beginning of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) service: usize,
    /// The indexes of the locations that see the problem.
    pub(super) locations: &'static [usize],
    /// The time from the start of the problem to the beginning of the demo.
    pub(super) ago: Nanos,
    /// `None` if the problem lasts until the end of the demo.
    pub(super) length: Option<Nanos>,
    /// The reason. A service that is too slow is degraded; with any other reason, it is down.
    pub(super) reason: &'static str,
}

const fn event(
    service: usize,
    locations: &'static [usize],
    ago: Nanos,
    length: Option<Nanos>,
    reason: &'static str,
) -> Event {
    Event { service, locations, ago, length, reason }
}

/// The outage about which there is an open incident.
pub(super) const CURRENT_OUTAGE: Event = event(SHOP, ALL, 12 * MINUTE, None, UNAVAILABLE);
/// The outage about which there is a postmortem.
pub(super) const PAST_OUTAGE: Event = event(WEBSITE, ALL, 11 * DAY, Some(40 * MINUTE), REFUSED);
/// The outage during a maintenance window.
pub(super) const PLANNED_OUTAGE: Event = event(MAIL, ALL, 33 * DAY, Some(100 * MINUTE), REFUSED);

const EVENTS: [Event; 9] = [
    CURRENT_OUTAGE,
    event(MOBILE_API, &[2], 32 * MINUTE, None, TIMED_OUT),
    event(BILLING_API, ALL, 52 * MINUTE, None, TOO_SLOW),
    PAST_OUTAGE,
    PLANNED_OUTAGE,
    event(SHOP, ALL, 25 * DAY, Some(70 * MINUTE), UNAVAILABLE),
    event(SEARCH, ALL, 23 * DAY, Some(3 * HOUR), TOO_SLOW),
    event(MOBILE_API, ALL, 57 * DAY, Some(20 * MINUTE), TIMED_OUT),
    event(BUILD_RUNNERS, ALL, 70 * DAY, Some(6 * HOUR), REFUSED),
];

/// The generator of a demo.
#[derive(Debug, Clone)]
pub struct Generator {
    seed: u64,
    /// The time at which the demo began.
    pub(super) begun: UnixNanos,
    events: Vec<Event>,
}

impl Generator {
    /// Creates the generator of a demo that begins at `now`.
    #[must_use]
    pub fn new(seed: u64, now: UnixNanos) -> Generator {
        let mut generator = Generator { seed, begun: now, events: EVENTS.to_vec() };
        let random = (0..RANDOM_EVENTS).map(|number| generator.random_event(number));
        let random: Vec<Event> = random.collect();
        generator.events.extend(random);
        generator
    }

    /// Returns a short outage of any service, more than two days before the beginning.
    fn random_event(&self, number: u64) -> Event {
        let pick = |what: u64, count: u64| self.hash(&[1, number, what]) % count;
        let steps = i64::try_from(pick(1, 86 * 144)).unwrap_or_default();
        let (locations, reason) = match pick(2, 4) {
            0 => (&[1][..], TIMED_OUT),
            1 => (ALL, TOO_SLOW),
            2 => (ALL, UNAVAILABLE),
            _ => (ALL, REFUSED),
        };
        Event {
            service: usize::try_from(pick(3, SERVICES.len() as u64)).unwrap_or_default(),
            locations,
            ago: 2 * DAY + HOUR + steps * 10 * MINUTE,
            length: Some((1 + i64::try_from(pick(4, 4)).unwrap_or_default()) * 10 * MINUTE),
            reason,
        }
    }

    /// Returns the starts of a location's rounds before the beginning of the demo, each with the time until the next
    /// round, oldest first.
    pub fn past_rounds(&self, location: usize) -> impl Iterator<Item = (UnixNanos, Nanos)> + '_ {
        let offset = i64::try_from(location).unwrap_or_default() * LOCATION_OFFSET;
        let ends = INTERVALS.iter().skip(1).map(|(ago, _)| *ago).chain([0]);
        INTERVALS.iter().zip(ends).flat_map(move |((ago, interval), end)| {
            let count = (ago - end) / interval;
            // The last round is complete before the demo begins.
            (0..count).map(move |number| (self.begun - ago + number * interval + offset, *interval))
        })
    }

    /// Returns the results of a location's round that starts at `at`.
    #[must_use]
    pub fn round(&self, location: usize, at: UnixNanos, interval: Nanos) -> Vec<CheckResult> {
        let node = LOCATIONS.get(location).and_then(|(name, _)| NodeName::new(name).ok());
        let starts = (0..).map(|index| at + index * CHECK_SPACING);
        let results = SERVICES.iter().enumerate().zip(starts).map(|((index, service), timestamp)| {
            let event = self.event_at(index, location, timestamp);
            let rtt = self.round_trip_time(index, location, timestamp, event);
            let error = event.filter(|event| event.reason != TOO_SLOW).map(|event| event.reason.to_owned());
            let status = match (&event, &error) {
                (None, _) => Status::Healthy,
                (Some(_), None) => Status::Degraded,
                (Some(_), Some(_)) => Status::Down,
            };
            let is_http = service.kind == "http";
            let code = match event.map(|event| event.reason) {
                None | Some(TOO_SLOW) => Some(200),
                Some(UNAVAILABLE) => Some(503),
                Some(_) => None,
            };
            CheckResult {
                title: service.title.to_owned(),
                locator: service.locator.to_owned(),
                timestamp,
                attempts: vec![Attempt { rtt, error, phases: if is_http { phases(rtt) } else { Phases::default() } }],
                threshold: THRESHOLD,
                status,
                notice: if status == Status::Degraded { TOO_SLOW.to_owned() } else { String::new() },
                node: node.clone(),
                kind: Some(service.kind.to_owned()),
                interval: Some(interval),
                code: code.filter(|_| is_http),
                certificate_expiry: is_http.then(|| certificate_expiry(self.begun, index)),
                ..CheckResult::default()
            }
        });
        results.collect()
    }

    fn event_at(&self, service: usize, location: usize, at: UnixNanos) -> Option<&Event> {
        self.events.iter().find(|event| {
            let start = self.begun - event.ago;
            let is_over = event.length.is_some_and(|length| at >= start + length);
            event.service == service && event.locations.contains(&location) && at >= start && !is_over
        })
    }

    /// Returns a response time, which is longest in the evening, and several times as long in one of fifty checks.
    fn round_trip_time(&self, service: usize, location: usize, at: UnixNanos, event: Option<&Event>) -> Nanos {
        let random = self.hash(&[2, service as u64, location as u64, at.unsigned_abs()]);
        let distance = LOCATIONS.get(location).map_or(100, |(_, percent)| *percent);
        let typical = SERVICES.get(service).map_or(0, |service| service.typical_millis);
        let time_of_day = at.rem_euclid(DAY) as f64 / DAY as f64;
        let by_time = 1.0 + 0.2 * (TAU * (time_of_day - 0.55)).sin();
        let jitter = 0.9 + f64::from((random & 0xff) as u32) / 850.0;
        let is_outlier = (random >> 8).is_multiple_of(50);
        let factor = match event.map(|event| event.reason) {
            Some(TOO_SLOW) => 1_350.0 / f64::from(typical * distance / 100),
            Some(REFUSED) => 0.3,
            Some(TIMED_OUT) => return 10 * SECOND,
            _ if is_outlier => 2.2,
            _ => 1.0,
        };
        let millis = f64::from(typical) * f64::from(distance) / 100.0 * by_time * jitter * factor;
        (millis * 1e6) as Nanos
    }

    /// Returns pseudorandom bits that depend on the seed and these values.
    fn hash(&self, values: &[u64]) -> u64 {
        values.iter().fold(mix(self.seed), |hash, value| mix(hash ^ value))
    }
}

/// Mixes the bits of a number, as in the generator `SplitMix64`.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Divides a response time into phases.
fn phases(rtt: Nanos) -> Phases {
    let part = |percent: Nanos| Some(rtt / 100 * percent);
    Phases { dns: part(6), connect: part(18), tls: part(30), ttfb: part(42) }
}

fn certificate_expiry(begun: UnixNanos, service: usize) -> UnixNanos {
    begun + (19 + 11 * i64::try_from(service).unwrap_or_default()) * DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time 13:02 UTC on 2026-11-29.
    const NOW: UnixNanos = 1_795_957_320_000_000_000;

    fn statuses(generator: &Generator, location: usize, at: UnixNanos) -> Vec<Status> {
        generator.round(location, at, MINUTE).into_iter().map(|result| result.status).collect()
    }

    #[test]
    fn the_same_seed_and_time_give_the_same_rounds() {
        let rounds = |seed| {
            let generator = Generator::new(seed, NOW);
            let starts: Vec<(UnixNanos, Nanos)> = generator.past_rounds(1).step_by(977).collect();
            starts.into_iter().map(|(at, interval)| generator.round(1, at, interval)).collect::<Vec<_>>()
        };
        assert_eq!(rounds(1), rounds(1));
        assert_ne!(rounds(1), rounds(2));
        let events: Vec<Event> = Generator::new(1, NOW).events;
        assert_eq!(Generator::new(1, NOW + DAY).events, events, "they do not depend on the time");
        assert!(events.iter().all(|event| event.ago < LENGTH), "{events:?}");
    }

    #[test]
    fn an_outage_a_partial_outage_and_a_slow_service_are_in_progress() {
        use Status::{Degraded, Down, Healthy};
        let generator = Generator::new(1, NOW);
        for at in [NOW - MINUTE, NOW + 5 * HOUR] {
            let of_locations = [0, 1, 2].map(|location| statuses(&generator, location, at));
            let current = |service: usize| of_locations.each_ref().map(|statuses| statuses[service]);
            assert_eq!(current(SHOP), [Down; 3]);
            assert_eq!(current(MOBILE_API), [Healthy, Healthy, Down]);
            assert_eq!(current(BILLING_API), [Degraded; 3]);
            for service in [WEBSITE, SEARCH, 5, BUILD_RUNNERS, MAIL] {
                assert_eq!(current(service), [Healthy; 3], "{service}");
            }
        }
        let before = statuses(&generator, 0, NOW - 13 * MINUTE);
        assert_eq!(before[SHOP], Healthy);
        let slow = &generator.round(0, NOW, MINUTE)[BILLING_API];
        assert!(slow.attempts[0].rtt > THRESHOLD && slow.reason() == Some(TOO_SLOW), "{slow:?}");
    }

    #[test]
    fn past_rounds_are_in_order_and_follow_each_other_in_time() {
        let generator = Generator::new(1, NOW);
        for location in 0..LOCATIONS.len() {
            let rounds: Vec<(UnixNanos, Nanos)> = generator.past_rounds(location).collect();
            assert!(rounds.is_sorted());
            assert!(rounds.windows(2).all(|pair| pair[1].0 - pair[0].0 <= pair[0].1), "no result expires");
            let (first, last) = (rounds[0].0, rounds[rounds.len() - 1].0);
            assert!(first - (NOW - LENGTH) < MINUTE, "{first}");
            assert!(last + ROUND_LENGTH < NOW && NOW - last < 2 * MINUTE, "{last}");
        }
    }
}
