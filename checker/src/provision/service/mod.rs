//! The requests that provisioning sends, one function each: to S3 here, to IAM in [`users`]. Errors name the call and,
//! if a permission is missing, the policy statement that grants it.

mod users;

use aws_config::SdkConfig;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, CorsConfiguration, CorsRule, CreateBucketConfiguration,
    LifecycleRule, PublicAccessBlockConfiguration,
};
use serde_json::{Value, json};

use crate::store::s3::client::{self, Credentials};
use crate::store::s3::error::{Action, RequestContext, S3Error};
use crate::store::settings::{Bucket, WriterKeys};

pub use self::users::{KeyState, ListedKey, User};

/// Regions that a request to create a bucket must not contain.
const IMPLICIT_REGIONS: [&str; 2] = ["us-east-1", "auto"];

/// Clients with an administrator's credentials, for one bucket and its users.
#[derive(Debug, Clone)]
pub struct Service {
    s3: aws_sdk_s3::Client,
    iam: aws_sdk_iam::Client,
    bucket: Bucket,
    region: String,
}

/// Whether a bucket exists in this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketState {
    Missing,
    /// It exists and belongs to this account.
    Ours,
}

/// A request that provisioning sent failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("failed to {task} ({}): {cause}{}", call.action, call.remedy(cause))]
    Refused {
        /// The operation, as a phrase that can follow "failed to".
        task: String,
        call: Box<Call>,
        cause: S3Error,
        code: Option<String>,
    },
    /// The bucket belongs to another account.
    #[error(
        "the bucket `{0}` belongs to another account; bucket names are unique across all accounts, so choose another"
    )]
    ForeignBucket(String),
    /// The service has no IAM API.
    #[error("`{endpoint}` has no IAM API for managing users (status {status})")]
    NoIam { endpoint: String, status: u16 },
}

/// A call, as spelled in policies: an action such as `s3:CreateBucket`, and the resource that it acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub action: &'static str,
    /// The ARN of the bucket, object or user.
    pub resource: String,
}

impl Call {
    /// The policy statement that allows this call.
    #[must_use]
    pub fn statement(&self) -> Value {
        json!({ "Effect": "Allow", "Action": self.action, "Resource": self.resource })
    }

    fn remedy(&self, cause: &S3Error) -> String {
        match cause {
            S3Error::AccessDenied { .. } => format!("; this statement allows it: {}", self.statement()),
            _ => String::new(),
        }
    }
}

impl ServiceError {
    /// Whether the service returned this error code.
    #[must_use]
    pub fn has_code(&self, expected: &str) -> bool {
        matches!(self, ServiceError::Refused { code: Some(code), .. } if code == expected)
    }

    /// Whether a failed call may have succeeded after all: the response was lost, or the service had an internal
    /// error.
    #[must_use]
    pub fn may_have_succeeded(&self) -> bool {
        matches!(self, ServiceError::Refused { cause, .. } if cause.is_transient())
    }

    /// Whether the service does not support the call.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        ["NotImplemented", "MethodNotAllowed", "XNotImplemented", "NotSupported"].iter().any(|code| self.has_code(code))
            || matches!(self, ServiceError::Refused { cause: S3Error::NotS3 { status: 405 | 501 }, .. })
    }
}

type ServiceResult<T> = Result<T, ServiceError>;

impl Service {
    /// Prepares the clients with the bucket's keys, a profile's keys, or those from the AWS default credential chain.
    /// Does not send a request.
    pub async fn open(bucket: &Bucket, profile: Option<&str>) -> Service {
        let credentials = profile.map_or(Credentials::OfBucket, Credentials::OfProfile);
        Service::with_settings(&client::settings(bucket, credentials).await, bucket)
    }

    fn with_settings(settings: &SdkConfig, bucket: &Bucket) -> Service {
        Service {
            s3: client::client(settings, bucket.address_style),
            iam: aws_sdk_iam::Client::new(settings),
            bucket: bucket.clone(),
            region: settings.region().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// The region of all requests.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The S3 client, for deleting objects.
    pub(super) fn client(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// Whether the bucket exists and belongs to this account.
    pub async fn bucket_state(&self) -> ServiceResult<BucketState> {
        let head = self.s3.head_bucket().bucket(&self.bucket.name).send().await;
        match head {
            Ok(_) => self.refuse_foreign_bucket().await,
            Err(error) if status(&error) == 404 => self.confirm_missing().await,
            Err(error) if status(&error) == 403 => {
                // A response to HEAD has no body; a listing shows whether the key is wrong or the bucket belongs to
                // another account.
                let listing = self.s3.list_buckets().prefix(&self.bucket.name).send().await;
                match listing {
                    Ok(buckets) if self.is_among(&buckets) => {
                        Err(self.refused("check", self.on_bucket("s3:ListBucket"), &error))
                    }
                    Ok(_) => Err(ServiceError::ForeignBucket(self.bucket.name.clone())),
                    Err(error) => Err(self.refused("check", self.on_bucket("s3:ListAllMyBuckets"), &error)),
                }
            }
            Err(error) if matches!(status(&error), 301 | 307 | 400) => self.bucket_state_from_listing(&error).await,
            Err(error) => Err(self.refused("check", self.on_bucket("s3:ListBucket"), &error)),
        }
    }

    /// Distinguishes a wrong region from a server that does not speak S3. A response to HEAD has no body, but that of
    /// a listing contains an error code.
    async fn bucket_state_from_listing<E>(&self, head: &SdkError<E, HttpResponse>) -> ServiceResult<BucketState>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let call = self.on_bucket("s3:ListBucket");
        match self.s3.list_objects_v2().bucket(&self.bucket.name).max_keys(1).send().await {
            Ok(_) => Err(self.refused("check", call, head)),
            Err(error) => Err(self.refused("check", call, &error)),
        }
    }

    /// Distinguishes a missing bucket from a server that does not speak S3: any web server answers HEAD with 404.
    async fn confirm_missing(&self) -> ServiceResult<BucketState> {
        match self.s3.list_objects_v2().bucket(&self.bucket.name).max_keys(1).send().await {
            Ok(_) => self.refuse_foreign_bucket().await,
            Err(error) if matches!(error.code(), Some("NoSuchBucket" | "AccessDenied")) => Ok(BucketState::Missing),
            Err(error) => Err(self.refused("check", self.on_bucket("s3:ListBucket"), &error)),
        }
    }

    /// Fails if the bucket belongs to another account that lets us read it. If the service cannot list buckets, the
    /// bucket is assumed to be ours.
    async fn refuse_foreign_bucket(&self) -> ServiceResult<BucketState> {
        match self.s3.list_buckets().prefix(&self.bucket.name).send().await {
            Ok(buckets) if !self.is_among(&buckets) => Err(ServiceError::ForeignBucket(self.bucket.name.clone())),
            _ => Ok(BucketState::Ours),
        }
    }

    fn is_among(&self, buckets: &aws_sdk_s3::operation::list_buckets::ListBucketsOutput) -> bool {
        buckets.buckets().iter().any(|bucket| bucket.name() == Some(&self.bucket.name))
    }

    pub async fn create_bucket(&self) -> ServiceResult<()> {
        let location = (!IMPLICIT_REGIONS.contains(&self.region.as_str())).then(|| {
            let region = BucketLocationConstraint::from(self.region.as_str());
            CreateBucketConfiguration::builder().location_constraint(region).build()
        });
        let created =
            self.s3.create_bucket().bucket(&self.bucket.name).set_create_bucket_configuration(location).send().await;
        match created {
            Ok(_) => Ok(()),
            // An earlier attempt, whose response was lost, created it.
            Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => Ok(()),
            Err(error) if error.code() == Some("BucketAlreadyExists") => {
                Err(ServiceError::ForeignBucket(self.bucket.name.clone()))
            }
            Err(error) => Err(self.refused("create", self.on_bucket("s3:CreateBucket"), &error)),
        }
    }

    /// Deletes the bucket, which must be empty.
    pub async fn delete_bucket(&self) -> ServiceResult<()> {
        let deleted = self.s3.delete_bucket().bucket(&self.bucket.name).send().await;
        self.unless_missing("delete", "s3:DeleteBucket", deleted, "NoSuchBucket").map(drop)
    }

    pub async fn cors(&self) -> ServiceResult<Vec<CorsRule>> {
        let rules = self.s3.get_bucket_cors().bucket(&self.bucket.name).send().await;
        let rules =
            self.unless_missing("read the CORS rules of", "s3:GetBucketCORS", rules, "NoSuchCORSConfiguration")?;
        Ok(rules.map(|rules| rules.cors_rules().to_vec()).unwrap_or_default())
    }

    /// Replaces the bucket's CORS rules. An empty list deletes them.
    pub async fn put_cors(&self, rules: Vec<CorsRule>) -> ServiceResult<()> {
        let call = || self.on_bucket("s3:PutBucketCORS");
        if rules.is_empty() {
            let deleted = self.s3.delete_bucket_cors().bucket(&self.bucket.name).send().await;
            return deleted.map(drop).map_err(|error| self.refused("delete the CORS rules of", call(), &error));
        }
        let rules = CorsConfiguration::builder().set_cors_rules(Some(rules)).build();
        let rules = rules.map_err(|error| self.invalid_request("set the CORS rules of", call(), &error))?;
        let put = self.s3.put_bucket_cors().bucket(&self.bucket.name).cors_configuration(rules).send().await;
        put.map(drop).map_err(|error| self.refused("set the CORS rules of", call(), &error))
    }

    pub async fn lifecycle(&self) -> ServiceResult<Vec<LifecycleRule>> {
        let rules = self.s3.get_bucket_lifecycle_configuration().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the lifecycle rules of", "s3:GetLifecycleConfiguration");
        let rules = self.unless_missing(task, action, rules, "NoSuchLifecycleConfiguration")?;
        Ok(rules.map(|rules| rules.rules().to_vec()).unwrap_or_default())
    }

    /// Replaces the bucket's lifecycle rules. An empty list deletes them.
    pub async fn put_lifecycle(&self, rules: Vec<LifecycleRule>) -> ServiceResult<()> {
        let call = || self.on_bucket("s3:PutLifecycleConfiguration");
        let task = "set the lifecycle rules of";
        if rules.is_empty() {
            let deleted = self.s3.delete_bucket_lifecycle().bucket(&self.bucket.name).send().await;
            return deleted.map(drop).map_err(|error| self.refused(task, call(), &error));
        }
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
        let rules = rules.map_err(|error| self.invalid_request(task, call(), &error))?;
        let put = self.s3.put_bucket_lifecycle_configuration().bucket(&self.bucket.name).lifecycle_configuration(rules);
        put.send().await.map(drop).map_err(|error| self.refused(task, call(), &error))
    }

    pub async fn bucket_policy(&self) -> ServiceResult<Option<Value>> {
        let policy = self.s3.get_bucket_policy().bucket(&self.bucket.name).send().await;
        let policy = self.unless_missing("read the policy of", "s3:GetBucketPolicy", policy, "NoSuchBucketPolicy");
        match policy {
            Ok(policy) => Ok(policy.and_then(|policy| serde_json::from_str(policy.policy()?).ok())),
            Err(error) if error.is_unsupported() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the bucket's policy. `None` deletes it.
    pub async fn put_bucket_policy(&self, policy: Option<&Value>) -> ServiceResult<()> {
        let Some(policy) = policy else {
            let deleted = self.s3.delete_bucket_policy().bucket(&self.bucket.name).send().await;
            let call = self.on_bucket("s3:DeleteBucketPolicy");
            return deleted.map(drop).map_err(|error| self.refused("delete the policy of", call, &error));
        };
        let put = self.s3.put_bucket_policy().bucket(&self.bucket.name).policy(policy.to_string()).send().await;
        put.map(drop).map_err(|error| self.refused("set the policy of", self.on_bucket("s3:PutBucketPolicy"), &error))
    }

    /// The bucket's public access block; `None` if it has none or the service does not support it.
    pub async fn access_block(&self) -> ServiceResult<Option<PublicAccessBlockConfiguration>> {
        let block = self.s3.get_public_access_block().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the public access block of", "s3:GetBucketPublicAccessBlock");
        match self.unless_missing(task, action, block, "NoSuchPublicAccessBlockConfiguration") {
            Ok(block) => Ok(block.and_then(|block| block.public_access_block_configuration)),
            Err(error) if error.is_unsupported() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub async fn put_access_block(&self, block: PublicAccessBlockConfiguration) -> ServiceResult<()> {
        let put = self.s3.put_public_access_block().bucket(&self.bucket.name);
        let put = put.public_access_block_configuration(block).send().await;
        let call = || self.on_bucket("s3:PutBucketPublicAccessBlock");
        put.map(drop).map_err(|error| self.refused("set the public access block of", call(), &error))
    }

    /// Lists one object with these keys, to test whether they work.
    pub async fn try_keys(&self, keys: &WriterKeys) -> ServiceResult<()> {
        let bucket = Bucket { keys: Some(keys.clone()), region: Some(self.region.clone()), ..self.bucket.clone() };
        let client = Service::open(&bucket, None).await.s3;
        let listed = client.list_objects_v2().bucket(&bucket.name).prefix(&bucket.prefix).max_keys(1).send().await;
        listed.map(drop).map_err(|error| self.refused("use the new key on", self.on_bucket("s3:ListBucket"), &error))
    }

    fn on_bucket(&self, action: &'static str) -> Call {
        let scope =
            super::policy::Scope { bucket: &self.bucket.name, prefix: &self.bucket.prefix, region: &self.region };
        let resource = if action == "s3:ListAllMyBuckets" { "*".to_owned() } else { scope.bucket_arn() };
        Call { action, resource }
    }

    /// Returns the response; `None` if the service returns this error code, which means that nothing is configured.
    fn unless_missing<T, E>(
        &self,
        task: &str,
        action: &'static str,
        response: Result<T, SdkError<E, HttpResponse>>,
        missing: &str,
    ) -> ServiceResult<Option<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match response {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.code() == Some(missing) => Ok(None),
            Err(error) => Err(self.refused(task, self.on_bucket(action), &error)),
        }
    }

    pub(super) fn refused<E>(&self, task: &str, call: Call, error: &SdkError<E, HttpResponse>) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.error(format!("{task} the bucket `{}`", self.bucket.name), call, error)
    }

    fn invalid_request(&self, task: &str, call: Call, error: &aws_sdk_s3::error::BuildError) -> ServiceError {
        let task = format!("{task} the bucket `{}`", self.bucket.name);
        let cause = S3Error::InvalidRequest(error.to_string());
        ServiceError::Refused { task, call: Box::new(call), cause, code: None }
    }

    fn error<E>(&self, task: String, call: Call, error: &SdkError<E, HttpResponse>) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let context = RequestContext { action: Action::Get, bucket: &self.bucket.name, prefix: &self.bucket.prefix };
        let cause = match client::sdk_error(&context, error) {
            // Some services deny access with an empty body.
            S3Error::AccessDenied { .. } | S3Error::NotS3 { status: 403 } => {
                S3Error::AccessDenied { permission: call.action, resource: call.resource.clone() }
            }
            other => other,
        };
        ServiceError::Refused { task, call: Box::new(call), cause, code: error.code().map(str::to_owned) }
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}
