//! Findings about outputs on a web server: requests them like a feed reader, without keys.

use reqwest::Url;
use reqwest::redirect::Policy;
use shared::object_name::{OutputForm, StatuspageDocument, SummaryForm};
use shared::page_config::PageConfig;

use super::probe::http_client;
use super::{Finding, Side};
use crate::config::model::{Config, OutputKind};

/// The maximum number of redirects, for example from `http:` to `https:`.
const REDIRECT_LIMIT: usize = 5;

/// An output next to the page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Example {
    /// The name of its kind.
    what: &'static str,
    path: String,
    /// Whether the node stores outputs of this kind. Servers and exports can offer others, too.
    is_stored: bool,
}

/// Which outputs everyone can read, by the names of their kinds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Readable {
    public: Vec<&'static str>,
    private: Vec<&'static str>,
}

/// Reports which outputs everyone can read next to the page, or why that is not known.
pub(super) async fn examine_site(config: &Config, store: &str) -> Finding {
    let Some(url) = &config.outputs.url else {
        let what = format!(
            "it is not known which outputs everyone can read, because that depends on the web server that publishes `{store}`; to test it, set `url` in `outputs` to the page's URL"
        );
        return Finding::ok(Side::Store, what);
    };
    let client = http_client(Policy::limited(REDIRECT_LIMIT)).await.ok();
    let mut readable = Readable::default();
    for example in examples(config) {
        let Some(can_read) = can_read(client.as_ref(), url, &example.path).await else {
            let what = format!(
                "it is not known which outputs everyone can read, because this machine cannot reach the page at `{url}`"
            );
            return Finding::ok(Side::Store, what);
        };
        if can_read {
            readable.public.push(example.what);
        } else if example.is_stored {
            readable.private.push(example.what);
        }
    }
    Finding::ok(Side::Store, describe(&readable, url))
}

/// Reports whether visitors can read the feeds that the page links. Returns `None` if it links none, or relative to its own
/// URL, which is not in its configuration.
pub async fn examine_link(page: &PageConfig) -> Option<Finding> {
    let url = page.outputs.as_deref().filter(|url| url.contains("://"))?;
    let feed = OutputForm::Atom.to_string();
    let client = http_client(Policy::limited(REDIRECT_LIMIT)).await.ok();
    Some(if can_read(client.as_ref(), url, &feed).await == Some(true) {
        Finding::ok(Side::Page, format!("visitors can read the feeds at `{url}`"))
    } else {
        Finding::warning(
            Side::Page,
            format!("visitors cannot read `{feed}` at `{url}`, which the page links"),
            "run a round of checks, or correct `outputs` in `config.json`",
        )
    })
}

/// Returns an output of each kind.
fn examples(config: &Config) -> Vec<Example> {
    let example = |what, path, is_stored| Example { what, path, is_stored };
    let output = |what, form: &OutputForm, kind| example(what, form.to_string(), config.outputs.stored.contains(&kind));
    let badge = SummaryForm::OverallBadge.badge_file_name().unwrap_or_default();
    vec![
        example("summaries", "summary.json".to_owned(), config.summaries),
        example("badges", format!("badge/{badge}"), config.summaries),
        output("feeds", &OutputForm::Atom, OutputKind::Feeds),
        output("the calendar", &OutputForm::Calendar, OutputKind::Calendar),
        output("the Statuspage API", &OutputForm::Statuspage(StatuspageDocument::Summary), OutputKind::Statuspage),
    ]
}

/// Requests a file in a folder. Returns `None` if the server cannot be reached.
async fn can_read(client: Option<&reqwest::Client>, folder: &str, path: &str) -> Option<bool> {
    let url = Url::parse(folder).ok()?.join(path).ok()?;
    let response = client?.get(url).send().await.ok()?;
    // Many servers respond with their start page or an error page instead of a missing file.
    let is_page =
        response.headers().get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    Some(response.status().as_u16() == 200 && !is_page)
}

fn describe(readable: &Readable, url: &str) -> String {
    match (readable.public.as_slice(), readable.private.as_slice()) {
        (public, []) if !public.is_empty() => format!("everyone can read {} at `{url}`", listed(public)),
        ([], private) => {
            let outputs = if private.is_empty() { "any outputs".to_owned() } else { listed(private) };
            format!(
                "visitors cannot read {outputs} at `{url}`; for feed readers and other clients, run `checker serve` or `checker export`, or set `CHECKUP_OUTPUTS` for the Caddyfile"
            )
        }
        (public, private) => {
            format!("everyone can read {} at `{url}`, but not {}", listed(public), listed(private))
        }
    }
}

/// Joins the names of kinds of outputs: `badges, feeds and the calendar`.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_what_everyone_can_read_at_the_page() {
        let what = |public: &[&'static str], private: &[&'static str]| {
            describe(&Readable { public: public.to_vec(), private: private.to_vec() }, "https://status.example/")
        };
        assert_eq!(what(&["feeds"], &[]), "everyone can read feeds at `https://status.example/`");
        assert_eq!(
            what(&["summaries", "badges"], &["feeds", "the calendar"]),
            "everyone can read summaries and badges at `https://status.example/`, but not feeds and the calendar"
        );
        let nothing = what(&[], &["feeds"]);
        assert!(
            nothing.starts_with("visitors cannot read feeds at `https://status.example/`; for feed readers"),
            "{nothing}"
        );
        assert!(what(&[], &[]).starts_with("visitors cannot read any outputs at "));
    }
}
