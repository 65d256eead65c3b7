//! The listing of a bucket and the error responses of S3, as the page reads them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use statuspage::source::fuzzing;

fuzz_target!(|body: &str| fuzzing::parse_s3_response(body));
