//! The requests that provisioning makes, one function each, and what their errors mean: which call, which permission is
//! missing, the statement that would give it. Those to S3 are here, those to IAM in `users`; what to do when is
//! others' business.

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

/// Regions in which a bucket is created without saying so.
const REGIONS_LEFT_OUT: [&str; 2] = ["us-east-1", "auto"];

/// A service as an administrator reaches it, and the one bucket it is about.
#[derive(Debug, Clone)]
pub struct Service {
    s3: aws_sdk_s3::Client,
    iam: aws_sdk_iam::Client,
    bucket: Bucket,
    region: String,
}

/// Whose a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketState {
    /// There is none of that name.
    Missing,
    /// It is there, and ours.
    Ours,
}

/// The service did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A call failed.
    #[error("failed to {task} ({}): {problem}{}", call.action, call.remedy(problem))]
    Refused {
        /// What was tried, as a fragment.
        task: String,
        /// The call.
        call: Box<Call>,
        /// What is wrong.
        problem: S3Error,
        /// The error's code, as the service names it.
        code: Option<String>,
    },
    /// The bucket is another account's.
    #[error(
        "the bucket `{0}` belongs to another account; bucket names are unique across all accounts, so choose another"
    )]
    ForeignBucket(String),
    /// There is no IAM behind this endpoint.
    #[error("`{endpoint}` has no IAM API for managing users (status {status})")]
    NoIam {
        /// The service's URL.
        endpoint: String,
        /// The answer's HTTP status.
        status: u16,
    },
}

/// A call as policies name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Such as `s3:CreateBucket`.
    pub action: &'static str,
    /// What it is done to, as an ARN.
    pub resource: String,
}

impl Call {
    /// The policy statement that allows this call.
    #[must_use]
    pub fn statement(&self) -> Value {
        json!({ "Effect": "Allow", "Action": self.action, "Resource": self.resource })
    }

    fn remedy(&self, problem: &S3Error) -> String {
        match problem {
            S3Error::AccessDenied { .. } => format!("; this statement allows it: {}", self.statement()),
            _ => String::new(),
        }
    }
}

impl ServiceError {
    /// Whether the service names the error so.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        matches!(self, ServiceError::Refused { code: Some(code), .. } if code == name)
    }

    /// Whether the call may have been done all the same: the answer was lost, or the service stumbled.
    #[must_use]
    pub fn may_be_done(&self) -> bool {
        matches!(self, ServiceError::Refused { problem, .. } if problem.is_transient())
    }

    /// Whether the service does not know the call at all.
    #[must_use]
    pub fn is_unknown_to_service(&self) -> bool {
        ["NotImplemented", "MethodNotAllowed", "XNotImplemented", "NotSupported"].iter().any(|name| self.is_named(name))
            || matches!(self, ServiceError::Refused { problem: S3Error::NotS3 { status: 405 | 501 }, .. })
    }
}

type Answer<T> = Result<T, ServiceError>;

impl Service {
    /// Prepares requests with the bucket's own keys, a profile's or those of the default chain; none is made.
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

    /// The region that requests go to.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The bucket's own S3 client, for those who delete in bulk.
    pub(super) fn client(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// Whether the bucket is there, and whose it is.
    pub async fn look_at_bucket(&self) -> Answer<BucketState> {
        let looked = self.s3.head_bucket().bucket(&self.bucket.name).send().await;
        match looked {
            Ok(_) => self.refuse_foreign_bucket().await,
            Err(error) if status(&error) == 404 => self.confirm_missing().await,
            Err(error) if status(&error) == 403 => {
                // A HEAD's answer has no words; a listing's has, and tells a wrong key from somebody else's bucket.
                let listing = self.s3.list_buckets().prefix(&self.bucket.name).send().await;
                match listing {
                    Ok(buckets) if self.is_among(&buckets) => {
                        Err(self.refused("look at", self.on_bucket("s3:ListBucket"), &error))
                    }
                    Ok(_) => Err(ServiceError::ForeignBucket(self.bucket.name.clone())),
                    Err(error) => Err(self.refused("look at", self.on_bucket("s3:ListAllMyBuckets"), &error)),
                }
            }
            Err(error) if matches!(status(&error), 301 | 307 | 400) => self.look_at_listing(&error).await,
            Err(error) => Err(self.refused("look at", self.on_bucket("s3:ListBucket"), &error)),
        }
    }

    /// A HEAD's answer has no words; a listing's has, and tells another region from what is no S3 service at all.
    async fn look_at_listing<E>(&self, head: &SdkError<E, HttpResponse>) -> Answer<BucketState>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let call = self.on_bucket("s3:ListBucket");
        match self.s3.list_objects_v2().bucket(&self.bucket.name).max_keys(1).send().await {
            Ok(_) => Err(self.refused("look at", call, head)),
            Err(error) => Err(self.refused("look at", call, &error)),
        }
    }

    /// A HEAD's answer has no words, and any web server says 404; a listing's tells whether S3 says so.
    async fn confirm_missing(&self) -> Answer<BucketState> {
        match self.s3.list_objects_v2().bucket(&self.bucket.name).max_keys(1).send().await {
            Ok(_) => self.refuse_foreign_bucket().await,
            Err(error) if matches!(error.code(), Some("NoSuchBucket" | "AccessDenied")) => Ok(BucketState::Missing),
            Err(error) => Err(self.refused("look at", self.on_bucket("s3:ListBucket"), &error)),
        }
    }

    /// A bucket that others let us look at is not ours yet. A service that lists no buckets is believed.
    async fn refuse_foreign_bucket(&self) -> Answer<BucketState> {
        match self.s3.list_buckets().prefix(&self.bucket.name).send().await {
            Ok(buckets) if !self.is_among(&buckets) => Err(ServiceError::ForeignBucket(self.bucket.name.clone())),
            _ => Ok(BucketState::Ours),
        }
    }

    fn is_among(&self, buckets: &aws_sdk_s3::operation::list_buckets::ListBucketsOutput) -> bool {
        buckets.buckets().iter().any(|bucket| bucket.name() == Some(&self.bucket.name))
    }

    /// Creates the bucket in its region.
    pub async fn create_bucket(&self) -> Answer<()> {
        let place = (!REGIONS_LEFT_OUT.contains(&self.region.as_str())).then(|| {
            let region = BucketLocationConstraint::from(self.region.as_str());
            CreateBucketConfiguration::builder().location_constraint(region).build()
        });
        let made =
            self.s3.create_bucket().bucket(&self.bucket.name).set_create_bucket_configuration(place).send().await;
        match made {
            Ok(_) => Ok(()),
            // An attempt whose answer was lost has made it.
            Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => Ok(()),
            Err(error) if error.code() == Some("BucketAlreadyExists") => {
                Err(ServiceError::ForeignBucket(self.bucket.name.clone()))
            }
            Err(error) => Err(self.refused("create", self.on_bucket("s3:CreateBucket"), &error)),
        }
    }

    /// Deletes the bucket, which has to be empty.
    pub async fn delete_bucket(&self) -> Answer<()> {
        let gone = self.s3.delete_bucket().bucket(&self.bucket.name).send().await;
        self.unless_named("delete", "s3:DeleteBucket", gone, "NoSuchBucket").map(drop)
    }

    /// The bucket's CORS rules.
    pub async fn cors(&self) -> Answer<Vec<CorsRule>> {
        let rules = self.s3.get_bucket_cors().bucket(&self.bucket.name).send().await;
        let rules =
            self.unless_named("read the CORS rules of", "s3:GetBucketCORS", rules, "NoSuchCORSConfiguration")?;
        Ok(rules.map(|rules| rules.cors_rules().to_vec()).unwrap_or_default())
    }

    /// Replaces the bucket's CORS rules; none removes them.
    pub async fn put_cors(&self, rules: Vec<CorsRule>) -> Answer<()> {
        let call = || self.on_bucket("s3:PutBucketCORS");
        if rules.is_empty() {
            let gone = self.s3.delete_bucket_cors().bucket(&self.bucket.name).send().await;
            return gone.map(drop).map_err(|error| self.refused("remove the CORS rules of", call(), &error));
        }
        let rules = CorsConfiguration::builder().set_cors_rules(Some(rules)).build();
        let rules = rules.map_err(|error| self.cannot_ask("set the CORS rules of", call(), &error))?;
        let put = self.s3.put_bucket_cors().bucket(&self.bucket.name).cors_configuration(rules).send().await;
        put.map(drop).map_err(|error| self.refused("set the CORS rules of", call(), &error))
    }

    /// The bucket's lifecycle rules.
    pub async fn lifecycle(&self) -> Answer<Vec<LifecycleRule>> {
        let rules = self.s3.get_bucket_lifecycle_configuration().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the lifecycle rules of", "s3:GetLifecycleConfiguration");
        let rules = self.unless_named(task, action, rules, "NoSuchLifecycleConfiguration")?;
        Ok(rules.map(|rules| rules.rules().to_vec()).unwrap_or_default())
    }

    /// Replaces the bucket's lifecycle rules; none removes them.
    pub async fn put_lifecycle(&self, rules: Vec<LifecycleRule>) -> Answer<()> {
        let call = || self.on_bucket("s3:PutLifecycleConfiguration");
        let task = "set the lifecycle rules of";
        if rules.is_empty() {
            let gone = self.s3.delete_bucket_lifecycle().bucket(&self.bucket.name).send().await;
            return gone.map(drop).map_err(|error| self.refused(task, call(), &error));
        }
        let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
        let rules = rules.map_err(|error| self.cannot_ask(task, call(), &error))?;
        let put = self.s3.put_bucket_lifecycle_configuration().bucket(&self.bucket.name).lifecycle_configuration(rules);
        put.send().await.map(drop).map_err(|error| self.refused(task, call(), &error))
    }

    /// The bucket's policy.
    pub async fn bucket_policy(&self) -> Answer<Option<Value>> {
        let policy = self.s3.get_bucket_policy().bucket(&self.bucket.name).send().await;
        let policy = self.unless_named("read the policy of", "s3:GetBucketPolicy", policy, "NoSuchBucketPolicy");
        match policy {
            Ok(policy) => Ok(policy.and_then(|policy| serde_json::from_str(policy.policy()?).ok())),
            Err(error) if error.is_unknown_to_service() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the bucket's policy; none removes it.
    pub async fn put_bucket_policy(&self, policy: Option<&Value>) -> Answer<()> {
        let Some(policy) = policy else {
            let gone = self.s3.delete_bucket_policy().bucket(&self.bucket.name).send().await;
            let call = self.on_bucket("s3:DeleteBucketPolicy");
            return gone.map(drop).map_err(|error| self.refused("remove the policy of", call, &error));
        };
        let put = self.s3.put_bucket_policy().bucket(&self.bucket.name).policy(policy.to_string()).send().await;
        put.map(drop).map_err(|error| self.refused("set the policy of", self.on_bucket("s3:PutBucketPolicy"), &error))
    }

    /// The bucket's public access block; `None` if there is none, or if the service knows none.
    pub async fn access_block(&self) -> Answer<Option<PublicAccessBlockConfiguration>> {
        let block = self.s3.get_public_access_block().bucket(&self.bucket.name).send().await;
        let (task, action) = ("read the public access block of", "s3:GetBucketPublicAccessBlock");
        match self.unless_named(task, action, block, "NoSuchPublicAccessBlockConfiguration") {
            Ok(block) => Ok(block.and_then(|block| block.public_access_block_configuration)),
            Err(error) if error.is_unknown_to_service() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the bucket's public access block.
    pub async fn put_access_block(&self, block: PublicAccessBlockConfiguration) -> Answer<()> {
        let put = self.s3.put_public_access_block().bucket(&self.bucket.name);
        let put = put.public_access_block_configuration(block).send().await;
        let call = || self.on_bucket("s3:PutBucketPublicAccessBlock");
        put.map(drop).map_err(|error| self.refused("set the public access block of", call(), &error))
    }

    /// Lists one object with these keys, to see whether they are known yet.
    pub async fn try_keys(&self, keys: &WriterKeys) -> Answer<()> {
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

    /// What an answer holds; `None` if the service says by this name that there is nothing.
    fn unless_named<T, E>(
        &self,
        task: &str,
        action: &'static str,
        answer: Result<T, SdkError<E, HttpResponse>>,
        name: &str,
    ) -> Answer<Option<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code() == Some(name) => Ok(None),
            Err(error) => Err(self.refused(task, self.on_bucket(action), &error)),
        }
    }

    pub(super) fn refused<E>(&self, task: &str, call: Call, error: &SdkError<E, HttpResponse>) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.error(format!("{task} the bucket `{}`", self.bucket.name), call, error)
    }

    fn cannot_ask(&self, task: &str, call: Call, error: &aws_sdk_s3::error::BuildError) -> ServiceError {
        let task = format!("{task} the bucket `{}`", self.bucket.name);
        let problem = S3Error::InvalidRequest(error.to_string());
        ServiceError::Refused { task, call: Box::new(call), problem, code: None }
    }

    fn error<E>(&self, task: String, call: Call, error: &SdkError<E, HttpResponse>) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let context = RequestContext { action: Action::Get, bucket: &self.bucket.name, prefix: &self.bucket.prefix };
        let problem = match client::sdk_error(&context, error) {
            // Some services deny without a word.
            S3Error::AccessDenied { .. } | S3Error::NotS3 { status: 403 } => {
                S3Error::AccessDenied { permission: call.action, resource: call.resource.clone() }
            }
            other => other,
        };
        ServiceError::Refused { task, call: Box::new(call), problem, code: error.code().map(str::to_owned) }
    }
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> u16 {
    error.raw_response().map_or(0, |answer| answer.status().as_u16())
}
