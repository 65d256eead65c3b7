//! Inverts the result of a check that must fail, for example because a port must be closed.

use super::attempt::AttemptRecord;

/// Inverts an attempt: success becomes a failure, and a failure becomes success. An error explains why the attempt does
/// not show whether the endpoint fails, so the status is unknown.
pub(super) fn invert(mut record: AttemptRecord) -> Result<AttemptRecord, String> {
    match record.attempt.error.take() {
        // A degraded endpoint still works, so the check succeeded.
        None => record.attempt.error = Some("check succeeded, but it must fail (`invert`)".to_owned()),
        Some(failure) if record.is_inconclusive => {
            let reason = record.undetermined.unwrap_or(failure);
            return Err(format!("cannot determine whether the check fails as required (`invert`): {reason}"));
        }
        Some(failure) => record.required_failure = Some(failure),
    }
    record.warning = None;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::Assertion;
    use crate::checks::exec::ExecCheck;
    use crate::checks::http::HttpCheck;
    use crate::checks::net::address_policy::AddressPolicy;
    use crate::checks::net::connect::Address;
    use crate::checks::probe_data::Capture;
    use crate::checks::tcp::TcpCheck;
    use crate::checks::test_server::{ServerAction, serve};
    use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, MisconfiguredCheck, run};
    use shared::status::Status;
    use std::time::Duration;
    use url::Url;

    /// Runs an inverted check, and returns its error, or the reason why its status is unknown.
    async fn inverted_with(
        kind: CheckKind,
        assertions: &[&str],
        policy: AddressPolicy,
    ) -> Result<Option<String>, String> {
        let assertions: Vec<_> = assertions.iter().map(|text| Assertion::parse(text).expect("an assertion")).collect();
        let capture = assertions.iter().fold(Capture::default(), |capture, one| capture.union(one.capture()));
        let check = Check { invert: true, assertions: assertions.into(), capture, ..Check::new("x", kind) };
        match run(&check, &CheckContext::new(policy, crate::now)).await {
            CheckOutcome::Attempts(mut records) => Ok(records.remove(0).attempt.error),
            CheckOutcome::Skipped { reason } => Err(reason),
        }
    }

    async fn inverted(kind: CheckKind) -> Result<Option<String>, String> {
        inverted_with(kind, &[], AddressPolicy::AllowAll).await
    }

    fn tcp(host: &str, port: u16) -> CheckKind {
        CheckKind::Tcp(Box::new(TcpCheck {
            locator: "x".to_owned(),
            address: Address { host: host.to_owned(), port },
            timeout: Duration::from_millis(700),
            ip_version: None,
            tls: None,
            starttls: None,
            script: Vec::new(),
        }))
    }

    fn http(port: u16, must_not_contain: Option<&str>) -> CheckKind {
        let url = Url::parse(&format!("http://127.0.0.1:{port}/")).expect("a URL");
        let must_not_contain = must_not_contain.map(str::to_owned);
        CheckKind::Http(Box::new(HttpCheck { must_not_contain, body_limit: 4, ..HttpCheck::get(url) }))
    }

    fn exec(command: &str, script: &str) -> CheckKind {
        CheckKind::Exec(Box::new(ExecCheck {
            locator: "x".to_owned(),
            command: command.into(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            timeout: Duration::from_millis(700),
            exit_status: Some(0),
            must_contain: None,
            must_not_contain: None,
            failure_status: Status::Down,
        }))
    }

    const UNKNOWN: &str = "cannot determine whether the check fails as required (`invert`): ";

    #[tokio::test]
    async fn success_is_a_failure_and_a_failure_is_success() {
        let succeeded = Some("check succeeded, but it must fail (`invert`)".to_owned());
        let page = serve(&[ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\n\r\nok")]).await;
        let broken = serve(&[ServerAction::Read, ServerAction::Send(b"HTTP/1.1 500 Oh\r\n\r\n")]).await;
        let silent = serve(&[ServerAction::Hang]).await;
        for (kind, expected) in [
            (tcp("127.0.0.1", page), succeeded.clone()),
            (tcp("127.0.0.1", 9), None),
            (http(page, None), succeeded.clone()),
            (http(page, Some("ok")), None),
            (http(broken, None), None),
            (exec("sh", "true"), succeeded),
            (exec("sh", "exit 3"), None),
        ] {
            assert_eq!(inverted(kind.clone()).await, Ok(expected), "{kind:?}");
        }
        let CheckKind::Http(check) = http(silent, None) else { panic!("it is HTTP") };
        let slow = CheckKind::Http(Box::new(HttpCheck { timeout: Duration::from_millis(300), ..*check }));
        assert_eq!(inverted(slow).await, Ok(None), "no response is a failure");
    }

    #[tokio::test]
    async fn an_undetermined_failure_is_unknown() {
        const UNDETERMINED: &str = "[BODY].a == 1";
        const FAILING: &str = "[STATUS] == 7";
        let long = serve(&[ServerAction::Read, ServerAction::Send(b"HTTP/1.1 200 OK\r\n\r\nlong text")]).await;
        let cut: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut";
        let cut = serve(&[ServerAction::Read, ServerAction::Send(cut)]).await;
        let CheckKind::Exec(loud) = exec("sh", "yes") else { panic!("it is a command") };
        let loud = CheckKind::Exec(Box::new(ExecCheck { timeout: Duration::from_mins(1), ..*loud }));
        let invalid = MisconfiguredCheck {
            type_name: "tcp".to_owned(),
            locator: "x".to_owned(),
            reason: "invalid configuration".to_owned(),
        };
        for (kind, assertions, policy, expected) in [
            (tcp("no such host", 80), &[][..], AddressPolicy::AllowAll, "no such host"),
            (tcp("127.0.0.1", 9), &[], AddressPolicy::PublicOnly, "deny_private_addresses"),
            (exec("/no/such/command", ""), &[], AddressPolicy::AllowAll, "command `/no/such/command` not found"),
            (exec("sh", "sleep 60"), &[], AddressPolicy::AllowAll, "command not finished within 700ms"),
            (http(long, Some("end")), &[], AddressPolicy::AllowAll, "does not rule out `end`"),
            (http(long, None), &["[BODY] contains end"], AddressPolicy::AllowAll, "only the first 4 bytes"),
            (http(long, None), &["[BODY].a == 1"], AddressPolicy::AllowAll, "only the first 4 bytes"),
            (http(cut, Some("end")), &[], AddressPolicy::AllowAll, "closed"),
            (http(cut, None), &["[BODY] contains end"], AddressPolicy::AllowAll, "closed"),
            (loud, &[], AddressPolicy::AllowAll, "more than 33554432 bytes"),
            // The order of the conditions does not matter.
            (exec("sh", "true"), &[UNDETERMINED, FAILING], AddressPolicy::AllowAll, "body is not JSON"),
            (exec("sh", "true"), &[FAILING, UNDETERMINED], AddressPolicy::AllowAll, "body is not JSON"),
            (exec("sh", "true"), &[FAILING, FAILING, UNDETERMINED], AddressPolicy::AllowAll, "body is not JSON"),
        ] {
            let reason = inverted_with(kind.clone(), assertions, policy).await.expect_err("it is unknown");
            assert!(reason.starts_with(UNKNOWN) && reason.contains(expected), "{kind:?}: {reason}");
        }
        let invalid = inverted(CheckKind::Misconfigured(Box::new(invalid))).await;
        assert_eq!(invalid, Err("invalid configuration".to_owned()));
    }
}
