//! An isolated network for a test, created with Linux namespaces. This machine is the only one in it. The test decides
//! whether echo requests are allowed and whether names can be resolved. Most machines do not require privileges for
//! this, and the machine's real network is not affected.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::tool;

/// The network's settings for ICMP echo requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echoes {
    /// Whether unprivileged sockets can send echo requests.
    pub datagram: bool,
    /// Whether raw sockets can send echo requests.
    pub raw: bool,
    /// Whether this machine replies to echo requests.
    pub answered: bool,
}

/// Returns the prefix that makes a command run in an isolated network.
#[must_use]
pub fn isolated(echoes: Echoes) -> Vec<String> {
    let mut script = format!("set -eu; '{}' link set lo up; ", tool("ip").display());
    if echoes.datagram {
        // In a new network, no group is allowed to ping, so the program's group is added.
        script += "echo 0 0 >/proc/sys/net/ipv4/ping_group_range; ";
    }
    if !echoes.answered {
        script += "for version in ipv4/icmp_ ipv6/icmp/; do echo 1 >/proc/sys/net/${version}echo_ignore_all; done; ";
    }
    let rights = if echoes.raw { "" } else { "setpriv --bounding-set -net_raw --" };
    let script = format!("{script}exec {rights} \"$@\"");
    words(&["--net"], &script)
}

/// Returns the prefix that makes a command run in an isolated network where echo requests require a capability. The
/// command has only these capabilities, even if it runs as root, as with systemd's `AmbientCapabilities=`.
#[must_use]
pub fn with_capabilities(rights: &str) -> Vec<String> {
    let rights = rights.to_lowercase().replace("cap_", "+");
    let rights: Vec<&str> = ["-all"].into_iter().chain(rights.split_whitespace()).collect();
    let rights = rights.join(",");
    let sets = ["inh-caps", "ambient-caps", "bounding-set"].map(|set| format!("--{set}={rights}")).join(" ");
    let ip = tool("ip");
    let become_it = format!("exec setpriv --securebits +noroot {sets} --no-new-privs -- \"$@\"");
    words(&["--net"], &format!("set -eu; '{}' link set lo up; {become_it}", ip.display()))
}

/// Returns the prefix that makes a command run in an isolated network whose name server never responds. The resolver's
/// timeout is longer than any test. The required files are written to the folder.
#[must_use]
pub fn with_hanging_dns(folder: &Path) -> Vec<String> {
    let mounted = [
        ("resolv.conf", "nameserver 192.0.2.53\noptions timeout:30 attempts:5\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ];
    let mounts = mounted.map(|(name, content)| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("the folder can be written to");
        format!("mount --bind '{}' /etc/{name}", path.display())
    });
    // Packets to this address return to this machine, which drops them.
    let network = "$ip link set lo up; $ip route add 192.0.2.53 dev lo";
    let script = format!("set -eu; ip='{}'; {network}; {}; exec \"$@\"", tool("ip").display(), mounts.join("; "));
    words(&["--net", "--mount"], &script)
}

fn words(apart: &[&str], script: &str) -> Vec<String> {
    unshare().iter().chain(apart).chain(&["sh", "-c", script, "sh"]).map(|word| (*word).to_owned()).collect()
}

/// Returns the command that starts a program in a new network: as root of a user namespace if possible, or as the real
/// root.
fn unshare() -> &'static [&'static str] {
    let ways: [&[&str]; 2] = [&["unshare", "--map-root-user"], &["unshare"]];
    let works = |way: &&&[&str]| {
        let tried = Command::new(way[0]).args(&way[1..]).args(["--net", "true"]).stderr(Stdio::null()).status();
        tried.expect("unshare runs").success()
    };
    ways.iter().find(works).copied().unwrap_or_else(|| {
        panic!(
            "this machine does not allow network namespaces, which the tests of pings need: try `{}`; \
             allow it with `sysctl -w user.max_user_namespaces=1000` (on Ubuntu also \
             `kernel.apparmor_restrict_unprivileged_userns=0`), or run the tests' container with `--privileged`",
            ways.map(|way| way.join(" ") + " --net true").join("` and, as root, `")
        )
    })
}
