//! The web server that the benchmarks check: nginx, over plain HTTP and over TLS.

use std::path::PathBuf;

use serde_json::{Value, json};
use support::certificates::Authority;
use support::program::Program;
use support::{free_port, http_client, tool, wait_for};
use tempfile::TempDir;

/// A running nginx with one worker that responds to every path with a short text. Dropping it stops nginx.
pub(crate) struct Nginx {
    /// The URL over plain HTTP, with a trailing slash.
    pub plain: String,
    pub secure: String,
    /// The authority that issued the certificate.
    pub authority: PathBuf,
    counts: String,
    _program: Program,
    _folder: TempDir,
}

impl Nginx {
    /// Starts nginx as a single process, because a master process could leave a worker behind.
    pub(crate) async fn start() -> Nginx {
        let folder = TempDir::new().expect("a temporary folder");
        let path_of = |name: &str| folder.path().join(name);
        let authority = Authority::new();
        authority.write_pem(&path_of("authority.pem"));
        authority.write_server_pem("127.0.0.1", &path_of("server.pem"), &path_of("server.key"));
        let (path, plain, secure) = (folder.path().display(), free_port(), free_port());
        // A single TLS version and no session resumption make every handshake a full one.
        let configuration = format!(
            "daemon off; master_process off; pid {path}/pid; error_log /dev/null;\n\
             events {{ worker_connections 8192; }}\n\
             http {{ access_log off; client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; \
             fastcgi_temp_path {path}/fastcgi; uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
             ssl_certificate {path}/server.pem; ssl_certificate_key {path}/server.key; ssl_protocols TLSv1.3; \
             ssl_session_tickets off; ssl_session_cache off;\n\
             server {{ listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{secure} ssl backlog=4096;\n\
             location / {{ return 200 'all is well'; }} location = /counts {{ stub_status; }} }} }}\n"
        );
        std::fs::write(path_of("nginx.conf"), configuration).expect("the file can be written");
        let program = Program::start(&tool("nginx"), |command| {
            command.arg("-c").arg(path_of("nginx.conf"));
        });
        let plain = format!("http://127.0.0.1:{plain}/");
        wait_for("nginx", || async { http_client::is_reachable(&plain).await.then_some(()) }).await;
        Nginx {
            secure: format!("https://127.0.0.1:{secure}/"),
            authority: path_of("authority.pem"),
            counts: format!("{plain}counts"),
            plain,
            _program: program,
            _folder: folder,
        }
    }

    /// The number of requests that nginx has served, including the request for this count.
    pub(crate) async fn requests(&self) -> u64 {
        let answer = http_client::get(&self.counts).await.text();
        // The third line has three counts: connections accepted, connections handled, and requests.
        let requests = answer.lines().nth(2).and_then(|line| line.split_whitespace().nth(2));
        requests.and_then(|count| count.parse().ok()).expect("nginx reports its requests")
    }

    /// Returns checks for this many endpoints over plain HTTP.
    pub(crate) fn plain_checks(&self, endpoints: usize) -> Vec<Value> {
        checks(&self.plain, endpoints, &json!({}))
    }

    /// Returns checks for this many endpoints over TLS, with certificate verification.
    pub(crate) fn secure_checks(&self, endpoints: usize) -> Vec<Value> {
        checks(&self.secure, endpoints, &json!({ "tls_ca_file": self.authority }))
    }
}

fn checks(url: &str, endpoints: usize, more: &Value) -> Vec<Value> {
    let check = |number| {
        let (title, url) = (format!("Endpoint {number}"), format!("{url}{number}"));
        support::configuration::check_with(&title, &url, more.clone())
    };
    (0..endpoints).map(check).collect()
}
