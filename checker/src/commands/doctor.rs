//! `checker doctor`: tests the setup from both the checker's side and the page's, and prints its findings.

use std::path::PathBuf;

use shared::page_config::PageConfig;

use super::{Outcome, load};
use crate::cli::{DoctorArguments, FindingsFormat};
use crate::config::origin::validate_origin;
use crate::doctor::{self, Finding, Level, Side};
use crate::now;
use crate::platform::operator_file::read_operator_text;
use crate::ui;

#[derive(Debug, thiserror::Error)]
#[error("failed to read the page's configuration `{0}`")]
struct PageConfigUnreadable(PathBuf, #[source] std::io::Error);

pub async fn doctor(arguments: &DoctorArguments) -> anyhow::Result<Outcome> {
    arguments.origin.iter().try_for_each(|origin| validate_origin(origin))?;
    let config = arguments.config.as_deref().map(|path| load(path, None)).transpose()?;
    let mut findings = Vec::new();
    if let Some(config) = &config {
        findings.extend(doctor::checker_side::examine(config, now()).await);
        if doctor::worst(&findings) < Level::Failure {
            findings.extend(doctor::outputs::examine(config).await);
        }
        if let Some(notifications) = &config.notifications {
            findings.extend(doctor::channels::examine(notifications).await);
        }
        if let Some(storage) = &config.storage {
            findings.extend(doctor::channels::examine_removed(config, storage, now()).await);
        }
    }
    if let Some(path) = &arguments.page {
        let text = read_operator_text(path).map_err(|error| PageConfigUnreadable(path.clone(), error))?;
        match PageConfig::parse(&text) {
            Ok(page) => {
                let mut page_findings =
                    doctor::page_side::examine(&page, config.as_ref(), &arguments.origin, now()).await;
                // Both sides use this machine's clock, so report a wrong clock only once.
                if findings.iter().any(doctor::clock::is_refused) {
                    page_findings.retain(|finding| !doctor::clock::is_refused(finding));
                }
                findings.extend(page_findings);
                findings.extend(doctor::web_outputs::examine_link(&page).await);
            }
            Err(problems) => {
                let remedy = format!("fix `{}`", path.display());
                findings.extend(
                    problems.0.into_iter().map(|problem| Finding::failure(Side::Page, problem, remedy.clone())),
                );
            }
        }
    }
    match arguments.format() {
        FindingsFormat::Text => ui::stdout(&doctor::text(&findings))?,
        FindingsFormat::Json => ui::stdout_data(&format!("{:#}\n", doctor::to_json(&findings)))?,
    }
    Ok(match doctor::worst(&findings) {
        Level::Ok => Outcome::Done,
        Level::Warning => Outcome::Found,
        Level::Failure => Outcome::Failed,
    })
}
