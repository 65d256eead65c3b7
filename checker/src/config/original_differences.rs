//! Tests that every key of the original Checkup is accepted, and that each documented difference has a test.

use std::fs;
use std::path::Path;

use super::{Environment, from_file};
use crate::checks::{Check, CheckKind};

/// A key, a valid value for it, and its zero value in Go.
type Key = (&'static str, &'static str, &'static str);

/// The keys that each type of check has in the original Checkup's last version.
const KEYS: &[(&str, &[Key])] = &[
    (
        "http",
        &[
            ("endpoint_name", r#""A""#, r#""""#),
            ("endpoint_url", r#""http://a/""#, r#""http://a/""#),
            ("up_status", "204", "0"),
            ("up_status_range", r#"{"min":200,"max":399}"#, r#"{"min":0}"#),
            ("threshold_rtt", "500000000", "0"),
            ("must_contain", r#""a""#, r#""""#),
            ("must_not_contain", r#""b""#, r#""""#),
            ("attempts", "3", "0"),
            ("attempt_spacing", "1000000", "0"),
            ("headers", r#"{"Host":["b"],"X-From":["c","d"]}"#, "{}"),
        ],
    ),
    (
        "tcp",
        &[
            ("endpoint_name", r#""A""#, r#""""#),
            ("endpoint_url", r#""a:1""#, r#""a:1""#),
            ("tls", "true", "false"),
            ("tls_skip_verify", "true", "false"),
            ("tls_ca_file", r#""ca.pem""#, r#""""#),
            ("timeout", "2000000000", "0"),
            ("threshold_rtt", "500000000", "0"),
            ("attempts", "3", "0"),
        ],
    ),
    (
        "dns",
        &[
            ("endpoint_name", r#""A""#, r#""""#),
            ("endpoint_url", r#""192.0.2.53:53""#, r#""192.0.2.53:53""#),
            ("hostname_fqdn", r#""a.example.""#, r#""""#),
            ("timeout", "2000000000", "0"),
            ("threshold_rtt", "500000000", "0"),
            ("attempts", "3", "0"),
        ],
    ),
    (
        "tls",
        &[
            ("endpoint_name", r#""A""#, r#""""#),
            ("endpoint_url", r#""a:443""#, r#""a:443""#),
            ("timeout", "2000000000", "0"),
            ("threshold_rtt", "500000000", "0"),
            ("attempts", "3", "0"),
            ("cert_expiry_threshold", "86400000000000", "0"),
            ("trusted_roots", r#"["ca.pem"]"#, "[]"),
        ],
    ),
    (
        "exec",
        &[
            ("name", r#""A""#, r#""""#),
            ("command", r#""true""#, r#""true""#),
            ("arguments", r#"["-x"]"#, "[]"),
            ("threshold_rtt", "500000000", "0"),
            ("must_contain", r#""a""#, r#""""#),
            ("must_not_contain", r#""b""#, r#""""#),
            ("raise", r#""warn""#, r#""""#),
            ("attempts", "3", "0"),
            ("attempt_spacing", "1000000", "0"),
        ],
    ),
];

/// Loads checks in the original Checkup's dialect. Panics if one of them is unusable or causes any problem.
fn loaded(checkers: &str) -> Vec<Check> {
    let text = format!(r#"{{"checkers":[{checkers}]}}"#);
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let (config, problems) = from_file(&text, Path::new("/etc/checkup/checkup.json"), &environment);
    assert_eq!(problems.lines("checkup.json", &text), [""; 0], "{text}");
    let checks: Vec<Check> = config.expect("it is valid").checks.iter().map(|check| Check::clone(check)).collect();
    assert!(!checks.iter().any(|check| matches!(check.kind, CheckKind::Misconfigured(_))), "{text}");
    checks
}

#[test]
fn every_key_of_the_original_accepts_values_zero_and_null() {
    for (kind, keys) in KEYS {
        let check = |value_of: &dyn Fn(usize, &Key) -> Option<String>| {
            let members = keys
                .iter()
                .enumerate()
                .filter_map(|(index, key)| Some(format!(r#","{}":{}"#, key.0, value_of(index, key)?)));
            let members: String = members.collect();
            loaded(&format!(r#"{{"type":"{kind}"{members}}}"#)).remove(0)
        };
        let all = check(&|_, (_, value, _)| Some((*value).to_owned()));
        assert_eq!((all.attempts, all.threshold), (3, 500_000_000));
        let zero = format!("{:?}", check(&|_, (_, _, zero)| Some((*zero).to_owned())));
        // A usable check needs only a locator.
        let is_needed = |key: &str| matches!(key, "endpoint_url" | "command");
        let null = check(&|_, (key, value, _)| Some(if is_needed(key) { value } else { "null" }.to_string()));
        let missing = check(&|_, (key, value, _)| is_needed(key).then(|| (*value).to_string()));
        assert_eq!([zero.clone(), zero], [format!("{null:?}"), format!("{missing:?}")], "{kind}");
        for (index, (key, ..)) in keys.iter().enumerate() {
            // Each key must be accepted without the others.
            check(&|other, (key, value, _)| (index == other || is_needed(key)).then(|| (*value).to_string()));
            assert!(!key.is_empty());
        }
    }
}

/// The start of each row in the documented table of differences, and the name of the test that proves it.
const PROOFS: &[(&str, &str)] = &[
    ("A range without data is green.", "no_data_is_unknown"),
    ("There is no uptime figure.", "percentages_are_truncated"),
    ("Unknown keys are ignored.", "all_problems_are_reported_at_once_with_suggestions"),
    ("Status codes 200 to 204 are up.", "defaults_that_differ_from_the_original"),
    ("With `up_status_range`, ", "the_body_is_checked_even_if_the_status_is_in_range"),
    ("Two checks with the same title and URL ", "duplicate_checks_have_the_worse_result"),
    ("Every check has a timeout of 10 s.", "defaults_that_differ_from_the_original"),
    ("`tls` checks without `timeout` ", "values_that_the_original_accepts_mean_the_same"),
    ("The round-trip time ends ", "the_phases_add_up_to_at_most_the_whole"),
    ("Five checks run at once ", "defaults_that_differ_from_the_original"),
    ("If storing fails, ", "a_round_that_cannot_be_stored_is_sent_first_next_time"),
    ("Expiry deletes every old file, ", "only_own_and_original_files_expire"),
    ("`dns` checks ignore the answer.", "answers_and_response_codes_are_compared"),
    ("`tcp` and `tls` checks can skip ", "certificates_are_verified_as_configured_even_with_starttls"),
    ("`tls_ca_file` of `tcp` checks ", "every_key_of_the_originals_checks_is_supported"),
    ("`tls` checks warn about ", "only_certificates_of_the_verified_path_count"),
    ("`http` checks of servers with a self-signed certificate ", "a_certificate_can_be_trusted_by_its_own_file"),
    ("Go accepts TLS certificates ", "a_signature_on_the_curve_p_521_is_named"),
    ("`http` checks use the proxy ", "a_failure_is_attributed_to_the_proxy_or_the_endpoint"),
    ("The response's headers must arrive ", "defaults_that_differ_from_the_original"),
    ("Requests accept gzip, ", "encoded_bodies_are_judged_like_plain_ones"),
    ("Bodies are searched as bytes.", "text_is_searched_in_its_charset"),
    ("Several values of a header ", "defaults_that_differ_from_the_original"),
    ("Header names are sent ", "the_request_is_sent_as_configured"),
    ("Responses can have ", "every_misbehavior_of_a_server_is_described"),
    ("Control characters in ", "heads_that_browsers_accept_are_accepted"),
    ("A space before the colon ", "spaces_before_colons_and_folded_lines_are_understood"),
    ("A folded line ", "spaces_before_colons_and_folded_lines_are_understood"),
    ("`tcp` checks of `:8080` ", "defaults_that_differ_from_the_original"),
    ("Negative `attempts` ", "all_problems_are_reported_at_once_with_suggestions"),
    ("`dns` checks need a trailing dot ", "a_name_server_is_queried_as_configured"),
    ("Notifiers send a message in every round ", "single_runs_notify_once_of_an_outage_and_of_its_end"),
    ("Each node notifies independently.", "three_nodes_send_one_message"),
    ("A notifier that fails ", "news_that_a_provider_refused_is_sent_once_it_works_again"),
    ("Notifiers work without `storage`.", "settings_without_effect_are_reported"),
    ("Mail is sent with ", "the_originals_notifiers_load_as_they_are"),
    ("`exec` leaves child processes ", "a_child_left_behind_is_killed"),
    ("One misconfigured check ", "an_invalid_check_is_named_and_does_not_affect_others"),
    ("Messages and titles ", "only_the_allow_list_gets_through"),
    ("The page contains keys ", "the_page_reads_both_servers_with_the_reader_keys"),
];

#[test]
fn defaults_that_differ_from_the_original() {
    let checks = loaded(r#"{"type":"http","endpoint_url":"http://a","headers":{"X-From":["a","b"]}}"#);
    let CheckKind::Http(http) = &checks[0].kind else { panic!("{:?}", checks[0]) };
    assert!([200, 205, 299].iter().all(|code| http.up_status.contains(*code)) && !http.up_status.contains(300));
    // One time limit applies to the whole attempt, including the headers.
    assert_eq!(http.timeout.as_secs(), 10);
    assert_eq!(http.headers.get_all("x-from").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(crate::monitor::round::DEFAULT_CONCURRENCY, 64);
    let text = r#"{"checkers":[{"type":"tcp","endpoint_url":":8080"}]}"#;
    let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
    let config = from_file(text, Path::new("checkup.json"), &environment).0.expect("the check is only unknown");
    assert!(matches!(config.checks[0].kind, CheckKind::Misconfigured(_)));
}

#[test]
fn the_body_is_checked_even_if_the_status_is_in_range() {
    let range = r#""up_status_range":{"min":200,"max":399},"must_contain":"a","must_not_contain":"b""#;
    let checks = loaded(&format!(r#"{{"type":"http","endpoint_url":"http://a",{range}}}"#));
    let CheckKind::Http(http) = &checks[0].kind else { panic!("{:?}", checks[0]) };
    assert!(http.up_status.contains(304) && !http.up_status.contains(400));
    assert_eq!((http.must_contain.as_deref(), http.must_not_contain.as_deref()), (Some("a"), Some("b")));
}

/// Appends the contents of all Rust files in a folder and its subfolders.
fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn each_documented_difference_has_a_test() {
    let root = Path::new("..");
    let document = fs::read_to_string(root.join("docs/from-the-original.md")).expect("the documentation");
    let (_, table) = document.split_once("## What differs, and why").expect("the table");
    let rows: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1).collect();
    assert!(rows.len() > 20, "{rows:?}");
    let mut code = String::new();
    for folder in ["checker/src", "shared/src", "tests"] {
        sources(&root.join(folder), &mut code);
    }
    for row in rows {
        let proofs: Vec<_> = PROOFS.iter().filter(|(beginning, _)| row.starts_with(beginning)).collect();
        let [(_, test)] = proofs.as_slice() else {
            panic!("a row of docs/from-the-original.md needs exactly one test in PROOFS: {row}");
        };
        assert!(code.contains(&format!("fn {test}(")), "the test `{test}` of this row is missing: {row}");
    }
}
