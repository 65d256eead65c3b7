//! `checker provision`: shows what is to be done, asks, does it step by step, and says what comes next.

use shared::duration;
use std::collections::HashSet;
use std::path::Path;

use super::bucket::{self, PlaceError};
use super::{Outcome, environment};
use crate::cli::ProvisionArguments;
use crate::config;
use crate::config::model::{Config, Page};
use crate::provision::apply::apply;
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

/// Prepares a bucket.
pub async fn provision(arguments: &ProvisionArguments) -> anyhow::Result<Outcome> {
    let (bucket, config) = bucket::find(&arguments.place)?;
    validate_location(&bucket)?;
    let service = Service::open(&bucket, arguments.place.profile.as_deref()).await;
    let check_expiry = arguments.check_expiry.or(config.as_ref().and_then(expiry_of)).filter(|age| *age > 0);
    let spec = ProvisionSpec {
        region: service.region().to_owned(),
        bucket,
        access: if arguments.public { Access::Public } else { Access::Keys },
        origins: deduplicated(&arguments.origin),
        writers: deduplicated(&arguments.writer),
        deletable: match (check_expiry, arguments.expire_originals) {
            (None, false) => DeletableFiles::None,
            (None, true) => return Err(InvalidProvisionSpec::MissingExpiry.into()),
            (Some(_), false) => DeletableFiles::Own,
            (Some(_), true) => DeletableFiles::OwnAndLegacy,
        },
        check_expiry,
        lifecycle_days: arguments.lifecycle.map(whole_days).transpose()?,
        page: config.map_or_else(Page::default, |config| config.page),
        checks: checks_of(arguments.place.config.as_deref()),
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
        ui::stdout(&format!("{json:#}\n"))?;
        return Ok(Outcome::Done);
    }
    show(&plan, &spec);
    if plan.steps.is_empty() {
        ui::print_line("Nothing is to be done: everything is as wished.");
    } else {
        let confirmation = Confirmation::from_yes_flag(arguments.yes);
        if !confirmation.confirm("Go ahead? Type `yes`:") {
            return Err(PlaceError::NotConfirmed.into());
        }
        let mut progress = StepProgress::new(confirmation);
        let carried = apply(&plan.steps, &service, &spec, out, &environment, &mut progress).await;
        if let Err(error) = carried {
            ui::info("stopped");
            ui::info("what was done until here stays; the same command goes on from there");
            return Err(error.into());
        }
    }
    for identity in spec.identities() {
        files::delete_marker(out, &identity)?;
    }
    show_files(&spec, &plan, out);
    Ok(Outcome::Done)
}

fn expiry_of(config: &Config) -> Option<shared::Nanos> {
    config.storage.as_ref()?.check_expiry
}

fn deduplicated<T: Clone + Eq + std::hash::Hash>(given: &[T]) -> Vec<T> {
    let mut seen = HashSet::new();
    given.iter().filter(|one| seen.insert((*one).clone())).cloned().collect()
}

/// What of a configuration is the writers', too: what is checked, and what holds for all of it. How often is a matter of each
/// one's schedule.
const FOR_WRITERS: [&str; 5] = ["checkers", "concurrent_checks", "connectivity", "deny_private_addresses", "summaries"];

/// What a configuration checks and how, word for word: variables in it stay variables.
fn checks_of(config: Option<&Path>) -> serde_json::Map<String, serde_json::Value> {
    let text = config.and_then(|path| config::read(path).ok()).unwrap_or_default();
    let parsed = jsonc_parser::parse_to_serde_value::<serde_json::Value>(&text, &jsonc_parser::ParseOptions::default());
    let Ok(serde_json::Value::Object(mut written)) = parsed else { return serde_json::Map::new() };
    FOR_WRITERS.iter().filter_map(|key| Some(((*key).to_owned(), written.remove(*key)?))).collect()
}

/// The plan for people: the steps, then the rights in full, then what else to know.
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
            "  by hand: give the {}, whose keys go into `{}`, these rights and no others:\n{:#}",
            identity.role,
            identity.role.file_name(),
            identity.policy
        ));
    }
    for note in &plan.notes {
        ui::print_line(&format!("  note: {note}"));
    }
    if spec.writers.is_empty() {
        ui::print_line("  note: no writer is asked for; add `--writer NODE` for each checker");
    }
    if let Some(age) = spec.check_expiry {
        ui::print_line(&format!("  note: writers remove their own check files after {}", duration::format_exact(age)));
    }
}

/// The files as they are: the page's in full, since everybody may see it; the writers' by name.
fn show_files(spec: &ProvisionSpec, plan: &Plan, out: &Path) {
    let page = files::path_of(out, &Role::Reader);
    if let Ok(text) = std::fs::read_to_string(&page) {
        let public = if spec.access == Access::Keys {
            "its keys are public: every visitor can see them"
        } else {
            "it needs no keys"
        };
        ui::print_line(&format!(
            "\n{} ({public}):\n{}",
            bucket::in_folder(out, &Role::Reader.file_name()),
            text.trim_end()
        ));
    }
    for node in &spec.writers {
        let path = bucket::in_folder(out, &Role::Writer(node.clone()).file_name());
        ui::print_line(&format!("{path} (the writer's keys are in it: keep it to yourself)"));
    }
    let mut words = vec!["checker doctor".to_owned()];
    let writer = spec.writers.first().map(|node| Role::Writer(node.clone()).file_name());
    words.extend(writer.map(|file| format!("-c {}", bucket::in_folder(out, &file))));
    words.push(format!("--page {}", bucket::in_folder(out, &Role::Reader.file_name())));
    words.extend(spec.origins.iter().map(|origin| format!("--origin {origin}")));
    let doctor = words.join(" ");
    let by_hand = if plan.by_hand.is_empty() { "" } else { "make the keys by hand and put them into the files; then " };
    ui::print_line(&format!(
        "\nNext: {by_hand}put `config.json` beside the page's `index.html`, each `checker-<node>.json` on its machine, and prove it all with\n  {doctor}"
    ));
}
