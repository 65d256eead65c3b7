//! Rules for the source code: which modules can import which, how types are named and how errors are worded.
//!
//! The rules apply to the syntax trees of all crates, except for code under `#[cfg(test)]`.
//!
//! Another rule covers the security documents: each test that they name must exist.

mod import_graph;
mod module;
mod module_tree;
mod named_tests;
mod rules;

use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use self::module_tree::{Crate, Files};

/// Exceptions: rules that a crate does not follow yet. The tests print the violations and pass.
const PENDING: &[(&str, &str)] = &[];

/// All crates, each with the file of its root module.
const ROOTS: &[(&str, &str)] = &[
    ("shared", "shared/src/lib.rs"),
    ("checker", "checker/src/lib.rs"),
    ("checker program", "checker/src/main.rs"),
    ("statuspage", "statuspage/src/lib.rs"),
    ("statuspage program", "statuspage/src/main.rs"),
    ("support", "tests/support/lib.rs"),
    ("simulation", "tests/simulation/src/lib.rs"),
    ("blackbox", "tests/blackbox/main.rs"),
    ("performance", "tests/bench/main.rs"),
    ("screenshots", "tests/bench/screenshots.rs"),
];

const DIRECTORIES: &[&str] = &["checker", "deploy", "fuzz", "scripts", "shared", "statuspage", "tests"];
const EXTENSIONS: &[&str] = &["css", "html", "js", "mjs", "py", "rs", "sh"];

const MAX_SHORT_DOC_COMMENTS: usize = 49;

/// Documents that name a test for each security claim.
const SECURITY_DOCUMENTS: [&str; 2] = ["SECURITY.md", "docs/threat-model.md"];

/// The minimum number of rows in the tables of claims. A lower count means that the tables are no longer recognized.
const MIN_CLAIMS: usize = 50;

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let mut files = Files::new();
    for directory in DIRECTORIES {
        read_directory(Path::new(directory), &mut files);
    }
    files
});

static CRATES: LazyLock<Vec<Crate>> =
    LazyLock::new(|| ROOTS.iter().map(|(name, root)| Crate::parse(name, root, &FILES)).collect());

fn read_directory(directory: &Path, files: &mut Files) {
    let Ok(entries) = std::fs::read_dir(support::root().join(directory)) else { return };
    for entry in entries {
        let entry = entry.expect("the directory is readable");
        let name = entry.file_name();
        let path = directory.join(&name);
        let is_source = path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|known| extension == *known));
        let is_skipped = name == "target" || name == "node_modules" || name.to_string_lossy().starts_with('.');
        if entry.file_type().expect("the directory is readable").is_dir() {
            if !is_skipped {
                read_directory(&path, files);
            }
        } else if is_source {
            files.insert(path, std::fs::read_to_string(entry.path()).expect("a source is text"));
        }
    }
}

fn crate_named(name: &str) -> &'static Crate {
    CRATES.iter().find(|one| one.name == name).expect("it is in `ROOTS`")
}

/// Fails if anything in the crate violates the rule. If the rule is pending for the crate, prints the violations
/// instead.
#[track_caller]
fn require(rule: &str, of: &str, broken: &[String]) {
    if PENDING.contains(&(rule, of)) {
        let text = format!("pending: {rule} in {of}: {} left\n  {}\n", broken.len(), broken.join("\n  "));
        // The test harness captures the output of `println!` and discards it when the test passes.
        std::io::stderr().write_all(text.as_bytes()).expect("stderr is open");
    } else {
        assert!(broken.is_empty(), "{rule} in {of}: {}\n{}", broken.len(), broken.join("\n"));
    }
}

#[test]
fn modules_import_each_other_without_cycles() {
    for one in CRATES.iter() {
        require("import cycles", &one.name, &import_graph::cycles(one));
    }
}

#[test]
fn the_shared_crate_is_pure() {
    require("purity", "shared", &rules::impurities(crate_named("shared")));
}

#[test]
fn checks_and_stores_do_not_depend_on_each_other() {
    let checker = crate_named("checker");
    require("checks do not depend on stores", "checker", &import_graph::chains(checker, "checks", "store"));
    require("stores do not depend on checks", "checker", &import_graph::chains(checker, "store", "checks"));
}

#[test]
fn only_the_ui_module_prints() {
    require("printing", "checker", &rules::printing_outside(crate_named("checker"), "ui"));
    for name in ["checker program", "statuspage", "statuspage program"] {
        require("printing", name, &rules::printing_outside(crate_named(name), ""));
    }
}

#[test]
fn components_of_the_page_do_not_load_anything() {
    let page = crate_named("statuspage");
    for loader in ["source", "dataset::loader"] {
        require("loading in components", "statuspage", &import_graph::chains(page, "components", loader));
    }
}

#[test]
fn no_two_types_in_a_crate_share_a_name() {
    for one in CRATES.iter() {
        require("types with the same name", &one.name, &rules::repeated_types(one));
    }
}

#[test]
fn source_files_have_at_most_500_lines() {
    require("long files", "the project", &rules::long_files(&FILES));
}

#[test]
fn few_doc_comments_have_four_words_or_fewer() {
    let found = rules::short_doc_comments(&FILES);
    let broken = if found.len() > MAX_SHORT_DOC_COMMENTS { found.as_slice() } else { &[] };
    require("short doc comments", "the project", broken);
}

#[test]
fn errors_do_not_start_with_an_imperative() {
    for one in CRATES.iter() {
        require("imperative errors", &one.name, &rules::imperative_errors(one));
    }
}

#[test]
fn security_documents_name_existing_tests_for_each_claim() {
    let mut claims = 0;
    for document in SECURITY_DOCUMENTS {
        let text = std::fs::read_to_string(support::root().join(document)).expect("the document is there");
        require("tests that are named", document, &named_tests::missing_tests(document, &text, &FILES));
        let (count, without_tests) = named_tests::claims(document, &text);
        require("tests for each claim", document, &without_tests);
        claims += count;
    }
    assert!(claims >= MIN_CLAIMS, "{claims} claims were found");
}
