//! Links to the feeds in the page's HTML, where feed readers and browsers find them without running scripts.

use std::fmt::Write as _;

use shared::object_name::OutputForm;
use shared::page_config::PageConfig;

use crate::sanitize::escape_html;

/// The feeds with the names of their formats.
const FEEDS: [(&str, OutputForm); 3] =
    [("Atom", OutputForm::Atom), ("RSS", OutputForm::Rss), ("JSON Feed", OutputForm::JsonFeed)];

/// Adds the links at the end of the page's head. Returns `None` if visitors cannot read the feeds, or if this is not the
/// page.
pub(super) fn with_feed_links(html: &str, config: &PageConfig) -> Option<String> {
    let folder = escape_html(config.outputs.as_ref()?);
    let title = escape_html(&config.title);
    let (before, after) = html.split_once("</head>")?;
    let mut links = String::new();
    for (name, form) in FEEDS {
        let media_type = form.media_type();
        // Writing to a string cannot fail.
        let _ = write!(
            links,
            "<link rel=\"alternate\" type=\"{media_type}\" title=\"{title} ({name})\" href=\"{folder}{form}\">"
        );
    }
    Some([before, &links, "</head>", after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::page_config::Source;

    fn config(outputs: Option<&str>) -> PageConfig {
        PageConfig {
            title: "Shop & \"Co\"".to_owned(),
            outputs: outputs.map(str::to_owned),
            ..PageConfig::new(Source::Http { url: "store/".to_owned() })
        }
    }

    #[test]
    fn the_head_links_to_the_feeds() {
        let page = with_feed_links("<html><title>x</title></head><body></body>", &config(Some("./")));
        let title = "Shop &amp; &quot;Co&quot;";
        let expected = format!(
            "<html><title>x</title>\
             <link rel=\"alternate\" type=\"application/atom+xml\" title=\"{title} (Atom)\" href=\"./feed.atom\">\
             <link rel=\"alternate\" type=\"application/rss+xml\" title=\"{title} (RSS)\" href=\"./feed.rss\">\
             <link rel=\"alternate\" type=\"application/feed+json\" title=\"{title} (JSON Feed)\" href=\"./feed.json\">\
             </head><body></body>"
        );
        assert_eq!(page.as_deref(), Some(expected.as_str()));
    }

    #[test]
    fn without_feeds_or_a_head_nothing_changes() {
        assert_eq!(with_feed_links("<html></head>", &config(None)), None);
        assert_eq!(with_feed_links("<html>", &config(Some("./"))), None);
    }
}
