//! All permissions that provisioning grants, and the bucket's rules. Pure. Also compares policies, which services may
//! return in a different form.

#[cfg(test)]
mod tests;

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    CorsRule, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration,
};
use serde_json::{Value, json};
use shared::object_name::{NodeName, check_file_prefixes, patterns};

use super::names::{expiry_rule_ids, rule_id, statement_ids};

/// How long browsers may cache CORS permissions, in seconds. The original Checkup uses the same value.
const CORS_MAX_AGE: i32 = 3_000;

/// IAM's limit for the total length of a user's inline policies, in characters without white space.
pub const POLICY_LIMIT: usize = 2_048;

/// The objects for which permissions are granted.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub bucket: &'a str,
    /// The prefix of all keys.
    pub prefix: &'a str,
    /// The bucket's region, which determines the AWS partition.
    pub region: &'a str,
}

/// The check files that a writer may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletableFiles {
    /// Writers do not delete check files. The files are kept, or a lifecycle rule deletes them.
    #[default]
    None,
    Own,
    /// Writers delete their own check files, and those of the original Checkup, which have no node.
    OwnAndLegacy,
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

    #[must_use]
    pub fn bucket_arn(&self) -> String {
        self.arn(self.bucket)
    }

    /// Returns the ARN for objects that match a pattern, which starts with the prefix.
    #[must_use]
    pub fn objects_arn(&self, pattern: &str) -> String {
        self.arn(&format!("{}/{pattern}", self.bucket))
    }

    /// Returns the statement that allows listing objects below the prefix.
    fn list(&self) -> Value {
        let mut statement = json!({ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": self.bucket_arn() });
        // With an empty prefix, the condition would not restrict anything, and would deny listings without a prefix.
        if !self.prefix.is_empty() {
            statement["Condition"] = json!({ "StringLike": { "s3:prefix": patterns::everything(self.prefix) } });
        }
        statement
    }

    fn read(&self) -> Value {
        allow("s3:GetObject", self.objects_arn(&patterns::everything(self.prefix)))
    }
}

fn allow(action: impl Into<Value>, resource: impl Into<Value>) -> Value {
    json!({ "Effect": "Allow", "Action": action.into(), "Resource": resource.into() })
}

/// Returns the statement that allows storing and deleting objects. A statement for both is shorter than two: IAM limits
/// the length of a user's policies.
fn store_and_delete(resource: impl Into<Value>) -> Value {
    allow(json!(["s3:PutObject", "s3:DeleteObject"]), resource)
}

fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Returns the permissions of the page's visitors, who can list and read objects below the prefix.
#[must_use]
pub fn reader(scope: &Scope<'_>) -> Value {
    document(&[scope.list(), scope.read()])
}

/// Returns the permissions of a node's checker: those of the page's visitors, plus storing the node's own objects and
/// heartbeats, erasing posts in the node's name and, if check files expire, deleting them.
#[must_use]
pub fn writer(scope: &Scope<'_>, node: &NodeName, deletable: DeletableFiles) -> Value {
    let arns = |patterns: &[String]| patterns.iter().map(|pattern| scope.objects_arn(pattern)).collect::<Vec<_>>();
    let own_files = arns(&patterns::check_files(scope.prefix, node));
    let posts = scope.objects_arn(&patterns::posts(scope.prefix, node));
    let mut stored = vec![scope.objects_arn(&patterns::history(scope.prefix, node))];
    stored.extend(arns(&patterns::summaries(scope.prefix, node)));
    stored.push(scope.objects_arn(&patterns::outputs(scope.prefix, node)));
    stored.push(scope.objects_arn(&patterns::notification_log(scope.prefix, node)));
    stored.push(scope.objects_arn(&patterns::heartbeats(scope.prefix)));
    let (stored, deleted) = match deletable {
        DeletableFiles::None => ([own_files, stored].concat(), vec![posts]),
        DeletableFiles::Own | DeletableFiles::OwnAndLegacy => (stored, [own_files, vec![posts]].concat()),
    };
    let mut statements = vec![scope.list(), scope.read(), allow("s3:PutObject", stored), store_and_delete(deleted)];
    if deletable == DeletableFiles::OwnAndLegacy {
        statements.push(allow("s3:DeleteObject", arns(&patterns::legacy_check_files(scope.prefix))));
    }
    document(&statements)
}

/// Returns the permissions of a person who writes posts: those of the page's visitors, plus storing and erasing the
/// author's own posts, and storing their digest.
#[must_use]
pub fn author(scope: &Scope<'_>, author: &NodeName) -> Value {
    let digest = scope.objects_arn(&patterns::digest(scope.prefix, author));
    let posts = scope.objects_arn(&patterns::posts(scope.prefix, author));
    document(&[scope.list(), scope.read(), allow("s3:PutObject", digest), store_and_delete(posts)])
}

/// Returns the length of a user's policy as IAM counts it: without white space.
#[must_use]
pub fn length(policy: &Value) -> usize {
    policy.to_string().chars().filter(|character| !character.is_whitespace()).count()
}

/// Returns the bucket policy statements that grant everyone a reader's permissions.
#[must_use]
pub fn public_statements(scope: &Scope<'_>) -> [Value; 2] {
    let [list_id, read_id, _] = statement_ids(scope.prefix);
    [public(&list_id, scope.list()), public(&read_id, scope.read())]
}

/// Returns the bucket policy statement that lets everyone read summaries, badges and outputs, and nothing else.
#[must_use]
pub fn public_outputs_statement(scope: &Scope<'_>) -> Value {
    let [_, _, id] = statement_ids(scope.prefix);
    let objects = patterns::public_outputs(scope.prefix).map(|pattern| scope.objects_arn(&pattern));
    public(&id, allow("s3:GetObject", objects.to_vec()))
}

fn public(id: &str, mut statement: Value) -> Value {
    statement["Sid"] = json!(id);
    statement["Principal"] = json!("*");
    statement
}

/// Returns the bucket policy with these public statements instead of those that provisioning added before.
#[must_use]
pub fn with_public_statements(existing: Option<&Value>, scope: &Scope<'_>, public: &[Value]) -> Value {
    let mut policy = without_public_statements(existing, scope).unwrap_or_else(|| document(&[]));
    let mut statements = statements_of(&policy);
    statements.extend(public.iter().cloned());
    policy["Statement"] = Value::Array(statements);
    policy
}

/// Returns the bucket policy without the public statements, or `None` if no other statements remain.
#[must_use]
pub fn without_public_statements(existing: Option<&Value>, scope: &Scope<'_>) -> Option<Value> {
    let ids = statement_ids(scope.prefix);
    let is_ours = |statement: &Value| statement["Sid"].as_str().is_some_and(|id| ids.iter().any(|ours| ours == id));
    let mut policy = existing?.clone();
    let kept: Vec<Value> = statements_of(&policy).into_iter().filter(|statement| !is_ours(statement)).collect();
    if kept.is_empty() {
        return None;
    }
    policy["Statement"] = Value::Array(kept);
    Some(policy)
}

/// Returns whether the bucket policy contains the public statements.
#[must_use]
pub fn has_public_statements(existing: Option<&Value>, scope: &Scope<'_>) -> bool {
    let without = without_public_statements(existing, scope);
    existing.map(|policy| statements_of(policy).len()) != without.as_ref().map(|policy| statements_of(policy).len())
}

/// Returns a policy's statements. A policy with a single statement need not contain a list.
fn statements_of(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Null => Vec::new(),
        single => vec![single.clone()],
    }
}

/// Returns whether two policies are equivalent. Services may reorder lists, and replace one-element lists with their
/// element.
#[must_use]
pub fn are_equivalent(one: &Value, other: &Value) -> bool {
    normalized(one) == normalized(other)
}

fn normalized(value: &Value) -> Value {
    match value {
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(normalized).collect();
            elements.sort_by_key(Value::to_string);
            elements.dedup();
            match elements.as_slice() {
                [single] => single.clone(),
                _ => Value::Array(elements),
            }
        }
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), normalized(value))).collect(),
        other => other.clone(),
    }
}

/// Returns whether a user's policy allows reading exactly the objects below the prefix, as all policies from
/// provisioning do. Services may change the names of actions, but not resources.
#[must_use]
pub fn grants_reading(policy: &Value, scope: &Scope<'_>) -> bool {
    let objects = scope.objects_arn(&patterns::everything(scope.prefix));
    let is_objects = |resource: &Value| resource.as_str() == Some(objects.as_str());
    statements_of(policy).iter().any(|statement| match &statement["Resource"] {
        Value::Array(resources) => resources.iter().any(is_objects),
        resource => is_objects(resource),
    })
}

/// Returns whether a bucket with this public access block can have a public policy. A bucket without a block can.
#[must_use]
pub fn is_open(block: Option<&PublicAccessBlockConfiguration>) -> bool {
    block.is_none_or(|block| block.block_public_policy() != Some(true) && block.restrict_public_buckets() != Some(true))
}

/// Returns this public access block, changed to allow a public policy. Its flags for access lists stay the same,
/// because some services refuse all uploads once public lists are blocked.
#[must_use]
pub fn opened(block: &PublicAccessBlockConfiguration) -> PublicAccessBlockConfiguration {
    let mut opened = block.clone();
    opened.block_public_policy = Some(false);
    opened.restrict_public_buckets = Some(false);
    opened
}

/// Returns the public access block of new AWS buckets if provisioning would turn it into this block, otherwise `None`.
#[must_use]
pub fn closed_again(block: Option<&PublicAccessBlockConfiguration>) -> Option<PublicAccessBlockConfiguration> {
    let flag = Some(true);
    let builder = PublicAccessBlockConfiguration::builder();
    let closed = builder.set_block_public_acls(flag).set_ignore_public_acls(flag).set_block_public_policy(flag);
    let closed = closed.set_restrict_public_buckets(flag).build();
    (block == Some(&opened(&closed))).then_some(closed)
}

/// Returns the bucket's CORS rules, including one for these origins, or `None` if nothing changes.
pub fn with_cors(existing: &[CorsRule], prefix: &str, origins: &[String]) -> Result<Option<Vec<CorsRule>>, BuildError> {
    let ours = CorsRule::builder()
        .id(rule_id(prefix))
        .set_allowed_origins(Some(origins.to_vec()))
        .set_allowed_methods(Some(vec!["GET".to_owned(), "HEAD".to_owned()]))
        .allowed_headers("*")
        .expose_headers("ETag")
        .max_age_seconds(CORS_MAX_AGE)
        .build()?;
    // Some services do not store rule IDs.
    let mut without_id = ours.clone();
    without_id.id = None;
    if existing.iter().any(|rule| *rule == ours || *rule == without_id) {
        return Ok(None);
    }
    let mut rules = without_cors(existing, prefix);
    rules.push(ours);
    Ok(Some(rules))
}

/// Returns the bucket's CORS rules without the page's.
#[must_use]
pub fn without_cors(existing: &[CorsRule], prefix: &str) -> Vec<CorsRule> {
    let id = rule_id(prefix);
    existing.iter().filter(|rule| rule.id() != Some(&id)).cloned().collect()
}

/// Returns the bucket's lifecycle rules, including those that delete check files at this age, or `None` if nothing
/// changes.
pub fn with_expiry(
    existing: &[LifecycleRule],
    prefix: &str,
    days: i32,
) -> Result<Option<Vec<LifecycleRule>>, BuildError> {
    let mut rules = without_expiry(existing, prefix);
    let mut are_unchanged = true;
    for (id, beginning) in expiry_rule_ids(prefix).into_iter().zip(check_file_prefixes(prefix)) {
        let has_id = |rule: &&LifecycleRule| rule.id() == Some(&id);
        are_unchanged &= existing.iter().find(has_id).is_some_and(|rule| expires(rule, &beginning, days));
        rules.push(
            LifecycleRule::builder()
                .id(id)
                .status(ExpirationStatus::Enabled)
                .filter(LifecycleRuleFilter::builder().prefix(beginning).build())
                .expiration(LifecycleExpiration::builder().days(days).build())
                .build()?,
        );
    }
    Ok((!are_unchanged).then_some(rules))
}

/// Returns the bucket's lifecycle rules without those for check files.
#[must_use]
pub fn without_expiry(existing: &[LifecycleRule], prefix: &str) -> Vec<LifecycleRule> {
    let ids = expiry_rule_ids(prefix);
    existing.iter().filter(|rule| !ids.iter().any(|id| rule.id() == Some(id))).cloned().collect()
}

/// Returns whether a lifecycle rule deletes objects with this key prefix at this age.
fn expires(rule: &LifecycleRule, beginning: &str, days: i32) -> bool {
    *rule.status() == ExpirationStatus::Enabled
        && rule.filter().and_then(LifecycleRuleFilter::prefix) == Some(beginning)
        && rule.expiration().and_then(LifecycleExpiration::days) == Some(days)
}
