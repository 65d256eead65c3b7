//! Support for the black-box tests: a real S3 server, a real web server, a real browser, the real checker, and
//! endpoints that fail the way real ones do.
//!
//! Anything unexpected fails the test immediately, so functions panic instead of returning errors. No program outlives
//! the test process: see [`program`].

#![expect(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "a test stops at the first error")]

pub mod axe;
pub mod blackbox_exporter;
pub mod browser;
pub mod bucket;
pub mod caddy;
pub mod certificates;
pub mod checker;
pub mod configuration;
pub mod contrast;
pub mod endpoints;
pub mod fake_nodes;
pub mod fault_proxy;
pub mod fault_schedule;
pub mod faulty_proxy;
pub mod floods;
pub mod hanging_lock;
pub mod http_client;
pub mod ministack;
pub mod mutants;
pub mod network_namespace;
pub mod page;
pub mod page_scenario;
pub mod posts;
pub mod program;
pub mod prometheus;
pub mod quirky_service;
pub mod raw_server;
pub mod s3_server;
pub mod seaweedfs;
pub mod switchable_proxy;
pub mod test_site;

use std::fs::File;
use std::future::Future;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shared::UnixNanos;

/// How long to wait for a condition, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// The pause before a condition is tested again.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// Waits until `condition` returns a value, and returns that value.
pub async fn wait_for<T, Answer: Future<Output = Option<T>>>(what: &str, condition: impl FnMut() -> Answer) -> T {
    poll_until(condition).await.unwrap_or_else(|| panic!("waited {PATIENCE:?} for {what}"))
}

/// Waits until `condition` returns a value. Returns `None` after [`PATIENCE`].
pub async fn poll_until<T, Answer: Future<Output = Option<T>>>(mut condition: impl FnMut() -> Answer) -> Option<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(outcome) = condition().await {
            return Some(outcome);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    None
}

/// Waits for a condition, without an async runtime.
pub fn wait_blocking(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Returns a port on 127.0.0.1 without a listener. In all processes that run these tests, no other call returns the
/// same port.
#[must_use]
pub fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = PORTS.first;
    (0..PORTS_EACH)
        .map(|_| first + TAKEN.fetch_add(1, Ordering::Relaxed) % PORTS_EACH)
        // A connection attempt shows whether the port is free. A closed listener can stay open for a moment in a child
        // process that another thread is starting.
        .find(|port| TcpStream::connect(("127.0.0.1", *port)).is_err())
        .expect("some port is free")
}

/// The number of ports reserved for each test process.
const PORTS_EACH: u16 = 1_000;

/// The ports of this process. They are below the range that the system uses for outgoing connections.
static PORTS: LazyLock<Ports> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join("checkup-test-ports");
    std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
    // Other users can run tests as well, and need write access to the folder.
    let _ = std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777));
    let mut found = None;
    wait_blocking("a range of ports that no other test process uses", || {
        found = (11_000..31_000).step_by(usize::from(PORTS_EACH)).find_map(|first| {
            let path = folder.join(first.to_string());
            let lock = File::options().create(true).write(true).truncate(false).open(path).ok()?;
            lock.try_lock().ok()?;
            Some(Ports { first, _lock: lock })
        });
        found.is_some()
    });
    found.expect("it was found")
});

/// A range of ports that is reserved while the process runs.
struct Ports {
    first: u16,
    _lock: File,
}

#[must_use]
pub fn now() -> UnixNanos {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    since_1970.as_nanos() as UnixNanos
}

/// The root folder of the project.
#[must_use]
pub fn root() -> PathBuf {
    // The folder at compile time can belong to another clone, because clones can share a target directory.
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    PathBuf::from(folder).join("..").canonicalize().expect("the project's folder exists")
}

/// The path to the checker under test: `CHECKUP_BIN`, or the one that was built along with the tests.
#[must_use]
pub fn checker_binary() -> PathBuf {
    let binary = std::env::var_os("CHECKUP_BIN").map_or_else(
        || {
            let tests = std::env::current_exe().expect("the test program has a path");
            tests.ancestors().nth(2).expect("it is in target/debug/deps").join("checker")
        },
        PathBuf::from,
    );
    assert!(binary.is_file(), "no checker at {}; run `make test` or `cargo build -p checker`", binary.display());
    binary
}

/// The folder of the built page under test: `CHECKUP_DIST`, or `dist/`.
#[must_use]
pub fn page_directory() -> PathBuf {
    let directory = std::env::var_os("CHECKUP_DIST").map_or_else(|| root().join("dist"), PathBuf::from);
    assert!(
        directory.join("index.html").is_file(),
        "no page in {}; run `make test` or `make page`",
        directory.display()
    );
    directory
}

/// Returns the path to a system library, from the folders that Debian and other distributions use.
#[must_use]
pub fn library(name: &str) -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("the system has libraries");
    let folders = folders.map(|entry| entry.expect("the folder can be read").path()).chain([PathBuf::from("/usr/lib")]);
    let mut paths = folders.map(|folder| folder.join(name));
    paths.find(|path| path.is_file()).unwrap_or_else(|| panic!("`{name}` is missing; run `scripts/setup.sh test`"))
}

/// The folder into which `scripts/setup.sh` installs tools. Returns `None` if the environment does not define it.
fn tools_directory() -> Option<PathBuf> {
    std::env::var_os("CHECKUP_TOOLS").map(PathBuf::from).or_else(|| {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
        cache.map(|cache| cache.join("checkup-tools"))
    })
}

/// Returns the path to a program that `scripts/setup.sh` or the system installed.
#[must_use]
pub fn tool(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = tools_directory().map(|ours| ours.join("bin")).into_iter().chain(std::env::split_paths(&path));
    folders
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("`{name}` is missing; run `scripts/setup.sh test bench`"))
}

/// Returns the path to a file in an npm package that `scripts/setup.sh` installed.
#[must_use]
pub fn npm_file(package: &str, name: &str) -> PathBuf {
    let folder = tools_directory().unwrap_or_default().join(package).join("node_modules").join(package);
    let file = folder.join(name);
    assert!(file.is_file(), "{} is missing; run `scripts/setup.sh test bench`", file.display());
    file
}
