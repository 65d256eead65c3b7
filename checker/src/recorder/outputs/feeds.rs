//! The feeds of all endpoints, in three formats, and the Atom feed of each endpoint.

use shared::UnixNanos;
use shared::object_name::OutputForm;
use shared::outputs::{Feed, FeedEntry, FeedSource, FeedSubject, NamedOutage, OutputIndex, to_json_feed};

use super::dataset::Dataset;
use super::{RenderedOutputs, TITLE_LIMIT, atom, rss, titles};
use crate::sanitize::{sanitize_for_terminal, without_disguise};

pub(super) fn render(data: &Dataset, outages: &[NamedOutage], index: &OutputIndex, now: UnixNanos) -> RenderedOutputs {
    let settings = &data.settings;
    let source = FeedSource {
        title: &settings.title,
        node: &settings.node,
        page_url: settings.url.as_deref(),
        index,
        outages,
        posted: data.posted(),
    };
    let feed = clean(Feed::new(&source, now));
    let mut rendered = RenderedOutputs::from([
        (OutputForm::Atom, atom::to_xml(&feed, &OutputForm::Atom).into()),
        (OutputForm::Rss, rss::to_xml(&feed).into()),
        (OutputForm::JsonFeed, to_json_feed(&feed).into()),
    ]);
    for (name, title) in titles(data) {
        let form = OutputForm::EndpointAtom(name);
        let feed = clean(Feed::of_endpoint(&source, title, &form, now));
        rendered.insert(form.clone(), atom::to_xml(&feed, &form).into());
    }
    rendered
}

/// Removes characters that are invalid in XML or that disguise text.
fn clean(feed: Feed) -> Feed {
    let entries = feed.entries.into_iter().map(|entry| FeedEntry {
        title: one_line(&entry.title),
        text: several_lines(&entry.text),
        html: several_lines(&entry.html),
        subject: match entry.subject {
            FeedSubject::Endpoint(title) => FeedSubject::Endpoint(one_line(&title)),
            FeedSubject::Affected(mut affects) => {
                for affected in &mut affects {
                    affected.scope.0 = one_line(&affected.scope.0);
                }
                FeedSubject::Affected(affects)
            }
        },
        ..entry
    });
    Feed { entries: entries.collect(), title: one_line(&feed.title), ..feed }
}

/// Returns text on one line.
pub(super) fn one_line(text: &str) -> String {
    valid(&sanitize_for_terminal(text, TITLE_LIMIT))
}

/// Returns text that can have several lines.
pub(super) fn several_lines(text: &str) -> String {
    valid(&without_disguise(text))
}

fn valid(text: &str) -> String {
    let is_valid = |letter: &char| {
        (!letter.is_control() || matches!(letter, '\n' | '\t')) && !matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    text.chars().filter(is_valid).collect()
}
