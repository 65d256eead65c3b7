//! Compares the cost of an HTTPS check, with a full handshake and verification, with the cost of a connection by
//! `openssl s_time`.

use std::process::Command;

use support::tool;

use crate::checks::spent_on_round;
use crate::nginx::Nginx;
use crate::process_usage::{compare, spent};

const CHECKS: usize = 10_000;

/// Prints the CPU time per check and per connection.
pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    println!(
        "HTTPS checks of a local nginx (TLS 1.3, ECDSA P-256, full handshakes, verified), compared with `openssl s_time -new`"
    );
    let checks = nginx.secure_checks(CHECKS);
    let comparison = compare(CHECKS, async || spent_on_openssl(&nginx), async || spent_on_round(&checks)).await;
    println!(
        "  {CHECKS} checks: {:.1} µs of CPU per check, openssl {:.1} µs per connection: {:.2} × openssl; {:.2} s in total",
        comparison.each, comparison.peer, comparison.ratio, comparison.ours.elapsed,
    );
}

/// CPU time per connection by OpenSSL, in microseconds. Each connection has one request.
fn spent_on_openssl(nginx: &Nginx) -> f64 {
    let mut command = Command::new(tool("openssl"));
    let address = nginx.secure.trim_start_matches("https://").trim_end_matches('/');
    command
        .args(["s_time", "-new", "-tls1_3", "-verify", "1", "-time", "5", "-www", "/", "-connect", address, "-CAfile"]);
    let (output, spent) = spent(command.arg(&nginx.authority));
    let connections = output
        .lines()
        .find_map(|line| line.split_once(" connections in"))
        .expect("openssl prints the number of connections");
    spent.each(connections.0.trim().parse().expect("it is a number"))
}
