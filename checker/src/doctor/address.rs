//! The URLs by which a page reads a bucket: listing and getting, signed in the query as the page does, or unsigned.
//! Pure: the time is a parameter.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use reqwest::Url;
use shared::UnixNanos;
use shared::object_name::start_after;
use shared::page_config::{AddressStyle, S3Source};

/// How long a signed URL is good for.
const URL_EXPIRY: Duration = Duration::from_mins(5);

/// The URL cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the bucket has no valid URL: {0}")]
pub struct NoAddress(String);

/// The URL by which the page lists what was stored since a time.
pub fn list(source: &S3Source, since: UnixNanos, now: UnixNanos) -> Result<Url, NoAddress> {
    let mut url = bucket_url(source)?;
    url.query_pairs_mut()
        .append_pair("list-type", "2")
        .append_pair("prefix", &source.prefix)
        .append_pair("start-after", &start_after(&source.prefix, since));
    signed(url, source, now)
}

fn bucket_url(source: &S3Source) -> Result<Url, NoAddress> {
    let ending = if source.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let endpoint = source.endpoint_url.clone().unwrap_or_else(|| format!("https://s3.{}.{ending}", source.region));
    let (scheme, host) = endpoint.trim_end_matches('/').split_once("://").unwrap_or(("https", &endpoint));
    let url = match source.address_style {
        AddressStyle::VirtualHost => format!("{scheme}://{}.{host}/", source.bucket),
        AddressStyle::Path => format!("{scheme}://{host}/{}/", source.bucket),
    };
    Url::parse(&url).map_err(|error| NoAddress(error.to_string()))
}

/// The URL with a signature of the public keys, or as it is if there are none.
fn signed(url: Url, source: &S3Source, now: UnixNanos) -> Result<Url, NoAddress> {
    let refused = |error: &dyn std::error::Error| NoAddress(error.to_string());
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
        .map_err(|error| refused(&error))?
        .into();
    let request = SignableRequest::new("GET", url.as_str(), std::iter::empty(), SignableBody::UnsignedPayload)
        .map_err(|error| refused(&error))?;
    let (instructions, _) = sign(request, &parameters).map_err(|error| refused(&error))?.into_parts();
    let (_, signature) = instructions.into_parts();
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(signature);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::page_config::PublicKeys;

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
    fn an_address_is_spelled_as_the_page_does() {
        let url = list(&source(), 1_795_330_254_340_493_978, 0).unwrap();
        assert_eq!(
            url.as_str(),
            "https://my-status.s3.eu-central-1.amazonaws.com/?list-type=2&prefix=shop%2F&start-after=shop%2F1795330254340493977%7E"
        );
        let endpoint_url = Some("http://127.0.0.1:9000".to_owned());
        let local = S3Source { endpoint_url, address_style: AddressStyle::Path, ..source() };
        assert!(list(&local, 1, 0).unwrap().as_str().starts_with("http://127.0.0.1:9000/my-status/?list-type=2"));
    }

    #[test]
    fn with_keys_an_address_is_signed_in_its_query() {
        let keys = PublicKeys { access_key_id: "AKIA1".to_owned(), secret_access_key: "canary".to_owned() };
        let url = list(&S3Source { public_keys: Some(keys), ..source() }, 1, 1_795_330_254_340_493_978).unwrap();
        let query = url.query().unwrap_or_default();
        for part in ["X-Amz-Credential=AKIA1%2F20261122%2Feu-central-1%2Fs3", "X-Amz-Signature=", "X-Amz-Expires=300"] {
            assert!(query.contains(part), "{query}");
        }
        assert!(!query.contains("canary"));
    }
}
