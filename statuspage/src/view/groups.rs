//! The groups of endpoints: members, order and overall status.

use shared::UnixNanos;
use shared::page_config::appearance::{Appearance, Group, position_in};
use shared::sorting::sort_by_integer;
use shared::status::Status;

use super::combine_nodes::EvaluatedEndpoint;
use super::overall::{is_planned, overall_status};
use crate::i18n::{Calendar, Language, texts};

/// A group, or all endpoints if no groups are configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupView {
    /// The group's number in the configuration, which does not change while the page is open.
    pub key: usize,
    /// The key of the enclosing group.
    pub parent: Option<usize>,
    /// The title, which is empty if no groups are configured.
    pub title: String,
    /// The overall status of all members.
    pub status: Status,
    /// Whether announced maintenance covers the problems of all members.
    pub is_planned: bool,
    /// A summary of all members' statuses: `2 of 5 down`.
    pub summary: String,
    /// The ids of the group's direct members, in the configured order.
    pub endpoints: Vec<usize>,
    /// The ids of all members, including those in nested groups.
    pub all: Vec<usize>,
    /// The ids of the members that are not monitored.
    pub retired: Vec<usize>,
}

/// The context that all groups share.
#[derive(Clone, Copy)]
struct Context<'a> {
    /// The ids of the endpoints that are shown. The others are only counted.
    shown_ids: &'a [usize],
    /// Whether members may be missing from groups.
    is_incomplete: bool,
    language: &'a Language,
    now: UnixNanos,
}

/// Returns the groups in the configured order, each after its parent. `evaluated` is in page order.
#[must_use]
pub fn groups(
    evaluated: &[EvaluatedEndpoint<'_>],
    shown_ids: &[usize],
    is_incomplete: bool,
    appearance: &Appearance,
    calendar: Calendar<'_>,
) -> Vec<GroupView> {
    let language = calendar.language;
    let context = Context { shown_ids, is_incomplete, language, now: calendar.now };
    let mut left: Vec<&EvaluatedEndpoint<'_>> = evaluated.iter().collect();
    let mut views = Vec::new();
    let mut number = 0;
    for group in &appearance.groups {
        add(group, None, &mut number, &mut left, &mut views, context);
    }
    if !left.is_empty() || views.is_empty() {
        let title = if appearance.groups.is_empty() { "" } else { language.text(texts::OTHER_SERVICES) };
        views.push(view(usize::MAX, None, title, &left, &left, context));
    }
    views
}

/// Adds a group and its nested groups, and removes their members from `left`. Returns the members.
fn add<'r>(
    group: &Group,
    parent: Option<usize>,
    number: &mut usize,
    left: &mut Vec<&'r EvaluatedEndpoint<'r>>,
    views: &mut Vec<GroupView>,
    context: Context<'_>,
) -> Vec<&'r EvaluatedEndpoint<'r>> {
    let mut own = Vec::new();
    left.retain(|evaluated| {
        let position = position_in(&group.endpoints, &evaluated.endpoint.key.title);
        own.extend(position.map(|position| (position, *evaluated)));
        position.is_none()
    });
    sort_by_integer(&mut own, |(position, _)| *position as i64);
    let own: Vec<&EvaluatedEndpoint<'_>> = own.into_iter().map(|(_, evaluated)| evaluated).collect();
    // Keys do not depend on which groups are shown, so folded groups stay folded.
    let (key, index) = (*number, views.len());
    *number += 1;
    let mut all = own.clone();
    views.push(GroupView::default());
    for inner in &group.groups {
        all.extend(add(inner, Some(key), number, left, views, context));
    }
    if all.is_empty() {
        // Empty groups are not shown.
        views.truncate(index);
    } else {
        views[index] = view(key, parent, &group.title, &own, &all, context);
    }
    all
}

fn view(
    key: usize,
    parent: Option<usize>,
    title: &str,
    own: &[&EvaluatedEndpoint<'_>],
    all: &[&EvaluatedEndpoint<'_>],
    context: Context<'_>,
) -> GroupView {
    let ids = |some: &[&EvaluatedEndpoint<'_>]| {
        some.iter().map(|evaluated| evaluated.id).filter(|id| context.shown_ids.contains(id)).collect()
    };
    let mut status = overall_status(all.iter().copied());
    if context.is_incomplete {
        status = shared::endpoint_status::of_incomplete(status);
    }
    GroupView {
        key,
        parent,
        title: title.to_owned(),
        status,
        is_planned: !context.is_incomplete && is_planned(all.iter().copied(), context.now),
        summary: summary(all, context),
        endpoints: ids(own),
        all: ids(all),
        retired: all.iter().filter(|evaluated| evaluated.retired).map(|evaluated| evaluated.id).collect(),
    }
}

/// Summarizes the statuses of a group's members: `2 healthy`, `all 5 healthy`, `2 of 5 down`, `1 of 5 down, 1
/// degraded`, `1 of 5 not monitored`.
fn summary(all: &[&EvaluatedEndpoint<'_>], context: Context<'_>) -> String {
    let Context { is_incomplete, language, .. } = context;
    let mut parts = String::new();
    let total = language.number(all.len());
    let statuses = Status::ALL.into_iter().rev().map(|status| (status, false));
    for (status, is_retired) in statuses.chain([(Status::Unknown, true)]) {
        let is_counted = |one: &&&EvaluatedEndpoint<'_>| one.status == status && one.retired == is_retired;
        let count = all.iter().filter(is_counted).count();
        let label = if is_retired { language.text(texts::NOT_MONITORED) } else { language.status_label(status) };
        let number = language.number(count);
        if count == all.len() {
            return language
                .format(if count <= 2 || is_incomplete { texts::NUMBER_IS } else { texts::ALL_OF }, &[&number, label]);
        }
        if count > 0 && status != Status::Healthy {
            parts = if parts.is_empty() {
                language.format(texts::SOME_OF, &[&number, &total, label])
            } else {
                language.format(texts::COMMA, &[&parts, &language.format(texts::NUMBER_IS, &[&number, label])])
            };
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::affected::group_titles;
    use super::*;
    use crate::test_support::{dataset, evaluate, utc};
    use Status::{Degraded, Down, Healthy};

    fn group(title: &str, endpoints: &[&str], groups: Vec<Group>) -> Group {
        let endpoints = endpoints.iter().map(ToString::to_string).collect();
        Group { title: title.to_owned(), endpoints, groups }
    }

    fn group_lines(appearance: &Appearance, checks: &[(&str, &str, i64, Status)]) -> Vec<String> {
        let dataset = dataset(checks);
        let all = evaluate(&dataset);
        let title = |id: &usize| dataset.endpoints[*id].key.title.clone();
        let ids: Vec<usize> = all.iter().map(|one| one.id).collect();
        groups(&all, &ids, false, appearance, utc())
            .iter()
            .map(|view| {
                let titles: Vec<String> = view.endpoints.iter().map(title).collect();
                let inside = view.parent.map_or(String::new(), |inside| format!(" in {inside}"));
                format!("{}{inside}: {} ({}) {}", view.title, view.status.as_str(), view.summary, titles.join(" "))
            })
            .collect()
    }

    const CHECKS: [(&str, &str, i64, Status); 5] = [
        ("Cart", "", 0, Healthy),
        ("Pay one", "", 0, Degraded),
        ("Pay two", "", 0, Down),
        ("API", "", 0, Healthy),
        ("Alone", "", 0, Healthy),
    ];

    #[test]
    fn endpoints_without_groups_are_one_group() {
        assert_eq!(
            group_lines(&Appearance::default(), &CHECKS),
            [": down (1 of 5 down, 1 degraded) Cart Pay one Pay two API Alone"]
        );
    }

    #[test]
    fn a_group_keeps_the_configured_order() {
        let inner = group("Back", &["API"], Vec::new());
        let appearance =
            Appearance { groups: vec![group("Shop", &["Pay *", "Cart"], vec![inner])], ..Appearance::default() };
        assert_eq!(
            group_lines(&appearance, &CHECKS),
            [
                "Shop: down (1 of 4 down, 1 degraded) Pay one Pay two Cart",
                "Back in 0: healthy (1 healthy) API",
                "Other services: healthy (1 healthy) Alone",
            ]
        );
        assert_eq!(group_titles(&appearance.groups, "API"), ["Shop", "Back"]);
        assert!(group_titles(&appearance.groups, "Alone").is_empty());
    }

    #[test]
    fn endpoints_that_are_not_shown_are_counted() {
        let dataset = dataset(&["A", "B", "C"].map(|title| (title, "", 0, Healthy)));
        let all = evaluate(&dataset);
        let of = |is_incomplete| {
            let groups = groups(&all, &[1], is_incomplete, &Appearance::default(), utc());
            (groups[0].endpoints.clone(), groups[0].status, groups[0].summary.clone())
        };
        assert_eq!(of(false), (vec![1], Healthy, "all 3 healthy".to_owned()));
        assert_eq!(of(true), (vec![1], Status::Unknown, "3 healthy".to_owned()));
    }

    #[test]
    fn a_retired_endpoint_is_counted_as_not_monitored() {
        let summary = |checks: &[(&str, &str, i64, Status)]| {
            let group = groups(&evaluate(&dataset(checks)), &[], false, &Appearance::default(), utc()).remove(0);
            (group.status, group.summary)
        };
        let healthy = [("A", "n1", 0, Healthy), ("B", "n1", 0, Healthy)];
        let retired = [("C", "n1", 60, Healthy)];
        assert_eq!(summary(&[&healthy[..], &retired].concat()), (Healthy, "1 of 3 not monitored".to_owned()));
        let down = [("D", "n1", 0, Down), ("E", "n2", 60, Healthy)];
        assert_eq!(
            summary(&[&healthy[..], &retired, &down].concat()),
            (Down, "1 of 5 down, 1 unknown, 1 not monitored".to_owned())
        );
    }

    #[test]
    fn an_empty_group_is_not_shown() {
        let appearance = Appearance { groups: vec![group("Gone", &["Missing"], Vec::new())], ..Appearance::default() };
        assert_eq!(group_lines(&appearance, &CHECKS[..1]), ["Other services: healthy (1 healthy) Cart"]);
    }
}
