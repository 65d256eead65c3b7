//! The files that provisioning writes: the page's `config.json` and a `checker-<node>.json` for each writer. They are
//! there whole or not at all, closed to others where they hold secrets, and never replaced unasked. A mark beside
//! them says that a key is being made, so that one whose answer was lost is known for what it is.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shared::duration;
use shared::object_name::NodeName;
use shared::page_config::{AddressStyle, PageConfig, PublicKeys, S3Source, Source};

use super::names::Role;
use super::spec::{Identity, Wishes};
use crate::config::model::Config;
use crate::config::{self, Environment};
use crate::store::settings::{Bucket, Secret, StoreLocation, WriterKeys};

/// What stands in a file for keys that somebody has to put there.
const KEY_TO_COME: &str = "put the reader's key here";
/// What stands for a variable that this machine does not know.
const KEY_UNKNOWN: &str = "unknown";

/// A file or folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("failed to {task} `{}`", path.display())]
    Unusable {
        /// What was tried.
        task: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is there that must not be replaced.
    #[error("`{}` already exists; move it away, or replace it with `--force`", .0.display())]
    InTheWay(PathBuf),
    /// The file no longer holds the key that is to be replaced.
    #[error("the key in `{}` was not replaced: the file no longer contains the old key", .0.display())]
    KeyNotThere(PathBuf),
}

/// What is in a file of ours.
#[derive(Debug, Clone)]
pub enum FileState {
    /// There is none.
    Missing,
    /// It is for this place, with these keys or none.
    Fits(Option<WriterKeys>),
    /// It is something else, or for another place.
    Foreign(String),
}

/// How a file is written.
#[derive(Debug, Clone)]
pub enum Write {
    /// As a new file; one that is there stays.
    New,
    /// In place of whatever is there.
    Over,
    /// By putting new keys where these stand; all else in the file stays.
    InPlaceOf(WriterKeys),
}

/// Where an identity's file is.
#[must_use]
pub fn path_of(out: &Path, role: &Role) -> PathBuf {
    out.join(role.file_name())
}

/// Looks at the file of a role.
pub fn look(out: &Path, role: &Role, wishes: &Wishes, environment: &Environment<'_>) -> Result<FileState, FileError> {
    let path = path_of(out, role);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Missing),
        Err(source) => return Err(FileError::Unusable { task: "read", path, source }),
    };
    Ok(match role {
        Role::Reader => look_at_page_config(&text, wishes),
        Role::Writer(node) => {
            if let Some(config) = config::from_text(&text, out, environment).0 {
                look_at_config(config, node, wishes)
            } else {
                // Its keys may come from another machine's environment; whose file it is can be seen all the same.
                let unknown = |name: &str| (environment.variable)(name).or_else(|| Some(KEY_UNKNOWN.to_owned()));
                let elsewhere = Environment { variable: &unknown, host_name: environment.host_name.clone() };
                match config::from_text(&text, out, &elsewhere).0 {
                    Some(config) => look_at_config(config, node, wishes),
                    None => FileState::Foreign("it is no valid configuration of a checker".to_owned()),
                }
            }
        }
    })
}

fn look_at_config(config: Config, node: &NodeName, wishes: &Wishes) -> FileState {
    if config.node != *node {
        return FileState::Foreign(format!("it is the node `{}`'s", config.node));
    }
    match config.storage.map(|storage| storage.location) {
        Some(StoreLocation::S3(bucket)) if is_same_place(&bucket, &wishes.bucket) => {
            FileState::Fits(bucket.keys.filter(|keys| keys.access_key_id != KEY_UNKNOWN))
        }
        _ => FileState::Foreign("it stores elsewhere".to_owned()),
    }
}

fn look_at_page_config(text: &str, wishes: &Wishes) -> FileState {
    match PageConfig::parse(text).map(|config| config.source) {
        Ok(Source::S3(there)) => {
            let keys = there.public_keys.clone();
            let wanted = source(wishes, keys.clone());
            if there != wanted {
                return FileState::Foreign("it reads another store".to_owned());
            }
            FileState::Fits(keys.map(|keys| WriterKeys {
                access_key_id: keys.access_key_id,
                secret_access_key: Secret::new(keys.secret_access_key),
            }))
        }
        Ok(Source::Http { .. }) => FileState::Foreign("it reads another store".to_owned()),
        Err(_) => FileState::Foreign("it is no configuration of a page".to_owned()),
    }
}

fn is_same_place(one: &Bucket, other: &Bucket) -> bool {
    let endpoint = |bucket: &Bucket| bucket.endpoint_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    (&one.name, &one.prefix, endpoint(one)) == (&other.name, &other.prefix, endpoint(other))
}

/// The page's source, as these wishes make it.
fn source(wishes: &Wishes, public_keys: Option<PublicKeys>) -> S3Source {
    let bucket = &wishes.bucket;
    S3Source {
        bucket: bucket.name.clone(),
        region: wishes.region.clone(),
        endpoint_url: bucket.endpoint_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
        address_style: bucket.address_style,
        prefix: bucket.prefix.clone(),
        public_keys,
    }
}

/// What a role's file says with these keys. Without keys a page reads unsigned, and a writer takes them from its
/// environment.
#[must_use]
pub fn content(wishes: &Wishes, role: &Role, keys: Option<&WriterKeys>) -> String {
    match role {
        Role::Reader => {
            let public = keys.map(|keys| PublicKeys {
                access_key_id: keys.access_key_id.clone(),
                secret_access_key: keys.secret_access_key.reveal().to_owned(),
            });
            PageConfig { source: Source::S3(source(wishes, public)), ..wishes.page.config.clone() }.to_json()
        }
        Role::Writer(node) => {
            let mut written = json!({ "node": node.as_str(), "checkers": [], "storage": storage(wishes, keys) });
            for (key, value) in &wishes.checking {
                written[key] = value.clone();
            }
            format!("{written:#}\n")
        }
    }
}

/// The page's `config.json` where somebody else has to make the keys.
#[must_use]
pub fn page_config_to_fill_in(wishes: &Wishes) -> String {
    let keys =
        WriterKeys { access_key_id: KEY_TO_COME.to_owned(), secret_access_key: Secret::new(KEY_TO_COME.to_owned()) };
    content(wishes, &Role::Reader, Some(&keys))
}

/// The `storage` of a writer's configuration.
fn storage(wishes: &Wishes, keys: Option<&WriterKeys>) -> Value {
    let bucket = &wishes.bucket;
    let mut storage = json!({ "type": "s3", "bucket": bucket.name, "region": wishes.region });
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
    if let Some(age) = wishes.check_expiry {
        storage["check_expiry"] = json!(duration::format_exact(age));
    }
    storage
}

/// Writes a role's file with new keys. When this returns it survives a power cut.
pub fn write_keys(out: &Path, wishes: &Wishes, role: &Role, keys: &WriterKeys, how: &Write) -> Result<(), FileError> {
    let path = path_of(out, role);
    let text = match how {
        Write::New | Write::Over => content(wishes, role, Some(keys)),
        Write::InPlaceOf(old) => {
            let text = fs::read_to_string(&path);
            let text = text.map_err(|source| FileError::Unusable { task: "read", path: path.clone(), source })?;
            with_keys_replaced(&text, old, keys).ok_or_else(|| FileError::KeyNotThere(path.clone()))?
        }
    };
    write(&path, &text, role, how)
}

/// A text with the old keys' two words replaced by the new ones'; `None` if it does not hold both.
fn with_keys_replaced(text: &str, old: &WriterKeys, new: &WriterKeys) -> Option<String> {
    // A secret may hold characters that JSON may write in two ways; a slash is the only usual one.
    let (old_id, old_secret) = (&old.access_key_id, old.secret_access_key.reveal());
    let holds_both = text.contains(old_id.as_str()) && text.contains(old_secret);
    holds_both
        .then(|| text.replace(old_id.as_str(), &new.access_key_id).replace(old_secret, new.secret_access_key.reveal()))
}

/// Writes a role's file.
pub fn write(path: &Path, text: &str, role: &Role, how: &Write) -> Result<(), FileError> {
    let failed = |source| FileError::Unusable { task: "write", path: path.to_owned(), source };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".checkup-").suffix(".tmp");
    #[cfg(unix)]
    {
        // A web server has to read the page's configuration; nobody else has to read a writer's.
        let mode = if *role == Role::Reader { 0o644 } else { 0o600 };
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    match how {
        Write::New => {
            if let Err(refused) = file.persist_noclobber(path) {
                if refused.error.kind() == io::ErrorKind::AlreadyExists {
                    return Err(FileError::InTheWay(path.to_owned()));
                }
                // Some file systems know neither hard links nor a rename that refuses to replace.
                refused.file.persist(path).map_err(|refused| failed(refused.error))?;
            }
        }
        Write::Over | Write::InPlaceOf(_) => drop(file.persist(path).map_err(|refused| failed(refused.error))?),
    }
    sync(folder).map_err(failed)
}

fn sync(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Makes sure that the folder is there.
pub fn prepare_folder(out: &Path) -> Result<(), FileError> {
    fs::create_dir_all(out).map_err(|source| FileError::Unusable {
        task: "make the folder",
        path: out.to_owned(),
        source,
    })
}

/// Notes that a key of a user is about to be made, and which keys it has before. It also proves that files can be
/// written here, before there is a key to lose.
pub fn mark(out: &Path, identity: &Identity, keys_before: &[String]) -> Result<(), FileError> {
    let text = json!({ "user": identity.user, "keys_before": keys_before }).to_string();
    let writer_mode = Role::Writer(NodeName::from_host_name("mark"));
    write(&mark_path(out, identity), &text, &writer_mode, &Write::Over)
}

/// The keys that a user had when a key was about to be made; `None` if none was left half made.
pub fn keys_before(out: &Path, identity: &Identity) -> Result<Option<Vec<String>>, FileError> {
    let path = mark_path(out, identity);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let value: Value = serde_json::from_str(&text).unwrap_or_default();
            let keys = value["keys_before"].as_array();
            // A mark that cannot be read says nothing about any key.
            Ok(keys.map(|keys| keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Unusable { task: "read", path, source }),
    }
}

/// Takes the mark away, once the key is in its file.
pub fn unmark(out: &Path, identity: &Identity) -> Result<(), FileError> {
    let path = mark_path(out, identity);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::Unusable { task: "remove", path, source: error })
        }
        _ => Ok(()),
    }
}

fn mark_path(out: &Path, identity: &Identity) -> PathBuf {
    out.join(format!(".{}.key-in-the-making", identity.user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::spec::tests::wishes;

    fn keys(id: &str) -> WriterKeys {
        WriterKeys { access_key_id: id.to_owned(), secret_access_key: Secret::new(format!("secret/of+{id}")) }
    }

    fn writer() -> Role {
        Role::Writer(NodeName::new("eu-west").unwrap())
    }

    fn look_here(out: &Path, role: &Role) -> FileState {
        let environment = Environment { variable: &|_| None, host_name: "host".to_owned() };
        look(out, role, &wishes(), &environment).unwrap()
    }

    #[test]
    fn what_is_written_is_found_again_with_its_keys() {
        let out = tempfile::tempdir().unwrap();
        for role in [Role::Reader, writer()] {
            assert!(matches!(look_here(out.path(), &role), FileState::Missing));
            write_keys(out.path(), &wishes(), &role, &keys("AKIA1"), &Write::New).unwrap();
            let FileState::Fits(Some(found)) = look_here(out.path(), &role) else { panic!("{role} does not fit") };
            assert_eq!((found.access_key_id.as_str(), found.secret_access_key.reveal()), ("AKIA1", "secret/of+AKIA1"));
        }
    }

    #[test]
    fn a_file_that_is_there_is_not_replaced() {
        let out = tempfile::tempdir().unwrap();
        fs::write(path_of(out.path(), &Role::Reader), "mine").unwrap();
        let refused = write_keys(out.path(), &wishes(), &Role::Reader, &keys("AKIA1"), &Write::New).unwrap_err();
        assert!(matches!(&refused, FileError::InTheWay(_)) && refused.to_string().contains("--force"), "{refused}");
        assert_eq!(fs::read_to_string(path_of(out.path(), &Role::Reader)).unwrap(), "mine");
        assert!(matches!(look_here(out.path(), &Role::Reader), FileState::Foreign(_)));
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn a_writers_file_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let out = tempfile::tempdir().unwrap();
        for (role, expected) in [(writer(), 0o600), (Role::Reader, 0o644)] {
            for how in [Write::New, Write::InPlaceOf(keys("AKIA1"))] {
                write_keys(out.path(), &wishes(), &role, &keys("AKIA1"), &how).unwrap();
                let mode = fs::metadata(path_of(out.path(), &role)).unwrap().permissions().mode() & 0o777;
                // The umask may close more, never less.
                assert_eq!(mode & !expected, 0, "{role}: {mode:o}");
            }
        }
    }

    #[test]
    fn a_new_key_takes_the_old_ones_place_and_nothing_else_changes() {
        let out = tempfile::tempdir().unwrap();
        let path = path_of(out.path(), &writer());
        write_keys(out.path(), &wishes(), &writer(), &keys("AKIA1"), &Write::New).unwrap();
        let edited = format!("// A person's remark.\n{}", fs::read_to_string(&path).unwrap());
        fs::write(&path, &edited).unwrap();
        let how = Write::InPlaceOf(keys("AKIA1"));
        write_keys(out.path(), &wishes(), &writer(), &keys("AKIA2"), &how).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.replace("AKIA2", "AKIA1"), edited);
        let gone = write_keys(out.path(), &wishes(), &writer(), &keys("AKIA3"), &how).unwrap_err();
        assert!(matches!(gone, FileError::KeyNotThere(_)));
    }

    #[test]
    fn a_mark_remembers_the_keys_until_it_is_taken_away() {
        let out = tempfile::tempdir().unwrap();
        let identity = &wishes().identities()[0];
        assert_eq!(keys_before(out.path(), identity).unwrap(), None);
        mark(out.path(), identity, &["AKIA1".to_owned()]).unwrap();
        assert_eq!(keys_before(out.path(), identity).unwrap(), Some(vec!["AKIA1".to_owned()]));
        unmark(out.path(), identity).unwrap();
        unmark(out.path(), identity).unwrap();
        assert_eq!(keys_before(out.path(), identity).unwrap(), None);
    }

    #[test]
    fn a_file_for_another_place_is_foreign() {
        let out = tempfile::tempdir().unwrap();
        let mut elsewhere = wishes();
        elsewhere.bucket.prefix = "other/".to_owned();
        for role in [Role::Reader, writer()] {
            write_keys(out.path(), &elsewhere, &role, &keys("AKIA1"), &Write::New).unwrap();
            assert!(matches!(look_here(out.path(), &role), FileState::Foreign(_)), "{role}");
        }
    }

    #[test]
    fn without_keys_a_page_reads_unsigned_and_a_writer_asks_its_environment() {
        assert!(!content(&wishes(), &Role::Reader, None).contains("public_access_key"));
        let asks = content(&wishes(), &writer(), None);
        assert!(asks.contains("${CHECKUP_SECRET_ACCESS_KEY}"));
        let out = tempfile::tempdir().unwrap();
        fs::write(path_of(out.path(), &writer()), asks).unwrap();
        assert!(matches!(look_here(out.path(), &writer()), FileState::Fits(None)));
        assert!(page_config_to_fill_in(&wishes()).contains(KEY_TO_COME));
    }
}
