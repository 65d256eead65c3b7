use proptest::prelude::*;

use super::digest::PostDigest;
use super::fold::{Announcements, fold};
use super::incident::Incident;
use super::*;
use crate::object_name::NodeName;
use crate::{DAY, HOUR, MINUTE};

mod precedence;

const NOW: UnixNanos = 1_795_330_254_340_493_978;

fn name(text: &str) -> NodeName {
    NodeName::new(text).expect("a name")
}

fn id(author: &str, at: UnixNanos) -> PostId {
    PostId { posted_at: at, author: name(author) }
}

/// A post about the subject that was first posted at `subject`.
fn incident(author: &str, at: UnixNanos, subject: &PostId, state: Option<IncidentState>) -> Post {
    Post {
        id: id(author, at),
        subject: subject.clone(),
        edit: None,
        title: None,
        affects: None,
        text: Some(format!("text of {at}")),
        at: None,
        details: Details::Incident { state, began: None, ended: None },
    }
}

fn only(announcements: &Announcements) -> &Incident {
    let [incident] = announcements.incidents.as_slice() else { panic!("{announcements:?}") };
    incident
}

fn state_of(posts: &[Post]) -> (IncidentState, Option<UnixNanos>, usize) {
    let announcements = fold(posts, &[], NOW);
    let incident = only(&announcements);
    (incident.state, incident.ended, incident.updates.len())
}

#[test]
fn the_latest_update_determines_the_state() {
    let root = id("anna", NOW - HOUR);
    let mut posts = vec![incident("anna", NOW - HOUR, &root, None)];
    assert_eq!(state_of(&posts), (IncidentState::Investigating, None, 1));
    posts.push(incident("ben", NOW - 50 * MINUTE, &root, Some(IncidentState::Identified)));
    assert_eq!(state_of(&posts), (IncidentState::Identified, None, 2));
    posts.push(incident("anna", NOW - 40 * MINUTE, &root, Some(IncidentState::Resolved)));
    assert_eq!(state_of(&posts), (IncidentState::Resolved, Some(NOW - 40 * MINUTE), 3));
    posts.push(incident("anna", NOW - 30 * MINUTE, &root, Some(IncidentState::Postmortem)));
    assert_eq!(state_of(&posts), (IncidentState::Postmortem, Some(NOW - 40 * MINUTE), 4));
    posts.push(incident("anna", NOW - 20 * MINUTE, &root, Some(IncidentState::Investigating)));
    assert_eq!(state_of(&posts), (IncidentState::Investigating, None, 5), "it was reopened");
}

#[test]
fn without_its_first_post_an_incident_is_untitled() {
    let root = id("anna", NOW - HOUR);
    let first = Post { title: Some("Slow".to_owned()), ..incident("anna", NOW - HOUR, &root, None) };
    let update = incident("anna", NOW - MINUTE, &root, None);
    let title = |posts: &[Post]| only(&fold(posts, &[], NOW)).display_title().to_owned();
    assert_eq!(title(&[first, update.clone()]), "Slow");
    assert_eq!(title(&[update]), "Untitled incident");
}

#[test]
fn without_its_first_post_an_incident_is_not_open() {
    let root = id("anna", NOW - HOUR);
    let first = incident("anna", NOW - HOUR, &root, None);
    let update = incident("ben", NOW - MINUTE, &root, Some(IncidentState::Monitoring));
    assert_eq!(state_of(&[first, update.clone()]), (IncidentState::Monitoring, None, 2));
    assert_eq!(state_of(std::slice::from_ref(&update)), (IncidentState::Resolved, Some(NOW - MINUTE), 1));
    let end = incident("anna", NOW - 2 * MINUTE, &root, Some(IncidentState::Postmortem));
    let late = incident("ben", NOW - MINUTE, &root, None);
    assert_eq!(state_of(&[end, late]), (IncidentState::Postmortem, Some(NOW - 2 * MINUTE), 2), "it had ended");
}

#[test]
fn without_its_first_post_anything_else_has_no_effect() {
    let root = id("anna", NOW - DAY);
    let windows = [(NOW - HOUR, NOW + HOUR)];
    for details in [
        Details::Maintenance { plan: Some(plan(&windows)), change: None },
        Details::Silence { until: Some(NOW + HOUR) },
        Details::Message { until: None },
    ] {
        let [first, later] =
            [NOW - DAY, NOW - HOUR].map(|at| Post { details: details.clone(), ..incident("anna", at, &root, None) });
        assert_ne!(fold([&first, &later], &[], NOW), Announcements::default());
        assert_eq!(fold([&later], &[], NOW), Announcements::default());
    }
}

#[test]
fn a_digest_keeps_changes_of_what_others_planned() {
    let ends = |window: UnixNanos| Details::Maintenance { plan: Some(plan(&[(window - HOUR, window)])), change: None };
    let renewed = |posted_at: UnixNanos, details: Details| Post {
        details,
        ..incident("ben", posted_at, &id("anna", NOW - 3 * KEPT_FOR), None)
    };
    let end = |posted_at, until| renewed(posted_at, Details::Silence { until: Some(until) });
    for (post, is_kept) in [
        (renewed(NOW - KEPT_FOR - DAY, ends(NOW - DAY)), true),
        (renewed(NOW - 2 * KEPT_FOR, ends(NOW - KEPT_FOR - DAY)), false),
        (end(NOW - 3 * DAY, NOW - 3 * DAY), true),
        (end(NOW - KEPT_FOR - DAY, NOW - KEPT_FOR - DAY), false),
    ] {
        assert_eq!(PostDigest::new(name("ben"), [post.clone()], NOW).posts.len(), usize::from(is_kept), "{post:?}");
    }
}

#[test]
fn an_assigned_time_moves_an_update_and_is_remarked() {
    let root = id("anna", NOW - HOUR);
    let mut late = incident("anna", NOW - 10 * MINUTE, &root, Some(IncidentState::Identified));
    late.at = Some(NOW - 50 * MINUTE);
    let posts = [
        incident("anna", NOW - HOUR, &root, None),
        incident("anna", NOW - 40 * MINUTE, &root, Some(IncidentState::Monitoring)),
        late,
    ];
    let announcements = fold(&posts, &[], NOW);
    let incident = only(&announcements);
    assert_eq!(incident.state, IncidentState::Monitoring);
    let remarks: Vec<_> = incident.updates.iter().map(|update| update.posted_later).collect();
    assert_eq!(remarks, [None, Some(NOW - 10 * MINUTE), None]);
}

#[test]
fn only_the_author_or_an_editor_can_change_a_post() {
    let root = id("anna", NOW - HOUR);
    let first = incident("anna", NOW - HOUR, &root, None);
    let edit = |author: &str, at: UnixNanos, edit: Edit| Post {
        edit: Some(edit),
        text: Some(format!("by {author}")),
        ..incident(author, at, &root, None)
    };
    let replaced = edit("anna", NOW - 50 * MINUTE, Edit::Replaces(root.clone()));
    let foreign = edit("mallory", NOW - 40 * MINUTE, Edit::Replaces(root.clone()));
    let withdrawn = edit("mallory", NOW - 30 * MINUTE, Edit::Withdraws(root.clone()));
    let posts = [first, replaced.clone(), foreign, withdrawn];
    let announcements = fold(&posts, &[], NOW);
    let [update] = only(&announcements).updates.as_slice() else { panic!("{announcements:?}") };
    assert_eq!((update.text.as_str(), update.at, update.is_edited), ("by anna", NOW - HOUR, true));
    assert_eq!(fold(&posts, &[name("mallory")], NOW), Announcements::default(), "an editor can withdraw it");
    // An edit of an edit changes the original post.
    let again = edit("anna", NOW - 20 * MINUTE, Edit::Replaces(replaced.id));
    let announcements = fold(posts.iter().take(2).chain([&again]), &[], NOW);
    assert_eq!(only(&announcements).updates.len(), 1);
}

#[test]
fn edits_that_refer_to_each_other_are_ignored() {
    let root = id("anna", NOW - HOUR);
    let (one, two) = (id("anna", NOW - 50 * MINUTE), id("anna", NOW - 40 * MINUTE));
    let edit = |own: &PostId, target: &PostId| Post {
        id: own.clone(),
        edit: Some(Edit::Replaces(target.clone())),
        ..incident("anna", 0, &root, None)
    };
    let posts = [incident("anna", NOW - HOUR, &root, None), edit(&one, &two), edit(&two, &one), edit(&root, &root)];
    assert_eq!(fold(&posts[..3], &[], NOW).incidents.len(), 1);
    assert_eq!(fold(&posts[1..], &[], NOW), Announcements::default());
}

#[test]
fn posts_from_the_future_are_left_out() {
    let early = id("anna", NOW + MINUTE);
    assert_eq!(fold([&incident("anna", NOW + MINUTE, &early, None)], &[], NOW).incidents.len(), 1);
    let future = id("anna", NOW + HOUR);
    assert_eq!(fold([&incident("anna", NOW + HOUR, &future, None)], &[], NOW), Announcements::default());
}

fn maintenance(author: &str, at: UnixNanos, plan: Option<MaintenancePlan>, change: Option<MaintenanceChange>) -> Post {
    let details = Details::Maintenance { plan, change };
    Post { details, title: Some("Upgrade".to_owned()), ..incident(author, at, &id("anna", NOW - DAY), None) }
}

fn plan(windows: &[(UnixNanos, UnixNanos)]) -> MaintenancePlan {
    let (start, zone) = ("2026-11-22T02:00".to_owned(), "Europe/Berlin".to_owned());
    MaintenancePlan { start, zone, length: HOUR, windows: windows.to_vec(), ..MaintenancePlan::default() }
}

/// Computes maintenance from its posts. Adds an empty first post if it is missing.
fn fold_maintenance(posts: &[Post]) -> Announcements {
    fold(posts.iter().chain([&maintenance("anna", NOW - DAY, None, None)]), &[], NOW)
}

fn windows(posts: &[Post]) -> Vec<(UnixNanos, UnixNanos, bool)> {
    let announcements = fold_maintenance(posts);
    let [maintenance] = announcements.maintenance.as_slice() else { panic!("{announcements:?}") };
    maintenance.windows.iter().map(|window| (window.start, window.end, window.is_announced_before())).collect()
}

/// Returns the part of the only window that was announced before it began.
fn announced(posts: &[Post]) -> Option<(UnixNanos, UnixNanos)> {
    let announcements = fold_maintenance(posts);
    let [window] = announcements.maintenance[0].windows.as_slice() else { panic!("{announcements:?}") };
    let (start, end) = window.announced;
    assert_eq!(window.is_announced_before(), window.announced == (window.start, window.end));
    (start < end).then_some((start, end))
}

#[test]
fn windows_can_be_canceled_and_moved_one_by_one() {
    let (past, first, second) = (NOW - 2 * HOUR, NOW + HOUR, NOW + DAY);
    let planned = maintenance("anna", NOW - DAY, Some(plan(&[past, first, second].map(|at| (at, at + HOUR)))), None);
    let change = |author: &str, at, change| maintenance(author, at, None, Some(change));
    let all = [(past, past + HOUR, true), (first, first + HOUR, true), (second, second + HOUR, true)];
    assert_eq!(windows(std::slice::from_ref(&planned)), all);
    let canceled = change("ben", NOW - 10 * MINUTE, MaintenanceChange::Cancel(first));
    let extended =
        change("anna", NOW - 9 * MINUTE, MaintenanceChange::Move { window: second, start: second, end: second + DAY });
    let posts = [planned.clone(), canceled.clone(), extended];
    assert_eq!(windows(&posts), [(past, past + HOUR, true), (second, second + DAY, true)]);
    let early = MaintenanceChange::Move { window: first, start: NOW - 20 * MINUTE, end: NOW + HOUR };
    let begun = change("anna", NOW - 10 * MINUTE, early);
    assert_eq!(windows(&[planned.clone(), begun])[1], (NOW - 20 * MINUTE, NOW + HOUR, false));
    let all_canceled = change("anna", NOW - MINUTE, MaintenanceChange::CancelAll);
    assert_eq!(windows(&[planned.clone(), all_canceled]), all[..1], "past windows are kept");
    let renewed =
        maintenance("anna", NOW - MINUTE, Some(plan(&[(first, first + HOUR), (NOW + 2 * DAY, NOW + 3 * DAY)])), None);
    let after_renewal = [all[0], all[2], (NOW + 2 * DAY, NOW + 3 * DAY, true)];
    assert_eq!(windows(&[planned, canceled, renewed]), after_renewal, "a canceled window is not restored");
}

#[test]
fn only_time_that_was_announced_before_it_began_is_planned() {
    let (start, end) = (NOW - 5 * HOUR, NOW - 4 * HOUR);
    let planned = |at| maintenance("anna", at, Some(plan(&[(start, end)])), None);
    assert_eq!(announced(&[planned(start)]), Some((start, end)));
    assert_eq!(announced(&[planned(start + 1)]), None, "the outage was already there");
    let moved = |at, start_of_move, end_of_move| {
        let change = MaintenanceChange::Move { window: start, start: start_of_move, end: end_of_move };
        announced(&[planned(start), maintenance("anna", at, None, Some(change))])
    };
    let half = HOUR / 2;
    assert_eq!(moved(start + half, start, end + HOUR), Some((start, end + HOUR)), "extended while in progress");
    assert_eq!(moved(end - 1, start, end + HOUR), Some((start, end + HOUR)), "extended just before its end");
    assert_eq!(moved(end, start, end + HOUR), Some((start, end)), "extended after its end");
    assert_eq!(moved(end + 1, start - HOUR, end), Some((start, end)), "its start was moved afterwards");
    assert_eq!(moved(NOW - MINUTE, NOW - 3 * HOUR, NOW - 2 * HOUR), None, "moved to an outage that was not planned");
    assert_eq!(moved(end + 1, end + HOUR, end + 2 * HOUR), Some((end + HOUR, end + 2 * HOUR)), "moved in time");
    assert_eq!(moved(end + 1, start, start + half), Some((start, start + half)), "it ended early");
    let late = maintenance(
        "anna",
        start + half,
        None,
        Some(MaintenanceChange::Move { window: start, start, end: end + HOUR }),
    );
    assert_eq!(announced(&[planned(start + 1), late]), None, "an extension announces nothing that had begun");
}

#[test]
fn a_window_that_moves_to_another_time_is_announced_again() {
    let (start, end, half) = (NOW + HOUR, NOW + 2 * HOUR, HOUR / 2);
    let planned = maintenance("anna", NOW - DAY, Some(plan(&[(start, end)])), None);
    let announced_at = |from, until| {
        let change = MaintenanceChange::Move { window: start, start: from, end: until };
        let announcements = fold(&[planned.clone(), maintenance("anna", NOW - 1, None, Some(change))], &[], NOW);
        announcements.maintenance[0].windows[0].announced_at
    };
    assert_eq!(announced_at(start, end + HOUR), NOW - DAY, "extended");
    assert_eq!(announced_at(start + half, end + half), NOW - DAY, "postponed");
    assert_eq!(announced_at(NOW, NOW + HOUR), NOW - 1, "begun early");
    assert_eq!(announced_at(end, end + HOUR), NOW - 1, "moved to another time");
}

#[test]
fn changes_of_the_affected_endpoints_have_times() {
    let affects = |scope: &str| vec![Affected { scope: Scope(scope.to_owned()), impact: Impact::Down }];
    let about = |at, scope: &str| Post { affects: Some(affects(scope)), ..maintenance("anna", at, None, None) };
    let first = Post { id: id("anna", NOW - DAY), ..about(0, "Shop") };
    let edit =
        |at, target: &PostId, scope: &str| Post { edit: Some(Edit::Replaces(target.clone())), ..about(at, scope) };
    let declared = |posts: &[Post]| fold(posts, &[], NOW).maintenance[0].declared.clone();
    let same = about(NOW - 9, "Shop");
    let changed = about(NOW - 8, "Mail");
    let expected = [(NOW - DAY, affects("Shop")), (NOW - 8, affects("Mail"))];
    assert_eq!(declared(&[first.clone(), same, changed]), expected);
    let edited = edit(NOW - 8, &first.id, "Mail");
    // The second edit does not change the endpoints.
    let again = Post { title: Some("Upgrade 2".to_owned()), ..edit(NOW - 5, &edited.id, "Mail") };
    assert_eq!(declared(&[first.clone(), edited.clone(), again]), expected);
    let restored = edit(NOW - 3, &edited.id, "Shop");
    assert_eq!(declared(&[first, edited, restored])[2..], [(NOW - 3, affects("Shop"))]);
}

#[test]
fn an_edit_of_a_plan_announces_only_what_it_changes() {
    let (start, end) = (NOW - 5 * HOUR, NOW - 4 * HOUR);
    let planned = maintenance("anna", start - HOUR, Some(plan(&[(start, end)])), None);
    let edited = |windows: &[(UnixNanos, UnixNanos)]| Post {
        edit: Some(Edit::Replaces(planned.id.clone())),
        ..maintenance("anna", NOW - MINUTE, Some(plan(windows)), None)
    };
    assert_eq!(announced(&[planned.clone(), edited(&[(start, end)])]), Some((start, end)));
    assert_eq!(announced(&[planned.clone(), edited(&[(start, end + HOUR)])]), None);
}

#[test]
fn a_notice_ends_after_a_day_or_at_the_time_in_a_later_post() {
    let root = id("anna", NOW - HOUR);
    let notice = |at, until| Post { details: Details::Message { until }, ..incident("anna", at, &root, None) };
    let of = |posts: &[Post]| fold(posts, &[], NOW).messages[0].clone();
    let first = notice(NOW - HOUR, None);
    assert_eq!(of(std::slice::from_ref(&first)).until, NOW - HOUR + DAY);
    let ended = of(&[first, notice(NOW - MINUTE, Some(NOW - MINUTE))]);
    assert!(!ended.is_active(NOW) && ended.is_active(NOW - 2 * MINUTE), "{ended:?}");
}

#[test]
fn a_digest_leaves_out_what_ended_long_ago_and_others_posts() {
    let (old, new) = (id("anna", NOW - 2 * KEPT_FOR), id("anna", NOW - DAY));
    let posts = [
        incident("anna", old.posted_at, &old, None),
        incident("anna", old.posted_at + HOUR, &old, Some(IncidentState::Resolved)),
        incident("anna", new.posted_at, &new, None),
        incident("ben", new.posted_at + 1, &new, None),
        incident("anna", new.posted_at + 2, &id("ben", NOW - 3 * KEPT_FOR), None),
    ];
    let digest = PostDigest::new(name("anna"), posts.clone(), NOW);
    assert_eq!(digest.posts, [posts[2].clone(), posts[4].clone()]);
    let open = PostDigest::new(name("anna"), posts[..1].to_vec(), NOW);
    assert_eq!(open.posts.len(), 1, "an open incident stays");
}

#[test]
fn the_golden_posts_and_digest_round_trip() {
    for (file, json) in [
        ("1795330254340493978-anna", include_str!("../../golden/posts/incident.json")),
        ("1795330254340493979-anna", include_str!("../../golden/posts/maintenance.json")),
        ("1795330254340493980-anna", include_str!("../../golden/posts/silence.json")),
        ("1795330254340493981-anna", include_str!("../../golden/posts/message.json")),
        ("1795330254340493982-anna", include_str!("../../golden/posts/change.json")),
    ] {
        let post = Post::parse(json.as_bytes(), file.parse().expect("an id")).expect(file);
        assert_eq!(post.to_json(), json.trim_end());
    }
    let json = include_str!("../../golden/posts/digest.json");
    let digest = PostDigest::parse(json.as_bytes()).expect("a digest");
    assert_eq!((digest.to_json().as_str(), digest.skipped), (json.trim_end(), 0));
}

#[test]
fn invalid_posts_are_named_and_skipped_in_digests() {
    let root = id("anna", NOW);
    for (json, expected) in [
        ("{", "invalid post"),
        ("{}", "the key `version`"),
        (r#"{"version":2}"#, "version 2"),
        (r#"{"version":1}"#, "the key `incident`"),
        (r#"{"version":1,"incident":"x"}"#, "the key `incident`"),
        (r#"{"version":1,"incident":"1795330254340493978-anna","state":"happy"}"#, "the key `state`"),
        (r#"{"version":1,"incident":"1795330254340493978-anna","about":{"Shop":"bad"}}"#, "the key `about`"),
        (r#"{"version":1,"maintenance":"1795330254340493978-anna","windows":[[2,1]]}"#, "the key `windows`"),
        (r#"{"version":1,"maintenance":"1795330254340493978-anna","move":[1,3,2]}"#, "the key `move`"),
        (r#"{"version":1,"incident":"1795330254340493978-anna","began":-1}"#, "the key `began`"),
        (r#"{"version":1,"silence":"1795330254340493978-anna","until":9000000000000000000}"#, "the key `until`"),
        (r#"{"version":1,"maintenance":"1795330254340493978-anna","cancel":-1}"#, "the key `cancel`"),
    ] {
        let error = Post::parse(json.as_bytes(), root.clone()).expect_err(json).to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    let json = r#"{"version":1,"author":"anna","posts":[7,{"id":"x"},
        {"id":"1795330254340493978-ben","incident":"1795330254340493978-ben"},
        {"id":"1795330254340493978-anna","incident":"1795330254340493978-anna"}]}"#;
    let digest = PostDigest::parse(json.as_bytes()).expect("a digest");
    assert_eq!((digest.posts.len(), digest.skipped), (1, 3));
    for json in ["", "[]", r#"{"version":1}"#, r#"{"version":9,"author":"anna"}"#, r#"{"version":1,"author":anna}"#] {
        assert!(PostDigest::parse(json.as_bytes()).is_err(), "{json}");
    }
}

/// Any post of three authors about few subjects, so that posts often relate to each other.
fn any_post() -> impl Strategy<Value = Post> {
    let any_id = || ("[abc]", 0..6_i64).prop_map(|(author, at)| id(&author, NOW - HOUR + at * MINUTE));
    let edit = prop_oneof![
        3 => Just(None),
        1 => any_id().prop_map(|id| Some(Edit::Replaces(id))),
        1 => any_id().prop_map(|id| Some(Edit::Withdraws(id))),
    ];
    let time = || prop::option::of((0..120_i64).prop_map(|minutes| NOW - 2 * HOUR + minutes * MINUTE));
    let state = prop::option::of(prop::sample::select(&IncidentState::ALL[..]));
    let window = (0..4_i64).prop_map(|hours| (NOW + hours * HOUR, NOW + hours * HOUR + 30 * MINUTE));
    let windows =
        prop::collection::btree_set(window, 0..3).prop_map(|windows| plan(&windows.into_iter().collect::<Vec<_>>()));
    let change = prop_oneof![
        Just(MaintenanceChange::CancelAll),
        (0..4_i64).prop_map(|hours| MaintenanceChange::Cancel(NOW + hours * HOUR)),
        (0..4_i64).prop_map(|hours| MaintenanceChange::Move {
            window: NOW + hours * HOUR,
            start: NOW,
            end: NOW + HOUR
        }),
    ];
    let details = prop_oneof![
        (state, time(), time()).prop_map(|(state, began, ended)| Details::Incident { state, began, ended }),
        (prop::option::of(windows), prop::option::of(change))
            .prop_map(|(plan, change)| Details::Maintenance { plan, change }),
        time().prop_map(|until| Details::Silence { until }),
        time().prop_map(|until| Details::Message { until }),
    ];
    let texts = (prop::option::of("[a-z\"<]{0,4}"), prop::option::of("[a-z\"<]{0,4}"));
    (any_id(), any_id(), edit, texts, time(), details).prop_map(|(id, subject, edit, (title, text), at, details)| {
        Post {
            id,
            subject,
            edit,
            affects: title.as_ref().map(|title| vec![Affected { scope: Scope(title.clone()), impact: Impact::Down }]),
            title,
            text,
            at,
            details,
        }
    })
}

/// Drops all but one of the posts with the same identity, because posts never change.
fn with_distinct_ids(mut posts: Vec<Post>) -> Vec<Post> {
    posts.sort();
    posts.dedup_by(|one, other| one.id == other.id);
    posts
}

proptest! {
    #[test]
    fn folding_is_a_function_of_the_set(
        (posts, shuffled) in prop::collection::vec(any_post(), 0..12).prop_map(with_distinct_ids)
            .prop_flat_map(|posts| (Just(posts.clone()), Just([posts.clone(), posts].concat()).prop_shuffle()))
    ) {
        let editors = [name("a")];
        prop_assert_eq!(fold(&posts, &editors, NOW), fold(&shuffled, &editors, NOW));
    }

    #[test]
    fn digests_can_be_combined_in_any_order(
        (digests, shuffled) in prop::collection::vec(any_post(), 0..12)
            .prop_map(with_distinct_ids)
            .prop_map(|posts| ["a", "b", "c"].map(|author| PostDigest::new(name(author), posts.clone(), NOW)).to_vec())
            .prop_flat_map(|digests| {
                (Just(digests.clone()), Just([digests.clone(), digests].concat()).prop_shuffle())
            })
    ) {
        let authors = Authors { shown: Some(vec![name("a"), name("b")]), editors: vec![name("a")] };
        let combined = authors.announcements_with_silences(&digests, NOW);
        prop_assert_eq!(&authors.announcements_with_silences(&shuffled, NOW), &combined);
        let all = fold(digests.iter().flat_map(|digest| &digest.posts), &authors.editors, NOW);
        prop_assert_eq!(&combined.silences, &all.silences, "those of all authors");
    }

    #[test]
    fn posts_and_digests_round_trip(posts in prop::collection::vec(any_post(), 0..8)) {
        for post in &posts {
            prop_assert_eq!(&Post::parse(post.to_json().as_bytes(), post.id.clone()).expect("valid"), post);
        }
        let digest = PostDigest::new(name("a"), posts, NOW);
        prop_assert_eq!(PostDigest::parse(digest.to_json().as_bytes()), Ok(digest));
    }

    #[test]
    fn any_text_is_a_digest_or_an_error(text in "[{}\\[\\]\",:a-z0-9-]{0,60}") {
        let _ = PostDigest::parse(text.as_bytes());
    }
}
