//! `checker doctor`: tries a set-up from both sides and prints what was found.

use std::path::PathBuf;

use shared::page_config::PageConfig;

use super::{Outcome, load};
use crate::cli::{DoctorArguments, FindingsFormat};
use crate::doctor::{self, Finding, Level, Side};
use crate::now;
use crate::origin::validate_origin;
use crate::ui;

/// The page's configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read the page's configuration `{0}`")]
struct NoPage(PathBuf, #[source] std::io::Error);

/// Examines both sides, as far as they are given.
pub async fn doctor(arguments: &DoctorArguments) -> anyhow::Result<Outcome> {
    arguments.origin.iter().try_for_each(|origin| validate_origin(origin))?;
    let config = arguments.config.as_deref().map(|path| load(path, None)).transpose()?;
    let mut findings = Vec::new();
    if let Some(config) = &config {
        findings.extend(doctor::checker_side::examine(config, now()).await);
    }
    if let Some(path) = &arguments.page {
        let text = std::fs::read_to_string(path).map_err(|error| NoPage(path.clone(), error))?;
        match PageConfig::parse(&text) {
            Ok(page) => {
                let mut told = doctor::page_side::examine(&page, config.as_ref(), &arguments.origin, now()).await;
                // It is one machine and one clock.
                if findings.iter().any(doctor::clock::is_refused) {
                    told.retain(|finding| !doctor::clock::is_refused(finding));
                }
                findings.extend(told);
            }
            Err(problems) => {
                let told = problems.0.into_iter();
                findings.extend(
                    told.map(|problem| Finding::failure(Side::Page, problem, format!("mend `{}`", path.display()))),
                );
            }
        }
    }
    match arguments.format {
        FindingsFormat::Text => ui::stdout(&doctor::text(&findings))?,
        FindingsFormat::Json => ui::stdout(&format!("{:#}\n", doctor::to_json(&findings)))?,
    }
    Ok(match doctor::worst(&findings) {
        Level::Ok => Outcome::Done,
        Level::Warning => Outcome::Found,
        Level::Failure => Outcome::Failed,
    })
}
