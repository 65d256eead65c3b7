//! Requests for a bucket's rules: CORS, lifecycle, policy, public access block and tags.
//!
//! Each is a request to the bucket with a subresource in the query, such as `?cors`. A service that does not recognize
//! the subresource may ignore it and respond with a listing, or mistake the request for one that creates or **deletes
//! the bucket**. A response with a different document therefore means that the rules are not supported, and a DELETE is
//! sent only right after the rules were read.

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, CorsConfiguration, CorsRule, LifecycleRule, PublicAccessBlockConfiguration, Tag,
    Tagging,
};
use serde_json::Value;

use super::{Call, Service, ServiceError, ServiceResult, status};
use crate::provision::names::{CREATED_BUCKET, TAG};

/// The error codes that services return if a bucket to create already exists. Some services mistake a PUT with a
/// subresource for a request to create the bucket.
const TAKEN_FOR_CREATION: [&str; 2] = ["BucketAlreadyExists", "BucketAlreadyOwnedByYou"];

impl Service {
    pub async fn cors(&self) -> ServiceResult<Vec<CorsRule>> {
        let rules = self.s3.get_bucket_cors().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the CORS rules of", "s3:GetBucketCORS");
        let rules = self.read_rules(task, action, rules, "NoSuchCORSConfiguration", "CORSConfiguration")?;
        Ok(rules.map(|rules| rules.cors_rules().to_vec()).unwrap_or_default())
    }

    /// Replaces the bucket's CORS rules. An empty list deletes them.
    pub async fn put_cors(&self, rules: Vec<CorsRule>) -> ServiceResult<()> {
        let call = || self.on_bucket("s3:PutBucketCORS");
        let task = "set the CORS rules of";
        if rules.is_empty() {
            if self.cors().await?.is_empty() {
                return Ok(());
            }
            let deleted = self.s3.delete_bucket_cors().bucket(&self.bucket.name).send().await;
            return self.changed("delete the CORS rules of", call(), deleted);
        }
        let rules = CorsConfiguration::builder().set_cors_rules(Some(rules)).build();
        let rules = rules.map_err(|error| self.invalid_request(task, call(), &error))?;
        let put = self.s3.put_bucket_cors().bucket(&self.bucket.name).cors_configuration(rules).send().await;
        self.changed(task, call(), put)
    }

    pub async fn lifecycle(&self) -> ServiceResult<Vec<LifecycleRule>> {
        let rules = self.s3.get_bucket_lifecycle_configuration().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the lifecycle rules of", "s3:GetLifecycleConfiguration");
        let rules = self.read_rules(task, action, rules, "NoSuchLifecycleConfiguration", "LifecycleConfiguration")?;
        Ok(rules.map(|rules| rules.rules().to_vec()).unwrap_or_default())
    }

    /// Replaces the bucket's lifecycle rules. An empty list deletes them.
    pub async fn put_lifecycle(&self, rules: Vec<LifecycleRule>) -> ServiceResult<()> {
        let call = || self.on_bucket("s3:PutLifecycleConfiguration");
        let task = "set the lifecycle rules of";
        if rules.is_empty() {
            if self.lifecycle().await?.is_empty() {
                return Ok(());
            }
            let deleted = self.s3.delete_bucket_lifecycle().bucket(&self.bucket.name).send().await;
            return self.changed(task, call(), deleted);
        }
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
        let rules = rules.map_err(|error| self.invalid_request(task, call(), &error))?;
        let put = self.s3.put_bucket_lifecycle_configuration().bucket(&self.bucket.name).lifecycle_configuration(rules);
        self.changed(task, call(), put.send().await)
    }

    /// Returns the bucket's policy, or `None` if it has none. A response that is not JSON means that the service does
    /// not support policies.
    pub async fn bucket_policy(&self) -> ServiceResult<Option<Value>> {
        let policy = self.s3.get_bucket_policy().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the policy of", "s3:GetBucketPolicy");
        let Some(policy) = self.unless_missing(task, action, policy, "NoSuchBucketPolicy")? else { return Ok(None) };
        match policy.policy().map(serde_json::from_str) {
            Some(Ok(policy @ Value::Object(_))) => Ok(Some(policy)),
            _ => Err(self.another_document(task, action, 200)),
        }
    }

    /// Replaces the bucket's policy. `None` deletes it.
    pub async fn put_bucket_policy(&self, policy: Option<&Value>) -> ServiceResult<()> {
        let Some(policy) = policy else {
            if self.bucket_policy().await?.is_none() {
                return Ok(());
            }
            let deleted = self.s3.delete_bucket_policy().bucket(&self.bucket.name).send().await;
            return self.changed("delete the policy of", self.on_bucket("s3:DeleteBucketPolicy"), deleted);
        };
        let put = self.s3.put_bucket_policy().bucket(&self.bucket.name).policy(policy.to_string()).send().await;
        self.changed("set the policy of", self.on_bucket("s3:PutBucketPolicy"), put)
    }

    /// Returns the bucket's public access block, or `None` if it has none or the service does not support it. Some
    /// services wrap the block in another element.
    pub async fn access_block(&self) -> ServiceResult<Option<PublicAccessBlockConfiguration>> {
        let block = self.s3.get_public_access_block().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the public access block of", "s3:GetBucketPublicAccessBlock");
        if let Err(error) = &block
            && (200..300).contains(&status(error))
            && let Some(body) = body_of(error)
        {
            return Ok(access_block_in(&body));
        }
        match self.unless_missing(task, action, block, "NoSuchPublicAccessBlockConfiguration") {
            Ok(block) => Ok(block.and_then(|block| block.public_access_block_configuration)),
            Err(error) if error.is_unsupported() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn put_access_block(&self, block: PublicAccessBlockConfiguration) -> ServiceResult<()> {
        let put = self.s3.put_public_access_block().bucket(&self.bucket.name);
        let put = put.public_access_block_configuration(block).send().await;
        self.changed("set the public access block of", self.on_bucket("s3:PutBucketPublicAccessBlock"), put)
    }

    /// Returns whether the bucket is tagged as created by provisioning. Returns `false` if the service does not support
    /// tags.
    pub async fn is_created_here(&self) -> ServiceResult<bool> {
        let tags = self.s3.get_bucket_tagging().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the tags of", "s3:GetBucketTagging");
        match self.read_rules(task, action, tags, "NoSuchTagSet", "Tagging") {
            Ok(tags) => Ok(tags.is_some_and(|tags| {
                tags.tag_set().iter().any(|tag| (tag.key(), tag.value()) == (TAG, CREATED_BUCKET))
            })),
            Err(error) if error.is_unsupported() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tags the bucket as created by provisioning. This replaces all of its tags, but a new bucket has none.
    pub async fn mark_as_created(&self) -> ServiceResult<()> {
        let call = || self.on_bucket("s3:PutBucketTagging");
        let task = "set the tags of";
        let tag = Tag::builder().key(TAG).value(CREATED_BUCKET).build();
        let tags = tag.and_then(|tag| Tagging::builder().tag_set(tag).build());
        let tags = tags.map_err(|error| self.invalid_request(task, call(), &error))?;
        let put = self.s3.put_bucket_tagging().bucket(&self.bucket.name).tagging(tags).send().await;
        self.changed(task, call(), put)
    }

    /// Returns the rules in a response, or `None` if the service returns the error code `missing`, which means that
    /// nothing is configured.
    pub(super) fn read_rules<T, E>(
        &self,
        task: &str,
        action: &'static str,
        response: Result<T, SdkError<E, HttpResponse>>,
        missing: &str,
        root: &str,
    ) -> ServiceResult<Option<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Err(error) = &response
            && (200..300).contains(&status(error))
            && body_of(error).is_some_and(|body| has_other_root(&body, root))
        {
            return Err(self.another_document(task, action, status(error)));
        }
        self.unless_missing(task, action, response, missing)
    }

    fn another_document(&self, task: &str, action: &'static str, status: u16) -> ServiceError {
        let task = format!("{task} the bucket `{}`", self.bucket.name);
        ServiceError::Unsupported { task, action, status, code: None }
    }

    /// Converts the response to a request that changes rules.
    fn changed<T, E>(&self, task: &str, call: Call, response: Result<T, SdkError<E, HttpResponse>>) -> ServiceResult<()>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        response.map(drop).map_err(|error| match error.code() {
            Some(code) if TAKEN_FOR_CREATION.contains(&code) => {
                let code = Some(code.to_owned());
                let task = format!("{task} the bucket `{}`", self.bucket.name);
                ServiceError::Unsupported { task, action: call.action, status: status(&error), code }
            }
            _ => self.refused(task, call, &error),
        })
    }
}

/// Returns the body of a response, or `None` if the connection failed before its end.
fn body_of<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let body = error.raw_response()?.body().bytes()?;
    Some(String::from_utf8_lossy(body).into_owned())
}

/// Returns whether a response is not the start of a document with this root element.
fn has_other_root(body: &str, root: &str) -> bool {
    let body = body.trim_start();
    let element = match body.strip_prefix("<?") {
        Some(declaration) => declaration.split_once("?>").map(|(_, rest)| rest.trim_start()),
        None => Some(body),
    };
    element.is_some_and(|element| !element.starts_with(&format!("<{root}")))
}

/// Reads a public access block from any element. Returns `None` if the body contains none of its flags.
fn access_block_in(body: &str) -> Option<PublicAccessBlockConfiguration> {
    let flag = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once('<')?;
        Some(value.trim().eq_ignore_ascii_case("true"))
    };
    let block = PublicAccessBlockConfiguration::builder()
        .set_block_public_acls(flag("BlockPublicAcls"))
        .set_ignore_public_acls(flag("IgnorePublicAcls"))
        .set_block_public_policy(flag("BlockPublicPolicy"))
        .set_restrict_public_buckets(flag("RestrictPublicBuckets"))
        .build();
    (block != PublicAccessBlockConfiguration::builder().build()).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_document_differs_from_an_incomplete_one() {
        for body in
            ["", "<html>", "<?xml version=\"1.0\"?>\n<ListBucketResult></ListBucketResult>", "404 page not found"]
        {
            assert!(has_other_root(body, "CORSConfiguration"), "{body}");
        }
        for body in ["<?xml version=\"1.0\"", "<?xml version=\"1.0\"?>\n<CORSConfiguration><CO", " <CORSConfiguration>"]
        {
            assert!(!has_other_root(body, "CORSConfiguration"), "{body}");
        }
    }

    #[test]
    fn a_public_access_block_is_read_from_any_element() {
        let body = "<?xml version=\"1.0\"?><Odd><BlockPublicAcls>false</BlockPublicAcls><BlockPublicPolicy>TRUE</BlockPublicPolicy></Odd>";
        let block = access_block_in(body).expect("there is one");
        assert_eq!((block.block_public_acls(), block.block_public_policy()), (Some(false), Some(true)));
        assert_eq!(block.ignore_public_acls(), None);
        for body in ["", "<ListBucketResult><Name>b</Name></ListBucketResult>", "<Odd><BlockPublicAcls>"] {
            assert_eq!(access_block_in(body), None, "{body}");
        }
    }
}
