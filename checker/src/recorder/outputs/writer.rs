//! Stores outputs whose content changed since the node last wrote them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reqwest::Url;
use sha2::{Digest as _, Sha256};
use shared::UnixNanos;
use shared::object_name::{NodeName, OutputForm, OutputName};
use shared::outputs::OutputIndex;

use super::dataset::{Dataset, OutputSettings};
use super::{RenderedOutputs, render};
use crate::config::model::OutputKind;
use crate::store::{Store, StoreError};

/// Writes a node's outputs, and keeps the index of stored outputs in memory.
#[derive(Debug)]
pub struct OutputWriter {
    kinds: Vec<OutputKind>,
    index: Option<OutputIndex>,
}

impl OutputWriter {
    /// Creates a writer that reads the index when it first writes. Returns `None` if nothing is stored.
    #[must_use]
    pub fn new(kinds: &[OutputKind]) -> Option<OutputWriter> {
        (!kinds.is_empty()).then(|| OutputWriter { kinds: kinds.to_vec(), index: None })
    }

    /// Stores the outputs that changed, and then the index.
    pub async fn write(&mut self, store: &Store, data: &Dataset, now: UnixNanos) -> Result<(), StoreError> {
        let node = &data.settings.node;
        let name = |form: OutputForm| OutputName { node: node.clone(), form };
        let before = match self.index.take() {
            Some(index) => index,
            None => stored_index(store, node).await?.unwrap_or_else(|| new_index(&data.settings, now)),
        };
        let mut index = before.clone();
        let rendered = render(&self.kinds, data, &mut index, now);
        let hashes = hashes(&rendered);
        let is_changed = |form: &OutputForm| before.written.get(&form.to_string()) != hashes.get(&form.to_string());
        let changed: Vec<_> = rendered.into_iter().filter(|(form, _)| is_changed(form)).collect();
        // If this fails, the next call reads the stored index again, and therefore writes these outputs again.
        store.put_all(changed.into_iter().map(|(form, content)| (name(form), content)).collect()).await?;
        index.written = hashes;
        if index != before || index.created == now {
            store.put(&name(OutputForm::Index), index.to_json().into()).await?;
        }
        self.index = Some(index);
        Ok(())
    }
}

/// Reads the index of a node. Returns `None` if the node has not stored a valid one.
pub async fn stored_index(store: &Store, node: &NodeName) -> Result<Option<OutputIndex>, StoreError> {
    let stored = store.get(&OutputName { node: node.clone(), form: OutputForm::Index }).await?;
    Ok(stored.and_then(|content| OutputIndex::parse(&content)))
}

/// Creates the index of a node that has not written any outputs.
#[must_use]
pub fn new_index(settings: &OutputSettings, now: UnixNanos) -> OutputIndex {
    let url = settings.url.as_deref().and_then(|url| Url::parse(url).ok());
    OutputIndex::new(url.as_ref().and_then(Url::host_str), now)
}

/// Returns the hash of each output, by path.
#[must_use]
pub fn hashes(rendered: &RenderedOutputs) -> BTreeMap<String, String> {
    rendered.iter().map(|(form, content)| (form.to_string(), hash(content))).collect()
}

/// Returns 64 bits of a content's SHA-256 hash.
#[must_use]
pub fn hash(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
