//! Reduces false alarms: a worse status applies only after it was observed several times in a row, but then it applies
//! from its first observation. This module does no I/O.

use shared::check_file::CheckResult;
use shared::status::Status;

/// The confirmation state that an endpoint keeps between checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfirmationState {
    /// The last confirmed status, which is unknown before the first result.
    pub confirmed_status: Status,
    /// The results that are worse than the confirmed status, but are not confirmed yet.
    pub unconfirmed: Vec<CheckResult>,
}

impl ConfirmationState {
    /// Adjusts a result before it is stored. Returns earlier results that must be stored again, usually none.
    ///
    /// A result with a worse status is stored with the confirmed status and a notice, until there are `required` such
    /// results in a row. Then the earlier results are stored again, with their original times and the status that was
    /// observed. If two results have the same time, the worse one takes precedence. A better status is confirmed
    /// immediately.
    pub fn confirm(&mut self, result: &mut CheckResult, required: u32) -> Vec<CheckResult> {
        // An unknown result reveals nothing about the endpoint, so it does not interrupt a series of worse results.
        if result.status == Status::Unknown {
            return Vec::new();
        }
        if required <= 1 || self.confirmed_status == Status::Unknown || result.status <= self.confirmed_status {
            self.confirmed_status = result.status;
            self.unconfirmed.clear();
            return Vec::new();
        }
        if self.unconfirmed.len() + 1 >= required as usize {
            self.confirmed_status = result.status;
            return std::mem::take(&mut self.unconfirmed);
        }
        self.unconfirmed.push(result.clone());
        *result = self.unconfirmed_result(result, required);
        Vec::new()
    }

    fn unconfirmed_result(&self, result: &CheckResult, required: u32) -> CheckResult {
        let reason = result.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        let count = self.unconfirmed.len();
        let notice = format!("{} {count} of {required} times in a row, not yet confirmed{reason}", result.status);
        CheckResult { status: self.confirmed_status, notice, ..result.clone() }
    }
}

#[cfg(test)]
mod tests {
    use crate::monitor::confirmation::*;
    use Status::{Degraded, Down, Healthy, Unknown};

    fn result(timestamp: i64, status: Status) -> CheckResult {
        CheckResult { title: "Shop".to_owned(), timestamp, status, ..CheckResult::default() }
    }

    fn stored_results(required: u32, statuses: &[Status]) -> Vec<Vec<(i64, Status)>> {
        let mut confirmation = ConfirmationState::default();
        let stored = statuses.iter().zip(1..).map(|(status, at)| {
            let mut result = result(at, *status);
            let mut stored = confirmation.confirm(&mut result, required);
            stored.push(result);
            stored
        });
        stored.map(|stored| stored.iter().map(|result| (result.timestamp, result.status)).collect()).collect()
    }

    #[test]
    fn a_repeated_worse_status_counts_from_its_first_result() {
        let stored = stored_results(3, &[Healthy, Down, Down, Down, Down]);
        assert_eq!(stored[1..3], [vec![(2, Healthy)], vec![(3, Healthy)]]);
        assert_eq!(stored[3], [(2, Down), (3, Down), (4, Down)]);
        assert_eq!(stored[4], [(5, Down)]);
    }

    #[test]
    fn a_better_status_counts_immediately_and_ends_the_series() {
        let stored = stored_results(2, &[Healthy, Down, Healthy, Down, Down, Healthy]);
        assert_eq!(stored[1..4], [vec![(2, Healthy)], vec![(3, Healthy)], vec![(4, Healthy)]]);
        assert_eq!(stored[4..], [vec![(4, Down), (5, Down)], vec![(6, Healthy)]]);
    }

    #[test]
    fn an_even_worse_status_needs_its_own_series() {
        let stored = stored_results(2, &[Degraded, Down, Degraded, Down, Down]);
        assert_eq!(
            stored[1..],
            [vec![(2, Degraded)], vec![(3, Degraded)], vec![(4, Degraded)], vec![(4, Down), (5, Down)]]
        );
    }

    #[test]
    fn an_unknown_result_is_stored_and_changes_nothing() {
        let stored = stored_results(2, &[Healthy, Down, Unknown, Down]);
        assert_eq!(stored[2..], [vec![(3, Unknown)], vec![(2, Down), (4, Down)]]);
        assert_eq!(stored_results(5, &[Down])[0], [(1, Down)], "the first result counts immediately");
    }

    #[test]
    fn an_unconfirmed_result_explains_itself() {
        let mut confirmation = ConfirmationState { confirmed_status: Healthy, unconfirmed: Vec::new() };
        let mut result = CheckResult { notice: "refused".to_owned(), ..result(1, Down) };
        assert_eq!(confirmation.confirm(&mut result, 3), []);
        assert_eq!(result.notice, "down 1 of 3 times in a row, not yet confirmed: refused");
    }
}
