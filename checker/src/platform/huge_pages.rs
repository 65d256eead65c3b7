//! Transparent huge pages.
//!
//! A single round touches all of its memory once and exits: huge pages then replace thousands of page faults, each of
//! which costs about a tenth of a check, with a few hundred. In a process that runs for weeks, however, a few objects
//! would keep each huge page allocated.

/// Disables huge pages in this process and its children. Systems without this setting use small pages anyway.
pub fn disable() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
