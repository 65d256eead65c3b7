//! Finds the keys in the files that provisioning wrote, to test them after they are deleted.

use std::fs;
use std::path::Path;

use jsonc_parser::ParseOptions;
use serde_json::Value;

use super::names::{self, Role};
use crate::redact::Secret;
use crate::store::settings::{Bucket, WriterKeys};
use shared::object_name::NodeName;

/// The keys in a file that provisioning wrote.
#[derive(Debug, Clone)]
pub struct KeyFile {
    pub file: String,
    /// The user that provisioning created for this file.
    pub user: String,
    pub keys: WriterKeys,
}

/// Finds the keys for this bucket and prefix in `config.json` and all `checker-<node>.json` and `author-<name>.json`
/// files of a folder. Skips unreadable files.
#[must_use]
pub fn find(out: &Path, bucket: &Bucket) -> Vec<KeyFile> {
    let mut roles = vec![Role::Reader];
    let entries = fs::read_dir(out).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    roles.extend(names.filter_map(|name| {
        let stem = name.strip_suffix(".json")?;
        let role =
            |prefix: &str, role: fn(NodeName) -> Role| Some(role(NodeName::new(stem.strip_prefix(prefix)?).ok()?));
        role("checker-", Role::Writer).or_else(|| role("author-", Role::Author))
    }));
    roles.sort();
    roles.iter().filter_map(|role| keys_of(out, role, bucket)).collect()
}

fn keys_of(out: &Path, role: &Role, bucket: &Bucket) -> Option<KeyFile> {
    let file = role.file_name();
    let text = fs::read_to_string(out.join(&file)).ok()?;
    let config: Value = jsonc_parser::parse_to_serde_value(&text, &ParseOptions::default()).ok()?;
    let (store, id, secret) = match role {
        Role::Reader => (&config["source"], "public_access_key_id", "public_access_key"),
        Role::Writer(_) | Role::Author(_) => (&config["storage"], "access_key_id", "secret_access_key"),
    };
    let is_same = |key: &str, expected: &str| store[key].as_str().unwrap_or_default().trim_end_matches('/') == expected;
    let endpoint_url = bucket.endpoint_url.as_deref().unwrap_or_default().trim_end_matches('/');
    let is_same_store = is_same("bucket", &bucket.name)
        && is_same("prefix", bucket.prefix.trim_end_matches('/'))
        && is_same("endpoint_url", endpoint_url);
    // Values such as `${NAME}` are set in the environment of another machine, and placeholders contain spaces.
    let is_key = |text: &&str| !text.is_empty() && !text.contains("${") && !text.contains(' ');
    let text_of = |key: &str| store[key].as_str().filter(is_key);
    let keys = WriterKeys {
        access_key_id: text_of(id)?.to_owned(),
        secret_access_key: Secret::new(text_of(secret)?.to_owned()),
    };
    let user = names::user_name(&bucket.name, &bucket.prefix, role);
    is_same_store.then_some(KeyFile { file, user, keys })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::files::{FileUpdate, write_keys};
    use crate::provision::spec::tests::spec;

    #[test]
    fn keys_of_the_same_bucket_and_prefix_are_found() {
        let out = tempfile::tempdir().unwrap();
        let spec = spec();
        let keys = |id: &str| WriterKeys {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new("a-secret".to_owned()),
        };
        let node = |name: &str| Role::Writer(NodeName::new(name).unwrap());
        let anna = Role::Author(NodeName::new("anna").unwrap());
        for (role, id) in [(Role::Reader, "AKIA1"), (node("eu-west"), "AKIA2"), (anna, "AKIA4")] {
            write_keys(out.path(), &spec, &role, &keys(id), &FileUpdate::Create).unwrap();
        }
        let mut other = spec.clone();
        other.bucket.prefix = "other/".to_owned();
        write_keys(out.path(), &other, &node("us"), &keys("AKIA3"), &FileUpdate::Create).unwrap();
        fs::write(out.path().join("checker-broken.json"), "{").unwrap();
        fs::write(
            out.path().join("checker-env.json"),
            r#"{ "storage": { "bucket": "my-status", "prefix": "shop/", "access_key_id": "${ID}", "secret_access_key": "${KEY}" } }"#,
        )
        .unwrap();
        let found = find(out.path(), &spec.bucket);
        let found: Vec<_> = found.iter().map(|file| (file.file.as_str(), file.keys.access_key_id.as_str())).collect();
        assert_eq!(found, [("config.json", "AKIA1"), ("checker-eu-west.json", "AKIA2"), ("author-anna.json", "AKIA4")]);
        assert_eq!(find(&out.path().join("missing"), &spec.bucket).len(), 0);
    }
}
