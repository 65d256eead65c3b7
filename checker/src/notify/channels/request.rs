//! Builds requests with JSON, form or empty bodies.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::request::Builder;
use http::{Method, Request};
use serde_json::Value;
use url::form_urlencoded;

use super::secret_url::{SecretUrl, basic_auth, bearer_auth};
use super::{Authorization, InvalidMessage};

const AGENT: &str = concat!("checkup/", env!("CARGO_PKG_VERSION"));

/// Why a request cannot be created. The library's error could contain the secret URL.
pub const INVALID_REQUEST: &str = "its URL cannot be requested; check it for spaces and other special characters";

/// Starts a request with a JSON body.
#[must_use]
pub fn json_request(url: &SecretUrl, method: Method) -> Builder {
    url.request(method).header(CONTENT_TYPE, "application/json").header(USER_AGENT, AGENT)
}

/// Adds the optional keys that have a value.
pub fn add_optional(body: &mut Value, optional: [(&str, &Option<String>); 2]) {
    for (key, value) in optional {
        if let Some(value) = value {
            body[key] = value.as_str().into();
        }
    }
}

/// Returns a request that posts JSON.
pub fn post_json(url: &SecretUrl, body: &Value) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
    Ok(vec![finish(json_request(url, Method::POST), body.to_string())?])
}

/// Starts a request that posts a form.
#[must_use]
pub fn form_request(url: &SecretUrl) -> Builder {
    url.request(Method::POST).header(CONTENT_TYPE, "application/x-www-form-urlencoded").header(USER_AGENT, AGENT)
}

/// Encodes the fields of a form.
#[must_use]
pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Starts a request without a body.
#[must_use]
pub fn get_request(url: &SecretUrl) -> Builder {
    url.request(Method::GET).header(USER_AGENT, AGENT)
}

/// Adds the `Authorization` header, if one is configured.
#[must_use]
pub fn authorized(request: Builder, authorization: Option<&Authorization>) -> Builder {
    match authorization {
        Some(Authorization::Basic(login)) => {
            request.header(AUTHORIZATION, basic_auth(&login.username, login.password.reveal()))
        }
        Some(Authorization::Bearer(token)) => request.header(AUTHORIZATION, bearer_auth(token.reveal())),
        None => request,
    }
}

pub fn finish(request: Builder, body: impl Into<Bytes>) -> Result<Request<Bytes>, InvalidMessage> {
    request.body(body.into()).map_err(|_| InvalidMessage(INVALID_REQUEST.to_owned()))
}
