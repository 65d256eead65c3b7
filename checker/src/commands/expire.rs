//! `checker expire`: shows which check files are older than `check_expiry`, asks for confirmation and deletes them. It
//! also deletes those that `checker run` keeps because their age cannot be verified.

use shared::duration;
use shared::object_name::CheckFileName;

use super::bucket::BucketError;
use super::{MissingStorage, Outcome, load};
use crate::cli::ExpireArguments;
use crate::now;
use crate::recorder::expiry::{ExpiryWarning, plan};
use crate::recorder::summary::format_minute;
use crate::store::Store;
use crate::ui;
use crate::ui::progress::ProgressBar;
use crate::ui::prompt::Confirmation;

#[derive(Debug, thiserror::Error)]
#[error("`{0}` has no `check_expiry` in `storage`: add one, for example `\"check_expiry\": \"30d\"`")]
struct MissingExpiry(String);

pub async fn expire(arguments: &ExpireArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, arguments.node.as_ref())?;
    let path = arguments.config.config.display().to_string();
    let Some(storage) = &config.storage else { return Err(MissingStorage(path).into()) };
    let Some(age) = storage.check_expiry else { return Err(MissingExpiry(path).into()) };
    let store = Store::open(storage).await;
    let plan = plan(&store, &config.node, now(), age, config.every).await?;
    if let Some(ahead) = plan.clock_ahead {
        ui::warn(&ExpiryWarning::ClockAhead(ahead).to_string());
    }
    let mut old: Vec<CheckFileName> = plan.due;
    let unproven = plan.unproven.len();
    old.extend(plan.unproven);
    old.sort_unstable();
    let (Some(oldest), Some(newest)) = (old.first(), old.last()) else {
        ui::print_line(&format!("Nothing to do: no check file is older than {}.", duration::format_exact(age)));
        return Ok(Outcome::Done);
    };
    ui::print_line(&format!(
        "{} of `{}` in {} are older than {}: from {} to {}.",
        check_files(old.len()),
        config.node,
        store.describe(),
        duration::format_exact(age),
        format_minute(oldest.stored_at),
        format_minute(newest.stored_at)
    ));
    if let Some((start, end)) = plan.gap.filter(|_| unproven > 0) {
        ui::print_line(&format!(
            "{} only by this machine's clock, which shows {}: no check file was stored from {} to {}.",
            if unproven == old.len() { "They are".to_owned() } else { format!("{unproven} of them are") },
            format_minute(now()),
            format_minute(start),
            format_minute(end)
        ));
    }
    if arguments.dry_run {
        ui::print_line("Nothing was deleted, because of `--dry-run`.");
        return Ok(Outcome::Done);
    }
    let question = format!("Delete {}? Type `yes`:", check_files(old.len()));
    if !Confirmation::from_yes_flag(arguments.yes).confirm(&question) {
        return Err(BucketError::NotConfirmed.into());
    }
    let mut bar = ProgressBar::new("check files");
    let deletion = store.delete(&old, |done| bar.draw(done, old.len())).await;
    bar.clear();
    ui::print_line(&format!("Deleted {}.", check_files(deletion.deleted)));
    match deletion.failure {
        Some(error) => Err(error.into()),
        None => Ok(Outcome::Done),
    }
}

fn check_files(count: usize) -> String {
    if count == 1 { "1 check file".to_owned() } else { format!("{count} check files") }
}
