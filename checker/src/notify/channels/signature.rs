//! Signs webhook requests according to the Standard Webhooks specification.
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A key such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

/// The error for an invalid signing key. It omits the key, which can be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid signing key: expected `whsec_` and 24–64 bytes in Base64; \
     create one with `echo whsec_$(head -c 32 /dev/urandom | base64)`"
)]
pub struct InvalidSigningKey;

impl SigningKey {
    pub fn parse(text: &str) -> Result<SigningKey, InvalidSigningKey> {
        let encoded = text.trim().strip_prefix("whsec_").ok_or(InvalidSigningKey)?;
        let key = STANDARD.decode(encoded).map_err(|_| InvalidSigningKey)?;
        if (24..=64).contains(&key.len()) { Ok(SigningKey(key)) } else { Err(InvalidSigningKey) }
    }

    /// Returns the value of the `webhook-signature` header. `timestamp` is in seconds.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        // This cannot fail, because HMAC accepts keys of any length.
        let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        hmac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected signature comes from the specification's reference libraries.
    #[test]
    fn the_signature_of_the_specification_is_computed() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(format!("{key:?}"), "SigningKey(…)");
    }

    #[test]
    fn a_weak_or_unmarked_key_is_refused() {
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64"] {
            assert_eq!(SigningKey::parse(text).err(), Some(InvalidSigningKey), "{text}");
        }
    }
}
