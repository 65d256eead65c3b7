//! The web server of `checker serve`: the page, its configuration, and the check files, histories, summaries and
//! badges in the store. Nothing else can be read: the page is in memory, object names are parsed by types such as
//! [`CheckFileName`], and no request path reaches the file system.

pub mod assets;
mod listing;
mod page;
mod response;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use shared::UnixNanos;
use shared::object_name::{
    BADGE_FOLDER, CheckFileName, HISTORY_FOLDER, HISTORY_INDEX, HistoryName, INDEX, NodeName, SUMMARY_FOLDER,
    SummaryForm, SummaryName,
};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use self::assets::{INDEX_HTML, PageFiles};
use self::listing::ListQuery;
use self::page::PreparedPage;
use self::response::Freshness;
use crate::config::model::{Config, Page};
use crate::store::directory::index;
use crate::store::{Listing, Store, StoreError};

/// How long a client may take to send a request's headers, or keep a connection idle.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum duration of a connection, so that a slow client does not occupy it indefinitely.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(10);
/// The maximum number of connections; further ones wait until one ends.
const CONNECTION_LIMIT: usize = 1_024;
/// How long responses in progress may take after a shutdown request.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after the system refuses a connection, for example because the open file limit is reached.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// After this many refusals in a row, about half a minute, the server fails.
const MAX_REFUSALS: u32 = 60;
/// The maximum number of check file lists that are built at the same time.
const LIST_LIMIT: usize = 4;
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

/// How the operator chooses another port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRemedy {
    /// With a flag of the program.
    Flag,
    /// With a variable of the Makefile.
    Make,
}

impl PortRemedy {
    /// The flag or command that selects the next unprivileged port.
    fn instead_of(self, busy: SocketAddr) -> String {
        let port = if busy.port() < 1_024 { 8_080 } else { busy.port().checked_add(1).unwrap_or(8_080) };
        match self {
            PortRemedy::Flag => format!("--listen {}", SocketAddr::new(busy.ip(), port)),
            PortRemedy::Make => format!("make run PORT={port}"),
        }
    }
}

/// Binds the port, before anything else is done, so that a busy port is reported first.
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
    store: Arc<Store>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let page = Arc::new(PreparedPage::new(page));
    let compressing = Arc::clone(&page);
    // Until this is done, responses are compressed on the fly, which saves less. This does not run on the runtime's
    // blocking threads, because a shutdown would wait for them. If the thread cannot be started, the only effect is
    // that responses stay larger.
    let _ = std::thread::Builder::new().name("compress".to_owned()).spawn(move || compressing.compress());
    serve_router(listener, router(page, &config.page, config.node, store), shutdown).await
}

async fn serve_router(listener: TcpListener, router: Router, shutdown: CancellationToken) -> Result<(), ServeError> {
    let mut protocol = hyper::server::conn::http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
    let slots = Arc::new(Semaphore::new(CONNECTION_LIMIT));
    let graceful = GracefulShutdown::new();
    let mut refusals = 0;
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                refusals = 0;
                let connection =
                    protocol.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    let _slot = slot;
                    // A client that disconnects or is too slow is not an error.
                    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
                });
            }
            Err(error) if refusals >= MAX_REFUSALS => return Err(ServeError::Accept(error)),
            Err(_) => {
                refusals += 1;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // Responses that take longer are aborted.
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await;
    Ok(())
}

struct ServerState {
    page: Arc<PreparedPage>,
    page_config: String,
    store: Arc<Store>,
    node: NodeName,
    last_warning: Mutex<Option<Instant>>,
    lists: Semaphore,
    clock: fn() -> UnixNanos,
}

fn router(page: Arc<PreparedPage>, settings: &Page, node: NodeName, store: Arc<Store>) -> Router {
    let page_config = settings.config.to_json();
    let headers = response::security_headers(&settings.embed_by);
    let state = ServerState {
        page,
        page_config,
        store,
        node,
        last_warning: Mutex::new(None),
        lists: Semaphore::new(LIST_LIMIT),
        clock: crate::now,
    };
    Router::new()
        .route("/", get(page_index))
        .route("/{*name}", get(page_file))
        .route("/config.json", get(page_config_file))
        .route(&format!("/store/{INDEX}"), get(store_index))
        .route("/store/{name}", get(check_file))
        .route(&format!("/store/{HISTORY_INDEX}"), get(history_index))
        .route(&format!("/store/{HISTORY_FOLDER}{{name}}"), get(history))
        .route("/summary.json", get(own_summary))
        .route("/summary.html", get(own_summary_page))
        .route("/badge/{name}", get(own_badge))
        .route(&format!("/store/{SUMMARY_FOLDER}{{name}}"), get(summary))
        .route(&format!("/store/{BADGE_FOLDER}{{node}}/{{name}}"), get(badge))
        .with_state(Arc::new(state))
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

async fn page_file(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    state.page.respond(&name, &headers)
}

async fn page_config_file(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    response::json(state.page_config.clone().into_bytes(), Freshness::Revalidate, &headers)
}

/// The list of check files in the format of a directory store, for any store. `?from=<unix ns>` skips older files,
/// `?with=results` adds their contents.
async fn store_index(State(state): State<Arc<ServerState>>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(query) = ListQuery::parse(uri.query().unwrap_or_default()) else {
        return response::bad_request("`from` is a time in nanoseconds since 1970, such as `1795330254340493978`.\n");
    };
    // Only a few at a time, because a response with contents takes a lot of memory.
    let _permit = state.lists.acquire().await;
    match listing::list(&state.store, query).await {
        Ok(json) => response::json(json.into_bytes(), Freshness::Revalidate, &headers),
        Err(error) => state.unavailable(&error),
    }
}

async fn check_file(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(name) = CheckFileName::parse(&name) else { return response::not_found() };
    match state.store.get(&name).await {
        Ok(Some(content)) => response::json(content, Freshness::Immutable, &headers),
        Ok(None) => response::not_found(),
        Err(error) => state.unavailable(&error),
    }
}

/// The short list for clients that read histories.
async fn history_index(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    let names = async {
        let histories = state.store.list(Listing::all()).await?;
        let from = (state.clock)().saturating_sub(2 * index::SHORT_LIST);
        let newest = state.store.list(Listing::since(from)).await?;
        Ok((newest, histories))
    };
    match names.await {
        Ok((newest, histories)) => {
            response::json(index::recent(newest, &histories).into_bytes(), Freshness::Revalidate, &headers)
        }
        Err(error) => state.unavailable(&error),
    }
}

async fn history(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(name) = HistoryName::parse(&format!("{HISTORY_FOLDER}{name}")) else { return response::not_found() };
    match state.store.get(&name).await {
        Ok(Some(content)) => response::json(content, Freshness::Revalidate, &headers),
        Ok(None) => response::not_found(),
        Err(error) => state.unavailable(&error),
    }
}

async fn own_summary(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    state.summary(Some(state.own(SummaryForm::Json)), &headers).await
}

async fn own_summary_page(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    state.summary(Some(state.own(SummaryForm::Html)), &headers).await
}

async fn own_badge(State(state): State<Arc<ServerState>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    state.summary(SummaryForm::parse_badge(&name).map(|form| state.own(form)), &headers).await
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

    /// A node's summary, exactly as stored.
    async fn summary(&self, name: Option<SummaryName>, headers: &HeaderMap) -> Response {
        let Some(name) = name else { return response::not_found() };
        match self.store.get(&name).await {
            Ok(Some(content)) => response::whole(content, name.media_type(), Freshness::Minute, headers),
            Ok(None) => response::not_found(),
            Err(error) => self.unavailable(&error),
        }
    }

    /// The response if the store fails. The cause appears only in the log.
    fn unavailable(&self, error: &StoreError) -> Response {
        let now = Instant::now();
        let mut last_warning = self.last_warning.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last_warning.is_none_or(|before| now.duration_since(before) >= WARNING_INTERVAL) {
            *last_warning = Some(now);
            tracing::warn!(node = self.node.as_str(), "store unavailable to visitors of the page: {error}");
        }
        response::unavailable()
    }
}
