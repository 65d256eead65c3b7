//! One step of a plan: its description, its call and the document that it sends. Pure.

use aws_sdk_s3::types::{
    CorsRule, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, PublicAccessBlockConfiguration,
};
use serde_json::{Value, json};

use super::files::FileUpdate;
use super::names::{CREATED_BUCKET, Role, TAG};
use super::revocation::RevokedKey;
use super::spec::Identity;

/// A step of a plan. The order of steps matters.
#[derive(Debug, Clone)]
pub enum Step {
    CreateBucket {
        region: String,
    },
    /// Tag the bucket as created by provisioning.
    MarkBucket,
    /// Allow the bucket policy to be public, if a public access block forbids it.
    OpenAccessBlock,
    /// Forbid the bucket policy from being public.
    CloseAccessBlock(PublicAccessBlockConfiguration),
    /// Replace the bucket policy; `None` deletes it.
    PutBucketPolicy(Option<Value>),
    PutCors(Vec<CorsRule>),
    PutLifecycle(Vec<LifecycleRule>),
    CreateUser(Identity),
    PutUserPolicy(Identity),
    /// Create a key for the user and immediately write it to its file.
    CreateKey {
        identity: Identity,
        how: FileUpdate,
        /// The keys that the user already has.
        keys_before: Vec<String>,
    },
    /// Verify the key in the user's file.
    VerifyKey(Identity),
    DeleteKey {
        user: String,
        key_id: String,
        why: DeletionReason,
    },
    DeleteUserPolicy {
        user: String,
    },
    DeleteUser {
        user: String,
    },
    /// Write a file without a new key.
    WriteFile {
        role: Role,
        how: FileUpdate,
        content: String,
    },
    /// Add the URL of the outputs to the page's existing file.
    LinkOutputs,
    /// Delete everything that checkers stored below the prefix.
    DeleteObjects {
        prefix: String,
    },
    /// Prove that deleted keys no longer work.
    VerifyRevocation(Vec<RevokedKey>),
    /// List the whole bucket, and delete it if it is empty.
    DeleteBucket,
}

/// Why a key is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionReason {
    /// The key's secret was lost when a run was interrupted before saving it.
    Lost,
    /// A new key replaces this one.
    Replaced,
    UserDeleted,
}

impl Step {
    /// Describes the step as an imperative.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Step::CreateBucket { region } => format!("create the bucket in `{region}`"),
            Step::MarkBucket => "tag the bucket as created by `provision`".to_owned(),
            Step::OpenAccessBlock => {
                "relax the bucket's public access block to allow a public bucket policy (access lists do not change)"
                    .to_owned()
            }
            Step::CloseAccessBlock(_) => "restore the bucket's public access block".to_owned(),
            Step::PutBucketPolicy(Some(_)) => "set the bucket's policy".to_owned(),
            Step::PutBucketPolicy(None) => "delete the bucket's policy, which has no other statements".to_owned(),
            Step::PutCors(rules) => format!("set the bucket's CORS rules ({} in total)", rules.len()),
            Step::PutLifecycle(rules) => format!("set the bucket's lifecycle rules ({} in total)", rules.len()),
            Step::CreateUser(identity) => format!("create the user `{}` for the {}", identity.user, identity.role),
            Step::PutUserPolicy(identity) => format!("set the permissions of the {}", identity.role),
            Step::CreateKey { identity, how, .. } => {
                let change =
                    if matches!(how, FileUpdate::ReplaceKeys(_)) { "replace the old one in" } else { "save it in" };
                format!("create a key for the {} and {change} `{}`", identity.role, identity.role.file_name())
            }
            Step::VerifyKey(identity) => format!("verify the key for the {}", identity.role),
            Step::DeleteKey { user, key_id, why } => {
                let why = match why {
                    DeletionReason::Lost => ", whose secret was lost in an interrupted run",
                    DeletionReason::Replaced => ", which was replaced",
                    DeletionReason::UserDeleted => "",
                };
                format!("delete the key `{key_id}` of `{user}`{why}")
            }
            Step::DeleteUserPolicy { user } => format!("delete the permissions of `{user}`"),
            Step::DeleteUser { user } => format!("delete the user `{user}`"),
            Step::WriteFile { role, .. } => format!("write `{}`", role.file_name()),
            Step::LinkOutputs => format!("add the URL of the feeds and the calendar to `{}`", Role::Reader.file_name()),
            Step::DeleteObjects { prefix } if prefix.is_empty() => {
                "delete all check files, histories, heartbeats, logs and posts".to_owned()
            }
            Step::DeleteObjects { prefix } => {
                format!("delete all check files, histories, heartbeats, logs and posts below `{prefix}`")
            }
            Step::VerifyRevocation(keys) => {
                let ids: Vec<String> = keys.iter().map(|key| format!("`{}`", key.id)).collect();
                match ids.as_slice() {
                    [id] => format!("verify that the deleted key {id} no longer works"),
                    _ => format!("verify that the deleted keys {} no longer work", ids.join(", ")),
                }
            }
            Step::DeleteBucket => "list the whole bucket, and delete it if it is empty".to_owned(),
        }
    }

    /// Returns the step's API call, named after the permission that it requires.
    #[must_use]
    pub fn action(&self) -> Option<&'static str> {
        Some(match self {
            Step::CreateBucket { .. } => "s3:CreateBucket",
            Step::MarkBucket => "s3:PutBucketTagging",
            Step::OpenAccessBlock | Step::CloseAccessBlock(_) => "s3:PutBucketPublicAccessBlock",
            Step::PutBucketPolicy(Some(_)) => "s3:PutBucketPolicy",
            Step::PutBucketPolicy(None) => "s3:DeleteBucketPolicy",
            Step::PutCors(_) => "s3:PutBucketCORS",
            Step::PutLifecycle(_) => "s3:PutLifecycleConfiguration",
            Step::CreateUser(_) => "iam:CreateUser",
            Step::PutUserPolicy(_) => "iam:PutUserPolicy",
            Step::CreateKey { .. } => "iam:CreateAccessKey",
            Step::VerifyKey(_) | Step::VerifyRevocation(_) => "s3:ListBucket",
            Step::DeleteKey { .. } => "iam:DeleteAccessKey",
            Step::DeleteUserPolicy { .. } => "iam:DeleteUserPolicy",
            Step::DeleteUser { .. } => "iam:DeleteUser",
            Step::WriteFile { .. } | Step::LinkOutputs => return None,
            Step::DeleteObjects { .. } => "s3:DeleteObject",
            Step::DeleteBucket => "s3:DeleteBucket",
        })
    }

    /// Returns the document that the call sends, if any.
    #[must_use]
    pub fn document(&self) -> Option<Value> {
        match self {
            Step::PutBucketPolicy(policy) => policy.clone(),
            Step::PutUserPolicy(identity) => Some(identity.policy.clone()),
            Step::PutCors(rules) => Some(rules.iter().map(cors).collect()),
            Step::PutLifecycle(rules) => Some(rules.iter().map(lifecycle).collect()),
            Step::MarkBucket => Some(json!({ TAG: CREATED_BUCKET })),
            Step::OpenAccessBlock => Some(json!({ "BlockPublicPolicy": false, "RestrictPublicBuckets": false })),
            Step::CloseAccessBlock(block) => Some(json!({
                "BlockPublicAcls": block.block_public_acls(), "IgnorePublicAcls": block.ignore_public_acls(),
                "BlockPublicPolicy": block.block_public_policy(), "RestrictPublicBuckets": block.restrict_public_buckets(),
            })),
            Step::CreateUser(identity) => Some(json!({ "UserName": identity.user, "Path": identity.path })),
            _ => None,
        }
    }

    /// Returns instructions for doing the step manually if the service does not support it, including the rules to set.
    #[must_use]
    pub fn by_hand(&self) -> String {
        let rules = self.document().map(|document| format!(": {document}")).unwrap_or_default();
        format!("{} with the service's own tools, because its S3 API does not support it{rules}", self.what())
    }

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
