use super::*;

const SCOPE: Scope<'_> = Scope { bucket: "my-status", prefix: "shop/", region: "eu-central-1" };

fn node() -> NodeName {
    NodeName::new("eu-west").expect("it is a name")
}

#[test]
fn a_reader_can_only_list_and_read_below_the_prefix() {
    assert_eq!(
        reader(&SCOPE),
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::my-status",
              "Condition": { "StringLike": { "s3:prefix": "shop/*" } } },
            { "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::my-status/shop/*" },
        ] })
    );
}

#[test]
fn the_documentation_has_the_policies_in_full() {
    let text = include_str!("../../../../docs/provisioning.md");
    let blocks = text.split("```json\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let blocks: Vec<Value> = blocks.map(|(block, _)| serde_json::from_str(block).expect("it is JSON")).collect();
    assert!(are_equivalent(&blocks[0], &reader(&SCOPE)), "{:#}", reader(&SCOPE));
    let expiring = writer(&SCOPE, &node(), DeletableFiles::Own);
    assert!(are_equivalent(&blocks[1], &expiring), "{expiring:#}");
    let anna = author(&SCOPE, &NodeName::new("anna").expect("it is a name"));
    assert!(are_equivalent(&blocks[2], &anna), "{anna:#}");
    let origins = ["https://status.example.com".to_owned()];
    let cors = with_cors(&[], SCOPE.prefix, &origins).unwrap().expect("the rules change");
    let documented = crate::provision::step::Step::PutCors(cors).document().expect("it has one");
    assert_eq!(blocks[3], documented);
}

#[test]
fn without_a_prefix_listing_is_unconditional() {
    let policy = reader(&Scope { prefix: "", ..SCOPE });
    assert_eq!(policy["Statement"][0]["Condition"], Value::Null);
    assert_eq!(policy["Statement"][1]["Resource"], "arn:aws:s3:::my-status/*");
}

#[test]
fn a_writer_stores_its_own_objects_and_deletes_only_to_expire() {
    let keeps = writer(&SCOPE, &node(), DeletableFiles::None);
    assert_eq!(
        keeps["Statement"][2],
        json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": [
            "arn:aws:s3:::my-status/shop/1??????????????????-eu-west-check.json",
            "arn:aws:s3:::my-status/shop/2??????????????????-eu-west-check.json",
            "arn:aws:s3:::my-status/shop/history/eu-west.*json",
            "arn:aws:s3:::my-status/shop/0-summary/eu-west.????",
            "arn:aws:s3:::my-status/shop/0-badge/eu-west/*.svg",
            "arn:aws:s3:::my-status/shop/0-feed/eu-west/*",
            "arn:aws:s3:::my-status/shop/0-notified/eu-west.json",
            "arn:aws:s3:::my-status/shop/heartbeats/*.json",
        ] })
    );
    let posts = "arn:aws:s3:::my-status/shop/0-posts/???????????????????-eu-west.*.json";
    let both = json!(["s3:PutObject", "s3:DeleteObject"]);
    assert_eq!(keeps["Statement"][3], json!({ "Effect": "Allow", "Action": both, "Resource": [posts] }));
    let [one, two] =
        ["1", "2"].map(|digit| format!("arn:aws:s3:::my-status/shop/{digit}??????????????????-eu-west-check.json"));
    let expires = writer(&SCOPE, &node(), DeletableFiles::Own);
    let own = json!([one, two, posts]);
    assert_eq!(expires["Statement"][3], json!({ "Effect": "Allow", "Action": both, "Resource": own }));
    let adopts = writer(&SCOPE, &node(), DeletableFiles::OwnAndLegacy);
    let originals = ["1", "2"].map(|digit| format!("arn:aws:s3:::my-status/shop/{digit}??????????????????-check.json"));
    assert_eq!(adopts["Statement"][4]["Resource"], json!(originals));
}

#[test]
fn an_author_stores_and_erases_posts_and_stores_a_digest() {
    let policy = author(&SCOPE, &NodeName::new("anna").expect("it is a name"));
    assert_eq!(policy["Statement"][0], reader(&SCOPE)["Statement"][0]);
    assert_eq!(policy["Statement"][1], reader(&SCOPE)["Statement"][1]);
    let digest = "arn:aws:s3:::my-status/shop/history/anna.posts.json";
    assert_eq!(policy["Statement"][2], json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": digest }));
    assert_eq!(
        policy["Statement"][3],
        json!({ "Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"],
                "Resource": "arn:aws:s3:::my-status/shop/0-posts/???????????????????-anna.*.json" })
    );
    assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(4));
}

#[test]
fn policies_with_the_longest_names_fit_in_a_user() {
    let (bucket, node) = ("b".repeat(63), NodeName::new(&"n".repeat(32)).expect("it is a name"));
    let long = "p".repeat(100);
    let scope = |length: usize| Scope { bucket: &bucket, prefix: &long[..length], region: "us-gov-west-1" };
    for (deletable, prefix) in
        [(DeletableFiles::None, 29), (DeletableFiles::Own, 29), (DeletableFiles::OwnAndLegacy, 2)]
    {
        let length = length(&writer(&scope(prefix), &node, deletable));
        assert!(length <= POLICY_LIMIT, "{deletable:?}: {length}");
    }
    assert!(length(&author(&scope(100), &node)) <= POLICY_LIMIT);
}

#[test]
fn arns_contain_the_regions_partition() {
    for (region, arn) in
        [("cn-north-1", "arn:aws-cn:s3:::my-status"), ("us-gov-west-1", "arn:aws-us-gov:s3:::my-status")]
    {
        assert_eq!(Scope { region, ..SCOPE }.bucket_arn(), arn);
    }
}

#[test]
fn a_bucket_policy_keeps_other_statements() {
    let foreign = json!({ "Version": "2012-10-17", "Statement": { "Sid": "Theirs", "Effect": "Deny" } });
    let everything = public_statements(&SCOPE);
    let public = with_public_statements(Some(&foreign), &SCOPE, &everything);
    assert_eq!(public["Statement"].as_array().map(Vec::len), Some(3));
    assert_eq!(public["Statement"][1]["Principal"], "*");
    assert!(has_public_statements(Some(&public), &SCOPE) && !has_public_statements(Some(&foreign), &SCOPE));
    assert!(are_equivalent(&with_public_statements(Some(&public), &SCOPE, &everything), &public));
    assert!(are_equivalent(&without_public_statements(Some(&public), &SCOPE).expect("theirs is left"), &foreign));
    assert_eq!(without_public_statements(Some(&with_public_statements(None, &SCOPE, &everything)), &SCOPE), None);
    let outputs = with_public_statements(Some(&public), &SCOPE, &[public_outputs_statement(&SCOPE)]);
    assert_eq!(outputs["Statement"].as_array().map(Vec::len), Some(2), "outputs replace everything");
    let folders = ["0-summary", "0-badge", "0-feed"].map(|folder| format!("arn:aws:s3:::my-status/shop/{folder}/*"));
    assert_eq!(outputs["Statement"][1]["Resource"], json!(folders));
    assert_eq!(outputs["Statement"][1]["Action"], "s3:GetObject");
    // A different prefix in the bucket belongs to another page.
    assert!(!has_public_statements(Some(&public), &Scope { prefix: "other/", ..SCOPE }));
}

#[test]
fn policies_are_equivalent_in_any_form_that_services_return() {
    let (one, other) =
        (json!({ "Action": ["a"], "Resource": ["x", "y"] }), json!({ "Resource": ["y", "x"], "Action": "a" }));
    assert!(are_equivalent(&one, &other));
    assert!(!are_equivalent(&one, &json!({ "Action": "a", "Resource": ["x"] })));
}

#[test]
fn cors_rules_keep_other_rules_and_are_set_once() {
    let foreign = CorsRule::builder().allowed_methods("PUT").allowed_origins("https://upload.example").build().unwrap();
    let origins = ["https://status.example".to_owned()];
    let rules = with_cors(std::slice::from_ref(&foreign), "shop/", &origins).unwrap().expect("they change");
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[1].allowed_methods(), ["GET", "HEAD"]);
    assert_eq!(with_cors(&rules, "shop/", &origins).unwrap(), None);
    let mut without_id = rules.clone();
    without_id[1].id = None;
    assert_eq!(with_cors(&without_id, "shop/", &origins).unwrap(), None);
    let moved = with_cors(&rules, "shop/", &["https://new.example".to_owned()]).unwrap().expect("they change");
    assert_eq!((moved.len(), moved[1].allowed_origins()), (2, ["https://new.example".to_owned()].as_slice()));
    assert_eq!(without_cors(&rules, "shop/"), [foreign]);
    assert_eq!(without_cors(&rules, "other/").len(), 2);
}

#[test]
fn lifecycle_rules_affect_check_files_and_keep_other_rules() {
    let foreign = LifecycleRule::builder().id("theirs").status(ExpirationStatus::Disabled).build().unwrap();
    let rules = with_expiry(std::slice::from_ref(&foreign), "shop/", 90).unwrap().expect("they change");
    let beginnings: Vec<_> = rules[1..].iter().filter_map(|rule| rule.filter()?.prefix()).collect();
    assert_eq!(beginnings, ["shop/1", "shop/2"]);
    assert_eq!(with_expiry(&rules, "shop/", 90).unwrap(), None);
    assert_eq!(with_expiry(&rules, "shop/", 30).unwrap().map(|rules| rules.len()), Some(3));
    assert_eq!(without_expiry(&rules, "shop/"), [foreign]);
}

#[test]
fn only_policies_may_become_public() {
    let of_new_buckets = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    let opened_block = opened(&of_new_buckets);
    assert_eq!((opened_block.block_public_acls(), opened_block.ignore_public_acls()), (Some(true), Some(true)));
    assert!(is_open(Some(&opened_block)) && is_open(None) && !is_open(Some(&of_new_buckets)));
    assert_eq!(closed_again(Some(&opened_block)), Some(of_new_buckets));
    // This block does not restrict access lists, so provisioning did not open it and must not close it.
    let of_others = PublicAccessBlockConfiguration::builder().block_public_policy(true).build();
    assert_eq!(opened(&of_others).block_public_acls(), None);
    assert_eq!((closed_again(Some(&opened(&of_others))), closed_again(None)), (None, None));
}

#[test]
fn a_policy_of_provisioning_grants_reading_its_prefix() {
    for policy in [reader(&SCOPE), author(&SCOPE, &node()), writer(&SCOPE, &node(), DeletableFiles::Own)] {
        assert!(grants_reading(&policy, &SCOPE), "{policy}");
        assert!(!grants_reading(&policy, &Scope { prefix: "", ..SCOPE }), "{policy}");
        assert!(!grants_reading(&policy, &Scope { bucket: "other", ..SCOPE }), "{policy}");
    }
    let rewritten = json!({ "Statement": { "Action": "s3:Get*", "Resource": ["arn:aws:s3:::my-status/shop/*"] } });
    assert!(grants_reading(&rewritten, &SCOPE));
    assert!(!grants_reading(&Value::Null, &SCOPE));
}
