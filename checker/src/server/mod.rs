//! The web server of `checker serve`: the page, its configuration, and the check files, histories, digests of posts,
//! summaries, badges and other outputs in the store, and the metrics and health of the checker. Nothing else can be read:
//! the page is in memory, object names are parsed by types such as
//! [`CheckFileName`], and no request path reaches the file system.

pub mod assets;
mod connections;
pub mod host;
mod listing;
mod operations;
mod outputs;
mod page;
mod response;
mod shared_bodies;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Uri};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::Response;
use axum::routing::get;
use shared::UnixNanos;
use shared::object_name::{
    BADGE_FOLDER, CheckFileName, DigestName, HISTORY_FOLDER, HISTORY_INDEX, HistoryName, INDEX, NodeName,
    SUMMARY_FOLDER, SummaryForm, SummaryName,
};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use self::assets::{INDEX_HTML, PageFiles};
use self::host::AllowedHosts;
use self::listing::ListQuery;
use self::operations::Operations;
use self::outputs::ServedOutputs;
use self::page::PreparedPage;
use self::response::Freshness;
use self::shared_bodies::{Answer, Kind, SharedBodies};
use crate::config::model::{Config, OutputKind};
use crate::metrics::live::LiveMetrics;
use crate::store::directory::index;
use crate::store::{Listing, ObjectName, Store, StoreError};

/// The memory to reserve before a history is read, in bytes: enough for 500 endpoints over a year.
const HISTORY_SIZE: usize = 4 << 20;
/// The memory to reserve before a digest of posts is read, in bytes: enough for a thousand posts.
const DIGEST_SIZE: usize = 512 << 10;
/// Store failures are logged at most once in this period, because the page requests many files at once.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on `{0}`: another program uses this port; stop it, or choose another port with `{remedy}`", remedy = .1.instead_of(*.0))]
    Busy(SocketAddr, PortRemedy),
    #[error("cannot listen on `{0}`: permission denied; choose a port of 1024 or higher with `{remedy}`", remedy = .1.instead_of(*.0))]
    NotPermitted(SocketAddr, PortRemedy),
    #[error("cannot listen on `{0}`: this machine does not have this address; use `--listen 127.0.0.1:{port}` for this machine only, or `--listen 0.0.0.0:{port}` for all of its addresses", port = .0.port())]
    NoSuchAddress(SocketAddr),
    #[error("cannot listen on `{address}`: {cause}")]
    Listen { address: SocketAddr, cause: io::Error },
    #[error("failed to accept connections: {0}")]
    Accept(io::Error),
}

/// How the operator can choose another port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRemedy {
    /// With a flag on the command line.
    Flag,
    /// With a variable that the Makefile reads.
    Make,
}

impl PortRemedy {
    /// Returns the flag or command that selects the next unprivileged port.
    fn instead_of(self, busy: SocketAddr) -> String {
        let port = if busy.port() < 1_024 { 8_080 } else { busy.port().checked_add(1).unwrap_or(8_080) };
        match self {
            PortRemedy::Flag => format!("--listen {}", SocketAddr::new(busy.ip(), port)),
            PortRemedy::Make => format!("make run PORT={port}"),
        }
    }
}

/// Binds the port. Called before all other work so that a busy port is reported first.
pub async fn bind(listen: SocketAddr, remedy: PortRemedy) -> Result<TcpListener, ServeError> {
    TcpListener::bind(listen).await.map_err(|cause| match cause.kind() {
        io::ErrorKind::AddrInUse => ServeError::Busy(listen, remedy),
        io::ErrorKind::PermissionDenied => ServeError::NotPermitted(listen, remedy),
        io::ErrorKind::AddrNotAvailable => ServeError::NoSuchAddress(listen),
        _ => ServeError::Listen { address: listen, cause },
    })
}

/// Serves until the token is canceled, then finishes the responses in progress.
pub async fn serve(
    listener: TcpListener,
    page: PageFiles,
    config: Config,
    allowed_hosts: AllowedHosts,
    (store, live): (Arc<Store>, Arc<LiveMetrics>),
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let has_feeds = config.outputs.stored.contains(&OutputKind::Feeds);
    let page = if has_feeds { page.with_feeds(&config.page.config.title) } else { page };
    let page = Arc::new(PreparedPage::new(page));
    let compressing = Arc::clone(&page);
    // Until the files are compressed, responses are compressed on the fly, which saves less. The work does not run on
    // the runtime's blocking threads, because a shutdown would wait for them. If the thread cannot be started,
    // responses merely stay larger.
    let _ = std::thread::Builder::new().name("compress".to_owned()).spawn(move || compressing.compress());
    let router = router(page, &config, live, allowed_hosts, store);
    connections::accept(listener, router, shutdown).await
}

struct ServerState {
    page: Arc<PreparedPage>,
    page_config: String,
    store: Arc<Store>,
    bodies: Arc<SharedBodies>,
    outputs: ServedOutputs,
    node: NodeName,
    operations: Operations,
    last_warning: Mutex<Option<Instant>>,
    clock: fn() -> UnixNanos,
}

fn router(
    page: Arc<PreparedPage>,
    config: &Config,
    live: Arc<LiveMetrics>,
    allowed_hosts: AllowedHosts,
    store: Arc<Store>,
) -> Router {
    let page_config = config.page.config.to_json();
    let headers = response::security_headers(&config.page.embed_by);
    let state = ServerState {
        page,
        page_config,
        store,
        bodies: SharedBodies::new(crate::now),
        outputs: ServedOutputs::new(config),
        node: config.node.clone(),
        operations: Operations { live, access: config.metrics.clone() },
        last_warning: Mutex::new(None),
        clock: crate::now,
    };
    let files = Router::new()
        .route("/{*name}", get(page_file))
        .route("/config.json", get(page_config_file))
        .route(&format!("/store/{INDEX}"), get(store_index))
        .route("/store/{name}", get(check_file))
        .route(&format!("/store/{HISTORY_INDEX}"), get(history_index))
        .route(&format!("/store/{HISTORY_FOLDER}{{name}}"), get(history))
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/summary.json", get(own_summary))
        .route("/summary.html", get(own_summary_page))
        .route(&format!("/store/{SUMMARY_FOLDER}{{name}}"), get(summary))
        .route(&format!("/store/{BADGE_FOLDER}{{node}}/{{name}}"), get(badge))
        .merge(outputs::routes());
    Router::new()
        .route("/", get(page_index))
        .merge(files.clone())
        // A proxy in front of a whole site often keeps the status page's path in requests.
        .route("/status", get(redirect_to_folder))
        .route("/status/", get(page_index))
        .nest("/status", files)
        .with_state(Arc::new(state))
        .layer(from_fn(move |request: Request, next: Next| {
            let refused = allowed_hosts.refused(request.headers()).map(response::misdirected);
            async move {
                match refused {
                    Some(response) => response,
                    None => next.run(request).await,
                }
            }
        }))
        .layer(CatchPanicLayer::new())
        .layer(response::compression())
        .layer(map_response(move |response| {
            let headers = headers.clone();
            async move { response::finish(response, &headers) }
        }))
}

async fn page_index(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    state.page.respond(INDEX_HTML, &headers)
}

/// Redirects to the path with a trailing slash, because URLs in the page are relative to its folder.
async fn redirect_to_folder(uri: Uri) -> Response {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    response::redirect(&format!("{name}/{query}"))
}

async fn page_file(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    state.page.respond(&name, &headers)
}

async fn page_config_file(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    response::json(state.page_config.clone().into_bytes(), Freshness::Revalidate, &headers)
}

/// Returns the list of check files in the format of a directory store, for any store. `?from=<unix ns>` skips older
/// files, `?with=results` adds their contents.
async fn store_index(State(state): State<Arc<ServerState>>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(query) = ListQuery::parse(uri.query().unwrap_or_default()) else {
        return response::bad_request("`from` is a time in nanoseconds since 1970, such as `1795330254340493978`.\n");
    };
    let store = Arc::clone(&state.store);
    let key = format!("{INDEX} {query:?}");
    let load = async move { listing::list(&store, query).await.map(Some) };
    let kind = Kind { reserve: query.memory(), ..Kind::json(Freshness::Revalidate) };
    state.answer(key, kind, &headers, load).await
}

async fn check_file(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(name) = CheckFileName::parse(&name) else { return response::not_found() };
    state.object(name, Kind::json(Freshness::Immutable), &headers).await
}

/// Returns the short list for clients that read histories.
async fn history_index(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    let (store, from) = (Arc::clone(&state.store), (state.clock)().saturating_sub(2 * index::SHORT_LIST));
    let load = async move {
        let newest: Vec<CheckFileName> = store.list(Listing::since(from)).await?;
        let histories = match store.list(Listing::all()).await {
            // The page then requests these histories, reports that they are unreadable, and uses the check files.
            Err(error) if error.is_lasting_file_error() && !newest.is_empty() => index::expected_histories(&newest),
            listed => listed?,
        };
        Ok(Some(index::recent(newest, &histories).into_bytes()))
    };
    state.answer(HISTORY_INDEX.to_owned(), Kind::json(Freshness::Revalidate), &headers, load).await
}

/// Returns a history or the digest of an author's posts.
async fn history(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let name = format!("{HISTORY_FOLDER}{name}");
    let kind = |reserve| Kind { reserve, ..Kind::json(Freshness::Revalidate) };
    if let Some(name) = DigestName::parse(&name) {
        return state.object(name, kind(DIGEST_SIZE), &headers).await;
    }
    let Some(name) = HistoryName::parse(&name) else { return response::not_found() };
    state.object(name, kind(HISTORY_SIZE), &headers).await
}

async fn metrics(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    state.operations.metrics(&headers, (state.clock)())
}

async fn health(State(state): State<Arc<ServerState>>) -> Response {
    state.operations.health((state.clock)())
}

async fn own_summary(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    state.summary(Some(state.own(SummaryForm::Json)), &headers).await
}

async fn own_summary_page(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    state.summary(Some(state.own(SummaryForm::Html)), &headers).await
}

/// Returns a badge. Badges with the status belong to the summary, and all others to the outputs.
async fn own_badge(
    State(state): State<Arc<ServerState>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    match SummaryForm::parse_badge(&name) {
        Some(form) => state.summary(Some(state.own(form)), &headers).await,
        None => outputs::own_output(State(state), uri, headers).await,
    }
}

async fn summary(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    state.summary(SummaryName::parse(&format!("{SUMMARY_FOLDER}{name}")), &headers).await
}

async fn badge(
    State(state): State<Arc<ServerState>>,
    Path((node, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    state.summary(SummaryName::parse(&format!("{BADGE_FOLDER}{node}/{name}")), &headers).await
}

impl ServerState {
    fn own(&self, form: SummaryForm) -> SummaryName {
        SummaryName { node: self.node.clone(), form }
    }

    /// Returns a node's summary, exactly as stored.
    async fn summary(&self, name: Option<SummaryName>, headers: &HeaderMap) -> Response {
        let Some(name) = name else { return response::not_found() };
        let kind = Kind::new(name.media_type(), Freshness::Minute);
        self.object(name, kind, headers).await
    }

    /// Returns a response that contains an object from the store.
    async fn object(&self, name: impl ObjectName + Send + Sync + 'static, kind: Kind, headers: &HeaderMap) -> Response {
        let store = Arc::clone(&self.store);
        self.answer(name.to_string(), kind, headers, async move { store.get(&name).await }).await
    }

    async fn answer(
        &self,
        key: String,
        kind: Kind,
        headers: &HeaderMap,
        load: impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send + 'static,
    ) -> Response {
        match self.bodies.answer(key, kind, headers, load).await {
            Answer::Content(response) => response,
            Answer::Missing => response::not_found(),
            Answer::Unavailable(Some(error)) => self.unavailable(&*error),
            Answer::Unavailable(None) => self.unavailable("it does not respond, or visitors do not read what it sent"),
        }
    }

    /// Returns the response for a failed store. The cause appears only in the log.
    fn unavailable(&self, error: impl Display) -> Response {
        let now = Instant::now();
        let mut last_warning = self.last_warning.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last_warning.is_none_or(|before| now.duration_since(before) >= WARNING_INTERVAL) {
            *last_warning = Some(now);
            tracing::warn!(node = self.node.as_str(), "store unavailable to visitors of the page: {error}");
        }
        response::unavailable()
    }
}
