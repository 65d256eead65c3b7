//! Turns each key of `locales/en.txt` into a constant so that code refers to translations by name and a misspelled key
//! does not compile.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=locales/en.txt");
    let english = fs::read_to_string("locales/en.txt")?;
    let mut code = String::new();
    let mut keys = Vec::new();
    for line in english.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, text) =
            line.split_once(" = ").ok_or_else(|| format!("invalid line `{line}`: expected `key = text`"))?;
        writeln!(code, "/// `{}`", text.replace('`', "'"))?;
        writeln!(code, "pub(crate) const {}: Text = Text({});", key.to_uppercase(), keys.len())?;
        keys.push(key);
    }
    writeln!(code, "/// The keys of all texts, one per line, in the order of their numbers.")?;
    writeln!(code, "pub(super) const KEYS: &str = {:?};", keys.join("\n"))?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("texts.rs"), code)?;
    Ok(())
}
