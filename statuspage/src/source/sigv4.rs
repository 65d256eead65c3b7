//! Creates AWS Signature Version 4 in the query of a GET request. This module is pure.
//!
//! A request with a signature in a header needs a CORS preflight request. With a signature in the query, it does not,
//! and the URL can be cached.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use shared::page_config::PublicKeys;
use shared::{DAY, HOUR, SECOND, UnixNanos};

use crate::civil::CivilTime;
use crate::percent::{encode, push_hex};

/// How far a device's clock can be ahead before the store rejects a signature because it is from the future.
const CLOCK_AHEAD: i64 = 6 * HOUR;

/// How long a signature is valid: the day for which URLs stay the same, so that the browser can use its cache, plus
/// [`CLOCK_AHEAD`], plus more than a day for clocks that are behind. AWS allows seven days.
const EXPIRES: i64 = 3 * DAY;

/// Signs requests with a public key.
pub(crate) struct Signer<'a> {
    pub(crate) keys: &'a PublicKeys,
    pub(crate) region: &'a str,
    /// The time in the signature.
    pub(crate) signed_at: UnixNanos,
    /// How long the signature is valid, in seconds.
    pub(crate) expires: i64,
}

impl<'a> Signer<'a> {
    /// Creates a signer whose URLs stay the same for a day.
    pub(crate) fn new(keys: &'a PublicKeys, region: &'a str, now: UnixNanos) -> Signer<'a> {
        let signed_at = (now - CLOCK_AHEAD).div_euclid(DAY) * DAY;
        Signer { keys, region, signed_at, expires: EXPIRES / SECOND }
    }

    /// Returns the query of a presigned GET request, without the question mark. `path` must be percent-encoded, and
    /// `query` must not be.
    pub(crate) fn presigned_query(&self, host: &str, path: &str, query: &[(&str, String)]) -> String {
        let time = CivilTime::from_unix(self.signed_at);
        let date = format!("{:04}{:02}{:02}", time.year, time.month, time.day);
        let timestamp = format!("{date}T{:02}{:02}{:02}Z", time.hour, time.minute, time.second);
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let mut all = query.to_vec();
        all.extend([
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("X-Amz-Credential", format!("{}/{scope}", self.keys.access_key_id)),
            ("X-Amz-Date", timestamp.clone()),
            ("X-Amz-Expires", self.expires.to_string()),
            ("X-Amz-SignedHeaders", "host".to_owned()),
        ]);
        let query = encode_query(&all);
        let request = format!("GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let to_sign = format!("AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{}", hex(&Sha256::digest(request.as_bytes())));
        let mut key = format!("AWS4{}", self.keys.secret_access_key).into_bytes();
        for part in [date.as_str(), self.region, "s3", "aws4_request"] {
            key = hmac(&key, part);
        }
        format!("{query}&X-Amz-Signature={}", hex(&hmac(&key, &to_sign)))
    }
}

/// Encodes a query in SigV4's canonical form: sorted, with all characters encoded except unreserved ones.
pub(crate) fn encode_query(query: &[(&str, String)]) -> String {
    let mut pairs: Vec<String> = Vec::with_capacity(query.len());
    for (name, value) in query {
        let pair = format!("{}={}", encode(name, ""), encode(value, ""));
        pairs.insert(pairs.partition_point(|other| *other < pair), pair);
    }
    pairs.join("&")
}

/// Encodes a path in SigV4's canonical form, which keeps slashes.
pub(crate) fn encode_path(path: &str) -> String {
    encode(path, "/")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC accepts keys of any length, so this cannot fail. The store would reject the empty signature.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        push_hex(&mut text, *byte, b"0123456789abcdef");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documented_keys() -> PublicKeys {
        PublicKeys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        }
    }

    #[test]
    fn the_example_of_aws_has_the_documented_signature() {
        // Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
        let keys = documented_keys();
        let signer = Signer { keys: &keys, region: "us-east-1", signed_at: 1_369_353_600 * SECOND, expires: 86_400 };
        let query = signer.presigned_query("examplebucket.s3.amazonaws.com", "/test.txt", &[]);
        assert_eq!(
            query,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn urls_stay_the_same_for_a_day() {
        let keys = documented_keys();
        let at = |now| Signer::new(&keys, "us-east-1", now).presigned_query("h", "/k", &[]);
        let morning = 20_000 * DAY + 7 * HOUR;
        assert_eq!(at(morning), at(morning + 22 * HOUR));
        assert_ne!(at(morning), at(morning + 24 * HOUR));
    }

    #[test]
    fn the_clock_of_a_device_may_be_hours_off() {
        let keys = documented_keys();
        for off in [-24 * HOUR, -HOUR, 0, HOUR, CLOCK_AHEAD] {
            for hour in 0..24 {
                let truth = 20_000 * DAY + hour * HOUR;
                let signer = Signer::new(&keys, "us-east-1", truth + off);
                assert!(signer.signed_at <= truth, "not signed in the future, {off} off");
                assert!(signer.signed_at + signer.expires * SECOND > truth + 12 * HOUR, "not expired, {off} off");
            }
        }
    }

    #[test]
    fn names_are_encoded_in_canonical_form() {
        assert_eq!(encode_path("a b/ü~x+.json"), "a%20b/%C3%BC~x%2B.json");
        assert_eq!(encode_query(&[("b", "1/2".to_owned()), ("a", String::new())]), "a=&b=1%2F2");
    }
}
