//! `checker provision`: shows a plan, asks for confirmation, applies it and prints the next steps.

use shared::duration;
use std::collections::HashSet;
use std::path::Path;

use super::bucket::{self, BucketError, report_completion};
use super::{Outcome, environment};
use crate::cli::ProvisionArguments;
use crate::config;
use crate::config::model::{Config, Page};
use crate::config::{dialect, original};
use crate::provision::apply::{Applied, apply};
use crate::provision::files;
use crate::provision::names::Role;
use crate::provision::plan::{Plan, plan};
use crate::provision::policy::DeletableFiles;
use crate::provision::service::Service;
use crate::provision::spec::{
    Access, ExistingFiles, ExistingKeys, InvalidProvisionSpec, ProvisionSpec, validate_location, whole_days,
};
use crate::provision::state::read_state;
use crate::provision::step::Step;
use crate::ui;
use crate::ui::progress::StepProgress;
use crate::ui::prompt::Confirmation;

pub async fn provision(arguments: &ProvisionArguments) -> anyhow::Result<Outcome> {
    let (bucket, config) = bucket::find(&arguments.bucket)?;
    validate_location(&bucket)?;
    let service = Service::open(&bucket, arguments.bucket.profile.as_deref()).await;
    let check_expiry = arguments.check_expiry.or(config.as_ref().and_then(expiry_of)).filter(|age| *age > 0);
    let spec = ProvisionSpec {
        region: service.region().to_owned(),
        bucket,
        access: match (arguments.public, arguments.public_outputs) {
            (true, _) => Access::Public,
            (false, true) => Access::KeysAndPublicOutputs,
            (false, false) => Access::Keys,
        },
        origins: deduplicated(&arguments.origin),
        writers: deduplicated(&arguments.writer),
        authors: deduplicated(&arguments.author),
        deletable: match (check_expiry, arguments.expire_legacy) {
            (None, false) => DeletableFiles::None,
            (None, true) => return Err(InvalidProvisionSpec::MissingExpiry.into()),
            (Some(_), false) => DeletableFiles::Own,
            (Some(_), true) => DeletableFiles::OwnAndLegacy,
        },
        check_expiry,
        lifecycle_days: arguments.lifecycle.map(whole_days).transpose()?,
        stores_feeds: config.as_ref().is_none_or(|config| config.outputs.fill_subscribe_menu()),
        page: config.map_or_else(Page::default, |config| config.page),
        checks: checks_of(arguments.bucket.config.as_deref()),
        files: if arguments.force { ExistingFiles::Replace } else { ExistingFiles::Keep },
        keys: if arguments.rotate { ExistingKeys::Rotate } else { ExistingKeys::Keep },
    };
    spec.validate()?;
    let out = &arguments.out;
    let environment = environment();
    let current = read_state(&service, &spec, out, &environment).await?;
    let plan = plan(&spec, &current)?;
    if arguments.dry_run {
        let mut json = plan.to_json();
        json["bucket"] = spec.bucket.name.clone().into();
        json["region"] = spec.region.clone().into();
        json["prefix"] = spec.bucket.prefix.clone().into();
        ui::stdout_data(&format!("{json:#}\n"))?;
        return Ok(Outcome::Done);
    }
    show(&plan, &spec);
    let mut applied = Applied::default();
    if plan.steps.is_empty() {
        ui::print_line("Nothing to do: everything is already set up.");
    } else {
        let confirmation = Confirmation::from_yes_flag(arguments.yes);
        if !confirmation.confirm("Continue? Type `yes`:") {
            return Err(BucketError::NotConfirmed.into());
        }
        // Plan again: the state may have changed while the operator reviewed the plan.
        let current = if arguments.yes { current } else { read_state(&service, &spec, out, &environment).await? };
        if self::plan(&spec, &current)?.to_json() != plan.to_json() {
            return Err(BucketError::ChangedMeanwhile.into());
        }
        let mut progress = StepProgress::new(confirmation);
        match apply(&plan.steps, &service, &spec, out, &environment, &mut progress).await {
            Ok(done) => applied = done,
            Err(error) => {
                ui::info("failed");
                ui::info("completed steps are not undone; run the same command again to continue");
                return Err(error.into());
            }
        }
    }
    for identity in spec.identities() {
        files::delete_marker(out, &identity)?;
    }
    show_files(&spec, &plan, out);
    Ok(report_completion(&applied.revoked, &[plan.manual.clone(), applied.manual].concat()))
}

fn expiry_of(config: &Config) -> Option<shared::Nanos> {
    config.storage.as_ref()?.check_expiry
}

fn deduplicated<T: Clone + Eq + std::hash::Hash>(given: &[T]) -> Vec<T> {
    let mut seen = HashSet::new();
    given.iter().filter(|one| seen.insert((*one).clone())).cloned().collect()
}

/// The configuration keys to copy to the writers' configurations. The interval is not copied, because it depends on how
/// each writer is scheduled.
const FOR_WRITERS: [&str; 10] = [
    "checkers",
    "concurrent_checks",
    "online_check",
    "connectivity",
    "deny_private_addresses",
    "summaries",
    "outputs",
    "notify",
    "notifiers",
    "notifier",
];

/// Returns a configuration's values for [`FOR_WRITERS`] in the checker's dialect, with variables unexpanded.
fn checks_of(config: Option<&Path>) -> serde_json::Map<String, serde_json::Value> {
    let text = config.and_then(|path| config::read(path).ok()).unwrap_or_default();
    if config.is_some_and(dialect::is_original) {
        return original::to_own_dialect(&text).map(only_for_writers).unwrap_or_default();
    }
    let parsed = jsonc_parser::parse_to_serde_value::<serde_json::Value>(&text, &jsonc_parser::ParseOptions::default());
    let Ok(serde_json::Value::Object(written)) = parsed else { return serde_json::Map::new() };
    only_for_writers(written)
}

fn only_for_writers(
    mut written: serde_json::Map<String, serde_json::Value>,
) -> serde_json::Map<String, serde_json::Value> {
    FOR_WRITERS.iter().filter_map(|key| Some(((*key).to_owned(), written.remove(*key)?))).collect()
}

/// Prints the plan: steps with their policies, then manual steps and notes.
fn show(plan: &Plan, spec: &ProvisionSpec) {
    ui::print_line(&format!("Plan for {}:", bucket::describe(&spec.bucket, &spec.region)));
    for (index, step) in plan.steps.iter().enumerate() {
        ui::print_line(&format!("  {}. {}", index + 1, step.what()));
        if let (Step::PutUserPolicy(_) | Step::PutBucketPolicy(_), Some(document)) = (step, step.document()) {
            let statements = document["Statement"].as_array().cloned().unwrap_or_default();
            for statement in statements {
                ui::print_line(&format!("       {statement}"));
            }
        }
    }
    for identity in &plan.by_hand {
        ui::print_line(&format!(
            "  manual step: create a key for the {}, add it to `{}`, and grant it exactly these permissions:\n{:#}",
            identity.role,
            identity.role.file_name(),
            identity.policy
        ));
    }
    for note in &plan.notes {
        ui::print_line(&format!("  note: {note}"));
    }
    if spec.writers.is_empty() && spec.authors.is_empty() {
        ui::print_line("  note: no writer was requested; add `--writer NODE` for each checker");
    }
    if let Some(age) = spec.check_expiry {
        ui::print_line(&format!("  note: writers remove their check files after {}", duration::format_exact(age)));
    }
}

/// Prints the page's configuration, which is public, and only the names of the writers' configurations.
fn show_files(spec: &ProvisionSpec, plan: &Plan, out: &Path) {
    let page = files::path_of(out, &Role::Reader);
    if let Ok(text) = std::fs::read_to_string(&page) {
        let public = if spec.access == Access::Public {
            "it needs no keys"
        } else {
            "its keys are public: every visitor can see them"
        };
        ui::print_line(&format!(
            "\n{} ({public}):\n{}",
            bucket::in_folder(out, &Role::Reader.file_name()),
            text.trim_end()
        ));
    }
    for node in &spec.writers {
        let path = bucket::in_folder(out, &Role::Writer(node.clone()).file_name());
        ui::print_line(&format!("{path} (it contains the writer's keys: keep it secret)"));
    }
    for author in &spec.authors {
        let path = bucket::in_folder(out, &Role::Author(author.clone()).file_name());
        ui::print_line(&format!("{path} (it contains the author's keys: keep it secret)"));
    }
    let mut command = vec!["checker doctor".to_owned()];
    let writer = spec.writers.first().map(|node| Role::Writer(node.clone()).file_name());
    command.extend(writer.map(|file| format!("-c {}", bucket::in_folder(out, &file))));
    command.push(format!("--page {}", bucket::in_folder(out, &Role::Reader.file_name())));
    command.extend(spec.origins.iter().map(|origin| format!("--origin {origin}")));
    let doctor = command.join(" ");
    let by_hand = if plan.by_hand.is_empty() { "" } else { "create the keys and add them to the files; then " };
    ui::print_line(&format!(
        "\nNext: {by_hand}copy `config.json` next to the page's `index.html` and each `checker-<node>.json` to its machine, then verify the setup with\n  {doctor}"
    ));
}
