//! Serves feeds, the calendar, the Statuspage API, and badges with uptime and response time.
//!
//! Feeds and the calendar are read from the store. All others are computed from the store when they are requested, so
//! that an endpoint without current results is unknown even if this node has stopped storing any.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use axum::routing::get;
use shared::UnixNanos;
use shared::object_name::{OUTPUT_FOLDER, OutputForm, OutputName};
use shared::outputs::OutputIndex;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::response::{self, Freshness, Representation};
use super::shared_bodies::Kind;
use super::{ServerState, own_badge};
use crate::config::model::{Config, OutputKind, Outputs};
use crate::recorder::outputs::dataset::{Dataset, OutputSettings};
use crate::recorder::outputs::writer::{new_index, stored_index};
use crate::recorder::outputs::{RenderedOutputs, render};
use crate::recorder::summary::SummaryError;
use crate::store::Store;

/// How long computed outputs are considered current. Computing them reads the histories of all nodes.
const FRESH_FOR: Duration = Duration::from_secs(15);
/// How long a visitor waits for computed outputs.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The outputs that are computed when they are requested.
const COMPUTED: [OutputKind; 2] = [OutputKind::Statuspage, OutputKind::Badges];

/// The outputs that the server provides.
pub(super) struct ServedOutputs {
    outputs: Outputs,
    settings: Arc<OutputSettings>,
    computed: Mutex<Computed>,
}

/// The computed outputs, and the identities in them.
#[derive(Default)]
struct Computed {
    /// The time of the last attempt to compute the outputs, and the outputs if it succeeded.
    last: Option<(Instant, Option<Arc<RenderedOutputs>>)>,
    index: Option<OutputIndex>,
}

impl ServedOutputs {
    pub(super) fn new(config: &Config) -> ServedOutputs {
        let settings = Arc::new(OutputSettings::new(config));
        ServedOutputs { outputs: config.outputs.clone(), settings, computed: Mutex::default() }
    }

    /// Returns whether this output is a feed or the calendar, and the node stores it.
    fn is_stored(&self, form: &OutputForm) -> bool {
        let kind = match form {
            OutputForm::Atom | OutputForm::Rss | OutputForm::JsonFeed | OutputForm::EndpointAtom(_) => {
                OutputKind::Feeds
            }
            OutputForm::Calendar => OutputKind::Calendar,
            _ => return false,
        };
        self.outputs.stored.contains(&kind)
    }

    /// Returns the computed outputs. All visitors who request them at the same time share the result, or the failure.
    async fn computed(
        &self,
        store: &Arc<Store>,
        clock: fn() -> UnixNanos,
    ) -> Result<Option<Arc<RenderedOutputs>>, SummaryError> {
        let mut computed = self.computed.lock().await;
        if let Some((_, rendered)) = computed.last.as_ref().filter(|(at, _)| at.elapsed() < FRESH_FOR) {
            return Ok(rendered.clone());
        }
        computed.last = Some((Instant::now(), None));
        let now = clock();
        let mut data = Box::pin(Dataset::load(store, &self.settings, now)).await?;
        data.include_all_endpoints();
        let known = stored_index(store, &self.settings.node).await?.or(computed.index.take());
        let mut index = known.unwrap_or_else(|| new_index(&self.settings, now));
        let rendered = Arc::new(render(&COMPUTED, &data, &mut index, now));
        *computed = Computed { last: Some((Instant::now(), Some(Arc::clone(&rendered)))), index: Some(index) };
        Ok(Some(rendered))
    }
}

/// Returns the routes of all outputs. Relative to the page, they have the same paths as in an exported folder.
pub(super) fn routes() -> Router<Arc<ServerState>> {
    Router::new()
        .route("/feed.atom", get(own_output))
        .route("/feed.rss", get(own_output))
        .route("/feed.json", get(own_output))
        .route("/endpoint/{name}", get(own_output))
        .route("/maintenance.ics", get(own_output))
        .route("/api/v2/{*document}", get(own_output))
        .route("/badge/{name}", get(own_badge))
        .route(&format!("/store/{OUTPUT_FOLDER}{{node}}/{{*path}}"), get(stored_output))
}

/// Returns an output of this node.
pub(super) async fn own_output(State(state): State<Arc<ServerState>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let Some(form) = OutputForm::parse(path) else { return response::not_found() };
    let served = &state.outputs;
    if served.is_stored(&form) {
        return state.output(OutputName { node: state.node.clone(), form }, &headers).await;
    }
    let is_public = matches!(form, OutputForm::Statuspage(_));
    let is_computed = is_public
        || matches!(form, OutputForm::Shields(_) | OutputForm::UptimeBadge(_) | OutputForm::ResponseTimeBadge(_));
    if !is_computed || !served.outputs.served {
        return response::not_found();
    }
    let rendered = match timeout(ANSWER_LIMIT, Box::pin(served.computed(&state.store, state.clock))).await {
        Ok(Ok(Some(rendered))) => rendered,
        Ok(Ok(None)) => return response::unavailable(),
        Ok(Err(error)) => return state.unavailable(&error),
        Err(_) => return state.unavailable("it does not respond"),
    };
    let Some(content) = rendered.get(&form).cloned() else { return response::not_found() };
    let etag = response::etag(&content, None);
    let content_type = form.media_type();
    let answer = Representation { content, etag, content_type, encoding: None, freshness: Freshness::Minute };
    let mut response = response::send(&answer, &headers);
    if is_public {
        // The original API also lets scripts on any page read it.
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}

/// Returns an output of any node, exactly as stored.
async fn stored_output(State(state): State<Arc<ServerState>>, uri: Uri, headers: HeaderMap) -> Response {
    match uri.path().strip_prefix("/store/").and_then(OutputName::parse) {
        Some(name) => state.output(name, &headers).await,
        None => response::not_found(),
    }
}

impl ServerState {
    async fn output(&self, name: OutputName, headers: &HeaderMap) -> Response {
        let kind = Kind::new(name.form.media_type(), Freshness::Minute);
        self.object(name, kind, headers).await
    }
}
