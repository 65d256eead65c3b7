//! Tests pipes, links and folders where the checker expects regular files or folders. The checker names them in errors,
//! does not hang or follow links, and still shows what it can read.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::bucket::Bucket;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};

use crate::storage::{spooled, storage_with};

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

#[tokio::test]
async fn a_pipe_in_place_of_the_lock_is_named_and_the_round_waits() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    std::fs::create_dir(checker.path("checks")).expect("the folder can be created");
    let lock = checker.path("checks/.index.lock");
    make_pipe(&lock);
    let run = checker.run(&[]).await;
    assert_eq!(run.code, 2, "{}", run.output());
    assert!(run.stderr.contains("the lock `.index.lock` is not a regular file; delete it"), "{}", run.stderr);
    assert_eq!((checker.check_files("checks").len(), spooled(&checker).len()), (0, 1));
    std::fs::remove_file(&lock).expect("it exists");
    assert_eq!(checker.run(&[]).await.code, 0);
    assert_eq!((checker.check_files("checks").len(), spooled(&checker).len()), (2, 0));
}

#[tokio::test]
async fn an_irregular_history_folder_is_named_and_check_files_are_shown() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let history = checker.path("checks/history");
    std::fs::rename(&history, checker.path("elsewhere")).expect("it exists");
    let overall = |stdout: &str| serde_json::from_str::<Value>(stdout).expect("it is JSON")["status"].clone();
    for (target, reason) in
        [(Some("../elsewhere"), "`history` is a symbolic link"), (None, "a file exists where a directory is expected")]
    {
        let made = target.map_or_else(|| std::fs::write(&history, ""), |target| symlink(target, &history));
        made.expect("it can be created");
        let status = checker.call(&["status", "-c", "checker.json"]).await;
        assert_eq!(status.code, 0, "{}", status.output());
        let warning = "using check files instead of histories: failed to list `history/` in the directory `checks`: ";
        assert!(status.stderr.contains(&format!("{warning}{reason}")), "{}", status.stderr);
        assert!(status.stdout.contains("Shop"), "{}", status.stdout);
        // Other nodes' endpoints may be known only from their histories.
        let status = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
        assert_eq!(overall(&status.stdout), "unknown", "{}", status.output());
        std::fs::remove_file(&history).expect("it exists");
    }
    std::fs::rename(checker.path("elsewhere"), &history).expect("it exists");
    let status = checker.call(&["status", "-c", "checker.json", "--format", "json"]).await;
    assert_eq!((overall(&status.stdout), status.stderr.as_str()), (json!("healthy"), ""), "{}", status.output());
}

#[tokio::test]
async fn pipes_as_aws_settings_are_named_and_the_round_waits() {
    let (bucket, ok) = (Bucket::new().await, Endpoint::start(Behavior::ok()).await);
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &storage_with(&bucket, json!({}))));
    std::fs::create_dir(checker.path(".aws")).expect("the folder can be created");
    make_pipe(&checker.path("pipe"));
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        let pipe = |command: &mut Command| {
            command.env(variable, "pipe");
        };
        let run = checker.call_with(&["run", "-c", "checker.json"], pipe).await;
        assert_eq!(run.code, 2, "{}", run.output());
        let named =
            "the AWS settings cannot be read: `pipe` is a pipe or device, not a regular file; replace it, or set";
        let named = format!("{named} `{variable}` to another file");
        assert!(run.stderr.contains(&named), "{}", run.stderr);
    }
    for name in [".aws/config", ".aws/credentials"] {
        make_pipe(&checker.path(name));
        for words in [["status", "-c", "checker.json"], ["doctor", "-c", "checker.json"]] {
            let run = checker.call(&words).await;
            assert_eq!(run.code, 2, "{}", run.output());
            assert!(run.output().contains(&format!("{name}` is a pipe or device")), "{}", run.output());
        }
        std::fs::remove_file(checker.path(name)).expect("it exists");
    }
    assert_eq!((bucket.check_files().await.len(), spooled(&checker).len()), (0, 2));
    let null = |command: &mut Command| {
        command.env("AWS_CONFIG_FILE", "/dev/null");
    };
    let run = checker.call_with(&["run", "-c", "checker.json"], null).await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!((bucket.check_files().await.len(), spooled(&checker).len()), (3, 0));
}
