//! One step of a plan: what it does in words, which call it makes, and the document it sends. Pure.

use aws_sdk_s3::types::{
    CorsRule, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration,
};
use serde_json::{Value, json};

use super::files::Write;
use super::names::Role;
use super::spec::Identity;

/// Something to do. The order of a plan's steps matters.
#[derive(Debug, Clone)]
pub enum Step {
    /// Create the bucket.
    CreateBucket {
        /// Where.
        region: String,
    },
    /// Let the bucket's policy be public.
    OpenAccessBlock(PublicAccessBlockConfiguration),
    /// Forbid it again.
    CloseAccessBlock(PublicAccessBlockConfiguration),
    /// Replace the bucket's policy; `None` removes it.
    PutBucketPolicy(Option<Value>),
    /// Replace the CORS rules.
    PutCors(Vec<CorsRule>),
    /// Replace the lifecycle rules.
    PutLifecycle(Vec<LifecycleRule>),
    /// Make a user.
    CreateUser(Identity),
    /// Give it its rights.
    PutUserPolicy(Identity),
    /// Make a key for it and write it to its file at once.
    CreateKey {
        /// Whose.
        identity: Identity,
        /// How the file is written.
        how: Write,
        /// The keys it has before.
        keys_before: Vec<String>,
    },
    /// See that the key in its file works.
    ProveKey(Identity),
    /// Remove a key that nobody uses any more.
    DeleteKey {
        /// Whose.
        user: String,
        /// Which.
        key_id: String,
        /// Why.
        why: WhyDeleted,
    },
    /// Take a user's rights away.
    DeleteUserPolicy {
        /// Whose.
        user: String,
    },
    /// Remove a user.
    DeleteUser {
        /// Which.
        user: String,
    },
    /// Write a file that holds no key of ours.
    WriteFile {
        /// Whose.
        role: Role,
        /// How.
        how: Write,
        /// What it says.
        content: String,
    },
    /// Delete everything that checkers stored below the prefix.
    DeleteObjects {
        /// The prefix.
        prefix: String,
    },
    /// Delete the bucket if nothing is left in it.
    DeleteBucketIfEmpty,
}

/// Why a key is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyDeleted {
    /// It was made by a run that was interrupted before its secret was written down.
    Lost,
    /// A new one has taken its place.
    Replaced,
    /// Its user is removed.
    UserGoes,
}

impl Step {
    /// What it does, as an imperative.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Step::CreateBucket { region } => format!("create the bucket in `{region}`"),
            Step::OpenAccessBlock(_) => {
                "open the bucket's public access block for a public bucket policy (public access lists stay blocked)"
                    .to_owned()
            }
            Step::CloseAccessBlock(_) => "close the bucket's public access block again".to_owned(),
            Step::PutBucketPolicy(Some(_)) => "set the bucket's policy".to_owned(),
            Step::PutBucketPolicy(None) => "remove the bucket's policy, of which nothing else is left".to_owned(),
            Step::PutCors(rules) => format!("set the CORS rules of the bucket ({} in all)", rules.len()),
            Step::PutLifecycle(rules) => format!("set the lifecycle rules of the bucket ({} in all)", rules.len()),
            Step::CreateUser(identity) => format!("make the user `{}`, the {}", identity.user, identity.role),
            Step::PutUserPolicy(identity) => format!("give the {} its rights", identity.role),
            Step::CreateKey { identity, how, .. } => {
                let change =
                    if matches!(how, Write::InPlaceOf(_)) { "put it in the old one's place in" } else { "write it to" };
                format!("make a key for the {} and {change} `{}`", identity.role, identity.role.file_name())
            }
            Step::ProveKey(identity) => format!("see that the key of the {} works", identity.role),
            Step::DeleteKey { user, key_id, why } => {
                let why = match why {
                    WhyDeleted::Lost => ", which an interrupted run left without its secret",
                    WhyDeleted::Replaced => ", which a new one has replaced",
                    WhyDeleted::UserGoes => "",
                };
                format!("remove the key `{key_id}` of `{user}`{why}")
            }
            Step::DeleteUserPolicy { user } => format!("take the rights of `{user}` away"),
            Step::DeleteUser { user } => format!("remove the user `{user}`"),
            Step::WriteFile { role, .. } => format!("write `{}`", role.file_name()),
            Step::DeleteObjects { prefix } if prefix.is_empty() => {
                "delete all check files, histories and messages".to_owned()
            }
            Step::DeleteObjects { prefix } => {
                format!("delete all check files, histories and messages below `{prefix}`")
            }
            Step::DeleteBucketIfEmpty => "delete the bucket if nothing else is in it".to_owned(),
        }
    }

    /// The call that does it, by the permission it needs.
    #[must_use]
    pub fn action(&self) -> Option<&'static str> {
        Some(match self {
            Step::CreateBucket { .. } => "s3:CreateBucket",
            Step::OpenAccessBlock(_) | Step::CloseAccessBlock(_) => "s3:PutBucketPublicAccessBlock",
            Step::PutBucketPolicy(Some(_)) => "s3:PutBucketPolicy",
            Step::PutBucketPolicy(None) => "s3:DeleteBucketPolicy",
            Step::PutCors(_) => "s3:PutBucketCORS",
            Step::PutLifecycle(_) => "s3:PutLifecycleConfiguration",
            Step::CreateUser(_) => "iam:CreateUser",
            Step::PutUserPolicy(_) => "iam:PutUserPolicy",
            Step::CreateKey { .. } => "iam:CreateAccessKey",
            Step::ProveKey(_) => "s3:ListBucket",
            Step::DeleteKey { .. } => "iam:DeleteAccessKey",
            Step::DeleteUserPolicy { .. } => "iam:DeleteUserPolicy",
            Step::DeleteUser { .. } => "iam:DeleteUser",
            Step::WriteFile { .. } => return None,
            Step::DeleteObjects { .. } => "s3:DeleteObject",
            Step::DeleteBucketIfEmpty => "s3:DeleteBucket",
        })
    }

    /// What is sent with it, if it is more than a name.
    #[must_use]
    pub fn document(&self) -> Option<Value> {
        match self {
            Step::PutBucketPolicy(policy) => policy.clone(),
            Step::PutUserPolicy(identity) => Some(identity.policy.clone()),
            Step::PutCors(rules) => Some(rules.iter().map(cors).collect()),
            Step::PutLifecycle(rules) => Some(rules.iter().map(lifecycle).collect()),
            Step::OpenAccessBlock(block) | Step::CloseAccessBlock(block) => Some(json!({
                "BlockPublicAcls": block.block_public_acls(), "IgnorePublicAcls": block.ignore_public_acls(),
                "BlockPublicPolicy": block.block_public_policy(), "RestrictPublicBuckets": block.restrict_public_buckets(),
            })),
            Step::CreateUser(identity) => Some(json!({ "UserName": identity.user, "Path": identity.path })),
            _ => None,
        }
    }

    /// The step for machines.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({ "what": self.what() });
        if let Some(action) = self.action() {
            json["call"] = json!(action);
        }
        if let Some(document) = self.document() {
            json["document"] = document;
        }
        json
    }
}

fn cors(rule: &CorsRule) -> Value {
    json!({
        "ID": rule.id(), "AllowedOrigins": rule.allowed_origins(), "AllowedMethods": rule.allowed_methods(),
        "AllowedHeaders": rule.allowed_headers(), "ExposeHeaders": rule.expose_headers(), "MaxAgeSeconds": rule.max_age_seconds(),
    })
}

fn lifecycle(rule: &LifecycleRule) -> Value {
    json!({
        "ID": rule.id(), "Status": rule.status().as_str(), "Filter": { "Prefix": rule.filter().and_then(LifecycleRuleFilter::prefix) },
        "Expiration": { "Days": rule.expiration().and_then(LifecycleExpiration::days) },
    })
}
