//! Endpoints that fail the way real ones do. Each result explains the failure in plain words.

use std::time::Duration;

use serde_json::json;
use shared::check_file::CheckResult;
use shared::status::Status;
use support::certificates::{Authority, Validity};
use support::checker::Checker;
use support::configuration::{check, check_with, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};

fn result<'a>(results: &'a [CheckResult], title: &str) -> &'a CheckResult {
    results.iter().find(|result| result.title == title).unwrap_or_else(|| panic!("no result of `{title}`"))
}

#[tokio::test]
async fn a_failing_endpoint_is_down_with_a_reason_in_plain_words() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let unavailable = Endpoint::start(Behavior::Answer("503 Service Unavailable", String::new())).await;
    let hanging = Endpoint::start(Behavior::Hang).await;
    let resetting = Endpoint::start(Behavior::ResetInTheMiddle).await;
    let closing = Endpoint::start(Behavior::Close).await;
    let gibberish = Endpoint::start(Behavior::Gibberish).await;
    let endless = Endpoint::start(Behavior::EndlessBody).await;
    let moved = Endpoint::start(Behavior::Redirect(ok.url.clone())).await;
    let circular = Endpoint::start(Behavior::ok()).await;
    circular.behave(Behavior::Redirect(circular.url.clone()));
    let refused_url = refused();

    let checks_and_errors = [
        (check("refused", &refused_url), "connection refused"),
        (check("unavailable", &unavailable.url), "response status 503 Service Unavailable, expected 2xx"),
        (
            check_with("other status", &ok.url, json!({ "up_status": [204, 301] })),
            "response status 200 OK, expected 204 or 301",
        ),
        (
            check_with("wrong body", &ok.url, json!({ "must_contain": "all is lost" })),
            "response does not contain `all is lost`",
        ),
        (check_with("bad body", &ok.url, json!({ "must_not_contain": "is well" })), "response contains `is well`"),
        (check_with("hanging", &hanging.url, json!({ "timeout": "300ms" })), "no response within 300ms"),
        (
            check_with("resetting", &resetting.url, json!({ "must_contain": "the end" })),
            "connection reset by the server",
        ),
        (check("gibberish", &gibberish.url), "server does not speak HTTP"),
        (check("closing", &closing.url), "connection closed by the server before the response was complete"),
        (
            check_with("endless", &endless.url, json!({ "must_contain": "the end", "body_limit": 100_000 })),
            "response does not contain `the end`; only the first 100000 bytes of the body were read (`body_limit`)",
        ),
        (
            check_with("endless, perhaps bad", &endless.url, json!({ "must_not_contain": "bad", "body_limit": 1_000 })),
            "only the first 1000 bytes of the body were read (`body_limit`), which does not rule out `bad`",
        ),
        (
            check_with("endless, not small", &endless.url, json!({ "assertions": ["[BODY_SIZE] < 2000000"] })),
            "body size is more than 1048576, expected < 2000000; only the first 1048576 bytes of the body were \
             read (`body_limit`)",
        ),
        (
            check_with(
                "endless, not proven",
                &endless.url,
                json!({ "assertions": ["not [BODY] contains bad"], "body_limit": 1_000 }),
            ),
            "only the first 1000 bytes of the body were read (`body_limit`), which does not rule out that body \
             contains `bad`",
        ),
        (
            check_with("endless, no JSON", &endless.url, json!({ "assertions": ["[BODY].a == 1"], "body_limit": 9 })),
            "only the first 9 bytes of the body were read (`body_limit`), expected `$.a` to be 1",
        ),
        (check("moved", &moved.url), "response status 302 Found, expected 2xx"),
    ];
    let checks: Vec<_> = checks_and_errors.iter().map(|(check, _)| check.clone()).collect();
    let checker = Checker::new(&watching(&checks, &directory()));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "a failing endpoint is a result and not an error:\n{}", run.output());

    let results = run.results();
    for (check, error) in &checks_and_errors {
        let title = check["endpoint_name"].as_str().unwrap_or_default();
        let result = result(&results, title);
        let reason = result.attempts[0].error.as_deref();
        assert_eq!((result.status, reason), (Status::Down, Some(*error)), "{title}");
    }
    assert_eq!(checker.all_results("checks"), results, "the printed results are stored");

    let round_and_round = check_with("circular", &circular.url, json!({ "max_redirects": 3 }));
    checker.configure(&watching(&[round_and_round], &directory()));
    let results = checker.run(&["--format", "json"]).await.results();
    let error = results[0].attempts[0].error.as_deref().unwrap_or_default();
    assert!(error.starts_with("more than 3 redirects"), "{error}");
    assert_eq!(circular.requests().len(), 4);
}

#[tokio::test]
async fn an_unknown_host_is_down_and_named() {
    let checker = Checker::new(&watching(&[check("nowhere", "http://no-such-host.invalid/")], &directory()));
    let results = checker.run(&["--format", "json"]).await.results();
    let error = results[0].attempts[0].error.as_deref().unwrap_or_default();
    assert_eq!(results[0].status, Status::Down);
    // Without a name server, the checker cannot determine that the host does not exist.
    assert!(
        error.starts_with("no such host `no-such-host.invalid`")
            || error.starts_with("failed to resolve `no-such-host.invalid`"),
        "{error}"
    );
}

#[tokio::test]
async fn an_invalid_certificate_is_down_with_its_problem() {
    let authority = Authority::new();
    let good = Endpoint::start_tls(Behavior::ok(), authority.server("127.0.0.1", Validity::Now)).await;
    let expired = Endpoint::start_tls(Behavior::ok(), authority.server("127.0.0.1", Validity::EndedDaysAgo(3))).await;
    let early = Endpoint::start_tls(Behavior::ok(), authority.server("127.0.0.1", Validity::BeginsInDays(2))).await;
    let other = Endpoint::start_tls(Behavior::ok(), authority.server("other.example", Validity::Now)).await;
    let plain = Endpoint::start(Behavior::ok()).await;

    let trusting = |title: &str, url: &str| check_with(title, url, json!({ "tls_ca_file": "authority.pem" }));
    let checker = Checker::new(&watching(
        &[
            trusting("good", &good.url),
            trusting("expired", &expired.url),
            trusting("early", &early.url),
            trusting("other host", &other.url),
            trusting("no TLS", &plain.url.replace("http:", "https:")),
            check("unknown authority", &good.url),
            check_with("unverified", &expired.url, json!({ "tls_skip_verify": true })),
        ],
        &directory(),
    ));
    authority.write_pem(&checker.path("authority.pem"));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());

    let results = run.results();
    let error = |title: &str| result(&results, title).attempts[0].error.clone().unwrap_or_default();
    assert_eq!(error("good"), "");
    assert_eq!(error("unverified"), "");
    assert_eq!(error("expired"), "certificate expired 3 days ago");
    assert_eq!(error("early"), "certificate becomes valid in 2 days");
    assert_eq!(error("other host"), "certificate is for `other.example`, not for `127.0.0.1`");
    assert_eq!(
        error("unknown authority"),
        "certificate is signed by an untrusted authority, or the server does not send an intermediate certificate"
    );
    assert!(error("no TLS").contains("TLS"), "{}", error("no TLS"));
}

#[tokio::test]
async fn a_certificate_chain_is_valid_if_every_link_is_sent_and_valid() {
    let root = Authority::new();
    let between = root.authority_below(Validity::Now);
    let lapsed = root.authority_below(Validity::EndedDaysAgo(3));
    let start = |server| Endpoint::start_tls(Behavior::ok(), server);
    let whole = start(between.server_with_chain("127.0.0.1", Validity::Now, &[&between])).await;
    let broken = start(between.server("127.0.0.1", Validity::Now)).await;
    let old = start(lapsed.server_with_chain("127.0.0.1", Validity::Now, &[&lapsed])).await;
    let http = |title: &str, endpoint: &Endpoint| {
        check_with(title, &endpoint.url, json!({ "tls_ca_file": "root.pem", "assertions": ["[CERTIFICATE] > 12h"] }))
    };
    let tls = |title: &str, endpoint: &Endpoint| {
        let address = endpoint.url.trim_start_matches("https://").trim_end_matches('/');
        json!({ "type": "tls", "endpoint_name": title, "endpoint_url": address, "trusted_roots": ["root.pem"],
            "cert_expiry_threshold": "2h", "cert_expiry_down": "1h" })
    };
    let checks = [
        http("whole", &whole),
        http("broken", &broken),
        http("old", &old),
        tls("whole, TLS alone", &whole),
        tls("broken, TLS alone", &broken),
        tls("old, TLS alone", &old),
    ];
    let checker = Checker::new(&watching(&checks, &directory()));
    root.write_pem(&checker.path("root.pem"));
    let run = checker.run(&["--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let results = run.results();
    let error = |title: &str| result(&results, title).attempts[0].error.clone().unwrap_or_default();
    for kind in ["", ", TLS alone"] {
        assert_eq!(error(&format!("whole{kind}")), "");
        assert!(error(&format!("broken{kind}")).ends_with("or the server does not send an intermediate certificate"));
        let expired = "certificate of the authority `Checkup's tests, in between` expired 3 days ago";
        assert!(error(&format!("old{kind}")).starts_with(expired), "{}", error(&format!("old{kind}")));
        let days = ["whole", "old"].map(|title| result(&results, &format!("{title}{kind}")).certificate_days());
        // The certificate expires in a day, give or take a second.
        assert!(matches!(days, [Some(0 | 1), None]), "{days:?}");
    }
    assert_eq!(result(&results, "whole, TLS alone").status, Status::Healthy, "{results:?}");
}

#[tokio::test]
async fn a_slow_endpoint_is_degraded_with_the_threshold() {
    let slow = Endpoint::start(Behavior::AnswerAfter(Duration::from_millis(60), "200 OK", String::new())).await;
    let check = check_with("slow", &slow.url, json!({ "attempts": 3, "threshold_rtt": "50ms" }));
    let checker = Checker::new(&watching(&[check], &directory()));
    let results = checker.run(&["--format", "json"]).await.results();
    assert_eq!(results[0].status, Status::Degraded);
    assert_eq!(results[0].notice, "median round trip time exceeded threshold (50ms)");
    assert_eq!((results[0].attempts.len(), slow.requests().len()), (3, 3));
    for attempt in &results[0].attempts {
        let ttfb = attempt.phases.ttfb.expect("the phases are timed");
        assert!((60_000_000..=attempt.rtt).contains(&ttfb), "{attempt:?}");
        assert!(attempt.phases.connect.is_some() && attempt.phases.tls.is_none(), "{attempt:?}");
    }
}

#[tokio::test]
async fn an_invalid_assertion_affects_only_its_own_check() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let odd = json!({ "assertions": ["[STATUS] == 200", "[BODY] matches \"(\""] });
    let checks = [check_with("odd", &ok.url, odd), check("good", &ok.url)];
    let checker = Checker::new(&watching(&checks, &directory()));
    let reason = "`checkers[0].assertions`: invalid assertion `[BODY] matches \"(\"`: invalid regular expression `(`: \
                  unclosed group";
    let validated = checker.call(&["validate", "-c", "checker.json"]).await;
    assert!(validated.code == 1 && validated.output().contains(reason), "{}", validated.output());

    let run = checker.run(&["--format", "json"]).await;
    assert!(run.stderr.contains(reason), "{}", run.stderr);
    let _served = checker.serve(&[]).await;
    support::wait_for("the second round", || async { (checker.check_files("checks").len() > 1).then_some(()) }).await;
    for results in [run.results(), checker.all_results("checks")] {
        assert!(results.iter().any(|result| result.title == "good"), "{results:?}");
        for result in results {
            let (status, notice) = match result.title.as_str() {
                "good" => (Status::Healthy, String::new()),
                _ => (Status::Unknown, format!("invalid configuration: {reason}")),
            };
            assert_eq!((result.status, result.notice.clone()), (status, notice));
        }
    }
    assert!(ok.requests().len() > 1);
}

#[tokio::test]
async fn the_request_is_sent_as_configured() {
    let endpoint = Endpoint::start(Behavior::ok()).await;
    let configured = json!({
        "method": "POST",
        "headers": { "Host": "shop.example", "X-Trace": ["one", "two"], "Content-Type": "text/plain" },
        "body": "are you well?",
    });
    let checker = Checker::new(&watching(&[check_with("Shop", &endpoint.url, configured)], &directory()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1);
    let request = requests[0].to_lowercase();
    assert!(request.starts_with("post / http/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nare you well?"), "{request}");
    for header in ["host: shop.example", "x-trace: one", "x-trace: two", "content-type: text/plain"] {
        assert_eq!(request.lines().filter(|line| *line == header).count(), 1, "{header} in {request}");
    }
    assert_eq!(request.lines().filter(|line| line.starts_with("host:")).count(), 1, "{request}");
}

#[tokio::test]
async fn redirects_are_followed_if_configured() {
    let target = Endpoint::start(Behavior::ok()).await;
    let moved = Endpoint::start(Behavior::Redirect(target.url.clone())).await;
    let follow = check_with("moved", &moved.url, json!({ "max_redirects": 1, "must_contain": "all is well" }));
    let checker = Checker::new(&watching(&[follow], &directory()));
    let results = checker.run(&["--format", "json"]).await.results();
    assert_eq!((results[0].status, target.requests().len()), (Status::Healthy, 1), "{results:?}");
}

#[tokio::test]
async fn a_slow_endpoint_does_not_delay_others() {
    let hanging = Endpoint::start(Behavior::Hang).await;
    let quick = Endpoint::start(Behavior::ok()).await;
    let mut checks = vec![check_with("hanging", &hanging.url, json!({ "timeout": "2s" }))];
    checks.extend((0..8).map(|number| check(&format!("quick {number}"), &quick.url)));
    let mut config = watching(&checks, &directory());
    config["concurrent_checks"] = json!(2);
    let checker = Checker::new(&config);
    let results = checker.run(&["--format", "json"]).await.results();
    let end = result(&results, "hanging").timestamp + 2_000_000_000;
    for number in 0..8 {
        let quick = result(&results, &format!("quick {number}"));
        assert!(quick.status == Status::Healthy && quick.timestamp < end, "it was checked concurrently");
    }
}
