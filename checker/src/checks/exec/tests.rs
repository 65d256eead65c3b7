//! Tests command checks with shell scripts.

use crate::checks::assertions::Assertion;
use crate::checks::exec::*;
use crate::checks::http::encoding_tests::encode;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, run};
use std::path::Path;

fn shell(script: &str) -> ExecCheck {
    ExecCheck {
        locator: "sh".to_owned(),
        command: PathBuf::from("sh"),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        timeout: Duration::from_millis(700),
        exit_status: Some(0),
        must_contain: None,
        must_not_contain: None,
        failure_status: Status::Down,
    }
}

async fn error(check: ExecCheck) -> Option<String> {
    error_of(&Check::new("x", CheckKind::Exec(Box::new(check)))).await
}

async fn error_of(check: &Check) -> Option<String> {
    match run(check, &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
        CheckOutcome::Attempts(mut records) => records.remove(0).attempt.error,
        CheckOutcome::Skipped { reason } => panic!("{reason}"),
    }
}

#[tokio::test]
async fn exit_status_and_output_are_evaluated() {
    let text = |text: &str| Some(text.to_owned());
    for (check, expected) in [
        (shell("echo hello"), None),
        (shell("echo broken pump >&2; exit 3"), text("exit status 3, expected 0; output: `broken pump`")),
        (shell("exit 1"), text("exit status 1, expected 0; no output")),
        (ExecCheck { exit_status: Some(3), ..shell("exit 3") }, None),
        (shell("kill -9 $$"), text("terminated by signal 9; no output")),
        (ExecCheck { must_contain: text("ell"), ..shell("echo hello") }, None),
        (ExecCheck { must_contain: text("x"), ..shell("echo hello") }, text("output does not contain `x`")),
        (ExecCheck { must_not_contain: text("ell"), ..shell("echo hello >&2") }, text("output contains `ell`")),
        (shell("printf '\\377\\375'; exit 2"), text("exit status 2, expected 0; output: `\u{fffd}\u{fffd}`")),
        (ExecCheck { command: PathBuf::from("/no/such"), ..shell("") }, text("command `/no/such` not found")),
        (
            ExecCheck { command: PathBuf::from("/etc/passwd"), ..shell("") },
            text("command `/etc/passwd` is not executable"),
        ),
    ] {
        assert_eq!(error(check.clone()).await, expected, "{check:?}");
    }
}

#[tokio::test]
async fn a_missing_interpreter_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    for (number, (content, expected)) in [
        ("#!/no/such/python9\n", Some("its interpreter `/no/such/python9` was not found")),
        ("#! /no/such/python9 -u\n", Some("its interpreter `/no/such/python9` was not found")),
        ("#!/bin/sh\r\n", Some("its interpreter `/bin/sh` is followed by a carriage return")),
        ("#!/etc/passwd\n", Some("its interpreter `/etc/passwd` is not executable")),
        ("#!/usr/bin/env no-such-python9\n", Some("no-such-python9")),
        ("#!/bin/sh\n", None),
    ]
    .into_iter()
    .enumerate()
    {
        let command = folder.path().join(number.to_string());
        std::fs::write(&command, content).expect("it can be written");
        std::fs::set_permissions(&command, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let check = ExecCheck { command, arguments: Vec::new(), ..shell("") };
        // `env` searches for the command only when it runs, so `preflight` cannot detect that it is missing.
        if !content.contains("env") {
            assert_eq!(check.preflight().is_err(), expected.is_some(), "{content}");
        }
        let error = error(check).await.unwrap_or_default();
        assert!(error.contains(expected.unwrap_or_default()) && error.is_empty() == expected.is_none(), "{error}");
    }
}

#[tokio::test]
async fn long_output_is_read_to_the_end_but_not_kept() {
    let loud = ExecCheck {
        timeout: Duration::from_secs(30),
        ..shell("head -c 20000000 /dev/zero | tr '\\0' x; echo the end")
    };
    let text = |text: &str| Some(text.to_owned());
    let kept = "only the first 1048576 bytes of the output were kept";
    for (check, expected) in [
        (
            ExecCheck { must_contain: text("the end"), ..loud.clone() },
            text(&format!("output does not contain `the end`; {kept}")),
        ),
        (
            ExecCheck { must_not_contain: text("the end"), ..loud.clone() },
            text(&format!("{kept}, which does not rule out `the end`")),
        ),
        (ExecCheck { must_contain: text("xx"), ..loud }, None),
    ] {
        assert_eq!(error(check).await, expected);
    }
}

#[tokio::test]
async fn disguised_output_is_read_or_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "Fatal error, and more of it: Fatal error";
    let wide = |write: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(write).collect::<Vec<u8>>();
    let write = |name: &str, content: &[u8]| {
        std::fs::write(folder.path().join(name), content).expect("it can be written");
        format!("cat {}", folder.path().join(name).display())
    };
    let patient = |script: &str| ExecCheck { timeout: Duration::from_mins(1), ..shell(script) };
    let absent = |script: &str| ExecCheck { must_not_contain: Some("Fatal".to_owned()), ..patient(script) };
    let mut cases: Vec<(Vec<u8>, String)> = ["gzip", "deflate", "br", "zstd"]
        .map(|coding| (encode(coding, text.as_bytes()), format!("output seems to be compressed (`{coding}`)")))
        .into();
    let utf_32 = text.chars().flat_map(|one| u32::from(one).to_le_bytes()).collect();
    cases.push((utf_32, "output has the charset `utf-32`, which is not supported".to_owned()));
    let binary = b"\x05\x06F\0a\0t\0a\0l\0\x02\0".to_vec();
    cases.push((binary, "output contains null bytes between characters, like UTF-16 or binary data".to_owned()));
    for (content, reason) in cases {
        let print = write("hidden", &content);
        // The two streams are examined separately.
        for script in [print.clone(), format!("echo ok; {print} >&2")] {
            let unread = error(absent(&script)).await;
            assert_eq!(unread, Some(format!("{reason}, so it cannot be searched")), "{script}");
            for (assertion, is_met) in [("not [BODY] contains Fatal", false), ("[BODY_SIZE] > 3", true)] {
                let mut check = Check::new("x", CheckKind::Exec(Box::new(patient(&script))));
                let assertion = Assertion::parse(assertion).expect("an assertion");
                check.capture = assertion.capture();
                check.assertions = [assertion].into();
                let error = error_of(&check).await;
                assert_eq!(error.is_none(), is_met, "{reason}: {error:?}");
                assert!(error.is_none_or(|error| error.contains(&reason)), "{reason}");
            }
        }
    }
    for content in [wide(u16::to_le_bytes), wide(u16::to_be_bytes), [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat()] {
        let print = write("readable", &content);
        for script in [print.clone(), format!("echo ok; {print} >&2")] {
            assert_eq!(error(absent(&script)).await.as_deref(), Some("output contains `Fatal`"));
        }
    }
    assert_eq!(error(absent("printf 'all is well\\0\\0'")).await, None, "null bytes at the end hide nothing");
}

#[tokio::test]
async fn endless_output_ends_with_its_limit_or_the_timeout() {
    for endless in ["yes", "yes >&2"] {
        let check = ExecCheck { timeout: Duration::from_mins(1), ..shell(endless) };
        assert_eq!(error(check).await.as_deref(), Some("command wrote more than 33554432 bytes of output"));
    }
    let slow = shell("while :; do echo y; done");
    assert_eq!(error(slow).await.as_deref(), Some("command not finished within 700ms"));
    assert_eq!(error(shell("cat")).await, None, "standard input is empty");
}

/// Runs a check whose command leaves a process outside its group that holds the output open. `print` is the
/// command's last line.
async fn error_with_open_output(print: &str, change: impl FnOnce(&mut Check, &mut ExecCheck)) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let pid = folder.path().join("pid");
    let script =
        format!("setsid sh -c 'echo $$ > {0}; exec sleep 600' & until [ -s {0} ]; do :; done; {print}", pid.display());
    let mut exec = ExecCheck { timeout: Duration::from_mins(1), ..shell(&script) };
    let mut check = Check::new("x", CheckKind::Exec(Box::new(exec.clone())));
    change(&mut check, &mut exec);
    check.kind = CheckKind::Exec(Box::new(exec));
    let error = error_of(&check).await;
    let pid = std::fs::read_to_string(&pid).expect("the script has started");
    let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("it is one");
    rustix::process::kill_process(pid, Signal::KILL).expect("it still runs");
    error
}

#[tokio::test]
async fn a_child_outside_the_group_does_not_delay_the_check() {
    assert_eq!(error_with_open_output("echo done", |_, _| {}).await, None);
}

#[tokio::test]
async fn output_that_a_child_can_extend_proves_no_absence() {
    let text = |text: &str| Some(text.to_owned());
    let contains = error_with_open_output("echo done", |_, exec| exec.must_contain = text("done")).await;
    assert_eq!(contains, None);
    let without = error_with_open_output("echo done", |_, exec| exec.must_not_contain = text("error")).await;
    assert_eq!(without, Some(format!("{STILL_OPEN}, which does not rule out `error`")));
    for (print, assertion, holds) in [
        ("echo done", "not [BODY] contains error", false),
        ("echo done", "[BODY_SIZE] < 6", false),
        ("echo done", "[BODY_SIZE] > 4", true),
        ("echo done", "[BODY_SIZE] > 5", false),
        ("true", "[BODY_SIZE] > 0", false),
        ("true", "len([BODY]) > 0", false),
    ] {
        let error = error_with_open_output(print, |check, _| {
            let assertion = Assertion::parse(assertion).expect("an assertion");
            check.capture = assertion.capture();
            check.assertions = [assertion].into();
        })
        .await;
        assert_eq!(error.is_none(), holds, "{assertion}: {error:?}");
        assert!(error.is_none_or(|error| error.contains(STILL_OPEN)), "{assertion}");
    }
}

#[tokio::test]
async fn a_group_that_ignores_sigterm_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let pids = folder.path().join("pids");
    let script = format!("trap '' TERM; (trap '' TERM; sleep 600) & echo $$ $! > {}; sleep 600", pids.display());
    assert_eq!(error(shell(&script)).await.as_deref(), Some("command not finished within 700ms"));
    let written = std::fs::read_to_string(&pids).expect("the script has started");
    for pid in written.split_whitespace() {
        until_gone(pid).await;
    }
}

#[tokio::test]
async fn a_child_left_behind_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let pid = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; echo done", pid.display());
    assert_eq!(error(shell(&script)).await, None);
    until_gone(std::fs::read_to_string(&pid).expect("the script has started").trim()).await;
}

/// Waits until a process has exited; zombies count as exited.
async fn until_gone(pid: &str) {
    let runs = || {
        let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
    };
    while runs() {
        tokio::task::yield_now().await;
    }
}
