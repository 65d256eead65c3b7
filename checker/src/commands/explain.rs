//! `checker explain`: makes one attempt at one check and prints every detail. Nothing is stored.

use std::net::IpAddr;
use std::pin::pin;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use shared::status::Status;

use super::{Outcome, check_context, load};
use crate::checks::Check;
use crate::checks::net::resolver;
use crate::checks::probe_data::Capture;
use crate::checks::{CheckOutcome, attempt};
use crate::cli::ExplainArguments;
use crate::monitor::runner::evaluate_on_this_node;
use crate::titles::find_title;
use crate::ui;
use crate::ui::explain::explain as explained;

#[derive(Debug, thiserror::Error)]
#[error("unknown endpoint `{title}`: {remedy}")]
struct UnknownEndpoint {
    title: String,
    remedy: String,
}

/// Runs `checker explain`. Exits with status 1 if the endpoint is down.
pub async fn explain(arguments: &ExplainArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, None)?;
    let unknown = |remedy| UnknownEndpoint { title: arguments.endpoint.clone(), remedy };
    let titles = config.checks.iter().map(|check| check.title.as_str());
    let title = find_title(&arguments.endpoint, titles).map_err(unknown)?;
    let check = config.checks.iter().find(|check| check.title == title);
    let check = check.ok_or_else(|| unknown("expected the title of a check".to_owned()))?;
    let capture = Capture { headers: true, diagnostics: true, ..check.capture };
    let check = Check { capture, ..Check::clone(check) };
    let context = check_context(&config);
    // Resolve the host during the attempt so that a hanging lookup does not delay the output.
    let (addresses, attempt) = (pin!(addresses(&check)), pin!(attempt(&check, &context)));
    let (resolved, attempted) = match select(addresses, attempt).await {
        Either::Left((resolved, attempt)) => (resolved, attempt.await),
        Either::Right((attempted, addresses)) => (addresses.now_or_never().unwrap_or_default(), attempted),
    };
    match attempted {
        Ok((record, data)) => {
            let evaluation =
                evaluate_on_this_node(CheckOutcome::Attempts(vec![record.clone()]), &check, &context).await;
            ui::stdout(&explained(&check, &resolved, &record, &data, &evaluation))?;
            Ok(if evaluation.status == Status::Down { Outcome::Found } else { Outcome::Done })
        }
        Err(reason) => Err(anyhow::anyhow!("`{}` was not checked: {reason}", check.title)),
    }
}

/// Returns the IP addresses of the endpoint's host, if it has one.
async fn addresses(check: &Check) -> Vec<String> {
    let Some(host) = check.kind.probe().host() else { return Vec::new() };
    // Ignore a failed lookup: the attempt reports it.
    if let Ok(ip) = host.parse::<IpAddr>() {
        return vec![ip.to_string()];
    }
    let addresses = resolver::resolve(host).await.unwrap_or_default();
    let mut addresses: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    addresses.dedup();
    addresses
}
