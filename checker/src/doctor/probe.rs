//! The doctor's requests: sent through the SDK, like the checker's, or as plain HTTP, like a browser's.

use std::time::Duration;

use aws_sdk_iam::types::StatusType;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use chrono::DateTime;
use reqwest::Url;
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use shared::{Nanos, UnixNanos};

use crate::checks::net::tls_config::{TlsConfigs, TlsSettings};
use crate::store::S3Error;
use crate::store::s3::client::{self, Credentials};
use crate::store::s3::error::{Action, RequestContext};
use crate::store::settings::Bucket;

/// The timeout for browser requests: longer than any visitor to a page would wait.
const BROWSER_TIMEOUT: Duration = Duration::from_secs(20);

/// Sends requests to one bucket, with one pair of keys or without keys.
#[derive(Debug)]
pub struct StoreProbe {
    client: Client,
    iam: aws_sdk_iam::Client,
    http: reqwest::Client,
    bucket: Bucket,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// Requests are signed with the bucket's keys, or with those from the AWS default credential chain.
    Signed,
    Unsigned,
}

/// Creates a client for requests like those of a visitor without keys.
pub(super) async fn http_client(redirects: Policy) -> Result<reqwest::Client, HttpClientError> {
    let tls = TlsConfigs::default().client(&TlsSettings::default()).await;
    let tls = tls.map_err(|error| HttpClientError(error.to_string()))?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(ClientConfig::clone(tls.config()))
        .no_proxy()
        .redirect(redirects)
        .timeout(BROWSER_TIMEOUT)
        .build()
        .map_err(|error| HttpClientError(error.to_string()))
}

/// The result of testing whether a key can manage its user's access keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnKeyManagement {
    Allowed,
    /// The service refuses the request, or has no IAM API.
    Refused,
    /// The request failed for another reason.
    Unknown(String),
}

/// The HTTP client could not be created.
#[derive(Debug, thiserror::Error)]
#[error("failed to create an HTTP client: {0}")]
pub struct HttpClientError(String);

/// The parts of a response that determine whether a browser lets a page read the response.
#[derive(Debug, Clone)]
pub struct BrowserResponse {
    pub status: u16,
    /// The value of `Access-Control-Allow-Origin`; `*` allows every origin.
    pub allowed_origin: Option<String>,
    /// The server's time, from the `Date` header, in whole seconds.
    pub date: Option<UnixNanos>,
    /// The start of the body, which may contain an error code or the first keys of a listing.
    pub body: String,
}

impl BrowserResponse {
    /// Returns whether browsers let a page from this origin read the response.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origin.as_deref().is_some_and(|allowed| allowed == "*" || allowed == origin)
    }

    /// Returns the error code in the body.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.body.split_once("<Code>")?.1.split_once("</Code>").map(|(code, _)| code)
    }

    /// Returns how far this machine's clock is ahead of the server's.
    #[must_use]
    pub fn clock_ahead(&self, now: UnixNanos) -> Option<Nanos> {
        self.date.map(|date| now.saturating_sub(date))
    }
}

type S3Result<T = ()> = Result<T, S3Error>;

impl StoreProbe {
    /// Prepares the clients, without sending a request.
    pub async fn open(bucket: &Bucket, signing: Signing) -> Result<StoreProbe, HttpClientError> {
        let credentials = if signing == Signing::Signed { Credentials::OfBucket } else { Credentials::Anonymous };
        let settings = client::settings(bucket, credentials).await;
        let client = client::client(&settings, bucket.address_style);
        let http = http_client(Policy::none()).await?;
        let iam = aws_sdk_iam::Client::new(&settings);
        Ok(StoreProbe { client, iam, http, bucket: bucket.clone() })
    }

    pub async fn put(&self, key: &str, content: &str) -> S3Result {
        let put = self.client.put_object().bucket(&self.bucket.name).key(key).content_type("application/json");
        let put = put.body(content.as_bytes().to_vec().into()).send().await;
        put.map(drop).map_err(|error| self.error(Action::Put, &error))
    }

    pub async fn delete(&self, key: &str) -> S3Result {
        let gone = self.client.delete_object().bucket(&self.bucket.name).key(key).send().await;
        gone.map(drop).map_err(|error| self.error(Action::Delete, &error))
    }

    pub async fn get(&self, key: &str) -> S3Result {
        let got = self.client.get_object().bucket(&self.bucket.name).key(key).send().await;
        got.map(drop).map_err(|error| self.error(Action::Get, &error))
    }

    /// Tests whether an object exists by reading it.
    pub async fn exists(&self, key: &str) -> S3Result<bool> {
        let read = self.client.get_object().bucket(&self.bucket.name).key(key).send().await;
        match read {
            Err(error) if error.code() == Some("NoSuchKey") => Ok(false),
            response => response.map(|_| true).map_err(|error| self.error(Action::Get, &error)),
        }
    }

    /// Lists at most one object below a prefix.
    pub async fn list(&self, prefix: &str) -> S3Result {
        let listed = self.client.list_objects_v2().bucket(&self.bucket.name).prefix(prefix).max_keys(1).send().await;
        listed.map(drop).map_err(|error| self.error(Action::List, &error))
    }

    /// Lists the account's buckets, and returns the names of all buckets except this one. Some services let every key
    /// list the buckets that it can use.
    pub async fn list_other_buckets(&self) -> S3Result<Vec<String>> {
        let buckets = self.client.list_buckets().send().await;
        let buckets = buckets.map_err(|error| self.error(Action::List, &error))?;
        let names = buckets.buckets().iter().filter_map(|bucket| bucket.name());
        Ok(names.filter(|name| *name != self.bucket.name).map(str::to_owned).collect())
    }

    /// Tests whether the key can manage its user's access keys, by setting the key's status to its current value, which
    /// changes nothing. Services that allow this call also let a key delete itself and create others.
    pub async fn own_key_management(&self) -> OwnKeyManagement {
        let Some(keys) = &self.bucket.keys else { return OwnKeyManagement::Refused };
        let update = self.iam.update_access_key().access_key_id(&keys.access_key_id).status(StatusType::Active);
        let Err(error) = update.send().await else { return OwnKeyManagement::Allowed };
        if let Some(response) = error.raw_response() {
            let status = response.status().as_u16();
            let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
            // Responses from servers other than IAM lack this element.
            let has_iam = self.bucket.endpoint_url.is_none() || body.contains("<ErrorResponse");
            let is_unknown_call = matches!(error.code(), Some("InvalidAction" | "NotImplemented"));
            if status == 403 || is_unknown_call || (!has_iam && (status < 500 || status == 501)) {
                return OwnKeyManagement::Refused;
            }
        }
        OwnKeyManagement::Unknown(self.error(Action::Get, &error).to_string())
    }

    pub async fn bucket_policy(&self) -> S3Result {
        let policy = self.client.get_bucket_policy().bucket(&self.bucket.name).send().await;
        match policy {
            Err(error) if error.code() == Some("NoSuchBucketPolicy") => Ok(()),
            response => response.map(drop).map_err(|error| self.error(Action::Get, &error)),
        }
    }

    /// Reads the bucket's CORS rules.
    pub async fn cors(&self) -> S3Result {
        let rules = self.client.get_bucket_cors().bucket(&self.bucket.name).send().await;
        match rules {
            Err(error) if error.code() == Some("NoSuchCORSConfiguration") => Ok(()),
            response => response.map(drop).map_err(|error| self.error(Action::Get, &error)),
        }
    }

    /// Sends a GET request as a browser does for a page from this origin.
    pub async fn browse(&self, url: &Url, origin: Option<&str>) -> S3Result<BrowserResponse> {
        self.request(reqwest::Method::GET, url, origin, &[]).await
    }

    /// Sends a CORS preflight request, as browsers do before any request that is not simple.
    pub async fn preflight(&self, url: &Url, origin: &str) -> S3Result<BrowserResponse> {
        self.request(reqwest::Method::OPTIONS, url, Some(origin), &[("Access-Control-Request-Method", "GET")]).await
    }

    async fn request(
        &self,
        method: reqwest::Method,
        url: &Url,
        origin: Option<&str>,
        headers: &[(&str, &str)],
    ) -> S3Result<BrowserResponse> {
        let mut request = self.http.request(method, url.clone()).timeout(BROWSER_TIMEOUT);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.map_err(from_http)?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let date = header("date").and_then(|date| DateTime::parse_from_rfc2822(&date).ok()?.timestamp_nanos_opt());
        let (status, allowed_origin) = (response.status().as_u16(), header("access-control-allow-origin"));
        let body = response.text().await.map_err(from_http)?;
        Ok(BrowserResponse { status, allowed_origin, date, body: body.chars().take(2_000).collect() })
    }

    fn error<E>(&self, action: Action, error: &SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let context = RequestContext { action, bucket: &self.bucket.name, prefix: &self.bucket.prefix };
        client::sdk_error(&context, error)
    }
}

/// Converts an error from the plain HTTP client, omitting the URL, which may contain a signature.
fn from_http(error: reqwest::Error) -> S3Error {
    if error.is_timeout() {
        return S3Error::TimedOut;
    }
    crate::store::s3::error::from_connection(&error.without_url())
}
