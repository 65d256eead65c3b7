//! Makes a name in Rust of each key in `languages/en.txt`, so that the page finds a text by its line and holds no keys.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=languages");
    let english = fs::read_to_string("languages/en.txt")?;
    let mut code = String::new();
    let mut keys = String::new();
    let mut count = 0;
    for line in english.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, text) = line.split_once(": ").ok_or_else(|| format!("`{line}` has no key"))?;
        writeln!(code, "/// `{}`", text.replace('`', "'"))?;
        writeln!(code, "pub(crate) const {}: Text = Text({count});", key.to_uppercase())?;
        keys.push_str(key);
        count += 1;
    }
    writeln!(code, "/// How many texts there are.\npub(super) const COUNT: usize = {count};")?;
    writeln!(code, "/// The sum of the keys in their order.\npub(super) const KEYS: u32 = {};", sum(&keys))?;
    // What was kept of another version's files, by a browser or on the way, is not asked for.
    let mut all =
        fs::read_dir("languages")?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    all.sort();
    let all = all.iter().map(fs::read_to_string).collect::<Result<String, _>>()?;
    writeln!(
        code,
        "/// Tells this version's files from others.\npub(crate) const VERSION: &str = \"{:08x}\";",
        sum(&all)
    )?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("texts.rs"), code)?;
    Ok(())
}

/// The same sum as in `src/language/mod.rs`.
fn sum(text: &str) -> u32 {
    text.bytes().fold(5381, |sum: u32, byte| sum.wrapping_mul(33) ^ u32::from(byte))
}
