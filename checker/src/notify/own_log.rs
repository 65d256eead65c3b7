//! This node's log of notifications: in the store and, while the store does not accept it, in a file in the spool
//! directory. A message that was sent is therefore not sent again after the store failed.

use std::io;
use std::path::PathBuf;

use shared::notification_log::NotificationLog;
use shared::object_name::{NodeName, NotificationLogName};

use crate::store::{Store, StoreError};

/// This node's log.
#[derive(Debug)]
pub struct OwnLog {
    pub log: NotificationLog,
    path: PathBuf,
    /// Whether the store has the log.
    is_stored: bool,
}

impl OwnLog {
    /// Reads the log from the spool directory or, if there is none, from the store. An invalid log is replaced, because
    /// only this node writes it.
    pub async fn load(store: &Store, node: &NodeName, spool_dir: &std::path::Path) -> Result<OwnLog, StoreError> {
        let path = spool_dir.join(format!("notifications-{node}.json"));
        let parse = |content: Vec<u8>| NotificationLog::parse(&content).ok().filter(|log| log.node == *node);
        if let Some(log) = std::fs::read(&path).ok().and_then(parse) {
            return Ok(OwnLog { log, path, is_stored: false });
        }
        let content = match store.get(&NotificationLogName { node: node.clone() }).await {
            Err(StoreError::TooLarge { .. }) => None,
            read => read?,
        };
        let log = content.and_then(parse).unwrap_or_else(|| NotificationLog::new(node.clone()));
        Ok(OwnLog { log, path, is_stored: true })
    }

    /// Returns whether the store lacks changes of the log.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.is_stored
    }

    /// Writes the log to the store or, if that fails, to the spool directory.
    pub async fn save(&mut self, store: &Store) -> Result<(), StoreError> {
        self.is_stored = false;
        let name = NotificationLogName { node: self.log.node.clone() };
        let written = store.put(&name, self.log.to_json().into()).await;
        match written {
            Ok(()) => {
                self.is_stored = true;
                // Usually, the file does not exist.
                let _ = std::fs::remove_file(&self.path);
                Ok(())
            }
            Err(error) => {
                self.keep()?;
                Err(error)
            }
        }
    }

    /// Writes the log to the spool directory, for a time in which the store does not work.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        self.is_stored = false;
        let write = || {
            let folder = self.path.parent().ok_or(io::ErrorKind::NotADirectory)?;
            std::fs::create_dir_all(folder)?;
            // Replace the file atomically, because another run may be reading it.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            io::Write::write_all(&mut file, self.log.to_json().as_bytes())?;
            file.persist(&self.path).map(drop).map_err(|error| error.error)
        };
        write().map_err(|cause| StoreError::File { task: format!("write `{}`", self.path.display()), cause })
    }
}
