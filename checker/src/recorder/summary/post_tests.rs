//! Tests of incidents and maintenance in summaries and badges.

use shared::announced::{Announced, AnnouncedWindow, CurrentMessage, OpenIncident};
use shared::object_name::{DigestName, PostId};
use shared::post::digest::PostDigest;
use shared::post::{Details, Post};

use super::tests::{NOW, TestNode, example, node};
use super::*;
use shared::HOUR;

fn open_incident(title: &str, text: &str) -> OpenIncident {
    OpenIncident {
        id: "1795330254340493978-anna".to_owned(),
        author: "anna".to_owned(),
        title: title.to_owned(),
        state: "monitoring".to_owned(),
        affects: [("Shop".to_owned(), "degraded".to_owned()), ("API".to_owned(), "none".to_owned())].into(),
        since: NOW - HOUR,
        updated: NOW - MINUTE,
        text: text.to_owned(),
    }
}

#[test]
fn incidents_and_windows_are_listed_without_markup() {
    let window = AnnouncedWindow {
        id: "1795330254340493978-anna".to_owned(),
        author: "anna".to_owned(),
        title: "Upgrade".to_owned(),
        affects: [("Shop".to_owned(), "down".to_owned())].into(),
        start: NOW - HOUR,
        end: NOW + HOUR,
        in_progress: true,
        announced_afterwards: true,
        text: String::new(),
    };
    let later =
        AnnouncedWindow { in_progress: false, announced_afterwards: false, start: NOW + MINUTE, ..window.clone() };
    let mut summary = example("My status", "Shop");
    let incidents = vec![open_incident("Checkout <fails>", "On it.\n<script>x</script>")];
    let message = CurrentMessage {
        id: "1795330254340493979-anna".to_owned(),
        author: "anna".to_owned(),
        affects: [("Shop".to_owned(), "none".to_owned())].into(),
        since: NOW - HOUR,
        until: NOW + HOUR,
        text: "Use <the> phone.".to_owned(),
    };
    summary.announced = Announced { incidents, maintenance: vec![window, later], messages: vec![message] };
    summary.endpoints[0].planned_until = Some(NOW + HOUR);
    let page = html::page(&summary);
    for words in [
        "<h2>Incidents</h2>\n<ul>\n<li><strong>Checkout &lt;fails&gt;</strong>: monitoring since 2026-11-22 05:50 UTC, \
         affects API, Shop (degraded)<br>2026-11-22 06:49 UTC: On it. &lt;script&gt;x&lt;/script&gt;</li>",
        "<strong>Upgrade</strong>: in progress until 2026-11-22 07:50 UTC, announced afterwards, affects Shop (down)</li>",
        "<strong>Upgrade</strong>: planned from 2026-11-22 06:51 UTC to 2026-11-22 07:50 UTC, affects Shop (down)</li>",
        "◐ partial outage (planned until 2026-11-22 07:50 UTC)",
        "<h2>Messages</h2>\n<ul>\n<li>2026-11-22 05:50 UTC: Use &lt;the&gt; phone. (until 2026-11-22 07:50 UTC, affects Shop)\
         </li>",
    ] {
        assert!(page.contains(words), "`{words}` is not in:\n{page}");
    }
}

#[test]
fn badges_keep_the_measured_word() {
    let mut summary = example("x", "Shop");
    summary.endpoints[0].badge = Some(String::new());
    let words = |summary: &Summary| {
        let mut words: Vec<_> = badge_contents(summary).into_values().map(|badge| (badge.word, badge.color)).collect();
        words.sort_by(|one, other| one.0.cmp(&other.0));
        words
    };
    let degraded = BadgeColor::Status(Status::Degraded);
    assert_eq!(words(&summary), [("degraded".to_owned(), degraded), ("partial outage".to_owned(), degraded)]);
    summary.endpoints[0].planned_until = Some(NOW + HOUR);
    let planned = |word: &str| (format!("{word} (planned)"), BadgeColor::Planned);
    assert_eq!(words(&summary), [planned("degraded"), planned("partial outage")]);
    summary.endpoints[0].planned_until = None;
    summary.endpoints[0].incidents = vec!["1-anna".to_owned()];
    summary.announced.incidents = vec![open_incident("x", "")];
    let open = |word: &str| (format!("{word}, open incident"), degraded);
    assert_eq!(words(&summary), [open("degraded"), open("partial outage")]);
}

#[tokio::test]
async fn a_summary_contains_the_posts_of_shown_authors() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let mut here = TestNode::new("here", path).await;
    for author in ["anna", "mallory"] {
        let id = PostId { posted_at: NOW - MINUTE, author: node(author) };
        let details = Details::Incident { state: None, began: None, ended: None };
        let title = Some(format!("By {author}"));
        let post = Post { subject: id.clone(), id, edit: None, title, affects: None, text: None, at: None, details };
        let digest = PostDigest::new(node(author), [post], NOW);
        here.store.put(&DigestName { author: node(author) }, digest.to_json().into()).await.expect("it is stored");
    }
    here.publisher.settings_mut().authors.shown = Some(vec![node("anna")]);
    here.round(path, NOW, &[("A", Status::Healthy)]).await;
    let summary = here.summary().await;
    let titles: Vec<&str> = summary.announced.incidents.iter().map(|one| one.title.as_str()).collect();
    assert_eq!((titles.as_slice(), summary.status), (&["By anna"][..], Status::Healthy));
    assert_eq!(summary.endpoints[0].incidents, [format!("{}-anna", NOW - MINUTE)]);
}
