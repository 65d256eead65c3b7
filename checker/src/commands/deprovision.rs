//! `checker deprovision`: shows what provisioning created, asks for confirmation and removes it.

use std::path::Path;

use super::bucket::{self, BucketError};
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

pub async fn deprovision(arguments: &DeprovisionArguments) -> anyhow::Result<Outcome> {
    let (bucket, _) = bucket::find(&arguments.bucket)?;
    validate_location(&bucket)?;
    let service = Service::open(&bucket, arguments.bucket.profile.as_deref()).await;
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
            "  note: this service has no IAM API: use the service's own tools to remove the keys of the reader and the writers",
        );
    }
    if steps.is_empty() {
        ui::print_line("Nothing to do: nothing created by `provision` was found.");
        return Ok(Outcome::Done);
    }
    let confirmation = Confirmation::from_yes_flag(arguments.yes);
    if objects == ExistingObjects::Delete {
        let question =
            format!("This deletes all data permanently. Type the bucket's name, `{}`, to continue:", spec.bucket.name);
        if read_answer(&question) != spec.bucket.name {
            return Err(BucketError::NameNotTyped.into());
        }
    } else if !confirmation.confirm("Continue? The data is kept. Type `yes`:") {
        return Err(BucketError::NotConfirmed.into());
    }
    let environment = environment();
    let mut progress = StepProgress::new(confirmation);
    let removed = apply(&steps, &service, &spec, Path::new(""), &environment, &mut progress).await;
    if let Err(error) = removed {
        ui::info("failed");
        ui::info("completed steps are not undone; run the same command again to continue");
        return Err(error.into());
    }
    let data = if objects == ExistingObjects::Keep { "; the bucket and its data are kept" } else { "" };
    ui::print_line(&format!("Removed{data}. The keys in `config.json` and `checker-<node>.json` no longer work."));
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
