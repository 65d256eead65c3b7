//! Recognizes compressed bodies whose `Content-Encoding` is missing. Their text is unknown, because curl and browsers
//! do not decompress them either.

use flate2::Decompress;

use super::coding::{Coding, CodingDecoder, Decoded, STEP, inflate_step};
use crate::checks::body_text::is_binary;

/// The number of decoded bytes that identify a format without a signature.
const SAMPLE: usize = 64 << 10;
/// The number of decoded bytes that identify complete Brotli data whose text is not UTF-8.
const SHORT_SAMPLE: usize = 32;

/// Returns the name of the format if the data starts with compressed data, no matter what follows it.
pub(super) fn at_start(data: &[u8]) -> Option<&'static str> {
    by_signature(data)
        .or_else(|| starts_with_zlib(data).then_some("zlib"))
        .or_else(|| starts_with_brotli(data).then_some("br"))
}

/// Returns the name of the format whose signature the data starts with.
fn by_signature(data: &[u8]) -> Option<&'static str> {
    match data {
        [0x1f, 0x8b, 8, ..] => Some("gzip"),
        // A Zstandard frame, or a skippable one (RFC 8878, section 3.1).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("xz"),
        // A block, or the end of an empty stream.
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, b'r', b'E', b'8', b'P', 0x90, ..] => Some("bzip2"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("lz4"),
        _ => None,
    }
}

/// Returns whether the data starts with a zlib stream (RFC 1950). Other data can start like one, such as the text `x^2`
/// or a Protobuf message. Therefore, a stream must be complete and have the right checksum, or be too long to decode
/// all of it. Other streams must have the usual header for binary data, and contain text.
fn starts_with_zlib(data: &[u8]) -> bool {
    /// The flag of streams that need a dictionary, which text protocols do not use.
    const DICTIONARY: u8 = 0x20;
    if !Coding::has_zlib_header(data) || data[1] & DICTIONARY != 0 {
        return false;
    }
    if let Some((content, true)) = inflate(data, true) {
        return !content.is_empty();
    }
    let is_usual = data[0] == b'x' && std::str::from_utf8(data).is_err();
    let content = if is_usual { inflate(&data[2..], false) } else { None };
    content.is_some_and(|(content, _)| !content.is_empty() && !content.iter().copied().any(is_binary))
}

/// Decodes the start of deflate data. Also returns whether all of it or [`SAMPLE`] bytes were decoded. Returns `None`
/// if the data is invalid.
fn inflate(data: &[u8], has_header: bool) -> Option<(Vec<u8>, bool)> {
    let mut inflate = Decompress::new(has_header);
    let (mut rest, mut content, mut output) = (data, Vec::new(), vec![0; STEP]);
    loop {
        let (progress, is_complete) = inflate_step(&mut inflate, rest, &mut output).ok()?;
        rest = &rest[progress.read..];
        content.extend_from_slice(&output[..progress.written]);
        if is_complete || content.len() >= SAMPLE {
            return Some((content, true));
        }
        if progress == Decoded::default() {
            return Some((content, false));
        }
    }
}

/// Returns whether binary data is Brotli data (RFC 7932) that contains text. Other data can be valid Brotli data by
/// chance.
fn starts_with_brotli(data: &[u8]) -> bool {
    if std::str::from_utf8(data).is_ok() || !data.iter().copied().any(is_binary) {
        return false;
    }
    let mut decoder = CodingDecoder::new(Coding::Brotli, SAMPLE);
    let (mut text, mut output, mut rest) = (Vec::new(), vec![0; STEP], data);
    while text.len() < SAMPLE && !decoder.is_complete() {
        let Ok(progress) = decoder.decode(rest, &mut output) else { return false };
        if progress == Decoded::default() && !decoder.is_complete() {
            break;
        }
        rest = &rest[progress.read..];
        text.extend_from_slice(&output[..progress.written]);
    }
    if !decoder.is_complete() {
        // Other data can be the start of Brotli data by chance.
        let is_utf_8 = std::str::from_utf8(&text).map_or_else(|error| error.error_len().is_none(), |_| true);
        return text.len() >= SAMPLE && is_utf_8;
    }
    let is_compressed = text.len() >= SHORT_SAMPLE.max(data.len() - rest.len());
    let is_other_text = || is_compressed && !text.iter().copied().any(is_binary);
    let is_text = std::str::from_utf8(&text).is_ok() || is_other_text();
    rest.iter().all(u8::is_ascii_whitespace) && is_text && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::checks::compression::*;
    use crate::checks::http::encoding_tests::encode;

    #[test]
    fn compressed_text_is_recognized() {
        let short = r#"{"status":"Fatal error","state":"Störung"}"#.to_owned();
        for text in [short.repeat(10_000), short.repeat(3), short] {
            for (coding, name) in [("gzip", "gzip"), ("deflate", "zlib"), ("br", "br"), ("zstd", "zstd")] {
                assert_eq!(at_start(&encode(coding, text.as_bytes())), Some(name), "{coding} {}", text.len());
            }
        }
        for (data, name) in [
            (&b"\x51\x2a\x4d\x18\x03\0\0\0abc"[..], "zstd"),
            (b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46", "xz"),
            (b"BZh91AY&SY\x12\x34", "bzip2"),
            (b"BZh9\x17rE8P\x90\0\0\0\0", "bzip2"),
            (b"\x04\x22\x4d\x18\x64\x40\xa7", "lz4"),
        ] {
            assert_eq!(at_start(data), Some(name), "{data:?}");
        }
        for other in [
            &b"x\x9c"[..],
            b"x\x9c is not compressed \x01",
            b"\x1f\x8b",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"BZh9 is a signature",
            b"\xfd7zXZ",
            // Protobuf messages that are valid deflate data by chance.
            b"\x08\x1d\x12\x0bnode-918 ok \xaa\x0a)\xdd\xdbT\x94\xef\xa3O@",
            b"x\x01\x12\x0bnode-918 ok \xaa\x0a)\xdd\xdbT\x94\xef\xa3O@",
        ] {
            assert_eq!(at_start(other), None, "{other:?}");
        }
    }

    #[test]
    fn incomplete_and_followed_data_is_recognized() {
        let (latin_1, ..) = encoding_rs::WINDOWS_1252.encode("Störung: Fatal error. ");
        let utf_16: Vec<u8> = "Störung: Fatal error. ".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (coding, name, text) in [
            ("deflate", "zlib", "Fatal error. ".as_bytes().repeat(90)),
            ("deflate", "zlib", latin_1.repeat(9)),
            ("deflate", "zlib", utf_16.repeat(9)),
            ("br", "br", "Störung: Fatal error. ".as_bytes().repeat(90)),
            ("br", "br", latin_1.repeat(9)),
        ] {
            let whole = encode(coding, &text);
            for data in [&whole[..], &[&whole[..], b"\n"].concat()] {
                assert_eq!(at_start(data), Some(name), "{coding} {data:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn messages_are_not_taken_for_compressed_data(
            header in prop::sample::select(&[b"\x08\x1d", b"\x18\x19", b"\x28\x15", b"\x38\x11", b"\x08\x5b"]),
            name in "\\PC{0,12}",
            number in any::<[u8; 8]>(),
        ) {
            let length = [u8::try_from(name.len()).expect("it is short")];
            let message = [&header[..], b"\x12", &length, name.as_bytes(), b"\x29", &number].concat();
            prop_assert_eq!(at_start(&message), None);
        }

        #[test]
        fn text_is_not_taken_for_compressed_data(text in "[a-zA-Z0-9 äöüÄÖÜßéèñ<>/=\"{}:,.\r\n\t\u{1}]{0,200}") {
            // This is the header of most zlib streams, and binary.
            prop_assume!(!text.starts_with("x\u{1}"));
            let (latin_1, ..) = encoding_rs::WINDOWS_1252.encode(&text);
            prop_assert_eq!(at_start(&latin_1), None);
        }
    }
}
