//! The endpoints that a post is about, and how they are affected.

/// The effect that an author declares for endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Impact {
    /// The endpoints work. The post mentions them for information.
    None,
    /// The endpoints are slow or work partially.
    Degraded,
    /// The endpoints do not work.
    Down,
}

impl Impact {
    /// All impacts, from least to most severe.
    pub const ALL: [Impact; 3] = [Impact::None, Impact::Degraded, Impact::Down];

    /// Returns the impact's name in posts and commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Impact::None => "none",
            Impact::Degraded => "degraded",
            Impact::Down => "down",
        }
    }
}

/// A selection of endpoints: a title, the title of a group, a prefix followed by `*`, or `*` for all endpoints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub String);

impl Scope {
    /// Returns whether the scope includes an endpoint. `groups` contains the titles of all groups that contain the
    /// endpoint.
    #[must_use]
    #[inline(never)]
    pub fn covers(&self, title: &str, groups: &[&str]) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => title.starts_with(prefix),
            None => self.0 == title || groups.contains(&self.0.as_str()),
        }
    }
}

/// Endpoints with the impact that an author declares for them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Affected {
    /// The endpoints.
    pub scope: Scope,
    /// How they are affected.
    pub impact: Impact,
}

/// Returns the most severe impact that is declared for an endpoint, or `None` if the endpoint is not affected.
#[must_use]
#[inline(never)]
pub fn impact_on(affected: &[Affected], title: &str, groups: &[&str]) -> Option<Impact> {
    affected.iter().filter(|affected| affected.scope.covers(title, groups)).map(|affected| affected.impact).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_title_a_group_a_prefix_or_everything() {
        for (scope, title, groups, covers) in [
            ("Shop", "Shop", &[][..], true),
            ("Shop", "Shop 2", &[], false),
            ("Shop*", "Shop 2", &[], true),
            ("*", "Shop", &[], true),
            ("Platform", "Search", &["Platform"], true),
            ("Plat*", "Search", &["Platform"], false),
            ("", "Shop", &[], false),
        ] {
            assert_eq!(Scope(scope.to_owned()).covers(title, groups), covers, "{scope} {title}");
        }
    }

    #[test]
    fn the_most_severe_impact_applies() {
        let affected = |scope: &str, impact| Affected { scope: Scope(scope.to_owned()), impact };
        let all = [affected("*", Impact::Degraded), affected("Shop", Impact::Down), affected("API", Impact::None)];
        assert_eq!(impact_on(&all, "Shop", &[]), Some(Impact::Down));
        assert_eq!(impact_on(&all, "API", &[]), Some(Impact::Degraded));
        assert_eq!(impact_on(&all[1..], "Mail", &[]), None);
    }
}
