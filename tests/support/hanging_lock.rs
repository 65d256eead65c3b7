//! A C library whose `flock` never returns, as on a network mount whose server is unreachable. Programs load it through
//! `LD_PRELOAD`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The loop repeats `pause`, which signals interrupt, because signals do not interrupt a wait for an unreachable mount.
const SOURCE: &str = "#include <unistd.h>\n\
                      int flock(int file, int operation) { for (;;) pause(); }\n";

/// Builds the library in a folder, and returns its path.
#[must_use]
pub fn build(folder: &Path) -> PathBuf {
    let library = folder.join("hanging_lock.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-x", "c", "-o"]).arg(&library).arg("-").stdin(Stdio::piped());
    let mut running = compiler.spawn().expect("there is a C compiler, which also links Rust programs");
    let mut input = running.stdin.take().expect("it is piped");
    input.write_all(SOURCE.as_bytes()).expect("the compiler reads its input");
    drop(input);
    assert!(running.wait().expect("the compiler exits").success());
    library
}
