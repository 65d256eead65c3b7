//! Recognizes compressed bodies whose `Content-Encoding` is missing. Their text is unknown, because curl and browsers do
//! not decompress them either.

use flate2::Decompress;
use tokio::task::yield_now;

use super::coding::{Coding, CodingDecoder, Decoded, STEP, inflate_step};
use crate::checks::body_text::is_binary;

/// The number of decoded bytes that identify a format without a signature.
const SAMPLE: usize = 64 << 10;
/// The number of decoding steps before yielding to other checks.
const STEPS_PER_TURN: u32 = 4;

/// Returns the name of the format whose signature the body starts with.
pub(super) fn by_signature(body: &[u8]) -> Option<&'static str> {
    match body {
        [0x1f, 0x8b, 8, ..] => Some("gzip"),
        // A Zstandard frame, or a skippable one (RFC 8878, section 3.1).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        _ => None,
    }
}

/// Returns the name of the format if the data starts with compressed data, no matter what follows it.
pub(in crate::checks) fn at_start(data: &[u8]) -> Option<&'static str> {
    by_signature(data).or_else(|| starts_with_zlib(data).then_some("zlib"))
}

/// Returns whether the data starts with a zlib stream (RFC 1950). Text can start with a zlib header, as in `x^2`.
/// Therefore, a stream that is valid UTF-8 must be complete and have the right checksum, or be too long to decode all of
/// it. The checksum of other streams is ignored, and they can end early.
fn starts_with_zlib(data: &[u8]) -> bool {
    if !Coding::has_zlib_header(data) {
        return false;
    }
    let is_text = std::str::from_utf8(data).is_ok();
    let mut inflate = Decompress::new(is_text);
    let mut rest = if is_text { data } else { &data[2..] };
    let (mut output, mut written) = (vec![0; STEP], 0);
    loop {
        let Ok((progress, is_complete)) = inflate_step(&mut inflate, rest, &mut output) else { return false };
        rest = &rest[progress.read..];
        written += progress.written;
        if is_complete || written >= SAMPLE {
            return written > 0;
        }
        if progress == Decoded::default() {
            return !is_text && written > 0;
        }
    }
}

/// Returns the name of the format, if the body is compressed text in a format without a signature.
pub(super) async fn by_decoding(body: &[u8]) -> Option<&'static str> {
    if std::str::from_utf8(body).is_ok() || !body.iter().copied().any(is_binary) {
        return None;
    }
    for (coding, name) in [(Coding::Deflate, "deflate"), (Coding::Brotli, "br")] {
        let is_candidate = coding == Coding::Brotli || Coding::has_zlib_header(body);
        if is_candidate && is_compressed_text(body, coding).await {
            return Some(name);
        }
    }
    None
}

async fn is_compressed_text(body: &[u8], coding: Coding) -> bool {
    let mut decoder = CodingDecoder::new(coding, SAMPLE);
    let (mut text, mut output, mut rest) = (Vec::new(), vec![0; STEP], body);
    for step in 1.. {
        let Ok(progress) = decoder.decode(rest, &mut output) else { return false };
        rest = &rest[progress.read..];
        text.extend_from_slice(&output[..progress.written]);
        let is_stuck = progress.read == 0 && progress.written == 0;
        if is_stuck || text.len() >= SAMPLE || (rest.is_empty() && decoder.is_complete()) {
            break;
        }
        if step % STEPS_PER_TURN == 0 {
            yield_now().await;
        }
    }
    let is_whole = rest.is_empty() && decoder.is_complete();
    let is_text = match std::str::from_utf8(&text) {
        Ok(_) => true,
        Err(error) => !is_whole && error.error_len().is_none(),
    };
    (is_whole || text.len() >= SAMPLE) && is_text && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::checks::http::compression::*;
    use crate::checks::http::encoding_tests::encode;

    fn recognized(body: &[u8]) -> Option<&'static str> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        by_signature(body).or_else(|| runtime.block_on(by_decoding(body)))
    }

    #[test]
    fn compressed_text_is_recognized() {
        let short = r#"{"status":"Fatal error","state":"Störung"}"#.to_owned();
        for text in [short.repeat(10_000), short.repeat(3), short] {
            for coding in ["gzip", "deflate", "br", "zstd"] {
                assert_eq!(recognized(&encode(coding, text.as_bytes())), Some(coding), "{coding} {}", text.len());
            }
        }
        assert_eq!(recognized(b"\x51\x2a\x4d\x18\x03\0\0\0abc"), Some("zstd"));
        for other in [&b"x\x9c"[..], b"x\x9c is not compressed \x01", b"\x1f\x8b", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"] {
            assert_eq!(recognized(other), None, "{other:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn text_is_not_taken_for_compressed_data(text in "[a-zA-Z0-9 äöüÄÖÜßéèñ<>/=\"{}:,.\r\n\t\u{1}]{0,200}") {
            let (latin_1, ..) = encoding_rs::WINDOWS_1252.encode(&text);
            prop_assert_eq!(recognized(&latin_1), None);
        }
    }
}
