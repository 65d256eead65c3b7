//! A real S3 and IAM server that all tests in the process share. Each test has separate buckets and users.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::program::Program;
use crate::{free_port, http_client, tool, wait_blocking};

/// The server's region.
pub const REGION: &str = "eu-test-1";

/// The account that owns the tests' users, except for those of foreign accounts.
pub const ACCOUNT: &str = "000000000000";

/// The policy of the administrator's key, which sets up tests.
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

#[derive(Debug, Clone)]
pub struct AccessKey {
    pub id: String,
    pub secret: String,
}

#[derive(Debug)]
pub struct MiniStack {
    /// The server's URL, without a trailing slash.
    pub url: String,
    _program: Program,
}

impl MiniStack {
    /// Starts a separate server and returns it with a key that has all permissions. Each folder below [`ACCOUNT`] in
    /// `folder` becomes a bucket, and its files become objects. This makes thousands of objects available immediately.
    pub async fn with_buckets(folder: &Path) -> (MiniStack, AccessKey) {
        let port = free_port();
        let program = Program::start(&tool("ministack"), |command| {
            prepare(command, port);
            command.env("S3_PERSIST", "1").env("S3_DATA_DIR", folder).env("MINISTACK_REGION", REGION);
        });
        wait_blocking("an S3 server", || is_healthy(port));
        let server = MiniStack { url: format!("http://127.0.0.1:{port}"), _program: program };
        let administrator = new_user(&server.url, "admin", EVERYTHING).await;
        (server, administrator)
    }
}

fn prepare(command: &mut Command, port: u16) {
    command.env("AUTH", "true").env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
    command.env("SERVICES", "s3,iam,sts").env("LOG_LEVEL", "WARNING");
}

/// The shared server, which starts on first use. It checks signatures, permissions and CORS.
#[must_use]
pub fn server() -> &'static MiniStack {
    static SERVER: OnceLock<MiniStack> = OnceLock::new();
    SERVER.get_or_init(|| {
        let port = free_port();
        let program = Program::start_for_all(&tool("ministack"), move |command| prepare(command, port));
        wait_blocking("the S3 server", || is_healthy(port));
        MiniStack { url: format!("http://127.0.0.1:{port}"), _program: program }
    })
}

/// A key with all permissions. It does not belong to the built-in root user, because the server does not check that
/// user's signatures.
pub async fn admin() -> AccessKey {
    static ADMIN: tokio::sync::OnceCell<AccessKey> = tokio::sync::OnceCell::const_new();
    ADMIN.get_or_init(|| new_user(&server().url, "admin", EVERYTHING)).await.clone()
}

/// Creates a user who can list and read a bucket below a prefix, like a page's visitors, and returns the user's key.
pub async fn reader(bucket: &str) -> AccessKey {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let rights = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{bucket}")},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{bucket}/*")},
    ]});
    let name = format!("{bucket}-reader-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    new_user(&server().url, &name, &rights.to_string()).await
}

async fn new_user(server: &str, name: &str, rights: &str) -> AccessKey {
    let policy = [("PolicyName", "rights"), ("PolicyDocument", rights)];
    iam_at(server, &[("Action", "CreateUser"), ("UserName", name)]).await;
    iam_at(server, &[[("Action", "PutUserPolicy"), ("UserName", name)], policy].concat()).await;
    let answer = iam_at(server, &[("Action", "CreateAccessKey"), ("UserName", name)]).await;
    AccessKey { id: element(&answer, "AccessKeyId"), secret: element(&answer, "SecretAccessKey") }
}

/// Creates a user with this name and these permissions, and returns the user's key.
pub async fn user(name: &str, rights: &serde_json::Value) -> AccessKey {
    new_user(&server().url, name, &rights.to_string()).await
}

/// Returns a user's access key IDs. The list is empty if there is no such user.
pub async fn keys_of(user: &str) -> Vec<String> {
    let answer = iam_answer(&server().url, &[("Action", "ListAccessKeys"), ("UserName", user)]).await;
    let keys = answer.text();
    let keys = keys.split("<AccessKeyId>").skip(1).filter_map(|rest| rest.split_once('<'));
    keys.map(|(id, _)| id.to_owned()).collect()
}

/// Returns the names of all users whose name contains a string.
pub async fn users(containing: &str) -> Vec<String> {
    let answer = iam(&[("Action", "ListUsers"), ("MaxItems", "1000")]).await;
    let names = answer.split("<UserName>").skip(1).filter_map(|rest| rest.split_once('<'));
    names.map(|(name, _)| name.to_owned()).filter(|name| name.contains(containing)).collect()
}

/// Creates a user without keys or permissions.
pub async fn make_user(name: &str) {
    iam(&[("Action", "CreateUser"), ("UserName", name)]).await;
}

/// Sends a request to IAM as the built-in root user.
async fn iam(parameters: &[(&str, &str)]) -> String {
    iam_at(&server().url, parameters).await
}

async fn iam_at(server: &str, parameters: &[(&str, &str)]) -> String {
    let answer = iam_answer(server, parameters).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

async fn iam_answer(server: &str, parameters: &[(&str, &str)]) -> http_client::HttpResponse {
    let parameters: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
    let request = http_client::client()
        .post(format!("{server}/"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(format!("{}&Version=2010-05-08", parameters.join("&")));
    http_client::send(request).await
}

fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).expect("the response has the element");
    rest.split_once("</").expect("the element ends").0.to_owned()
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
