//! Tests the text of incidents, maintenance, planned problems and the history view.

use Status::{Down, Healthy};
use shared::post::{Details, Edit, Impact, IncidentState, Post};
use shared::status::Status;
use shared::{DAY, HOUR, MINUTE};

use super::{assert_texts, calendar, describe, section, settings};
use crate::dataset::Cache;
use crate::i18n::Language;
use crate::store::StoreError;
use crate::test_support::{NOW, affected, cache_with_posts, detailed, incident_post, maintenance_post, post_id};
use crate::url_state::UrlState;
use crate::view::event::AnnouncementView;
use crate::view::problems::problems;
use crate::view::{self, LoadProgress, PageView};

/// An incident in each state, one that was edited and posted later, and one of long ago; maintenance that was announced
/// before and afterwards, that is planned, over, repeated and canceled; and a message.
fn posts() -> Vec<Post> {
    let mut posts = Vec::new();
    let root = post_id("anna", NOW - 90 * MINUTE);
    posts.push(Post {
        title: Some("Checkout fails for some cards".to_owned()),
        affects: Some(vec![affected("Shop", Impact::Degraded)]),
        ..incident_post(&root, &root, None, "We are <b>on it</b>.")
    });
    let states = [IncidentState::Identified, IncidentState::Monitoring].into_iter().zip([70, 20]);
    posts.extend(
        states.map(|(state, ago)| incident_post(&post_id("ben", NOW - ago * MINUTE), &root, Some(state), "An update.")),
    );
    let late = post_id("ben", NOW - 10 * MINUTE);
    posts.push(Post { at: Some(NOW - 60 * MINUTE), ..incident_post(&late, &root, None, "Posted later.") });
    let edit = Post {
        edit: Some(Edit::Replaces(late)),
        ..incident_post(&post_id("ben", NOW - 9 * MINUTE), &root, None, "Edited.")
    };
    posts.push(Post { at: Some(NOW - 60 * MINUTE), ..edit });
    for (days, title) in [(0, "Slow search"), (2, ""), (45, "Mail is delayed")] {
        let root = post_id("anna", NOW - days * DAY - 5 * HOUR);
        let affects = Some(vec![affected("*", Impact::Degraded)]);
        posts.push(Post {
            title: Some(title.to_owned()),
            affects,
            ..incident_post(&root, &root, None, "We are checking.")
        });
        let end = post_id("anna", root.posted_at + 100 * MINUTE);
        posts.push(incident_post(&end, &root, Some(IncidentState::Resolved), "Fixed."));
        if days > 0 {
            let report = post_id("anna", end.posted_at + HOUR);
            posts.push(incident_post(&report, &root, Some(IncidentState::Postmortem), "What happened."));
        }
    }
    let hours = |from: i64, to: i64| (NOW + from * HOUR, NOW + to * HOUR);
    let plan = |ago: i64, title, scope, windows: &[_]| {
        maintenance_post(&post_id("anna", NOW - ago * HOUR), title, scope, Impact::Down, windows)
    };
    posts.push(plan(30, "Database upgrade", "Shop", &[hours(-1, 2), hours(50, 51), hours(-100, -99)]));
    posts.push(plan(1, "Urgent restart", "Mail", &[hours(-3, 1)]));
    posts.push(plan(31, "New racks", "S*", &[hours(40, 66)]));
    posts.push(Post {
        details: Details::Message { until: None },
        ..incident_post(&post_id("eu", NOW - HOUR), &post_id("eu", NOW - HOUR), None, "Hello <i>all</i>")
    });
    posts
}

fn cache() -> Cache {
    let status = |title, ago: i64| if title == "Shop" && ago < 25 { Down } else { Healthy };
    let checks = |title| (0..200).map(move |ago| (title, "eu", ago, status(title, ago)));
    cache_with_posts(&["Shop", "Mail", "Search"].into_iter().flat_map(checks).collect::<Vec<_>>(), &posts())
}

fn page(query: &str, language: &Language) -> PageView {
    let url_state = UrlState::parse(query);
    let complete = LoadProgress::Complete;
    view::page(&mut cache(), calendar(language), settings(7 * DAY), &detailed(), &url_state, complete)
}

fn announcements<'a>(all: impl IntoIterator<Item = &'a std::sync::Arc<AnnouncementView>>) -> Vec<String> {
    all.into_iter().flat_map(|one| describe::announcement(one)).collect()
}

#[test]
fn announcements_below_the_headline() {
    assert_texts("announcements", |language| {
        let view = page("", language);
        let messages: Vec<String> = view.messages.iter().map(|message| describe::message(message)).collect();
        [
            section("first lines", &describe::overall(&view.overall)),
            section("current", &announcements(&view.announced.current)),
            section("brief", &announcements(&view.announced.brief)),
            section("messages", &messages),
            section("endpoint", &describe::head(&view.endpoints[0])),
            section("timeline", &describe::timeline(&view)),
        ]
        .concat()
    });
}

#[test]
fn bars_with_incidents_and_windows() {
    assert_texts("bars_with_announcements", |language| {
        let (mut cache, appearance) = (cache(), detailed());
        let (calendar, settings) = (calendar(language), settings(7 * DAY));
        let view =
            view::page(&mut cache, calendar, settings, &appearance, &UrlState::default(), LoadProgress::Complete);
        let full = view::full_endpoint(&cache, &view.endpoints[0], calendar, settings, &appearance, &view.opened);
        section("bars", &describe::bars(&full.expect("it is known")))
    });
}

#[test]
fn permalinks_and_the_history() {
    assert_texts("announcement_views", |language| {
        let mut text = String::new();
        for query in [
            format!("?incident={}", post_id("anna", NOW - 90 * MINUTE)),
            format!("?maintenance={}", post_id("anna", NOW - 30 * HOUR)),
            "?view=history".to_owned(),
            "?incident=1".to_owned(),
        ] {
            let view = page(&query, language);
            let detail = view.detail.expect("it is shown");
            let mut lines = vec![detail.heading.clone(), detail.note.clone()];
            for month in &detail.months {
                lines.extend([month.heading.clone(), month.quiet.clone()]);
                lines.extend(announcements(&month.announcements));
            }
            text += &section(&query, &lines);
        }
        text
    });
}

#[test]
fn problems_with_posts() {
    assert_texts("problems_with_posts", |language| {
        let mut cache = Cache::default();
        for (author, content) in [
            ("anna", r#"{"version":1,"author":"anna","posts":[7]}"#),
            ("ben", r#"{"version":1,"author":"ben","posts":[7,{},8]}"#),
            ("eve", "<html>"),
            ("mallory", r#"{"version":9,"author":"mallory"}"#),
        ] {
            cache.add_digest(&post_id(author, 0).author, content.as_bytes());
        }
        cache.posts.authors_left_out = true;
        cache.posts.list_error = Some(StoreError::TimedOut("store/history/_index.json".to_owned(), 20));
        section("problems", &problems(&cache, calendar(language), &UrlState::default()))
    });
}
