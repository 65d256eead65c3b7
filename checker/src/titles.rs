//! Finds the title that an operator typed, regardless of case, or shortened to a unique prefix.

use std::collections::BTreeSet;

use shared::suggest::suggest;

/// The maximum number of titles to list in a remedy.
const LISTED: usize = 10;

/// Finds a title. An exact match takes precedence, then a match that differs only in case, then a unique prefix.
///
/// If there is no such title, or if there are several, the error is the remedy to report.
pub fn find_title<'t>(typed: &str, titles: impl Iterator<Item = &'t str> + Clone) -> Result<&'t str, String> {
    if let Some(exact) = titles.clone().find(|title| *title == typed) {
        return Ok(exact);
    }
    let lower = typed.to_lowercase();
    let matching = |is_match: &dyn Fn(&str) -> bool| -> BTreeSet<&'t str> {
        titles.clone().filter(|title| !lower.is_empty() && is_match(&title.to_lowercase())).collect()
    };
    let mut found = matching(&|title| title == lower);
    if found.is_empty() {
        found = matching(&|title| title.starts_with(&lower));
    }
    match found.first() {
        Some(only) if found.len() == 1 => Ok(only),
        Some(_) => Err(format!("expected only one of {}", listed(found.iter().copied()))),
        None => Err(match suggest(typed, titles.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of {}", listed(titles)),
        }),
    }
}

fn listed<'t>(titles: impl Iterator<Item = &'t str> + Clone) -> String {
    let shown: Vec<String> = titles.clone().take(LISTED).map(|title| format!("`{title}`")).collect();
    let others = titles.count() - shown.len();
    let more = if others > 0 { format!(" and {others} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: [&str; 6] = ["Shop", "shop API", "Billing", "Bill", "BLOG", "Blog"];

    fn find(typed: &str) -> Result<&'static str, String> {
        find_title(typed, TITLES.into_iter())
    }

    #[test]
    fn titles_match_without_case_or_by_a_unique_prefix() {
        for (typed, title) in [
            ("Shop", "Shop"),
            ("shop", "Shop"),
            ("SHOP", "Shop"),
            ("shop a", "shop API"),
            ("bill", "Bill"),
            ("billi", "Billing"),
            ("Blog", "Blog"),
        ] {
            assert_eq!(find(typed), Ok(title), "{typed}");
        }
    }

    #[test]
    fn ambiguous_and_unknown_titles_have_a_remedy() {
        for (typed, remedy) in [
            ("sho", "expected only one of `Shop`, `shop API`"),
            ("blog", "expected only one of `BLOG`, `Blog`"),
            ("Shpo", "did you mean `Shop`?"),
            ("Warehouse", "expected one of `Shop`, `shop API`, `Billing`, `Bill`, `BLOG`, `Blog`"),
            ("", "expected one of `Shop`, `shop API`, `Billing`, `Bill`, `BLOG`, `Blog`"),
        ] {
            assert_eq!(find(typed), Err(remedy.to_owned()), "{typed}");
        }
        let many: Vec<String> = (0..12).map(|number| format!("Node {number}")).collect();
        let error = find_title("zzzzzzzzzz", many.iter().map(String::as_str)).expect_err("it is unknown");
        assert!(error.ends_with("`Node 9` and 2 more"), "{error}");
    }
}
