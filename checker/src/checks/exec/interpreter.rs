//! Explains why an executable file cannot be started. The system reports a missing interpreter as if the file itself
//! were missing.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// The maximum number of bytes that Linux reads of a script's first line.
const FIRST_LINE: u64 = 256;
const ELF: &[u8] = b"\x7fELF";

/// Returns the reason why a script's interpreter cannot be started, if there is one.
pub(super) fn missing_part(file: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(file).ok()?.take(FIRST_LINE).read_to_end(&mut start).ok()?;
    explain(&interpreter_of(&start)?)
}

/// Explains why starting an existing file fails with "not found": a script's interpreter or a program's dynamic loader
/// is missing.
pub(super) fn why_not_found(file: &Path) -> Option<String> {
    missing_part(file).or_else(|| {
        let mut start = [0; ELF.len()];
        File::open(file).ok()?.read_exact(&mut start).ok()?;
        (start == ELF).then(|| "the dynamic loader that it needs is not installed".to_owned())
    })
}

/// Returns the interpreter that a script's first line specifies.
fn interpreter_of(start: &[u8]) -> Option<PathBuf> {
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = line.trim_ascii_start();
    // Like the kernel, treat a carriage return as part of the name.
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    let name = &line[..end];
    (!name.is_empty()).then(|| PathBuf::from(std::ffi::OsStr::from_bytes(name)))
}

fn explain(interpreter: &Path) -> Option<String> {
    let name = interpreter.to_string_lossy();
    if interpreter.is_file() {
        let is_executable = access(interpreter, Access::EXEC_OK).is_ok();
        return (!is_executable).then(|| format!("its interpreter `{name}` is not executable"));
    }
    Some(match name.strip_suffix('\r') {
        Some(name) => {
            format!("its interpreter `{name}` is followed by a carriage return: convert the file to Unix line endings")
        }
        None => format!("its interpreter `{name}` was not found"),
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::exec::interpreter::*;

    #[test]
    fn interpreters_are_found_in_the_first_line() {
        for (start, interpreter) in [
            (&b"#!/bin/sh\necho"[..], Some("/bin/sh")),
            (b"#! /usr/bin/env python3\n", Some("/usr/bin/env")),
            (b"#!/bin/sh -e", Some("/bin/sh")),
            (b"#!\t/bin/sh\t-e\n", Some("/bin/sh")),
            (b"#!/bin/sh\r\n", Some("/bin/sh\r")),
            (b"#!\n/bin/sh", None),
            (b"#!", None),
            (b"\n#!/bin/sh", None),
            (b"echo", None),
            (b"", None),
        ] {
            assert_eq!(interpreter_of(start).as_deref(), interpreter.map(Path::new), "{start:?}");
        }
    }
}
