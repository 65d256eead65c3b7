//! Entry points through which the fuzz targets in `fuzz/` call parsers that are private to [`super`].

use shared::page_config::{AddressStyle, S3Source};

use super::{directory, s3};

/// Parses the `index.json` of a directory.
pub fn parse_index(body: &[u8]) {
    let _ = directory::parse_index(body);
}

/// Parses an S3 response as a listing of check files, as a listing of histories and as an error.
pub fn parse_s3_response(body: &str) {
    let source = S3Source {
        bucket: "status".to_owned(),
        region: "eu-central-1".to_owned(),
        endpoint_url: None,
        address_style: AddressStyle::VirtualHost,
        prefix: "status/".to_owned(),
        public_keys: None,
    };
    let _ = s3::parse_listing(&source, body);
    let _ = s3::parse_histories(&source, body);
    let _ = s3::parse_error(403, body);
}
