//! `checker run`: runs one round of checks, or repeats them with `--every`, and prints and stores the results.

use std::sync::Arc;

use shared::UnixNanos;
use shared::check_file::{CheckResult, MESSAGE_LIMIT};
use shared::object_name::CheckFileName;

use super::daemon::{ConfigSource, Daemon, Signals, StatusLog, first_round, start_log, storing_time};
use super::daemon_tasks::DaemonTasks;
use super::metrics_file::write_metrics_file;
use super::{Outcome, check_context, message, notifier, report_notifications, report_upkeep, report_upload};
use crate::cli::{Format, RunArguments};
use crate::config::model::Config;
use crate::counted;
use crate::metrics::live::LiveMetrics;
use crate::monitor::announcement::Announcement;
use crate::notify::conditions::seen_certificates;
use crate::notify::evaluate::{RoundOutcome, StoredHistory};
use crate::notify::rules::NotifierMode;
use crate::now;
use crate::platform::huge_pages;
use crate::platform::shutdown::{Shutdown, ShutdownBudget};
use crate::posts::text::{InvalidText, check_text};
use crate::recorder::queue::RecordEvent;
use crate::recorder::{RecordOutcome, Recorder};
use crate::store::StoreError;
use crate::store::upload::Upload;
use crate::ui::progress::ProgressBar;
use crate::ui::{self, table};

#[derive(Debug, thiserror::Error)]
#[error("the message is empty: pass some text, for example `--message \"We are on it.\"`")]
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
    let until = message::parse_until(arguments.until.as_deref())?;
    // A single round must be cheap, and is too short to need a separate thread for signals.
    let shutdown = match arguments.every {
        Some(_) => Shutdown::on_signals_in_thread(ui::info),
        None => Shutdown::on_signals(ui::info),
    };
    let signals = Signals::with_hangup(shutdown?)?;
    let mut recorder = if arguments.no_store { None } else { Recorder::open(&config, &signals.shutdown).await };
    if recorder.is_none() && !arguments.no_store {
        ui::note(&format!(
            "`{}` has no `storage`; the round is printed but not stored",
            arguments.config.config.display()
        ));
    }
    // With `--every`, a task notifies channels after all rounds but the first one.
    let notifying = recorder.as_ref().filter(|_| !arguments.no_notify);
    let mut notifier =
        notifying.and_then(|recorder| notifier(&config, recorder.store(), config.every, NotifierMode::Once));
    let mut budget = ShutdownBudget::for_notifying(signals.shutdown.clone());
    let check_context = check_context(&config);
    let mut status_log = StatusLog::new(config.node.clone());
    let mut outcome = Outcome::Done;
    let mut round = None;
    // With `--every`, the scheduler runs the first checks, so slow endpoints do not delay the others. A message still
    // requires a round, because it is stored with one.
    if arguments.every.is_none() || announcement.is_some() {
        let (mut results, confirmations) = first_round(&config, &check_context, config.every).await;
        let message =
            RoundMessage::post(announcement.as_ref(), until, (&config, recorder.as_ref()), &mut results).await;
        if arguments.every.is_none() {
            // Free the checks before the round is stored and printed: there can be thousands of them.
            config.checks = Vec::new();
        } else {
            status_log.report(&results);
        }
        let round_outcome;
        (outcome, round_outcome) = store_and_print(arguments, &config, recorder.as_mut(), message, &results).await;
        // Free the results before channels are notified: there can be thousands of them.
        if arguments.every.is_some() || config.metrics_file.is_none() {
            results = Vec::new();
        }
        if let (Some(notifier), Some(round_outcome)) = (&mut notifier, round_outcome)
            && let Some(report) = budget.run(Box::pin(notifier.evaluate(round_outcome, now()))).await
        {
            report_notifications(&report);
        }
        if let Some(recorder) = recorder.as_ref().filter(|_| arguments.every.is_none()) {
            let mut budget = ShutdownBudget::for_upkeep(signals.shutdown.clone());
            budget.run(Box::pin(write_metrics_file(&config, recorder, &results, now()))).await;
        }
        round = Some(confirmations);
    }
    let Some(every) = arguments.every else { return Ok(outcome) };
    if round.is_some() && signals.shutdown.is_requested() {
        return Ok(outcome);
    }
    let mut daemon = Daemon::start(config.clone(), check_context, every, round, source, signals)?;
    let mut print = |stored: StoredRound<'_>, results: &[CheckResult]| {
        outcome = print_round(arguments, &config, stored, None, results);
    };
    if let Some(recorder) = recorder {
        let store = recorder.store().describe();
        let live = Arc::new(LiveMetrics::new(&daemon.config().borrow(), now()));
        let mut tasks = DaemonTasks::start(&live, &recorder, &daemon.config(), (every, !arguments.no_notify), budget);
        let report = |event: RecordEvent<'_>| {
            tasks.report(&event);
            match event {
                RecordEvent::Received(results) => status_log.report(results),
                RecordEvent::Stored { results, upload } => {
                    report_upload(upload);
                    print(StoredRound::Stored { upload, store: &store, expired: 0 }, results);
                }
                RecordEvent::NotStored { results, error } => print(StoredRound::NotStored(error), results),
                RecordEvent::UpkeepDone(upkeep) => {
                    report_upkeep(upkeep);
                    report_deleted(upkeep.expiry.deletion.deleted);
                }
            }
        };
        recorder.record_all(daemon.batches(), storing_time, report).await;
        tasks.finish().await;
    } else {
        while let Some(results) = daemon.batches().recv().await {
            status_log.report(&results);
            print(StoredRound::NoStore, &results);
        }
    }
    daemon.stop().await;
    Ok(outcome)
}

fn report_deleted(deleted: usize) {
    if deleted > 0 {
        ui::info(&format!("removed {}", counted(deleted, "expired check file")));
    }
}

/// Returns the message to post with the round. Rejects an invalid message before any check runs.
fn announcement(arguments: &RunArguments, config: &Config) -> anyhow::Result<Option<Announcement>> {
    let Some(message) = &arguments.message else { return Ok(None) };
    check_text(message).map_err(|error| match error {
        InvalidText::Empty => EmptyMessage.into(),
        InvalidText::TooLong(length) => MessageTooLong(length).into(),
        other => anyhow::Error::from(other),
    })?;
    let announcement = Announcement { message: message.clone(), about: arguments.endpoint.clone() };
    Ok(Some(announcement.resolve_titles(config)?))
}

/// A message that is part of a round.
#[derive(Clone, Copy)]
struct RoundMessage<'r> {
    announcement: &'r Announcement,
    /// Whether the message is also stored as a post, so that it is not lost if the round cannot be stored.
    is_posted: bool,
}

impl<'r> RoundMessage<'r> {
    /// Posts a message if a store is configured, and adds it to the results.
    async fn post(
        announcement: Option<&'r Announcement>,
        until: Option<UnixNanos>,
        (config, recorder): (&Config, Option<&Recorder>),
        results: &mut [CheckResult],
    ) -> Option<RoundMessage<'r>> {
        let announcement = announcement?;
        let post = match recorder {
            Some(recorder) => message::publish(config, recorder.store(), announcement, until).await,
            None => None,
        };
        announcement.add_to(results, post.as_ref());
        Some(RoundMessage { announcement, is_posted: post.is_some() })
    }
}

/// The outcome of storing a round.
#[derive(Clone, Copy)]
enum StoredRound<'r> {
    NoStore,
    Stored {
        upload: &'r Upload,
        /// A description of the store, for messages.
        store: &'r str,
        /// The number of expired check files that were deleted.
        expired: usize,
    },
    NotStored(&'r StoreError),
}

/// Stores the results if a store is configured, prints them, and reports whether the message was posted.
async fn store_and_print(
    arguments: &RunArguments,
    config: &Config,
    recorder: Option<&mut Recorder>,
    message: Option<RoundMessage<'_>>,
    results: &[CheckResult],
) -> (Outcome, Option<RoundOutcome>) {
    let Some(recorder) = recorder else {
        return (print_round(arguments, config, StoredRound::NoStore, message, results), None);
    };
    let mut bar = ProgressBar::new("expired check files");
    let outcome = recorder.record(results, storing_time(results), |done, of| bar.draw(done, of)).await;
    bar.clear();
    match outcome {
        Ok(RecordOutcome { upload, upkeep }) => {
            report_upload(&upload);
            report_upkeep(&upkeep);
            let (store, expired) = (recorder.store().describe(), upkeep.expiry.deletion.deleted);
            let stored = StoredRound::Stored { upload: &upload, store: &store, expired };
            let outcome = print_round(arguments, config, stored, message, results);
            let (was_behind, certificates) = (!upload.sent.is_empty(), seen_certificates(results));
            let stored =
                |history| RoundOutcome::Stored(StoredHistory { history, has_round: true, was_behind, certificates });
            (outcome, upkeep.current.map(stored))
        }
        Err(error) => {
            let outcome = print_round(arguments, config, StoredRound::NotStored(&error), message, results);
            (outcome, Some(RoundOutcome::NotStored))
        }
    }
}

/// Prints the results, how they were stored, and whether the message was posted.
fn print_round(
    arguments: &RunArguments,
    config: &Config,
    round: StoredRound<'_>,
    message: Option<RoundMessage<'_>>,
    results: &[CheckResult],
) -> Outcome {
    let mut failed = false;
    let mut stored: Option<&CheckFileName> = None;
    let mut note = String::new();
    let posted = |message: RoundMessage<'_>| format!("message posted about {}", message.announcement.subject());
    let mut confirmation = None;
    match round {
        StoredRound::Stored { upload, store, expired } => {
            note = storing_note(arguments, upload, store, expired);
            confirmation = message.map(posted);
            stored = Some(&upload.name);
        }
        StoredRound::NotStored(error) => {
            ui::error(error);
            failed = true;
            confirmation = message.filter(|message| message.is_posted).map(posted);
        }
        StoredRound::NoStore if message.is_some() => {
            confirmation =
                Some("message not posted: `--no-store` is set or the configuration has no `storage`".to_owned());
        }
        StoredRound::NoStore => {}
    }
    match arguments.format.get() {
        Format::Json => {
            failed |= is_lost(&(table::json_line(&config.node, stored, results) + "\n"), stored);
            if let Some(confirmation) = confirmation {
                ui::info(&confirmation);
            }
        }
        Format::Table => {
            let time =
                if arguments.every.is_some() { table::time_line(now(), ui::stdout_styles()) } else { String::new() };
            failed |= is_lost(&(time + &table::render(results, ui::stdout_styles())), stored);
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

/// Describes how a round was stored. Repeated rounds are stored under similar names, which only verbose output contains.
fn storing_note(arguments: &RunArguments, upload: &Upload, store: &str, expired: usize) -> String {
    let mut notes = Vec::new();
    if arguments.every.is_none() || ui::is_verbose() {
        notes.push(format!("stored as {} in {store}", upload.name));
    }
    if upload.sent_from_spool > 0 {
        notes.push(format!("sent {} first", counted(upload.sent_from_spool, "waiting round")));
    }
    if expired > 0 {
        notes.push(format!("removed {}", counted(expired, "expired check file")));
    }
    notes.join("; ")
}

/// Prints a round. Returns whether the round is lost, that is, neither printed nor stored.
fn is_lost(round: &str, stored: Option<&CheckFileName>) -> bool {
    if stored.is_some() {
        ui::print(round);
        return false;
    }
    ui::stdout(round).inspect_err(|error| ui::error(error)).is_err()
}
