//! Fuzzes the page's parsers for bucket listings and error responses from S3.

#![no_main]

use libfuzzer_sys::fuzz_target;
use statuspage::source::fuzzing;

fuzz_target!(|body: &str| fuzzing::parse_s3_response(body));
