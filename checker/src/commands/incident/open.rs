//! `checker incident open`: posts the beginning of an incident.

use shared::UnixNanos;
use shared::post::IncidentState;
use shared::suggest::suggest;

use super::{IncidentError, check_after, details, outage, parse_state};
use crate::cli::OpenArguments;
use crate::commands::posting::Posting;
use crate::commands::{Outcome, post_text};
use crate::config::model::{Config, Template};
use crate::posts::publish::Draft;
use crate::posts::text::{check_text, check_title};
use crate::ui;

pub(super) async fn open(arguments: &OpenArguments) -> anyhow::Result<Outcome> {
    let posting = Posting::open(&arguments.author).await?;
    let mut template = match &arguments.template {
        Some(name) => template(&posting.config, name)?,
        None => Template::default(),
    };
    let mut began = posting.past("--began", arguments.details.began.as_ref())?;
    if let Some(endpoint) = &arguments.from_outage {
        let measured = outage::describe(&posting, endpoint).await?;
        began = began.or(Some(measured.began));
        template = Template {
            title: template.title.or(Some(measured.title)),
            text: template.text.or(Some(measured.text)),
            affects: if template.affects.is_empty() { vec![measured.affected] } else { template.affects },
        };
    }
    let title = arguments.title.clone().or(template.title).ok_or(IncidentError::MissingTitle)?;
    check_title(&title)?;
    let chosen = &arguments.details.affects;
    let affects = posting.affected(if chosen.is_empty() { &template.affects } else { chosen }).await?;
    let at = posting.past("--at", arguments.details.at.as_ref())?;
    let at = check_after(&posting, ("--at", arguments.details.at.as_ref()), at, began.unwrap_or(UnixNanos::MIN))?;
    let state = arguments.state.as_deref().and_then(parse_state).unwrap_or(IncidentState::Investigating);
    let ended = posting.past("--ended", arguments.ended.as_ref())?;
    if ended.is_some() && !state.is_closed() {
        return Err(IncidentError::StillOpenButEnded.into());
    }
    let start = began.or(at).unwrap_or(posting.now);
    let ended = check_after(&posting, ("--ended", arguments.ended.as_ref()), ended, start)?;
    let text = post_text::read(&arguments.text, &template.text.unwrap_or_default())?.checked(check_text)?;
    let draft = Draft {
        title: Some(title.clone()),
        affects,
        text: text.text.clone(),
        at,
        ..Draft::new(details(Some(state), began, ended))
    };
    let post = text.keep_on_failure(posting.publish(draft).await)?;
    ui::print_line(&format!("opened the incident `{}`: {title}", post.id));
    Ok(Outcome::Done)
}

fn template(config: &Config, name: &str) -> Result<Template, IncidentError> {
    config.templates.get(name).cloned().ok_or_else(|| {
        let names = || config.templates.keys().map(String::as_str);
        let remedy = match suggest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if config.templates.is_empty() => "the configuration has no `templates`".to_owned(),
            None => {
                format!("expected one of {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
            }
        };
        IncidentError::UnknownTemplate { name: name.to_owned(), remedy }
    })
}
