//! This node's notification log, which is kept in the store or, while the store is failing, in a file in the spool
//! directory. Without that file, messages would be sent again after a store failure.

use std::io;
use std::path::{Path, PathBuf};

use shared::notification_log::{NUMBER_LIMIT, NotificationLog};
use shared::object_name::{LogName, NodeName};

use crate::notify::store_view::{log_problem, parse_log};
use crate::platform::whole_file::{Readers, replace_file};
use crate::store::{Store, StoreError};

/// This node's log, and whether the store contains it.
#[derive(Debug)]
pub struct OwnLog {
    pub log: NotificationLog,
    /// The path of the file in the spool directory.
    path: PathBuf,
    /// Whether the store contains all changes to the log.
    is_stored: bool,
    /// Whether the log includes the entries in the store.
    is_complete: bool,
    /// The reason why the log in the store was ignored, as a complete clause.
    pub problem: Option<String>,
}

impl OwnLog {
    /// Reads the log from the store, and adds the entries in the spool directory. An invalid log is replaced, because
    /// only this node writes it. A log that is too large is an error: without it, messages would be repeated.
    pub async fn load(store: &Store, node: &NodeName, spool_dir: &Path) -> Result<OwnLog, StoreError> {
        let (log, problem) = match read_stored(store, node).await? {
            Some(Ok(log)) => (Some(log), None),
            Some(Err(problem)) => (None, Some(log_problem(&LogName { node: node.clone() }, &problem))),
            None => (None, None),
        };
        let mut log = log.unwrap_or_else(|| NotificationLog::new(node.clone()));
        let path = path(node, spool_dir);
        let kept = read_kept(&path, node);
        let is_stored = kept.is_none();
        if let Some(kept) = kept {
            add_deferred(&mut log, &kept);
            add(&mut log, kept);
        }
        if log.ignored > 0 {
            return Err(unreadable(node));
        }
        Ok(OwnLog { log, path, is_stored, is_complete: true, problem })
    }

    /// Reads only the entries in the spool directory, for use while the store is failing.
    #[must_use]
    pub fn load_kept(node: &NodeName, spool_dir: &Path) -> OwnLog {
        let path = path(node, spool_dir);
        let log = read_kept(&path, node).unwrap_or_else(|| NotificationLog::new(node.clone()));
        OwnLog { log, path, is_stored: false, is_complete: false, problem: None }
    }

    /// Adds entries that another process with the same node name has stored in the meantime, such as a single run
    /// alongside a daemon.
    pub async fn refresh(&mut self, store: &Store) -> Result<(), StoreError> {
        if let Some(Ok(stored)) = read_stored(store, &self.log.node).await? {
            if self.is_stored {
                replace_deferred(&mut self.log, &stored);
            }
            add(&mut self.log, stored);
        }
        Ok(())
    }

    /// Returns whether the store lacks changes to the log.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.is_stored
    }

    /// Returns whether the log includes the entries in the store. If not, it must be loaded before it is stored.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Writes the log to the store or, if that fails, to the spool directory.
    pub async fn save(&mut self, store: &Store) -> Result<(), StoreError> {
        self.is_stored = false;
        let name = LogName { node: self.log.node.clone() };
        let stored = match self.log.to_storable_json() {
            Some(content) => store.put(&name, content.into()).await,
            None => Err(StoreError::LogTooLarge { name: name.to_string(), remedy: "remove endpoints or channels" }),
        };
        if let Err(error) = stored {
            self.keep()?;
            return Err(error);
        }
        self.is_stored = true;
        // Ignore the error, because the file usually does not exist.
        let _ = std::fs::remove_file(&self.path);
        Ok(())
    }

    /// Writes the log to the spool directory.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        self.is_stored = false;
        let write = || {
            std::fs::create_dir_all(self.path.parent().ok_or(io::ErrorKind::NotADirectory)?)?;
            replace_file(&self.path, self.log.to_json().as_bytes(), Readers::Owner)
        };
        write().map_err(|cause| StoreError::File { task: format!("write `{}`", self.path.display()), cause })
    }
}

fn path(node: &NodeName, spool_dir: &Path) -> PathBuf {
    spool_dir.join(format!("notifications-{node}.json"))
}

/// Reads a node's log from the store. Returns `None` if it is missing, and the reason if it is invalid.
async fn read_stored(store: &Store, node: &NodeName) -> Result<Option<Result<NotificationLog, String>>, StoreError> {
    match store.get(&LogName { node: node.clone() }).await {
        Err(StoreError::TooLarge { .. }) => Err(unreadable(node)),
        read => match read?.map(|content| parse_log(&content, node)) {
            Some(Ok(log)) if log.ignored > 0 => Err(unreadable(node)),
            log => Ok(log),
        },
    }
}

fn unreadable(node: &NodeName) -> StoreError {
    let name = LogName { node: node.clone() }.to_string();
    let remedy = "this node sends nothing until you delete it, and then sends current outages once more";
    StoreError::LogTooLarge { name, remedy }
}

fn read_kept(path: &Path, node: &NodeName) -> Option<NotificationLog> {
    parse_log(&std::fs::read(path).ok()?, node).ok()
}

/// Adds the registers that are missing from the log or newer than the log's, and the missing channels. Both come from
/// this node, so their times can be compared. Their numbers cannot, because numbering restarts while the store is
/// failing.
fn add(log: &mut NotificationLog, kept: NotificationLog) {
    log.ignored += kept.ignored;
    for mut register in kept.registers {
        let same = log.registers.iter().position(|other| {
            other.channel == register.channel
                && other.topic == register.topic
                && other.key.is_same_endpoint(&register.key)
        });
        match same {
            Some(index) if log.registers[index].at >= register.at => {}
            Some(index) => {
                register.number = register.number.max((log.registers[index].number + 1).min(NUMBER_LIMIT - 1));
                log.registers[index] = register;
            }
            None => log.registers.push(register),
        }
    }
    for channel in kept.channels {
        if log.channel(&channel.id).is_none() {
            log.channels.push(channel);
        }
    }
}

/// Adds the deferred recipients that only the other log contains.
fn add_deferred(log: &mut NotificationLog, kept: &NotificationLog) {
    for channel in &kept.channels {
        let stored = log.channel(&channel.id).map_or(&[][..], |served| &*served.deferred);
        let missing = channel.deferred.iter().filter(|deferred| !stored.contains(deferred));
        for deferred in missing.cloned().collect::<Vec<_>>() {
            // If the log has no space, these recipients are not notified again.
            let _ = log.add_deferred(&channel.id, deferred);
        }
    }
}

/// Replaces the deferred recipients with those in the store, because another process may have notified them.
fn replace_deferred(log: &mut NotificationLog, stored: &NotificationLog) {
    for channel in &mut log.channels {
        if let Some(stored) = stored.channel(&channel.id) {
            channel.deferred.clone_from(&stored.deferred);
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::notification_log::{
        ChannelId, Deferred, Notified, REGISTERS_LIMIT, RecipientList, Register, ServedChannel, Topic,
    };

    use super::*;
    use crate::notify::test_rules::register;
    use crate::store::settings::{Storage, StoreLocation};

    fn log(number: i64, state: Notified, at: i64) -> NotificationLog {
        let mut log = NotificationLog::new(NodeName::new("a").expect("it is a name"));
        log.registers.push(Register { number, ..register(Topic::Store, "a", state, at) });
        log
    }

    async fn store_in(folder: &Path) -> Store {
        let location = StoreLocation::Directory(folder.join("store"));
        Store::open(&Storage { location, check_expiry: None, history_expiry: shared::DAY }).await
    }

    #[tokio::test]
    async fn a_log_that_is_too_large_is_neither_stored_nor_replaced() {
        let folder = tempfile::tempdir().expect("it can be created");
        let (store, spool) = (store_in(folder.path()).await, folder.path().join("spool"));
        let node = NodeName::new("a").expect("it is a name");
        let mut own = OwnLog::load(&store, &node, &spool).await.expect("nothing is stored yet");
        own.log = log(1, Notified::Down, 100);
        own.save(&store).await.expect("it is small");
        let stored = own.log.clone();
        own.log.registers = vec![own.log.registers[0].clone(); REGISTERS_LIMIT + 1];
        let error = own.save(&store).await.expect_err("it is too large").to_string();
        assert!(error.contains("`0-notified/a.json` exceeds the limit of 50000 entries or 32 MiB"), "{error}");
        assert_eq!(read_stored(&store, &node).await.expect("it is readable"), Some(Ok(stored)));
        std::fs::remove_dir_all(&spool).expect("the log is kept there");
        let content = own.log.to_json();
        store.put(&LogName { node: node.clone() }, content.into()).await.expect("another program stores it");
        let error = OwnLog::load(&store, &node, &spool).await.expect_err("messages would be repeated").to_string();
        assert!(error.contains("until you delete it"), "{error}");
    }

    #[tokio::test]
    async fn deferred_recipients_survive_a_store_failure() {
        let folder = tempfile::tempdir().expect("it can be created");
        let (store, spool) = (store_in(folder.path()).await, folder.path().join("spool"));
        let node = NodeName::new("a").expect("it is a name");
        let mut own = OwnLog::load(&store, &node, &spool).await.expect("nothing is stored yet");
        own.log = log(1, Notified::Down, 100);
        own.log.channels = vec![ServedChannel::new(ChannelId::new("ops").expect("it is an id"), 0)];
        own.save(&store).await.expect("it is small");
        let known = own.log.registers.clone();
        let list = RecipientList { count: 2, checksum: Some(7) };
        let deferred = Deferred { recipients: vec![1], list, tries: 1, next: 0, known };
        own.log.channels[0].deferred = vec![deferred.clone()];
        own.keep().expect("the folder can be created");
        let mut other = OwnLog::load(&store, &node, &spool).await.expect("it is valid");
        assert_eq!(other.log.channels[0].deferred, [deferred]);
        other.save(&store).await.expect("it is small");
        own.save(&store).await.expect("it is small");
        other.log.channels[0].deferred.clear();
        other.save(&store).await.expect("it is small");
        own.refresh(&store).await.expect("it is valid");
        assert_eq!(own.log.channels[0].deferred, [], "the other process has notified the recipient");
    }

    #[test]
    fn registers_kept_while_the_store_failed_are_newer_even_with_lower_numbers() {
        let mut stored = log(2, Notified::Healthy, 100);
        add(&mut stored, log(1, Notified::Down, 200));
        let registers: Vec<_> = stored.registers.iter().map(|one| (one.number, one.state, one.at)).collect();
        assert_eq!(registers, [(3, Notified::Down, 200)]);
        let before = stored.clone();
        add(&mut stored, log(9, Notified::Healthy, 150));
        assert_eq!(stored, before, "an older register is ignored");
    }
}
