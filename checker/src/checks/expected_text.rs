//! Checks for strings that a response body or command output must or must not contain.

use memchr::memmem;

use super::Failure;

/// Searches the data for both strings. `subject` names the data in errors. `truncation` is a clause that states which
/// part of the data was read, unless all of it was.
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
