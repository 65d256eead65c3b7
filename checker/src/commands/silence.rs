//! `checker silence`: holds back notifications for a while. The notifiers read silences from the digests of posts.

use shared::post::Details;

use super::posting::Posting;
use super::{Outcome, notices};
use crate::cli::{SilenceArguments, SilenceCommand};
use crate::posts::publish::Draft;
use crate::posts::resolve::Sought;
use crate::posts::text::check_text;
use crate::ui;

const SILENCE: Sought = Sought {
    what: "silence",
    remedy: "list them with `checker silence list`",
    if_none: "begin one with `checker silence TITLE --for 1h`",
};

pub async fn silence(arguments: &SilenceArguments) -> anyhow::Result<Outcome> {
    match &arguments.command {
        Some(SilenceCommand::List(arguments)) => {
            let posting = Posting::view(&arguments.config).await?;
            notices::list(arguments, &posting, &posting.announcements().silences, "No silences.")
        }
        Some(SilenceCommand::End(arguments)) => {
            let posting = Posting::open(&arguments.author).await?;
            let until = Some(posting.now);
            let silences = posting.announcements().silences;
            notices::end(&posting, &silences, &arguments.id, SILENCE, Details::Silence { until }).await
        }
        None => begin(arguments).await,
    }
}

async fn begin(arguments: &SilenceArguments) -> anyhow::Result<Outcome> {
    if !arguments.why.is_empty() {
        check_text(&arguments.why)?;
    }
    let posting = Posting::open(&arguments.author).await?;
    let affects = posting.scopes(&arguments.titles).await?;
    let titles: Vec<String> = affects.iter().map(|affected| affected.scope.0.clone()).collect();
    let until = arguments.length.map(|length| posting.now.saturating_add(length));
    let text = Some(arguments.why.clone()).filter(|why| !why.is_empty());
    let post =
        posting.publish(Draft { affects: Some(affects), text, ..Draft::new(Details::Silence { until }) }).await?;
    let end = until.map(|until| notices::time(until, &posting.zone)).unwrap_or_default();
    ui::print_line(&format!("silenced {} until {end} (`{}`)", notices::titles(&titles), post.id));
    Ok(Outcome::Done)
}
