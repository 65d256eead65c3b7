//! A message that a person posts, which is stored with the results of a round.

use shared::check_file::CheckResult;
use shared::object_name::PostId;

use crate::config::model::Config;
use crate::sanitize::sanitize_for_terminal;
use crate::titles::find_title;

/// The maximum length of a title that is printed in full, in characters.
const TITLE_WIDTH: usize = 80;

/// A message to store with the results of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The message in the HTML subset that [`shared::message`] accepts. Callers validate it.
    pub message: String,
    /// The titles of the endpoints that the message is about. If there are no titles, it is about all endpoints.
    pub about: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("unknown endpoint `{title}` for the message: {remedy}")]
pub struct UnknownTitle {
    title: String,
    remedy: String,
}

impl Announcement {
    /// Replaces what the operator typed with the titles in the configuration.
    pub fn resolve_titles(mut self, config: &Config) -> Result<Announcement, UnknownTitle> {
        let titles = config.checks.iter().map(|check| check.title.as_str());
        for typed in &mut self.about {
            match find_title(typed, titles.clone()) {
                Ok(title) => title.clone_into(typed),
                Err(remedy) => return Err(UnknownTitle { title: typed.clone(), remedy }),
            }
        }
        Ok(self)
    }

    /// Describes the endpoints that the message is about, in words for users.
    #[must_use]
    pub fn subject(&self) -> String {
        if self.about.is_empty() {
            return "all endpoints".to_owned();
        }
        self.about
            .iter()
            .map(|title| format!("`{}`", sanitize_for_terminal(title, TITLE_WIDTH)))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Adds the message to the results of the endpoints that it is about. `post` is the post with the same message.
    pub fn add_to(&self, results: &mut [CheckResult], post: Option<&PostId>) {
        let is_meant = |result: &&mut CheckResult| self.about.is_empty() || self.about.contains(&result.title);
        for result in results.iter_mut().filter(is_meant) {
            result.message.clone_from(&self.message);
            result.post = post.cloned().map(Box::new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Vec<CheckResult> {
        ["Shop", "API"].map(|title| CheckResult { title: title.to_owned(), ..CheckResult::default() }).to_vec()
    }

    #[test]
    fn a_message_is_added_to_the_named_endpoints() {
        let mut results = results();
        Announcement { message: "We know.".to_owned(), about: vec!["API".to_owned()] }.add_to(&mut results, None);
        assert_eq!(results.iter().map(|result| result.message.as_str()).collect::<Vec<_>>(), ["", "We know."]);
        let post: PostId = "1795330254340493978-anna".parse().unwrap();
        Announcement { message: "We know.".to_owned(), about: vec!["API".to_owned()] }
            .add_to(&mut results, Some(&post));
        assert_eq!(results.into_iter().map(|result| result.post).collect::<Vec<_>>(), [None, Some(Box::new(post))]);
    }

    #[test]
    fn a_message_without_titles_is_added_to_all_endpoints() {
        let mut results = results();
        Announcement { message: "We know.".to_owned(), about: Vec::new() }.add_to(&mut results, None);
        assert!(results.iter().all(|result| result.message == "We know."));
    }

    #[test]
    fn the_endpoints_of_a_message_are_printed_on_one_line() {
        let about = |titles: &[&str]| Announcement {
            message: "We know.".to_owned(),
            about: titles.iter().copied().map(str::to_owned).collect(),
        };
        assert_eq!(about(&[]).subject(), "all endpoints");
        assert_eq!(about(&["Shop", "A\u{1b}[2JPI"]).subject(), "`Shop`, `A[2JPI`");
    }
}
