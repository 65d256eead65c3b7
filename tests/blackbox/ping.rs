//! Pings over both types of socket, each on a machine that allows only that type. If a machine allows neither, the
//! error explains how to allow them.

use serde_json::{Value, json};
use shared::check_file::CheckResult;
use shared::status::Status;
use support::checker::Checker;
use support::configuration::{directory, watching};
use support::network_namespace::{self, Echoes};
use support::{checker_binary, wait_for};

fn ping(host: &str, timeout: &str) -> Value {
    json!({ "type": "icmp", "endpoint_name": host, "endpoint_url": host, "timeout": timeout })
}

/// A host, its expected status, and the expected reason.
type ExpectedEcho = (&'static str, Status, Option<&'static str>);

async fn expect(echoes: Echoes, timeout: &str, hosts: &[ExpectedEcho]) {
    let checks: Vec<Value> = hosts.iter().map(|(host, ..)| ping(host, timeout)).collect();
    let checker = Checker::new(&watching(&checks, &directory()));
    let run =
        checker.call_by(&network_namespace::isolated(echoes), &["run", "-c", "checker.json", "--format", "json"]).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let results = run.results();
    assert_eq!(results.len(), hosts.len(), "{}", run.output());
    for (result, (host, status, reason)) in results.iter().zip(hosts) {
        assert_eq!((result.title.as_str(), result.status), (*host, *status), "{echoes:?}: {result:?}");
        assert_eq!(reason_of(result).as_deref(), *reason, "{echoes:?}: {host}");
    }
}

fn reason_of(result: &CheckResult) -> Option<String> {
    let error = result.attempts.first().and_then(|attempt| attempt.error.clone());
    error.or_else(|| (!result.notice.is_empty()).then(|| result.notice.clone()))
}

const DATAGRAM: Echoes = Echoes { datagram: true, raw: false, answered: true };
const RAW: Echoes = Echoes { datagram: false, raw: true, answered: true };

#[tokio::test]
async fn hosts_are_pinged_over_each_type_of_socket() {
    for echoes in [DATAGRAM, RAW] {
        let hosts = [
            ("127.0.0.1", Status::Healthy, None),
            ("::1", Status::Healthy, None),
            ("localhost", Status::Healthy, None),
            // The isolated network has no other machines.
            ("192.0.2.1", Status::Down, Some("network unreachable")),
            ("2001:db8::1", Status::Down, Some("network unreachable")),
        ];
        expect(echoes, "10s", &hosts).await;
        let silent = [
            ("127.0.0.1", Status::Down, Some("no response within 300ms")),
            ("::1", Status::Down, Some("no response within 300ms")),
        ];
        expect(Echoes { answered: false, ..echoes }, "300ms", &silent).await;
    }
}

#[tokio::test]
async fn a_node_without_permission_to_ping_explains_how_to_get_it() {
    let remedy = "failed to send echo requests: the system does not allow the checker to open an ICMP socket; allow its \
                  group with `sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"`, or grant the program the capability \
                  with `setcap cap_net_raw+ep /path/to/checker`";
    let forbidden = Echoes { datagram: false, raw: false, answered: true };
    expect(forbidden, "10s", &["127.0.0.1", "::1"].map(|host| (host, Status::Unknown, Some(remedy)))).await;
}

#[tokio::test]
async fn a_host_with_a_denied_address_is_not_pinged() {
    let mut config = watching(&[ping("127.0.0.1", "10s"), ping("::1", "10s"), ping("localhost", "10s")], &directory());
    config["deny_private_addresses"] = json!(true);
    let checker = Checker::new(&config);
    for echoes in [DATAGRAM, RAW] {
        let way = network_namespace::isolated(echoes);
        let run = checker.call_by(&way, &["run", "-c", "checker.json", "--format", "json"]).await;
        let results = run.results();
        assert_eq!(results.len(), 3, "{}", run.output());
        for result in results {
            let reason = reason_of(&result).unwrap_or_default();
            assert!(
                result.status == Status::Down && reason.ends_with("`deny_private_addresses` forbids those"),
                "{reason}"
            );
        }
    }
}

/// Returns the number of sockets of this type that are open in a program's network.
fn sockets(program: u32, kind: &str) -> usize {
    let table = std::fs::read_to_string(format!("/proc/{program}/net/{kind}")).expect("it runs");
    table.lines().count() - 1
}

#[tokio::test]
async fn the_unprivileged_socket_is_preferred() {
    let checker = Checker::new(&watching(&[ping("127.0.0.1", "1m"), ping("::1", "1m")], &directory()));
    // The sockets stay open while the checker waits for a response.
    let way = network_namespace::isolated(Echoes { datagram: true, raw: true, answered: false });
    let program = checker.start_by(&way, &["run", "-c", "checker.json"]);
    let binary = checker_binary();
    let checkers = binary.file_name().and_then(|name| name.to_str()).expect("it has a name");
    let open = || async {
        // Until the checker starts, the process is a helper that enters the network. Linux truncates process names to
        // 15 bytes.
        let name = std::fs::read_to_string(format!("/proc/{}/comm", program.id())).expect("it runs");
        let open = ["icmp", "icmp6", "raw", "raw6"].map(|kind| sockets(program.id(), kind));
        (checkers.starts_with(name.trim_end()) && open.iter().sum::<usize>() == 2).then_some(open)
    };
    assert_eq!(wait_for("two pings", open).await, [1, 1, 0, 0], "{}", program.output());
}
