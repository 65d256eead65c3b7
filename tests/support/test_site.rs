//! A bucket and a folder for tests of `checker provision`.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::bucket::Bucket;
use crate::checker::{Checker, Run};
use crate::ministack::AccessKey;
use crate::s3_server::S3Server;

/// A bucket to provision, and the folder for the generated files.
#[derive(Debug)]
pub struct TestSite {
    /// A checker's folder with a configuration that contains no checks.
    pub checker: Checker,
    /// The bucket, with the administrator's key.
    pub bucket: Bucket,
    /// The URL of the S3 server, or of a proxy in front of it.
    pub endpoint_url: String,
    region: &'static str,
    administrator: AccessKey,
    /// Ensures that only one test uses `SeaweedFS` at a time. It briefly makes wrong access decisions when its users
    /// change.
    _alone: Option<MutexGuard<'static, ()>>,
}

static SEAWEEDFS: Mutex<()> = Mutex::const_new(());

impl TestSite {
    /// A site whose bucket does not exist yet, with the `status/` prefix.
    pub async fn new() -> TestSite {
        TestSite::on(S3Server::MiniStack).await
    }

    /// A site on this server whose bucket does not exist yet, with the `status/` prefix.
    pub async fn on(server: S3Server) -> TestSite {
        let alone = if server == S3Server::SeaweedFs { Some(SEAWEEDFS.lock().await) } else { None };
        TestSite { _alone: alone, ..TestSite::beside_another(server).await }
    }

    /// Like [`TestSite::on`], for a test that already has a site on this server.
    pub async fn beside_another(server: S3Server) -> TestSite {
        let bucket = Bucket::on(server, &new_name(), "status/").await;
        TestSite {
            checker: Checker::new(&json!({ "checkers": [] })),
            bucket,
            endpoint_url: server.url(),
            region: server.region(),
            administrator: server.admin().await,
            _alone: None,
        }
    }

    /// A site that uses another URL of the S3 server.
    pub async fn at(endpoint_url: &str) -> TestSite {
        TestSite { endpoint_url: endpoint_url.to_owned(), ..TestSite::on(S3Server::MiniStack).await }
    }

    /// Uses this key in later calls.
    pub fn act_as(&mut self, administrator: AccessKey) {
        self.administrator = administrator;
    }

    /// Runs `checker provision --yes` for this site, with additional arguments.
    pub async fn provision(&self, words: &[&str]) -> Run {
        self.call("provision", &[&["--yes"], words].concat(), "").await
    }

    /// Runs `checker deprovision` for this site, with additional arguments and with `typed` on standard input.
    pub async fn deprovision(&self, words: &[&str], typed: &str) -> Run {
        self.call("deprovision", words, typed).await
    }

    /// Runs a command for this site with the administrator's credentials in the environment.
    pub async fn call(&self, command: &str, words: &[&str], typed: &str) -> Run {
        let (bucket, prefix) = (self.bucket.name.as_str(), self.bucket.prefix.as_str());
        let target = [command, "--bucket", bucket, "--region", self.region, "--prefix", prefix, "--path-style"];
        let words = [&target, ["--endpoint-url", self.endpoint_url.as_str()].as_slice(), words].concat();
        let prepare = |command: &mut std::process::Command| {
            command.env("AWS_ACCESS_KEY_ID", &self.administrator.id);
            command.env("AWS_SECRET_ACCESS_KEY", &self.administrator.secret);
            command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        };
        self.checker.call_typing(&words, typed, prepare).await
    }

    /// Returns the descriptions of the steps that provisioning would still take.
    pub async fn steps_left(&self, words: &[&str]) -> Vec<String> {
        let run = self.call("provision", &[&["--dry-run"], words].concat(), "").await;
        assert_eq!(run.code, 0, "{}", run.output());
        let plan: Value = serde_json::from_str(&run.stdout).expect("a plan is JSON");
        let steps = plan["steps"].as_array().cloned().unwrap_or_default();
        steps.iter().map(|step| step["what"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Returns the content of a file in the folder, or an empty string if the file is missing.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.checker.path(name)).unwrap_or_default()
    }

    /// Returns the public keys in `config.json`, if there are any.
    #[must_use]
    pub fn reader(&self) -> Option<AccessKey> {
        let config: Value = serde_json::from_str(&self.file("config.json")).ok()?;
        key(&config["source"], "public_access_key_id", "public_access_key")
    }

    /// Returns the keys in a writer's file, if there are any.
    #[must_use]
    pub fn writer(&self, node: &str) -> Option<AccessKey> {
        let config: Value = serde_json::from_str(&self.file(&format!("checker-{node}.json"))).ok()?;
        key(&config["storage"], "access_key_id", "secret_access_key")
    }

    /// Returns the keys in an author's file, if there are any.
    #[must_use]
    pub fn author(&self, name: &str) -> Option<AccessKey> {
        let config: Value = serde_json::from_str(&self.file(&format!("author-{name}.json"))).ok()?;
        key(&config["storage"], "access_key_id", "secret_access_key")
    }

    /// Returns the user name for a role such as `reader` or `writer_eu-west`.
    #[must_use]
    pub fn user(&self, role: &str) -> String {
        format!("checkup_{}+status_{role}", self.bucket.name)
    }
}

/// Returns a bucket name that no other test uses.
fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    format!("site-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

fn key(object: &Value, id: &str, secret: &str) -> Option<AccessKey> {
    Some(AccessKey { id: object[id].as_str()?.to_owned(), secret: object[secret].as_str()?.to_owned() })
}
