//! Every right that provisioning gives, and the bucket's rules, each a pure function. Whether what a service reads
//! back means the same is decided here, too.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    CorsRule, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration,
};
use serde_json::{Value, json};
use shared::object_name::{NodeName, check_file_prefixes, patterns};

use super::names::{expiry_rule_ids, rule_id, statement_ids};

/// How long a browser may remember what CORS allows, in seconds; the original's value.
const CORS_MAX_AGE: i32 = 3_000;

/// Where rights are given.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// What every object's name begins with.
    pub prefix: &'a str,
    /// The bucket's region, from which the partition of AWS follows.
    pub region: &'a str,
}

/// Which check files a writer may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expires {
    /// None: they are kept for ever, or a lifecycle rule removes them.
    #[default]
    Nothing,
    /// Its own.
    Own,
    /// Its own, and those without a node that the original Checkup wrote.
    OwnAndTheOriginals,
}

impl Scope<'_> {
    fn arn(&self, resource: &str) -> String {
        let partition = match self.region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:s3:::{resource}")
    }

    /// The bucket as a policy names it.
    #[must_use]
    pub fn bucket_arn(&self) -> String {
        self.arn(self.bucket)
    }

    /// Objects of the bucket, by a pattern that starts with the prefix.
    #[must_use]
    pub fn objects_arn(&self, pattern: &str) -> String {
        self.arn(&format!("{}/{pattern}", self.bucket))
    }

    /// Listing, and nothing beyond the prefix.
    fn list(&self) -> Value {
        let mut statement = json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": self.bucket_arn() });
        // A condition on an empty prefix would refuse listings that name none, and limit nothing.
        if !self.prefix.is_empty() {
            statement["Condition"] = json!({ "StringLike": { "s3:prefix": patterns::everything(self.prefix) } });
        }
        statement
    }

    fn read(&self) -> Value {
        allow("s3:GetObject", self.objects_arn(&patterns::everything(self.prefix)))
    }
}

fn allow(action: &str, resource: impl Into<Value>) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource.into() })
}

fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What the page's visitors may do: list the prefix, read the prefix, and nothing else.
#[must_use]
pub fn reader(scope: &Scope<'_>) -> Value {
    document(&[scope.list(), scope.read()])
}

/// What the checker of a node may do: what the page's visitors may, store what carries its own name, store heartbeats,
/// and delete its own check files if it expires them.
#[must_use]
pub fn writer(scope: &Scope<'_>, node: &NodeName, expires: Expires) -> Value {
    let own_files = scope.objects_arn(&patterns::check_files(scope.prefix, node));
    let mut stored = vec![own_files.clone()];
    stored.extend(patterns::history(scope.prefix, node).iter().map(|name| scope.objects_arn(name)));
    stored.extend(patterns::summaries(scope.prefix, node).iter().map(|name| scope.objects_arn(name)));
    stored.push(scope.objects_arn(&patterns::messages(scope.prefix, node)));
    stored.push(scope.objects_arn(&patterns::heartbeats(scope.prefix)));
    let mut statements = vec![scope.list(), scope.read(), allow("s3:PutObject", stored)];
    match expires {
        Expires::Nothing => {}
        Expires::Own => statements.push(allow("s3:DeleteObject", own_files)),
        Expires::OwnAndTheOriginals => {
            let originals = scope.objects_arn(&patterns::legacy_check_files(scope.prefix));
            statements.push(allow("s3:DeleteObject", vec![own_files, originals]));
        }
    }
    document(&statements)
}

/// The statements by which anybody may do what a reader may, for the bucket's own policy.
#[must_use]
pub fn public_statements(scope: &Scope<'_>) -> [Value; 2] {
    let [list_id, read_id] = statement_ids(scope.prefix);
    [(list_id, scope.list()), (read_id, scope.read())].map(|(id, mut statement)| {
        statement["Sid"] = json!(id);
        statement["Principal"] = json!("*");
        statement
    })
}

/// The bucket's policy with our public statements in it and everything else as it was.
#[must_use]
pub fn with_public_statements(there: Option<&Value>, scope: &Scope<'_>) -> Value {
    let mut policy = without_public_statements(there, scope).unwrap_or_else(|| document(&[]));
    let mut statements = statements_of(&policy);
    statements.extend(public_statements(scope));
    policy["Statement"] = Value::Array(statements);
    policy
}

/// The bucket's policy without our public statements; `None` if nothing is left of it.
#[must_use]
pub fn without_public_statements(there: Option<&Value>, scope: &Scope<'_>) -> Option<Value> {
    let ids = statement_ids(scope.prefix);
    let is_ours = |statement: &Value| statement["Sid"].as_str().is_some_and(|id| ids.iter().any(|ours| ours == id));
    let mut policy = there?.clone();
    let kept: Vec<Value> = statements_of(&policy).into_iter().filter(|statement| !is_ours(statement)).collect();
    if kept.is_empty() {
        return None;
    }
    policy["Statement"] = Value::Array(kept);
    Some(policy)
}

/// Whether the bucket's policy has statements of ours.
#[must_use]
pub fn has_public_statements(there: Option<&Value>, scope: &Scope<'_>) -> bool {
    let without = without_public_statements(there, scope);
    there.map(|policy| statements_of(policy).len()) != without.as_ref().map(|policy| statements_of(policy).len())
}

/// A policy's statements; a lone one may stand without a list.
fn statements_of(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Null => Vec::new(),
        lone => vec![lone.clone()],
    }
}

/// Whether two policies mean the same: the order in lists does not matter, and a list of one is the one itself, as
/// some services read it back.
#[must_use]
pub fn mean_the_same(one: &Value, other: &Value) -> bool {
    normal(one) == normal(other)
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(normal).collect();
            elements.sort_by_key(Value::to_string);
            elements.dedup();
            match elements.as_slice() {
                [lone] => lone.clone(),
                _ => Value::Array(elements),
            }
        }
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}

/// The public access block that lets a bucket's policy be public, and nothing more: access lists stay blocked.
#[must_use]
pub fn opened_access_block() -> PublicAccessBlockConfiguration {
    access_block().block_public_policy(false).restrict_public_buckets(false).build()
}

/// The public access block as AWS gives it to every new bucket.
#[must_use]
pub fn closed_access_block() -> PublicAccessBlockConfiguration {
    access_block().block_public_policy(true).restrict_public_buckets(true).build()
}

fn access_block() -> aws_sdk_s3::types::builders::PublicAccessBlockConfigurationBuilder {
    PublicAccessBlockConfiguration::builder().block_public_acls(true).ignore_public_acls(true)
}

/// The bucket's CORS rules with ours for these origins, and everything else as it was. `None` if they are so already.
pub fn with_cors(there: &[CorsRule], prefix: &str, origins: &[String]) -> Result<Option<Vec<CorsRule>>, BuildError> {
    let ours = CorsRule::builder()
        .id(rule_id(prefix))
        .set_allowed_origins(Some(origins.to_vec()))
        .set_allowed_methods(Some(vec!["GET".to_owned(), "HEAD".to_owned()]))
        .allowed_headers("*")
        .expose_headers("ETag")
        .max_age_seconds(CORS_MAX_AGE)
        .build()?;
    // Some services forget a rule's id; what it says is what counts then.
    let mut nameless = ours.clone();
    nameless.id = None;
    if there.iter().any(|rule| *rule == ours || *rule == nameless) {
        return Ok(None);
    }
    let mut rules = without_cors(there, prefix);
    rules.push(ours);
    Ok(Some(rules))
}

/// The bucket's CORS rules without ours.
#[must_use]
pub fn without_cors(there: &[CorsRule], prefix: &str) -> Vec<CorsRule> {
    let id = rule_id(prefix);
    there.iter().filter(|rule| rule.id() != Some(&id)).cloned().collect()
}

/// The bucket's lifecycle rules with ours, by which check files go after so many days, and everything else as it was.
/// `None` if they are so already.
pub fn with_expiry(there: &[LifecycleRule], prefix: &str, days: i32) -> Result<Option<Vec<LifecycleRule>>, BuildError> {
    let mut rules = without_expiry(there, prefix);
    let mut are_there = true;
    for (id, beginning) in expiry_rule_ids(prefix).into_iter().zip(check_file_prefixes(prefix)) {
        let is_so = |rule: &&LifecycleRule| rule.id() == Some(&id);
        are_there &= there.iter().find(is_so).is_some_and(|rule| expires(rule, &beginning, days));
        rules.push(
            LifecycleRule::builder()
                .id(id)
                .status(ExpirationStatus::Enabled)
                .filter(LifecycleRuleFilter::builder().prefix(beginning).build())
                .expiration(LifecycleExpiration::builder().days(days).build())
                .build()?,
        );
    }
    Ok((!are_there).then_some(rules))
}

/// The bucket's lifecycle rules without ours.
#[must_use]
pub fn without_expiry(there: &[LifecycleRule], prefix: &str) -> Vec<LifecycleRule> {
    let ids = expiry_rule_ids(prefix);
    there.iter().filter(|rule| !ids.iter().any(|id| rule.id() == Some(id))).cloned().collect()
}

/// Whether a lifecycle rule removes what begins so after so many days.
fn expires(rule: &LifecycleRule, beginning: &str, days: i32) -> bool {
    *rule.status() == ExpirationStatus::Enabled
        && rule.filter().and_then(LifecycleRuleFilter::prefix) == Some(beginning)
        && rule.expiration().and_then(LifecycleExpiration::days) == Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope<'_> = Scope { bucket: "my-status", prefix: "shop/", region: "eu-central-1" };

    fn node() -> NodeName {
        NodeName::new("eu-west").expect("it is a name")
    }

    #[test]
    fn a_reader_may_list_and_read_the_prefix_and_nothing_else() {
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
        let text = include_str!("../../../docs/provisioning.md");
        let blocks = text.split("```json\n").skip(1).filter_map(|rest| rest.split_once("```"));
        let blocks: Vec<Value> = blocks.map(|(block, _)| serde_json::from_str(block).expect("it is JSON")).collect();
        assert!(mean_the_same(&blocks[0], &reader(&SCOPE)), "{:#}", reader(&SCOPE));
        let expiring = writer(&SCOPE, &node(), Expires::Own);
        assert!(mean_the_same(&blocks[1], &expiring), "{expiring:#}");
        let origins = ["https://status.example.com".to_owned()];
        let cors = with_cors(&[], SCOPE.prefix, &origins).unwrap().expect("there is a rule");
        let documented = crate::provision::step::Step::PutCors(cors).document().expect("it has one");
        assert_eq!(blocks[2], documented);
    }

    #[test]
    fn without_a_prefix_a_listing_has_no_condition() {
        let policy = reader(&Scope { prefix: "", ..SCOPE });
        assert_eq!(policy["Statement"][0]["Condition"], Value::Null);
        assert_eq!(policy["Statement"][1]["Resource"], "arn:aws:s3:::my-status/*");
    }

    #[test]
    fn a_writer_stores_what_carries_its_name_and_deletes_only_if_it_expires() {
        let keeps = writer(&SCOPE, &node(), Expires::Nothing);
        assert_eq!(
            keeps["Statement"][2],
            json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": [
                "arn:aws:s3:::my-status/shop/???????????????????-eu-west-check.json",
                "arn:aws:s3:::my-status/shop/history/eu-west.json",
                "arn:aws:s3:::my-status/shop/history/eu-west.latency.json",
                "arn:aws:s3:::my-status/shop/0-summary/eu-west.json",
                "arn:aws:s3:::my-status/shop/0-summary/eu-west.html",
                "arn:aws:s3:::my-status/shop/0-badge/eu-west/*.svg",
                "arn:aws:s3:::my-status/shop/messages/???????????????????-eu-west*.json",
                "arn:aws:s3:::my-status/shop/heartbeats/*.json",
            ] })
        );
        assert!(!keeps.to_string().contains("Delete"));
        let own = "arn:aws:s3:::my-status/shop/???????????????????-eu-west-check.json";
        let expires = writer(&SCOPE, &node(), Expires::Own);
        assert_eq!(expires["Statement"][3], json!({ "Effect": "Allow", "Action": "s3:DeleteObject", "Resource": own }));
        let adopts = writer(&SCOPE, &node(), Expires::OwnAndTheOriginals);
        let originals = "arn:aws:s3:::my-status/shop/???????????????????-check.json";
        assert_eq!(adopts["Statement"][3]["Resource"], json!([own, originals]));
    }

    #[test]
    fn other_partitions_of_aws_have_names_of_their_own() {
        for (region, arn) in
            [("cn-north-1", "arn:aws-cn:s3:::my-status"), ("us-gov-west-1", "arn:aws-us-gov:s3:::my-status")]
        {
            assert_eq!(Scope { region, ..SCOPE }.bucket_arn(), arn);
        }
    }

    #[test]
    fn a_bucket_policy_keeps_what_others_wrote() {
        let foreign = json!({ "Version": "2012-10-17", "Statement": { "Sid": "Theirs", "Effect": "Deny" } });
        let public = with_public_statements(Some(&foreign), &SCOPE);
        assert_eq!(public["Statement"].as_array().map(Vec::len), Some(3));
        assert_eq!(public["Statement"][1]["Principal"], "*");
        assert!(has_public_statements(Some(&public), &SCOPE) && !has_public_statements(Some(&foreign), &SCOPE));
        assert!(mean_the_same(&with_public_statements(Some(&public), &SCOPE), &public));
        assert!(mean_the_same(&without_public_statements(Some(&public), &SCOPE).expect("theirs is left"), &foreign));
        assert_eq!(without_public_statements(Some(&with_public_statements(None, &SCOPE)), &SCOPE), None);
        // Another prefix of the bucket is another page's.
        assert!(!has_public_statements(Some(&public), &Scope { prefix: "other/", ..SCOPE }));
    }

    #[test]
    fn policies_mean_the_same_however_a_service_reads_them_back() {
        let (one, other) =
            (json!({ "Action": ["a"], "Resource": ["x", "y"] }), json!({ "Resource": ["y", "x"], "Action": "a" }));
        assert!(mean_the_same(&one, &other));
        assert!(!mean_the_same(&one, &json!({ "Action": "a", "Resource": ["x"] })));
    }

    #[test]
    fn cors_rules_keep_what_others_wrote_and_are_set_once() {
        let foreign =
            CorsRule::builder().allowed_methods("PUT").allowed_origins("https://upload.example").build().unwrap();
        let origins = ["https://status.example".to_owned()];
        let rules = with_cors(std::slice::from_ref(&foreign), "shop/", &origins).unwrap().expect("they change");
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[1].allowed_methods(), ["GET", "HEAD"]);
        assert_eq!(with_cors(&rules, "shop/", &origins).unwrap(), None);
        let mut nameless = rules.clone();
        nameless[1].id = None;
        assert_eq!(with_cors(&nameless, "shop/", &origins).unwrap(), None);
        let moved = with_cors(&rules, "shop/", &["https://new.example".to_owned()]).unwrap().expect("they change");
        assert_eq!((moved.len(), moved[1].allowed_origins()), (2, ["https://new.example".to_owned()].as_slice()));
        assert_eq!(without_cors(&rules, "shop/"), [foreign]);
        assert_eq!(without_cors(&rules, "other/").len(), 2);
    }

    #[test]
    fn lifecycle_rules_reach_check_files_only_and_keep_what_others_wrote() {
        let foreign = LifecycleRule::builder().id("theirs").status(ExpirationStatus::Disabled).build().unwrap();
        let rules = with_expiry(std::slice::from_ref(&foreign), "shop/", 90).unwrap().expect("they change");
        let beginnings: Vec<_> = rules[1..].iter().filter_map(|rule| rule.filter()?.prefix()).collect();
        assert_eq!(beginnings, ["shop/1", "shop/2"]);
        assert_eq!(with_expiry(&rules, "shop/", 90).unwrap(), None);
        assert_eq!(with_expiry(&rules, "shop/", 30).unwrap().map(|rules| rules.len()), Some(3));
        assert_eq!(without_expiry(&rules, "shop/"), [foreign]);
    }

    #[test]
    fn opening_to_the_public_leaves_access_lists_blocked() {
        let opened = opened_access_block();
        assert_eq!((opened.block_public_acls(), opened.ignore_public_acls()), (Some(true), Some(true)));
        assert_eq!((opened.block_public_policy(), opened.restrict_public_buckets()), (Some(false), Some(false)));
    }
}
