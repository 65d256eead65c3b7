//! Periods during which outages are not reported, from the maintenance windows and silences that people posted. Pure.

use shared::UnixNanos;
use shared::notification::reconcile::{Hold, HoldKind, Period, covered_titles};
use shared::page_config::appearance::Group;
use shared::post::digest::PostDigest;
use shared::post::fold::Announcements;
use shared::post::maintenance::Window;
use shared::post::{Affected, Authors, Impact};

/// Returns the holds that overlap the period from `from` to `now`. `groups` are those of the page, which posts can name.
#[must_use]
pub fn holds(
    digests: &[PostDigest],
    (groups, authors): (&[Group], &Authors),
    (from, now): (UnixNanos, UnixNanos),
) -> Vec<Hold> {
    if digests.iter().all(|digest| digest.posts.is_empty()) {
        return Vec::new();
    }
    holds_of(&authors.announcements_with_silences(digests, now), groups, (from, now))
}

fn holds_of(announcements: &Announcements, groups: &[Group], (from, now): (UnixNanos, UnixNanos)) -> Vec<Hold> {
    let overlaps = |period: &Period| period.end > from && period.start <= now && period.start < period.end;
    let mut holds = Vec::new();
    for maintenance in &announcements.maintenance {
        let parts: Vec<WindowPart> =
            maintenance.windows.iter().flat_map(parts).filter(|part| overlaps(&part.period)).collect();
        // Endpoints for which no impact is expected are not held back.
        for impact in [Impact::Degraded, Impact::Down] {
            let affected = maintenance.affects.iter().filter(|affected| affected.impact == impact);
            let endpoints = titles(affected, groups);
            // Without endpoints, a hold would apply to all of them.
            if !endpoints.is_empty() {
                let hold = |part: &WindowPart| Hold {
                    kind: part.kind,
                    period: part.period,
                    announced_at: Some(part.announced_at),
                    endpoints: endpoints.clone(),
                    impact,
                };
                holds.extend(parts.iter().map(hold));
            }
        }
    }
    for silence in &announcements.silences {
        let period = Period { start: silence.from, end: silence.until };
        if overlaps(&period) {
            let endpoints = titles(&silence.affects, groups);
            let (kind, impact) = (HoldKind::Silence, Impact::Down);
            holds.push(Hold { kind, period, announced_at: None, endpoints, impact });
        }
    }
    holds
}

/// A part of a maintenance window.
struct WindowPart {
    kind: HoldKind,
    period: Period,
    announced_at: UnixNanos,
}

/// Returns the part of a window that counts as planned, and the parts that were announced after they began.
fn parts(window: &Window) -> impl Iterator<Item = WindowPart> {
    let part = |kind, (start, end), announced_at| WindowPart { kind, period: Period { start, end }, announced_at };
    let planned = part(HoldKind::Planned, window.announced, window.announced_at);
    let late = window.announced_afterwards();
    let late = late.map(|range| part(HoldKind::AnnouncedLate, range, window.rest_announced_at));
    std::iter::once(planned).chain(late)
}

fn titles<'a>(affected: impl IntoIterator<Item = &'a Affected>, groups: &[Group]) -> Vec<String> {
    affected.into_iter().flat_map(|affected| covered_titles(&affected.scope, groups)).collect()
}

#[cfg(test)]
mod tests {
    use shared::object_name::{NodeName, PostId};
    use shared::post::{Details, MaintenanceChange, MaintenancePlan, Post, Scope};
    use shared::{HOUR, MINUTE};

    use super::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    fn post(at: UnixNanos, affects: &[(&str, Impact)], details: Details) -> Post {
        let id = PostId { posted_at: at, author: NodeName::new("anna").unwrap() };
        let affected =
            |(scope, impact): &(&str, Impact)| Affected { scope: Scope((*scope).to_owned()), impact: *impact };
        Post {
            subject: id.clone(),
            id,
            edit: None,
            title: None,
            affects: Some(affects.iter().map(affected).collect()),
            text: None,
            at: None,
            details,
        }
    }

    fn window(affects: &[(&str, Impact)], start: UnixNanos) -> Post {
        let plan = MaintenancePlan { windows: vec![(start, start + HOUR)], ..MaintenancePlan::default() };
        post(NOW - HOUR, affects, Details::Maintenance { plan: Some(plan), change: None })
    }

    fn found(posts: Vec<Post>) -> Vec<(HoldKind, Vec<String>, Impact)> {
        let groups = [Group { title: "Platform".to_owned(), endpoints: vec!["API *".to_owned()], groups: Vec::new() }];
        let digest = PostDigest::new(NodeName::new("anna").unwrap(), posts, NOW);
        let holds = holds(&[digest], (&groups, &Authors::default()), (NOW - 2 * HOUR, NOW));
        holds.into_iter().map(|hold| (hold.kind, hold.endpoints, hold.impact)).collect()
    }

    #[test]
    fn windows_hold_back_what_they_declare() {
        let affects =
            [("Shop", Impact::Down), ("Platform", Impact::Degraded), ("Mail", Impact::None), ("Web*", Impact::Down)];
        let texts = |titles: &[&str]| titles.iter().map(|title| (*title).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found(vec![window(&affects, NOW - 10 * MINUTE)]),
            [
                (HoldKind::Planned, texts(&["Platform", "API *"]), Impact::Degraded),
                (HoldKind::Planned, texts(&["Shop", "Web*"]), Impact::Down),
            ]
        );
    }

    #[test]
    fn windows_without_an_impact_or_at_other_times_hold_back_nothing() {
        let shop = [("Shop", Impact::Down)];
        for post in [
            window(&[], NOW - MINUTE),
            window(&[("Shop", Impact::None)], NOW - MINUTE),
            window(&shop, NOW + MINUTE),
            window(&shop, NOW - 4 * HOUR),
        ] {
            assert_eq!(found(vec![post.clone()]), [], "{post:?}");
        }
        assert_eq!(holds(&[], (&[], &Authors::default()), (0, NOW)), []);
    }

    #[test]
    fn parts_that_were_announced_afterwards_are_not_planned() {
        let (start, late) = (NOW - 30 * MINUTE, NOW - 20 * MINUTE);
        let of = |posts: Vec<Post>| {
            let digest = PostDigest::new(NodeName::new("anna").unwrap(), posts, NOW);
            let holds = holds(&[digest], (&[], &Authors::default()), (NOW - 2 * HOUR, NOW));
            let parts =
                holds.into_iter().map(|hold| (hold.kind, hold.period.start, hold.period.end, hold.announced_at));
            parts.collect::<Vec<_>>()
        };
        let shop = [("Shop", Impact::Down)];
        let planned = |length| {
            let plan = MaintenancePlan { windows: vec![(start, start + length)], ..MaintenancePlan::default() };
            Details::Maintenance { plan: Some(plan), change: None }
        };
        let in_time = (HoldKind::Planned, start, start + HOUR, Some(NOW - HOUR));
        assert_eq!(of(vec![window(&shop, start)]), [in_time]);
        let afterwards = (HoldKind::AnnouncedLate, start, start + HOUR, Some(late));
        assert_eq!(of(vec![post(late, &shop, planned(HOUR))]), [afterwards]);
        let change = |at, from, end| {
            let change = MaintenanceChange::Move { window: start, start: from, end };
            Post { affects: None, ..post(at, &[], Details::Maintenance { plan: None, change: Some(change) }) }
        };
        let about = |first: &Post, change: Post| vec![first.clone(), Post { subject: first.id.clone(), ..change }];
        let first = post(NOW - HOUR, &shop, planned(5 * MINUTE));
        let over = (HoldKind::Planned, start, start + 5 * MINUTE, Some(NOW - HOUR));
        assert_eq!(of(about(&first, change(late, start, NOW))), [over], "it cannot be extended after its end");
        let moved = (HoldKind::AnnouncedLate, start + 5 * MINUTE, NOW, Some(late));
        assert_eq!(of(about(&first, change(late, start + 5 * MINUTE, NOW))), [moved]);
        let first = post(late, &shop, planned(HOUR));
        let extended = (HoldKind::AnnouncedLate, start, start + 2 * HOUR, Some(late));
        assert_eq!(of(about(&first, change(NOW - MINUTE, start, start + 2 * HOUR))), [extended], "it was in progress");
    }

    #[test]
    fn maintenance_of_hidden_authors_holds_back_nothing() {
        let shop = [("Shop", Impact::Down)];
        let silence = post(NOW - HOUR + 1, &shop, Details::Silence { until: Some(NOW + HOUR) });
        let digest = PostDigest::new(NodeName::new("anna").unwrap(), [window(&shop, NOW - MINUTE), silence], NOW);
        let kinds = |shown: Option<Vec<NodeName>>| {
            let authors = Authors { shown, editors: Vec::new() };
            let holds = holds(std::slice::from_ref(&digest), (&[], &authors), (NOW - HOUR, NOW));
            holds.iter().map(|hold| hold.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(None), [HoldKind::Planned, HoldKind::Silence]);
        assert_eq!(kinds(Some(Vec::new())), [HoldKind::Silence]);
    }

    #[test]
    fn silences_hold_back_everything_about_their_endpoints() {
        let silence = |at, affects, until| post(at, affects, Details::Silence { until: Some(until) });
        let posts = vec![
            silence(NOW - HOUR, &[("Shop", Impact::None)], NOW + HOUR),
            silence(NOW - HOUR + 1, &[], NOW + HOUR),
            silence(NOW - 3 * HOUR, &[("Shop", Impact::None)], NOW - 2 * HOUR),
        ];
        let expected =
            [(HoldKind::Silence, vec!["Shop".to_owned()], Impact::Down), (HoldKind::Silence, Vec::new(), Impact::Down)];
        assert_eq!(found(posts), expected);
    }
}
