//! How many checks may be under way at once. Pure: `now` is a parameter.

use std::collections::BTreeMap;

use shared::{Nanos, SECOND, UnixNanos};

/// How many checks that are young may be under way while all endpoints are looked at for the first time: more would
/// only take memory, since nobody waits for any of them.
const YOUNG_AT_FIRST: usize = 64;
/// The same from then on, when each has a moment of its own.
const YOUNG: usize = 512;
/// How many may be under way, young and old: where half the endpoints never answer, they must not keep the others
/// waiting. Each may need two files.
const ALL: usize = 4_096;
/// A check that has taken this long waits for an endpoint, and costs next to nothing while it does.
const OLD_AFTER: Nanos = SECOND;

/// The places for checks, and which of them are taken by young ones.
#[derive(Debug)]
pub(super) struct Places {
    configured: Option<usize>,
    open_files: Option<u64>,
    /// Whether some endpoint was never begun to be looked at since the start.
    is_first_time: bool,
    taken: usize,
    /// When the young ones began, by their tickets, oldest first.
    young: BTreeMap<u64, UnixNanos>,
    next_ticket: u64,
}

impl Places {
    /// As many places as the configuration says, or as there are files for.
    pub(super) fn new(configured: Option<usize>, open_files: Option<u64>) -> Places {
        Places { configured, open_files, is_first_time: true, taken: 0, young: BTreeMap::new(), next_ticket: 0 }
    }

    /// Another configuration holds; what is under way keeps its place.
    pub(super) fn configure(&mut self, configured: Option<usize>) {
        self.configured = configured;
    }

    /// Whether some endpoint was never begun to be looked at since the start.
    pub(super) fn is_first_time(&self) -> bool {
        self.is_first_time
    }

    /// All endpoints were looked at, or are being.
    pub(super) fn end_first_time(&mut self) {
        self.is_first_time = false;
    }

    fn all(&self) -> usize {
        let files = self.open_files.and_then(|files| usize::try_from(files / 2).ok()).unwrap_or(ALL);
        self.configured.unwrap_or(ALL.min(files)).max(1)
    }

    fn young_at_most(&self) -> usize {
        let usual = if self.is_first_time { YOUNG_AT_FIRST } else { YOUNG };
        self.configured.unwrap_or(usual).min(self.all())
    }

    /// Takes a place for a check that begins now, if there is one; its ticket gives it back.
    pub(super) fn take(&mut self, now: UnixNanos) -> Option<u64> {
        while let Some(oldest) = self.young.first_entry().filter(|oldest| oldest.get() + OLD_AFTER <= now) {
            oldest.remove();
        }
        if self.taken >= self.all() || self.young.len() >= self.young_at_most() {
            return None;
        }
        self.taken += 1;
        self.next_ticket += 1;
        self.young.insert(self.next_ticket, now);
        Some(self.next_ticket)
    }

    /// Gives a place back.
    pub(super) fn give_back(&mut self, ticket: u64) {
        self.taken -= 1;
        self.young.remove(&ticket);
    }

    /// When the oldest young check is old, and makes room for another one.
    pub(super) fn next_room(&self) -> Option<UnixNanos> {
        self.young.first_key_value().map(|(_, began)| began + OLD_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::concurrency::*;

    /// How many checks can begin at a moment.
    fn begin(places: &mut Places, now: UnixNanos) -> Vec<u64> {
        std::iter::from_fn(|| places.take(now)).collect()
    }

    #[test]
    fn checks_that_hang_make_room_for_others_up_to_a_limit() {
        let mut places = Places::new(None, None);
        assert_eq!(begin(&mut places, 0).len(), YOUNG_AT_FIRST);
        assert_eq!((places.take(SECOND - 1), places.next_room()), (None, Some(SECOND)));
        assert_eq!(begin(&mut places, SECOND).len(), YOUNG_AT_FIRST);
        places.end_first_time();
        assert_eq!(begin(&mut places, 2 * SECOND).len(), YOUNG);
        let all: usize = (3..60).map(|second| begin(&mut places, second * SECOND).len()).sum();
        assert_eq!(2 * YOUNG_AT_FIRST + YOUNG + all, ALL);
    }

    #[test]
    fn a_check_that_ends_makes_room_for_one() {
        let mut places = Places::new(None, None);
        let tickets = begin(&mut places, 0);
        places.give_back(tickets[3]);
        assert_eq!(begin(&mut places, 1).len(), 1);
        // One that is old frees nothing that a young one would need.
        begin(&mut places, SECOND);
        places.give_back(tickets[0]);
        assert_eq!(places.take(SECOND), None);
    }

    #[test]
    fn the_configuration_and_the_limit_of_open_files_are_kept() {
        let mut one = Places::new(Some(1), None);
        assert_eq!(begin(&mut one, 0).len(), 1);
        assert_eq!(one.take(60 * SECOND), None, "however old the other is");
        one.configure(Some(3));
        assert_eq!(begin(&mut one, 60 * SECOND).len(), 2);
        let mut few = Places::new(None, Some(40));
        let begun: usize = (0..9).map(|second| begin(&mut few, second * SECOND).len()).sum();
        assert_eq!(begun, 20);
    }
}
