//! Finds the tests that a document names in backticks, as `file::function`. A file without a folder is in
//! `tests/blackbox/`.

use std::path::PathBuf;

use super::module_tree::Files;

/// The first column heading of tables in which each row must name a test.
const CLAIMS_HEADING: &str = "Cannot";

const TEST_ATTRIBUTES: [&str; 2] = ["#[test]", "#[tokio::test"];

/// Returns the file and function of each test that a line names.
fn named_tests(line: &str) -> impl Iterator<Item = (PathBuf, &str)> {
    let is_function = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let is_file = move |byte: u8| is_function(byte) || matches!(byte, b'/' | b'.');
    let code = line.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::"));
    let named = code.filter(move |(file, function)| {
        !file.is_empty() && file.bytes().all(is_file) && !function.is_empty() && function.bytes().all(is_function)
    });
    named.map(|(file, function)| {
        let path = if file.contains('/') { file.to_owned() } else { format!("tests/blackbox/{file}.rs") };
        (PathBuf::from(path), function)
    })
}

/// Returns an error for each test that the document names but that does not exist.
pub(super) fn missing_tests(document: &str, text: &str, files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for (file, function) in named_tests(line) {
            if !files.get(&file).is_some_and(|source| has_test(source, function)) {
                found.push(format!("{document}:{}: no test `{function}` in {}", index + 1, file.display()));
            }
        }
    }
    found
}

fn has_test(source: &str, function: &str) -> bool {
    let mut is_test = false;
    source.lines().map(str::trim_start).any(|line| {
        is_test |= TEST_ATTRIBUTES.iter().any(|attribute| line.starts_with(attribute));
        let Some(name) = function_name(line) else { return false };
        std::mem::take(&mut is_test) && name == function
    })
}

/// Returns the name of the function that is declared on this line.
fn function_name(line: &str) -> Option<&str> {
    let declaration = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    declaration.split(['(', '<']).next()
}

/// Returns the number of rows in tables of claims, and an error for each row that names no test.
pub(super) fn claims(document: &str, text: &str) -> (usize, Vec<String>) {
    let (mut count, mut without_tests) = (0, Vec::new());
    let mut is_in_table = false;
    for (index, line) in text.lines().enumerate() {
        let first_cell = line.strip_prefix('|').and_then(|row| row.split('|').next()).map(str::trim);
        match first_cell {
            None => is_in_table = false,
            Some(CLAIMS_HEADING) => is_in_table = true,
            Some(cell) if is_in_table && !cell.starts_with('-') => {
                count += 1;
                if named_tests(line).next().is_none() {
                    without_tests.push(format!("{document}:{}: {cell}", index + 1));
                }
            }
            Some(_) => {}
        }
    }
    (count, without_tests)
}

#[test]
fn missing_tests_are_found() {
    let files = Files::from([
        ("tests/blackbox/a.rs".into(), "#[tokio::test]\nasync fn first() {}\nfn helper() {}".to_owned()),
        ("b/src/c.rs".into(), "mod tests {\n    #[test]\n    fn second(one in 0..2) {}\n}".to_owned()),
    ]);
    let text = "`a::first`, `b/src/c.rs::second` and `2001::/32`\n`a::helper` `a::second` `a::first` `d::e`";
    assert_eq!(
        missing_tests("x.md", text, &files),
        [
            "x.md:2: no test `helper` in tests/blackbox/a.rs",
            "x.md:2: no test `second` in tests/blackbox/a.rs",
            "x.md:2: no test `e` in tests/blackbox/d.rs",
        ]
    );
}

#[test]
fn claims_without_tests_are_found() {
    let text = "| Can | By |\n|---|---|\n| read | – |\n\n| Cannot | Test |\n|---|---|\n| write | `a::first` |\n| delete | `x` |\n\n| Can | By |\n|---|---|\n| list | – |";
    assert_eq!(claims("x.md", text), (2, vec!["x.md:8: delete".to_owned()]));
}
