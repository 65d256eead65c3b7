//! The groups of endpoints on the page, and the patterns that match titles.

/// Endpoints that are shown under one heading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// The heading of the group.
    pub title: String,
    /// The titles of the group's endpoints. A `*` at the end matches any characters.
    pub endpoints: Vec<String>,
    /// Nested groups, which cannot contain further groups.
    pub groups: Vec<Group>,
}

/// Returns the index of the first entry that matches an endpoint's title.
#[must_use]
pub fn position_in(titles: &[String], title: &str) -> Option<usize> {
    titles.iter().position(|wanted| is_match(wanted, title))
}

/// Returns whether an entry matches an endpoint's title. `Shop *` matches every title that starts with `Shop `.
pub(super) fn is_match(wanted: &str, title: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => title.starts_with(beginning),
        None => wanted == title,
    }
}

/// Returns the titles of the groups that contain an endpoint, outermost first.
#[must_use]
pub fn group_titles<'g>(groups: &'g [Group], title: &str) -> Vec<&'g str> {
    for group in groups {
        if position_in(&group.endpoints, title).is_some() {
            return vec![&group.title];
        }
        let inner = group_titles(&group.groups, title);
        if !inner.is_empty() {
            return [vec![group.title.as_str()], inner].concat();
        }
    }
    Vec::new()
}
