//! The requests that provisioning sends, one function each. Requests about the bucket are here, those about its rules
//! in [`rules`], about its objects in [`contents`], and to IAM in [`users`]. Errors include the call and, if a
//! permission is missing, the policy statement that grants it.

pub mod contents;
mod rules;
mod users;

use aws_config::SdkConfig;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use serde_json::{Value, json};

use crate::store::s3::client::{self, Credentials};
use crate::store::s3::error::{Action, RequestContext, S3Error};
use crate::store::settings::{Bucket, WriterKeys};

pub use self::users::{CreatedUser, KeyState, ListedKey, User};

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

/// The state of a bucket in this account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketState {
    Missing,
    /// The bucket exists and belongs to this account.
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
    /// The service does not recognize the call, or mistakes it for a different one.
    #[error("failed to {task} ({action}): this service does not support it (status {status}{})", in_parentheses(.code.as_deref()))]
    Unsupported {
        /// The operation, as a phrase that can follow "failed to".
        task: String,
        /// The IAM action that failed, such as `s3:GetBucketCORS`.
        action: &'static str,
        status: u16,
        code: Option<String>,
    },
    /// The bucket belongs to another account.
    #[error(
        "the bucket `{0}` belongs to another account; bucket names are unique across all accounts, so choose another"
    )]
    ForeignBucket(String),
    /// The service has no IAM API.
    #[error("`{endpoint}` has no IAM API for managing users (status {status}{})", in_parentheses(.code.as_deref()))]
    NoIam { endpoint: String, status: u16, code: Option<String> },
}

fn in_parentheses(code: Option<&str>) -> String {
    code.map(|code| format!(" {code}")).unwrap_or_default()
}

/// An API call, as spelled in policies: an action such as `s3:CreateBucket`, and the resource that it acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub action: &'static str,
    /// The ARN of the bucket, object or user.
    pub resource: String,
}

impl Call {
    /// Returns the policy statement that allows this call.
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
    /// Returns whether the service responded with this error code.
    #[must_use]
    pub fn has_code(&self, expected: &str) -> bool {
        matches!(self, ServiceError::Refused { code: Some(code), .. } if code == expected)
    }

    /// Returns whether a failed call may still have succeeded, because the response was lost or the service had an
    /// internal error.
    #[must_use]
    pub fn may_have_succeeded(&self) -> bool {
        self.is_transient()
    }

    /// Returns whether the same call may succeed a moment later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, ServiceError::Refused { cause, .. } if cause.is_transient())
    }

    /// Returns whether the service does not support the call.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self, ServiceError::Unsupported { .. })
    }

    /// Returns whether the service does not support the call, or refuses it for a reason other than permissions.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        let is_other =
            |cause: &S3Error| matches!(cause, S3Error::Refused(_) | S3Error::LimitExceeded(_) | S3Error::NotS3 { .. });
        self.is_unsupported() || matches!(self, ServiceError::Refused { cause, .. } if is_other(cause))
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

    /// Returns the region that all requests use.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the S3 client, for deleting objects.
    pub(super) fn client(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// Checks whether the bucket exists and belongs to this account.
    pub async fn bucket_state(&self) -> ServiceResult<BucketState> {
        let head = self.s3.head_bucket().bucket(&self.bucket.name).send().await;
        match head {
            Ok(_) => self.refuse_foreign_bucket().await,
            Err(error) if status(&error) == 404 => self.confirm_missing().await,
            Err(error) if status(&error) == 403 => {
                // A response to HEAD has no body, so a listing shows whether the key is wrong or the bucket belongs to
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

    /// Distinguishes a wrong region from a server that does not implement S3. A response to HEAD has no body, but a
    /// response to a listing contains an error code.
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

    /// Distinguishes a missing bucket from a server that does not implement S3: any web server responds to HEAD with
    /// 404.
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
            // An earlier attempt, whose response was lost, created the bucket.
            Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => Ok(()),
            Err(error) if error.code() == Some("BucketAlreadyExists") => {
                Err(ServiceError::ForeignBucket(self.bucket.name.clone()))
            }
            Err(error) => Err(self.refused("create", self.on_bucket("s3:CreateBucket"), &error)),
        }
    }

    /// Deletes the bucket. Some services delete all of its objects, too, so callers must first verify that it is empty.
    pub async fn delete_bucket(&self) -> ServiceResult<()> {
        let deleted = self.s3.delete_bucket().bucket(&self.bucket.name).send().await;
        self.unless_missing("delete", "s3:DeleteBucket", deleted, "NoSuchBucket").map(drop)
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

    /// Returns the response, or `None` if the service returns the error code `missing`, which means that nothing is
    /// configured.
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
        if let Some(unsupported) = unsupported(&task, call.action, error) {
            return unsupported;
        }
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

/// Error codes from services that do not recognize a call.
const UNKNOWN_CALL: [&str; 6] =
    ["NotImplemented", "XNotImplemented", "MethodNotAllowed", "NotSupported", "UnsupportedOperation", "InvalidAction"];

/// Returns an error if the service does not recognize the call.
fn unsupported<E>(task: &str, action: &'static str, error: &SdkError<E, HttpResponse>) -> Option<ServiceError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = status(error);
    let is_unknown = error.code().is_some_and(|code| UNKNOWN_CALL.contains(&code)) || matches!(status, 405 | 501);
    is_unknown.then(|| ServiceError::Unsupported {
        task: task.to_owned(),
        action,
        status,
        code: error.code().map(str::to_owned),
    })
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |response| response.status().as_u16())
}
