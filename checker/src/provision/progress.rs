//! What the operator sees while a plan is applied.

/// Receives the progress of the steps, and confirms the deletion of keys.
pub trait Progress {
    fn step_started(&mut self, number: usize, of: usize, what: &str);
    /// A step is complete. The note may be empty.
    fn step_done(&mut self, note: &str);
    /// Part of a long step is complete: `done` items of `of`, if the total is known.
    fn items_done(&mut self, done: usize, of: Option<usize>);
    /// Asks whether an old key can be deleted now. The new key is in its file, but the operator may need to install
    /// that file first.
    fn confirm_key_deletion(&mut self, key_id: &str, user: &str) -> bool;
}
