//! Clients for S3 services: settings for all requests, and the conversion of the SDK's errors.

use std::borrow::Cow;
use std::future::ready;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls;
use percent_encoding::percent_decode_str;
use shared::page_config::AddressStyle;

use super::aws_files::{self, IrregularFile};
use super::error::{self, ErrorResponse, RequestContext, S3Error};
use super::interceptor::{ResponseInterceptor, ServiceClock};
use crate::store::settings::Bucket;

/// The timeout for connecting. A service that takes longer is considered unreachable.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for one attempt. A check file takes only a few kilobytes, so a slower attempt is unlikely to succeed.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The time limit for all attempts of one request together.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(2);
/// The number of attempts for requests that can safely be repeated.
const READ_ATTEMPTS: u32 = 3;
/// The region to use if none is configured.
const FALLBACK_REGION: &str = "us-east-1";

/// The source of the credentials that sign requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials<'a> {
    /// The bucket's configured keys or, without them, the AWS default credential chain.
    OfBucket,
    /// A profile in the AWS configuration files.
    OfProfile(&'a str),
    /// Requests are not signed.
    Anonymous,
}

/// Loads the settings for all requests to the bucket's service. Does not send a request. If an AWS settings
/// file is not a regular file, no file is read, and signed requests fail.
pub(crate) async fn settings(bucket: &Bucket, credentials: Credentials<'_>) -> SdkConfig {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let irregular = aws_files::irregular_file(|name| std::env::var(name).ok()).await;
    let mut profile_region = ProfileFileRegionProvider::builder();
    if irregular.is_some() {
        profile_region = profile_region.profile_files(aws_files::no_files());
    }
    if let Credentials::OfProfile(name) = credentials {
        profile_region = profile_region.profile_name(name);
    }
    // Do not query the instance metadata: it costs a request, and contains the instance's region, not the bucket's.
    let region = RegionProviderChain::first_try(bucket.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile_region.build())
        .or_else(Region::new(FALLBACK_REGION));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    // Some services other than AWS reject checksums that they did not request.
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client.clone())
        .region(region.region().await)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(READ_ATTEMPTS))
        // A wrong clock also makes the names of check files wrong, so report the error instead of hiding it by
        // adjusting the signature.
        .disable_clock_skew_correction(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    match (credentials, &bucket.keys) {
        (Credentials::OfProfile(name), _) => {
            // By default, credentials in the environment take precedence over a named profile. A profile with a role
            // also sends requests.
            let how = ProviderConfig::without_region().with_http_client(http_client).with_region(region.region().await);
            let profile = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&how).build();
            loader = loader.profile_name(name).credentials_provider(profile);
        }
        (Credentials::OfBucket, Some(keys)) => {
            loader = loader.credentials_provider(aws_credential_types::Credentials::new(
                &keys.access_key_id,
                keys.secret_access_key.reveal(),
                None,
                None,
                "configuration",
            ));
        }
        (Credentials::OfBucket, None) => {}
        (Credentials::Anonymous, _) => loader = loader.no_credentials(),
    }
    if let Some(file) = irregular {
        loader = loader.profile_files(aws_files::no_files());
        if credentials != Credentials::Anonymous {
            let refuse = move || ready(Err(CredentialsError::invalid_configuration(file.clone())));
            loader = loader.credentials_provider(provide_credentials_fn(refuse));
        }
    }
    if let Some(endpoint_url) = &bucket.endpoint_url {
        loader = loader.endpoint_url(endpoint_url);
    }
    loader.load().await
}

pub(crate) fn client(settings: &SdkConfig, address_style: AddressStyle) -> Client {
    client_with_clock(settings, address_style, ServiceClock::default())
}

/// Creates a client that records the service's time.
pub(super) fn client_with_clock(settings: &SdkConfig, address_style: AddressStyle, clock: ServiceClock) -> Client {
    let config = aws_sdk_s3::config::Builder::from(settings)
        .force_path_style(address_style == AddressStyle::Path)
        .interceptor(ResponseInterceptor::new(clock));
    Client::from_conf(config.build())
}

/// Converts an error from the SDK.
pub(crate) fn sdk_error<E>(context: &RequestContext<'_>, error: &SdkError<E, HttpResponse>) -> S3Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => S3Error::TimedOut,
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            error::from_response(context, &error_response(service.raw(), code, message))
        }
        SdkError::ResponseError(response) if response.raw().status().is_success() => {
            match response.raw().body().bytes() {
                Some(_) => unreadable_response(&error_response(response.raw(), None, None)),
                // The connection failed before the end of the body.
                None => error::from_connection(error),
            }
        }
        SdkError::ResponseError(response) => error::from_response(context, &error_response(response.raw(), None, None)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => S3Error::TimedOut,
        other => unsent_request(other),
    }
}

/// Converts an error that occurred before any response: in the credentials, the request or the connection.
fn unsent_request<E>(error: &SdkError<E, HttpResponse>) -> S3Error
where
    E: std::error::Error + 'static,
{
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        match this.downcast_ref::<CredentialsError>() {
            Some(CredentialsError::CredentialsNotLoaded(_)) => return S3Error::NoCredentials,
            Some(other) => return unusable_credentials(other),
            None => cause = this.source(),
        }
    }
    match error {
        SdkError::ConstructionFailure(_) => S3Error::InvalidRequest(error::single_line(&causes(error))),
        _ => error::from_connection(error),
    }
}

fn unusable_credentials(error: &CredentialsError) -> S3Error {
    let source = std::error::Error::source(error);
    if let Some(file) = source.and_then(|source| source.downcast_ref::<IrregularFile>()) {
        return S3Error::IrregularFile(file.clone());
    }
    match causes(error) {
        // The instance role is the last in the chain: if it fails, the chain found no credentials.
        text if text.contains("IMDS") => S3Error::NoCredentials,
        text => S3Error::UnreadableCredentials(error::single_line(&text)),
    }
}

/// Describes a successful response whose body is not valid S3, or is incomplete.
fn unreadable_response(response: &ErrorResponse<'_>) -> S3Error {
    if response.body.trim_ascii_start().starts_with(b"<?xml") {
        S3Error::Connection("the response ended early".to_owned())
    } else {
        S3Error::NotS3 { status: response.status }
    }
}

fn error_response<'a>(raw: &'a HttpResponse, code: Option<&'a str>, message: Option<&'a str>) -> ErrorResponse<'a> {
    ErrorResponse {
        status: raw.status().as_u16(),
        code,
        message,
        region: raw.headers().get("x-amz-bucket-region"),
        content_type: raw.headers().get("content-type"),
        body: raw.body().bytes().unwrap_or_default(),
    }
}

/// Formats an error and its causes on one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        text = format!("{text}: {this}");
        cause = this.source();
    }
    text
}

/// Decodes a URL-encoded key from a listing. Returns `None` if it is not valid UTF-8 or contains an incomplete escape.
pub(crate) fn decode_url(text: &str) -> Option<String> {
    let is_escape = |escape: &str| escape.len() >= 2 && escape.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use crate::store::s3::client::*;
    use crate::store::s3::error::Action;
    use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
    use aws_sdk_s3::primitives::SdkBody;

    #[test]
    fn an_incomplete_response_differs_from_one_that_is_not_s3() {
        let context = RequestContext { action: Action::List, bucket: "b", prefix: "" };
        for (body, is_transient) in
            [(SdkBody::taken(), true), (SdkBody::from("<?xml version='1.0'?><List"), true), ("<html>".into(), false)]
        {
            let raw = HttpResponse::new(200.try_into().expect("it is a status"), body);
            let why = std::io::Error::other("end of file before message length reached");
            let error: SdkError<ListObjectsV2Error, _> = SdkError::response_error(why, raw);
            let problem = sdk_error(&context, &error);
            assert_eq!(problem.is_transient(), is_transient, "{problem}");
            assert_eq!(problem.to_string().contains("the connection failed"), is_transient, "{problem}");
        }
    }
}
