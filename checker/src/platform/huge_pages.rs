//! Whether the system may hand out memory in pages of megabytes.
//!
//! A single round touches all of its memory once and is gone: in large pages that is a few hundred faults in place of
//! thousands, each of which costs about as much as a tenth of a check. A process that stays for weeks would keep
//! whole pages for the sake of a few pieces in each.

/// Asks for small pages from here on, in this process and in those it starts. Where the system has no such choice, it
/// hands them out anyway.
pub fn go_without() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
