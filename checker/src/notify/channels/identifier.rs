//! Identifiers that are the same on every node and do not reveal their input.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use shared::notification_log::IncidentScope;

/// Returns 16 URL-safe Base64 characters that identify the given parts.
#[must_use]
pub fn identifier(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\0"));
    URL_SAFE_NO_PAD.encode(&digest[..12])
}

/// Returns a number that identifies where a provider keeps incidents. Other nodes can read it, so it has only 16 bits,
/// which reveal nothing about a key of 128 bits. If two keys have the same number, some incidents stay open longer.
#[must_use]
pub fn incident_scope(parts: &[&str]) -> IncidentScope {
    let digest = Sha256::digest(parts.join("\0"));
    IncidentScope(digest.first_chunk().map_or(0, |start| u16::from_be_bytes(*start)))
}
