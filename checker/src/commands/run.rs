//! `checker run`: one round, or with `--every` one after the other, printed and stored.

use std::fmt::Write as _;

use shared::check_file::{CheckResult, MESSAGE_LIMIT};
use shared::message::Message;
use shared::object_name::CheckFileName;

use super::daemon::{self, Origin, Signals, StatusLog, Watching, first_round};
use super::{Outcome, check_context};
use crate::cli::{Format, RunArguments};
use crate::config::model::Config;
use crate::monitor::announcement::Announcement;
use crate::now;
use crate::platform::huge_pages;
use crate::platform::shutdown::{Patience, Stop};
use crate::recorder::Recorder;
use crate::ui::progress::ProgressBar;
use crate::ui::{self, table};

/// The message has no words.
#[derive(Debug, thiserror::Error)]
#[error("the message is empty; write what people should know, for example `--message \"We are on it.\"`")]
struct MessageEmpty;

/// The message is longer than any announcement.
#[derive(Debug, thiserror::Error)]
#[error("the message has {0} characters, more than the limit of {MESSAGE_LIMIT}; shorten it, and link to the rest")]
struct MessageTooLong(usize);

/// Makes rounds as the command line says.
pub async fn run(arguments: &RunArguments) -> anyhow::Result<Outcome> {
    if arguments.every.is_some() {
        huge_pages::go_without();
        daemon::start_log(arguments.log_format);
    }
    let mut origin = Origin {
        path: arguments.config.config.clone(),
        node: arguments.node.clone(),
        shard: arguments.shard,
        every: arguments.every,
        own_address: None,
        read: None,
    };
    let mut config = origin.load()?;
    ui::log::set_node(&config.node);
    let announcement = announcement(arguments, &config)?;
    let mut record = if arguments.no_store { None } else { Recorder::open(&config).await };
    if record.is_none() && !arguments.no_store {
        ui::note(&format!("`{}` names no `storage`; the round is only printed", arguments.config.config.display()));
    }
    // A single round is soon over, and has to be cheap.
    let stop = if arguments.every.is_some() { Stop::on_signals_whatever_happens() } else { Stop::on_signals() };
    let signals = Signals::beside(stop?)?;
    let mut patience = Patience::until(signals.stop.clone());
    let check_context = check_context(&config);
    let mut outcome = Outcome::Done;
    let mut round = None;
    // Who repeats begins with the watch, in which no endpoint waits for another; but a message is posted with a round.
    if arguments.every.is_none() || announcement.is_some() {
        let (mut results, memories) = first_round(&config, &check_context, config.every).await;
        if let Some(announcement) = &announcement {
            announcement.post_with(&mut results);
        }
        if arguments.every.is_none() {
            // There may be very many, and a single round needs them no more while it is stored and printed.
            config.checks = Vec::new();
        }
        outcome =
            keep_and_print(arguments, &config, record.as_mut(), &mut patience, announcement.as_ref(), &results).await;
        round = Some(memories);
    }
    let Some(every) = arguments.every else { return Ok(outcome) };
    if round.is_some() && signals.stop.is_wished() {
        return Ok(outcome);
    }
    let mut status_log = StatusLog::new(config.node.clone());
    let mut watching = Watching::begin(config.clone(), check_context, every, round, origin, signals)?;
    while let Some(results) = watching.next().await {
        status_log.report(&results);
        outcome = keep_and_print(arguments, &config, record.as_mut(), &mut patience, None, &results).await;
    }
    watching.end().await;
    Ok(outcome)
}

/// What is to be posted, if anything; refused before any check is made if it cannot be.
fn announcement(arguments: &RunArguments, config: &Config) -> anyhow::Result<Option<Announcement>> {
    let Some(message) = &arguments.message else { return Ok(None) };
    if Message::parse_strict(message)?.text().is_empty() {
        return Err(MessageEmpty.into());
    }
    let length = message.chars().count();
    if length > MESSAGE_LIMIT {
        return Err(MessageTooLong(length).into());
    }
    let announcement = Announcement { message: message.clone(), about: arguments.about.clone() };
    announcement.check_titles(config)?;
    Ok(Some(announcement))
}

/// Stores the round if there is a store, prints it in any case, and says how it went and what was posted with it.
async fn keep_and_print(
    arguments: &RunArguments,
    config: &Config,
    record: Option<&mut Recorder>,
    patience: &mut Patience,
    announcement: Option<&Announcement>,
    results: &[CheckResult],
) -> Outcome {
    let mut failed = false;
    let mut stored: Option<CheckFileName> = None;
    let mut note = String::new();
    let mut confirmation = None;
    if let Some(record) = record {
        let mut bar = ProgressBar::new("expired check files");
        let kept = record.record(results, now(), patience, |done, of| bar.draw(done, of)).await;
        bar.clear();
        match kept {
            Ok(recorded) => {
                note = format!("stored as {} in {}", recorded.upload.name, record.store().describe());
                if recorded.upload.sent_from_spool > 0 {
                    let _ = write!(note, "; {} from before sent first", recorded.upload.sent_from_spool);
                }
                for concern in &recorded.upload.warnings {
                    ui::warn(concern);
                }
                if recorded.expired.deleted > 0 {
                    let _ = write!(note, "; {} expired removed", recorded.expired.deleted);
                }
                if let Some(error) = &recorded.expired.failure {
                    ui::error(error);
                }
                if let Err(error) = &recorded.history {
                    ui::warn(&format!("history not updated: {error}"));
                }
                if let Err(error) = &recorded.summary {
                    ui::warn(&format!("summary not updated: {error}"));
                }
                if let Some(announcement) = announcement {
                    confirmation = Some(format!("message posted about {}", announcement.subject()));
                }
                stored = Some(recorded.upload.name);
            }
            Err(error) => {
                ui::error(&error);
                failed = true;
            }
        }
    } else if announcement.is_some() {
        confirmation = Some("message not posted, since nothing is stored".to_owned());
    }
    match arguments.format {
        Format::Json => {
            failed |= is_lost(&(table::json_line(&config.node, stored.as_ref(), results) + "\n"), stored.as_ref());
            if let Some(confirmation) = confirmation {
                ui::info(&confirmation);
            }
        }
        Format::Table => {
            failed |= is_lost(&table::render(results, ui::stdout_styles()), stored.as_ref());
            if !note.is_empty() {
                ui::print_line(&note);
            }
            if let Some(confirmation) = confirmation {
                ui::print_line(&confirmation);
            }
        }
    }
    let worst = results.iter().map(|result| result.status).max().unwrap_or_default();
    match arguments.fail_on {
        _ if failed => Outcome::Failed,
        Some(limit) if worst >= limit => Outcome::Found,
        _ => Outcome::Done,
    }
}

/// Prints a round, and says whether it is lost now: neither printed nor stored.
fn is_lost(round: &str, stored: Option<&CheckFileName>) -> bool {
    if stored.is_some() {
        ui::print(round);
        return false;
    }
    ui::stdout(round).inspect_err(|error| ui::error(error)).is_err()
}
