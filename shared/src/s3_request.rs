//! The parts of S3 that the checker and the page share: bucket addresses, listing queries and error codes.

use crate::UnixNanos;
use crate::object_name;
use crate::page_config::{AddressStyle, S3Source};
use crate::substring::contains;

/// The parts of a bucket's URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAddress {
    /// `http` or `https`, without the colon.
    pub scheme: &'static str,
    /// The host with its port, in lowercase. The default port is omitted, because browsers omit it from the `Host`
    /// header, which is signed.
    pub host: String,
    /// The path before the key: `/`, `/bucket/`, `/folder/bucket/`.
    pub path: String,
}

impl BucketAddress {
    /// Returns the address of a page's bucket.
    #[must_use]
    pub fn new(source: &S3Source) -> BucketAddress {
        let aws = || {
            // Regions in China have a separate domain.
            let domain = if source.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
            format!("https://s3.{}.{domain}", source.region)
        };
        let endpoint = source.endpoint_url.clone().unwrap_or_else(aws);
        let (scheme, rest) = match endpoint.strip_prefix("http://") {
            Some(rest) => ("http", rest),
            None => ("https", endpoint.strip_prefix("https://").unwrap_or(&endpoint)),
        };
        let (host, folder) = rest.split_once('/').unwrap_or((rest, ""));
        let default_port = if scheme == "http" { ":80" } else { ":443" };
        let host = host.strip_suffix(default_port).unwrap_or(host).to_ascii_lowercase();
        let folder = if folder.is_empty() { "/".to_owned() } else { format!("/{folder}/") };
        match source.address_style {
            AddressStyle::Path => BucketAddress { scheme, host, path: format!("{folder}{}/", source.bucket) },
            AddressStyle::VirtualHost => {
                BucketAddress { scheme, host: format!("{}.{host}", source.bucket), path: folder }
            }
        }
    }

    /// Returns the scheme, host and port of all requests to the bucket.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }
}

/// Returns the query of a request that lists the check files stored at `from` or later, or continues such a listing.
#[must_use]
pub fn list_query(source: &S3Source, from: UnixNanos, continuation: Option<&str>) -> Vec<(&'static str, String)> {
    let mut query = vec![("list-type", "2".to_owned()), ("encoding-type", "url".to_owned())];
    if !source.prefix.is_empty() {
        query.push(("prefix", source.prefix.clone()));
    }
    match continuation {
        Some(token) => query.push(("continuation-token", token.to_owned())),
        None => query.push(("start-after", object_name::start_after(&source.prefix, from))),
    }
    query
}

/// The meaning of an S3 error code. Each meaning has one remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3ErrorKind {
    /// The service does not recognize the access key ID.
    UnknownKey,
    /// The secret does not match the access key ID.
    WrongSecret,
    /// The temporary credentials have expired.
    ExpiredCredentials,
    /// The key lacks a permission.
    AccessDenied,
    /// A signed URL has expired, which means that the clock is off by days.
    ExpiredUrl,
    /// The clock differs too much from the service's clock.
    ClockSkew,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The object does not exist.
    NoSuchKey,
    /// The bucket is in another region.
    WrongRegion,
    /// The service is overloaded or has an internal error: the same request may succeed later.
    Busy,
}

impl S3ErrorKind {
    /// Classifies an error by its code and message. Returns `None` if the code has no known remedy.
    #[must_use]
    pub fn from_code(code: &str, message: &str) -> Option<S3ErrorKind> {
        Some(match code {
            "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException" => S3ErrorKind::UnknownKey,
            // IAM also uses this code for clock skew.
            "SignatureDoesNotMatch"
                if contains(message, "Signature expired") || contains(message, "Signature not yet current") =>
            {
                S3ErrorKind::ClockSkew
            }
            "SignatureDoesNotMatch" => S3ErrorKind::WrongSecret,
            "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired" => {
                S3ErrorKind::ExpiredCredentials
            }
            "AccessDenied" if contains(message, "expired") => S3ErrorKind::ExpiredUrl,
            "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "AccountProblem" | "Forbidden" => {
                S3ErrorKind::AccessDenied
            }
            "NoSuchBucket" => S3ErrorKind::NoSuchBucket,
            "NoSuchKey" => S3ErrorKind::NoSuchKey,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "AuthorizationQueryParametersError"
            | "IllegalLocationConstraintException"
            | "IncorrectEndpoint" => S3ErrorKind::WrongRegion,
            "RequestTimeTooSkewed" | "RequestExpired" => S3ErrorKind::ClockSkew,
            "SlowDown"
            | "RequestTimeout"
            | "Throttling"
            | "ThrottlingException"
            | "TooManyRequests"
            | "OperationAborted"
            | "ConditionalRequestConflict"
            | "InternalError"
            | "ServiceUnavailable" => S3ErrorKind::Busy,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> S3Source {
        S3Source {
            bucket: "status".to_owned(),
            region: "eu-central-1".to_owned(),
            endpoint_url: None,
            address_style: AddressStyle::VirtualHost,
            prefix: String::new(),
            public_keys: None,
        }
    }

    #[test]
    fn an_address_follows_endpoint_style_and_region() {
        let address = |endpoint: Option<&str>, address_style| {
            let source = S3Source { endpoint_url: endpoint.map(str::to_owned), address_style, ..source() };
            let address = BucketAddress::new(&source);
            format!("{}{}", address.origin(), address.path)
        };
        for (endpoint, style, expected) in [
            (None, AddressStyle::VirtualHost, "https://status.s3.eu-central-1.amazonaws.com/"),
            (None, AddressStyle::Path, "https://s3.eu-central-1.amazonaws.com/status/"),
            (Some("http://127.0.0.1:9000"), AddressStyle::Path, "http://127.0.0.1:9000/status/"),
            (Some("https://S3.example.com:443"), AddressStyle::VirtualHost, "https://status.s3.example.com/"),
            (Some("http://localhost:9000/base"), AddressStyle::VirtualHost, "http://status.localhost:9000/base/"),
        ] {
            assert_eq!(address(endpoint, style), expected);
        }
        let china = BucketAddress::new(&S3Source { region: "cn-north-1".to_owned(), ..source() });
        assert_eq!(china.host, "status.s3.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn a_listing_starts_at_a_time_or_continues() {
        let query = list_query(&S3Source { prefix: "a b/".to_owned(), ..source() }, 1_795_330_254_340_493_978, None);
        assert!(query.contains(&("prefix", "a b/".to_owned())), "{query:?}");
        assert!(query.contains(&("start-after", "a b/1795330254340493977~".to_owned())), "{query:?}");
        let query = list_query(&source(), 0, Some("token"));
        assert!(query.contains(&("continuation-token", "token".to_owned())), "{query:?}");
        assert!(!query.iter().any(|(name, _)| matches!(*name, "prefix" | "start-after")), "{query:?}");
    }

    #[test]
    fn a_message_distinguishes_errors_of_one_code() {
        let kind = |code, message| S3ErrorKind::from_code(code, message);
        assert_eq!(kind("SignatureDoesNotMatch", "Signature expired: 2026"), Some(S3ErrorKind::ClockSkew));
        assert_eq!(kind("SignatureDoesNotMatch", "Signature not yet current: 2026"), Some(S3ErrorKind::ClockSkew));
        assert_eq!(kind("SignatureDoesNotMatch", ""), Some(S3ErrorKind::WrongSecret));
        assert_eq!(kind("SignatureDoesNotMatch", "Check your current key"), Some(S3ErrorKind::WrongSecret));
        assert_eq!(kind("AccessDenied", "Request has expired"), Some(S3ErrorKind::ExpiredUrl));
        assert_eq!(kind("AccessDenied", "Access Denied"), Some(S3ErrorKind::AccessDenied));
        assert_eq!(kind("EntityTooLarge", ""), None);
    }
}
