//! Progress reports and questions for the operator while a plan is applied.

/// Receives progress reports, and asks for confirmation before keys are deleted.
pub trait Progress {
    fn step_started(&mut self, number: usize, of: usize, what: &str);
    /// Reports that a step is complete. `note` can be empty.
    fn step_done(&mut self, note: &str);
    /// Reports that part of a long step is complete: `done` of `of` items, if the total is known.
    fn items_done(&mut self, done: usize, of: Option<usize>);
    /// Asks whether an old key can be deleted now. The new key is in its file, but the operator may need to install
    /// that file first.
    fn confirm_key_deletion(&mut self, key_id: &str, user: &str) -> bool;
}
