//! What the project's own scripts do besides the work of the programs they call.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use harness::{root, wait_for};
use tempfile::TempDir;

/// Puts a program of these lines into a folder.
fn program(folder: &Path, name: &str, lines: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/usr/bin/env bash\n{lines}\n")).expect("it can be written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// Runs `scripts/meanwhile.sh` with a `cargo` of these lines and a command of those.
fn meanwhile(folder: &TempDir, cargo: &str, command: &str) -> Output {
    program(folder.path(), "cargo", cargo);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new(root().join("scripts/meanwhile.sh"))
        .args(["bash", "-c", command])
        .current_dir(folder.path())
        .env("PATH", std::env::join_paths(path).expect("they are folders"))
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .output();
    output.expect("the script runs")
}

/// Whether a process has ended, also if nobody has asked for its end yet.
fn has_ended(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
    status.map_or(true, |status| status.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

#[tokio::test]
async fn what_is_built_meanwhile_ends_with_the_command_and_changes_nothing_about_it() {
    let folder = TempDir::new().expect("a folder");
    let made = Command::new("mkfifo").arg(folder.path().join("begun")).status();
    assert!(made.is_ok_and(|status| status.success()));
    let building = "sleep 1000 & echo $$ $! \"$@\" >begun; wait";
    let output = meanwhile(&folder, building, "read -r line <begun; echo \"$line\"; exit 3");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[2..7], ["build", "--quiet", "--release", "-p", "checker"], "{output:?}");
    for process in &words[..2] {
        wait_for("the end of the build", || async { has_ended(process).then_some(()) }).await;
    }
}

#[test]
fn without_the_tool_that_makes_the_page_smaller_setting_up_says_so_and_goes_on() {
    let (folder, tools) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("it is there");
    let (_, bindgen) = lock.split_once("name = \"wasm-bindgen\"\nversion = \"").expect("it is locked");
    let bindgen = bindgen.split('"').next().unwrap_or_default();
    let setup = std::fs::read_to_string(root().join("scripts/setup.sh")).expect("it is there");
    let (_, trunk) = setup.split_once("TRUNK_VERSION=").expect("it has a version");
    program(folder.path(), "trunk", &format!("echo trunk {}", trunk.lines().next().unwrap_or_default()));
    program(folder.path(), "wasm-bindgen", &format!("echo wasm-bindgen {bindgen}"));
    program(folder.path(), "wasm-opt", "echo wasm-opt version 108");
    program(folder.path(), "npm", "exit 1");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new(root().join("scripts/setup.sh"))
        .arg("page")
        .env("CHECKUP_TOOLS", tools.path())
        .env("PATH", std::env::join_paths(path).expect("they are folders"))
        .output()
        .expect("the script runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(told.contains("going on without wasm-opt") && !told.contains("building"), "{told}");
}

#[test]
fn nothing_is_built_meanwhile_where_the_checker_is_there() {
    let folder = TempDir::new().expect("a folder");
    std::fs::create_dir_all(folder.path().join("target/release/checker")).expect("there is room");
    let output = meanwhile(&folder, "touch asked-for", "echo done");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n");
    assert!(output.status.success() && !folder.path().join("asked-for").exists());
}
