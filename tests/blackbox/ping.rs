//! Hosts are pinged over both kinds of socket that there are for it, each where nothing else is possible; and where
//! neither is, it says how that becomes possible.

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

/// What of a host is expected: its status, and what it says about that.
type ExpectedEcho = (&'static str, Status, Option<&'static str>);

async fn expect(echoes: Echoes, timeout: &str, hosts: &[ExpectedEcho]) {
    let checks: Vec<Value> = hosts.iter().map(|(host, ..)| ping(host, timeout)).collect();
    let checker = Checker::new(&watching(&checks, &directory()));
    let run = checker
        .call_by(&network_namespace::of_its_own(echoes), &["run", "-c", "checker.json", "--format", "json"])
        .await;
    assert_eq!(run.code, 0, "{}", run.output());
    let results = run.results();
    assert_eq!(results.len(), hosts.len(), "{}", run.output());
    for (result, (host, status, says)) in results.iter().zip(hosts) {
        assert_eq!((result.title.as_str(), result.status), (*host, *status), "{echoes:?}: {result:?}");
        assert_eq!(said(result).as_deref(), *says, "{echoes:?}: {host}");
    }
}

fn said(result: &CheckResult) -> Option<String> {
    let error = result.attempts.first().and_then(|attempt| attempt.error.clone());
    error.or_else(|| (!result.notice.is_empty()).then(|| result.notice.clone()))
}

const DATAGRAM: Echoes = Echoes { datagram: true, raw: false, answered: true };
const RAW: Echoes = Echoes { datagram: false, raw: true, answered: true };

#[tokio::test]
async fn hosts_are_pinged_over_either_kind_of_socket_where_it_is_the_only_one() {
    for echoes in [DATAGRAM, RAW] {
        let hosts = [
            ("127.0.0.1", Status::Healthy, None),
            ("::1", Status::Healthy, None),
            ("localhost", Status::Healthy, None),
            // In this network nobody else is.
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
async fn a_node_that_may_ping_nobody_says_of_every_host_how_that_becomes_possible() {
    let remedy = "failed to send echo requests: this system lets the checker open no ICMP socket; allow its group with \
                  `sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"`, or give the program the right with `setcap \
                  cap_net_raw+ep /path/to/checker`";
    let nobody = Echoes { datagram: false, raw: false, answered: true };
    expect(nobody, "10s", &["127.0.0.1", "::1"].map(|host| (host, Status::Unknown, Some(remedy)))).await;
}

#[tokio::test]
async fn a_host_whose_address_is_denied_is_not_pinged() {
    let mut config = watching(&[ping("127.0.0.1", "10s"), ping("::1", "10s"), ping("localhost", "10s")], &directory());
    config["deny_private_addresses"] = json!(true);
    let checker = Checker::new(&config);
    for echoes in [DATAGRAM, RAW] {
        let way = network_namespace::of_its_own(echoes);
        let run = checker.call_by(&way, &["run", "-c", "checker.json", "--format", "json"]).await;
        let results = run.results();
        assert_eq!(results.len(), 3, "{}", run.output());
        for result in results {
            let says = said(&result).unwrap_or_default();
            assert!(
                result.status == Status::Down && says.ends_with("`deny_private_addresses` forbids those"),
                "{says}"
            );
        }
    }
}

/// How many sockets of this kind are open where a program runs.
fn sockets(program: u32, kind: &str) -> usize {
    let table = std::fs::read_to_string(format!("/proc/{program}/net/{kind}")).expect("it runs");
    table.lines().count() - 1
}

#[tokio::test]
async fn the_socket_that_needs_no_privilege_is_taken_also_by_those_who_have_it() {
    let checker = Checker::new(&watching(&[ping("127.0.0.1", "1m"), ping("::1", "1m")], &directory()));
    // While nobody answers, the sockets stay open.
    let way = network_namespace::of_its_own(Echoes { datagram: true, raw: true, answered: false });
    let program = checker.start_by(&way, &["run", "-c", "checker.json"]);
    let binary = checker_binary();
    let checkers = binary.file_name().and_then(|name| name.to_str()).expect("it has a name");
    let open = || async {
        // Until the checker itself runs, the program is still on its way into its network. Linux keeps fifteen letters.
        let name = std::fs::read_to_string(format!("/proc/{}/comm", program.id())).expect("it runs");
        let open = ["icmp", "icmp6", "raw", "raw6"].map(|kind| sockets(program.id(), kind));
        (checkers.starts_with(name.trim_end()) && open.iter().sum::<usize>() == 2).then_some(open)
    };
    assert_eq!(wait_for("two pings", open).await, [1, 1, 0, 0], "{}", program.output());
}
