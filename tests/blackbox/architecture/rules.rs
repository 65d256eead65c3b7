//! The rules that do not need the import graph. Each function returns violations in the form `file:line: description`.

use std::collections::BTreeMap;
use std::path::Path;

use super::import_graph::name;
use super::module_tree::{Crate, Files, crate_of};

pub(super) const MAX_LINES: usize = 500;

/// Paths that perform I/O, read the clock or wait. Most of `std::io` is not listed because its traits are pure.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::future",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::task",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "chrono",
    "futures_util",
    "getrandom",
    "js_sys",
    "rand",
    "reqwest",
    "tokio",
    "wasm_bindgen",
    "web_sys",
];

const OUTPUT: &[&str] = &[
    "anstream::stderr",
    "anstream::stdout",
    "std::io::stderr",
    "std::io::stdout",
    "tokio::io::stderr",
    "tokio::io::stdout",
];

const PRINTING_MACROS: &[&str] = &["dbg", "eprint", "eprintln", "print", "println"];

/// Finds I/O, clock access and asynchronous code in a crate that must be pure.
pub(super) fn impurities(of: &Crate) -> Vec<String> {
    let mut found = uses(of, "", IMPURE);
    found.extend(macro_calls(of, PRINTING_MACROS));
    for module in of.modules.values() {
        found.extend(module.asyncs.iter().map(|line| format!("{}:{line}: `async`", module.file.display())));
    }
    found
}

/// Finds code that prints outside the module `allowed`. If `allowed` is empty, no module can print.
pub(super) fn printing_outside(of: &Crate, allowed: &str) -> Vec<String> {
    let is_allowed = |location: &str| of.subtree(allowed).any(|(_, module)| in_file(location, &module.file));
    let mut found = uses(of, "", OUTPUT);
    found.extend(macro_calls(of, PRINTING_MACROS));
    found.retain(|location| allowed.is_empty() || !is_allowed(location));
    found
}

fn in_file(location: &str, file: &Path) -> bool {
    location.strip_prefix(&*file.to_string_lossy()).is_some_and(|rest| rest.starts_with(':'))
}

/// Finds paths that start with one of `starts`, in modules at or below `within`.
pub(super) fn uses(of: &Crate, within: &str, starts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, module) in of.subtree(within) {
        for used in &module.paths {
            let full = of.expand(path, &used.what).join("::");
            let is_listed =
                |start: &&str| full.strip_prefix(*start).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
            if starts.iter().any(is_listed) {
                found.push(format!("{}:{}: `{full}`", module.file.display(), used.line));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn macro_calls(of: &Crate, names: &[&str]) -> Vec<String> {
    let modules = of.modules.values();
    let calls = modules.flat_map(|module| module.macros.iter().map(move |call| (module, call)));
    calls
        .filter(|(_, call)| names.contains(&call.what.as_str()))
        .map(|(module, call)| format!("{}:{}: `{}!`", module.file.display(), call.line, call.what))
        .collect()
}

/// Finds names that two or more types of the crate share.
pub(super) fn repeated_types(of: &Crate) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, module) in &of.modules {
        for one in &module.types {
            by_name.entry(&one.what).or_default().push(format!(
                "{} ({}:{})",
                name(path),
                module.file.display(),
                one.line
            ));
        }
    }
    let repeated = by_name.into_iter().filter(|(_, locations)| locations.len() > 1);
    repeated.map(|(name, locations)| format!("`{name}`: {}", locations.join(", "))).collect()
}

pub(super) fn long_files(files: &Files) -> Vec<String> {
    let lengths = files.iter().map(|(path, text)| (path, text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect()
}

/// Finds doc comments of four words or fewer. Most of them merely repeat the name of their item.
pub(super) fn short_doc_comments(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.extension().is_some_and(|extension| extension == "rs")) {
        // The empty line terminates a comment at the end of the file.
        let mut comment = String::new();
        for (index, line) in text.lines().chain([""]).enumerate() {
            let line = line.trim_start();
            if let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) {
                comment.push_str(text);
                comment.push(' ');
            } else if !comment.is_empty() {
                if comment.split_whitespace().count() <= 4 {
                    found.push(format!("{}:{index}: {}", path.display(), comment.trim()));
                }
                comment.clear();
            }
        }
    }
    found
}

/// Verbs that must not start an error's text, because the text would rely on a caller's "failed to".
const IMPERATIVES: &[&str] = &[
    "accept",
    "add",
    "allow",
    "apply",
    "ask",
    "be",
    "begin",
    "bind",
    "bring",
    "build",
    "call",
    "choose",
    "close",
    "come",
    "compile",
    "complete",
    "compute",
    "connect",
    "continue",
    "convert",
    "copy",
    "create",
    "decode",
    "decompress",
    "delete",
    "derive",
    "describe",
    "determine",
    "do",
    "download",
    "empty",
    "encode",
    "end",
    "evaluate",
    "exchange",
    "execute",
    "expand",
    "expect",
    "expire",
    "fetch",
    "find",
    "finish",
    "fit",
    "follow",
    "get",
    "give",
    "go",
    "grant",
    "handle",
    "have",
    "hold",
    "identify",
    "install",
    "join",
    "keep",
    "know",
    "leave",
    "let",
    "listen",
    "load",
    "look",
    "make",
    "manage",
    "mean",
    "move",
    "negotiate",
    "obtain",
    "offer",
    "open",
    "parse",
    "pass",
    "perform",
    "pick",
    "post",
    "prepare",
    "print",
    "prove",
    "provide",
    "provision",
    "publish",
    "put",
    "reach",
    "read",
    "receive",
    "remember",
    "remove",
    "rename",
    "replace",
    "request",
    "resolve",
    "restart",
    "retrieve",
    "save",
    "say",
    "see",
    "seek",
    "send",
    "serve",
    "shut",
    "sign",
    "speak",
    "spend",
    "start",
    "stop",
    "succeed",
    "take",
    "talk",
    "tell",
    "translate",
    "try",
    "turn",
    "understand",
    "update",
    "upload",
    "use",
    "verify",
    "wait",
    "work",
    "write",
];

/// Words that can be nouns or verbs. They are treated as verbs before a determiner or a value.
const AMBIGUOUS: &[&str] = &["check", "limit", "list", "query", "report", "run", "set", "show", "store", "watch"];

const DETERMINERS: &[&str] =
    &["a", "all", "an", "any", "each", "every", "in", "it", "its", "the", "these", "this", "up"];

/// Finds errors whose text starts with an imperative.
pub(super) fn imperative_errors(of: &Crate) -> Vec<String> {
    let mut found = Vec::new();
    let is_error = |name: &String| of.modules.values().any(|module| module.error_impls.contains(name));
    for module in of.modules.values() {
        let displayed = module.display_texts.iter().filter(|(name, _)| is_error(name)).map(|(_, text)| text);
        let texts = module.error_texts.iter().chain(displayed).filter(|text| starts_with_imperative(&text.what));
        found.extend(texts.map(|text| format!("{}:{}: {}", module.file.display(), text.line, text.what)));
    }
    found
}

fn starts_with_imperative(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default().trim_end_matches([':', ',']).to_lowercase();
    let is_object = |word: &str| DETERMINERS.contains(&word) || word.starts_with(['`', '{']);
    IMPERATIVES.contains(&first.as_str()) || AMBIGUOUS.contains(&first.as_str()) && words.next().is_some_and(is_object)
}

#[test]
fn io_clocks_and_async_are_impure() {
    let example = crate_of(&[
        ("lib.rs", "mod a; mod b; use std::io::Write; fn pure(text: &str) { format!(\"{text}\"); }"),
        ("a.rs", "use std::{fmt, fs};\nuse std::time;\nfn now() { time::Instant::now(); time::Duration::ZERO; }"),
        ("b.rs", "async fn b() {}\nfn c() { println!(); tokio::spawn(d) }"),
    ]);
    assert_eq!(
        impurities(&example),
        [
            "src/a.rs:1: `std::fs`",
            "src/a.rs:3: `std::time::Instant::now`",
            "src/b.rs:2: `tokio::spawn`",
            "src/b.rs:2: `println!`",
            "src/b.rs:1: `async`",
        ]
    );
}

#[test]
fn one_module_may_print() {
    let example = crate_of(&[
        ("lib.rs", "mod ui; mod uid; mod other;"),
        ("ui.rs", "fn a() { println!(); std::io::stdout(); }"),
        ("uid.rs", "fn a() { anstream::eprintln!(); }"),
        ("other.rs", "use std::io;\nfn a() { io::stderr().flush() }"),
    ]);
    assert_eq!(printing_outside(&example, "ui"), ["src/other.rs:2: `std::io::stderr`", "src/uid.rs:1: `eprintln!`"]);
}

#[test]
fn types_with_the_same_name_are_found() {
    let example = crate_of(&[
        ("lib.rs", "mod a; struct Step; struct Other;\n#[cfg(test)] mod tests { struct Other; }"),
        ("a.rs", "fn a() {\n enum Step {} }"),
    ]);
    assert_eq!(repeated_types(&example), ["`Step`: crate (src/lib.rs:1), a (src/a.rs:2)"]);
}

#[test]
fn long_files_and_short_doc_comments_are_found() {
    let long = "\n".repeat(MAX_LINES + 1);
    let documented =
        ["//", "/ Its name.\nstruct A;\n//", "/ Its name, with\n//", "/ the unit.\n//", "! Ends the file."];
    let files = Files::from([
        ("a.rs".into(), documented.concat()),
        ("b.css".into(), long.clone()),
        ("c.css".into(), "\n".repeat(MAX_LINES)),
    ]);
    assert_eq!(long_files(&files), ["b.css: 501 lines"]);
    assert_eq!(short_doc_comments(&files), ["a.rs:1: Its name."]);
}

#[test]
fn errors_that_start_with_a_verb_are_found() {
    let example = crate_of(&[(
        "lib.rs",
        r#"
#[derive(thiserror::Error)]
enum A { #[error("take `{0}` as a name")] B, #[error("check `{0}`: {1}")] C, #[error("check failed")] D }
impl std::error::Error for E {}
impl fmt::Display for E { fn fmt(&self, f: &mut Formatter) { match self { E => write!(f, "know {}", x), F => f.write_str("invalid") } } }
impl fmt::Display for NoError { fn fmt(&self, f: &mut Formatter) { f.write_str("take it") } }
fn f() { anyhow::bail!("read: {}", "the file"); anyhow!("unreadable") }
"#,
    )]);
    assert_eq!(
        imperative_errors(&example),
        [
            "src/lib.rs:3: take `{0}` as a name",
            "src/lib.rs:3: check `{0}`: {1}",
            "src/lib.rs:7: read: {}",
            "src/lib.rs:5: know {}",
        ]
    );
}
