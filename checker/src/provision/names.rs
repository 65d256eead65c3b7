//! The names of what provisioning makes: users, their path, rules and files. Pure. A name says whose it is, so that
//! several pages live in one account, and several prefixes in one bucket.

use std::fmt;

use sha2::{Digest as _, Sha256};
use shared::object_name::NodeName;

/// What everything of ours begins with.
const OURS: &str = "checkup";
/// The name of a user's inline policy.
pub const USER_POLICY: &str = OURS;
/// The longest name IAM gives a user.
const USER_NAME_LIMIT: usize = 64;
/// The longest path IAM gives a user.
const PATH_LIMIT: usize = 512;

/// What a user is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The page's visitors; its keys are public.
    Reader,
    /// The checker of this name.
    Writer(NodeName),
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Reader => formatter.write_str("reader"),
            Role::Writer(node) => write!(formatter, "writer `{node}`"),
        }
    }
}

impl Role {
    /// The file its keys are written to.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self {
            Role::Reader => shared::object_name::PAGE_CONFIG.to_owned(),
            Role::Writer(node) => format!("checker-{node}.json"),
        }
    }
}

/// The name of a user: `checkup_my-status_reader`, `checkup_my-status+shop_writer_eu-west`.
///
/// Underscore and plus occur in no bucket's name, so that two places never share a name. What does not fit, or is
/// spelled in letters that IAM does not take, is told apart by a hash.
#[must_use]
pub fn user_name(bucket: &str, prefix: &str, role: &Role) -> String {
    let role = match role {
        Role::Reader => "reader".to_owned(),
        Role::Writer(node) => format!("writer_{node}"),
    };
    let place = format!("{bucket}/{prefix}").trim_end_matches('/').replace('/', "+");
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+');
    let fits_as_it_is = !prefix.contains('+') && place.bytes().all(is_plain);
    let name = format!("{OURS}_{place}_{role}");
    if fits_as_it_is && name.len() <= USER_NAME_LIMIT {
        return name;
    }
    format!("{OURS}_{}_{role}", hash(bucket, prefix))
}

/// The path that all users of a place have, and nobody else's: it proves that a user is one we made.
#[must_use]
pub fn user_path(bucket: &str, prefix: &str) -> String {
    let path = format!("/{OURS}/{bucket}/{prefix}");
    if path.len() <= PATH_LIMIT && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return path;
    }
    format!("/{OURS}/{bucket}/{}/", hash(bucket, prefix))
}

/// The id of our rules among a bucket's others (CORS and lifecycle), the whole of it or its beginning.
#[must_use]
pub fn rule_id(prefix: &str) -> String {
    if prefix.is_empty() { OURS.to_owned() } else { format!("{OURS}:{}", shortened(prefix)) }
}

/// The ids of our lifecycle rules: one for each beginning of a check file's name.
#[must_use]
pub fn expiry_rule_ids(prefix: &str) -> [String; 2] {
    [1, 2].map(|number| format!("{}:expiry-{number}", rule_id(prefix)))
}

/// The ids of our statements in the bucket's policy; AWS takes letters and digits only.
#[must_use]
pub fn statement_ids(prefix: &str) -> [String; 2] {
    ["List", "Read"]
        .map(|what| format!("Checkup{what}{}", if prefix.is_empty() { String::new() } else { hash("", prefix) }))
}

/// A prefix as part of an id of at most 255 characters.
fn shortened(prefix: &str) -> String {
    const LONGEST: usize = 200;
    if prefix.len() <= LONGEST && prefix.is_ascii() { prefix.to_owned() } else { hash("", prefix) }
}

/// Sixteen hexadecimal digits that stand for a place.
fn hash(bucket: &str, prefix: &str) -> String {
    let digest = Sha256::digest(format!("{bucket}\n{prefix}"));
    let start = digest.first_chunk().map_or(0, |start| u64::from_be_bytes(*start));
    format!("{start:016x}")
}

/// Why a text is no bucket's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid bucket name `{name}`: {why}")]
pub struct NotABucketName {
    /// The text.
    pub name: String,
    /// What is wrong, and what to write.
    pub why: &'static str,
}

/// Checks a bucket's name by the rules that hold for new buckets everywhere.
pub fn check_bucket_name(name: &str) -> Result<(), NotABucketName> {
    let refused = |why| Err(NotABucketName { name: name.to_owned(), why });
    let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    if !(3..=63).contains(&bytes.len()) {
        return refused("it must have 3 to 63 characters");
    }
    if !bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')) {
        return refused("use lowercase letters, digits, hyphens and dots only, for example `my-status`");
    }
    if !is_edge(bytes.first()) || !is_edge(bytes.last()) {
        return refused("it must start and end with a letter or a digit");
    }
    if name.contains("..") {
        return refused("it must not contain two dots in a row");
    }
    if name.parse::<std::net::Ipv4Addr>().is_ok() {
        return refused("it must not look like an IP address");
    }
    if name.starts_with("xn--")
        || name.starts_with("sthree-")
        || name.ends_with("-s3alias")
        || name.ends_with("--ol-s3")
    {
        return refused("this beginning or ending is reserved by S3");
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
    fn names_say_whose_they_are() {
        assert_eq!(user_name("my-status", "", &Role::Reader), "checkup_my-status_reader");
        assert_eq!(user_name("my-status", "eu/shop/", &writer("eu-west")), "checkup_my-status+eu+shop_writer_eu-west");
        assert_eq!(user_path("my-status", "shop/"), "/checkup/my-status/shop/");
        assert_eq!(rule_id("shop/"), "checkup:shop/");
    }

    #[test]
    fn what_does_not_fit_is_told_apart_by_a_hash() {
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
    fn ids_of_statements_are_letters_and_digits() {
        for id in statement_ids("a/b-c/").iter().chain(&statement_ids("")) {
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
    }

    #[test]
    fn a_name_that_is_no_buckets_is_refused_with_what_to_write() {
        for name in ["my-status", "a.b", "123", "a0"].iter().filter(|name| name.len() > 2) {
            assert_eq!(check_bucket_name(name), Ok(()), "{name}");
        }
        for (name, why) in [
            ("ab", "3 to 63"),
            ("My_Status", "lowercase letters"),
            ("-status", "start and end"),
            ("a..b", "two dots"),
            ("192.168.0.1", "IP address"),
            ("xn--status", "reserved"),
        ] {
            let error = check_bucket_name(name).expect_err(name).to_string();
            assert!(error.contains(why) && error.contains(name), "{error}");
        }
    }

    proptest! {
        #[test]
        fn two_places_never_share_a_user(
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
