//! Lists the contents of a whole bucket: all objects under any prefix, with all of their versions.

use aws_sdk_s3::types::EncodingType;

use super::{Service, ServiceError, ServiceResult};
use crate::sanitize::sanitize_for_terminal;
use crate::store::s3::client::decode_url;
use crate::store::s3::error::S3Error;

/// Beyond this number, objects that checkers did not store are no longer counted.
const COUNT_LIMIT: usize = 10_000;
/// The maximum length of a key, in bytes.
const KEY_LIMIT: usize = 1_024;
/// The maximum number of pages in one listing, with a thousand objects each. A longer listing is considered endless.
const PAGE_LIMIT: usize = 50_000;

/// The objects in a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The number of objects that checkers stored below the prefix.
    pub ours: usize,
    /// The number of other objects and old versions, up to a limit.
    pub others: usize,
    /// The key of the first other object.
    pub example: Option<String>,
    /// The key of the first object that a checker stored.
    pub example_of_ours: Option<String>,
}

impl Contents {
    fn add(&mut self, key: &str, is_ours: bool) {
        if is_ours {
            self.ours += 1;
            self.example_of_ours.get_or_insert_with(|| key.to_owned());
        } else {
            self.others += 1;
            self.example.get_or_insert_with(|| sanitize_for_terminal(key, KEY_LIMIT));
        }
    }

    /// Returns the number of other objects in words.
    #[must_use]
    pub fn count_of_others(&self) -> String {
        match self.others {
            1 => "1 other object".to_owned(),
            count if count >= COUNT_LIMIT => format!("at least {COUNT_LIMIT} other objects"),
            count => format!("{count} other objects"),
        }
    }
}

impl Service {
    /// Lists the whole bucket. Versions other than the latest, and delete markers, are counted as other objects.
    pub async fn contents(&self, is_ours: impl Fn(&str) -> bool) -> ServiceResult<Contents> {
        let versions = match self.versions(&is_ours).await {
            Ok(versions) => versions,
            Err(error) if error.is_unsupported() => Contents::default(),
            Err(error) => return Err(error),
        };
        // Services without versioning may return an empty list of versions.
        let objects = self.objects(&is_ours).await?;
        let (most, least) = if versions.others > objects.others { (versions, objects) } else { (objects, versions) };
        let example_of_ours = most.example_of_ours.or(least.example_of_ours);
        Ok(Contents { ours: most.ours.max(least.ours), example_of_ours, others: most.others, example: most.example })
    }

    async fn objects(&self, is_ours: impl Fn(&str) -> bool) -> ServiceResult<Contents> {
        const ACTION: &str = "s3:ListBucket";
        let mut contents = Contents::default();
        let mut token: Option<String> = None;
        for number in 1.. {
            let request = self.s3.list_objects_v2().bucket(&self.bucket.name).encoding_type(EncodingType::Url);
            let page = request.set_continuation_token(token.clone()).send().await;
            let page = page.map_err(|error| self.refused("list", self.on_bucket(ACTION), &error))?;
            let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
            for object in page.contents() {
                let key = decoded(object.key().unwrap_or_default(), is_encoded);
                contents.add(&key, is_ours(&key));
            }
            if page.is_truncated() != Some(true) || contents.others >= COUNT_LIMIT {
                break;
            }
            let next = page.next_continuation_token().map(str::to_owned);
            self.check_progress(ACTION, number, next.is_some() && next != token)?;
            token = next;
        }
        Ok(contents)
    }

    async fn versions(&self, is_ours: impl Fn(&str) -> bool) -> ServiceResult<Contents> {
        const ACTION: &str = "s3:ListBucketVersions";
        let mut contents = Contents::default();
        let mut markers: (Option<String>, Option<String>) = (None, None);
        for number in 1.. {
            let request = self.s3.list_object_versions().bucket(&self.bucket.name).encoding_type(EncodingType::Url);
            let request = request.set_key_marker(markers.0.clone()).set_version_id_marker(markers.1.clone());
            let page =
                self.read_rules("list the versions in", ACTION, request.send().await, "", "ListVersionsResult")?;
            let Some(page) = page else { break };
            let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
            for version in page.versions() {
                let key = decoded(version.key().unwrap_or_default(), is_encoded);
                contents.add(&key, version.is_latest() != Some(false) && is_ours(&key));
            }
            for marker in page.delete_markers() {
                contents.add(&decoded(marker.key().unwrap_or_default(), is_encoded), false);
            }
            if page.is_truncated() != Some(true) || contents.others >= COUNT_LIMIT {
                break;
            }
            let next_key = page.next_key_marker().map(|key| decoded(key, is_encoded));
            let next = (next_key, page.next_version_id_marker().map(str::to_owned));
            self.check_progress(ACTION, number, next.0.is_some() && next != markers)?;
            markers = next;
        }
        Ok(contents)
    }

    /// Fails if an incomplete listing cannot be continued, or is endless.
    pub(in crate::provision) fn check_progress(
        &self,
        action: &'static str,
        page_number: usize,
        continues: bool,
    ) -> ServiceResult<()> {
        let cause = if !continues {
            "a page of the listing has no continuation token, although more pages follow".to_owned()
        } else if page_number >= PAGE_LIMIT {
            format!("the listing has more than {PAGE_LIMIT} pages")
        } else {
            return Ok(());
        };
        Err(ServiceError::Refused {
            task: format!("list the bucket `{}`", self.bucket.name),
            call: Box::new(self.on_bucket(action)),
            cause: S3Error::LimitExceeded(cause),
            code: None,
        })
    }
}

/// Decodes a key from a listing. If it cannot be decoded, no checker stored the object, and the key stays encoded.
fn decoded(key: &str, is_encoded: bool) -> String {
    if is_encoded { decode_url(key).unwrap_or_else(|| key.to_owned()) } else { key.to_owned() }
}
