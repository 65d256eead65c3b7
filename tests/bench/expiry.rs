//! Measures how long it takes to expire thousands of check files in a bucket that also has other objects.

use serde_json::json;
use shared::DAY;
use shared::object_name::{CheckFileName, NodeName};
use std::process::Command;
use support::bucket::Bucket;
use support::checker::Checker;
use support::ministack::{ACCOUNT, MiniStack};
use support::now;
use tempfile::TempDir;

use crate::process_usage::spent;

/// The number of expired check files.
const EXPIRED: i64 = 100_000;
/// The number of other objects in the bucket.
const FOREIGN: i64 = 1_000;

/// Runs one round that deletes nothing and one that deletes all expired files, and prints the additional cost of the
/// second one.
pub(super) async fn measure() {
    println!("Expiry: one round that removes {EXPIRED} old check files from a bucket of a local S3 server");
    let folder = TempDir::new().expect("a temporary folder");
    let below = folder.path().join(ACCOUNT).join("full/status");
    std::fs::create_dir_all(&below).expect("the folder can be created");
    let (begin, node) = (now() - 60 * DAY, NodeName::new("measured").expect("it is a name"));
    for number in 0..EXPIRED {
        let name = CheckFileName { stored_at: begin + number * 1_000_000_000, node: Some(node.clone()) };
        std::fs::write(below.join(name.to_string()), "[]").expect("the file can be written");
    }
    for number in 0..FOREIGN {
        std::fs::write(below.join(format!("{}-report-{number}.txt", begin + number)), "theirs").expect("it is written");
    }
    let (server, administrator) = MiniStack::with_buckets(folder.path()).await;
    let bucket = Bucket::at(&server.url, &administrator, "full", "status/");
    let checker = Checker::new(&json!({}));
    let mut took = Vec::new();
    for expiry in ["0", "30d"] {
        let mut storage = bucket.storage();
        storage["check_expiry"] = json!(expiry);
        // A check that costs almost nothing.
        let check = json!({ "type": "exec", "name": "Nothing", "command": "true" });
        checker.configure(&json!({ "node": "measured", "checkers": [check], "storage": storage }));
        let mut command = Command::new(support::checker_binary());
        command.args(["run", "-c", "checker.json"]).current_dir(checker.folder.path());
        let (output, spent) = spent(&command);
        assert_eq!(output.contains(&format!("removed {EXPIRED} expired check files")), expiry != "0", "{output}");
        took.push(spent);
    }
    let left = bucket.keys().await.iter().filter(|key| key.contains("-report-")).count();
    assert_eq!(left as i64, FOREIGN, "foreign objects are not touched");
    let elapsed = took[1].elapsed - took[0].elapsed;
    println!(
        "  {elapsed:.1} s ({:.0} objects per second), {:.2} s of the checker's CPU; a round without expiry: {:.2} s, {:.2} s of CPU",
        EXPIRED as f64 / elapsed,
        took[1].processor - took[0].processor,
        took[0].elapsed,
        took[0].processor,
    );
}
