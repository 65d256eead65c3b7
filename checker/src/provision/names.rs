//! Names of the resources that provisioning creates: users, paths, rules and files. Pure.
//!
//! Names contain the bucket and the prefix, so several pages can share an account or a bucket.

use std::fmt;

use sha2::{Digest as _, Sha256};
use shared::object_name::NodeName;

/// The prefix of all resource names.
const NAME_PREFIX: &str = "checkup";
/// The name of a user's inline policy.
pub const USER_POLICY: &str = NAME_PREFIX;
/// The key of the tag that marks the resources that provisioning created. A bucket's tag has the value
/// [`CREATED_BUCKET`], a user's tag the value of [`user_tag`].
pub const TAG: &str = NAME_PREFIX;
/// The value of a bucket's tag.
pub const CREATED_BUCKET: &str = "created";
/// IAM's length limit for the value of a tag.
const TAG_LIMIT: usize = 256;
/// IAM's length limit for user names.
const USER_NAME_LIMIT: usize = 64;
/// IAM's length limit for paths.
const PATH_LIMIT: usize = 512;

/// The purpose of a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The role that lets the page's visitors read the store. Its keys are public.
    Reader,
    /// The role that lets this node's checker write to the store.
    Writer(NodeName),
    /// The role that lets a person post under this name.
    Author(NodeName),
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Reader => formatter.write_str("reader"),
            Role::Writer(node) => write!(formatter, "writer `{node}`"),
            Role::Author(author) => write!(formatter, "author `{author}`"),
        }
    }
}

impl Role {
    /// Returns the file that contains the user's keys.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self {
            Role::Reader => shared::object_name::PAGE_CONFIG.to_owned(),
            Role::Writer(node) => format!("checker-{node}.json"),
            Role::Author(author) => format!("author-{author}.json"),
        }
    }
}

/// Returns the name of a user: `checkup_my-status_reader`, `checkup_my-status+shop_writer_eu-west`.
///
/// Bucket names contain neither underscores nor plus signs, so these names are unique. If a name is too long, or has
/// characters that IAM does not support, it contains a hash instead.
#[must_use]
pub fn user_name(bucket: &str, prefix: &str, role: &Role) -> String {
    let role = match role {
        Role::Reader => "reader".to_owned(),
        Role::Writer(node) => format!("writer_{node}"),
        Role::Author(author) => format!("author_{author}"),
    };
    let location = format!("{bucket}/{prefix}").trim_end_matches('/').replace('/', "+");
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    let needs_no_hash = !prefix.contains('+') && location.bytes().all(is_plain);
    let name = format!("{NAME_PREFIX}_{location}_{role}");
    if needs_no_hash && name.len() <= USER_NAME_LIMIT {
        return name;
    }
    format!("{NAME_PREFIX}_{}_{role}", hash(bucket, prefix))
}

/// Returns the path of all users for a bucket and prefix. Provisioning recognizes the users that it created by this
/// path.
#[must_use]
pub fn user_path(bucket: &str, prefix: &str) -> String {
    let path = format!("/{NAME_PREFIX}/{bucket}/{prefix}");
    if path.len() <= PATH_LIMIT && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return path;
    }
    format!("/{NAME_PREFIX}/{bucket}/{}/", hash(bucket, prefix))
}

/// Returns the role of a user for this bucket and prefix, based on the exact name, or `None` for any other user.
#[must_use]
pub fn role_of_user(bucket: &str, prefix: &str, user: &str) -> Option<Role> {
    let name = user.rsplit_once('_').and_then(|(_, name)| NodeName::new(name).ok());
    let (writer, author) = (name.clone().map(Role::Writer), name.map(Role::Author));
    [Some(Role::Reader), writer, author].into_iter().flatten().find(|role| user_name(bucket, prefix, role) == user)
}

/// Returns whether a user belongs to any page in this bucket, according to its name or path.
#[must_use]
pub fn is_user_in_bucket(bucket: &str, user: &str, path: &str) -> bool {
    let name = user.strip_prefix(NAME_PREFIX).and_then(|rest| rest.strip_prefix('_')?.strip_prefix(bucket));
    name.is_some_and(|rest| rest.starts_with(['_', '+'])) || path.starts_with(&format!("/{NAME_PREFIX}/{bucket}/"))
}

/// Returns the value of a user's tag, which identifies its bucket and prefix like [`user_path`].
#[must_use]
pub fn user_tag(bucket: &str, prefix: &str) -> String {
    let tag = format!("{bucket}/{prefix}");
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/=+-@ ".contains(c);
    if tag.len() <= TAG_LIMIT && tag.chars().all(is_allowed) {
        tag
    } else {
        format!("{bucket}/{}/", hash(bucket, prefix))
    }
}

/// Returns the ID of the CORS rule, which is also the prefix of the lifecycle rules' IDs.
#[must_use]
pub fn rule_id(prefix: &str) -> String {
    if prefix.is_empty() { NAME_PREFIX.to_owned() } else { format!("{NAME_PREFIX}:{}", shortened(prefix)) }
}

/// Returns the IDs of the lifecycle rules: one for each prefix that check file names can have.
#[must_use]
pub fn expiry_rule_ids(prefix: &str) -> [String; 2] {
    [1, 2].map(|number| format!("{}:expiry-{number}", rule_id(prefix)))
}

/// Returns the IDs of the statements in the bucket policy: for listing and reading everything, and for reading outputs. AWS
/// allows only letters and digits in them.
#[must_use]
pub fn statement_ids(prefix: &str) -> [String; 3] {
    ["List", "Read", "Outputs"]
        .map(|what| format!("Checkup{what}{}", if prefix.is_empty() { String::new() } else { hash("", prefix) }))
}

/// Shortens a prefix for use in an ID, which can have at most 255 characters.
fn shortened(prefix: &str) -> String {
    const LONGEST: usize = 200;
    if prefix.len() <= LONGEST && prefix.is_ascii() { prefix.to_owned() } else { hash("", prefix) }
}

/// Returns sixteen hexadecimal digits that identify a bucket and prefix.
fn hash(bucket: &str, prefix: &str) -> String {
    let digest = Sha256::digest(format!("{bucket}\n{prefix}"));
    let start = digest.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    format!("{start:016x}")
}

/// A string is not a valid bucket name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid bucket name `{name}`: {why}")]
pub struct InvalidBucketName {
    pub name: String,
    /// The rule that the name violates.
    pub why: &'static str,
}

/// Validates a bucket name against the rules for new buckets, which produce names that all services accept.
pub fn validate_bucket_name(name: &str) -> Result<(), InvalidBucketName> {
    let invalid = |why| Err(InvalidBucketName { name: name.to_owned(), why });
    let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    if !(3..=63).contains(&bytes.len()) {
        return invalid("it must be 3 to 63 characters long");
    }
    if !bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')) {
        return invalid("use lowercase letters, digits, hyphens and dots only, for example `my-status`");
    }
    if !is_edge(bytes.first()) || !is_edge(bytes.last()) {
        return invalid("it must start and end with a letter or a digit");
    }
    if name.contains("..") {
        return invalid("it must not contain two dots in a row");
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return invalid("it must not be formatted as an IP address");
    }
    if name.starts_with("xn--")
        || name.starts_with("sthree-")
        || name.ends_with("-s3alias")
        || name.ends_with("--ol-s3")
    {
        return invalid("S3 reserves this prefix or suffix");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn writer(node: &str) -> Role {
        Role::Writer(NodeName::new(node).expect("it is a name"))
    }

    #[test]
    fn names_contain_bucket_prefix_and_role() {
        assert_eq!(user_name("my-status", "", &Role::Reader), "checkup_my-status_reader");
        assert_eq!(user_name("my-status", "eu/shop/", &writer("eu-west")), "checkup_my-status+eu+shop_writer_eu-west");
        assert_eq!(user_path("my-status", "shop/"), "/checkup/my-status/shop/");
        assert_eq!(rule_id("shop/"), "checkup:shop/");
    }

    #[test]
    fn names_that_are_too_long_contain_a_hash() {
        let (long, node) = ("b".repeat(63), "n".repeat(32));
        let names = [
            user_name(&long, "", &writer(&node)),
            user_name(&long, "a/", &writer(&node)),
            user_name("my-status", "Größe/", &writer(&node)),
            user_name("my-status", "a+b/", &Role::Reader),
            user_name("my-status", "a/b/", &Role::Reader),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= USER_NAME_LIMIT && name.is_ascii(), "{name}");
            assert!(!names[..index].contains(name), "{name}");
        }
        assert!(user_path("my-status", "Größe/").is_ascii());
        assert!(user_path("my-status", &"a/".repeat(400)).len() <= PATH_LIMIT);
    }

    #[test]
    fn a_user_is_recognized_by_its_exact_name() {
        let long = "b".repeat(63);
        for (bucket, prefix) in [("my-status", ""), ("my-status", "eu/shop/"), ("my-status", "Größe/"), (&long, "a/")]
        {
            let author = Role::Author(NodeName::new("eu-west").expect("it is a name"));
            for role in [Role::Reader, writer("eu-west"), writer("reader"), author] {
                let name = user_name(bucket, prefix, &role);
                assert_eq!(role_of_user(bucket, prefix, &name), Some(role), "{name}");
                assert_eq!(role_of_user(bucket, "other/", &name), None, "{name}");
                assert_eq!(role_of_user("another-bucket", prefix, &name), None, "{name}");
            }
        }
        for name in
            ["checkup_my-status_reader_2", "checkup_my-status_writer_", "checkup_my-status_writer_EU", "reader", ""]
        {
            assert_eq!(role_of_user("my-status", "", name), None, "{name}");
        }
    }

    #[test]
    fn users_of_all_pages_in_a_bucket_are_recognized() {
        for (name, path, expected) in [
            ("checkup_my-status_reader", "/", true),
            ("checkup_my-status+shop_writer_a", "/", true),
            ("checkup_0123456789abcdef_reader", "/checkup/my-status/0123456789abcdef/", true),
            ("checkup_my-status-2_reader", "/checkup/my-status-2/", false),
            ("my-status", "/", false),
        ] {
            assert_eq!(is_user_in_bucket("my-status", name, path), expected, "{name}");
        }
    }

    #[test]
    fn a_tag_has_only_characters_that_iam_allows() {
        assert_eq!(user_tag("my-status", "shop/"), "my-status/shop/");
        for prefix in ["Größe/", "a!/", &"a/".repeat(200)] {
            let tag = user_tag("my-status", prefix);
            assert!(tag.is_ascii() && tag.len() <= TAG_LIMIT && !tag.contains('!'), "{tag}");
            assert_ne!(tag, user_tag("my-status", "other/"));
        }
    }

    #[test]
    fn ids_of_statements_are_alphanumeric() {
        for id in statement_ids("a/b-c/").iter().chain(&statement_ids("")) {
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
    }

    #[test]
    fn the_error_of_an_invalid_bucket_name_contains_the_rule() {
        for name in ["my-status", "a.b", "123", "a0"].iter().filter(|name| name.len() > 2) {
            assert_eq!(validate_bucket_name(name), Ok(()), "{name}");
        }
        for (name, why) in [
            ("ab", "3 to 63"),
            ("My_Status", "lowercase letters"),
            ("-status", "start and end"),
            ("a..b", "two dots"),
            ("192.168.0.1", "IP address"),
            ("xn--status", "reserves"),
        ] {
            let error = validate_bucket_name(name).expect_err(name).to_string();
            assert!(error.contains(why) && error.contains(name), "{error}");
        }
    }

    proptest! {
        #[test]
        fn two_buckets_or_prefixes_never_share_a_user(
            one in ("[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", "([a-z_+.A-Z-]{1,6}/){0,2}", prop::option::of("[a-z0-9-]{1,32}")),
            other in ("[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", "([a-z_+.A-Z-]{1,6}/){0,2}", prop::option::of("[a-z0-9-]{1,32}")),
        ) {
            let name = |(bucket, prefix, node): &(String, String, Option<String>)| {
                user_name(bucket, prefix, &node.as_deref().map_or(Role::Reader, writer))
            };
            prop_assert_eq!(name(&one) == name(&other), one == other);
            prop_assert!(name(&one).len() <= USER_NAME_LIMIT);
        }
    }
}
