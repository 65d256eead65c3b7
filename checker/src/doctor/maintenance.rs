//! Findings about recurring maintenance whose windows are known only for a limited time. Pure.

use shared::UnixNanos;
use shared::post::maintenance::Maintenance;

use super::{Finding, Side};
use crate::posts::maintenance::{renewal, zone_of};
use crate::posts::recurrence::local_text;

/// Returns a warning for each recurring plan that must be renewed.
#[must_use]
pub fn findings(maintenance: &[Maintenance], now: UnixNanos) -> Vec<Finding> {
    maintenance.iter().filter_map(|maintenance| finding(maintenance, now)).collect()
}

fn finding(maintenance: &Maintenance, now: UnixNanos) -> Option<Finding> {
    let name = format!("the maintenance `{}` ({})", maintenance.title, maintenance.id);
    match renewal(maintenance, now) {
        Ok(None) => None,
        Ok(Some(_)) => {
            let last = maintenance.plan.windows.iter().map(|(start, _)| *start).max().unwrap_or(now);
            let last = local_text(last, &zone_of(maintenance));
            let what = format!("{name} repeats, but its windows are known only until {last}");
            Some(Finding::warning(Side::Store, what, "add further windows: `checker maintenance renew`"))
        }
        Err(error) => {
            let what = format!("{name} repeats, but further windows cannot be computed: {error}");
            Some(Finding::warning(Side::Store, what, "plan it again: `checker maintenance plan`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::object_name::{NodeName, PostId};
    use shared::post::fold::fold;
    use shared::post::{Details, MaintenanceChange, Post};
    use shared::{DAY, HOUR};

    use super::*;
    use crate::doctor::Level;
    use crate::posts::recurrence::Recurrence;

    const NOW: UnixNanos = 1_796_036_400_000_000_000;

    #[test]
    fn a_recurring_plan_is_reported_60_days_before_its_windows_end() {
        let weekly = Recurrence::parse(("2026-12-06 02:00", "Europe/Berlin"), HOUR, "FREQ=WEEKLY", &[]).unwrap();
        let plan = weekly.plan(&weekly.expand(NOW).unwrap());
        let last = plan.windows.last().unwrap().0;
        let post = |at, plan, change| Post {
            id: PostId { posted_at: at, author: NodeName::new("anna").unwrap() },
            subject: PostId { posted_at: NOW, author: NodeName::new("anna").unwrap() },
            edit: None,
            title: Some("Upgrade".to_owned()),
            affects: None,
            text: None,
            at: None,
            details: Details::Maintenance { plan, change },
        };
        let mut posts = vec![post(NOW, Some(plan), None)];
        let found = |posts: &[Post], now| findings(&fold(posts, &[], now).maintenance, now);
        assert_eq!(found(&posts, last - 61 * DAY), []);
        let due = found(&posts, last - 59 * DAY);
        assert!(due.len() == 1 && due[0].level == Level::Warning, "{due:?}");
        assert_eq!(
            due[0].what,
            "the maintenance `Upgrade` (1796036400000000000-anna) repeats, but its windows are known only until \
             2028-01-02 02:00 +01:00"
        );
        posts.push(post(NOW + 1, None, Some(MaintenanceChange::CancelAll)));
        assert_eq!(found(&posts, last - 59 * DAY), []);
    }
}
