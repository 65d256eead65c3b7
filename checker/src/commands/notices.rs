//! Lists and ends silences and messages, which have the same form.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use shared::civil::rfc3339;
use shared::message::Message;
use shared::post::Details;
use shared::post::notice::Notice;
use shared::{UnixNanos, post::PostId};

use super::Outcome;
use super::incident::render::affected_json;
use super::posting::Posting;
use crate::cli::{Format, PostListArguments};
use crate::notify::time_text::date_time;
use crate::posts::publish::Draft;
use crate::posts::resolve::{ShortIds, Sought, resolve};
use crate::sanitize::sanitize_for_terminal;
use crate::ui;

/// The maximum length of a title, in characters.
const TITLE_WIDTH: usize = 60;
/// The maximum length of a text, in characters.
const TEXT_WIDTH: usize = 200;

/// A notice has already ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} `{id}` already ended at {}", rfc3339(*until))]
pub(crate) struct AlreadyEnded {
    what: &'static str,
    id: PostId,
    until: UnixNanos,
}

/// Prints notices, or `none` instead of an empty list.
pub(crate) fn list(
    arguments: &PostListArguments,
    posting: &Posting,
    notices: &[Notice],
    none: &str,
) -> anyhow::Result<Outcome> {
    let is_listed = |notice: &&Notice| arguments.all || notice.is_active(posting.now);
    let listed: Vec<&Notice> = notices.iter().filter(is_listed).collect();
    match arguments.format.get() {
        Format::Json => {
            let json: Value = listed.iter().map(|notice| to_json(notice)).collect();
            ui::stdout_data(&format!("{json}\n"))?;
        }
        Format::Table if listed.is_empty() => ui::stdout(&format!("{none}\n"))?,
        Format::Table => ui::stdout(&table(&listed, notices, &posting.zone))?,
    }
    Ok(Outcome::Done)
}

/// Ends a notice now. `details` contain the end.
pub(crate) async fn end(
    posting: &Posting,
    notices: &[Notice],
    id: &str,
    sought: Sought,
    details: Details,
) -> anyhow::Result<Outcome> {
    let (active, others): (Vec<&Notice>, Vec<&Notice>) = notices.iter().partition(|notice| notice.until > posting.now);
    let newest_first = |list: Vec<&Notice>| {
        let mut ids: Vec<PostId> = list.into_iter().map(|notice| notice.id.clone()).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids
    };
    let candidates = [newest_first(active), newest_first(others)].concat();
    let id = resolve(id, sought, &candidates)?.clone();
    let until = notices.iter().find(|notice| notice.id == id).map_or(UnixNanos::MAX, |notice| notice.until);
    if until <= posting.now {
        return Err(AlreadyEnded { what: sought.what, id, until }.into());
    }
    posting.publish(Draft::about(id.clone(), details)).await?;
    ui::print_line(&format!("ended the {} `{id}`", sought.what));
    Ok(Outcome::Done)
}

fn table(listed: &[&Notice], all: &[Notice], zone: &TimeZone) -> String {
    let ids = ShortIds::new(all.iter().map(|notice| &notice.id));
    let mut text = format!("{:<14} {:<27} {:<14} TEXT\n", "ID", "UNTIL", "ABOUT");
    for notice in listed {
        let id = ids.get(&notice.id);
        let about: Vec<String> = notice.affects.iter().map(|one| one.scope.0.clone()).collect();
        let about = if about.is_empty() { "all endpoints".to_owned() } else { titles(&about) };
        let words = sanitize_for_terminal(&Message::parse(&notice.text).text(), TEXT_WIDTH);
        let _ = writeln!(text, "{id:<14} {:<27} {about:<14} {words}", time(notice.until, zone));
    }
    text
}

fn to_json(notice: &Notice) -> Value {
    json!({
        "id": notice.id.to_string(),
        "author": notice.author.as_str(),
        "affects": affected_json(&notice.affects),
        "text": notice.text,
        "from": rfc3339(notice.from),
        "until": rfc3339(notice.until),
    })
}

/// Lists titles for people, each in backticks.
pub(crate) fn titles(titles: &[String]) -> String {
    let one = |title: &String| format!("`{}`", sanitize_for_terminal(title, TITLE_WIDTH));
    titles.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Formats a time for people.
pub(crate) fn time(time: UnixNanos, zone: &TimeZone) -> String {
    date_time(time, zone)
}
