//! Finds the check files that contain a message. A round stores the message of `checker run --message` with its results,
//! so erasing the post does not delete all copies of its text.

use shared::MINUTE;
use shared::check_file::CheckFile;
use shared::object_name::CheckFileName;
use shared::post::{Details, Post};

use crate::store::{Listing, Store, StoreError};

/// How long after its message a round can be stored. The message is posted immediately before.
const STORED_WITHIN: shared::Nanos = 10 * MINUTE;

/// A check file that contains the text of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageCopy {
    pub file: CheckFileName,
    /// Whether the file names the post, so that readers do not show the copy.
    pub is_hidden: bool,
}

/// Finds the check file of the round with which a message was posted. Returns `None` for posts of another kind, and if
/// the file does not exist, for example because it has expired.
pub async fn find_copy(store: &Store, post: &Post) -> Result<Option<MessageCopy>, StoreError> {
    if !matches!(post.details, Details::Message { .. }) || !post.is_first() {
        return Ok(None);
    }
    let posted_at = post.id.posted_at;
    let names: Vec<CheckFileName> =
        store.list(Listing::during(posted_at..=posted_at.saturating_add(STORED_WITHIN))).await?;
    let mut rest = names.as_slice();
    while !rest.is_empty() {
        let batch = store.get_batch(rest).await?;
        rest = rest.get(batch.names.max(1)..).unwrap_or_default();
        for (file, content) in batch.objects {
            let parsed = content.ok().and_then(|content| CheckFile::parse(&content).ok());
            if let Some(is_hidden) = parsed.and_then(|parsed| copy_in(&parsed, post)) {
                return Ok(Some(MessageCopy { file, is_hidden }));
            }
        }
    }
    Ok(None)
}

/// Returns whether readers do not show the copy of a message in a check file, or `None` if there is no copy.
fn copy_in(file: &CheckFile, post: &Post) -> Option<bool> {
    let text = post.text.as_deref().unwrap_or_default();
    let mut found = None;
    for result in file.results.iter().filter(|result| !result.message.is_empty()) {
        match result.post.as_deref() {
            Some(id) if *id == post.id => found = found.or(Some(true)),
            None if result.message == text => found = Some(false),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use shared::check_file::CheckResult;
    use shared::object_name::PostId;

    use super::*;

    #[test]
    fn a_copy_is_found_by_the_id_of_the_post_or_its_text() {
        let id = |text: &str| -> PostId { text.parse().unwrap() };
        let (own, other) = (id("1795330254340493978-anna"), id("1795330254340493979-anna"));
        let post = Post {
            subject: own.clone(),
            id: own.clone(),
            edit: None,
            title: None,
            affects: None,
            text: Some("We know.".to_owned()),
            at: None,
            details: Details::Message { until: None },
        };
        for (message, named, expected) in [
            ("We know.", Some(&own), Some(true)),
            ("We know.", None, Some(false)),
            ("We know.", Some(&other), None),
            ("Other.", None, None),
            ("", Some(&own), None),
        ] {
            let result = CheckResult {
                message: message.to_owned(),
                post: named.cloned().map(Box::new),
                ..CheckResult::default()
            };
            let file = CheckFile { results: vec![result], skipped: Vec::new() };
            assert_eq!(copy_in(&file, &post), expected, "{message:?} {named:?}");
        }
    }
}
