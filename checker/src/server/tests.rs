//! Tests of the server's responses, without a network.

use std::path::Path as FilePath;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use shared::page_config::{PageConfig, Source};
use shared::{DAY, MINUTE};
use tower::ServiceExt as _;

use super::*;
use crate::config::{Environment, from_text};
use crate::store::settings::{Storage, StoreLocation};

const NAME: &str = "1795330254340493978-a-check.json";
const HASHED: &str = "page-0123456789abcdef.js";

/// Returns a server for a directory with one check file, and a page of four files.
struct Fixture {
    folder: tempfile::TempDir,
    router: Router,
    page: Arc<PreparedPage>,
}

impl Fixture {
    async fn new() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page");
        std::fs::create_dir(&page).unwrap();
        for (name, content) in [
            ("index.html", "<!doctype html>".to_owned() + &"<p>page</p>".repeat(100)),
            (HASHED, "script();".repeat(200)),
            ("icon.png", "\u{1}".repeat(2000)),
            ("config.json", "{\"wins\":false}".to_owned()),
        ] {
            std::fs::write(page.join(name), content).unwrap();
        }
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        let store = open(&folder.path().join("checks")).await;
        store.put(&CheckFileName::parse(NAME).unwrap(), content().into()).await.unwrap();
        let page = Arc::new(PreparedPage::new(PageFiles::from_directory(&page).unwrap()));
        let (config, allowed_hosts) = (config(), AllowedHosts::new(&[], true));
        let live = Arc::new(LiveMetrics::new(&config, crate::now()));
        let router = router(Arc::clone(&page), &config, live, allowed_hosts, Arc::new(store));
        Fixture { folder, router, page }
    }

    async fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Reply {
        self.request(Method::GET, path, &[]).await
    }
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }
}

fn config() -> Config {
    let text = r#"{ "node": "here", "page": { "title": "Shop", "range": "7d" },
        "checkers": [{ "type": "http", "endpoint_name": "A", "endpoint_url": "https://a.example/" }] }"#;
    let environment = Environment { variable: &|_| None, host_name: String::new() };
    from_text(text, FilePath::new("/"), &environment).0.unwrap()
}

async fn open(directory: &FilePath) -> Store {
    Store::open(&Storage {
        location: StoreLocation::Directory(directory.to_owned()),
        check_expiry: None,
        history_expiry: shared::DAY,
    })
    .await
}

/// Returns a check file that is worth compressing.
fn content() -> String {
    format!("[{}]", ["{\"title\":\"Shop\",\"healthy\":true}"; 40].join(","))
}

#[tokio::test]
async fn the_page_is_also_served_in_a_folder() {
    let server = Fixture::new().await;
    for (path, location) in [("/status", "status/"), ("/status?range=7d", "status/?range=7d")] {
        let reply = server.get(path).await;
        assert_eq!(
            (reply.status, reply.header(header::LOCATION)),
            (StatusCode::PERMANENT_REDIRECT, location),
            "{path}"
        );
    }
    for path in ["/", &format!("/{HASHED}"), "/config.json", "/store/index.json", &format!("/store/{NAME}"), "/missing"]
    {
        let (own, other) = (server.get(path).await, server.get(&format!("/status{path}")).await);
        assert_eq!((own.status, own.body), (other.status, other.body), "{path}");
    }
}

#[tokio::test]
async fn the_page_its_configuration_and_the_store_are_served() {
    let server = Fixture::new().await;
    for path in ["/", "/index.html"] {
        let page = server.get(path).await;
        assert_eq!((page.status, page.header(header::CONTENT_TYPE)), (StatusCode::OK, "text/html; charset=utf-8"));
        assert!(page.text().starts_with("<!doctype html>"));
    }
    let config = server.get("/config.json").await;
    let expected = PageConfig {
        title: "Shop".to_owned(),
        range: 7 * DAY,
        refresh: MINUTE,
        ..PageConfig::new(Source::Http { url: "store/".to_owned() })
    };
    assert_eq!(PageConfig::parse(config.text()), Ok(expected));
    let index = server.get("/store/index.json").await;
    assert_eq!(index.text(), std::fs::read_to_string(server.folder.path().join("checks/index.json")).unwrap());
    let file = server.get(&format!("/store/{NAME}")).await;
    assert_eq!((file.text(), file.header(header::CONTENT_TYPE)), (content().as_str(), "application/json"));
}

#[tokio::test]
async fn the_policy_names_the_origins_that_may_embed_the_page() {
    let policy = |origins: &[&str]| {
        let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
        response::security_headers(&origins)[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
    };
    assert!(policy(&[]).ends_with("; frame-ancestors 'self'"), "{}", policy(&[]));
    let named = policy(&["https://a.example", "https://b.example"]);
    assert!(named.ends_with("; frame-ancestors 'self' https://a.example https://b.example"), "{named}");
}

#[tokio::test]
async fn the_list_of_check_files_can_start_at_a_time() {
    let server = Fixture::new().await;
    assert_eq!(
        server.get("/store/index.json?from=1795330254340493978").await.text(),
        format!("{{\"{NAME}\":1795330254340493978}}")
    );
    assert_eq!(server.get("/store/index.json?from=1795330254340493979").await.text(), "{}");
    assert_eq!(server.get("/store/index.json?from=yesterday").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_list_of_check_files_has_results_on_request() {
    let server = Fixture::new().await;
    let with_results = format!("{{\"{NAME}\":{}}}", content());
    assert_eq!(server.get("/store/index.json?from=0&with=results").await.text(), with_results);
}

#[tokio::test]
async fn nothing_else_can_be_read() {
    let server = Fixture::new().await;
    std::fs::write(server.folder.path().join("checks/notes.txt"), "secret").unwrap();
    for path in [
        "/secret",
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/store",
        "/store/",
        "/store/notes.txt",
        "/store/.index.lock",
        "/store/../secret",
        "/store/..%2f..%2fsecret",
        "/store/%2e%2e%2fsecret",
        "/store/1795330254340493979-a-check.json",
        "/store/1795330254340493978-..%2f..%2fsecret-check.json",
        "/store//etc/passwd",
        "//etc/passwd",
        "/%00",
        "/page",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.text().contains("secret"), "{path}");
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let server = Fixture::new().await;
    for path in ["/", "/config.json", "/store/index.json", &format!("/store/{NAME}")] {
        for (host, status) in [("localhost:8080", StatusCode::OK), ("evil.example", StatusCode::MISDIRECTED_REQUEST)] {
            let answer = server.request(Method::GET, path, &[("host", host)]).await;
            assert_eq!(answer.status, status, "{path} {host}");
            assert_eq!(
                answer.text().contains("--allowed-host evil.example"),
                host == "evil.example",
                "{}",
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn unchanged_content_is_not_sent_again() {
    let server = Fixture::new().await;
    for path in ["/", "/config.json", "/store/index.json", &format!("/store/{NAME}"), &format!("/{HASHED}")] {
        let first = server.get(path).await;
        let etag = first.header(header::ETAG).to_owned();
        assert!(etag.starts_with('"') && etag.len() > 30, "{path}: {etag}");
        for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
            let again = server.request(Method::GET, path, &[("if-none-match", &known)]).await;
            assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path}: {known}");
            assert_eq!(again.header(header::ETAG), etag);
        }
        let changed = server.request(Method::GET, path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!((changed.status, changed.body), (StatusCode::OK, first.body), "{path}");
    }
}

#[tokio::test]
async fn only_immutable_content_is_cached_without_validation() {
    let server = Fixture::new().await;
    for path in [format!("/store/{NAME}"), format!("/{HASHED}")] {
        assert_eq!(server.get(&path).await.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    }
    for path in ["/", "/index.html", "/icon.png", "/config.json", "/store/index.json"] {
        assert_eq!(server.get(path).await.header(header::CACHE_CONTROL), "no-cache", "{path}");
    }
    assert_eq!(server.get("/gone").await.header(header::CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn pages_of_other_origins_cannot_read_responses() {
    let server = Fixture::new().await;
    for path in ["/", "/config.json", "/store/index.json", &format!("/store/{NAME}"), "/summary.json", "/gone"] {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let asking = [("origin", "https://other.example"), ("access-control-request-method", "GET")];
            let answer = server.request(method.clone(), path, &asking).await;
            let allowing: Vec<_> =
                answer.headers.keys().filter(|name| name.as_str().starts_with("access-control-")).collect();
            assert!(allowing.is_empty(), "{method} {path}: {allowing:?}");
        }
    }
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let server = Fixture::new().await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::HEAD, "/"),
        (Method::POST, "/"),
        (Method::GET, "/gone"),
        (Method::GET, "/store/index.json?from=x"),
        (Method::GET, "/store/%FF"),
    ] {
        let answer = server.request(method.clone(), path, &[("if-none-match", "*")]).await;
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"),
            "{method} {path}: {policy}"
        );
        assert!(policy.ends_with("connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    }
}

#[tokio::test]
async fn head_returns_only_headers_and_other_methods_are_refused() {
    let server = Fixture::new().await;
    for path in ["/", "/icon.png", "/config.json", "/store/index.json", &format!("/store/{NAME}")] {
        let (get, head) = (server.get(path).await, server.request(Method::HEAD, path, &[]).await);
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(head.header(header::ETAG), get.header(header::ETAG));
        assert_eq!(head.header(header::CONTENT_TYPE), get.header(header::CONTENT_TYPE));
        assert_eq!(head.header(header::CONTENT_LENGTH), get.body.len().to_string(), "{path}");
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let refused = server.request(method, path, &[]).await;
            assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(refused.header(header::ALLOW), "GET,HEAD");
        }
    }
}

fn unpack(encoding: &str, body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match encoding {
        "br" => std::io::Read::read_to_end(&mut brotli::Decompressor::new(body, 4096), &mut plain).unwrap(),
        "gzip" => std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut plain).unwrap(),
        _ => panic!("`{encoding}` was not path for"),
    };
    plain
}

#[tokio::test]
async fn text_is_compressed_before_and_after_preparation() {
    let server = Fixture::new().await;
    let check_file = format!("/store/{NAME}");
    for is_prepared in [false, true] {
        for (path, accept, encoding) in [
            ("/", "gzip, deflate, br", "br"),
            ("/", "gzip", "gzip"),
            (&check_file, "br, gzip", "br"),
            (&check_file, "gzip;q=1.0, br;q=0", "gzip"),
        ] {
            let plain = server.get(path).await;
            assert_eq!(plain.header(header::CONTENT_ENCODING), "");
            assert_eq!(plain.header(header::VARY), "accept-encoding");
            let packed = server.request(Method::GET, path, &[("accept-encoding", accept)]).await;
            assert_eq!(packed.header(header::CONTENT_ENCODING), encoding, "{path}");
            assert!(packed.body.len() < plain.body.len() / 2, "{path}: {}", packed.body.len());
            assert_eq!(unpack(encoding, &packed.body), plain.body);
            let etag = packed.header(header::ETAG).to_owned();
            assert_ne!(etag, plain.header(header::ETAG), "compressed content has another validator, or a weak one");
            assert_eq!(etag.starts_with("W/"), !is_prepared && path == "/", "{path}: {etag}");
            let again =
                server.request(Method::GET, path, &[("accept-encoding", accept), ("if-none-match", &etag)]).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
        }
        server.page.compress();
    }
    let image = server.request(Method::GET, "/icon.png", &[("accept-encoding", "br")]).await;
    assert_eq!((image.header(header::CONTENT_ENCODING), image.body.len()), ("", 2000));
    let refused = server.request(Method::GET, "/", &[("accept-encoding", "br;q=0")]).await;
    assert_eq!(refused.header(header::CONTENT_ENCODING), "");
}

#[tokio::test]
async fn summaries_are_served_with_their_content_type() {
    let server = Fixture::new().await;
    let store = open(&server.folder.path().join("checks")).await;
    let names =
        ["0-summary/here.json", "0-summary/here.html", "0-badge/here/_overall.svg", "0-badge/here/B_c3_bcro.svg"];
    let names = names.map(|name| SummaryName::parse(name).unwrap());
    assert_eq!(server.get("/summary.json").await.status, StatusCode::NOT_FOUND);
    store.put_all(names.map(|name| (name.clone(), name.to_string().into())).to_vec()).await.unwrap();
    for (own, path, content_type) in [
        ("/summary.json", "/store/0-summary/here.json", "application/json"),
        ("/summary.html", "/store/0-summary/here.html", "text/html; charset=utf-8"),
        ("/badge/_overall.svg", "/store/0-badge/here/_overall.svg", "image/svg+xml"),
        ("/badge/B_c3_bcro.svg", "/store/0-badge/here/B_c3_bcro.svg", "image/svg+xml"),
    ] {
        for requested in [own, path] {
            let answer = server.get(requested).await;
            assert_eq!(
                (answer.status, answer.header(header::CONTENT_TYPE)),
                (StatusCode::OK, content_type),
                "{requested}"
            );
            assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=60", "{requested}");
            assert_eq!(answer.text(), path.trim_start_matches("/store/"), "{requested}");
        }
    }
    for path in
        ["/badge/Shop.svg", "/badge/../x.svg", "/badge/%2e%2e%2fx.svg", "/badge/a.b.svg", "/store/0-badge/Shop.svg"]
    {
        let status = server.get(path).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_failing_store_is_reported_without_paths() {
    let server = Fixture::new().await;
    std::fs::remove_dir_all(server.folder.path().join("checks")).unwrap();
    std::fs::write(server.folder.path().join("checks"), "").unwrap();
    for path in ["/store/index.json", &format!("/store/{NAME}")] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(answer.text().starts_with("The store is temporarily unavailable"), "{}", answer.text());
        assert!(!answer.text().contains("checks"), "{}", answer.text());
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
    assert_eq!(server.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_error_for_a_busy_port_names_another_one() {
    let first = bind(SocketAddr::from(([127, 0, 0, 1], 0)), PortRemedy::Flag).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(address, PortRemedy::Flag).await.unwrap_err();
    assert!(matches!(error, ServeError::Busy(_, _)));
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot listen on `{address}`: another program uses this port")), "{text}");
    let usual = ServeError::Busy(SocketAddr::from(([127, 0, 0, 1], 8080)), PortRemedy::Flag).to_string();
    assert!(usual.ends_with("with `--listen 127.0.0.1:8081`"), "{usual}");
    let last = ServeError::Busy(SocketAddr::from(([127, 0, 0, 1], u16::MAX)), PortRemedy::Flag).to_string();
    assert!(last.ends_with("127.0.0.1:8080`"), "{last}");
    let low = ServeError::NotPermitted(SocketAddr::from(([0, 0, 0, 0], 80)), PortRemedy::Flag).to_string();
    assert!(low.ends_with("0.0.0.0:8080`"), "{low}");
    let made = ServeError::Busy(SocketAddr::from(([127, 0, 0, 1], 8080)), PortRemedy::Make).to_string();
    assert!(made.ends_with("with `make run PORT=8081`"), "{made}");
}

/// Sends a request and returns everything until the server closes the connection.
async fn send(address: SocketAddr, request: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_connection_is_served_until_the_shutdown() {
    let server = Fixture::new().await;
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), PortRemedy::Flag).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(connections::accept(listener, server.router.clone(), shutdown.clone()));
    let answer = send(address, "GET /config.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"title\": \"Shop\""), "{answer}");
    shutdown.cancel();
    serving.await.unwrap().unwrap();
    assert!(bind(address, PortRemedy::Flag).await.is_ok(), "the port is free again");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_finishes_its_request_is_disconnected() {
    let server = Fixture::new().await;
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)), PortRemedy::Flag).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(connections::accept(listener, server.router.clone(), CancellationToken::new()));
    let before = Instant::now();
    send(address, "GET / HTTP/1.1\r\nhost:").await;
    assert!(before.elapsed() >= connections::HEADER_TIMEOUT);
    serving.abort();
}
