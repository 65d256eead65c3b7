//! What the operator sees of a plan while it is applied.

/// Receives the progress of the steps, and confirms the deletion of keys.
pub trait Progress {
    fn step_started(&mut self, number: usize, of: usize, what: &str);
    /// A step is done. The note may be empty.
    fn step_done(&mut self, note: &str);
    /// A part of a long step is done: `done` items of `of`, if their number is known.
    fn items_done(&mut self, done: usize, of: Option<usize>);
    /// Whether an old key can be deleted now. The new one is in its file, but the operator may need to install the file first.
    fn confirm_key_deletion(&mut self, key_id: &str, user: &str) -> bool;
}
