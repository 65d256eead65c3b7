//! `checker serve`, and Caddy with the project's Caddyfile, as web servers: responses, headers, and files that they
//! never serve.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use shared::page_config::{PageConfig, Source};
use support::caddy::{Caddy, copy_folder};
use support::checker::{Checker, Served};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::{http_client, page_directory, wait_for};

/// The Caddyfile's policy for a page that reads from another origin.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' https://store.example; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Starts `checker serve`, and waits until it has stored a round.
async fn serving() -> (Endpoint, Checker, Served) {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &ok.url)], &directory());
    config["every"] = json!("1h");
    config["page"] = json!({ "title": "Our status", "range": "48h", "refresh": "5m" });
    let checker = Checker::new(&config);
    let served = checker.serve(&[]).await;
    let stored = || async { (!checker.check_files("checks").is_empty()).then_some(()) };
    wait_for("the first round", stored).await;
    (ok, checker, served)
}

/// The URLs of the page's own files in `index.html`, except for the summary and its badge.
fn files_of(page: &str) -> Vec<String> {
    let links = page.split("href=").skip(1).chain(page.split("src=").skip(1));
    let links = links.filter_map(|rest| rest.trim_start_matches(['"', '\'']).split(['"', '\'', '>', ' ']).next());
    let links = links.map(|link| link.trim_start_matches("./").to_owned());
    let mut files: Vec<String> =
        links.filter(|link| !["summary.html", "config.json"].contains(&link.as_str())).collect();
    files.sort();
    files.dedup();
    files
}

/// The extension of a file.
fn kind(file: &str) -> &str {
    file.rsplit('.').next().unwrap_or_default()
}

#[tokio::test]
async fn serve_provides_the_page_its_configuration_and_the_store() {
    let (_endpoint, checker, served) = serving().await;
    let page = http_client::get(&served.url).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    // The page also announces its feeds.
    let files: Vec<_> = files_of(&page.text()).into_iter().filter(|file| !file.starts_with("feed.")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let answer = http_client::get(&format!("{}{file}", served.url)).await;
        assert_eq!(answer.status, 200, "{file}");
        // The assertion does not print the contents, which can be binary.
        assert!(answer.body == std::fs::read(page_directory().join(&file)).expect("it is built"), "{file}");
        assert!(answer.header("cache-control").contains("immutable"), "{file}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }

    let worker = http_client::get(&format!("{}sw.js", served.url)).await;
    assert_eq!((worker.status, worker.header("cache-control")), (200, "no-cache"));
    assert!(worker.header("content-type").starts_with("text/javascript"), "{:?}", worker.headers);
    assert!(worker.header("content-security-policy").contains("; worker-src 'self';"));

    let config = http_client::get(&format!("{}config.json", served.url)).await;
    let config = PageConfig::parse(&config.text()).expect("the page can read it");
    assert_eq!((config.title.as_str(), config.source), ("Our status", Source::Http { url: "store/".to_owned() }));
    assert_eq!((config.range, config.refresh), (2 * shared::DAY, 5 * shared::MINUTE));
    assert_eq!(config.outputs.as_deref(), Some("./"));

    let name = checker.check_files("checks")[0].to_string();
    let index = http_client::get(&format!("{}store/index.json", served.url)).await;
    let index: std::collections::BTreeMap<String, i64> = serde_json::from_slice(&index.body).expect("it is the index");
    assert_eq!(index.keys().collect::<Vec<_>>(), [&name]);
    let file = http_client::get(&format!("{}store/{name}", served.url)).await;
    assert_eq!(file.body, std::fs::read(checker.path("checks").join(&name)).expect("it exists"));
    assert_eq!(file.header("content-type"), "application/json");
    assert!(file.header("cache-control").contains("immutable"), "{:?}", file.headers);
}

#[tokio::test]
async fn serve_lists_files_since_a_given_time() {
    let (_endpoint, checker, served) = serving().await;
    let stored_at = checker.check_files("checks")[0].stored_at;
    for (from, count) in [(0, 1), (stored_at, 1), (stored_at + 1, 0)] {
        let index = http_client::get(&format!("{}store/index.json?from={from}", served.url)).await;
        let index: Value = serde_json::from_slice(&index.body).expect("it is JSON");
        assert_eq!(index.as_object().map(serde_json::Map::len), Some(count), "from {from}: {index}");
    }
}

#[tokio::test]
async fn serve_responds_with_not_modified_if_unchanged() {
    let (_endpoint, checker, served) = serving().await;
    let name = checker.check_files("checks")[0].to_string();
    for path in ["", "config.json", "store/index.json", &format!("store/{name}")] {
        let url = format!("{}{path}", served.url);
        let first = http_client::get(&url).await;
        let tag = first.header("etag").to_owned();
        assert!(!tag.is_empty(), "{path} has an ETag: {:?}", first.headers);
        let again = http_client::get_with(&url, &[("If-None-Match", &tag)]).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let other = http_client::get_with(&url, &[("If-None-Match", "\"other\"")]).await;
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
}

#[tokio::test]
async fn serve_compresses_if_the_client_accepts_it() {
    let (_endpoint, _checker, served) = serving().await;
    let page = http_client::get(&served.url).await;
    for file in files_of(&page.text()).iter().filter(|file| kind(file) != "svg") {
        let url = format!("{}{file}", served.url);
        let plain = http_client::get(&url).await;
        assert_eq!(plain.header("content-encoding"), "", "{file}");
        for encoding in ["br", "gzip"] {
            let small = http_client::get_with(&url, &[("Accept-Encoding", encoding)]).await;
            if plain.body.len() > 2_000 {
                assert_eq!(small.header("content-encoding"), encoding, "{file}");
                assert!(small.body.len() < plain.body.len(), "{file}: {} bytes by {encoding}", small.body.len());
            }
        }
    }
}

#[tokio::test]
async fn serve_does_not_provide_other_files() {
    let (_endpoint, checker, served) = serving().await;
    let canary = "canary-that-must-stay-private";
    for name in ["checks/notes.txt", "checks/.hidden", "secret.txt", "checks/1795330254340493978-check.json.tmp"] {
        checker.write(name, canary);
    }
    std::fs::create_dir(checker.path("checks/inner")).expect("the folder can be created");
    checker.write("checks/inner/1795330254340493978-check.json", canary);
    let absolute = checker.path("secret.txt");
    let absolute = absolute.to_str().expect("it is text").to_owned();
    let mut paths: Vec<String> = [
        "/secret.txt",
        "/checker.json",
        "/../secret.txt",
        "/../../../../../../etc/passwd",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/store/",
        "/store/../secret.txt",
        "/store/%2e%2e/secret.txt",
        "/store/..%2fsecret.txt",
        "/store/%2e%2e%2fsecret.txt",
        "/store/..%5csecret.txt",
        "/store/%252e%252e%252fsecret.txt",
        "/store/....//secret.txt",
        "/store/..;/secret.txt",
        "/store/notes.txt",
        "/store/.hidden",
        "/store/inner/1795330254340493978-check.json",
        "/store/inner%2f1795330254340493978-check.json",
        "/store/1795330254340493978-check.json.tmp",
        "/store/1795330254340493978-%2e%2e%2fsecret.txt%00-check.json",
        "/store/secret.txt%00-check.json",
        "/checks/notes.txt",
        "/spool/",
        "/index.html/../../secret.txt",
        "/static/../../secret.txt",
    ]
    .map(str::to_owned)
    .to_vec();
    paths.extend([
        format!("/{absolute}"),
        format!("/store/{absolute}"),
        format!("/store/{}", absolute.replace('/', "%2f")),
    ]);
    for path in paths {
        let answer = http_client::get_as_spelled(&served.url, &path).await;
        let status = answer.split_whitespace().nth(1).unwrap_or_default();
        assert!(["400", "404"].contains(&status), "{path} is answered with {answer}");
        for secret in [canary, "root:", "\"checkers\"", "endpoint_name"] {
            assert!(!answer.contains(secret), "{path} is answered with {answer}");
        }
    }
}

#[tokio::test]
async fn serve_follows_no_links_and_tolerates_odd_entries() {
    let (_endpoint, checker, served) = serving().await;
    let round = checker.check_files("checks").pop().expect("a round is stored").to_string();
    checker.write("secret.txt", "canary-that-must-stay-private");
    let (link, folder) = ("1795330254340493978-odd-check.json", "1795330254340493979-odd-check.json");
    for folder in ["history", "0-summary"] {
        std::fs::create_dir_all(checker.path("checks").join(folder)).expect("the folder can be created");
    }
    for name in [link, "history/odd.json", "0-summary/odd.json"] {
        symlink(checker.path("secret.txt"), checker.path("checks").join(name)).expect("the link can be created");
    }
    std::fs::create_dir(checker.path("checks").join(folder)).expect("the folder can be created");
    for path in [link, folder, "history/odd.json", "0-summary/odd.json"] {
        let answer = http_client::get(&format!("{}store/{path}", served.url)).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    let list = http_client::get(&format!("{}store/index.json?with=results", served.url)).await;
    assert_eq!(list.status, 200, "{}", list.text());
    let of_round = &serde_json::from_slice::<Value>(&list.body).expect("it is JSON")[&round];
    assert!(of_round.is_array() && !list.text().contains("canary"), "{}", list.text());
    let status = checker.call(&["status", "-c", "checker.json", "--format", "json", "--full"]).await;
    assert_eq!(status.code, 0, "{}", status.output());
    let rebuilt = checker.call(&["history", "rebuild", "-c", "checker.json"]).await;
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.output());
}

#[tokio::test]
async fn serve_accepts_only_get_and_head() {
    let (_endpoint, checker, served) = serving().await;
    let name = checker.check_files("checks")[0].to_string();
    for path in ["", "config.json", &format!("store/{name}")] {
        let url = format!("{}{path}", served.url);
        let head = http_client::send(http_client::client().head(&url)).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for request in
            [http_client::client().post(&url), http_client::client().put(&url), http_client::client().delete(&url)]
        {
            assert_eq!(http_client::send(request.body("x")).await.status, 405, "{path}");
        }
    }
    assert!(checker.path("checks").join(name).exists());
}

#[tokio::test]
async fn serve_sends_a_policy_against_foreign_scripts() {
    let (_endpoint, _checker, served) = serving().await;
    let page = http_client::get(&served.url).await;
    let policy = page.header("content-security-policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for directive in
        ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "connect-src 'self'", "base-uri 'none'"]
    {
        assert!(directives.contains(&directive), "{directive} is not in {policy}");
    }
    assert_eq!(page.header("referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn serve_reports_a_busy_port() {
    let (_endpoint, checker, served) = serving().await;
    let address = served.url.trim_start_matches("http://").trim_end_matches('/');
    let other = Checker::new(&watching(&[check("Shop", "http://127.0.0.1:9/")], &directory()));
    let run = other.call(&["serve", "-c", "checker.json", "--listen", address]).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains(address) && run.stderr.contains("--listen"), "{}", run.stderr);
    let made = ["serve", "-c", "checker.json", "--listen", address];
    let made = other
        .call_with(&made, |command| {
            command.env("CHECKUP_RUN_BY_MAKE", "1");
        })
        .await;
    assert!(made.stderr.contains("make run PORT=") && !made.stderr.contains("--listen"), "{}", made.stderr);
    assert_eq!(other.check_files("checks"), [], "no check runs before the port is open");
    drop((checker, served));
}

#[tokio::test]
async fn the_starter_checks_the_page_wherever_it_is_served() {
    let checker = Checker::new(&json!({}));
    let made = checker.call(&["init", "--force", "checker.json"]).await;
    assert_eq!(made.code, 0, "{}", made.output());
    let served = checker.serve(&[]).await;
    let results = wait_for("the first round", || {
        let results = if checker.path("checks").exists() { checker.all_results("checks") } else { Vec::new() };
        async { (!results.is_empty()).then_some(results) }
    })
    .await;
    assert_eq!(results[0].locator, served.url);
    assert_eq!(results[0].status, shared::status::Status::Healthy, "{results:?}");
}

#[tokio::test]
async fn serve_can_serve_another_page() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    copy_folder(&page_directory(), &checker.path("page"));
    checker.write("page/index.html", "<!doctype html><title>Ours</title><p>Hello</p>");
    let served = checker.serve(&["--page", "page"]).await;
    let page = http_client::get(&served.url).await.text();
    // Every page announces the feeds.
    let (start, end) = ("<!doctype html><title>Ours</title><link rel=\"alternate\"", "href=\"feed.json\"><p>Hello</p>");
    assert!(page.starts_with(start) && page.ends_with(end), "{page}");
    assert_eq!(http_client::get(&format!("{}config.json", served.url)).await.status, 200);

    let nowhere = checker.call(&["serve", "--listen", "127.0.0.1:0", "--page", "no-such-folder"]).await;
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.stderr.contains("no-such-folder"), "{}", nowhere.stderr);
}

#[tokio::test]
async fn serve_on_all_addresses_prints_one_that_browsers_can_open() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    let port = support::free_port();
    let running = checker.start(&["serve", "--listen", &format!("0.0.0.0:{port}")]);
    let url = format!("http://127.0.0.1:{port}/");
    wait_for("its address", || async { running.output().contains(&format!("status page at {url}")).then_some(()) })
        .await;
    assert_eq!(http_client::get(&url).await.status, 200);
}

#[tokio::test]
async fn a_signal_lets_serve_finish_the_current_round() {
    let slow = Behavior::AnswerAfter(std::time::Duration::from_secs(1), "200 OK", String::new());
    let slow = Endpoint::start(slow).await;
    let checker = Checker::new(&watching(&[check("Slow", &slow.url)], &directory()));
    let mut served = checker.serve(&[]).await;
    wait_for("the check to start", || async { (!slow.requests().is_empty()).then_some(()) }).await;
    served.program.signal("TERM");
    let status = served.program.wait().await;
    assert_eq!(status.code(), Some(0), "{}", served.program.output());
    assert_eq!(checker.all_results("checks").len(), 1, "{}", served.program.output());
}

#[tokio::test]
async fn caddy_sends_strict_headers_and_caches_only_immutable_files() {
    let caddy = Caddy::start("https://store.example").await;
    caddy.configure("{}");
    let page = http_client::get(&caddy.url).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-security-policy"), POLICY);
    assert_eq!(page.header("cache-control"), "no-cache");
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("server", ""),
    ] {
        assert_eq!(page.header(header), value, "{header}");
    }
    assert!(page.header("permissions-policy").contains("geolocation=()"));
    let files = files_of(&page.text());
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let answer = http_client::get_with(&format!("{}{file}", caddy.url), &[("Accept-Encoding", "gzip")]).await;
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{file}");
        if kind(&file) == "wasm" {
            assert_eq!(answer.header("content-type"), "application/wasm");
            assert_eq!(answer.header("content-encoding"), "gzip");
        }
    }
    let config = http_client::get(&format!("{}config.json", caddy.url)).await;
    assert_eq!((config.status, config.header("cache-control")), (200, "no-cache"));
    for hidden in [".Caddyfile", ".caddy/"] {
        assert_eq!(http_client::get(&format!("{}{hidden}", caddy.url)).await.status, 404, "{hidden}");
    }
    let worker = http_client::get(&format!("{}sw.js", caddy.url)).await;
    assert_eq!((worker.status, worker.header("cache-control")), (200, "no-cache"));
    assert!(worker.header("content-type").starts_with("text/javascript"), "{:?}", worker.headers);
    assert_eq!(worker.header("content-security-policy"), POLICY, "it applies to the service worker's requests");
    let missing = http_client::get(&format!("{}statuspage-0123456789abcdef.js", caddy.url)).await;
    assert_eq!((missing.status, missing.header("cache-control")), (404, "no-cache"));
}

#[tokio::test]
async fn the_page_of_the_starter_configuration_names_the_file_to_edit() {
    let config_of = async |served: &Served| {
        let text = http_client::get(&format!("{}config.json", served.url)).await.text();
        PageConfig::parse(&text).expect("it is valid")
    };
    let checker = Checker::new(&json!({}));
    assert_eq!(checker.call(&["init", "--force"]).await.code, 0);
    let served = checker.serve(&[]).await;
    assert_eq!(config_of(&served).await.starter_file.as_deref(), Some("checker.json"));
    let (_endpoint, _checker, served) = serving().await;
    assert_eq!(config_of(&served).await.starter_file, None);
}
