//! The desired state of a bucket, validated before the first request. Pure.

use shared::Nanos;
use shared::object_name::{self, NodeName, patterns};

use super::names::{self, InvalidBucketName, Role};
use super::policy::{self, DeletableFiles, POLICY_LIMIT, Scope};
use crate::config::model::Page;
use crate::config::origin::{InvalidOrigin, validate_origin};
use crate::store::settings::Bucket;

/// The desired state, as given by the command line and the configuration.
#[derive(Debug, Clone)]
pub struct ProvisionSpec {
    /// The bucket, with the administrator's keys.
    pub bucket: Bucket,
    pub region: String,
    pub access: Access,
    pub origins: Vec<String>,
    pub writers: Vec<NodeName>,
    /// The people who can post under these names.
    pub authors: Vec<NodeName>,
    /// The check files that the writers may delete.
    pub deletable: DeletableFiles,
    /// The age at which the writers delete check files.
    pub check_expiry: Option<Nanos>,
    /// The age, in days, at which the bucket itself deletes check files.
    pub lifecycle_days: Option<i32>,
    /// The page's settings, except its source.
    pub page: Page,
    /// The settings for the writers' checks, as spelled in their configuration.
    pub checks: serde_json::Map<String, serde_json::Value>,
    /// Whether the writers store feeds and a calendar.
    pub stores_feeds: bool,
    pub files: ExistingFiles,
    pub keys: ExistingKeys,
}

/// How the page reads the bucket, and what everyone else can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The page uses a reader's published keys.
    Keys,
    /// The page uses a reader's published keys. Everyone can read summaries, badges and outputs.
    KeysAndPublicOutputs,
    /// The page needs no keys, because everyone can read.
    Public,
}

/// How existing files are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingFiles {
    /// Provisioning fails without changing anything.
    Keep,
    Replace,
}

/// How existing keys are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistingKeys {
    Keep,
    /// Existing keys are replaced by new ones.
    Rotate,
}

/// A user with its permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub role: Role,
    pub user: String,
    /// The user's path, which identifies users that provisioning created.
    pub path: String,
    /// The policy with all of the user's permissions.
    pub policy: serde_json::Value,
}

/// The desired state is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProvisionSpec {
    #[error(transparent)]
    Bucket(#[from] InvalidBucketName),
    #[error(transparent)]
    Prefix(#[from] object_name::InvalidPrefix),
    /// The prefix contains characters with a special meaning in policies.
    #[error(transparent)]
    Pattern(#[from] patterns::InvalidPatternPrefix),
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// The age is not a whole number of days.
    #[error("invalid age `{0}` for `--lifecycle`: expected a whole number of days, for example `90d`")]
    Days(String),
    /// IAM does not accept the permissions of a user.
    #[error(
        "the permissions of the {role} have {length} characters, more than IAM's limit of {POLICY_LIMIT}: use a shorter prefix, bucket name or node name"
    )]
    PolicyTooLong { role: Role, length: usize },
    /// Writers may delete the original Checkup's files, but no age is given.
    #[error("`--expire-legacy` requires an age: add `--check-expiry`, for example `--check-expiry 30d`")]
    MissingExpiry,
}

impl ProvisionSpec {
    /// Validates names, the prefix and origins.
    pub fn validate(&self) -> Result<(), InvalidProvisionSpec> {
        validate_location(&self.bucket)?;
        self.origins.iter().try_for_each(|origin| validate_origin(origin))?;
        // Other services have other limits, and report them.
        let is_aws = self.bucket.endpoint_url.is_none();
        for identity in self.identities().iter().filter(|_| is_aws) {
            let length = policy::length(&identity.policy);
            if length > POLICY_LIMIT {
                return Err(InvalidProvisionSpec::PolicyTooLong { role: identity.role.clone(), length });
            }
        }
        Ok(())
    }

    /// Returns the objects for which permissions are granted.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        Scope { bucket: &self.bucket.name, prefix: &self.bucket.prefix, region: &self.region }
    }

    /// Returns the users: the reader first, then the writers and the authors in their given order.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        let scope = self.scope();
        let identity = |role: Role, policy| Identity {
            user: names::user_name(scope.bucket, scope.prefix, &role),
            path: names::user_path(scope.bucket, scope.prefix),
            role,
            policy,
        };
        let reader = (self.access != Access::Public).then(|| identity(Role::Reader, policy::reader(&scope)));
        let writers = self.writers.iter();
        let writers =
            writers.map(|node| identity(Role::Writer(node.clone()), policy::writer(&scope, node, self.deletable)));
        let authors = self.authors.iter();
        let authors = authors.map(|author| identity(Role::Author(author.clone()), policy::author(&scope, author)));
        reader.into_iter().chain(writers).chain(authors).collect()
    }
}

/// Validates a bucket's name and prefix.
pub fn validate_location(bucket: &Bucket) -> Result<(), InvalidProvisionSpec> {
    names::validate_bucket_name(&bucket.name)?;
    object_name::validate_prefix(&bucket.prefix)?;
    Ok(patterns::validate_prefix(&bucket.prefix)?)
}

/// Converts a duration to whole days.
pub fn whole_days(age: Nanos) -> Result<i32, InvalidProvisionSpec> {
    let days = i32::try_from(age / shared::DAY).unwrap_or(0);
    if days < 1 || age % shared::DAY != 0 {
        Err(InvalidProvisionSpec::Days(shared::duration::format_exact(age)))
    } else {
        Ok(days)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use crate::provision::spec::*;
    use crate::redact::Secret;
    use crate::store::settings::WriterKeys;
    use shared::page_config::{AddressStyle, PageConfig};
    use shared::{DAY, HOUR};

    /// Returns a page with one origin and one writer.
    pub(in crate::provision) fn spec() -> ProvisionSpec {
        ProvisionSpec {
            bucket: Bucket {
                name: "my-status".to_owned(),
                region: Some("eu-central-1".to_owned()),
                endpoint_url: None,
                address_style: AddressStyle::VirtualHost,
                prefix: "shop/".to_owned(),
                keys: Some(WriterKeys {
                    access_key_id: "AKIAADMIN".to_owned(),
                    secret_access_key: Secret::new("the administrator's".to_owned()),
                }),
            },
            region: "eu-central-1".to_owned(),
            access: Access::Keys,
            origins: vec!["https://status.example".to_owned()],
            writers: vec![NodeName::new("eu-west").expect("it is a name")],
            authors: Vec::new(),
            deletable: DeletableFiles::None,
            check_expiry: None,
            lifecycle_days: None,
            page: Page {
                config: PageConfig { title: "Shop".to_owned(), ..Page::default().config },
                embed_by: Vec::new(),
            },
            checks: serde_json::Map::new(),
            stores_feeds: true,
            files: ExistingFiles::Keep,
            keys: ExistingKeys::Keep,
        }
    }

    #[test]
    fn permissions_that_iam_does_not_accept_are_reported_before_anything_is_created() {
        let mut long = spec();
        assert_eq!(long.validate(), Ok(()));
        long.bucket.prefix = format!("{}/", "p".repeat(200));
        let error = long.validate().expect_err("they are too long").to_string();
        assert!(error.contains("the permissions of the writer `eu-west`"), "{error}");
        long.bucket.endpoint_url = Some("https://s3.example.com".to_owned());
        assert_eq!(long.validate(), Ok(()), "other services have other limits");
    }

    #[test]
    fn a_bucket_counts_in_whole_days() {
        assert_eq!(whole_days(90 * DAY), Ok(90));
        for age in [HOUR, 0, DAY + HOUR] {
            assert!(whole_days(age).is_err(), "{age}");
        }
    }
}
