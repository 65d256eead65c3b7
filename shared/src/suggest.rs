//! Suggests the known name that a user probably meant.

/// Returns the candidate that is most similar to `typed`, if it is similar enough for a typo.
///
/// Case is ignored. A third of the characters may differ, or two in any name of more than three characters: `titel`
/// suggests `title`, and `port` does not suggest `storage`.
#[must_use]
pub fn suggest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    let length = typed.chars().count();
    // Two swapped letters count as two edits.
    let allowed = (length / 3).max(if length > 3 { 2 } else { 1 });
    candidates
        .into_iter()
        .map(|candidate| (strsim::levenshtein(&typed, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_suggests_the_name() {
        assert_eq!(suggest("threshhold_rtt", ["attempts", "threshold_rtt"]), Some("threshold_rtt"));
        assert_eq!(suggest("URL", ["url", "title"]), Some("url"));
        assert_eq!(suggest("titel", ["url", "title"]), Some("title"));
    }

    #[test]
    fn an_unrelated_name_suggests_nothing() {
        assert_eq!(suggest("port", ["title", "storage"]), None);
    }
}
