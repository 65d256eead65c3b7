//! How many files and sockets this process may have open at once: raised at the start as far as the system lets us,
//! and named when they run out.

use std::fs::File;
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than anybody checks at once; where the system sets no limit at all, commands that go through every possible
/// file would take for ever with a greater one, since they inherit it.
const ENOUGH: u64 = 1 << 20;

/// Raises the soft limit to the hard one. Where that is refused, the limit stays as it was.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if limit.current.is_some_and(|current| current < allowed) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), ..limit });
    }
}

/// How many files and sockets may be open at once; `None` if there is no limit.
#[must_use]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Whether this error says that there are too many open files, in this process or on the whole machine.
#[must_use]
pub fn have_run_out(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| [Errno::MFILE, Errno::NFILE].contains(&Errno::from_raw_os_error(code)))
}

/// Whether no file can be opened at this moment: what libraries of the system make of that is often another error.
#[must_use]
pub fn are_all_in_use() -> bool {
    File::open("/dev/null").is_err_and(|error| have_run_out(&error))
}

/// The error when they have run out, with its remedy.
#[must_use]
pub fn too_many_open_files() -> String {
    let limit = limit().map(|limit| format!(" (limit {limit})")).unwrap_or_default();
    format!("failed to open a socket: too many open files{limit}; raise `ulimit -n` or lower `concurrent_checks`")
}

#[cfg(test)]
mod tests {
    use crate::platform::fd_limit::*;

    #[test]
    fn running_out_is_told_from_other_errors() {
        assert!(have_run_out(&io::Error::from(Errno::MFILE)) && have_run_out(&io::Error::from(Errno::NFILE)));
        assert!(!have_run_out(&io::Error::from(Errno::CONNREFUSED)) && !have_run_out(&io::Error::other("x")));
        assert!(!are_all_in_use());
    }

    #[test]
    fn the_limit_is_raised_as_far_as_allowed() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert!(limit.current >= limit.maximum.map(|maximum| maximum.min(ENOUGH)), "{limit:?}");
        assert!(too_many_open_files().contains(&format!("(limit {})", limit.current.expect("there is one"))));
    }
}
