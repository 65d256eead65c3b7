//! Tests which of several changes to planned maintenance applies, and from which time.

use super::*;

#[test]
fn an_end_wins_over_extensions_whose_authors_did_not_know_it() {
    let (start, end, half) = (NOW - HOUR, NOW + HOUR, HOUR / 2);
    let planned = maintenance("anna", NOW - DAY, Some(plan(&[(start, end)])), None);
    let moved = |author: &str, at, until| {
        maintenance(author, at, None, Some(MaintenanceChange::Move { window: start, start, end: until }))
    };
    let ended = moved("ben", NOW - half, NOW - half);
    for at in [NOW - half - 1, NOW - half, NOW - half + 1, NOW - MINUTE] {
        for author in ["anna", "cleo"] {
            let posts = [planned.clone(), ended.clone(), moved(author, at, end + HOUR)];
            assert_eq!(windows(&posts), [(start, NOW - half, true)], "{author} {}", at - NOW);
        }
    }
    let extended = moved("anna", NOW - half, end + HOUR);
    assert_eq!(windows(&[planned.clone(), extended]), [(start, end + HOUR, true)]);
    let corrected = moved("ben", NOW - MINUTE, NOW - 2 * MINUTE);
    assert_eq!(windows(&[planned, moved("anna", NOW - half, end), corrected]), [(start, NOW - 2 * MINUTE, true)]);
}

#[test]
fn a_restored_window_is_announced_again() {
    let (start, end) = (NOW - 5 * HOUR, NOW - 4 * HOUR);
    let planned = maintenance("anna", start - HOUR, Some(plan(&[(start, end)])), None);
    let affects = |scope: &str| Some(vec![Affected { scope: Scope(scope.to_owned()), impact: Impact::Down }]);
    let edit = |at, edit, plan, change| Post { edit: Some(edit), ..maintenance("anna", at, plan, change) };
    let replaces = |target: &Post, at, windows: &[(UnixNanos, UnixNanos)]| {
        edit(at, Edit::Replaces(target.id.clone()), Some(plan(windows)), None)
    };
    let emptied = replaces(&planned, NOW - 30 * MINUTE, &[]);
    let restored = replaces(&planned, NOW - MINUTE, &[(start, end)]);
    assert_eq!(announced(&[planned.clone(), emptied.clone(), restored.clone()]), None, "its windows were removed");
    let withdrawn = edit(NOW - 30 * MINUTE, Edit::Withdraws(planned.id.clone()), None, None);
    assert_eq!(announced(&[planned.clone(), withdrawn, restored.clone()]), None, "it was withdrawn");
    assert_eq!(announced(&[planned.clone(), restored]), Some((start, end)), "nothing was removed");
    for change in [MaintenanceChange::Cancel(start), MaintenanceChange::CancelAll] {
        let canceled = maintenance("ben", start - MINUTE, None, Some(change));
        let undone =
            Post { edit: Some(Edit::Withdraws(canceled.id.clone())), ..maintenance("ben", NOW - 1, None, None) };
        assert_eq!(announced(&[planned.clone(), canceled.clone(), undone]), None, "the cancellation was withdrawn");
        let kept = Post { edit: Some(Edit::Replaces(canceled.id.clone())), ..maintenance("ben", NOW - 1, None, None) };
        assert_eq!(announced(&[planned.clone(), canceled, kept]), None, "the cancellation was replaced");
    }
    let note = maintenance("ben", start - MINUTE, None, None);
    let undone = Post { edit: Some(Edit::Withdraws(note.id.clone())), ..maintenance("ben", NOW - 1, None, None) };
    assert_eq!(announced(&[planned.clone(), note, undone]), Some((start, end)), "a text announces nothing");
    let first = Post { affects: affects("Shop"), ..planned };
    let other = Post { affects: affects("Mail"), ..maintenance("ben", start - MINUTE, None, None) };
    let undone = Post { edit: Some(Edit::Withdraws(other.id.clone())), ..maintenance("ben", NOW - 1, None, None) };
    let declared = fold_maintenance(&[first, other, undone]).maintenance[0].declared.clone();
    assert_eq!(declared.last(), Some(&(NOW - 1, affects("Shop").expect("endpoints"))));
    assert!(declared.iter().all(|(since, _)| *since >= NOW - 1), "{declared:?}");
}
