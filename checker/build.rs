//! Embeds the built page, if there is one, so that the checker is one file. Without it the checker builds as well
//! and says how to build the page.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Names the folder of the built page, if it is not `dist` at the top.
const DIST_VARIABLE: &str = "CHECKUP_DIST";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={DIST_VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let usual = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../dist");
    let dist = env::var_os(DIST_VARIABLE).map_or(usual.clone(), PathBuf::from);
    if dist == usual {
        // Cargo takes a path that is not there for one that has always changed. The page's build makes this
        // folder anyway; that it cannot be made here costs time and nothing else.
        let _ = fs::create_dir_all(&dist);
    }
    println!("cargo::rerun-if-changed={}", dist.display());

    let mut names = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, "", &mut names)?;
    } else if dist != usual {
        println!(
            "cargo::warning=the page is not built in: `{DIST_VARIABLE}` names `{}`, which has no `index.html`",
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

/// The names of all files in a folder and below, save hidden ones and `config.json`, which the checker writes itself.
fn collect(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file_name = entry.file_name().into_string().map_err(|name| format!("`{}` is no UTF-8", name.display()))?;
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
