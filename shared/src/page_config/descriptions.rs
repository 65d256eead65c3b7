//! The descriptions and links that the page shows for endpoints.

use serde_json::{Map, Value, json};

use super::groups::is_match;

/// What the page shows about some endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// The title of the endpoints. A `*` at the end matches any characters.
    pub title: String,
    /// What the endpoints are for, in a sentence for customers.
    pub about: Option<String>,
    /// The URL of a page for operators, such as a runbook.
    pub link: Option<String>,
}

/// Returns the first description that matches an endpoint's title.
#[must_use]
pub fn description<'d>(descriptions: &'d [Description], title: &str) -> Option<&'d Description> {
    descriptions.iter().find(|one| is_match(&one.title, title))
}

impl Description {
    pub(super) fn to_value(&self) -> Value {
        let mut value = Map::new();
        value.insert("title".to_owned(), json!(self.title));
        for (key, text) in [("about", &self.about), ("link", &self.link)] {
            value.extend(text.as_ref().map(|text| (key.to_owned(), json!(text))));
        }
        Value::Object(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_description_that_matches_is_shown() {
        let of = |title: &str, about: &str| Description {
            title: title.to_owned(),
            about: Some(about.to_owned()),
            ..Description::default()
        };
        let all = [of("Shop EU", "one"), of("Shop *", "two")];
        let about = |title| description(&all, title).and_then(|one| one.about.as_deref());
        assert_eq!((about("Shop EU"), about("Shop US"), about("Mail")), (Some("one"), Some("two"), None));
    }
}
