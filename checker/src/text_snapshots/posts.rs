//! Snapshots of the errors and reports of commands for posts.

use jiff::tz::TimeZone;
use shared::object_name::{NodeName, PostKind, PostName};
use shared::post::{Affected, Details, Impact, IncidentState, Post, PostId, Scope, fold};
use shared::{DAY, HOUR, MINUTE, UnixNanos};

use super::{assert_list, assert_text};
use crate::commands::incident::{IncidentError, render};
use crate::commands::maintenance::report;
use crate::commands::post_text::TextError;
use crate::notify::time_text::date_time;
use crate::posts::erasure::EraseError;
use crate::posts::maintenance::{self, MaintenanceError};
use crate::posts::publish::{PublishError, TidyError};
use crate::posts::recurrence::Recurrence;
use crate::posts::resolve::{ResolveError, ShortIds};
use crate::posts::text::InvalidText;
use crate::store::StoreError;

const NOW: UnixNanos = 1_795_330_254_340_493_978;

fn id() -> PostId {
    PostId { posted_at: NOW, author: anna() }
}

fn anna() -> NodeName {
    NodeName::new("anna").expect("a name")
}

fn busy() -> StoreError {
    StoreError::Busy { store: "the directory `checks`".to_owned() }
}

fn shop() -> String {
    "Shop".to_owned()
}

#[test]
fn errors_of_posts() {
    let name = || PostName { id: id(), kind: PostKind::Incident };
    let unsettled = Box::new(TidyError::Unsettled(anna()));
    let full = PublishError::DigestFull(anna());
    let before = IncidentError::BeforeBeginning {
        flag: "--ended",
        text: "13:50".to_owned(),
        began: date_time(NOW, &TimeZone::UTC),
    };
    let remedy = "did you mean `db`?".to_owned();
    let texts: Vec<(&str, String)> = vec![
        ("NotStored", PublishError::NotStored(busy()).to_string()),
        ("Unconfirmed", PublishError::Unconfirmed { name: name(), cause: busy() }.to_string()),
        ("NamesTaken", PublishError::NamesTaken(id()).to_string()),
        ("FromFuture", PublishError::FromFuture { newest: id(), ahead: 10 * MINUTE }.to_string()),
        ("ClockAhead", PublishError::ClockAhead(3 * MINUTE).to_string()),
        ("NewerDigest", PublishError::NewerDigest(anna()).to_string()),
        ("DigestFull", full.to_string()),
        ("DigestNotWritten", PublishError::DigestNotWritten { name: name(), cause: unsettled }.to_string()),
        ("TooShort", ResolveError::TooShort("78".to_owned()).to_string()),
        ("Ambiguous", ResolveError::Ambiguous { text: "493978".to_owned(), ids: vec![id(), id()] }.to_string()),
        ("Invalid", ResolveError::Invalid(shop()).to_string()),
        (
            "Nothing",
            ResolveError::Nothing { what: "message", remedy: "post one with `checker run --message`" }.to_string(),
        ),
        ("TooLong", InvalidText::TooLong(20_001).to_string()),
        ("Empty", InvalidText::Empty.to_string()),
        ("Control", InvalidText::Control('\u{1b}').to_string()),
        ("TooLarge", TextError::TooLarge.to_string()),
        ("NotUtf8", TextError::NotUtf8.to_string()),
        ("EmptyTitle", InvalidText::EmptyTitle.to_string()),
        ("LongTitle", InvalidText::LongTitle(201).to_string()),
        ("MultilineTitle", InvalidText::MultilineTitle.to_string()),
        ("NoEditor", TextError::NoEditor.to_string()),
        ("EditorFailed", TextError::EditorFailed("vim".to_owned()).to_string()),
        ("EmptyText", TextError::Empty.to_string()),
        ("Resolved", IncidentError::Resolved(id()).to_string()),
        ("AlreadyResolved", IncidentError::AlreadyResolved(id()).to_string()),
        ("StillOpen", IncidentError::StillOpen(id()).to_string()),
        ("NothingToPost", IncidentError::NothingToPost.to_string()),
        ("NothingToChange", IncidentError::NothingToChange.to_string()),
        ("StillOpenButEnded", IncidentError::StillOpenButEnded.to_string()),
        ("MissingTitle", IncidentError::MissingTitle.to_string()),
        ("UnknownTemplate", IncidentError::UnknownTemplate { name: "bd".to_owned(), remedy }.to_string()),
        ("Withdrawn", IncidentError::Withdrawn(id()).to_string()),
        ("Foreign", IncidentError::Foreign { id: id() }.to_string()),
        ("Incomplete", IncidentError::Incomplete(id()).to_string()),
        ("ForeignErase", EraseError::Foreign { id: id() }.to_string()),
        ("NothingPosted", EraseError::NothingPosted { author: anna(), about: " about incidents" }.to_string()),
        ("UndoesChange", EraseError::UndoesChange { id: id(), subject: id(), kind: PostKind::Silence }.to_string()),
        ("Reopens", EraseError::Reopens { id: id(), subject: id() }.to_string()),
        ("BeforeBeginning", before.to_string()),
        ("NoOutage", IncidentError::NoOutage(shop()).to_string()),
        ("NotConfirmed", EraseError::NotConfirmed.to_string()),
    ];
    assert_list("errors.posts", &texts);
}

#[test]
fn reports_of_incidents() {
    let post = |at: UnixNanos, state, text: &str| Post {
        id: PostId { posted_at: at, author: anna() },
        subject: id(),
        edit: None,
        title: (at == NOW).then(|| "Checkout\u{1b}[2J fails".to_owned()),
        affects: (at == NOW).then(|| vec![Affected { scope: Scope(shop()), impact: Impact::Degraded }]),
        text: Some(text.to_owned()),
        at: None,
        details: Details::Incident { state: Some(state), began: None, ended: None },
    };
    let late = Post { at: Some(NOW + 10 * MINUTE), ..post(NOW + HOUR, IncidentState::Resolved, "<p>It works.</p>") };
    let posts = [post(NOW, IncidentState::Investigating, "We're <b>on it</b>."), late];
    let announcements = fold::fold(&posts, &[], NOW + 2 * HOUR);
    let incidents: Vec<_> = announcements.incidents.iter().collect();
    let text = [
        render::list(&incidents, &announcements.incidents, &TimeZone::UTC),
        render::show(incidents[0], &TimeZone::UTC),
        format!("{:#}\n", render::to_json(incidents[0])),
        render::list(&[], &[], &TimeZone::UTC),
    ];
    assert_text("reports.incidents", &text.join("\n"));
}

#[test]
fn errors_of_maintenance() {
    let date = || "2026-12-06".to_owned();
    let time = || "2026-12-06 02:00 +01:00".to_owned();
    let listed = format!("; the next ones begin at {}", time());
    let texts: Vec<(&str, String)> = vec![
        ("Date", MaintenanceError::Date("soon".to_owned()).to_string()),
        ("NoWindow", MaintenanceError::NoWindow { date: date(), listed }.to_string()),
        ("Ambiguous", MaintenanceError::Ambiguous { count: 2, date: date(), example: time() }.to_string()),
        ("Over", MaintenanceError::Over(time()).to_string()),
        ("AlreadyCanceled", MaintenanceError::AlreadyCanceled(date()).to_string()),
        ("InProgress", MaintenanceError::InProgress(time()).to_string()),
        ("AlreadyBegun", MaintenanceError::AlreadyBegun(time()).to_string()),
        ("NotBegun", MaintenanceError::NotBegun(time()).to_string()),
        ("Ended", MaintenanceError::Ended(time()).to_string()),
        ("NoExtension", MaintenanceError::NoExtension.to_string()),
        ("ExtendedIntoNext", MaintenanceError::ExtendedIntoNext { by: "1h".to_owned(), next: time() }.to_string()),
    ];
    assert_list("errors.maintenance", &texts);
}

#[test]
fn reports_of_maintenance() {
    let start = ("2026-11-22 08:00", "Europe/Berlin");
    let rule = "FREQ=WEEKLY;COUNT=5";
    let recurrence = Recurrence::parse(start, 90 * MINUTE, rule, &["2026-12-06".to_owned()]).expect("a recurrence");
    let windows = recurrence.expand(NOW).expect("windows");
    let (plan, change) = (Some(recurrence.plan(&windows)), None);
    let first = Post {
        id: id(),
        subject: id(),
        edit: None,
        title: Some("Database\u{1b}[2J upgrade".to_owned()),
        affects: Some(vec![Affected { scope: Scope(shop()), impact: Impact::Down }]),
        text: Some("We <b>move</b> the data.".to_owned()),
        at: None,
        details: Details::Maintenance { plan, change },
    };
    let announcements = fold::fold([&first], &[], NOW);
    let found = &announcements.maintenance[0];
    let canceled = maintenance::cancel(found, Some("2026-11-29"), NOW).expect("a window");
    let text = [
        report::planned("Database upgrade", &recurrence, &windows, NOW),
        format!("{}\n", report::line(found, &ShortIds::new([&found.id]), NOW)),
        report::details(found, NOW + 30 * MINUTE),
        format!("{}\n", report::changed(found, canceled)),
        format!("{:#}\n", report::json(found, NOW + 8 * DAY)),
    ];
    assert_text("reports.maintenance", &text.join("\n"));
}
