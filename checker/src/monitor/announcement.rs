//! A message that a person posts with a round.

use shared::check_file::CheckResult;
use shared::suggest::suggest;

use crate::config::model::Config;
use crate::sanitize::sanitize_for_terminal;

/// The most of a title that is told, in characters.
const TITLE_WIDTH: usize = 80;

/// What a person has to say with a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The message: HTML that [`shared::message`] allows.
    pub message: String,
    /// The titles of the endpoints it is about; none means all.
    pub about: Vec<String>,
}

/// The announcement is about an endpoint that is not watched.
#[derive(Debug, thiserror::Error)]
#[error("unknown endpoint `{title}` for the message: {remedy}")]
pub struct UnknownTitle {
    title: String,
    remedy: String,
}

impl Announcement {
    /// Makes sure that every title it is about is watched.
    pub fn check_titles(&self, config: &Config) -> Result<(), UnknownTitle> {
        let titles = || config.checks.iter().map(|check| check.title.as_str());
        match self.about.iter().find(|about| !titles().any(|title| title == about.as_str())) {
            None => Ok(()),
            Some(title) => {
                let remedy = match suggest(title, titles()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "watched are: {}",
                        titles().map(|title| format!("`{title}`")).collect::<Vec<_>>().join(", ")
                    ),
                };
                Err(UnknownTitle { title: title.clone(), remedy })
            }
        }
    }

    /// What it is about, for people.
    #[must_use]
    pub fn subject(&self) -> String {
        if self.about.is_empty() {
            return "everything that is watched".to_owned();
        }
        self.about
            .iter()
            .map(|title| format!("`{}`", sanitize_for_terminal(title, TITLE_WIDTH)))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Puts the message on the results it is about.
    pub fn post_with(&self, results: &mut [CheckResult]) {
        let concerned = |result: &&mut CheckResult| self.about.is_empty() || self.about.contains(&result.title);
        for result in results.iter_mut().filter(concerned) {
            result.message.clone_from(&self.message);
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
    fn a_message_is_posted_about_the_named_endpoints() {
        let mut results = results();
        Announcement { message: "We know.".to_owned(), about: vec!["API".to_owned()] }.post_with(&mut results);
        assert_eq!(results.iter().map(|result| result.message.as_str()).collect::<Vec<_>>(), ["", "We know."]);
    }

    #[test]
    fn a_message_about_nothing_in_particular_is_about_everything() {
        let mut results = results();
        Announcement { message: "We know.".to_owned(), about: Vec::new() }.post_with(&mut results);
        assert!(results.iter().all(|result| result.message == "We know."));
    }

    #[test]
    fn what_a_message_is_about_is_told_in_one_line() {
        let about = |titles: &[&str]| Announcement {
            message: "We know.".to_owned(),
            about: titles.iter().copied().map(str::to_owned).collect(),
        };
        assert_eq!(about(&[]).subject(), "everything that is watched");
        assert_eq!(about(&["Shop", "A\u{1b}[2JPI"]).subject(), "`Shop`, `A[2JPI`");
    }
}
