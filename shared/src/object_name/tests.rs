use super::*;
use proptest::prelude::*;

#[test]
fn names_of_both_programs_are_read() {
    let ours = CheckFileName::parse("1795330254340493978-eu-west-check.json").expect("a name");
    assert_eq!(ours.node.as_ref().map(NodeName::as_str), Some("eu-west"));
    let originals = CheckFileName::parse("1795330254340493978-check.json").expect("a name");
    assert_eq!((originals.stored_at, originals.node), (1_795_330_254_340_493_978, None));
}

#[test]
fn a_node_may_be_called_check() {
    let name = CheckFileName::parse("1795330254340493978-check-check.json").expect("a name");
    assert_eq!(name.node.as_ref().map(NodeName::as_str), Some("check"));
}

#[test]
fn other_names_are_rejected() {
    for name in [
        "",
        "-check.json",
        "index.json",
        "179533025434049397-check.json",
        "17953302543404939781-check.json",
        "1795330254340493978-EU-check.json",
        "1795330254340493978--check.json",
        "1795330254340493978-check.json.tmp",
        "9999999999999999999-check.json",
        "+795330254340493978-check.json",
        "a/1795330254340493978-check.json",
        "1795330254340493978-../x-check.json",
        "1795330254340493978-abcdefghijklmnopqrstuvwxyz0123456-check.json",
    ] {
        assert_eq!(CheckFileName::parse(name), None, "{name}");
    }
}

#[test]
fn history_names_are_unambiguous() {
    for (name, node, part) in [
        ("history/eu-west.json", Some("eu-west"), HistoryPart::Main),
        ("history/eu-west.latency.json", Some("eu-west"), HistoryPart::Latency),
        ("history/eu-latency.json", Some("eu-latency"), HistoryPart::Main),
        ("history/_nameless.json", None, HistoryPart::Main),
    ] {
        let node = node.map(|node| NodeName::new(node).expect("it fits"));
        let expected = HistoryName { node, part };
        assert_eq!(HistoryName::parse(name), Some(expected.clone()), "{name}");
        assert_eq!(expected.to_string(), name);
    }
    for name in [
        HISTORY_INDEX,
        "history/",
        "history/.json",
        "history/A.json",
        "history/a.json.gz",
        "a.json",
        "history/a/b.json",
    ] {
        assert_eq!(HistoryName::parse(name), None, "{name}");
        assert_eq!(CheckFileName::parse(name), None, "{name}");
    }
}

#[test]
fn a_job_has_one_object_that_is_nothing_else() {
    let name = HeartbeatName::new("nightly-backup").unwrap();
    assert_eq!((name.to_string().as_str(), name.job()), ("heartbeats/nightly-backup.json", "nightly-backup"));
    assert_eq!(HeartbeatName::parse("heartbeats/nightly-backup.json"), Some(name));
    assert!(means(patterns::heartbeats("a/").as_bytes(), b"a/heartbeats/nightly-backup.json"));
    for job in ["", "Nightly", "a/b", "..", "a.b", &"x".repeat(65)] {
        assert_eq!(HeartbeatName::new(job), Err(InvalidJobName(job.to_owned())));
    }
    assert_eq!(CheckFileName::parse("heartbeats/x.json"), None);
    assert_eq!(HistoryName::parse("heartbeats/x.json"), None);
}

#[test]
fn a_host_name_becomes_a_node_name() {
    for (host, node) in [("Web-01.example.com", "web-01"), ("höst_2", "h-st-2"), ("...", "node"), ("", "node")] {
        assert_eq!(NodeName::from_host_name(host).as_str(), node);
    }
}

#[test]
fn a_prefix_names_folders() {
    for prefix in ["", "status/", "a/b/"] {
        assert_eq!(validate_prefix(prefix), Ok(()));
    }
    for prefix in ["status", "/status/", "a//b/", "../", "/"] {
        assert!(validate_prefix(prefix).is_err(), "{prefix}");
    }
}

/// Returns whether a pattern matches this name, according to the rules of AWS policies.
fn means(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some(b'*'), _) => means(&pattern[1..], name) || (!name.is_empty() && means(pattern, &name[1..])),
        (Some(b'?'), Some(_)) => means(&pattern[1..], &name[1..]),
        (Some(one), Some(other)) if one == other => means(&pattern[1..], &name[1..]),
        _ => false,
    }
}

#[test]
fn a_nodes_patterns_match_its_own_names_and_no_other_nodes() {
    let matches_any =
        |patterns: &[String], name: &str| patterns.iter().any(|pattern| means(pattern.as_bytes(), name.as_bytes()));
    let (west, eu_west) = (NodeName::new("west").unwrap(), NodeName::new("eu-west").unwrap());
    for stored_at in [1_795_330_254_340_493_978, 2_795_330_254_340_493_978] {
        let file = |node: &NodeName| format!("status/{}", CheckFileName { stored_at, node: Some(node.clone()) });
        for (one, other) in [(&west, &eu_west), (&eu_west, &west)] {
            let own = patterns::check_files("status/", one);
            assert!(matches_any(&own, &file(one)));
            assert!(!matches_any(&own, &file(other)));
            assert!(!matches_any(&own, file(one).strip_prefix("status/").unwrap()));
            let name = CheckFileName { stored_at, node: Some(one.clone()) };
            assert!(matches_any(&[patterns::for_check_file("status/", &name)], &file(one)));
        }
        let originals = CheckFileName { stored_at, node: None }.to_string();
        assert!(matches_any(&patterns::legacy_check_files(""), &originals));
        assert!(!matches_any(&patterns::check_files("", &west), &originals));
        assert!(means(patterns::everything("status/").as_bytes(), file(&west).as_bytes()));
    }
}

#[test]
fn the_patterns_of_two_nodes_never_match_the_same_object() {
    let [eu, eu_west, west] = ["eu", "eu-west", "west"].map(|node| NodeName::new(node).unwrap());
    let badge = |title: &str| SummaryForm::Badge(BadgeTitle::new(title));
    for (one, other) in [(&eu, &eu_west), (&eu_west, &eu), (&west, &eu_west), (&eu_west, &west), (&eu, &west)] {
        let names = |node: &NodeName| {
            let forms =
                [SummaryForm::Json, SummaryForm::Html, SummaryForm::OverallBadge, badge("Shop"), badge("-west")];
            let summaries = forms.map(|form| SummaryName { node: node.clone(), form }.to_string());
            let parts = [HistoryPart::Main, HistoryPart::Latency];
            let histories = parts.map(|part| HistoryName { node: Some(node.clone()), part }.to_string());
            let check_file = CheckFileName { stored_at: 1_795_330_254_340_493_978, node: Some(node.clone()) };
            let posts = PostKind::ALL.map(|kind| {
                let id = PostId { posted_at: 1_795_330_254_340_493_978, author: node.clone() };
                PostName { id, kind }.to_string()
            });
            let digest = DigestName { author: node.clone() }.to_string();
            let others = [LogName { node: node.clone() }.to_string(), check_file.to_string(), digest];
            let titles = ["Shop", "eu", "west"].map(BadgeTitle::new);
            let mut outputs = vec![OutputForm::Index, OutputForm::Atom, OutputForm::Calendar];
            outputs.extend(StatuspageDocument::ALL.map(OutputForm::Statuspage));
            outputs.extend(titles.clone().map(OutputForm::EndpointAtom));
            outputs.extend(titles.map(OutputForm::Shields));
            let output = |form| OutputName { node: node.clone(), form }.to_string();
            let outputs = outputs.into_iter().map(output).collect();
            [summaries.to_vec(), histories.to_vec(), posts.to_vec(), others.to_vec(), outputs].concat()
        };
        let families = [
            patterns::check_files("", one).to_vec(),
            vec![patterns::history("", one)],
            patterns::summaries("", one).to_vec(),
            vec![patterns::notification_log("", one)],
            vec![patterns::posts("", one)],
            vec![patterns::outputs("", one)],
        ];
        let matches = |name: &String, patterns: &[String]| {
            patterns.iter().any(|pattern| means(pattern.as_bytes(), name.as_bytes()))
        };
        for name in names(one) {
            let family = families.iter().filter(|family| matches(&name, family)).count();
            assert_eq!(family, 1, "{name} is in one family of {one}");
        }
        let digest = patterns::digest("", one);
        assert!(matches(&digest, std::slice::from_ref(&digest)) && matches(&digest, &families[1]));
        for name in names(other) {
            assert_ne!(name, digest);
            assert!(!families.iter().any(|family| matches(&name, family)), "{one} can store {name}");
        }
    }
}

#[test]
fn a_nodes_patterns_match_no_objects_in_folders() {
    let west = NodeName::new("west").unwrap();
    let own = patterns::check_files("status/", &west);
    let all = own.iter().chain(&patterns::legacy_check_files("status/")).cloned().collect::<Vec<_>>();
    let folders = [HISTORY_FOLDER, summary::SUMMARY_FOLDER, summary::BADGE_FOLDER, "heartbeats/", LOG_FOLDER];
    for folder in folders.into_iter().chain([POST_FOLDER, OUTPUT_FOLDER]) {
        for end in ["-west-check.json", "-check.json"] {
            // Together, the folder and these letters have the length of a time, and `?` also matches letters.
            let name = format!("status/{folder}{}{end}", "a".repeat(19 - folder.len()));
            assert!(!all.iter().any(|pattern| means(pattern.as_bytes(), name.as_bytes())), "{name}");
        }
    }
}

#[test]
fn a_prefix_with_wildcards_has_no_patterns() {
    assert_eq!(patterns::validate_prefix("status/"), Ok(()));
    for prefix in ["st*/", "s?/", "${aws:username}/"] {
        assert!(patterns::validate_prefix(prefix).is_err(), "{prefix}");
    }
}

#[test]
fn objects_of_checkers_are_recognized() {
    for name in [
        "1795330254340493978-eu-west-check.json",
        "1795330254340493978-check.json",
        "history/eu-west.json",
        "history/eu-west.latency.json",
        "heartbeats/nightly-backup.json",
        "0-summary/eu-west.html",
        "0-badge/eu-west/Shop.svg",
        "0-feed/eu-west/feed.atom",
        "0-feed/eu-west/api/v2/incidents/unresolved.json",
        "0-notified/eu-west.json",
        "0-posts/1795330254340493978-eu-west.incident.json",
        "history/anna.posts.json",
    ] {
        assert!(is_stored_by_checkers("status/", &format!("status/{name}")), "{name}");
        assert!(!is_stored_by_checkers("status/", name), "{name}");
    }
    for name in [
        "index.html",
        "1-report.pdf",
        "history/",
        "history/Notes.json",
        "history/a/b.json",
        "heartbeats/Nightly.json",
        "heartbeats/a/b.json",
        "0-notified/EU.json",
        "0-posts/1795330254340493978-eu-west.json",
        "0-posts/1795330254340493978-eu-west.poem.json",
        "history/Anna.posts.json",
        "messages/1795330254340493978-eu-west-message.json",
    ] {
        assert!(!is_stored_by_checkers("", name), "{name}");
    }
}

#[test]
fn check_files_have_the_prefixes_of_lifecycle_rules() {
    let name = |stored_at| CheckFileName { stored_at, node: None }.to_string();
    let beginnings = check_file_prefixes("a/");
    assert!(format!("a/{}", name(1_795_330_254_340_493_978)).starts_with(&beginnings[0]));
    assert!(format!("a/{}", name(2_795_330_254_340_493_978)).starts_with(&beginnings[1]));
}

proptest! {
    #[test]
    fn a_name_reads_back_equal(stored_at in 0..=i64::MAX, node in prop::option::of("[a-z0-9-]{1,32}")) {
        let node = node.map(|node| NodeName::new(&node).expect("it fits"));
        let name = CheckFileName { stored_at, node };
        prop_assert_eq!(CheckFileName::parse(&name.to_string()), Some(name.clone()));
        prop_assert_eq!(CheckFileName::parse_key("a/b/", &format!("a/b/{name}")), Some(name));
    }

    #[test]
    fn byte_order_is_time_order(one in 0..=i64::MAX, other in 0..=i64::MAX) {
        let spelled = |stored_at| CheckFileName { stored_at, node: None }.to_string();
        prop_assert_eq!(one.cmp(&other), spelled(one).cmp(&spelled(other)));
    }

    #[test]
    fn a_listing_from_a_time_contains_what_was_stored_then_and_later(
        stored_at in 1..=i64::MAX, node in prop::option::of("[a-z0-9-]{1,32}"), from in 1..=i64::MAX,
    ) {
        let node = node.map(|node| NodeName::new(&node).expect("it fits"));
        let key = format!("p/{}", CheckFileName { stored_at, node });
        prop_assert_eq!(key.as_str() > start_after("p/", from).as_str(), stored_at >= from);
        prop_assert!(key.as_str() > start_after("p/", stored_at).as_str());
    }

    #[test]
    fn any_host_gives_a_name_that_is_one(host in ".{0,80}") {
        let node = NodeName::from_host_name(&host);
        prop_assert_eq!(NodeName::new(node.as_str()), Ok(node.clone()));
    }
}
