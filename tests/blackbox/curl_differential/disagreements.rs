//! The responses on which curl and the checker disagree, with the reasons. `docs/verdicts.md` contains the same table.

/// A quirk on which curl and the checker disagree.
#[derive(Debug)]
pub(super) struct Disagreement {
    /// The name of the quirk.
    pub(super) quirk: &'static str,
    /// Whether a response with it is healthy for the checker. For curl, the opposite is true.
    pub(super) is_healthy: bool,
    pub(super) reason: &'static str,
}

/// All disagreements, in the order of the documentation.
pub(super) const DISAGREEMENTS: &[Disagreement] = &[];
