//! The web server beside the checks: the page, its configuration, and the store's check files, histories, summaries and
//! badges. Nothing else can be read: names are looked up in memory or read by [`CheckFileName`] and its like, and no path of
//! a request reaches a file system.

pub mod assets;
mod listing;
mod page;
mod response;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
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
use tower_http::catch_panic::CatchPanicLayer;

use self::assets::{INDEX_HTML, PageFiles};
use self::page::PreparedPage;
use self::response::Freshness;
use crate::config::model::{Config, Page};
use crate::store::directory::index;
use crate::store::{Listing, Store, StoreError};
use crate::ui;

/// How long a client may take to ask, or keep a connection without asking.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may last in all, so that a client who reads slowly does not hold it for ever.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(10);
/// How many connections there may be at once; more wait until one ends.
const CONNECTIONS: usize = 1_024;
/// How long answers under way may take to end after we are asked to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait after the system refuses a connection, which it does when it is out of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How many refusals in a row mean that it will not get better: half a minute of them.
const ACCEPT_TRIES: u32 = 60;
/// How many lists of check files are put together at once.
const LISTS: usize = 4;
/// How often a failing store is told of on standard error; the page asks for many files in one go.
const COMPLAINT_SPACING: Duration = Duration::from_mins(1);

/// We cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else has the port.
    #[error("cannot listen on `{0}`: another program uses this port; stop it, or choose another port with `{remedy}`", remedy = .1.in_place_of(*.0))]
    Busy(SocketAddr, PortRemedy),
    /// The system wants more rights for it.
    #[error("cannot listen on `{0}`: permission denied; choose a port from 1024 on with `{remedy}`", remedy = .1.in_place_of(*.0))]
    NotPermitted(SocketAddr, PortRemedy),
    /// The address is none of this machine's.
    #[error("cannot listen on `{0}`: this machine has no such address; use `--listen 127.0.0.1:{port}` for this machine alone, or `--listen 0.0.0.0:{port}` for all its addresses", port = .0.port())]
    NoSuchAddress(SocketAddr),
    /// Something else.
    #[error("cannot listen on `{address}`: {cause}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// No connection could be taken for half a minute.
    #[error("failed to accept connections: {0}")]
    Accept(io::Error),
}

/// What whoever started this has to type for another port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortRemedy {
    /// The program's own flag.
    Flag,
    /// The Makefile's variable.
    Make,
}

impl PortRemedy {
    /// The words for another address: the next port, in the range that anyone may use.
    fn in_place_of(self, busy: SocketAddr) -> String {
        let port = if busy.port() < 1_024 { 8_080 } else { busy.port().checked_add(1).unwrap_or(8_080) };
        match self {
            PortRemedy::Flag => format!("--listen {}", SocketAddr::new(busy.ip(), port)),
            PortRemedy::Make => format!("make run PORT={port}"),
        }
    }
}

/// Takes the port, so that a busy one is told of before anything else is done.
pub async fn bind(listen: SocketAddr, remedy: PortRemedy) -> Result<TcpListener, ServeError> {
    TcpListener::bind(listen).await.map_err(|cause| match cause.kind() {
        io::ErrorKind::AddrInUse => ServeError::Busy(listen, remedy),
        io::ErrorKind::PermissionDenied => ServeError::NotPermitted(listen, remedy),
        io::ErrorKind::AddrNotAvailable => ServeError::NoSuchAddress(listen),
        _ => ServeError::Listen { address: listen, cause },
    })
}

/// Serves until `stop` is there; answers under way are ended first.
pub async fn serve(
    listener: TcpListener,
    page: PageFiles,
    config: Config,
    store: Arc<Store>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let page = Arc::new(PreparedPage::new(page));
    let compressing = Arc::clone(&page);
    // Until this is done the page is compressed on the way, less well. A thread of its own, and not the runtime's,
    // so that nobody waits for it at the end; that it cannot be had costs readers some kilobytes and nothing else.
    let _ = std::thread::Builder::new().name("compress".to_owned()).spawn(move || compressing.compress());
    serve_router(listener, router(page, &config.page, config.node, store), stop).await
}

async fn serve_router(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
    let mut protocol = hyper::server::conn::http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(ASK_TIMEOUT);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    let mut refusals = 0;
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                refusals = 0;
                let connection =
                    protocol.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    let _slot = slot;
                    // That a client goes away, or is cut off, is nobody's trouble but its own.
                    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
                });
            }
            Err(error) if refusals >= ACCEPT_TRIES => return Err(ServeError::Accept(error)),
            Err(_) => {
                refusals += 1;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // What is not ended by then is broken off.
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    Ok(())
}

/// All that requests are answered from.
struct Served {
    page: Arc<PreparedPage>,
    page_config: String,
    store: Arc<Store>,
    node: NodeName,
    complained: Mutex<Option<Instant>>,
    lists: Semaphore,
    clock: fn() -> UnixNanos,
}

/// Which path is answered by what.
fn router(page: Arc<PreparedPage>, page_settings: &Page, node: NodeName, store: Arc<Store>) -> Router {
    let page_config = page_settings.config.to_json();
    let headers = response::security_headers(&page_settings.embed_by);
    let served = Served {
        page,
        page_config,
        store,
        node,
        complained: Mutex::new(None),
        lists: Semaphore::new(LISTS),
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
        .with_state(Arc::new(served))
        .layer(CatchPanicLayer::new())
        .layer(response::compression())
        .layer(map_response(move |response| {
            let headers = headers.clone();
            async move { response::finish(response, &headers) }
        }))
}

async fn page_index(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    served.page.answer(INDEX_HTML, &headers)
}

async fn page_file(State(served): State<Arc<Served>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    served.page.answer(&name, &headers)
}

async fn page_config_file(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    response::json(served.page_config.clone().into_bytes(), Freshness::AskAgain, &headers)
}

/// The list of check files as a directory keeps it, made for any store. `?from=<unix ns>` leaves out older ones,
/// `?with=results` asks for contents.
async fn store_index(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(asked) = listing::asked(uri.query().unwrap_or_default()) else {
        return response::bad_request("`from` is a time in nanoseconds since 1970, such as `1795330254340493978`.\n");
    };
    // Few at once, since an answer with contents takes some memory.
    let _turn = served.lists.acquire().await;
    match listing::list(&served.store, asked).await {
        Ok(json) => response::json(json.into_bytes(), Freshness::AskAgain, &headers),
        Err(error) => served.unavailable(&error),
    }
}

async fn check_file(State(served): State<Arc<Served>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(name) = CheckFileName::parse(&name) else { return response::not_found() };
    match served.store.get(&name).await {
        Ok(Some(content)) => response::json(content, Freshness::Immutable, &headers),
        Ok(None) => response::not_found(),
        Err(error) => served.unavailable(&error),
    }
}

/// The short list that readers of histories need.
async fn history_index(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    let names = async {
        let histories = served.store.list(Listing::all()).await?;
        let from = (served.clock)().saturating_sub(2 * index::SHORT_LIST);
        let newest = served.store.list(Listing::since(from)).await?;
        Ok((newest, histories))
    };
    match names.await {
        Ok((newest, histories)) => {
            response::json(index::recent(newest, &histories).into_bytes(), Freshness::AskAgain, &headers)
        }
        Err(error) => served.unavailable(&error),
    }
}

async fn history(State(served): State<Arc<Served>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(name) = HistoryName::parse(&format!("{HISTORY_FOLDER}{name}")) else { return response::not_found() };
    match served.store.get(&name).await {
        Ok(Some(content)) => response::json(content, Freshness::AskAgain, &headers),
        Ok(None) => response::not_found(),
        Err(error) => served.unavailable(&error),
    }
}

async fn own_summary(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    served.summary(Some(served.own(SummaryForm::Json)), &headers).await
}

async fn own_summary_page(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    served.summary(Some(served.own(SummaryForm::Html)), &headers).await
}

async fn own_badge(State(served): State<Arc<Served>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    served.summary(SummaryForm::parse_badge(&name).map(|form| served.own(form)), &headers).await
}

async fn summary(State(served): State<Arc<Served>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    served.summary(SummaryName::parse(&format!("{SUMMARY_FOLDER}{name}")), &headers).await
}

async fn badge(
    State(served): State<Arc<Served>>,
    Path((node, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    served.summary(SummaryName::parse(&format!("{BADGE_FOLDER}{node}/{name}")), &headers).await
}

impl Served {
    fn own(&self, form: SummaryForm) -> SummaryName {
        SummaryName { node: self.node.clone(), form }
    }

    /// What a node tells to those who run no script, as it stands in the store.
    async fn summary(&self, name: Option<SummaryName>, headers: &HeaderMap) -> Response {
        let Some(name) = name else { return response::not_found() };
        match self.store.get(&name).await {
            Ok(Some(content)) => response::whole(content, name.media_type(), Freshness::Minute, headers),
            Ok(None) => response::not_found(),
            Err(error) => self.unavailable(&error),
        }
    }

    /// The store fails: the reader learns that, and whoever runs the checker learns why.
    fn unavailable(&self, error: &StoreError) -> Response {
        let now = Instant::now();
        let mut complained = self.complained.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if complained.is_none_or(|before| now.duration_since(before) >= COMPLAINT_SPACING) {
            *complained = Some(now);
            ui::warn(&format!("{error}; the page's visitors are asked to try again"));
        }
        response::unavailable()
    }
}
