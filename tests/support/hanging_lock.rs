//! A C library in which locking a file never returns, as on a network mount whose server is gone. A program uses it if
//! `LD_PRELOAD` names it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Signals interrupt `pause`, but a mount without a server keeps a program waiting.
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
