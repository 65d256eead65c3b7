//! The limit on open files and sockets. It is raised at startup as far as the system allows, and reported when it is
//! reached.

use std::fs::File;
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The highest limit to request, which is more than any configuration needs. Commands inherit the limit, and some of
/// them close every possible file descriptor, which would take a long time with a higher limit.
const ENOUGH: u64 = 1 << 20;

/// Raises the soft limit to the hard limit if the system permits it.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if limit.current.is_some_and(|current| current < allowed) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), ..limit });
    }
}

/// Returns the maximum number of open files and sockets, or `None` if there is no limit.
#[must_use]
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Returns whether the open file limit of the process or the machine caused this error.
#[must_use]
pub fn is_limit_error(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| [Errno::MFILE, Errno::NFILE].contains(&Errno::from_raw_os_error(code)))
}

/// Returns whether the limit is reached right now. If it is, system libraries often report a different error.
#[must_use]
pub fn is_limit_reached() -> bool {
    File::open("/dev/null").is_err_and(|error| is_limit_error(&error))
}

/// Returns the error message for when the limit is reached, with a remedy.
#[must_use]
pub fn too_many_open_files() -> String {
    let limit = limit().map(|limit| format!(" (limit {limit})")).unwrap_or_default();
    format!("failed to open a socket: too many open files{limit}; raise `ulimit -n` or lower `concurrent_checks`")
}

#[cfg(test)]
mod tests {
    use crate::platform::fd_limit::*;

    #[test]
    fn only_the_limit_is_reported_as_such() {
        assert!(is_limit_error(&io::Error::from(Errno::MFILE)) && is_limit_error(&io::Error::from(Errno::NFILE)));
        assert!(!is_limit_error(&io::Error::from(Errno::CONNREFUSED)) && !is_limit_error(&io::Error::other("x")));
        assert!(!is_limit_reached());
    }

    #[test]
    fn the_limit_is_raised_as_far_as_allowed() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert!(limit.current >= limit.maximum.map(|maximum| maximum.min(ENOUGH)), "{limit:?}");
        assert!(too_many_open_files().contains(&format!("(limit {})", limit.current.expect("there is one"))));
    }
}
