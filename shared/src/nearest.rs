//! The nearest known word to a mistyped one, for messages that say what was probably meant.

/// The candidate that is nearest to `typed`, if one is near enough to be a slip of the fingers.
#[must_use]
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    // A third of the letters may differ, and two neighbors may have changed places: `titel` finds `title`,
    // `port` does not.
    let letters = typed.chars().count();
    let allowed = (letters / 3).max(if letters > 3 { 2 } else { 1 });
    candidates
        .into_iter()
        .map(|candidate| (distance(&typed, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters (one row of the dynamic programme is kept).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, to) in right.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = substituted.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_finds_the_word() {
        assert_eq!(nearest("threshhold_rtt", ["attempts", "threshold_rtt"]), Some("threshold_rtt"));
        assert_eq!(nearest("URL", ["url", "title"]), Some("url"));
    }

    #[test]
    fn a_word_like_none_finds_nothing() {
        assert_eq!(nearest("port", ["title", "storage"]), None);
    }

    #[test]
    fn distance_counts_insertions_deletions_and_substitutions() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
