//! Formats and parses the names of summaries and badges.

use std::fmt::{self, Write as _};

use super::NodeName;
use crate::hash::fnv1a;

/// The folder for summaries, next to the check files.
///
/// It sorts before all check files, as does the folder for badges, of which there can be thousands. Listings that start
/// at a time, such as the page's, therefore never include them.
pub const SUMMARY_FOLDER: &str = "0-summary/";
/// The folder for badges, next to the check files. It contains a folder for each node.
pub const BADGE_FOLDER: &str = "0-badge/";

const JSON_SUFFIX: &str = ".json";
const HTML_SUFFIX: &str = ".html";
const BADGE_SUFFIX: &str = ".svg";
/// The name of the overall badge. It differs from all encoded titles, in which `_` is always followed by `_` or two
/// digits.
const OVERALL: &str = "_overall";
/// The length, in characters, above which an encoded title is shortened. File systems allow 255.
const TITLE_LIMIT: usize = 120;
/// Separates the start of a shortened title from its hash. Other encoded titles contain it only if a space precedes a
/// hyphen.
const SHORTENED: &str = "_-";

/// The name of a summary or badge, without the store's prefix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SummaryName {
    /// The node that stores the object.
    pub node: NodeName,
    /// The form of the summary: JSON, HTML or a badge.
    pub form: SummaryForm,
}

/// The forms of a summary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SummaryForm {
    /// A [`crate::summary::Summary`] as JSON, for programs.
    Json,
    /// A page that works without JavaScript.
    Html,
    /// An image with the overall status.
    OverallBadge,
    /// An image with the status of one endpoint.
    Badge(BadgeTitle),
}

/// An endpoint's title, encoded for file names, keys, policies and URLs.
///
/// `A-Z`, `a-z`, `0-9` and `-` are unchanged, a space is `__`, and every other byte is `_` with two hexadecimal digits.
/// Different titles have different encodings. Those with more than 120 characters are truncated and end with `_-` and a
/// hash of the title.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BadgeTitle(String);

impl BadgeTitle {
    /// Encodes a title, which can contain any characters.
    #[must_use]
    pub fn new(title: &str) -> BadgeTitle {
        let mut spelled = String::new();
        let mut fits = 0;
        for byte in title.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' => spelled.push(char::from(byte)),
                b' ' => spelled.push_str("__"),
                other => drop(write!(spelled, "_{other:02x}")),
            }
            if spelled.len() <= TITLE_LIMIT {
                fits = spelled.len();
            }
        }
        if fits < spelled.len() {
            spelled.truncate(fits);
            let _ = write!(spelled, "{SHORTENED}{:016x}", fnv1a(title));
        }
        BadgeTitle(spelled)
    }

    /// Parses an encoded title. Returns `None` if it is not the encoding of any title.
    pub(super) fn parse(spelled: &str) -> Option<BadgeTitle> {
        // A space before a hyphen also produces `_-`, so only the end of the string is checked.
        let shortened = || {
            let (beginning, hash) = spelled.split_at_checked(spelled.len().checked_sub(16)?)?;
            beginning.strip_suffix(SHORTENED).filter(|_| hash.bytes().all(is_digit))
        };
        let fits = |text: &str| text.len() <= TITLE_LIMIT && is_spelled(text);
        (fits(spelled) || shortened().is_some_and(fits)).then(|| BadgeTitle(spelled.to_owned()))
    }
}

impl BadgeTitle {
    /// Returns the encoded title as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a string consists of encoded characters.
fn is_spelled(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = match (first, behind) {
            (b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-', _) => behind,
            (b'_', [b'_', behind @ ..]) => behind,
            (b'_', [one, two, behind @ ..]) if is_digit(*one) && is_digit(*two) => behind,
            _ => return false,
        };
    }
    true
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

impl SummaryName {
    /// Parses a name without the prefix. Returns `None` if it is not the name of a summary or badge.
    #[must_use]
    pub fn parse(name: &str) -> Option<SummaryName> {
        if let Some(name) = name.strip_prefix(SUMMARY_FOLDER) {
            let (node, form) = match name.strip_suffix(JSON_SUFFIX) {
                Some(node) => (node, SummaryForm::Json),
                None => (name.strip_suffix(HTML_SUFFIX)?, SummaryForm::Html),
            };
            return Some(SummaryName { node: NodeName::new(node).ok()?, form });
        }
        let (node, badge) = name.strip_prefix(BADGE_FOLDER)?.split_once('/')?;
        Some(SummaryName { node: NodeName::new(node).ok()?, form: SummaryForm::parse_badge(badge)? })
    }

    /// Returns the object's `Content-Type` for uploads and for servers.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.form {
            SummaryForm::Json => "application/json",
            SummaryForm::Html => "text/html; charset=utf-8",
            SummaryForm::OverallBadge | SummaryForm::Badge(_) => "image/svg+xml",
        }
    }
}

impl SummaryForm {
    /// Parses the last part of a badge's name, such as `Shop.svg`.
    #[must_use]
    pub fn parse_badge(name: &str) -> Option<SummaryForm> {
        match name.strip_suffix(BADGE_SUFFIX)? {
            OVERALL => Some(SummaryForm::OverallBadge),
            title => BadgeTitle::parse(title).filter(|title| !title.0.is_empty()).map(SummaryForm::Badge),
        }
    }

    /// Returns the last part of a badge's name. Returns `None` for other forms.
    #[must_use]
    pub fn badge_file_name(&self) -> Option<String> {
        match self {
            SummaryForm::Json | SummaryForm::Html => None,
            SummaryForm::OverallBadge => Some(format!("{OVERALL}{BADGE_SUFFIX}")),
            SummaryForm::Badge(title) => Some(format!("{}{BADGE_SUFFIX}", title.0)),
        }
    }
}

impl fmt::Display for SummaryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node;
        match &self.form {
            SummaryForm::Json => write!(formatter, "{SUMMARY_FOLDER}{node}{JSON_SUFFIX}"),
            SummaryForm::Html => write!(formatter, "{SUMMARY_FOLDER}{node}{HTML_SUFFIX}"),
            SummaryForm::OverallBadge => write!(formatter, "{BADGE_FOLDER}{node}/{OVERALL}{BADGE_SUFFIX}"),
            SummaryForm::Badge(title) => write!(formatter, "{BADGE_FOLDER}{node}/{}{BADGE_SUFFIX}", title.0),
        }
    }
}

/// Returns patterns that match all summary and badge names of a node, for access policies.
pub(super) fn patterns_of(prefix: &str, node: &NodeName) -> [String; 2] {
    // Both suffixes, `.json` and `.html`, have four letters.
    [format!("{prefix}{SUMMARY_FOLDER}{node}.????"), format!("{prefix}{BADGE_FOLDER}{node}/*{BADGE_SUFFIX}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(title: &str) -> String {
        let node = NodeName::new("eu-west").expect("a name");
        SummaryName { node, form: SummaryForm::Badge(BadgeTitle::new(title)) }.to_string()
    }

    #[test]
    fn titles_are_encoded() {
        for (title, spelled) in [
            ("Shop", "Shop"),
            ("shop", "shop"),
            ("Billing API", "Billing__API"),
            ("eu-west", "eu-west"),
            ("a_b", "a_5fb"),
            ("Büro", "B_c3_bcro"),
            ("../../index.html?<script>", "_2e_2e_2f_2e_2e_2findex_2ehtml_3f_3cscript_3e"),
        ] {
            assert_eq!(name(title), format!("0-badge/eu-west/{spelled}.svg"));
        }
    }

    #[test]
    fn names_round_trip_and_others_are_rejected() {
        let long = name(&"long title ".repeat(40));
        for text in [
            "0-summary/eu-west.json",
            "0-summary/eu-west.html",
            "0-badge/eu-west/_overall.svg",
            "0-badge/eu-west/Billing__API.svg",
            "0-badge/eu-west/B_c3_bcro.svg",
            &long,
        ] {
            assert_eq!(SummaryName::parse(text).map(|name| name.to_string()).as_deref(), Some(text));
        }
        assert!(long.len() < 200, "{long}");
        for text in [
            "0-summary/.json",
            "0-summary/EU.json",
            "0-summary/a/b.json",
            "0-summary/eu-west.svg",
            "0-badge/eu-west/.svg",
            "0-badge/eu-west/_x.svg",
            "0-badge/eu-west/a_C3.svg",
            "0-badge/eu-west/_overalls.svg",
            "0-badge/eu-west/../x.svg",
            "0-badge/eu-west/a_-12.svg",
            "0-badge/eu-west/a.b.svg",
            "0-badge/Shop.svg",
            "history/eu-west.json",
        ] {
            assert_eq!(SummaryName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn listings_that_start_at_a_time_never_include_these() {
        for prefix in ["", "status/"] {
            for name in [name("Shop"), "0-summary/eu-west.json".to_owned()] {
                let key = format!("{prefix}{name}");
                assert!(key < super::super::start_after(prefix, 1_000_000_000_000_000_000), "{key}");
            }
        }
    }

    #[test]
    fn long_titles_with_the_same_start_differ() {
        let titles = ["a", "b"].map(|end| format!("{}{end}", "ü".repeat(200)));
        let names = titles.map(|title| name(&title));
        assert_ne!(names[0], names[1]);
        assert!(names.iter().all(|name| name.len() < 180 && name.contains("_-")), "{names:?}");
    }

    #[test]
    fn a_space_before_a_hyphen_does_not_shorten_a_title() {
        for title in ["Shop - API", " -", " -0123456789abcdef", &format!("{} - {}", "a".repeat(60), "b".repeat(200))] {
            let name = name(title);
            assert_eq!(SummaryName::parse(&name).map(|read| read.to_string()), Some(name));
        }
        for odd in ["0-badge/a/x_-0123.svg", "0-badge/a/__-_.svg", "0-badge/a/x_-0123456789abcdeg.svg"] {
            assert_eq!(SummaryName::parse(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn different_titles_have_different_names(one in ".{1,40}", other in ".{1,40}") {
            prop_assert_eq!(name(&one) == name(&other), one == other);
            let read = SummaryName::parse(&name(&one)).map(|read| read.to_string());
            prop_assert_eq!(read, Some(name(&one)));
        }
    }
}
