//! Identifiers that are the same on every node and do not reveal their input.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Returns 16 URL-safe Base64 characters that identify the given parts.
#[must_use]
pub fn identifier(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\0"));
    URL_SAFE_NO_PAD.encode(&digest[..12])
}
