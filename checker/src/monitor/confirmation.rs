//! Fewer false alarms: a status that got worse is believed when it was seen often enough in a row, and then from
//! the first time on. Pure.

use shared::check_file::CheckResult;
use shared::status::Status;

/// What is remembered of an endpoint from check to check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// The status that is believed; unknown if nothing was seen yet.
    pub believed: Status,
    /// The worse results that were seen since, and are not believed yet.
    pub pending: Vec<CheckResult>,
}

impl Memory {
    /// Takes a result in, makes of it what is to be stored, and returns what is to be stored again besides: mostly
    /// nothing.
    ///
    /// A result that is worse than what is believed is stored with the old status and says so, until there are
    /// `needed` of them in a row: then those before are stored again at their own times with what they really
    /// saw; of two results at one moment the worse counts. What is better is believed at once.
    pub fn take(&mut self, result: &mut CheckResult, needed: u32) -> Vec<CheckResult> {
        // Nobody looked: that says nothing about the endpoint, and breaks no row.
        if result.status == Status::Unknown {
            return Vec::new();
        }
        if needed <= 1 || self.believed == Status::Unknown || result.status <= self.believed {
            self.believed = result.status;
            self.pending.clear();
            return Vec::new();
        }
        if self.pending.len() + 1 >= needed as usize {
            self.believed = result.status;
            return std::mem::take(&mut self.pending);
        }
        self.pending.push(result.clone());
        *result = self.not_yet(result, needed);
        Vec::new()
    }

    fn not_yet(&self, result: &CheckResult, needed: u32) -> CheckResult {
        let reason = result.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        let seen = self.pending.len();
        let notice = format!("{} {seen} of {needed} times in a row, not yet confirmed{reason}", result.status);
        CheckResult { status: self.believed, notice, ..result.clone() }
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::confirmation::*;
    use Status::{Degraded, Down, Healthy, Unknown};

    fn seen(timestamp: i64, status: Status) -> CheckResult {
        CheckResult { title: "Shop".to_owned(), timestamp, status, ..CheckResult::default() }
    }

    fn story(needed: u32, statuses: &[Status]) -> Vec<Vec<(i64, Status)>> {
        let mut memory = Memory::default();
        let stored = statuses.iter().zip(1..).map(|(status, at)| {
            let mut result = seen(at, *status);
            let mut stored = memory.take(&mut result, needed);
            stored.push(result);
            stored
        });
        stored.map(|stored| stored.iter().map(|result| (result.timestamp, result.status)).collect()).collect()
    }

    #[test]
    fn a_worse_status_is_believed_when_it_was_seen_often_enough_and_then_from_the_first_time_on() {
        let stored = story(3, &[Healthy, Down, Down, Down, Down]);
        assert_eq!(stored[1..3], [vec![(2, Healthy)], vec![(3, Healthy)]]);
        assert_eq!(stored[3], [(2, Down), (3, Down), (4, Down)]);
        assert_eq!(stored[4], [(5, Down)]);
    }

    #[test]
    fn what_is_better_is_believed_at_once_and_breaks_the_row() {
        let stored = story(2, &[Healthy, Down, Healthy, Down, Down, Healthy]);
        assert_eq!(stored[1..4], [vec![(2, Healthy)], vec![(3, Healthy)], vec![(4, Healthy)]]);
        assert_eq!(stored[4..], [vec![(4, Down), (5, Down)], vec![(6, Healthy)]]);
    }

    #[test]
    fn what_is_still_worse_needs_a_row_of_its_own() {
        let stored = story(2, &[Degraded, Down, Degraded, Down, Down]);
        assert_eq!(
            stored[1..],
            [vec![(2, Degraded)], vec![(3, Degraded)], vec![(4, Degraded)], vec![(4, Down), (5, Down)]]
        );
    }

    #[test]
    fn nobody_having_looked_is_stored_as_such_and_changes_nothing() {
        let stored = story(2, &[Healthy, Down, Unknown, Down]);
        assert_eq!(stored[2..], [vec![(3, Unknown)], vec![(2, Down), (4, Down)]]);
        assert_eq!(story(5, &[Down])[0], [(1, Down)], "the first result is believed");
    }

    #[test]
    fn what_is_not_yet_confirmed_says_so_and_why() {
        let mut memory = Memory { believed: Healthy, pending: Vec::new() };
        let mut result = CheckResult { notice: "refused".to_owned(), ..seen(1, Down) };
        assert_eq!(memory.take(&mut result, 3), []);
        assert_eq!(result.notice, "down 1 of 3 times in a row, not yet confirmed: refused");
    }
}
