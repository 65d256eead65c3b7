//! Compares the outcome of generated assertions with an oracle that knows a body's text. The checker receives the text
//! in a charset or compression that the response does not declare, declares wrongly, or declares twice.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use proptest::prelude::*;

use crate::checks::assertions::oracle_tests::{body, condition, is_healthy, is_met};
use crate::checks::http::body::{Body, interpret};
use crate::checks::http::encoding_tests::encode;
use crate::checks::probe_data::ProbeData;

/// Converts text to a charset, or compresses it.
fn disguised(text: &str, form: &str) -> Vec<u8> {
    let units = |write: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(write).collect::<Vec<u8>>();
    let characters = |write: fn(u32) -> [u8; 4]| text.chars().flat_map(|one| write(one.into())).collect::<Vec<u8>>();
    match form {
        "utf-16le" => units(u16::to_le_bytes),
        "utf-16be" => units(u16::to_be_bytes),
        "utf-16 with a mark" => [&b"\xff\xfe"[..], &units(u16::to_le_bytes)].concat(),
        "utf-32le" => characters(u32::to_le_bytes),
        "utf-32be" => characters(u32::to_be_bytes),
        "utf-32 with a mark" => [&b"\0\0\xfe\xff"[..], &characters(u32::to_be_bytes)].concat(),
        "utf-16le after a mark of utf-8" => [&b"\xef\xbb\xbf"[..], &units(u16::to_le_bytes)].concat(),
        "gzip after a mark of utf-8" => [&b"\xef\xbb\xbf"[..], &encode("gzip", text.as_bytes())].concat(),
        coding => encode(coding, text.as_bytes()),
    }
}

const FORMS: [&str; 12] = [
    "utf-16le",
    "utf-16be",
    "utf-16 with a mark",
    "utf-32le",
    "utf-32be",
    "utf-32 with a mark",
    "gzip",
    "deflate",
    "br",
    "zstd",
    "utf-16le after a mark of utf-8",
    "gzip after a mark of utf-8",
];
/// Encodings without a byte order mark, which are recognized only by the null bytes of ASCII words.
const WITHOUT_MARK: [&str; 5] = ["utf-16le", "utf-16be", "utf-32le", "utf-32be", "utf-16le after a mark of utf-8"];
const CONTENT_TYPES: [&str; 9] = [
    "",
    "text/plain",
    "text/html; charset=utf-8",
    "application/json",
    "application/json; charset=iso-8859-1",
    "application/octet-stream",
    "application/gzip",
    "text/plain; charset=utf-16",
    "text/plain; charset=gbk",
];

/// Returns what assertions examine if this body arrives with these content types.
pub(in crate::checks) fn received(content: Vec<u8>, content_types: &[&str]) -> ProbeData {
    let mut headers = HeaderMap::new();
    for content_type in content_types.iter().filter(|content_type| !content_type.is_empty()) {
        headers.append(CONTENT_TYPE, content_type.parse().expect("a value"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut body = Body { content, ..Body::default() };
    runtime.block_on(interpret(&mut body, &headers));
    let mut data = ProbeData { status: Some(200), ..ProbeData::default() };
    body.store_in(&mut data);
    data
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_global_rejects: 50_000, ..ProptestConfig::default() })]

    #[test]
    fn disguised_text_is_healthy_only_if_the_text_is(
        condition in condition(),
        text in body(),
        form in prop::sample::select(&FORMS),
        content_type in prop::sample::select(&CONTENT_TYPES),
    ) {
        prop_assume!(text.chars().count() > 1);
        let has_word = text.split(|character: char| !character.is_ascii()).any(|word| word.len() > 2);
        prop_assume!(has_word || !WITHOUT_MARK.contains(&form));
        let content = disguised(&text, form);
        let size = content.len();
        // Brotli stores short text uncompressed, so the text is found in the body.
        prop_assume!(form != "br" || std::str::from_utf8(&content).is_err());
        let healthy = is_healthy(&condition, &received(content, &[content_type]));
        prop_assert!(!healthy || is_met(&condition, &text, size), "{} {form} {content_type} {text}", condition.write());
    }

    #[test]
    fn the_last_of_several_content_types_applies(
        condition in condition(),
        text in body(),
        charsets in prop::sample::select(vec![("iso-8859-1", "utf-8"), ("utf-8", "windows-1251"), ("gbk", "koi8-r")]),
    ) {
        let (first, last) = (format!("text/plain;charset={}", charsets.0), format!("text/plain; charset={}", charsets.1));
        let encoding = encoding_rs::Encoding::for_label(charsets.1.as_bytes()).expect("a charset");
        let (content, _, is_lossy) = encoding.encode(&text);
        prop_assume!(!is_lossy);
        let healthy = is_healthy(&condition, &received(content.to_vec(), &[&first, &last]));
        prop_assert!(!healthy || is_met(&condition, &text, content.len()), "{}", condition.write());
    }
}
