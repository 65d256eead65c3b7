//! `checker run`: runs one round of checks, or repeats them with `--every`, and prints and stores the results.

use std::fmt::Write as _;

use shared::check_file::{CheckResult, MESSAGE_LIMIT};
use shared::message::Message;
use shared::object_name::CheckFileName;

use super::daemon::{ConfigSource, Daemon, Signals, StatusLog, first_round, start_log, storing_time};
use super::{Outcome, check_context, report_problems};
use crate::cli::{Format, RunArguments};
use crate::config::model::Config;
use crate::counted;
use crate::monitor::announcement::Announcement;
use crate::platform::huge_pages;
use crate::platform::shutdown::{Shutdown, ShutdownBudget};
use crate::recorder::Recorder;
use crate::ui::progress::ProgressBar;
use crate::ui::{self, table};

#[derive(Debug, thiserror::Error)]
#[error("the message is empty: pass a text, for example `--message \"We are on it.\"`")]
struct EmptyMessage;

#[derive(Debug, thiserror::Error)]
#[error("the message has {0} characters, more than the limit of {MESSAGE_LIMIT}; shorten it and link to the details")]
struct MessageTooLong(usize);

pub async fn run(arguments: &RunArguments) -> anyhow::Result<Outcome> {
    if arguments.every.is_some() {
        huge_pages::disable();
        start_log(arguments.log_format);
    }
    let mut source = ConfigSource {
        path: arguments.config.config.clone(),
        node: arguments.node.clone(),
        shard: arguments.shard,
        every: arguments.every,
        page_address: None,
        loaded: None,
    };
    let mut config = source.load()?;
    ui::log::set_node(&config.node);
    let announcement = announcement(arguments, &config)?;
    let mut record = if arguments.no_store { None } else { Recorder::open(&config).await };
    if record.is_none() && !arguments.no_store {
        ui::note(&format!(
            "`{}` has no `storage`; the round is printed but not stored",
            arguments.config.config.display()
        ));
    }
    // A single round must be cheap, and is too short to need a thread for signals.
    let shutdown = match arguments.every {
        Some(_) => Shutdown::on_signals_in_thread(ui::info),
        None => Shutdown::on_signals(ui::info),
    };
    let signals = Signals::with_hangup(shutdown?)?;
    let mut budget = ShutdownBudget::new(signals.shutdown.clone());
    let check_context = check_context(&config);
    let mut status_log = StatusLog::new(config.node.clone());
    let mut outcome = Outcome::Done;
    let mut round = None;
    // Repeated checks start in the scheduler, where endpoints do not wait for each other. A message, however, needs a
    // round.
    if arguments.every.is_none() || announcement.is_some() {
        let (mut results, confirmations) = first_round(&config, &check_context, config.every).await;
        if let Some(announcement) = &announcement {
            announcement.add_to(&mut results);
        }
        if arguments.every.is_none() {
            // There can be thousands of checks, and they are not needed while the round is stored and printed.
            config.checks = Vec::new();
        } else {
            status_log.report(&results);
        }
        outcome =
            store_and_print(arguments, &config, record.as_mut(), &mut budget, announcement.as_ref(), &results).await;
        round = Some(confirmations);
    }
    let Some(every) = arguments.every else { return Ok(outcome) };
    if round.is_some() && signals.shutdown.is_requested() {
        return Ok(outcome);
    }
    let mut daemon = Daemon::start(config.clone(), check_context, every, round, source, signals)?;
    while let Some(results) = daemon.next().await {
        status_log.report(&results);
        outcome = store_and_print(arguments, &config, record.as_mut(), &mut budget, None, &results).await;
    }
    daemon.stop().await;
    Ok(outcome)
}

/// The message to post with the round. An invalid message is rejected before any check runs.
fn announcement(arguments: &RunArguments, config: &Config) -> anyhow::Result<Option<Announcement>> {
    let Some(message) = &arguments.message else { return Ok(None) };
    if Message::parse_strict(message)?.text().is_empty() {
        return Err(EmptyMessage.into());
    }
    let length = message.chars().count();
    if length > MESSAGE_LIMIT {
        return Err(MessageTooLong(length).into());
    }
    let announcement = Announcement { message: message.clone(), about: arguments.endpoint.clone() };
    announcement.check_titles(config)?;
    Ok(Some(announcement))
}

/// Stores the results if there is a store, prints them, and reports what was posted along with them.
async fn store_and_print(
    arguments: &RunArguments,
    config: &Config,
    record: Option<&mut Recorder>,
    budget: &mut ShutdownBudget,
    announcement: Option<&Announcement>,
    results: &[CheckResult],
) -> Outcome {
    let mut failed = false;
    let mut stored: Option<CheckFileName> = None;
    let mut note = String::new();
    let mut confirmation = None;
    if let Some(record) = record {
        let mut bar = ProgressBar::new("expired check files");
        let kept = record.record(results, storing_time(results), budget, |done, of| bar.draw(done, of)).await;
        bar.clear();
        match kept {
            Ok(recorded) => {
                note = format!("stored as {} in {}", recorded.upload.name, record.store().describe());
                if recorded.upload.sent_from_spool > 0 {
                    let _ = write!(note, "; sent {} first", counted(recorded.upload.sent_from_spool, "waiting round"));
                }
                report_problems(&recorded);
                if recorded.expired.deleted > 0 {
                    let _ = write!(note, "; removed {}", counted(recorded.expired.deleted, "expired check file"));
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
        confirmation = Some("message not posted: `--no-store` is set or the configuration has no `storage`".to_owned());
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

/// Prints a round, and returns whether it is lost, that is, neither printed nor stored.
fn is_lost(round: &str, stored: Option<&CheckFileName>) -> bool {
    if stored.is_some() {
        ui::print(round);
        return false;
    }
    ui::stdout(round).inspect_err(|error| ui::error(error)).is_err()
}
