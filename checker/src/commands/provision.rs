//! `checker provision`: shows what is to be done, asks, does it step by step, and says what comes next.

use shared::duration;
use std::collections::HashSet;
use std::path::Path;

use super::bucket::{self, PlaceError};
use super::{Outcome, environment};
use crate::cli::ProvisionArguments;
use crate::config;
use crate::config::model::{Config, Page};
use crate::provision::apply::carry_out;
use crate::provision::files;
use crate::provision::names::Role;
use crate::provision::plan::{Plan, plan};
use crate::provision::policy::Expires;
use crate::provision::service::Service;
use crate::provision::spec::{Access, Files, Keys, WishError, Wishes, check_place, whole_days};
use crate::provision::state::observe;
use crate::provision::step::Step;
use crate::ui;
use crate::ui::progress::StepProgress;
use crate::ui::prompt::Confirmation;

/// Prepares a bucket.
pub async fn provision(arguments: &ProvisionArguments) -> anyhow::Result<Outcome> {
    let (bucket, config) = bucket::find(&arguments.bucket)?;
    check_place(&bucket)?;
    let service = Service::open(&bucket, arguments.bucket.profile.as_deref()).await;
    let check_expiry = arguments.check_expiry.or(config.as_ref().and_then(expiry_of)).filter(|age| *age > 0);
    let wishes = Wishes {
        region: service.region().to_owned(),
        bucket,
        access: if arguments.public { Access::Public } else { Access::Keys },
        origins: without_doubles(&arguments.origin),
        writers: without_doubles(&arguments.writer),
        expires: match (check_expiry, arguments.expire_legacy) {
            (None, false) => Expires::Nothing,
            (None, true) => return Err(WishError::NothingExpires.into()),
            (Some(_), false) => Expires::Own,
            (Some(_), true) => Expires::OwnAndTheOriginals,
        },
        check_expiry,
        lifecycle_days: arguments.lifecycle.map(whole_days).transpose()?,
        page: config.map_or_else(Page::default, |config| config.page),
        checking: checking_of(arguments.bucket.config.as_deref()),
        files: if arguments.force { Files::Replace } else { Files::Keep },
        keys: if arguments.rotate { Keys::Rotate } else { Keys::Keep },
    };
    wishes.check()?;
    let out = &arguments.out;
    let environment = environment();
    let observed = observe(&service, &wishes, out, &environment).await?;
    let plan = plan(&wishes, &observed)?;
    if arguments.dry_run {
        let mut json = plan.to_json();
        json["bucket"] = wishes.bucket.name.clone().into();
        json["region"] = wishes.region.clone().into();
        json["prefix"] = wishes.bucket.prefix.clone().into();
        ui::stdout(&format!("{json:#}\n"))?;
        return Ok(Outcome::Done);
    }
    show(&plan, &wishes);
    if plan.steps.is_empty() {
        ui::print_line("Nothing is to be done: everything is as wished.");
    } else {
        let confirmation = Confirmation::from_yes_flag(arguments.yes);
        if !confirmation.confirm("Go ahead? Type `yes`:") {
            return Err(PlaceError::NotConfirmed.into());
        }
        let mut progress = StepProgress::new(confirmation);
        let carried = carry_out(&plan.steps, &service, &wishes, out, &environment, &mut progress).await;
        if let Err(error) = carried {
            ui::info("stopped");
            ui::info("what was done until here stays; the same command goes on from there");
            return Err(error.into());
        }
    }
    for identity in wishes.identities() {
        files::unmark(out, &identity)?;
    }
    show_files(&wishes, &plan, out);
    Ok(Outcome::Done)
}

fn expiry_of(config: &Config) -> Option<shared::Nanos> {
    config.storage.as_ref()?.check_expiry
}

fn without_doubles<T: Clone + Eq + std::hash::Hash>(given: &[T]) -> Vec<T> {
    let mut seen = HashSet::new();
    given.iter().filter(|one| seen.insert((*one).clone())).cloned().collect()
}

/// What of a configuration is the writers', too: what is checked, and what holds for all of it. How often is a matter of each
/// one's schedule.
const FOR_WRITERS: [&str; 6] =
    ["checkers", "concurrent_checks", "online_check", "connectivity", "deny_private_addresses", "summaries"];

/// What a configuration checks and how, word for word: variables in it stay variables.
fn checking_of(config: Option<&Path>) -> serde_json::Map<String, serde_json::Value> {
    let text = config.and_then(|path| config::read(path).ok()).unwrap_or_default();
    let parsed = jsonc_parser::parse_to_serde_value::<serde_json::Value>(&text, &jsonc_parser::ParseOptions::default());
    let Ok(serde_json::Value::Object(mut written)) = parsed else { return serde_json::Map::new() };
    FOR_WRITERS.iter().filter_map(|key| Some(((*key).to_owned(), written.remove(*key)?))).collect()
}

/// The plan for people: the steps, then the rights in full, then what else to know.
fn show(plan: &Plan, wishes: &Wishes) {
    ui::print_line(&format!("Plan for {}:", bucket::describe(&wishes.bucket, &wishes.region)));
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
    if wishes.writers.is_empty() {
        ui::print_line("  note: no writer is asked for; add `--writer NODE` for each checker");
    }
    if let Some(age) = wishes.check_expiry {
        ui::print_line(&format!("  note: writers remove their own check files after {}", duration::format_exact(age)));
    }
}

/// The files as they are: the page's in full, since everybody may see it; the writers' by name.
fn show_files(wishes: &Wishes, plan: &Plan, out: &Path) {
    let page = files::path_of(out, &Role::Reader);
    if let Ok(text) = std::fs::read_to_string(&page) {
        let public = if wishes.access == Access::Keys {
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
    for node in &wishes.writers {
        let path = bucket::in_folder(out, &Role::Writer(node.clone()).file_name());
        ui::print_line(&format!("{path} (the writer's keys are in it: keep it to yourself)"));
    }
    let mut words = vec!["checker doctor".to_owned()];
    let writer = wishes.writers.first().map(|node| Role::Writer(node.clone()).file_name());
    words.extend(writer.map(|file| format!("-c {}", bucket::in_folder(out, &file))));
    words.push(format!("--page {}", bucket::in_folder(out, &Role::Reader.file_name())));
    words.extend(wishes.origins.iter().map(|origin| format!("--origin {origin}")));
    let doctor = words.join(" ");
    let by_hand = if plan.by_hand.is_empty() { "" } else { "make the keys by hand and put them into the files; then " };
    ui::print_line(&format!(
        "\nNext: {by_hand}put `config.json` beside the page's `index.html`, each `checker-<node>.json` on its machine, and prove it all with\n  {doctor}"
    ));
}
