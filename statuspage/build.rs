//! Makes a name in Rust of each key in `locales/en.txt`, so that the page finds a text by its line and holds no keys.

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
    let mut keys = String::new();
    let mut count = 0;
    for line in english.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, text) = line.split_once(": ").ok_or_else(|| format!("`{line}` has no key"))?;
        writeln!(code, "/// `{}`", text.replace('`', "'"))?;
        writeln!(code, "pub(crate) const {}: Text = Text({count});", key.to_uppercase())?;
        keys.push_str(key);
        count += 1;
    }
    writeln!(code, "/// How many texts there are.")?;
    writeln!(code, "pub(super) const COUNT: usize = {count};")?;
    let sum = keys.bytes().fold(5381, |sum: u32, byte| sum.wrapping_mul(33) ^ u32::from(byte));
    let (great, small) = (sum >> 16, sum & 0xffff);
    writeln!(code, "/// The sum of the keys in their order, as `Language::parse` makes it.")?;
    writeln!(code, "pub(super) const KEYS: u32 = 0x{great:04x}_{small:04x};")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("texts.rs"), code)?;
    Ok(())
}
