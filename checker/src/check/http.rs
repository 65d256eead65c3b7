//! To come.

/// An HTTP check.
#[derive(Debug, Clone)]
pub struct HttpCheck {
    /// The URL as configured.
    pub locator: String,
}
