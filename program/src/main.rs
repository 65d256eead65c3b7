//! The program: the checker, with the built page inside. What it does is the crate `checker`; this one is small, so that it is
//! built in a moment whenever the page is.

use std::process::ExitCode;

use checker::page_files::Embedded;

/// Checks are many small pieces of memory, which come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The built page, empty if there was none when this was built.
const PAGE: Embedded = include!(concat!(env!("OUT_DIR"), "/embedded_page.rs"));

fn main() -> ExitCode {
    checker::execute::execute(PAGE)
}
