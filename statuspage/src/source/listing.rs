//! What stores list. Pure data.

use shared::UnixNanos;
use shared::check_file::CheckFile;
use shared::object_name::{CheckFileName, HistoryName};

/// A check file that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its name.
    pub name: CheckFileName,
    /// How many bytes it has, if the list says so.
    pub size: Option<usize>,
    /// What it holds, if the list has that, too.
    pub file: Option<CheckFile>,
}

/// Whether a list may bring the contents of check files along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InlineContents {
    /// It may, since nothing is known yet.
    Allowed,
    /// It need not, since nearly all is known.
    Omitted,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// The check files, oldest first.
    pub files: Vec<ListedFile>,
    /// The names of other objects that were listed beside them.
    pub unrelated: Vec<String>,
    /// When this was known by the device's clock, if it is not the store that says so now.
    pub cached_at: Option<UnixNanos>,
}

/// What can be got from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreObject {
    /// A check file.
    CheckFile(CheckFileName),
    /// A history, with what changes when its content does, if the list says so.
    History(HistoryName, Option<String>),
}

/// What a store says about its histories.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryListing {
    /// Their names, each with what changes when its content does, if the list says so.
    pub histories: Vec<(HistoryName, Option<String>)>,
    /// The newest check files, if they were listed, too.
    pub newest: Option<Listing>,
    /// When this was known, if it is not the store that says so now.
    pub cached_at: Option<UnixNanos>,
}
