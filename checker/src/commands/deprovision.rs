//! `checker deprovision`: shows what provisioning created, asks for confirmation and removes it.

use super::bucket::{self, BucketError, report_completion};
use super::{Outcome, environment};
use crate::cli::DeprovisionArguments;
use crate::config::model::Page;
use crate::provision::apply::{Applied, apply};
use crate::provision::destroy::{self, Removal};
use crate::provision::key_files::{self, KeyFile};
use crate::provision::owned::{ExistingObjects, find_owned};
use crate::provision::policy::DeletableFiles;
use crate::provision::revocation::{Revocation, RevokedKey};
use crate::provision::service::{Service, ServiceError};
use crate::provision::spec::{Access, ExistingFiles, ExistingKeys, ProvisionSpec, validate_location};
use crate::ui;
use crate::ui::progress::StepProgress;
use crate::ui::prompt::{Confirmation, read_answer};

pub async fn deprovision(arguments: &DeprovisionArguments) -> anyhow::Result<Outcome> {
    let (bucket, _) = bucket::find(&arguments.bucket)?;
    validate_location(&bucket)?;
    let service = Service::open(&bucket, arguments.bucket.profile.as_deref()).await;
    let spec = location_only(bucket, service.region());
    let objects = if arguments.delete_data { ExistingObjects::Delete } else { ExistingObjects::Keep };
    let mut files = key_files::find(&arguments.out, &spec.bucket);
    // Do not test the administrator's own keys, which are not deleted.
    files.retain(|file| spec.bucket.keys.as_ref().is_none_or(|own| own.access_key_id != file.keys.access_key_id));
    let removal = plan_removal(&service, &spec, objects, &files).await?;
    if arguments.dry_run {
        let mut json = removal.to_json();
        json["bucket"] = spec.bucket.name.clone().into();
        ui::stdout_data(&format!("{json:#}\n"))?;
        return Ok(Outcome::Done);
    }
    show(&removal, &spec);
    let applied = if removal.steps.is_empty() {
        ui::print_line("Nothing to do: nothing created by `provision` was found.");
        Applied::default()
    } else {
        confirm(arguments, objects, &spec)?;
        // Plan again: the state may have changed while the operator reviewed the plan.
        let has_waited = !arguments.yes || objects == ExistingObjects::Delete;
        if has_waited && plan_removal(&service, &spec, objects, &files).await?.to_json() != removal.to_json() {
            return Err(BucketError::ChangedMeanwhile.into());
        }
        let mut progress = StepProgress::new(Confirmation::from_yes_flag(arguments.yes));
        let environment = environment();
        match apply(&removal.steps, &service, &spec, &arguments.out, &environment, &mut progress).await {
            Ok(applied) => applied,
            Err(error) => {
                ui::info("failed");
                ui::info("completed steps are not undone; run the same command again to continue");
                return Err(error.into());
            }
        }
    };
    if !removal.steps.is_empty() {
        let data = if objects == ExistingObjects::Keep { "; the bucket and its data are kept" } else { "" };
        ui::print_line(&format!("Removed{data}."));
    }
    if let Some(reason) = applied.kept_bucket.as_ref().or(removal.kept_bucket.as_ref()) {
        ui::print_line(&format!("The bucket is kept: {reason}."));
    }
    let mut revoked = applied.revoked;
    revoked.extend(other_keys(&service, &files, &revoked).await);
    Ok(report_completion(&revoked, &[removal.manual, applied.manual].concat()))
}

async fn plan_removal(
    service: &Service,
    spec: &ProvisionSpec,
    objects: ExistingObjects,
    files: &[KeyFile],
) -> Result<Removal, ServiceError> {
    let owned = find_owned(service, &spec.scope(), objects).await?;
    Ok(destroy::plan(&owned, &spec.scope(), objects, files))
}

fn show(removal: &Removal, spec: &ProvisionSpec) {
    ui::print_line(&format!("Removing from {}:", bucket::describe(&spec.bucket, &spec.region)));
    for (index, step) in removal.steps.iter().enumerate() {
        ui::print_line(&format!("  {}. {}", index + 1, step.what()));
    }
    if let Some(reason) = &removal.kept_bucket {
        ui::print_line(&format!("  note: the bucket will be kept: {reason}"));
    }
}

fn confirm(
    arguments: &DeprovisionArguments,
    objects: ExistingObjects,
    spec: &ProvisionSpec,
) -> Result<(), BucketError> {
    if objects == ExistingObjects::Delete {
        let question =
            format!("This deletes all data permanently. Type the bucket's name, `{}`, to continue:", spec.bucket.name);
        if read_answer(&question) != spec.bucket.name {
            return Err(BucketError::NameNotTyped);
        }
    } else if !Confirmation::from_yes_flag(arguments.yes).confirm("Continue? The data is kept. Type `yes`:") {
        return Err(BucketError::NotConfirmed);
    }
    Ok(())
}

/// Tests the keys in files that this run did not delete, each of them once. They may be from an earlier run, or belong
/// to a user that was not found.
async fn other_keys(
    service: &Service,
    files: &[KeyFile],
    revoked: &[(RevokedKey, Revocation)],
) -> Vec<(RevokedKey, Revocation)> {
    let mut others = Vec::new();
    for file in files {
        if revoked.iter().any(|(key, _)| key.id == file.keys.access_key_id) {
            continue;
        }
        let key = RevokedKey {
            user: file.user.clone(),
            id: file.keys.access_key_id.clone(),
            secret: Some(file.keys.secret_access_key.clone()),
        };
        let outcome = service.revocation(&key).await;
        others.push((key, outcome));
    }
    others
}

fn location_only(bucket: crate::store::settings::Bucket, region: &str) -> ProvisionSpec {
    ProvisionSpec {
        bucket,
        region: region.to_owned(),
        access: Access::Keys,
        origins: Vec::new(),
        writers: Vec::new(),
        authors: Vec::new(),
        deletable: DeletableFiles::None,
        check_expiry: None,
        lifecycle_days: None,
        page: Page::default(),
        checks: serde_json::Map::new(),
        stores_feeds: false,
        files: ExistingFiles::Keep,
        keys: ExistingKeys::Keep,
    }
}
