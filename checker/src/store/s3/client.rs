//! How a service that speaks S3 is reached: settings that hold for every request, and what an SDK's error means.
//! Which requests are made is others' business.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls;
use shared::page_config::AddressStyle;

use super::error::{self, Answer, Asked, S3Problem};
use crate::store::settings::Bucket;

/// A service that has not taken a connection by then is out of reach.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A check file is some kilobytes: a try that takes longer will not end well.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// All tries of one request together.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(2);
/// How often a request that changes nothing, or that may be repeated, is tried.
const READ_TRIES: u32 = 3;
/// Where S3 is if nobody says.
const FALLBACK_REGION: &str = "us-east-1";

/// Whose credentials are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials<'a> {
    /// Those that are configured with the bucket, or else those of AWS's default chain.
    OfTheBucket,
    /// Those of a profile in AWS's own files.
    OfProfile(&'a str),
    /// Nobody's: requests are not signed.
    Nobodys,
}

/// The settings for all requests to the bucket's service; none is made.
pub(crate) async fn settings(bucket: &Bucket, credentials: Credentials<'_>) -> SdkConfig {
    let http_client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let mut profile_region = ProfileFileRegionProvider::builder();
    if let Credentials::OfProfile(name) = credentials {
        profile_region = profile_region.profile_name(name);
    }
    // Instance metadata is left out: it would be a request, and it knows the instance's region, not the bucket's.
    let region = RegionProviderChain::first_try(bucket.region.clone().map(Region::new))
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(profile_region.build())
        .or_else(Region::new(FALLBACK_REGION));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    // Services other than AWS stumble over checksums that they did not ask for.
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client.clone())
        .region(region.region().await)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(READ_TRIES))
        // A wrong clock names rounds wrongly: it has to be told of, not signed around.
        .disable_clock_skew_correction(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    match (credentials, &bucket.keys) {
        (Credentials::OfProfile(name), _) => {
            // Credentials in the environment would win over a profile that is only named. A profile may name a role,
            // and then requests of its own are made.
            let how = ProviderConfig::without_region().with_http_client(http_client).with_region(region.region().await);
            let profile = ProfileFileCredentialsProvider::builder().profile_name(name).configure(&how).build();
            loader = loader.profile_name(name).credentials_provider(profile);
        }
        (Credentials::OfTheBucket, Some(keys)) => {
            loader = loader.credentials_provider(aws_credential_types::Credentials::new(
                &keys.access_key_id,
                keys.secret_access_key.reveal(),
                None,
                None,
                "configuration",
            ));
        }
        (Credentials::OfTheBucket, None) => {}
        (Credentials::Nobodys, _) => loader = loader.no_credentials(),
    }
    if let Some(endpoint_url) = &bucket.endpoint_url {
        loader = loader.endpoint_url(endpoint_url);
    }
    loader.load().await
}

/// A client for buckets.
pub(crate) fn client(settings: &SdkConfig, address_style: AddressStyle) -> Client {
    let config = aws_sdk_s3::config::Builder::from(settings).force_path_style(address_style == AddressStyle::Path);
    Client::from_conf(config.build())
}

/// What an SDK's error means.
pub(crate) fn problem<E>(asked: &Asked<'_>, error: &SdkError<E, HttpResponse>) -> S3Problem
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => S3Problem::TimedOut,
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            error::of_answer(asked, &answer(service.raw(), code, message))
        }
        SdkError::ResponseError(response) if response.raw().status().is_success() => {
            match response.raw().body().bytes() {
                Some(_) => of_unreadable_answer(&answer(response.raw(), None, None)),
                // It was not even read to its end.
                None => error::of_failed_connection(error),
            }
        }
        SdkError::ResponseError(response) => error::of_answer(asked, &answer(response.raw(), None, None)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => S3Problem::TimedOut,
        other => of_unsent_request(other),
    }
}

/// What an SDK's error means that came before any answer: the credentials, the request itself or the connection.
fn of_unsent_request<E>(error: &SdkError<E, HttpResponse>) -> S3Problem
where
    E: std::error::Error + 'static,
{
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(this) = cause {
        match this.downcast_ref::<CredentialsError>() {
            Some(CredentialsError::CredentialsNotLoaded(_)) => return S3Problem::NoCredentials,
            // The machine's role is asked for last: that this fails means that nothing else was found.
            Some(other) if causes(other).contains("IMDS") => return S3Problem::NoCredentials,
            Some(other) => return S3Problem::BrokenCredentials(error::plain(&causes(other))),
            None => cause = this.source(),
        }
    }
    match error {
        SdkError::ConstructionFailure(_) => S3Problem::CannotAsk(error::plain(&causes(error))),
        _ => error::of_failed_connection(error),
    }
}

/// An answer that says yes, but whose content is none of S3's, or broke off.
fn of_unreadable_answer(answer: &Answer<'_>) -> S3Problem {
    if answer.body.trim_ascii_start().starts_with(b"<?xml") {
        S3Problem::Connection("the answer broke off".to_owned())
    } else {
        S3Problem::NotS3 { status: answer.status }
    }
}

fn answer<'a>(raw: &'a HttpResponse, code: Option<&'a str>, message: Option<&'a str>) -> Answer<'a> {
    Answer {
        status: raw.status().as_u16(),
        code,
        message,
        region: raw.headers().get("x-amz-bucket-region"),
        content_type: raw.headers().get("content-type"),
        body: raw.body().bytes().unwrap_or_default(),
    }
}

/// An error and its causes on one line.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        text = format!("{text}: {this}");
        cause = this.source();
    }
    text
}

/// A text that was encoded for a URL, such as a key in a listing; `None` if it is not encoded well.
pub(crate) fn decode_url(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (hex_digit(bytes.next()?)?, hex_digit(bytes.next()?)?);
                high << 4 | low
            }
            plain => plain,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use crate::store::s3::client::*;
    use crate::store::s3::error::Action;
    use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
    use aws_sdk_s3::primitives::SdkBody;

    #[test]
    fn an_answer_that_breaks_off_is_told_from_one_that_is_not_of_s3() {
        let asked = Asked { action: Action::List, bucket: "b", prefix: "" };
        for (body, is_passing) in
            [(SdkBody::taken(), true), (SdkBody::from("<?xml version='1.0'?><List"), true), ("<html>".into(), false)]
        {
            let raw = HttpResponse::new(200.try_into().expect("it is a status"), body);
            let why = std::io::Error::other("end of file before message length reached");
            let error: SdkError<ListObjectsV2Error, _> = SdkError::response_error(why, raw);
            let problem = problem(&asked, &error);
            assert_eq!(problem.is_passing(), is_passing, "{problem}");
            assert_eq!(problem.to_string().contains("the connection failed"), is_passing, "{problem}");
        }
    }
}
