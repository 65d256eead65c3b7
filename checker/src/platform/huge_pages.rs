//! Transparent huge pages.
//!
//! A single round touches all of its memory once and exits: huge pages replace thousands of page faults, each of which
//! costs about a tenth of a check, by a few hundred. A process that runs for weeks would keep whole huge pages for a few
//! objects in each.

/// Disables huge pages in this process and its children. Systems without this setting use small pages anyway.
pub fn disable() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}
