//! The requests by which a set-up is tried: through the SDK as the checker makes them, and plainly as a browser does.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use chrono::DateTime;
use reqwest::Url;
use rustls::ClientConfig;
use shared::{Nanos, UnixNanos};

use crate::checks::net::tls_config::{TlsConfigs, TlsTrust};
use crate::store::S3Error;
use crate::store::s3::client::{self, Credentials};
use crate::store::s3::error::{Action, RequestContext};
use crate::store::settings::Bucket;

/// A page that waits longer has lost its visitor.
const BROWSER_TIMEOUT: Duration = Duration::from_secs(20);

/// Tries one bucket with one set of keys, or with none.
#[derive(Debug)]
pub struct Probe {
    client: Client,
    http: reqwest::Client,
    bucket: Bucket,
}

/// Whether requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// With the bucket's keys, or with those of the default chain.
    WithKeys,
    /// Not at all.
    Not,
}

/// Requests cannot be made at all.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up HTTP requests: {0}")]
pub struct NoRequests(String);

/// What a browser would see.
#[derive(Debug, Clone)]
pub struct BrowserAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Access-Control-Allow-Origin`, if it is there.
    pub allowed_origin: Option<String>,
    /// The server's time.
    pub date: Option<UnixNanos>,
    /// The start of the body, for the error's code.
    pub body: String,
}

impl BrowserAnswer {
    /// Whether a page of this origin may see the answer.
    #[must_use]
    pub fn lets(&self, origin: &str) -> bool {
        self.allowed_origin.as_deref().is_some_and(|allowed| allowed == "*" || allowed == origin)
    }

    /// The code in an error's body.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.body.split_once("<Code>")?.1.split_once("</Code>").map(|(code, _)| code)
    }

    /// How far this machine's clock is ahead of the server's.
    #[must_use]
    pub fn clock_ahead(&self, now: UnixNanos) -> Option<Nanos> {
        self.date.map(|date| now.saturating_sub(date))
    }
}

type Tried<T = ()> = Result<T, S3Error>;

impl Probe {
    /// Prepares requests; none is made.
    pub async fn open(bucket: &Bucket, signs: Signs) -> Result<Probe, NoRequests> {
        let credentials = if signs == Signs::WithKeys { Credentials::OfBucket } else { Credentials::Anonymous };
        let settings = client::settings(bucket, credentials).await;
        let client = client::client(&settings, bucket.address_style);
        let tls = TlsConfigs::default().for_trust(&TlsTrust::System).await;
        let tls = tls.map_err(|error| NoRequests(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(ClientConfig::clone(&tls))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| NoRequests(error.to_string()))?;
        Ok(Probe { client, http, bucket: bucket.clone() })
    }

    /// Stores an object.
    pub async fn put(&self, key: &str, content: &str) -> Tried {
        let put = self.client.put_object().bucket(&self.bucket.name).key(key).content_type("application/json");
        let put = put.body(content.as_bytes().to_vec().into()).send().await;
        put.map(drop).map_err(|error| self.problem(Action::Put, &error))
    }

    /// Deletes an object.
    pub async fn delete(&self, key: &str) -> Tried {
        let gone = self.client.delete_object().bucket(&self.bucket.name).key(key).send().await;
        gone.map(drop).map_err(|error| self.problem(Action::Delete, &error))
    }

    /// Reads an object.
    pub async fn get(&self, key: &str) -> Tried {
        let got = self.client.get_object().bucket(&self.bucket.name).key(key).send().await;
        got.map(drop).map_err(|error| self.problem(Action::Get, &error))
    }

    /// Lists one object below a prefix.
    pub async fn list(&self, prefix: &str) -> Tried {
        let listed = self.client.list_objects_v2().bucket(&self.bucket.name).prefix(prefix).max_keys(1).send().await;
        listed.map(drop).map_err(|error| self.problem(Action::List, &error))
    }

    /// Lists the account's buckets.
    pub async fn list_buckets(&self) -> Tried<Vec<String>> {
        let buckets = self.client.list_buckets().send().await;
        let buckets = buckets.map_err(|error| self.problem(Action::List, &error))?;
        Ok(buckets.buckets().iter().filter_map(|bucket| bucket.name().map(str::to_owned)).collect())
    }

    /// Reads the bucket's policy, which says who may do what.
    pub async fn bucket_policy(&self) -> Tried {
        let policy = self.client.get_bucket_policy().bucket(&self.bucket.name).send().await;
        match policy {
            Err(error) if error.code() == Some("NoSuchBucketPolicy") => Ok(()),
            answer => answer.map(drop).map_err(|error| self.problem(Action::Get, &error)),
        }
    }

    /// Reads the bucket's CORS rules.
    pub async fn cors(&self) -> Tried {
        let rules = self.client.get_bucket_cors().bucket(&self.bucket.name).send().await;
        match rules {
            Err(error) if error.code() == Some("NoSuchCORSConfiguration") => Ok(()),
            answer => answer.map(drop).map_err(|error| self.problem(Action::Get, &error)),
        }
    }

    /// Gets a URL as a browser does for a page of this origin.
    pub async fn browse(&self, url: &Url, origin: Option<&str>) -> Tried<BrowserAnswer> {
        self.request(reqwest::Method::GET, url, origin, &[]).await
    }

    /// Asks as a browser does before a request that is no simple one.
    pub async fn preflight(&self, url: &Url, origin: &str) -> Tried<BrowserAnswer> {
        self.request(reqwest::Method::OPTIONS, url, Some(origin), &[("Access-Control-Request-Method", "GET")]).await
    }

    async fn request(
        &self,
        method: reqwest::Method,
        url: &Url,
        origin: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Tried<BrowserAnswer> {
        let mut request = self.http.request(method, url.clone()).timeout(BROWSER_TIMEOUT);
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.map_err(of_http)?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let date = header("date").and_then(|date| DateTime::parse_from_rfc2822(&date).ok()?.timestamp_nanos_opt());
        let (status, allowed_origin) = (answer.status().as_u16(), header("access-control-allow-origin"));
        let body = answer.text().await.map_err(of_http)?;
        Ok(BrowserAnswer { status, allowed_origin, date, body: body.chars().take(2_000).collect() })
    }

    fn problem<E>(&self, action: Action, error: &SdkError<E, HttpResponse>) -> S3Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let context = RequestContext { action, bucket: &self.bucket.name, prefix: &self.bucket.prefix };
        client::sdk_error(&context, error)
    }
}

/// A failure of the plain client; its URL is left out, since a signature may stand in it.
fn of_http(error: reqwest::Error) -> S3Error {
    if error.is_timeout() {
        return S3Error::TimedOut;
    }
    crate::store::s3::error::from_connection(&error.without_url())
}
