use shared::object_name::{NodeName, PostId};
use shared::post::fold::fold;
use shared::post::{Affected, Details, Impact, Post, Scope};
use shared::{HOUR, MINUTE, SECOND};

use super::*;

/// The time 12:00 in Berlin on 2026-11-30.
const NOW: UnixNanos = 1_796_036_400 * SECOND;

fn id(at: UnixNanos) -> PostId {
    PostId { posted_at: at, author: NodeName::new("anna").unwrap() }
}

fn post(at: UnixNanos, plan: Option<MaintenancePlan>, change: Option<MaintenanceChange>) -> Post {
    let affects = vec![Affected { scope: Scope("Shop".to_owned()), impact: Impact::Down }];
    Post {
        id: id(at),
        subject: id(NOW - DAY),
        edit: None,
        title: Some("Upgrade".to_owned()),
        affects: Some(affects),
        text: None,
        at: None,
        details: Details::Maintenance { plan, change },
    }
}

fn first(start: &str, length: Nanos, repeat: &str) -> Post {
    let recurrence = Recurrence::parse((start, "Europe/Berlin"), length, repeat, &[]).unwrap();
    post(NOW - DAY, Some(recurrence.plan(&recurrence.expand(NOW - DAY).unwrap())), None)
}

fn folded(posts: &[Post], now: UnixNanos) -> Maintenance {
    fold(posts, &[], now).maintenance.into_iter().next().unwrap()
}

fn after(posts: &mut Vec<Post>, change: MaintenanceChange, now: UnixNanos) -> Maintenance {
    posts.push(post(now, None, Some(change)));
    folded(posts, now)
}

fn error(result: Result<MaintenanceChange, MaintenanceError>) -> String {
    result.unwrap_err().to_string()
}

/// The starts and ends of all windows, as `12-06 02:00–03:30`.
fn windows(maintenance: &Maintenance) -> Vec<String> {
    let zone = zone_of(maintenance);
    let text = |window: &Window| {
        let (start, end) = (to_local(window.start, &zone), to_local(window.end, &zone));
        format!("{}–{}", start.strftime("%m-%d %H:%M"), end.strftime("%H:%M"))
    };
    maintenance.windows.iter().map(text).collect()
}

#[test]
fn all_windows_or_a_single_one_can_be_canceled() {
    let mut posts = vec![first("2026-12-06 02:00", 90 * MINUTE, "FREQ=WEEKLY;COUNT=3")];
    let one = cancel(&folded(&posts, NOW), Some("2026-12-13"), NOW).unwrap();
    let left = after(&mut posts, one, NOW);
    assert_eq!(windows(&left), ["12-06 02:00–03:30", "12-20 02:00–03:30"]);
    assert_eq!(error(cancel(&left, Some("2026-12-13"), NOW)), "the window on 2026-12-13 is already canceled");
    let all = cancel(&left, None, NOW).unwrap();
    assert_eq!(all, MaintenanceChange::CancelAll);
    let none = after(&mut posts, all, NOW + 1);
    assert_eq!(error(cancel(&none, None, NOW + 2)), "there is nothing to cancel: all windows are canceled");
    assert_eq!(error(begin(&none, NOW + 2)), "there is no window left to begin: all windows are canceled");
    assert_eq!(error(end(&none, NOW + 2)), "no window is in progress: all windows are canceled");
}

#[test]
fn a_plan_without_windows_is_canceled_unless_its_last_window_is_over() {
    let mut posts = vec![first("2026-12-06 02:00", HOUR, "")];
    let planned = folded(&posts, NOW);
    assert!(!is_canceled(&planned, NOW) && !is_canceled(&planned, NOW + 30 * DAY), "planned, and then over");
    let one = cancel(&planned, Some("2026-12-06"), NOW).unwrap();
    let canceled = after(&mut posts, one, NOW);
    assert!(is_canceled(&canceled, NOW) && is_canceled(&canceled, NOW + 30 * DAY));
    let mut begun = vec![first("2026-12-06 02:00", HOUR, "")];
    let early = begin(&folded(&begun, NOW), NOW).unwrap();
    let over = after(&mut begun, early, NOW);
    assert!(!is_canceled(&over, NOW + 2 * HOUR), "it was begun early, and is over although its planned end is not");
}

#[test]
fn an_extension_of_a_window_that_ended_meanwhile_is_an_error() {
    let mut posts = vec![first("2026-11-30 11:30", HOUR, "")];
    let running = folded(&posts, NOW);
    // Both commands read the posts before either of them posted.
    let (ended, extended) = (end(&running, NOW).unwrap(), extend(&running, HOUR, NOW + 1).unwrap());
    assert_eq!(
        check_extended(&after(&mut posts.clone(), extended, NOW + 1), running.windows[0].planned, NOW + 2),
        Ok(())
    );
    after(&mut posts, ended, NOW);
    let both = after(&mut posts, extended, NOW + 1);
    assert_eq!(
        check_extended(&both, running.windows[0].planned, NOW + 2).unwrap_err().to_string(),
        "the window already ended at 2026-11-30 12:00 +01:00: another command ended it at the same time, so it was not \
         extended"
    );
}

#[test]
fn a_date_that_does_not_name_one_future_window_is_an_error() {
    let twice = folded(&[first("2026-12-06 02:00", HOUR, "FREQ=DAILY;BYHOUR=2,14;COUNT=4")], NOW);
    assert_eq!(
        error(cancel(&twice, Some("2026-12-06"), NOW)),
        "there are 2 windows on 2026-12-06: add the time, for example `2026-12-06 02:00`"
    );
    assert!(cancel(&twice, Some("2026-12-06 14:00"), NOW).is_ok());
    assert_eq!(
        error(cancel(&twice, Some("2026-12-09"), NOW)),
        "there is no window on 2026-12-09; the next ones begin at 2026-12-06 02:00 +01:00, 2026-12-06 14:00 +01:00, \
         2026-12-07 02:00 +01:00"
    );
    assert!(error(cancel(&twice, Some("next week"), NOW)).starts_with("invalid date `next week`: expected"));
    let later = NOW + 7 * DAY;
    assert_eq!(
        error(cancel(&twice, Some("2026-12-06 14:00"), later)),
        "the window that began at 2026-12-06 14:00 +01:00 is already over: only windows that have not begun can be canceled"
    );
    let past = later + DAY;
    assert_eq!(error(cancel(&twice, None, past)), "there is nothing to cancel: all windows are over");
}

#[test]
fn extensions_of_the_same_end_do_not_add_up() {
    let mut posts = vec![first("2026-11-30 11:30", HOUR, "")];
    let running = folded(&posts, NOW);
    // Both commands read the posts before either of them posted.
    let [one, two] = [(); 2].map(|()| extend(&running, HOUR, NOW).unwrap());
    assert_eq!(windows(&after(&mut posts, one, NOW)), ["11-30 11:30–13:30"]);
    assert_eq!(windows(&after(&mut posts, two, NOW + 1)), ["11-30 11:30–13:30"]);
}

#[test]
fn a_window_in_progress_is_ended_and_not_canceled() {
    let mut posts = vec![first("2026-11-30 11:30", HOUR, "")];
    let running = folded(&posts, NOW);
    let expected = "a window has been in progress since 2026-11-30 11:30 +01:00: end it with `checker maintenance end`, then \
                    cancel the others";
    assert_eq!(error(cancel(&running, None, NOW)), expected);
    assert_eq!(error(cancel(&running, Some("2026-11-30"), NOW)), expected);
    assert_eq!(error(begin(&running, NOW)), "the window already began at 2026-11-30 11:30 +01:00");
    let ended = end(&running, NOW).unwrap();
    let over = after(&mut posts, ended, NOW);
    assert_eq!(windows(&over), ["11-30 11:30–12:00"]);
    assert!(over.windows[0].is_announced_before());
    let expected = "no window is in progress: the last one ended at 2026-11-30 12:00 +01:00";
    assert_eq!(error(end(&over, NOW + 1)), expected);
    assert_eq!(error(extend(&over, HOUR, NOW + 1)), expected);
}

#[test]
fn a_window_begins_early_with_its_length_and_can_be_extended() {
    let mut posts = vec![first("2026-11-30 14:00", HOUR, "FREQ=DAILY;COUNT=2")];
    let planned = folded(&posts, NOW);
    let expected = "no window is in progress: the next one begins at 2026-11-30 14:00 +01:00";
    assert_eq!(error(end(&planned, NOW)), expected);
    assert_eq!(error(extend(&planned, HOUR, NOW)), expected);
    let begun = begin(&planned, NOW).unwrap();
    let running = after(&mut posts, begun, NOW);
    assert_eq!(windows(&running), ["11-30 12:00–13:00", "12-01 14:00–15:00"]);
    let now = NOW + 30 * MINUTE;
    let longer = extend(&running, 2 * HOUR, now).unwrap();
    let running = after(&mut posts, longer, now);
    assert_eq!(windows(&running), ["11-30 12:00–15:00", "12-01 14:00–15:00"]);
    assert_eq!(
        error(extend(&running, 23 * HOUR + 1, now)),
        "extending the window by `23h1ns` would make it overlap the next one, which begins at 2026-12-01 14:00 +01:00: pass a shorter duration"
    );
    assert!(extend(&running, 23 * HOUR, now).is_ok());
    assert!(error(extend(&running, 0, now)).contains("more than `0`"));
    // The window is still named by the date for which it was planned.
    assert!(error(cancel(&running, Some("2026-11-30 14:00"), now)).contains("in progress"));
}

#[test]
fn a_recurring_plan_is_extended_when_less_than_60_days_are_left() {
    let mut posts = vec![first("2026-12-06 02:00", HOUR, "FREQ=WEEKLY")];
    let last = *folded(&posts, NOW).plan.windows.last().unwrap();
    let early = last.0 - RENEWED_BEFORE - 1;
    assert_eq!(renewal(&folded(&posts, early), early), Ok(None));
    let due = last.0 - RENEWED_BEFORE;
    let single = cancel(&folded(&posts, due), Some("2027-12-12"), due).unwrap();
    let before = windows(&after(&mut posts, single, due)).len();
    let plan = renewal(&folded(&posts, due), due).unwrap().expect("further windows");
    assert!(plan.windows[0].0 == last.0 + 7 * DAY && plan.windows.len() > 40, "{plan:?}");
    let count = plan.windows.len();
    posts.push(post(due + 1, Some(plan), None));
    let renewed = folded(&posts, due + 1);
    assert_eq!(renewed.windows.len(), before + count, "past windows stay, and the canceled one is not restored");
    assert_eq!(renewal(&renewed, due + 1), Ok(None), "repeating it changes nothing");
    let all = cancel(&renewed, None, due + 2).unwrap();
    let much_later = due + 400 * DAY;
    after(&mut posts, all, due + 2);
    assert_eq!(renewal(&folded(&posts, much_later), much_later), Ok(None), "a canceled plan is not extended");
}

#[test]
fn a_plan_without_further_windows_is_not_extended() {
    for repeat in ["", "FREQ=WEEKLY;COUNT=3", "FREQ=WEEKLY;UNTIL=20261220"] {
        let maintenance = folded(&[first("2026-12-06 02:00", HOUR, repeat)], NOW);
        assert_eq!(renewal(&maintenance, NOW + 30 * DAY), Ok(None), "{repeat}");
    }
    // The next window of a yearly plan comes into reach long after the last one has ended.
    let posts = [first("2026-12-06 02:00", HOUR, "FREQ=YEARLY;INTERVAL=2")];
    assert_eq!(renewal(&folded(&posts, NOW), NOW), Ok(None));
    let reached = NOW + 340 * DAY;
    assert_eq!(renewal(&folded(&posts, reached), reached).unwrap().map(|plan| plan.windows.len()), Some(1));
}

#[test]
fn an_unknown_zone_in_a_post_is_shown_in_utc() {
    let mut posts = vec![first("2026-12-06 02:00", HOUR, "FREQ=DAILY")];
    if let Details::Maintenance { plan: Some(plan), .. } = &mut posts[0].details {
        plan.zone = "Mars/Olympus".to_owned();
    }
    let maintenance = folded(&posts, NOW);
    assert!(error(end(&maintenance, NOW)).ends_with("2026-12-06 01:00 UTC"));
    let error = renewal(&maintenance, NOW + 390 * DAY).unwrap_err().to_string();
    assert!(error.starts_with("unknown time zone `Mars/Olympus`"), "{error}");
}
