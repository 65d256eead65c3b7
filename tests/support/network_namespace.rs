//! A network of a test's own, made with Linux's namespaces: nothing is in it but this machine, and the test says who may
//! send echo requests there, or that names lead nowhere. That needs no rights on most machines, and leaves the machine's
//! own network alone.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::tool;

/// What becomes of echo requests in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echoes {
    /// Whether they may be sent over sockets that need no privilege.
    pub datagram: bool,
    /// Whether they may be sent over those that do.
    pub raw: bool,
    /// Whether this machine answers them.
    pub answered: bool,
}

/// The words that become a program which they are followed by, in a network of its own.
#[must_use]
pub fn of_its_own(echoes: Echoes) -> Vec<String> {
    let mut script = format!("set -eu; '{}' link set lo up; ", tool("ip").display());
    if echoes.datagram {
        // The program's own group; in a new network it is nobody's.
        script += "echo 0 0 >/proc/sys/net/ipv4/ping_group_range; ";
    }
    if !echoes.answered {
        script += "for version in ipv4/icmp_ ipv6/icmp/; do echo 1 >/proc/sys/net/${version}echo_ignore_all; done; ";
    }
    let rights = if echoes.raw { "" } else { "setpriv --bounding-set -net_raw --" };
    let script = format!("{script}exec {rights} \"$@\"");
    words(&["--net"], &script)
}

/// The words that become a program which they are followed by, in a network of its own where nobody may send echo requests
/// without a right; it has these rights and no other, as systemd's `AmbientCapabilities=` gives them, and root's name is none.
#[must_use]
pub fn with_rights_alone(rights: &str) -> Vec<String> {
    let rights = rights.to_lowercase().replace("cap_", "+");
    let rights: Vec<&str> = ["-all"].into_iter().chain(rights.split_whitespace()).collect();
    let rights = rights.join(",");
    let sets = ["inh-caps", "ambient-caps", "bounding-set"].map(|set| format!("--{set}={rights}")).join(" ");
    let ip = tool("ip");
    let become_it = format!("exec setpriv --securebits +noroot {sets} --no-new-privs -- \"$@\"");
    words(&["--net"], &format!("set -eu; '{}' link set lo up; {become_it}", ip.display()))
}

/// The words that become a program which they are followed by, in a network of its own whose name server never answers,
/// and is waited for longer than any test is. Files for that are written into the folder.
#[must_use]
pub fn where_names_hang(folder: &Path) -> Vec<String> {
    let mounted = [
        ("resolv.conf", "nameserver 192.0.2.53\noptions timeout:30 attempts:5\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ];
    let mounts = mounted.map(|(name, content)| {
        let path = folder.join(name);
        std::fs::write(&path, content).expect("the folder can be written to");
        format!("mount --bind '{}' /etc/{name}", path.display())
    });
    // What is sent to this address comes back, is for nobody, and is gone.
    let network = "$ip link set lo up; $ip route add 192.0.2.53 dev lo";
    let script = format!("set -eu; ip='{}'; {network}; {}; exec \"$@\"", tool("ip").display(), mounts.join("; "));
    words(&["--net", "--mount"], &script)
}

fn words(apart: &[&str], script: &str) -> Vec<String> {
    unshare().iter().chain(apart).chain(&["sh", "-c", script, "sh"]).map(|word| (*word).to_owned()).collect()
}

/// What starts a program in a network to be made: as its root, where everybody may make one, and else as the machine's.
fn unshare() -> &'static [&'static str] {
    let ways: [&[&str]; 2] = [&["unshare", "--map-root-user"], &["unshare"]];
    let works = |way: &&&[&str]| {
        let tried = Command::new(way[0]).args(&way[1..]).args(["--net", "true"]).stderr(Stdio::null()).status();
        tried.expect("unshare runs").success()
    };
    ways.iter().find(works).copied().unwrap_or_else(|| {
        panic!(
            "this machine lets nobody make a network, and without one nobody knows whether hosts are pinged: try `{}`; \
             allow it with `sysctl -w user.max_user_namespaces=1000` (on Ubuntu also \
             `kernel.apparmor_restrict_unprivileged_userns=0`), or run the tests' container with `--privileged`",
            ways.map(|way| way.join(" ") + " --net true").join("` and, as root, `")
        )
    })
}
