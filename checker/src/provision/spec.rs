//! What somebody wants a bucket to be: checked here, once, before anything is asked of a service. Pure.

use shared::Nanos;
use shared::object_name::{self, NodeName, patterns};

use super::names::{self, NotABucketName, Role};
use super::policy::{self, Expires, Scope};
use crate::config::model::Page;
use crate::config::origin::{InvalidOrigin, validate_origin};
use crate::store::settings::Bucket;

/// All that provisioning is asked for.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// The bucket and how it is reached; its keys are the administrator's.
    pub bucket: Bucket,
    /// The bucket's region.
    pub region: String,
    /// How the page reads.
    pub access: Access,
    /// The page's origins, as browsers spell them.
    pub origins: Vec<String>,
    /// The nodes that write.
    pub writers: Vec<NodeName>,
    /// Which check files they may delete.
    pub expires: Expires,
    /// The age at which they delete them.
    pub check_expiry: Option<Nanos>,
    /// After how many days the bucket itself removes check files, if it does.
    pub lifecycle_days: Option<i32>,
    /// What the page is told besides where the store is.
    pub page: Page,
    /// What the writers check and how, as it is written in a configuration.
    pub checking: serde_json::Map<String, serde_json::Value>,
    /// What happens to files that are in the way.
    pub files: Files,
    /// What happens to keys that are there.
    pub keys: Keys,
}

/// How the page reads the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// With the public keys of a reader.
    Keys,
    /// Without keys: anybody may read.
    Public,
}

/// What happens to files that are in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// They stay, and provisioning stops.
    Keep,
    /// They are replaced.
    Replace,
}

/// What happens to keys that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// They stay.
    Keep,
    /// New ones take their place.
    Rotate,
}

/// Somebody who gets rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What for.
    pub role: Role,
    /// The user's name.
    pub user: String,
    /// The user's path, which proves that we made it.
    pub path: String,
    /// All it may do.
    pub policy: serde_json::Value,
}

/// The wishes do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WishError {
    /// The bucket's name.
    #[error(transparent)]
    Bucket(#[from] NotABucketName),
    /// The prefix.
    #[error(transparent)]
    Prefix(#[from] object_name::InvalidPrefix),
    /// The prefix would mean something else in a policy.
    #[error(transparent)]
    Pattern(#[from] patterns::InvalidPatternPrefix),
    /// An origin.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// The days of a lifecycle rule.
    #[error("invalid age `{0}`: a bucket counts in whole days; expected `1d` or more, for example `90d`")]
    Days(String),
    /// The originals' files are to be deleted by nobody.
    #[error(
        "writers need an age to remove the original Checkup's files; add `--check-expiry`, for example `--check-expiry 30d`"
    )]
    NothingExpires,
}

impl Wishes {
    /// Finds what does not fit.
    pub fn check(&self) -> Result<(), WishError> {
        check_place(&self.bucket)?;
        self.origins.iter().try_for_each(|origin| validate_origin(origin))?;
        Ok(())
    }

    /// Where rights are given.
    #[must_use]
    pub fn scope(&self) -> Scope<'_> {
        Scope { bucket: &self.bucket.name, prefix: &self.bucket.prefix, region: &self.region }
    }

    /// Everybody who gets rights: the reader first, then the writers in their order.
    #[must_use]
    pub fn identities(&self) -> Vec<Identity> {
        let scope = self.scope();
        let identity = |role: Role, policy| Identity {
            user: names::user_name(scope.bucket, scope.prefix, &role),
            path: names::user_path(scope.bucket, scope.prefix),
            role,
            policy,
        };
        let reader = (self.access == Access::Keys).then(|| identity(Role::Reader, policy::reader(&scope)));
        let writers = self.writers.iter();
        let writers =
            writers.map(|node| identity(Role::Writer(node.clone()), policy::writer(&scope, node, self.expires)));
        reader.into_iter().chain(writers).collect()
    }
}

/// Checks a bucket's name and prefix.
pub fn check_place(bucket: &Bucket) -> Result<(), WishError> {
    names::check_bucket_name(&bucket.name)?;
    object_name::validate_prefix(&bucket.prefix)?;
    Ok(patterns::validate_prefix(&bucket.prefix)?)
}

/// The whole days of a duration.
pub fn whole_days(age: Nanos) -> Result<i32, WishError> {
    let days = i32::try_from(age / shared::DAY).unwrap_or(0);
    if days < 1 || age % shared::DAY != 0 {
        Err(WishError::Days(shared::duration::format_exact(age)))
    } else {
        Ok(days)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use crate::provision::spec::*;
    use crate::store::settings::{Secret, WriterKeys};
    use shared::page_config::{AddressStyle, PageConfig};
    use shared::{DAY, HOUR};

    /// A page at one origin, written by one node.
    pub(in crate::provision) fn wishes() -> Wishes {
        Wishes {
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
            expires: Expires::Nothing,
            check_expiry: None,
            lifecycle_days: None,
            page: Page {
                config: PageConfig { title: "Shop".to_owned(), ..Page::default().config },
                embed_by: Vec::new(),
            },
            checking: serde_json::Map::new(),
            files: Files::Keep,
            keys: Keys::Keep,
        }
    }

    #[test]
    fn a_bucket_counts_in_whole_days() {
        assert_eq!(whole_days(90 * DAY), Ok(90));
        for age in [HOUR, 0, DAY + HOUR] {
            assert!(whole_days(age).is_err(), "{age}");
        }
    }
}
