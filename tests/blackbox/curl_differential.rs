//! Compares the checker's verdicts with those of `curl` on generated HTTP responses: odd status lines, headers, bodies,
//! encodings and redirects, and connections that end at each stage. Every disagreement must have a documented reason.

mod bodies;
mod codings;
mod disagreements;
mod draft;
mod endings;
mod generator;
mod headers;
mod judges;
mod redirects;
mod server;
mod status_lines;

use std::io::Write as _;
use std::sync::Arc;

use support::{free_port, root, tool};

use self::disagreements::{DISAGREEMENTS, Disagreement};
use self::generator::{Case, all_quirks, generate};
use self::judges::{Verdict, judge_by_checker, judge_by_curl};

/// The version of curl that the table of disagreements describes. With any other version, disagreements are only
/// printed.
const VERSION: &str = "curl 7.88.";
/// The number of responses: one for each quirk, and the rest for combinations of two quirks.
const CASES: usize = 450;
/// The seed for the combinations. The environment variable `CURL_SEED` overrides it.
const SEED: u64 = 17;

#[tokio::test]
async fn curl_and_the_checker_agree_or_the_difference_is_explained() {
    let seed = std::env::var("CURL_SEED").map_or(SEED, |seed| seed.parse().expect("`CURL_SEED` is a number"));
    let port = free_port();
    let authority = format!("127.0.0.1:{port}");
    let origin = format!("http://{authority}");
    let cases = Arc::new(generate(seed, CASES, &authority));
    let _server = server::start(port, Arc::clone(&cases)).await;
    let (ours, curls) = tokio::join!(judge_by_checker(&cases, &origin), judge_by_curl(&cases, &origin));
    let found: Vec<String> = cases
        .iter()
        .zip(ours.iter().zip(&curls))
        .filter_map(|(case, (our, curl))| objection(case, our, curl))
        .collect();
    let report = format!("seed {seed}, {} of {CASES} responses:\n{}", found.len(), found.join("\n"));
    judge_report(&report, found.is_empty(), "curl", VERSION);
}

/// Fails with a report about disagreements. If the other program's version is not the documented one, the report is
/// only printed.
pub(super) fn judge_report(report: &str, is_empty: bool, program: &str, version: &str) {
    let output = std::process::Command::new(tool(program)).arg("--version").output().expect("the program runs");
    let found = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let is_documented = found.contains(version);
    assert!(is_empty || !is_documented, "{report}");
    if !is_empty {
        // The test harness discards the output of `println!` when the test passes.
        let text = format!("the documentation describes {version}, but this is {found}\n{report}\n");
        std::io::stderr().write_all(text.as_bytes()).expect("stderr is open");
    }
}

/// Compares two verdicts on one response. Returns a description of the problem, if any.
fn objection(case: &Case, our: &Verdict, curl: &Verdict) -> Option<String> {
    let explanation = DISAGREEMENTS.iter().find(|entry| explains(entry, case, our));
    let problem = match (our.is_healthy == curl.is_healthy, explanation) {
        (false, None) => "unexplained disagreement",
        _ if !case.holds && (our.timed_out || curl.timed_out) => "time limit reached although the response ends",
        // In a combination, one quirk can hide a disagreement about the other.
        (true, _) if case.quirks.len() == 1 && is_listed(case.quirks[0]) => {
            "agreement on a quirk that is listed as a disagreement"
        }
        _ => return None,
    };
    let word = |verdict: &Verdict| if verdict.is_healthy { "healthy" } else { "not healthy" };
    Some(format!(
        "{}: {problem}\n    checker: {}: {}\n    curl: {}: {}",
        case.quirks.join(" + "),
        word(our),
        our.reason,
        word(curl),
        curl.reason
    ))
}

fn explains(entry: &Disagreement, case: &Case, our: &Verdict) -> bool {
    entry.is_healthy == our.is_healthy && case.quirks.contains(&entry.quirk)
}

fn is_listed(quirk: &str) -> bool {
    DISAGREEMENTS.iter().any(|entry| entry.quirk == quirk)
}

#[test]
fn explained_disagreements_are_about_generated_responses() {
    let quirks = all_quirks();
    for entry in DISAGREEMENTS {
        assert!(quirks.iter().any(|quirk| quirk.name == entry.quirk), "no response has `{}`", entry.quirk);
    }
    for (index, quirk) in quirks.iter().enumerate() {
        assert!(quirks[..index].iter().all(|other| other.name != quirk.name), "`{}` is not unique", quirk.name);
    }
    assert!(quirks.len() < CASES, "{} quirks leave no room for combinations", quirks.len());
}

#[test]
fn the_documentation_lists_all_disagreements_with_curl() {
    let row = |entry: &Disagreement| {
        let (checker, curl) = if entry.is_healthy { ("healthy", "error") } else { ("down", "success") };
        format!("| {} | {checker} | {curl} | {} |", entry.quirk, entry.reason)
    };
    let rows: Vec<String> = DISAGREEMENTS.iter().map(row).collect();
    let document = std::fs::read_to_string(root().join("docs/verdicts.md")).expect("the document is there");
    assert!(document.contains(&rows.join("\n")), "docs/verdicts.md lacks this table:\n{}", rows.join("\n"));
}
