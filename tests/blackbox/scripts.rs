//! The project's scripts, run with fake tools.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use support::root;
use tempfile::TempDir;

/// Writes an executable script with these lines into a folder.
fn program(folder: &Path, name: &str, lines: &str) {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/usr/bin/env bash\n{lines}\n")).expect("it can be written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// Runs `scripts/setup.sh page` with these programs in `PATH`, and returns its output. Fake versions of Trunk and
/// wasm-bindgen are already installed.
fn setting_up_the_page(tools: &TempDir, programs: &[(&str, String)]) -> String {
    let folder = TempDir::new().expect("a folder");
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("it exists");
    let (_, bindgen) = lock.split_once("name = \"wasm-bindgen\"\nversion = \"").expect("it is locked");
    let bindgen = bindgen.split('"').next().unwrap_or_default();
    program(folder.path(), "trunk", &format!("echo trunk {}", version_of("TRUNK")));
    program(folder.path(), "wasm-bindgen", &format!("echo wasm-bindgen {bindgen}"));
    for (name, lines) in programs {
        program(folder.path(), name, lines);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new(root().join("scripts/setup.sh"))
        .arg("page")
        .env("CHECKUP_TOOLS", tools.path())
        .env("PATH", std::env::join_paths(path).expect("they are folders"))
        .output()
        .expect("the script runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// Returns the version of a program that `scripts/setup.sh` requires.
fn version_of(program: &str) -> String {
    let setup = std::fs::read_to_string(root().join("scripts/setup.sh")).expect("it exists");
    let (_, version) = setup.split_once(&format!("readonly {program}_VERSION=")).expect("it has a version");
    version.lines().next().unwrap_or_default().to_owned()
}

/// Returns the version of wasm-opt that Trunk requires.
fn wasm_opt_version() -> String {
    let trunk = std::fs::read_to_string(root().join("Trunk.toml")).expect("it exists");
    let (_, version) = trunk.split_once("wasm_opt = \"version_").expect("it has a version");
    version.split('"').next().unwrap_or_default().to_owned()
}

fn script_that_prints(text: &str) -> String {
    format!("echo {text}")
}

#[test]
fn setup_continues_without_the_optional_tools() {
    let tools = TempDir::new().expect("a folder");
    let programs = [
        ("wasm-opt", script_that_prints("wasm-opt version 108")),
        ("esbuild", script_that_prints("0.17.0")),
        ("npm", "exit 1".to_owned()),
    ];
    let output = setting_up_the_page(&tools, &programs);
    assert!(output.contains("continuing without wasm-opt") && !output.contains("building"), "{output}");
    assert!(output.contains("continuing with esbuild 0.17.0, because npm cannot install"), "{output}");
    let programs = [programs[0].clone(), ("esbuild", "exit 127".to_owned()), programs[2].clone()];
    let output = setting_up_the_page(&tools, &programs);
    assert!(output.contains("continuing without esbuild, because npm cannot install"), "{output}");
}

#[test]
fn setup_replaces_an_esbuild_of_another_version() {
    let tools = TempDir::new().expect("a folder");
    let wanted = version_of("ESBUILD");
    let wasm_opt = ("wasm-opt", script_that_prints(&format!("wasm-opt version {}", wasm_opt_version())));
    // A fake npm that installs a program of the requested version.
    let npm = "while [[ $1 != --prefix ]]; do shift; done; echo \"npm installs $3\" >&2\n\
               mkdir -p \"$2/node_modules/.bin\" && cp \"$0.esbuild\" \"$2/node_modules/.bin/esbuild\"";
    let npm = ("npm", npm.to_owned());
    let installed = ("npm.esbuild", script_that_prints(&wanted));
    let other = [wasm_opt.clone(), npm.clone(), installed.clone(), ("esbuild", script_that_prints("0.17.0"))];
    let output = setting_up_the_page(&tools, &other);
    assert!(output.contains(&format!("npm installs esbuild@{wanted}")), "{output}");
    assert_eq!(setting_up_the_page(&tools, &other), "", "it is already installed");

    let nothing_there = TempDir::new().expect("a folder");
    let wanted = [wasm_opt, npm, installed, ("esbuild", script_that_prints(&wanted))];
    assert_eq!(setting_up_the_page(&nothing_there, &wanted), "", "the required version is already installed");
}

/// Runs `scripts/sample-prose.py` with these arguments in a folder, and returns its output.
fn sample(folder: &Path, arguments: &[&str]) -> String {
    let script = root().join("scripts/sample-prose.py");
    let output = Command::new(script).args(arguments).current_dir(folder).output().expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
fn a_sample_of_prose_contains_only_comments_and_messages() {
    let folder = TempDir::new().expect("a folder");
    let source = folder.path().join("checker/src");
    std::fs::create_dir_all(&source).expect("the folder can be created");
    let lines = r##"
        // This comment is in the sample.
        let quotes = [b'"', b'\'', b"\"and these bytes are not"[0], '"' as u8]; let after = "first message of three";
        let code = value.split(b'"').map(|part: &'static str| part).chain(br"no text here"); // and so on
        let raw = r#"second message "raw" of three"#; let last = format!(r"third message of three {}", '\u{201d}');
    "##;
    std::fs::write(source.join("lib.rs"), lines).expect("it can be written");
    for words in [&["init", "--quiet"][..], &["add", "."]] {
        let done = Command::new("git").args(words).current_dir(folder.path()).status().expect("git runs");
        assert!(done.success(), "{words:?}");
    }
    let printed = sample(folder.path(), &["1", "100"]);
    let texts: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("checker/src/lib.rs:")).collect();
    assert_eq!(
        texts,
        [
            "2: This comment is in the sample.",
            "3: first message of three",
            "5: second message \"raw\" of three",
            "5: third message of three {}",
        ],
        "{printed}"
    );
    let help = sample(folder.path(), &["--help"]);
    assert!(help.starts_with("usage: ") && help.contains("SEED") && help.contains("COUNT"), "{help}");
}
