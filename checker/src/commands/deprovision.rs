//! `checker deprovision`: shows what of ours is there, asks, and removes it.

use std::path::Path;

use super::bucket::{self, PlaceError};
use super::{Outcome, environment};
use crate::cli::DeprovisionArguments;
use crate::config::model::Page;
use crate::provision::apply::apply;
use crate::provision::destroy::{self, ExistingObjects};
use crate::provision::policy::DeletableFiles;
use crate::provision::service::Service;
use crate::provision::spec::{Access, ExistingFiles, ExistingKeys, ProvisionSpec, validate_location};
use crate::provision::step::Step;
use crate::ui;
use crate::ui::progress::StepProgress;
use crate::ui::prompt::{Confirmation, read_answer};

/// Removes what provisioning made.
pub async fn deprovision(arguments: &DeprovisionArguments) -> anyhow::Result<Outcome> {
    let (bucket, _) = bucket::find(&arguments.place)?;
    validate_location(&bucket)?;
    let service = Service::open(&bucket, arguments.place.profile.as_deref()).await;
    let spec = location_only(bucket, service.region());
    let objects = if arguments.delete_data { ExistingObjects::Delete } else { ExistingObjects::Keep };
    let owned = destroy::find_owned(&service, &spec.scope()).await?;
    let steps = destroy::plan(&owned, &spec.scope(), objects);
    if arguments.dry_run {
        let steps: Vec<_> = steps.iter().map(Step::to_json).collect();
        let plan = serde_json::json!({ "bucket": spec.bucket.name, "steps": steps });
        ui::stdout(&format!("{plan:#}\n"))?;
        return Ok(Outcome::Done);
    }
    ui::print_line(&format!("Removing from {}:", bucket::describe(&spec.bucket, &spec.region)));
    for (index, step) in steps.iter().enumerate() {
        ui::print_line(&format!("  {}. {}", index + 1, step.what()));
    }
    if owned.users.is_none() {
        ui::print_line(
            "  note: this service has no IAM API: remove the reader's and the writers' keys with its own tool",
        );
    }
    if steps.is_empty() {
        ui::print_line("Nothing is to be done: nothing of ours is there.");
        return Ok(Outcome::Done);
    }
    let confirmation = Confirmation::from_yes_flag(arguments.yes);
    if objects == ExistingObjects::Delete {
        let question = format!("All data goes for good. Type the bucket's name, `{}`, to go ahead:", spec.bucket.name);
        if read_answer(&question) != spec.bucket.name {
            return Err(PlaceError::NameNotTyped.into());
        }
    } else if !confirmation.confirm("Go ahead? Data stays. Type `yes`:") {
        return Err(PlaceError::NotConfirmed.into());
    }
    let environment = environment();
    let mut progress = StepProgress::new(confirmation);
    let removed = apply(&steps, &service, &spec, Path::new(""), &environment, &mut progress).await;
    if let Err(error) = removed {
        ui::info("stopped");
        ui::info("what was removed until here is gone; the same command goes on from there");
        return Err(error.into());
    }
    let data = if objects == ExistingObjects::Keep { "; the bucket and its data stay" } else { "" };
    ui::print_line(&format!(
        "Removed{data}. The keys in `config.json` and `checker-<node>.json` are of no use any more."
    ));
    Ok(Outcome::Done)
}

fn location_only(bucket: crate::store::settings::Bucket, region: &str) -> ProvisionSpec {
    ProvisionSpec {
        bucket,
        region: region.to_owned(),
        access: Access::Keys,
        origins: Vec::new(),
        writers: Vec::new(),
        deletable: DeletableFiles::None,
        check_expiry: None,
        lifecycle_days: None,
        page: Page::default(),
        checks: serde_json::Map::new(),
        files: ExistingFiles::Keep,
        keys: ExistingKeys::Keep,
    }
}
