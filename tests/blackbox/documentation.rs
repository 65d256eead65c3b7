//! The documentation is correct: its commands run, its examples are valid, and the page meets its size budget.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use shared::page_config::PageConfig;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::{checker_binary, page_directory, root, tool};

/// Marks the following block of commands to be run by this test.
const TESTED: &str = "<!-- tested -->";

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the paths of the documents in the root folder, in `docs/` and in `docs/decisions/`.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> = [root(), root().join("docs"), root().join("docs/decisions")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("the folder exists"))
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    documents.sort();
    documents
}

/// Returns a document's code blocks: the line before each block, its language and its lines.
fn blocks(document: &str) -> Vec<(String, String, String)> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((before.to_owned(), language.to_owned(), code.join("\n")));
        }
        if !line.trim().is_empty() {
            before = line;
        }
    }
    blocks
}

/// Puts a link to the checker under test into a folder, and puts that folder first in `PATH`.
fn with_checker_on_path(command: &mut Command, folder: &Path) {
    std::os::unix::fs::symlink(checker_binary(), folder.join("checker")).expect("the link can be created");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).expect("they are folders"));
}

fn output_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn documented_commands_that_work_offline_run() {
    let mut count = 0;
    for document in documents() {
        for (before, language, code) in blocks(&read(&document)) {
            if before != TESTED {
                continue;
            }
            assert_eq!(language, "sh", "{}", document.display());
            let (programs, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
            let mut shell = Command::new("bash");
            shell.args(["-euxo", "pipefail", "-c", &code]).current_dir(folder.path()).env("HOME", folder.path());
            with_checker_on_path(&mut shell, programs.path());
            let output = shell.output().expect("the shell runs");
            assert!(output.status.success(), "{}:\n{code}\n{}", document.display(), output_of(&output));
            for line in code.lines().filter(|line| line.starts_with("checker ")) {
                assert!(
                    output_of(&output).contains(line.split_whitespace().nth(1).unwrap_or_default()),
                    "{line} was run"
                );
                count += 1;
            }
        }
    }
    assert!(count >= 6, "the README has commands: {count} were run");
}

#[test]
fn git_ignores_the_files_that_provisioning_writes() {
    let ignored = read(&root().join(".gitignore"));
    for file in ["/checker-*.json", "/config.json", "/.checkup_*", "/checker.json", "/checks/"] {
        assert!(ignored.lines().any(|line| line == file), "{file} is not in:\n{ignored}");
    }
}

#[test]
fn lines_for_cron_name_the_program_by_its_path() {
    let mut count = 0;
    for document in documents() {
        for (_, language, code) in blocks(&read(&document)) {
            for line in code.lines().filter(|_| language == "cron") {
                // cron's `PATH` is /usr/bin:/bin.
                let program = line.split_whitespace().nth(5).unwrap_or_default();
                assert!(program.starts_with('/'), "{}: {line}", document.display());
                count += 1;
            }
        }
    }
    assert!(count > 0, "there is a line for cron");
}

#[test]
fn the_make_targets_in_the_documentation_exist() {
    let output = Command::new("make").arg("help").current_dir(root()).output().expect("make runs");
    let help = output_of(&output);
    for (_, _, code) in blocks(&read(&root().join("README.md"))) {
        for target in code.lines().filter_map(|line| line.strip_prefix("make ")) {
            assert!(help.contains(&format!("make {target} ")), "`make {target}` is not in:\n{help}");
        }
    }
    assert!(help.contains("make run") && help.contains("make test"), "{help}");
}

#[test]
fn links_to_files_are_valid() {
    let mut count = 0;
    for document in documents() {
        let folder = document.parent().expect("it is in a folder");
        for link in read(&document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains(':') {
                assert!(folder.join(path).exists(), "{} links to {link}", document.display());
                count += 1;
            }
        }
    }
    assert!(count >= 5, "there are links: {count}");
}

#[tokio::test]
async fn documented_and_deployed_configurations_are_valid() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let whole = watching(&[check("Shop", &ok.url)], &directory());
    let mut examples: Vec<(String, String)> = Vec::new();
    for document in documents() {
        for (_, language, code) in blocks(&read(&document)) {
            if language == "json" || language == "jsonc" {
                examples.push((document.display().to_string(), code));
            }
        }
    }
    for entry in std::fs::read_dir(root().join("deploy")).expect("the folder exists") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            examples.push((path.display().to_string(), read(&path)));
        }
    }
    let (mut checkers, mut pages) = (0, 0);
    for (origin, example) in examples {
        if example.contains("\"source\"") && !example.contains("\"checkers\"") {
            let text = if example.trim_start().starts_with('{') { example.clone() } else { format!("{{{example}}}") };
            let page = PageConfig::parse(&text).unwrap_or_else(|error| panic!("{origin}: {error}\n{example}"));
            assert_eq!(page.skipped, [""; 0], "{origin}");
            pages += 1;
        } else if ["\"checkers\"", "\"storage\"", "\"endpoint_name\""].iter().any(|key| example.contains(key)) {
            let checker = Checker::new(&whole);
            checker.write("checker.json", &completed(&example, &whole));
            let run = checker
                .call_with(&["validate", "-c", "checker.json"], |command| {
                    for variable in ["CHECKUP_ACCESS_KEY_ID", "CHECKUP_SECRET_ACCESS_KEY", "SHOP_TOKEN", "TOKEN"] {
                        command.env(variable, "value");
                    }
                })
                .await;
            assert_eq!(run.code, 0, "{origin}:\n{example}\n{}", run.output());
            checkers += 1;
        }
    }
    assert!(checkers >= 3 && pages >= 3, "{checkers} configurations of the checker, {pages} of the page");
}

/// Completes an example that shows only part of a configuration.
fn completed(example: &str, whole: &Value) -> String {
    let example = example.trim();
    if example.contains("\"checkers\"") && example.starts_with('{') {
        return example.to_owned();
    }
    if example.starts_with('{') && example.contains("\"endpoint_name\"") {
        return format!("{{ \"checkers\": [{example}], \"storage\": {} }}", json!(whole["storage"]));
    }
    let rest = if example.contains("\"checkers\"") { "\"storage\"" } else { "\"checkers\"" };
    let key = rest.trim_matches('"');
    format!("{{ {}, {rest}: {} }}", example.trim_end_matches(','), json!(whole[key]))
}

#[test]
fn the_page_meets_its_size_budget() {
    let output = Command::new("sh")
        .arg(root().join("scripts/weigh.sh"))
        .arg(page_directory())
        .output()
        .expect("the script runs");
    assert!(output.status.success(), "{}", output_of(&output));
    assert!(output_of(&output).contains("bytes after Brotli compression, within the budget"), "{}", output_of(&output));

    // The script itself is tested as well: it rejects a page that is too large.
    let heavy = tempfile::tempdir().expect("a folder");
    std::fs::write(heavy.path().join("index.html"), "").expect("the file can be written");
    // Compression cannot shrink these pseudorandom numbers (xorshift).
    let mut state = 88_172_645_463_325_252_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    })
    .take(250_000)
    .collect();
    std::fs::write(heavy.path().join("noise"), noise).expect("the file can be written");
    let output = Command::new("sh").arg(root().join("scripts/weigh.sh")).arg(heavy.path()).output();
    let output = output.expect("the script runs");
    assert_eq!(output.status.code(), Some(1), "{}", output_of(&output));
}

#[test]
fn the_caddyfile_is_valid() {
    let output = Command::new(tool("caddy"))
        .args(["validate", "--adapter", "caddyfile", "--config"])
        .arg(root().join("Caddyfile"))
        .current_dir(root())
        .output()
        .expect("caddy runs");
    assert!(output.status.success(), "{}", output_of(&output));
}
