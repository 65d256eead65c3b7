//! Signatures of webhook requests as in the specification Standard Webhooks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::redact::Secret;

/// A key such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
#[derive(Debug, Clone)]
pub struct SigningKey(#[allow(dead_code)] Secret);

/// An error for text that is not a signing key. It does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid signing key: expected `whsec_` and 24–64 bytes in Base64; create one with `echo whsec_$(head -c 32 /dev/urandom | base64)`"
)]
pub struct InvalidSigningKey;

impl SigningKey {
    /// Validates a key.
    pub fn parse(text: &str) -> Result<SigningKey, InvalidSigningKey> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(InvalidSigningKey)?;
        let key = STANDARD.decode(encoded).map_err(|_| InvalidSigningKey)?;
        if (24..=64).contains(&key.len()) {
            Ok(SigningKey(Secret::new(encoded.to_owned())))
        } else {
            Err(InvalidSigningKey)
        }
    }
}
