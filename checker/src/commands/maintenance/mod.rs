//! `checker maintenance`: plans maintenance windows, changes and shows them.

pub(crate) mod report;

use serde_json::Value;
use shared::UnixNanos;
use shared::post::fold::Announcements;
use shared::post::maintenance::Maintenance;
use shared::post::{Details, MaintenanceChange, MaintenancePlan, PostId};

use super::posting::Posting;
use crate::cli::{
    Format, MaintenanceCancelArguments, MaintenanceChangeArguments, MaintenanceCommand, MaintenanceExtendArguments,
    MaintenanceRenewArguments, MaintenanceShowArguments, PlanArguments, PostListArguments,
};
use crate::commands::Outcome;
use crate::now;
use crate::posts::maintenance::{self, MaintenanceError};
use crate::posts::publish::Draft;
use crate::posts::recurrence::Recurrence;
use crate::posts::resolve::{LATEST, ResolveError, ShortIds, Sought, resolve};
use crate::posts::text::{check_text, check_title};
use crate::ui;

const MAINTENANCE: Sought = Sought {
    what: "maintenance",
    remedy: "list it with `checker maintenance list --all`",
    if_none: "plan some with `checker maintenance plan`",
};

pub async fn maintenance(command: &MaintenanceCommand) -> anyhow::Result<Outcome> {
    match command {
        MaintenanceCommand::Plan(arguments) => plan(arguments).await,
        MaintenanceCommand::List(arguments) => list(arguments).await,
        MaintenanceCommand::Show(arguments) => show(arguments).await,
        MaintenanceCommand::Cancel(arguments) => cancel(arguments).await,
        MaintenanceCommand::Begin(arguments) => change(arguments, can_begin, maintenance::begin).await,
        MaintenanceCommand::End(arguments) => change(arguments, is_in_progress, maintenance::end).await,
        MaintenanceCommand::Extend(arguments) => extend(arguments).await,
        MaintenanceCommand::Renew(arguments) => renew(arguments).await,
    }
}

/// Finds a maintenance plan. `latest` is the one that was posted last.
fn find<'a>(announcements: &'a Announcements, id: &str) -> Result<&'a Maintenance, ResolveError> {
    let newest_first = || announcements.maintenance.iter().rev();
    let found = resolve(id, MAINTENANCE, newest_first().map(|maintenance| &maintenance.id))?;
    newest_first().find(|maintenance| maintenance.id == *found).ok_or_else(|| MAINTENANCE.unknown(id))
}

/// Finds the maintenance plan to change. `latest` is the newest one to which the command applies. If it applies to none,
/// returns one that explains why: the newest one with a window in progress, or else with a window in the future.
fn find_to_change<'a>(
    announcements: &'a Announcements,
    id: &str,
    applies: impl Fn(&Maintenance, UnixNanos) -> bool,
    now: UnixNanos,
) -> Result<&'a Maintenance, ResolveError> {
    let newest =
        |is_meant: &dyn Fn(&Maintenance) -> bool| announcements.maintenance.iter().rev().find(|one| is_meant(one));
    let best = || {
        newest(&|one| applies(one, now))
            .or_else(|| newest(&|one| one.current(now).is_some()))
            .or_else(|| newest(&|one| one.next(now).is_some()))
    };
    match best().filter(|_| id == LATEST) {
        Some(found) => Ok(found),
        None => find(announcements, id),
    }
}

fn can_begin(maintenance: &Maintenance, now: UnixNanos) -> bool {
    maintenance::begin(maintenance, now).is_ok()
}

fn is_in_progress(maintenance: &Maintenance, now: UnixNanos) -> bool {
    maintenance.current(now).is_some()
}

async fn plan(arguments: &PlanArguments) -> anyhow::Result<Outcome> {
    check_title(&arguments.title)?;
    arguments.text.as_deref().map_or(Ok(()), check_text)?;
    let repeat = arguments.repeat.as_deref().unwrap_or_default();
    let start = (arguments.start.as_str(), arguments.zone.as_str());
    let recurrence = Recurrence::parse(start, arguments.length, repeat, &arguments.except)?;
    let windows = recurrence.expand(now())?;
    let posting = Posting::open(&arguments.author).await?;
    let affects = posting.affected(&arguments.affects).await?;
    if let Some(note) = report::unused_start(&recurrence, &windows) {
        ui::note(&note);
    }
    if arguments.format.get() == Format::Table {
        ui::print(&report::planned(&arguments.title, &recurrence, &windows, posting.now));
    }
    let plan = recurrence.plan(&windows);
    let details = Details::Maintenance { plan: Some(plan.clone()), change: None };
    let draft =
        Draft { title: Some(arguments.title.clone()), affects, text: arguments.text.clone(), ..Draft::new(details) };
    let id = if arguments.dry_run { None } else { Some(posting.publish(draft).await?.id) };
    match (arguments.format.get(), &id) {
        (Format::Json, _) => print_json(&report::planned_json(id.as_ref(), &arguments.title, &plan))?,
        (Format::Table, None) => ui::print_line("Nothing was posted, because --dry-run is set."),
        (Format::Table, Some(id)) => ui::print_line(&format!("planned as `{id}`")),
    }
    Ok(Outcome::Done)
}

async fn list(arguments: &PostListArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::view(&arguments.config).await?;
    let announcements = posting.announcements();
    let is_pending = |maintenance: &&Maintenance| maintenance.windows.iter().any(|window| window.end > posting.now);
    let listed: Vec<&Maintenance> =
        announcements.maintenance.iter().rev().filter(|maintenance| arguments.all || is_pending(maintenance)).collect();
    match arguments.format.get() {
        Format::Json => {
            let all: Vec<Value> = listed.iter().map(|maintenance| report::json(maintenance, posting.now)).collect();
            print_json(&Value::Array(all))?;
        }
        Format::Table if listed.is_empty() => {
            let scope = if arguments.all { "" } else { " or in progress; --all also lists past maintenance" };
            ui::print_line(&format!("No maintenance is planned{scope}."));
        }
        Format::Table => {
            let ids = ShortIds::new(announcements.maintenance.iter().map(|maintenance| &maintenance.id));
            for maintenance in listed {
                ui::print_line(&report::line(maintenance, &ids, posting.now));
            }
        }
    }
    Ok(Outcome::Done)
}

async fn show(arguments: &MaintenanceShowArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::view(&arguments.config).await?;
    let announcements = posting.announcements();
    let maintenance = find(&announcements, &arguments.id)?;
    match arguments.format.get() {
        Format::Json => print_json(&report::json(maintenance, posting.now))?,
        Format::Table => ui::stdout(&report::details(maintenance, posting.now))?,
    }
    Ok(Outcome::Done)
}

async fn cancel(arguments: &MaintenanceCancelArguments) -> anyhow::Result<Outcome> {
    let cancel = |found: &Maintenance, now| maintenance::cancel(found, arguments.only.as_deref(), now);
    change(&arguments.change, |found, now| cancel(found, now).is_ok(), cancel).await
}

async fn extend(arguments: &MaintenanceExtendArguments) -> anyhow::Result<Outcome> {
    let extend = |found: &Maintenance, now| maintenance::extend(found, arguments.by, now);
    let (mut posting, id, change) = post(&arguments.change, is_in_progress, extend).await?;
    posting.read_again().await?;
    let announcements = posting.announcements();
    let extended = announcements.maintenance.iter().find(|maintenance| maintenance.id == id);
    if let (Some(maintenance), MaintenanceChange::Move { window, .. }) = (extended, change) {
        maintenance::check_extended(maintenance, window, posting.now)?;
        ui::print_line(&report::changed(maintenance, change));
    }
    Ok(Outcome::Done)
}

/// Posts the change that `determine` returns, and prints its effect.
async fn change(
    arguments: &MaintenanceChangeArguments,
    applies: impl Fn(&Maintenance, UnixNanos) -> bool,
    determine: impl Fn(&Maintenance, UnixNanos) -> Result<MaintenanceChange, MaintenanceError>,
) -> anyhow::Result<Outcome> {
    let (posting, id, change) = post(arguments, applies, determine).await?;
    let announcements = posting.announcements();
    if let Some(maintenance) = announcements.maintenance.iter().find(|maintenance| maintenance.id == id) {
        ui::print_line(&report::changed(maintenance, change));
    }
    Ok(Outcome::Done)
}

/// Posts the change that `determine` returns. `applies` returns whether a plan can be changed in this way.
async fn post(
    arguments: &MaintenanceChangeArguments,
    applies: impl Fn(&Maintenance, UnixNanos) -> bool,
    determine: impl Fn(&Maintenance, UnixNanos) -> Result<MaintenanceChange, MaintenanceError>,
) -> anyhow::Result<(Posting, PostId, MaintenanceChange)> {
    let posting = Posting::open(&arguments.author).await?;
    let announcements = posting.announcements();
    let maintenance = find_to_change(&announcements, &arguments.id, applies, posting.now)?;
    let change = determine(maintenance, posting.now)?;
    let details = Details::Maintenance { plan: None, change: Some(change) };
    let id = maintenance.id.clone();
    posting.publish(Draft::about(id.clone(), details)).await?;
    Ok((posting, id, change))
}

async fn renew(arguments: &MaintenanceRenewArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let announcements = posting.announcements();
    let chosen: Vec<&Maintenance> = match &arguments.id {
        Some(id) => vec![find(&announcements, id)?],
        None => announcements.maintenance.iter().collect(),
    };
    let (mut renewed, mut failed, mut outcome) = (0, 0, Outcome::Done);
    for maintenance in chosen {
        let plan: MaintenancePlan = match maintenance::renewal(maintenance, posting.now) {
            Ok(Some(plan)) => plan,
            Ok(None) => continue,
            Err(error) => {
                ui::warn(&format!("`{}` ({}) cannot be renewed: {error}", maintenance.display_title(), maintenance.id));
                failed += 1;
                // The operator can only fix the plans of this author.
                if arguments.id.is_some() || maintenance.id.author == posting.author {
                    outcome = Outcome::Failed;
                }
                continue;
            }
        };
        let line = report::renewed(maintenance, &plan);
        let details = Details::Maintenance { plan: Some(plan), change: None };
        posting.publish(Draft::about(maintenance.id.clone(), details)).await?;
        ui::print_line(&line);
        renewed += 1;
    }
    if renewed + failed == 0 {
        ui::print_line("Nothing to renew: all recurring plans have windows for at least 60 days, or have ended.");
    }
    Ok(outcome)
}

fn print_json(json: &Value) -> anyhow::Result<()> {
    Ok(ui::stdout_data(&format!("{json}\n"))?)
}

#[cfg(test)]
mod tests {
    use shared::HOUR;
    use shared::object_name::NodeName;
    use shared::post::Post;
    use shared::post::fold::fold;

    use super::*;

    const NOW: UnixNanos = 1_795_330_254_340_493_978;

    /// Plans with one window each, which begin this many hours from now and last an hour.
    fn announcements(starts: &[i64]) -> Announcements {
        let posts: Vec<Post> = starts
            .iter()
            .zip(1..)
            .map(|(hours, number)| {
                let start = NOW + hours * HOUR;
                let plan = MaintenancePlan { windows: vec![(start, start + HOUR)], ..MaintenancePlan::default() };
                let id = PostId { posted_at: NOW - HOUR + number, author: NodeName::new("anna").unwrap() };
                let details = Details::Maintenance { plan: Some(plan), change: None };
                let (subject, title) = (id.clone(), Some(hours.to_string()));
                Post { id, subject, edit: None, title, affects: None, text: None, at: None, details }
            })
            .collect();
        fold(&posts, &[], NOW)
    }

    #[test]
    fn latest_is_the_newest_plan_to_which_the_command_applies() {
        let can_cancel = |one: &Maintenance, now| maintenance::cancel(one, None, now).is_ok();
        for (starts, in_progress, to_begin, to_cancel) in [
            (&[5, 0, 7, -3][..], "0", "7", "7"),
            (&[0, -3], "0", "0", "0"),
            (&[5, -3], "5", "5", "5"),
            (&[-5, -3], "-3", "-3", "-3"),
        ] {
            let all = announcements(starts);
            let title = |applies: &dyn Fn(&Maintenance, UnixNanos) -> bool| {
                find_to_change(&all, LATEST, applies, NOW).unwrap().title.as_str()
            };
            let found = (title(&is_in_progress), title(&can_begin), title(&can_cancel));
            assert_eq!(found, (in_progress, to_begin, to_cancel), "{starts:?}");
        }
        let all = announcements(&[5, 0]);
        let first = all.maintenance[0].id.to_string();
        assert_eq!(find_to_change(&all, &first, is_in_progress, NOW).unwrap().title, "5", "an ID is not replaced");
    }
}
