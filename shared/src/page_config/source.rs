//! The `source` key of `config.json`, which configures how the page reads the store.

use serde_json::{Value, json};

use super::fields::Fields;
use crate::json::Json;
use crate::object_name;

/// How the page reads the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A bucket that the page reads through the S3 API.
    S3(S3Source),
    /// A directory behind any web server, with its `index.json`.
    Http {
        /// The URL of the directory, absolute or relative to the page, with a trailing slash.
        url: String,
    },
}

/// A bucket, as accessed by browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Source {
    /// The name of the bucket.
    pub bucket: String,
    /// The bucket's region, `us-east-1` by default.
    pub region: String,
    /// The service's URL without a trailing slash, or `None` for AWS.
    pub endpoint_url: Option<String>,
    /// Where URLs contain the bucket's name.
    pub address_style: AddressStyle,
    /// The prefix of all keys: empty, or a folder path with a trailing slash.
    pub prefix: String,
    /// Public read-only keys. Without them, requests are not signed.
    pub public_keys: Option<PublicKeys>,
}

/// Where URLs contain the bucket's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressStyle {
    /// `https://bucket.host/key`, unless the configuration sets `path_style`.
    #[default]
    VirtualHost,
    /// `https://host/bucket/key`, as some S3-compatible services require.
    Path,
}

/// Public keys that can only read this store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// The ID of the access key.
    pub access_key_id: String,
    /// The secret access key, which is public here despite its name.
    pub secret_access_key: String,
}

const S3_KEYS: [&str; 8] =
    ["type", "bucket", "region", "endpoint_url", "path_style", "prefix", "public_access_key_id", "public_access_key"];
const HTTP_KEYS: [&str; 2] = ["type", "url"];

impl Source {
    pub(super) fn to_value(&self) -> Value {
        match self {
            Source::Http { url } => json!({ "type": "http", "url": url }),
            Source::S3(s3) => s3.to_value(),
        }
    }
}

impl S3Source {
    fn to_value(&self) -> Value {
        let mut value = json!({
            "type": "s3",
            "bucket": self.bucket,
            "region": self.region,
            "path_style": self.address_style == AddressStyle::Path,
            "prefix": self.prefix,
        });
        if let Some(endpoint_url) = &self.endpoint_url {
            value["endpoint_url"] = json!(endpoint_url);
        }
        if let Some(keys) = &self.public_keys {
            value["public_access_key_id"] = json!(keys.access_key_id);
            value["public_access_key"] = json!(keys.secret_access_key);
        }
        value
    }
}

pub(super) fn read(value: Option<&Json<'_>>, problems: &mut Vec<String>) -> Option<Source> {
    const EXAMPLES: &str = "write `{ \"type\": \"http\", \"url\": \"store/\" }` or `{ \"type\": \"s3\", \"bucket\": \"…\", \"region\": \"…\" }`";
    let Some(object @ Json::Object(members)) = value else {
        problems.push(match value {
            None => format!("`source` is missing: it defines how the page reads the store; {EXAMPLES}"),
            Some(_) => format!("`source` must be an object; {EXAMPLES}"),
        });
        return None;
    };
    let mut fields = Fields { object, members, path: "source.", problems };
    match fields.text("type").as_deref() {
        Some("http") => read_http(&mut fields),
        Some("s3") => read_s3(&mut fields),
        Some(other) => {
            fields.problem("type", &format!("must be `s3` or `http`, not `{other}`"));
            None
        }
        None => {
            if object.get("type").is_none() {
                fields.problem("type", &format!("is missing; {EXAMPLES}"));
            }
            None
        }
    }
}

fn read_http(fields: &mut Fields<'_>) -> Option<Source> {
    fields.refuse_unknown(&HTTP_KEYS);
    let mut url =
        fields.required_text("url", "the URL of the directory that contains `index.json`, for example `store/`")?;
    if url.contains(':') && !is_http_url(&url) {
        fields.problem("url", "must be relative or start with `http://` or `https://`");
        return None;
    }
    if !url.ends_with('/') {
        url.push('/');
    }
    Some(Source::Http { url })
}

fn read_s3(fields: &mut Fields<'_>) -> Option<Source> {
    fields.refuse_unknown(&S3_KEYS);
    let bucket = fields.required_text("bucket", "the name of the bucket");
    let region = fields.text("region").unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint_url = fields.text("endpoint_url").map(|url| url.trim_end_matches('/').to_owned());
    if endpoint_url.as_ref().is_some_and(|url| !is_http_url(url)) {
        fields.problem("endpoint_url", "must be the URL of the service, for example `https://s3.example.com`");
    }
    let address_style = if fields.flag("path_style", false) { AddressStyle::Path } else { AddressStyle::VirtualHost };
    let prefix = fields.text("prefix").unwrap_or_default();
    if let Err(error) = object_name::validate_prefix(&prefix) {
        fields.problem("prefix", &format!("is invalid: {error}"));
    }
    let public_keys = match (fields.text("public_access_key_id"), fields.text("public_access_key")) {
        (Some(access_key_id), Some(secret_access_key)) => Some(PublicKeys { access_key_id, secret_access_key }),
        (None, None) => None,
        (Some(_), None) => {
            fields.problem(
                "public_access_key",
                "is required when `public_access_key_id` is set; set both, or neither for a public bucket",
            );
            None
        }
        (None, Some(_)) => {
            fields.problem(
                "public_access_key_id",
                "is required when `public_access_key` is set; set both, or neither for a public bucket",
            );
            None
        }
    };
    Some(Source::S3(S3Source { bucket: bucket?, region, endpoint_url, address_style, prefix, public_keys }))
}

pub(super) fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}
