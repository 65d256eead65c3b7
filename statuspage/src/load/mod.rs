//! List → choose → fetch → record. What failed is part of the answer: one bad file never keeps the others away, and
//! the next refresh adds only what is new and asks again for what may have passed.

mod hour;
mod memory;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use shared::history::{self, Outline};
use shared::object_name::{CheckFileName, HistoryName, HistoryPart};
use shared::{MINUTE, UnixNanos};

pub(crate) use self::hour::load_hour;
pub use self::hour::{HOUR_FILES_LIMIT, Hour};
pub use self::memory::{FILES_LIMIT, Memory};
use crate::source::{Contents, Listing, SourceError};

/// How many files are asked for at once: browsers send six at a time over HTTP/1, and many more over HTTP/2.
const CONCURRENT_FETCHES: usize = 24;

/// After so many failures in a row nobody answers any more, and the rest waits for the next refresh.
const FAILURES_IN_A_ROW_LIMIT: usize = 30;

/// How the page reads a store, so that tests can be one.
pub(crate) trait Store {
    /// Lists the check files from `from` on, at least to `until`.
    async fn list(&self, from: UnixNanos, until: UnixNanos, contents: Contents) -> Result<Listing, SourceError>;
    async fn get(&self, name: &Object) -> Result<Vec<u8>, SourceError>;
    /// The names of all histories, and the newest check files if the same answer lists them.
    async fn look(&self) -> Result<Look, SourceError>;
}

/// What can be got from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// A check file.
    CheckFile(CheckFileName),
    /// A history, with what changes when its content does, if the list says so.
    History(HistoryName, Option<String>),
}

/// Whether more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Wanted,
    NotWanted,
}

/// Gets objects, several at a time; `take` is given each with what came of it, and says whether to go on.
async fn get_all(
    store: &impl Store,
    objects: Vec<Object>,
    take: &mut dyn FnMut(Object, Result<Vec<u8>, SourceError>) -> More,
) {
    let mut objects = objects.into_iter().map(|object| -> Pin<Box<dyn Future<Output = _>>> {
        Box::pin(async move {
            let answer = store.get(&object).await;
            (object, answer)
        })
    });
    let mut asked: Vec<_> = objects.by_ref().take(CONCURRENT_FETCHES).collect();
    while !asked.is_empty() {
        // When one is answered all of these few are looked at: what knows which one it was would weigh half a kilobyte.
        let (place, (object, answer)) = poll_fn(|context| {
            let answers = asked.iter_mut().enumerate();
            let mut polled = answers.map(|(place, answer)| answer.as_mut().poll(context).map(|answer| (place, answer)));
            polled.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await;
        drop(asked.remove(place));
        if take(object, answer) == More::NotWanted {
            break;
        }
        asked.extend(objects.next());
    }
}

/// What a store says about its histories.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Look {
    /// Their names, each with what changes when its content does, if the list says so.
    pub histories: Vec<(HistoryName, Option<String>)>,
    /// The newest check files, if they were listed, too.
    pub newest: Option<Listing>,
    /// When this was known, if it is not the store that says so now.
    pub kept_at: Option<UnixNanos>,
}

/// What a load has to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// From when on the past is wanted at all.
    pub from: UnixNanos,
    /// From when on every check file is wanted; what is before is told by histories, as far as nodes keep one.
    pub checks_from: UnixNanos,
    /// The end of what is wanted: [`UnixNanos::MAX`], unless somebody looks back.
    pub until: UnixNanos,
    /// Which objects of a history are wanted.
    pub parts: &'static [HistoryPart],
}

impl Wanted {
    fn is_told_by_histories(self) -> bool {
        // Who looks back may ask for a time whose check files have expired.
        self.from < self.checks_from || self.is_past()
    }

    fn is_past(self) -> bool {
        self.until < UnixNanos::MAX
    }
}

/// Something that a load brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// All histories: with them nearly everything is known.
    Histories,
    /// A check file.
    File,
}

/// Brings the memory up to date with what is wanted; calls `after` whenever something was dealt with.
pub(crate) async fn refresh(store: &impl Store, memory: &RefCell<Memory>, wanted: Wanted, mut after: impl FnMut(Step)) {
    memory.borrow_mut().forget_before(wanted.from);
    let mut kept_at = None;
    let listing = if wanted.is_told_by_histories() {
        let looked = load_histories(store, memory, wanted).await;
        after(Step::Histories);
        match looked {
            Ok(_) if wanted.is_past() => store.list(wanted.checks_from, wanted.until, Contents::LeftOut).await,
            Ok(look) => {
                kept_at = look.kept_at;
                list_beside_histories(store, memory, look.newest, wanted).await
            }
            Err(error) => Err(error),
        }
    } else {
        let list_from = memory.borrow().list_from(wanted.from);
        list_to_now(store, memory, list_from).await
    };
    let names = match listing {
        Ok(listing) => {
            let mut memory = memory.borrow_mut();
            memory.kept_at = kept_at.or(listing.kept_at);
            memory.choose(listing, wanted)
        }
        Err(error) => {
            memory.borrow_mut().list_problem = Some(error);
            return;
        }
    };
    let mut failures_in_a_row = 0;
    let objects = names.iter().cloned().map(Object::CheckFile).collect();
    get_all(store, objects, &mut |object, answer| {
        failures_in_a_row = if answer.is_err() { failures_in_a_row + 1 } else { 0 };
        memory.borrow_mut().take(object, answer, wanted.checks_from);
        after(Step::File);
        if failures_in_a_row < FAILURES_IN_A_ROW_LIMIT {
            return More::Wanted;
        }
        memory.borrow_mut().give_up_on(&names);
        More::NotWanted
    })
    .await;
}

/// Lists all check files from a moment on, with their contents where that is worth it.
async fn list_to_now(store: &impl Store, memory: &RefCell<Memory>, from: UnixNanos) -> Result<Listing, SourceError> {
    let contents = memory.borrow().contents();
    store.list(from, UnixNanos::MAX, contents).await
}

/// Brings the histories up to date; returns what the store says of them.
async fn load_histories(store: &impl Store, memory: &RefCell<Memory>, wanted: Wanted) -> Result<Look, SourceError> {
    let look = store.look().await?;
    memory.borrow_mut().unreadable_histories.retain(|(known, _)| look.histories.iter().any(|(name, _)| name == known));
    let is_new = |(name, tag): &&(HistoryName, Option<String>)| {
        wanted.parts.contains(&name.part) && (tag.is_none() || memory.borrow().tag_of(name) != tag.as_ref())
    };
    let changed = look.histories.iter().filter(is_new).cloned();
    let changed = changed.map(|(name, tag)| Object::History(name, tag)).collect();
    get_all(store, changed, &mut |object, answer| {
        memory.borrow_mut().take(object, answer, wanted.checks_from);
        More::Wanted
    })
    .await;
    Ok(look)
}

/// Lists the check files that histories do not cover: few, unless a node has no history or is behind with it.
async fn list_beside_histories(
    store: &impl Store,
    memory: &RefCell<Memory>,
    newest: Option<Listing>,
    wanted: Wanted,
) -> Result<Listing, SourceError> {
    let alive_from = memory.borrow().alive_from();
    let mut from = alive_from.unwrap_or(wanted.from);
    if wanted.checks_from < UnixNanos::MAX {
        from = from.min(memory.borrow().list_from(wanted.checks_from));
    }
    let listing = match newest {
        // A short list reaches back further than any node that is alive is behind.
        Some(listing) if alive_from == Some(from) => listing,
        _ => list_to_now(store, memory, from).await?,
    };
    let names: Vec<CheckFileName> = listing.files.iter().map(|listed| listed.name.clone()).collect();
    let further = {
        let memory = memory.borrow();
        let histories = &memory.record.histories;
        history::needed_from(&names, from, |node| {
            let history = histories.iter().find(|history| history.node.as_ref() == node);
            history.map_or_else(|| memory.list_from_of(node, wanted.from), not_covered_from)
        })
    };
    match further {
        Some(further) => list_to_now(store, memory, further).await,
        None => Ok(listing),
    }
}

/// From when on check files may not be in a history: two rounds that were stored at nearly the same time may have
/// overtaken each other. What is later still the node itself finds, and tells in its next history.
fn not_covered_from(history: &Outline) -> UnixNanos {
    history.newest - MINUTE
}

#[cfg(test)]
mod tests;
