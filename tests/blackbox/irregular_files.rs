//! Tests pipes, links and folders where the checker expects regular files or folders. The checker names them in errors,
//! does not hang or follow links, and still shows what it can read.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use shared::object_name::HISTORY_INDEX;
use support::browser::Browser;
use support::bucket::Bucket;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::{http_client, page, page_directory, wait_for};

use crate::notifications::{Webhook, failing, notifying, round};
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

fn replace_history_with_link(checker: &Checker) {
    std::fs::rename(checker.path("checks/history"), checker.path("elsewhere")).expect("it exists");
    symlink("../elsewhere", checker.path("checks/history")).expect("the link can be created");
}

#[tokio::test]
async fn serve_sends_check_files_if_the_history_folder_is_a_link() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    replace_history_with_link(&checker);
    let served = checker.serve(&["--page", page_directory().to_str().expect("the path is text")]).await;
    let list = http_client::get(&format!("{}store/{HISTORY_INDEX}", served.url)).await;
    assert_eq!(list.status, 200, "{}", list.text());
    let listed: Value = serde_json::from_str(&list.text()).expect("it is JSON");
    let stored = checker.check_files("checks")[0].to_string();
    assert!(listed[&stored].is_i64() && listed["history/test-node.json"] == 0, "{listed}");
    let browser = Browser::open().await;
    let page = page::visit(&browser, &format!("{}?range=7d", served.url)).await;
    assert_eq!(page.endpoint("Shop").text_of("status"), "healthy");
    assert!(page.problems().contains("The history of test-node is unreadable"), "{}", page.problems());
    wait_for("the cause in the log", || async {
        served.program.output().contains("`history` is a symbolic link").then_some(())
    })
    .await;
}

#[tokio::test]
async fn notify_status_and_replay_show_the_rest_if_the_history_folder_is_a_link() {
    let (shop, webhook) = (Endpoint::start(failing()).await, Webhook::start().await);
    let checker = Checker::new(&notifying(&shop, &directory(), &[webhook.channel()]));
    round(&checker, &[]).await;
    assert_eq!(webhook.messages().len(), 1);
    replace_history_with_link(&checker);
    let status = checker.call(&["notify", "status", "-c", "checker.json"]).await;
    assert_eq!(status.code, 0, "{}", status.output());
    assert!(status.stdout.contains("test-node") && status.stdout.contains("Shop"), "{}", status.output());
    assert!(status.stderr.contains("`history` is a symbolic link"), "{}", status.stderr);
    let replay = checker.call(&["notify", "replay", "-c", "checker.json", "--since", "1d"]).await;
    assert_eq!(replay.code, 0, "{}", replay.output());
    assert!(replay.stdout.contains("Shop"), "{}", replay.output());
    assert!(replay.stderr.contains("using check files instead of histories: "), "{}", replay.stderr);
    // A node that ignored the others would send their messages again.
    let preview = checker.call(&["notify", "preview", "-c", "checker.json"]).await;
    assert_eq!(preview.code, 2, "{}", preview.output());
    let remedy = "`history` is a symbolic link, and links are not followed; replace it with a folder";
    assert!(preview.stderr.contains(remedy), "{}", preview.stderr);
    let run = checker.run(&[]).await;
    assert!(run.stderr.contains("history not updated: ") && run.stderr.contains(remedy), "{}", run.stderr);
    assert_eq!(webhook.messages().len(), 1);
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
