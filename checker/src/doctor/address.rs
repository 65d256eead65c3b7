//! Builds the URL that a page uses to list its bucket, either unsigned or signed in the query string. Pure.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use reqwest::Url;
use shared::UnixNanos;
use shared::page_config::S3Source;
use shared::s3_request::{self, BucketAddress};

/// How long a signed URL is valid.
const URL_EXPIRY: Duration = Duration::from_mins(5);

/// The bucket's settings do not form a valid URL, or the URL cannot be signed.
#[derive(Debug, thiserror::Error)]
#[error("the bucket's URL is invalid: {0}")]
pub struct InvalidBucketUrl(String);

/// Returns the URL with which the page lists the objects stored since `from`.
pub fn list_url(source: &S3Source, from: UnixNanos, now: UnixNanos) -> Result<Url, InvalidBucketUrl> {
    let address = BucketAddress::new(source);
    let url = Url::parse(&format!("{}{}", address.origin(), address.path));
    let mut url = url.map_err(|error| InvalidBucketUrl(error.to_string()))?;
    url.query_pairs_mut().extend_pairs(s3_request::list_query(source, from, None));
    signed(url, source, now)
}

/// Signs the URL with the page's published keys, if there are any.
fn signed(url: Url, source: &S3Source, now: UnixNanos) -> Result<Url, InvalidBucketUrl> {
    let invalid = |error: &dyn std::error::Error| InvalidBucketUrl(error.to_string());
    let Some(keys) = &source.public_keys else { return Ok(url) };
    let identity = Credentials::new(&keys.access_key_id, &keys.secret_access_key, None, None, "page").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(URL_EXPIRY);
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&source.region)
        .name("s3")
        .time(SystemTime::UNIX_EPOCH + Duration::from_nanos(now.unsigned_abs()))
        .settings(settings)
        .build()
        .map_err(|error| invalid(&error))?
        .into();
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::UnsignedPayload)
        .map_err(|error| invalid(&error))?;
    let (instructions, _) = sign(request, &parameters).map_err(|error| invalid(&error))?.into_parts();
    let (_, signature) = instructions.into_parts();
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(signature);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::page_config::{AddressStyle, PublicKeys};

    fn source() -> S3Source {
        S3Source {
            bucket: "my-status".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint_url: None,
            address_style: AddressStyle::VirtualHost,
            prefix: "shop/".to_owned(),
            public_keys: None,
        }
    }

    #[test]
    fn the_url_is_the_one_that_the_page_requests() {
        let url = list_url(&source(), 1_795_330_254_340_493_978, 0).unwrap();
        assert_eq!(
            url.as_str(),
            "https://my-status.s3.eu-central-1.amazonaws.com/?list-type=2&encoding-type=url&prefix=shop%2F&start-after=shop%2F1795330254340493977%7E"
        );
        let endpoint_url = Some("http://127.0.0.1:9000".to_owned());
        let local = S3Source { endpoint_url, address_style: AddressStyle::Path, ..source() };
        assert!(list_url(&local, 1, 0).unwrap().as_str().starts_with("http://127.0.0.1:9000/my-status/?list-type=2"));
    }

    #[test]
    fn with_keys_the_url_is_signed_in_its_query() {
        let keys = PublicKeys { access_key_id: "AKIA1".to_owned(), secret_access_key: "canary".to_owned() };
        let url = list_url(&S3Source { public_keys: Some(keys), ..source() }, 1, 1_795_330_254_340_493_978).unwrap();
        let query = url.query().unwrap_or_default();
        for part in ["X-Amz-Credential=AKIA1%2F20261122%2Feu-central-1%2Fs3", "X-Amz-Signature=", "X-Amz-Expires=300"] {
            assert!(query.contains(part), "{query}");
        }
        assert!(!query.contains("canary"));
    }
}
