//! Tests which records in an answer count, and which answers prove that a record does not exist.

use hickory_proto::rr::rdata::{CNAME, NS, SOA};
use hickory_proto::rr::{DNSClass, RData, Record};

use super::tests::{ServerBehavior, address, answer_with, bytes, check, error_of, serve};
use crate::checks::dns::*;
use crate::checks::net::address_policy::AddressPolicy;
use crate::checks::{Check, CheckContext, CheckKind, CheckOutcome, run};

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn alias(from: &str, to: &str) -> Record {
    Record::from_rdata(name(from), 60, RData::CNAME(CNAME(name(to))))
}

fn respond(query: &Message, records: &[Record]) -> Vec<Vec<u8>> {
    vec![bytes(&answer_with(query, records))]
}

fn zone(owner: &str) -> Record {
    let data = SOA::new(name("ns.example."), name("admin.example."), 1, 60, 60, 60, 60);
    Record::from_rdata(name(owner), 60, RData::SOA(data))
}

fn checking(port: u16, mode: AnswerMatch, answers: &[&str]) -> DnsCheck {
    let mut check = check(port, answers, ResponseCode::NoError, Dnssec::NotRequested);
    check.answers.mode = mode;
    check
}

#[tokio::test]
async fn only_records_at_the_end_of_the_aliases_count() {
    let chain: ServerBehavior = |query, _| {
        let records = [
            address("Edge.CDN.example.", 7),
            alias("cdn.EXAMPLE.", "edge.cdn.example."),
            alias("SHOP.example.", "CDN.example."),
        ];
        respond(&query, &records)
    };
    let other_name: ServerBehavior = |query, _| respond(&query, &[address("bank.example.", 7)]);
    let broken_chain: ServerBehavior =
        |query, _| respond(&query, &[alias("shop.example.", "cdn.example."), address("edge.example.", 7)]);
    let other_class: ServerBehavior = |query, _| {
        let mut record = address("shop.example.", 7);
        record.dns_class = DNSClass::CH;
        respond(&query, &[record])
    };
    let looping: ServerBehavior = |query, _| {
        let records =
            [alias("shop.example.", "a.example."), alias("a.example.", "shop.example."), address("a.example.", 7)];
        respond(&query, &records)
    };
    let stray = |end: &str| format!("answer contains A records that do not belong to `{end}`");
    let looped = "answer contains a loop, or a chain of more than 16 aliases (CNAME)".to_owned();
    for (behavior, reason) in [
        (chain, None),
        (other_name, Some(stray("shop.example."))),
        (broken_chain, Some(stray("cdn.example."))),
        (other_class, Some(stray("shop.example."))),
        (looping, Some(looped)),
    ] {
        let port = serve(behavior).await;
        for (answers, found) in [
            (&[][..], "no A record for `shop.example.`; "),
            (&["192.0.2.7"], "answer is empty, expected `192.0.2.7`; "),
        ] {
            let error = error_of(checking(port, AnswerMatch::Exact, answers)).await;
            let is_expected = match (&error, &reason) {
                (None, None) => true,
                (Some(error), Some(reason)) => error.strip_prefix(found).unwrap_or(error) == reason,
                _ => false,
            };
            assert!(is_expected, "{answers:?}: {error:?}");
        }
        if let Some(reason) = reason {
            let error = error_of(checking(port, AnswerMatch::None, &[])).await;
            assert_eq!(error, Some(reason), "a stray record does not prove that there is no record");
        }
    }
}

#[tokio::test]
async fn a_query_for_an_alias_finds_it() {
    let behavior: ServerBehavior =
        |query, _| respond(&query, &[alias("shop.example.", "cdn.example."), alias("cdn.example.", "edge.example.")]);
    let port = serve(behavior).await;
    let check = DnsCheck { record: RecordType::CNAME, ..checking(port, AnswerMatch::Exact, &["cdn.example"]) };
    assert_eq!(error_of(check).await, None);
}

#[tokio::test]
async fn only_an_authoritative_server_proves_a_missing_record() {
    let referral: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.add_authorities([Record::from_rdata(name("example."), 60, RData::NS(NS(name("ns.example."))))]);
        vec![bytes(&answer)]
    };
    let authoritative: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.authoritative = true;
        vec![bytes(&answer)]
    };
    let resolver: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.metadata.recursion_available = true;
        vec![bytes(&answer)]
    };
    let with_zone: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.add_authorities([zone("EXAMPLE.")]);
        vec![bytes(&answer)]
    };
    let with_other_zone: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[]);
        answer.add_authorities([zone("bank.example.")]);
        vec![bytes(&answer)]
    };
    let foreign_alias: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[alias("shop.example.", "cdn.test.")]);
        answer.metadata.authoritative = true;
        vec![bytes(&answer)]
    };
    let full_nxdomain: ServerBehavior = |query, _| {
        let mut answer = answer_with(&query, &[address("shop.example.", 7)]);
        answer.metadata.authoritative = true;
        answer.metadata.response_code = ResponseCode::NXDomain;
        vec![bytes(&answer)]
    };
    let unproven = |end: &str| {
        let doubt = "nor a resolver, so its answer does not show whether A records exist";
        Some(format!("server is neither authoritative for `{end}` {doubt}"))
    };
    for (behavior, expected) in [
        (referral, unproven("shop.example.")),
        (authoritative, None),
        (resolver, None),
        (with_zone, None),
        (with_other_zone, unproven("shop.example.")),
        (foreign_alias, unproven("cdn.test.")),
    ] {
        let port = serve(behavior).await;
        for answers in [&[][..], &["192.0.2.7"]] {
            let error = error_of(checking(port, AnswerMatch::None, answers)).await;
            assert_eq!(error, expected, "{answers:?}");
        }
    }
    let port = serve(full_nxdomain).await;
    let contradiction = "response code is NXDOMAIN (no such name), but the answer contains A records";
    let expecting = |code| DnsCheck { rcode: code, ..checking(port, AnswerMatch::Exact, &[]) };
    for check in [checking(port, AnswerMatch::None, &[]), expecting(ResponseCode::NXDomain)] {
        assert_eq!(error_of(check).await.as_deref(), Some(contradiction));
    }
}

#[tokio::test]
async fn an_unproven_absence_is_not_healthy_if_inverted() {
    let port = serve(|query, _| respond(&query, &[])).await;
    let kind = CheckKind::Dns(Box::new(checking(port, AnswerMatch::Exact, &[])));
    let check = Check { invert: true, ..Check::new("x", kind) };
    match run(&check, &CheckContext::new(AddressPolicy::AllowAll, crate::now)).await {
        CheckOutcome::Skipped { reason } => {
            assert!(reason.contains("does not show whether A records exist"), "{reason}");
        }
        CheckOutcome::Attempts(records) => panic!("{records:?}"),
    }
}
