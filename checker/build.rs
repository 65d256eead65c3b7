//! Embeds the built page so that the checker is a single file. Without a page, the checker serves instructions for
//! building it.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The environment variable that overrides the directory of the built page. The default is `dist` in the workspace
/// root.
const DIST_VARIABLE: &str = "CHECKUP_DIST";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={DIST_VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let default = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../dist");
    let dist = env::var_os(DIST_VARIABLE).map_or(default.clone(), PathBuf::from);
    if dist == default {
        // Cargo treats a missing path as changed and would rebuild every time, so create the directory.
        let _ = fs::create_dir_all(&dist);
    }
    println!("cargo::rerun-if-changed={}", dist.display());

    let mut names = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, "", &mut names)?;
    } else if dist != default {
        println!(
            "cargo::warning=the page is not embedded: `index.html` is missing in `{}`, from `{DIST_VARIABLE}`",
            dist.display()
        );
    }
    names.sort();
    let mut code = String::from("&[\n");
    for name in names {
        let path = fs::canonicalize(dist.join(&name))?;
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(code, "    ({name:?}, include_bytes!({:?}).as_slice()),", path.display().to_string())?;
    }
    code.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("embedded_page.rs"), code)?;
    Ok(())
}

/// Collects the names of all files in a directory and its subdirectories, except hidden files and `config.json`,
/// which the checker generates.
fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry
            .file_name()
            .into_string()
            .map_err(|name| format!("the name `{}` is not valid UTF-8", name.display()))?;
        let name = format!("{prefix}{file_name}");
        if file_name.starts_with('.') || name == "config.json" {
            continue;
        }
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), names)?;
        } else {
            names.push(name);
        }
    }
    Ok(())
}
