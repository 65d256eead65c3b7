//! A place that `checker provision` prepares: a bucket's name of its own, and the folder that the files go to.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::bucket::Bucket;
use crate::checker::{Checker, Run};
use crate::ministack::{self, AccessKey, REGION};

/// A bucket to be provisioned, and a folder to do it from.
#[derive(Debug)]
pub struct TestSite {
    /// The folder, with the configuration of no check at all.
    pub checker: Checker,
    /// The bucket, as an administrator sees it.
    pub bucket: Bucket,
    /// Where the S3 server is found: itself, or something in front of it.
    pub endpoint_url: String,
    administrator: AccessKey,
}

impl TestSite {
    /// A place that nothing is at yet, below `status/`.
    pub async fn new() -> TestSite {
        TestSite::at(&ministack::server().url).await
    }

    /// The same, at another address of the S3 server.
    pub async fn at(endpoint_url: &str) -> TestSite {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("site-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        TestSite {
            checker: Checker::new(&json!({ "checkers": [] })),
            bucket: Bucket::named(&name, "status/").await,
            endpoint_url: endpoint_url.to_owned(),
            administrator: ministack::admin().await,
        }
    }

    /// Whose credentials are used from now on.
    pub fn act_as(&mut self, administrator: AccessKey) {
        self.administrator = administrator;
    }

    /// `checker provision --yes` for this place, and these words.
    pub async fn provision(&self, words: &[&str]) -> Run {
        self.call("provision", &[&["--yes"], words].concat(), "").await
    }

    /// `checker deprovision` for this place, and these words, with somebody who types an answer.
    pub async fn deprovision(&self, words: &[&str], typed: &str) -> Run {
        self.call("deprovision", words, typed).await
    }

    /// A command for this place with the administrator's credentials in the environment.
    pub async fn call(&self, command: &str, words: &[&str], typed: &str) -> Run {
        let (bucket, prefix) = (self.bucket.name.as_str(), self.bucket.prefix.as_str());
        let place = [command, "--bucket", bucket, "--region", REGION, "--prefix", prefix, "--path-style"];
        let words = [&place, ["--endpoint-url", self.endpoint_url.as_str()].as_slice(), words].concat();
        let prepare = |command: &mut std::process::Command| {
            command.env("AWS_ACCESS_KEY_ID", &self.administrator.id);
            command.env("AWS_SECRET_ACCESS_KEY", &self.administrator.secret);
            command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        };
        self.checker.call_typing(&words, typed, prepare).await
    }

    /// The steps that are still to be done, in words.
    pub async fn steps_left(&self, words: &[&str]) -> Vec<String> {
        let run = self.call("provision", &[&["--dry-run"], words].concat(), "").await;
        assert_eq!(run.code, 0, "{}", run.output());
        let plan: Value = serde_json::from_str(&run.stdout).expect("a plan is JSON");
        let steps = plan["steps"].as_array().cloned().unwrap_or_default();
        steps.iter().map(|step| step["what"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A file of the folder; nothing if it is not there.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.checker.path(name)).unwrap_or_default()
    }

    /// The public keys in `config.json`, if it holds some.
    #[must_use]
    pub fn reader(&self) -> Option<AccessKey> {
        let config: Value = serde_json::from_str(&self.file("config.json")).ok()?;
        key(&config["source"], "public_access_key_id", "public_access_key")
    }

    /// The keys in a writer's file, if it holds some.
    #[must_use]
    pub fn writer(&self, node: &str) -> Option<AccessKey> {
        let config: Value = serde_json::from_str(&self.file(&format!("checker-{node}.json"))).ok()?;
        key(&config["storage"], "access_key_id", "secret_access_key")
    }

    /// The name of the user that a role has: `reader`, `writer_eu-west`.
    #[must_use]
    pub fn user(&self, role: &str) -> String {
        format!("checkup_{}+status_{role}", self.bucket.name)
    }
}

fn key(object: &Value, id: &str, secret: &str) -> Option<AccessKey> {
    Some(AccessKey { id: object[id].as_str()?.to_owned(), secret: object[secret].as_str()?.to_owned() })
}
