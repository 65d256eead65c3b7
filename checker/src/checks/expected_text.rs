//! Strings that a response body or command output must or must not contain.

use memchr::memmem;

use super::Failure;

/// Searches data for both strings. `subject` names the data, and `truncation` is a clause about which part was read,
/// if not all of it.
pub(super) fn expect_texts(
    subject: &str,
    (data, truncation): (&[u8], Option<&str>),
    must_contain: Option<&str>,
    must_not_contain: Option<&str>,
) -> Result<(), Failure> {
    let contains = |text: &str| memmem::find(data, text.as_bytes()).is_some();
    match (must_contain, must_not_contain, truncation) {
        (Some(text), _, Some(truncation)) if !contains(text) => {
            Err(format!("{subject} does not contain `{text}`; {truncation}"))
        }
        (Some(text), _, None) if !contains(text) => Err(format!("{subject} does not contain `{text}`")),
        (_, Some(text), _) if contains(text) => Err(format!("{subject} contains `{text}`")),
        (_, Some(text), Some(truncation)) => Err(format!("{truncation}, which does not rule out `{text}`")),
        _ => Ok(()),
    }
}
