//! Visitors to `checker serve` that do not read responses, do not finish their requests or use a different host name,
//! and a store that hangs.

use std::time::Duration;

use serde_json::json;
use shared::MINUTE;
use shared::object_name::{CheckFileName, NodeName};
use support::checker::{Checker, Served};
use support::configuration::{check, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::{http_client, now, wait_for};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The total size of the stored check files, which exceeds the limit for a list with contents.
const STORED_BYTES: usize = 12 << 20;

/// The maximum additional memory that visitors can use, in kB.
const MEMORY_LIMIT: u64 = 64 << 10;

async fn connect(served: &Served) -> TcpStream {
    let address = served.url.trim_start_matches("http://").trim_end_matches('/');
    TcpStream::connect(address).await.expect("the server accepts connections")
}

/// Returns a server's peak memory, in kB.
pub(crate) fn peak_memory(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.program.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system has it");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn visitors_that_do_not_read_use_little_memory() {
    let checker = Checker::new(&watching(&[check("Shop", &refused())], &json!({ "type": "fs", "dir": "checks" })));
    let result = json!({ "title": "Shop", "timestamp": now() - MINUTE, "healthy": true, "notice": "x".repeat(500) });
    let content = json!(vec![result; 16]).to_string();
    std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
    for number in 0..STORED_BYTES / content.len() {
        let name = CheckFileName { stored_at: now() - MINUTE - number as i64, node: NodeName::new("eu").ok() };
        checker.write(&format!("checks/{name}"), &content);
    }
    let served = checker.serve(&[]).await;
    let list = format!("{}store/index.json?with=results", served.url);
    let first = http_client::get(&list).await;
    assert!(first.status == 200 && first.body.len() > 4 << 20, "{}", first.body.len());
    let before = peak_memory(&served);
    let mut visitors = Vec::new();
    for query in ["with=results", "with=results&from={}"] {
        for number in 0..150 {
            let mut visitor = connect(&served).await;
            let query = query.replace("{}", &number.to_string());
            let request = format!("GET /store/index.json?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            visitor.write_all(request.as_bytes()).await.expect("the server reads");
            visitors.push(visitor);
        }
        let again = http_client::get(&format!("{}store/index.json", served.url)).await;
        assert_eq!(again.status, 200, "others are served");
    }
    let more = peak_memory(&served) - before;
    assert!(more <= MEMORY_LIMIT, "{more} kB more than the {before} kB for one visitor");
}

#[tokio::test]
async fn idle_connections_do_not_keep_visitors_out() {
    let checker = Checker::new(&watching(&[check("Shop", &refused())], &json!({ "type": "fs", "dir": "checks" })));
    let served = checker.serve(&[]).await;
    let mut slow = Vec::new();
    for _ in 0..1_100 {
        let mut connection = connect(&served).await;
        connection.write_all(b"G").await.expect("the server reads");
        slow.push(connection);
    }
    assert_eq!(http_client::get(&served.url).await.status, 200);
    // The oldest connections were closed to make room for new ones.
    let end = tokio::time::timeout(support::PATIENCE, slow[0].read(&mut [0])).await.expect("it is closed");
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_page_with_another_host_cannot_read_a_loopback_server() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &json!({ "type": "fs", "dir": "checks" })));
    let served = checker.serve(&["--allowed-host", "status.example.com"]).await;
    for path in ["", "config.json", "store/index.json", "summary.json"] {
        let url = format!("{}{path}", served.url);
        let foreign = http_client::get_with(&url, &[("Host", "rebound.example:8080")]).await;
        assert_eq!(foreign.status, 421, "{path}");
        assert!(foreign.text().contains("--allowed-host rebound.example"), "{}", foreign.text());
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]", "status.example.com"] {
        assert_eq!(http_client::get_with(&served.url, &[("Host", host)]).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn serve_responds_while_its_bucket_hangs() {
    let silence = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let endpoint = format!("http://{}", silence.local_addr().expect("it has an address"));
    let storage = json!({ "type": "s3", "bucket": "status", "region": "us-east-1", "endpoint_url": endpoint,
        "path_style": true, "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "secret" });
    let checker = Checker::new(&watching(&[check("Shop", &refused())], &storage));
    let served = checker.serve(&[]).await;
    // Requests to the store take more than a minute to fail.
    let url = format!("{}store/index.json", served.url);
    let answer = tokio::time::timeout(Duration::from_secs(45), http_client::get(&url)).await;
    assert_eq!(answer.expect("the server answers before the store does").status, 503);
    let page = wait_for("the page itself", || async { Some(http_client::get(&served.url).await.status) }).await;
    assert_eq!(page, 200);
}
