//! Tests encoded bodies and charsets against local servers.

use std::io::Read as _;

use crate::checks::http::tests::outcome;
use crate::checks::test_server::{ServerAction, serve};

/// Compresses data as a server would. `deflate-raw` is `deflate` without a zlib header.
pub(in crate::checks) fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::default();
    let compressed = match coding {
        "gzip" => flate2::write::GzEncoder::new(Vec::new(), level).written(plain).finish(),
        "deflate" => flate2::write::ZlibEncoder::new(Vec::new(), level).written(plain).finish(),
        "deflate-raw" => flate2::write::DeflateEncoder::new(Vec::new(), level).written(plain).finish(),
        "br" => Ok(brotli::CompressorWriter::new(Vec::new(), 4_096, 5, 22).written(plain).into_inner()),
        "zstd" => Ok(ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)),
        other => panic!("{other}"),
    };
    compressed.expect("memory does not fail")
}

trait Written {
    fn written(self, bytes: &[u8]) -> Self;
}

impl<W: std::io::Write> Written for W {
    fn written(mut self, bytes: &[u8]) -> W {
        self.write_all(bytes).expect("memory does not fail");
        self
    }
}

/// Starts a server that responds with these headers and this body. Returns its URL.
pub(super) async fn respond(headers: &str, body: &[u8]) -> String {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
    let response: &'static [u8] = [head.as_bytes(), body].concat().leak();
    format!("http://127.0.0.1:{}/", serve(&[ServerAction::Read, ServerAction::Send(response)]).await)
}

pub(super) async fn error(url: &str, more: &str) -> Option<String> {
    outcome(url, &format!(r#","timeout":"1m"{more}"#)).await.0
}

pub(super) fn asserting(assertion: &str) -> String {
    format!(r#","assertions":["{assertion}"]"#)
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let chunks = body.chunks(7).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    [chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat()
}

const ZSTD: [&[u8]; 3] = [
    // A frame with a checksum, one after a skippable frame, and one that is a single segment with a length.
    b"\x28\xb5\x2f\xfd\x04\x58\x79\x00\x00{\"status\":\"ok\"}\xa9\xf9\x80\x7f",
    b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc\x28\xb5\x2f\xfd\x00\x58\x79\x00\x00{\"status\":\"ok\"}",
    b"\x28\xb5\x2f\xfd\x20\x0f\x79\x00\x00{\"status\":\"ok\"}",
];

#[tokio::test]
async fn encoded_bodies_are_judged_like_plain_ones() {
    let json = br#"{"status":"ok","error":"Fatal error"}"#;
    let filled = format!(r#"{{"status":"ok","error":"Fatal error","filler":"{}"}}"#, "0123456789".repeat(20_000));
    let mut padded = encode("gzip", json);
    padded.extend([0; 512]);
    let (first, second) = json.split_at(20);
    let named = [b"\x1f\x8b\x08\x1c\0\0\0\0\0\xff\x03\0abcname\0comment\0", &encode("gzip", json)[10..]].concat();
    let stacked = encode("br", &encode("gzip", json));
    let both = encode("zstd", &encode("gzip", json));
    for (headers, body) in [
        ("Content-Encoding: gzip\r\n", encode("gzip", json)),
        ("Content-Encoding: GZIP\r\n", encode("gzip", filled.as_bytes())),
        ("Content-Encoding: x-gzip\r\n", encode("gzip", json)),
        ("Content-Encoding: gzip\r\n", [encode("gzip", first), encode("gzip", second)].concat()),
        ("Content-Encoding: gzip\r\n", padded),
        ("Content-Encoding: gzip\r\n", named),
        ("Content-Encoding: deflate\r\n", encode("deflate", json)),
        ("Content-Encoding: deflate\r\n", encode("deflate-raw", json)),
        ("Content-Encoding: br\r\n", encode("br", json)),
        ("Content-Encoding: br\r\n", encode("br", filled.as_bytes())),
        ("Content-Encoding: zstd\r\n", encode("zstd", json)),
        ("Content-Encoding: zstd\r\n", encode("zstd", filled.as_bytes())),
        ("Content-Encoding: zstd\r\n", [encode("zstd", first), encode("zstd", second)].concat()),
        ("Content-Encoding: gzip, br\r\n", stacked.clone()),
        ("Content-Encoding: gzip\r\nContent-Encoding: br\r\n", stacked),
        ("Transfer-Encoding: gzip\r\n", encode("gzip", json)),
        ("Transfer-Encoding: gzip, chunked\r\n", chunked(&encode("gzip", json))),
        ("Transfer-Encoding: Deflate;level=9\r\nTransfer-Encoding: chunked\r\n", chunked(&encode("deflate", json))),
        ("Content-Encoding: gzip\r\nTransfer-Encoding: zstd, chunked\r\n", chunked(&both)),
        ("Content-Encoding: identity\r\n", json.to_vec()),
        ("Content-Encoding: UTF-8\r\n", json.to_vec()),
        ("Content-Encoding: \r\n", json.to_vec()),
    ] {
        let url = respond(headers, &body).await;
        for healthy in [
            r#","must_contain":"Fatal error""#.to_owned(),
            r#","must_not_contain":"fatal""#.to_owned(),
            asserting("[BODY].status == ok and not [BODY] contains OK"),
            asserting("[BODY_SIZE] >= 37 and [BODY_SIZE] != 38"),
        ] {
            assert_eq!(error(&url, &healthy).await, None, "{headers} {healthy}");
        }
        let found = error(&url, r#","must_not_contain":"Fatal error""#).await;
        assert_eq!(found.as_deref(), Some("response contains `Fatal error`"), "{headers}");
        for down in ["[BODY].status != ok", "not [BODY] contains 'Fatal error'", "[BODY] == ok", "len([BODY]) < 9"] {
            assert!(error(&url, &asserting(down)).await.is_some(), "{headers} {down}");
        }
    }
    for frame in ZSTD {
        let url = respond("Content-Encoding: zstd\r\n", frame).await;
        assert_eq!(error(&url, &asserting("[BODY].status == ok and [BODY_SIZE] == 15")).await, None);
    }
}

#[tokio::test]
async fn frames_of_the_reference_encoder_are_decoded() {
    // The reference encoder produced these frames for 320,000 bytes in three blocks, from a file and from a pipe.
    for frame in [
        "28b52ffda400e2040084000040 6f6b2068657265200100f5fff3cb05440000000100fdffcb0b1045000000 0100fd611d0001efabfa62",
        "28b52ffd044884000040 6f6b20686572652001 00f5ffcb0b174c0000086f0100fcff391002 4d0000086f0100fc611d0801efabfa62",
    ] {
        let digits: Vec<u8> = frame.bytes().filter(|digit| *digit != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("a byte");
        let frame: Vec<u8> = digits.chunks(2).map(byte).collect();
        let url = respond("Content-Encoding: zstd\r\n", &frame).await;
        let whole = asserting("[BODY_SIZE] == 320000 and [BODY] matches '^(ok here )+$'");
        assert_eq!(error(&url, &whole).await, None);
        let cut = error(&url, &format!(r#","body_limit":20000{}"#, asserting("[BODY_SIZE] < 99999"))).await;
        assert!(cut.is_some_and(|cut| cut.contains("only the first 20000 bytes")));
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_is_never_healthy() {
    const REASON: &str = "body has the unsupported encoding `compress`";
    for (headers, body, reason) in [
        ("Content-Encoding: compress\r\n", &b"\x1f\x9d\x90fatal"[..], REASON),
        ("Content-Encoding: gzip, compress\r\n", b"\x1f\x9d\x90fatal", REASON),
        ("Transfer-Encoding: chunked, gzip\r\n", b"fatal", "the unsupported encoding `chunked`"),
        ("Content-Encoding: br,br,br,br,br\r\n", b"fatal", "body has more than 4 encodings"),
        ("Content-Encoding: \u{f6}\r\n", b"fatal", "unsupported encoding"),
        ("Content-Type: text/plain; charset=utf-7\r\n", b"fatal", "body has the charset `utf-7`"),
        ("Content-Type: text/html; charset=hz-gb-2312\r\n", b"fatal", "body has the charset `hz-gb-2312`"),
        ("Content-Type: text/html\r\n", b"<meta charset=x-klingon>fatal", "body has the charset `x-klingon`"),
        ("Content-Type: text/plain; charset=cp850\r\n", b"St\x94rung", "body has the charset `cp850`"),
        ("Content-Type: text/plain; charset=cp037\r\n", b"fatal", "body has the charset `cp037`"),
        ("", b"\xff\xfe\0\0f\0\0\0", "body has the charset `utf-32`"),
    ] {
        expect_unreadable(headers, body, reason).await;
    }
}

/// Checks that no condition on the text of this body is met, negated or not, and that the reason is given.
pub(super) async fn expect_unreadable(headers: &str, body: &[u8], reason: &str) {
    let url = respond(headers, body).await;
    for more in [
        r#","must_not_contain":"Fatal error""#.to_owned(),
        r#","must_contain":"fatal""#.to_owned(),
        asserting("not [BODY] contains fatal"),
        asserting("[BODY] contains fatal"),
        asserting("[BODY] != fatal"),
        asserting("[BODY] == fatal"),
        asserting("not [BODY] matches x"),
        asserting("[BODY] matches ."),
        asserting("not [BODY] matches '(?-u)Severe error'"),
        asserting("len([BODY]) > 0"),
        asserting("not len([BODY]) > 9000"),
        asserting("not has([BODY].error)"),
        asserting("[BODY].error != 1"),
        asserting("not ([BODY].error == 1 and [STATUS] == 200)"),
        r#","assertions":[{"not":{"any":["[BODY] contains x","[STATUS] == 404"]}}]"#.to_owned(),
    ] {
        let error = error(&url, &more).await;
        assert!(error.as_deref().is_some_and(|error| error.contains(reason)), "{headers:?} {more}: {error:?}");
    }
    for decided in ["[STATUS] == 200", "[STATUS] == 200 or [BODY] contains x", "not ([BODY] == 1 and [STATUS] == 404)"]
    {
        assert_eq!(error(&url, &asserting(decided)).await, None, "{headers:?} {decided}");
    }
    let size = error(&url, &asserting("[BODY_SIZE] > 0")).await;
    assert_eq!(size.is_some(), reason.contains("encoding"), "{headers:?}: {size:?}");
    assert_eq!(error(&url, "").await, None, "nothing needs the body");
}

#[tokio::test]
async fn empty_bodies_need_no_decoding() {
    for coding in ["gzip", "deflate", "br", "zstd", "compress", "gzip, br"] {
        let url = respond(&format!("Content-Encoding: {coding}\r\nContent-Length: 0\r\n"), b"").await;
        assert_eq!(error(&url, &asserting("[BODY_SIZE] == 0 and not [BODY] contains x")).await, None, "{coding}");
        let url = respond(&format!("Content-Encoding: {coding}\r\nContent-Length: 99\r\n"), b"").await;
        let head = r#","method":"HEAD","must_not_contain":"x""#;
        assert_eq!(error(&url, head).await, None, "{coding}");
    }
}

#[tokio::test]
async fn broken_data_is_never_healthy() {
    let plain = b"all is well, and there is more of it: all is well";
    for coding in ["gzip", "deflate", "deflate-raw", "br", "zstd"] {
        let whole = encode(coding, plain);
        let header = format!("Content-Encoding: {}\r\n", coding.trim_end_matches("-raw"));
        for length in [1, 2, whole.len() / 2, whole.len() - 1] {
            let url = respond(&header, &whole[..length]).await;
            for more in [r#","must_not_contain":"Fatal error""#.to_owned(), asserting("not [BODY] contains Fatal")] {
                let error = error(&url, &more).await;
                assert!(
                    error.as_deref().is_some_and(|error| error.contains("data ends early")),
                    "{coding} {length}: {error:?}"
                );
            }
        }
        let garbage = [whole.as_slice(), b"Fatal error"].concat();
        for body in [&garbage[..], b"Fatal error: this is not compressed at all"] {
            let url = respond(&header, body).await;
            let error = error(&url, r#","must_not_contain":"Fatal error""#).await;
            assert!(error.as_deref().is_some_and(|error| error.contains("body is ")), "{coding}: {error:?}");
        }
        if matches!(coding, "gzip" | "deflate" | "zstd") {
            let mut wrong = whole.clone();
            *wrong.last_mut().expect("not empty") ^= 1;
            let error = error(&respond(&header, &wrong).await, r#","must_contain":"well""#).await;
            assert!(error.as_deref().is_some_and(|error| error.contains("body is not valid")), "{coding}: {error:?}");
        }
    }
    let url = respond("Content-Encoding: gzip\r\nContent-Length: 999\r\n", &encode("gzip", plain)).await;
    let error = error(&url, r#","must_not_contain":"x""#).await.unwrap_or_default();
    assert!(error.contains("closed by the server before"), "{error}");
}

#[tokio::test]
async fn decompression_bombs_stop_at_the_limit() {
    let zeros = vec![b'0'; 8 << 20];
    let bomb = encode("gzip", &zeros);
    let once_more = encode("gzip", &bomb);
    for (coding, body) in [
        ("gzip", bomb.clone()),
        ("deflate", encode("deflate", &zeros)),
        ("br", encode("br", &zeros)),
        ("zstd", encode("zstd", &zeros)),
        ("gzip, gzip", once_more.clone()),
        ("gzip, gzip, gzip", encode("gzip", &once_more)),
    ] {
        let url = respond(&format!("Content-Encoding: {coding}\r\n"), &body).await;
        let limited = |more: &str| format!(r#","body_limit":100000{more}"#);
        let truncation = "only the first 100000 bytes of the body were read (`body_limit`)";
        for undecided in [
            r#","must_not_contain":"Fatal error""#.to_owned(),
            asserting("[BODY_SIZE] < 999999"),
            asserting("not [BODY] contains error"),
        ] {
            let error = error(&url, &limited(&undecided)).await.unwrap_or_default();
            assert!(error.contains(truncation), "{coding} {undecided}: {error}");
        }
        assert_eq!(error(&url, &limited(r#","must_contain":"00000""#)).await, None, "{coding}");
    }
    // The intermediate data between two encodings is limited, too.
    let url = respond("Content-Encoding: gzip, gzip\r\n", &bomb).await;
    let error = error(&url, r#","body_limit":1000,"must_contain":"x""#).await.unwrap_or_default();
    assert!(error.starts_with("body is not valid"), "{error}");
    let members = encode("gzip", &[]).repeat(10_000);
    let url = respond("Content-Encoding: gzip, gzip\r\n", &encode("gzip", &members)).await;
    let error = self::error(&url, r#","body_limit":1000,"must_contain":"x""#).await.unwrap_or_default();
    assert!(error.contains("decoding `gzip` yields more than 20384 bytes"), "{error}");
}

#[tokio::test]
async fn endless_encoded_bodies_stop_at_the_limit() {
    for (coding, piece) in [
        ("gzip", encode("gzip", &[b'x'; 9_000])),
        ("zstd", encode("zstd", &[b'x'; 9_000])),
        ("gzip", encode("gzip", b"")),
        // Empty stored blocks, which produce no output.
        ("deflate", b"\x00\x00\x00\xff\xff".to_vec()),
    ] {
        let head: &'static [u8] = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n").leak().as_bytes();
        let actions = [ServerAction::Read, ServerAction::Send(head), ServerAction::EndlessOf(piece.repeat(100).leak())];
        let url = format!("http://127.0.0.1:{}/", serve(&actions).await);
        let error = error(&url, r#","body_limit":65536,"must_not_contain":"end""#).await;
        let error = error.unwrap_or_default();
        assert!(error.contains("only the first 65536 bytes") || error.contains("more than 1310720 bytes"), "{error}");
    }
}

#[tokio::test]
async fn text_is_searched_in_its_charset() {
    let html = |charset: &str, text: &[u8]| [format!("<html><meta charset={charset}>").as_bytes(), text].concat();
    for (content_type, body) in [
        ("text/html; charset=iso-8859-1", b"Eine St\xf6rung!".to_vec()),
        ("text/html;Charset=\"ISO-8859-1\"", b"Eine St\xf6rung!".to_vec()),
        ("text/plain; charset=utf-8", "Eine Störung!".into()),
        ("text/plain; charset=utf8mb4", "Eine Störung!".into()),
        ("text/plain; charset=undefined", "Eine Störung!".into()),
        ("text/plain; charset=UTF_8", "Eine Störung!".into()),
        ("text/plain; charset=de_DE.UTF-8", "Eine Störung!".into()),
        ("text/plain; format=flowed; charset=windows-1252", b"Eine St\xf6rung!".to_vec()),
        ("text/html", html("iso-8859-1", b"Eine St\xf6rung!")),
        ("text/html", html("utf-8", "Eine Störung!".as_bytes())),
        ("text/html; charset=iso-8859-1", html("utf-8", b"Eine St\xf6rung!")),
        ("application/xml", [&b"<?xml version='1.0' encoding='ISO-8859-15'?><a>"[..], b"Eine St\xf6rung!"].concat()),
        ("text/plain; charset=gb18030", b"Eine St\x810\x8b2rung!".to_vec()),
        ("text/plain; charset=utf-16le", b"E\0i\0n\0e\0 \0S\0t\0\xf6\0r\0u\0n\0g\0!\0".to_vec()),
        ("text/plain", b"E\0i\0n\0e\0 \0S\0t\0\xf6\0r\0u\0n\0g\0!\0".to_vec()),
        ("", b"\0E\0i\0n\0e\0 \0S\0t\0\xf6\0r\0u\0n\0g\0!".to_vec()),
        ("application/octet-stream", b"\xff\xfeE\0i\0n\0e\0 \0S\0t\0\xf6\0r\0u\0n\0g\0!\0".to_vec()),
        ("text/plain; charset=iso-8859-1", b"\xfe\xff\0E\0i\0n\0e\0 \0S\0t\0\xf6\0r\0u\0n\0g\0!".to_vec()),
        ("text/plain; charset=iso-8859-1", "\u{feff}Eine Störung!".into()),
    ] {
        let headers = if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let url = respond(&headers, &body).await;
        assert_eq!(error(&url, r#","must_contain":"e Störung!""#).await, None, "{content_type}");
        assert_eq!(error(&url, &asserting("[BODY] matches 'e St.rung!$'")).await, None, "{content_type}");
        let size = format!("[BODY_SIZE] == {}", body.len());
        assert_eq!(error(&url, &asserting(&size)).await, None, "{content_type}");
        for (more, expected) in [
            (r#","must_not_contain":"Störung""#.to_owned(), "response contains `Störung`"),
            (asserting("not [BODY] contains Störung"), "expected otherwise"),
        ] {
            let error = error(&url, &more).await.unwrap_or_default();
            assert!(error.contains(expected), "{content_type}: {error}");
        }
    }
    for (charset, body, text) in [
        ("gbk", &b"\xb7\xa2\xc9\xfa\xb4\xed\xce\xf3"[..], "发生错误"),
        ("Shift_JIS", b"\x8f\xe1\x8aQ", "障害"),
        ("iso-2022-jp", b"\x1b$B>c32\x1b(B", "障害"),
        ("koi8-r", b"\xcf\xdb\xc9\xc2\xcb\xc1", "ошибка"),
        ("euc-kr", b"\xbf\xc0\xb7\xf9", "오류"),
    ] {
        let url = respond(&format!("Content-Type: text/html; charset={charset}\r\n"), body).await;
        assert_eq!(
            error(&url, &asserting(&format!("[BODY] == {text} and len([BODY]) == {}", text.chars().count()))).await,
            None
        );
        assert!(error(&url, &format!(r#","must_not_contain":"{text}""#)).await.is_some(), "{charset}");
    }
}

#[tokio::test]
async fn invalid_characters_make_searches_inconclusive() {
    for (content_type, body) in [
        ("text/html", &b"St\xf6rung"[..]),
        ("text/html; charset=utf-8", b"St\xf6rung"),
        ("text/plain; charset=gbk", b"St\xffrung"),
        ("text/plain", b"\x1b$B>c32\x1b(B"),
    ] {
        let url = respond(&format!("Content-Type: {content_type}\r\n"), body).await;
        for undecided in [
            r#","must_not_contain":"Störung""#.to_owned(),
            r#","must_contain":"Störung""#.to_owned(),
            asserting("not [BODY] contains Störung"),
            asserting("[BODY] != Störung"),
            asserting("not [BODY] matches 'St.rung'"),
            asserting("len([BODY]) < 99"),
        ] {
            let error = error(&url, &undecided).await.unwrap_or_default();
            assert!(error.contains("not valid in its charset"), "{content_type} {undecided}: {error}");
        }
        for decided in
            ["[BODY] != OK", "not [BODY] contains Fatal", "[BODY_SIZE] < 99", "not [BODY] matches '(?-u)Fatal'"]
        {
            assert_eq!(error(&url, &asserting(decided)).await, None, "{content_type} {decided}");
        }
        assert_eq!(error(&url, r#","must_not_contain":"Fatal error""#).await, None, "{content_type}");
    }
    let url = respond("Content-Type: text/plain; charset=gbk\r\n", b"\xb7\xa2\xc9\xfa\xb4\xed").await;
    let cut = error(&url, r#","body_limit":5,"must_contain":"发生""#).await;
    assert_eq!(cut, None, "the incomplete character at the limit is left out");
}

#[tokio::test]
async fn json_is_read_in_its_charset() {
    for (content_type, body) in [
        ("application/json", "\u{feff}{\"state\":\"Störung\"}".as_bytes()),
        ("application/octet-stream", "\u{feff}{\"state\":\"Störung\"}".as_bytes()),
        ("application/json; charset=iso-8859-1", b"{\"state\":\"St\xf6rung\"}"),
        ("application/json; charset=iso-8859-1", "{\"state\":\"Störung\"}".as_bytes()),
        ("application/problem+json;charset=windows-1252", b"{\"state\":\"St\xf6rung\"}"),
        ("application/json", b"{\0\"\0s\0t\0a\0t\0e\0\"\0:\0\"\0S\0t\0\xf6\0r\0u\0n\0g\0\"\0}\0"),
    ] {
        let url = respond(&format!("Content-Type: {content_type}\r\n"), body).await;
        assert_eq!(error(&url, &asserting("[BODY].state == Störung")).await, None, "{content_type}");
        assert!(error(&url, &asserting("[BODY].state != Störung")).await.is_some(), "{content_type}");
    }
    let url = respond("Content-Type: application/json\r\n", b"{\"state\":\"St\xf6rung\"}").await;
    for more in ["[BODY].state != ok", "not [BODY].state == ok", "not has([BODY].error)"] {
        let error = error(&url, &asserting(more)).await.unwrap_or_default();
        assert!(error.starts_with("body is not JSON"), "{more}: {error}");
    }
}

#[tokio::test]
async fn binary_media_types_are_not_converted() {
    let url = respond("Content-Type: image/png\r\n", b"\xff\xfe\x89PNG").await;
    assert_eq!(error(&url, &asserting("[BODY] matches '(?-u)\\\\x89PNG$'")).await, None);
    let url = respond("X-Note: St\u{f6}rung\r\n", b"").await;
    assert_eq!(error(&url, &asserting("[HEADER x-note] == Störung")).await, None);
}

#[test]
fn the_test_encoders_compress() {
    let plain = b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".repeat(9);
    for coding in ["gzip", "deflate", "deflate-raw", "br", "zstd"] {
        assert!(encode(coding, &plain).len() < plain.len(), "{coding}");
    }
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(&*encode("gzip", &plain)).read_to_end(&mut decoded).expect("it is gzip");
    assert_eq!(decoded, plain);
}
