//! Parses and validates the endpoints that a post is about.

use std::sync::Arc;

use shared::history::History;
use shared::object_name::{HistoryName, HistoryPart};
use shared::page_config::appearance::Group;
use shared::post::{Affected, Impact, SCOPES_LIMIT, Scope};

use crate::config::model::Config;
use crate::store::{Listing, Store, StoreError};
use crate::titles::find_title;

/// The reason why endpoints cannot be used in a post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAffected {
    #[error("missing impact for `{0}`: pass it with its impact, `{0}=none`, `{0}=degraded` or `{0}=down`")]
    MissingImpact(String),
    #[error("unknown impact `{impact}` for `{title}`: expected `none`, `degraded` or `down`")]
    UnknownImpact { title: String, impact: String },
    #[error("unknown endpoint `{title}`: {remedy}")]
    UnknownEndpoint { title: String, remedy: String },
    #[error("no endpoint title starts with `{0}`: use another prefix, or `*` for all endpoints")]
    UnmatchedPrefix(String),
    #[error("the endpoint `{0}` is given twice: pass it once")]
    Duplicate(String),
    #[error("{0} endpoints exceed the limit of {SCOPES_LIMIT}: use a group, a prefix with `*`, or `*`")]
    TooMany(usize),
}

/// Parses an endpoint with its impact: `Shop=degraded`.
pub fn parse_affected(text: &str) -> Result<Affected, InvalidAffected> {
    let (title, name) = text.rsplit_once('=').ok_or_else(|| InvalidAffected::MissingImpact(text.to_owned()))?;
    let impact = Impact::ALL.into_iter().find(|impact| impact.as_str() == name);
    let unknown = || InvalidAffected::UnknownImpact { title: title.to_owned(), impact: name.to_owned() };
    Ok(Affected { scope: Scope(title.to_owned()), impact: impact.ok_or_else(unknown)? })
}

/// The titles of endpoints and groups that posts can name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownTitles {
    pub endpoints: Vec<String>,
    pub groups: Vec<String>,
}

impl KnownTitles {
    /// Returns the titles in a configuration.
    #[must_use]
    pub fn of_config(config: &Config) -> KnownTitles {
        let checks = config.checks.iter().flat_map(|check| std::iter::once(check).chain(&check.duplicates));
        let mut known = KnownTitles {
            endpoints: checks.map(|check| check.title.clone()).collect(),
            groups: titles_of(&config.page.config.appearance.groups),
        };
        known.endpoints.sort_unstable();
        known.endpoints.dedup();
        known
    }

    /// Adds the titles in the stored histories, for authors whose configuration has no checks.
    pub async fn add_stored(&mut self, store: &Arc<Store>) -> Result<(), StoreError> {
        let mut names: Vec<HistoryName> = store.list(Listing::all()).await?;
        names.retain(|name| name.part == HistoryPart::Main);
        let mut rest = names.as_slice();
        while !rest.is_empty() {
            let batch = store.get_batch(rest).await?;
            rest = rest.get(batch.names.max(1)..).unwrap_or_default();
            let histories = batch.objects.into_iter().filter_map(|(_, content)| History::parse(&content.ok()?).ok());
            self.endpoints.extend(histories.flat_map(|history| history.endpoints.into_keys()).map(|key| key.title));
        }
        self.endpoints.sort_unstable();
        self.endpoints.dedup();
        Ok(())
    }

    /// Returns whether every scope names a known endpoint or group exactly, or includes a known endpoint.
    #[must_use]
    pub fn contain(&self, affected: &[Affected]) -> bool {
        affected
            .iter()
            .all(|affected| self.resolve_scope(&affected.scope.0).is_ok_and(|title| title == affected.scope.0))
    }

    /// Replaces what the author typed with known titles. Checks that no scope is repeated.
    pub fn resolve(&self, mut affected: Vec<Affected>) -> Result<Vec<Affected>, InvalidAffected> {
        if affected.len() > SCOPES_LIMIT {
            return Err(InvalidAffected::TooMany(affected.len()));
        }
        for index in 0..affected.len() {
            let (earlier, rest) = affected.split_at_mut(index);
            let Some(Affected { scope, .. }) = rest.first_mut() else { break };
            scope.0 = self.resolve_scope(&scope.0)?.to_owned();
            if earlier.iter().any(|earlier| earlier.scope == *scope) {
                return Err(InvalidAffected::Duplicate(scope.0.clone()));
            }
        }
        Ok(affected)
    }

    fn resolve_scope<'t>(&'t self, typed: &'t str) -> Result<&'t str, InvalidAffected> {
        let all = self.endpoints.iter().chain(&self.groups).map(String::as_str);
        // Without any known titles, nothing can be misspelled.
        if typed == "*" || all.clone().next().is_none() && !typed.is_empty() {
            return Ok(typed);
        }
        match typed.strip_suffix('*') {
            Some(prefix) if self.endpoints.iter().any(|endpoint| endpoint.starts_with(prefix)) => Ok(typed),
            Some(prefix) => Err(InvalidAffected::UnmatchedPrefix(prefix.to_owned())),
            None => find_title(typed, all)
                .map_err(|remedy| InvalidAffected::UnknownEndpoint { title: typed.to_owned(), remedy }),
        }
    }
}

fn titles_of(groups: &[Group]) -> Vec<String> {
    groups.iter().flat_map(|group| std::iter::once(group.title.clone()).chain(titles_of(&group.groups))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> KnownTitles {
        KnownTitles {
            endpoints: ["Shop", "Billing API", "Billing UI", "a=b"].map(str::to_owned).to_vec(),
            groups: vec!["Platform".to_owned()],
        }
    }

    fn check(texts: &[&str]) -> Result<(), InvalidAffected> {
        resolve(texts).map(drop)
    }

    fn resolve(texts: &[&str]) -> Result<Vec<Affected>, InvalidAffected> {
        known().resolve(texts.iter().map(|text| parse_affected(text)).collect::<Result<Vec<_>, _>>()?)
    }

    #[test]
    fn titles_are_completed_and_their_case_corrected() {
        let affected = resolve(&["shop=degraded", "plat=down", "billing u=none"]).expect("they are known");
        let scopes: Vec<&str> = affected.iter().map(|affected| affected.scope.0.as_str()).collect();
        assert_eq!(scopes, ["Shop", "Platform", "Billing UI"]);
        assert_eq!(resolve(&["Shop=down", "sho=none"]), Err(InvalidAffected::Duplicate("Shop".to_owned())));
        let error = resolve(&["billing=down"]).expect_err("it is ambiguous").to_string();
        assert_eq!(error, "unknown endpoint `billing`: expected only one of `Billing API`, `Billing UI`");
    }

    #[test]
    fn endpoints_groups_and_prefixes_are_accepted() {
        for texts in [&["Shop=degraded"][..], &["Platform=down", "Billing *=none"], &["*=down"], &["a=b=down"]] {
            assert_eq!(check(texts), Ok(()), "{texts:?}");
        }
    }

    #[test]
    fn invalid_endpoints_are_named_with_a_remedy() {
        let many: Vec<String> = (0..=SCOPES_LIMIT).map(|number| format!("{number}=down")).collect();
        for (texts, expected) in [
            (
                &["Shop"][..],
                "missing impact for `Shop`: pass it with its impact, `Shop=none`, `Shop=degraded` or `Shop=down`",
            ),
            (&["Shop=bad"], "unknown impact `bad` for `Shop`"),
            (&["Shpo=down"], "unknown endpoint `Shpo`: did you mean `Shop`?"),
            (&["Warehouse=down"], "expected one of `Shop`, `Billing API`, `Billing UI`, `a=b`, `Platform`"),
            (&["=down"], "unknown endpoint ``"),
            (&["Mail*=down"], "no endpoint title starts with `Mail`"),
            (&["Shop=down", "Shop=none"], "the endpoint `Shop` is given twice"),
            (&many.iter().map(String::as_str).collect::<Vec<_>>(), "501 endpoints exceed the limit of 500"),
        ] {
            let error = check(texts).expect_err(expected).to_string();
            assert!(error.contains(expected), "{texts:?}: {error}");
        }
    }

    #[test]
    fn without_known_titles_everything_is_accepted() {
        let affected = [parse_affected("Shop=down").expect("valid")];
        assert_eq!(KnownTitles::default().resolve(affected.to_vec()), Ok(affected.to_vec()));
    }
}
