//! The files that provisioning writes: the page's `config.json`, a `checker-<node>.json` for each writer and an
//! `author-<name>.json` for each author.
//!
//! Writes are atomic, files with secrets are readable only by their owner, and files are replaced only with
//! `--force`. While a key is being created, a marker file lists the keys that existed before, so a key whose
//! secret was lost can be deleted.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shared::duration;
use shared::object_name::NodeName;
use shared::page_config::{AddressStyle, PageConfig, PublicKeys, Source, with_outputs};

use super::names::Role;
use super::page_file;
use super::spec::{Identity, ProvisionSpec};
use crate::config::model::Config;
use crate::config::{self, Environment};
use crate::redact::Secret;
use crate::store::settings::{Bucket, StoreLocation, WriterKeys};

/// The placeholder for keys that the operator must fill in.
const KEY_PLACEHOLDER: &str = "put the reader's key here";
/// The value used for variables that are not set on this machine.
const UNSET_VARIABLE: &str = "unknown";

/// A file or directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system returned an error.
    #[error("failed to {task} `{}`", path.display())]
    Unusable {
        /// The failed operation, as a verb phrase.
        task: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// An existing file must not be replaced.
    #[error("`{}` already exists; move it away, or replace it with `--force`", .0.display())]
    InTheWay(PathBuf),
    /// The file no longer contains the key that must be replaced.
    #[error("the key in `{}` was not replaced: the file no longer contains the old key", .0.display())]
    KeyNotFound(PathBuf),
}

/// The state of a file before provisioning.
#[derive(Debug, Clone)]
pub enum FileState {
    Missing,
    /// The file is for the same bucket and prefix, and contains these keys, if any.
    Fits(Option<WriterKeys>),
    /// The file is of another kind, or for another bucket or prefix. The clause describes the mismatch.
    Foreign(String),
}

/// How a file is written.
#[derive(Debug, Clone)]
pub enum FileUpdate {
    /// Creates the file, and fails if it exists.
    Create,
    /// Creates or replaces the file.
    Overwrite,
    /// Replaces only these keys in the file.
    ReplaceKeys(WriterKeys),
}

/// Returns the path to a role's file.
#[must_use]
pub fn path_of(out: &Path, role: &Role) -> PathBuf {
    out.join(role.file_name())
}

/// Reads the state of a role's file.
pub fn inspect(
    out: &Path,
    role: &Role,
    spec: &ProvisionSpec,
    environment: &Environment<'_>,
) -> Result<FileState, FileError> {
    let path = path_of(out, role);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Missing),
        Err(source) => return Err(FileError::Unusable { task: "read", path, source }),
    };
    Ok(match role {
        Role::Reader => inspect_page_config(&text, spec),
        Role::Writer(_) | Role::Author(_) => {
            if let Some(config) = config::from_text(&text, out, environment).0 {
                inspect_config(config, role, spec)
            } else {
                // The keys may come from variables that are set on another machine, but the rest of the file can still
                // be checked.
                let unknown = |name: &str| (environment.variable)(name).or_else(|| Some(UNSET_VARIABLE.to_owned()));
                let elsewhere = Environment { variable: &unknown, host_name: environment.host_name.clone() };
                match config::from_text(&without_notifiers(&text), out, &elsewhere).0 {
                    Some(config) => inspect_config(config, role, spec),
                    None => FileState::Foreign("it is not a valid checker configuration".to_owned()),
                }
            }
        }
    })
}

/// Removes the notifiers, whose secrets often come from variables. Without their values, they are invalid.
fn without_notifiers(text: &str) -> String {
    let parsed = jsonc_parser::parse_to_serde_value::<Value>(text, &jsonc_parser::ParseOptions::default());
    let Ok(Value::Object(mut members)) = parsed else { return text.to_owned() };
    members.retain(|key, _| !matches!(key.as_str(), "notify" | "notifiers" | "notifier"));
    Value::Object(members).to_string()
}

fn inspect_config(config: Config, role: &Role, spec: &ProvisionSpec) -> FileState {
    match role {
        Role::Writer(node) if config.node != *node => {
            return FileState::Foreign(format!("it belongs to the node `{}`", config.node));
        }
        Role::Author(author) if config.author.as_ref() != Some(author) => {
            return FileState::Foreign(format!("its `author` is not `{author}`"));
        }
        Role::Reader | Role::Writer(_) | Role::Author(_) => {}
    }
    match config.storage.map(|storage| storage.location) {
        Some(StoreLocation::S3(bucket)) if is_same_location(&bucket, &spec.bucket) => {
            FileState::Fits(bucket.keys.filter(|keys| keys.access_key_id != UNSET_VARIABLE))
        }
        _ => FileState::Foreign("it uses another store".to_owned()),
    }
}

fn inspect_page_config(text: &str, spec: &ProvisionSpec) -> FileState {
    match PageConfig::parse(text).map(|config| config.source) {
        Ok(Source::S3(existing)) => {
            let keys = existing.public_keys.clone();
            if existing != page_file::source(spec, keys.clone()) {
                return FileState::Foreign("it reads another store".to_owned());
            }
            FileState::Fits(keys.map(|keys| WriterKeys {
                access_key_id: keys.access_key_id,
                secret_access_key: Secret::new(keys.secret_access_key),
            }))
        }
        Ok(Source::Http { .. }) => FileState::Foreign("it reads another store".to_owned()),
        Err(_) => FileState::Foreign("it is not a valid page configuration".to_owned()),
    }
}

fn is_same_location(one: &Bucket, other: &Bucket) -> bool {
    let endpoint = |bucket: &Bucket| bucket.endpoint_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    (&one.name, &one.prefix, endpoint(one)) == (&other.name, &other.prefix, endpoint(other))
}

/// Returns the contents of a role's file with these keys. Without keys, a page sends unsigned requests, and a writer
/// takes its keys from the environment.
#[must_use]
pub fn content(spec: &ProvisionSpec, role: &Role, keys: Option<&WriterKeys>) -> String {
    match role {
        Role::Reader => {
            let public = keys.map(|keys| PublicKeys {
                access_key_id: keys.access_key_id.clone(),
                secret_access_key: keys.secret_access_key.reveal().to_owned(),
            });
            page_file::content(spec, public)
        }
        Role::Writer(node) => {
            let mut config = json!({ "node": node.as_str(), "checkers": [], "storage": storage(spec, keys) });
            for (key, value) in &spec.checks {
                config[key] = value.clone();
            }
            format!("{config:#}\n")
        }
        Role::Author(author) => author_config(spec, author, keys),
    }
}

/// Returns the configuration of an author, who does not run checks.
fn author_config(spec: &ProvisionSpec, author: &NodeName, keys: Option<&WriterKeys>) -> String {
    let mut storage = storage(spec, keys);
    if let Some(members) = storage.as_object_mut() {
        members.remove("check_expiry");
    }
    format!("{:#}\n", json!({ "author": author.as_str(), "checkers": [], "storage": storage }))
}

/// Returns the page's `config.json` with placeholders for keys that the operator creates.
#[must_use]
pub fn page_config_to_fill_in(spec: &ProvisionSpec) -> String {
    let keys = WriterKeys {
        access_key_id: KEY_PLACEHOLDER.to_owned(),
        secret_access_key: Secret::new(KEY_PLACEHOLDER.to_owned()),
    };
    content(spec, &Role::Reader, Some(&keys))
}

/// Returns the value of `storage` in a writer's configuration.
fn storage(spec: &ProvisionSpec, keys: Option<&WriterKeys>) -> Value {
    let bucket = &spec.bucket;
    let mut storage = json!({ "type": "s3", "bucket": bucket.name, "region": spec.region });
    let (id, secret) = keys.map_or(("${CHECKUP_ACCESS_KEY_ID}", "${CHECKUP_SECRET_ACCESS_KEY}"), |keys| {
        (keys.access_key_id.as_str(), keys.secret_access_key.reveal())
    });
    storage["access_key_id"] = json!(id);
    storage["secret_access_key"] = json!(secret);
    if let Some(endpoint_url) = &bucket.endpoint_url {
        storage["endpoint_url"] = json!(endpoint_url);
    }
    if bucket.address_style == AddressStyle::Path {
        storage["path_style"] = json!(true);
    }
    if !bucket.prefix.is_empty() {
        storage["prefix"] = json!(bucket.prefix);
    }
    if let Some(age) = spec.check_expiry {
        storage["check_expiry"] = json!(duration::format_exact(age));
    }
    storage
}

/// Writes a role's file with new keys, durably.
pub fn write_keys(
    out: &Path,
    spec: &ProvisionSpec,
    role: &Role,
    keys: &WriterKeys,
    how: &FileUpdate,
) -> Result<(), FileError> {
    let path = path_of(out, role);
    let text = match how {
        FileUpdate::Create | FileUpdate::Overwrite => content(spec, role, Some(keys)),
        FileUpdate::ReplaceKeys(old) => {
            let text = fs::read_to_string(&path);
            let text = text.map_err(|source| FileError::Unusable { task: "read", path: path.clone(), source })?;
            with_keys_replaced(&text, old, keys).ok_or_else(|| FileError::KeyNotFound(path.clone()))?
        }
    };
    write(&path, &text, role, how)
}

/// Replaces the old key's ID and secret in the text. Returns `None` if the text does not contain both.
fn with_keys_replaced(text: &str, old: &WriterKeys, new: &WriterKeys) -> Option<String> {
    let (old_id, old_secret) = (&old.access_key_id, old.secret_access_key.reveal());
    let contains_both = text.contains(old_id.as_str()) && text.contains(old_secret);
    contains_both
        .then(|| text.replace(old_id.as_str(), &new.access_key_id).replace(old_secret, new.secret_access_key.reveal()))
}

/// Returns the page's existing `config.json` with the URL of the outputs added. Returns `None` if nothing must be added.
pub fn linked_page(out: &Path, spec: &ProvisionSpec) -> Result<Option<String>, FileError> {
    let path = path_of(out, &Role::Reader);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(page_file::outputs_url(spec).and_then(|url| with_outputs(&text, &url))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Unusable { task: "read", path, source }),
    }
}

pub fn write(path: &Path, text: &str, role: &Role, how: &FileUpdate) -> Result<(), FileError> {
    let failed = |source| FileError::Unusable { task: "write", path: path.to_owned(), source };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".checkup-").suffix(".tmp");
    #[cfg(unix)]
    {
        // A web server must be able to read the page's configuration.
        let mode = if *role == Role::Reader { 0o644 } else { 0o600 };
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match how {
        FileUpdate::Create => {
            if let Err(refused) = file.persist_noclobber(path) {
                if refused.error.kind() == io::ErrorKind::AlreadyExists {
                    return Err(FileError::InTheWay(path.to_owned()));
                }
                // Fall back to a plain rename: some file systems support neither hard links nor renames that never
                // replace a file.
                refused.file.persist(path).map_err(|refused| failed(refused.error))?;
            }
        }
        FileUpdate::Overwrite | FileUpdate::ReplaceKeys(_) => {
            drop(file.persist(path).map_err(|refused| failed(refused.error))?);
        }
    }
    sync(folder).map_err(failed)
}

fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Creates the directory if it does not exist.
pub fn prepare_folder(out: &Path) -> Result<(), FileError> {
    fs::create_dir_all(out).map_err(|source| FileError::Unusable {
        task: "create the folder",
        path: out.to_owned(),
        source,
    })
}

/// Writes the marker before a key is created. This also verifies that the directory is writable, before there is a
/// key to lose.
pub fn write_marker(out: &Path, identity: &Identity, keys_before: &[String]) -> Result<(), FileError> {
    let text = json!({ "user": identity.user, "keys_before": keys_before }).to_string();
    let writer_mode = Role::Writer(NodeName::from_host_name("marker"));
    write(&marker_path(out, identity), &text, &writer_mode, &FileUpdate::Overwrite)
}

/// Returns the keys that a user had before a key creation was interrupted, or `None` if none was interrupted.
pub fn keys_before(out: &Path, identity: &Identity) -> Result<Option<Vec<String>>, FileError> {
    let path = marker_path(out, identity);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            let keys = value["keys_before"].as_array();
            // Treat an invalid marker as missing.
            Ok(keys.map(|keys| keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Unusable { task: "read", path, source }),
    }
}

/// Deletes the marker once the key is saved.
pub fn delete_marker(out: &Path, identity: &Identity) -> Result<(), FileError> {
    let path = marker_path(out, identity);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::Unusable { task: "delete", path, source: error })
        }
        _ => Ok(()),
    }
}

fn marker_path(out: &Path, identity: &Identity) -> PathBuf {
    out.join(format!(".{}.key-in-the-making", identity.user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::spec::tests::spec;

    fn keys(id: &str) -> WriterKeys {
        WriterKeys { access_key_id: id.to_owned(), secret_access_key: Secret::new(format!("secret/of+{id}")) }
    }

    fn writer() -> Role {
        Role::Writer(NodeName::new("eu-west").unwrap())
    }

    fn author() -> Role {
        Role::Author(NodeName::new("anna").unwrap())
    }

    fn inspect_here(out: &Path, role: &Role) -> FileState {
        let environment = Environment { variable: &|_| None, host_name: "host".to_owned() };
        inspect(out, role, &spec(), &environment).unwrap()
    }

    #[test]
    fn written_keys_are_found_again() {
        let out = tempfile::tempdir().unwrap();
        for role in [Role::Reader, writer(), author()] {
            assert!(matches!(inspect_here(out.path(), &role), FileState::Missing));
            write_keys(out.path(), &spec(), &role, &keys("AKIA1"), &FileUpdate::Create).unwrap();
            let FileState::Fits(Some(found)) = inspect_here(out.path(), &role) else { panic!("{role} does not fit") };
            assert_eq!((found.access_key_id.as_str(), found.secret_access_key.reveal()), ("AKIA1", "secret/of+AKIA1"));
        }
    }

    #[test]
    fn an_existing_file_is_not_replaced() {
        let out = tempfile::tempdir().unwrap();
        fs::write(path_of(out.path(), &Role::Reader), "mine").unwrap();
        let refused = write_keys(out.path(), &spec(), &Role::Reader, &keys("AKIA1"), &FileUpdate::Create).unwrap_err();
        assert!(matches!(&refused, FileError::InTheWay(_)) && refused.to_string().contains("--force"), "{refused}");
        assert_eq!(fs::read_to_string(path_of(out.path(), &Role::Reader)).unwrap(), "mine");
        assert!(matches!(inspect_here(out.path(), &Role::Reader), FileState::Foreign(_)));
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_a_writers_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let out = tempfile::tempdir().unwrap();
        for (role, expected) in [(writer(), 0o600), (author(), 0o600), (Role::Reader, 0o644)] {
            for how in [FileUpdate::Create, FileUpdate::ReplaceKeys(keys("AKIA1"))] {
                write_keys(out.path(), &spec(), &role, &keys("AKIA1"), &how).unwrap();
                let mode = fs::metadata(path_of(out.path(), &role)).unwrap().permissions().mode() & 0o777;
                // The umask may restrict the mode further.
                assert_eq!(mode & !expected, 0, "{role}: {mode:o}");
            }
        }
    }

    #[test]
    fn replacing_a_key_changes_nothing_else() {
        let out = tempfile::tempdir().unwrap();
        let path = path_of(out.path(), &writer());
        write_keys(out.path(), &spec(), &writer(), &keys("AKIA1"), &FileUpdate::Create).unwrap();
        let edited = format!("// A comment.\n{}", fs::read_to_string(&path).unwrap());
        fs::write(&path, &edited).unwrap();
        let how = FileUpdate::ReplaceKeys(keys("AKIA1"));
        write_keys(out.path(), &spec(), &writer(), &keys("AKIA2"), &how).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.replace("AKIA2", "AKIA1"), edited);
        let gone = write_keys(out.path(), &spec(), &writer(), &keys("AKIA3"), &how).unwrap_err();
        assert!(matches!(gone, FileError::KeyNotFound(_)));
    }

    #[test]
    fn a_marker_contains_the_keys_until_it_is_deleted() {
        let out = tempfile::tempdir().unwrap();
        let identity = &spec().identities()[0];
        assert_eq!(keys_before(out.path(), identity).unwrap(), None);
        write_marker(out.path(), identity, &["AKIA1".to_owned()]).unwrap();
        assert_eq!(keys_before(out.path(), identity).unwrap(), Some(vec!["AKIA1".to_owned()]));
        delete_marker(out.path(), identity).unwrap();
        delete_marker(out.path(), identity).unwrap();
        assert_eq!(keys_before(out.path(), identity).unwrap(), None);
    }

    #[test]
    fn a_file_for_another_prefix_is_foreign() {
        let out = tempfile::tempdir().unwrap();
        let mut elsewhere = spec();
        elsewhere.bucket.prefix = "other/".to_owned();
        for role in [Role::Reader, writer(), author()] {
            write_keys(out.path(), &elsewhere, &role, &keys("AKIA1"), &FileUpdate::Create).unwrap();
            assert!(matches!(inspect_here(out.path(), &role), FileState::Foreign(_)), "{role}");
        }
    }

    #[test]
    fn notifiers_can_depend_on_variables_of_another_machine() {
        let out = tempfile::tempdir().unwrap();
        let mut with_notifiers = spec();
        let notifiers = json!([{ "type": "slack", "webhook": "${SLACK_WEBHOOK}" }]);
        with_notifiers.checks.insert("notifiers".to_owned(), notifiers);
        write_keys(out.path(), &with_notifiers, &writer(), &keys("AKIA1"), &FileUpdate::Create).unwrap();
        assert!(matches!(inspect_here(out.path(), &writer()), FileState::Fits(Some(_))));
    }

    #[test]
    fn without_keys_pages_do_not_sign_and_writers_use_variables() {
        assert!(!content(&spec(), &Role::Reader, None).contains("public_access_key"));
        let content_without_keys = content(&spec(), &writer(), None);
        assert!(content_without_keys.contains("${CHECKUP_SECRET_ACCESS_KEY}"));
        let out = tempfile::tempdir().unwrap();
        fs::write(path_of(out.path(), &writer()), content_without_keys).unwrap();
        assert!(matches!(inspect_here(out.path(), &writer()), FileState::Fits(None)));
        assert!(page_config_to_fill_in(&spec()).contains(KEY_PLACEHOLDER));
    }
}
