//! The texts that a body or an output must, or must not, contain. Pure.

use memchr::memmem;

use super::Failure;

/// Holds what was read against both texts; `whose` names it, and `cut` says which part that is, if it is not all of it.
pub(super) fn expect_texts(
    whose: &str,
    (read, cut): (&[u8], Option<&str>),
    must_contain: Option<&str>,
    must_not_contain: Option<&str>,
) -> Result<(), Failure> {
    let contains = |text: &str| memmem::find(read, text.as_bytes()).is_some();
    match (must_contain, must_not_contain, cut) {
        (Some(text), _, Some(cut)) if !contains(text) => Err(format!("{whose} does not contain `{text}`; {cut}")),
        (Some(text), _, None) if !contains(text) => Err(format!("{whose} does not contain `{text}`")),
        (_, Some(text), _) if contains(text) => Err(format!("{whose} contains `{text}`")),
        (_, Some(text), Some(cut)) => Err(format!("{cut}, which does not rule out `{text}`")),
        _ => Ok(()),
    }
}
