//! Tests bodies whose compression, charset or meaning is not declared, declared wrongly or ambiguous, against local
//! servers.

use crate::checks::http::encoding_tests::{asserting, encode, error, expect_unreadable, respond};

#[tokio::test]
async fn compression_without_a_header_is_never_healthy() {
    let json = br#"{"status":"fatal","text":"Fatal error, and more of it: Fatal error"}"#;
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let reason = format!("body seems to be compressed (`{coding}`), but has no matching `Content-Encoding` header");
        for headers in [
            "",
            "Content-Type: application/json\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
            "Content-Type: text/plain; charset=iso-8859-1\r\n",
            "Content-Type: application/octet-stream\r\n",
            "Content-Type: application/x-gzip\r\nContent-Encoding: identity\r\n",
        ] {
            expect_unreadable(headers, &encode(coding, json), &reason).await;
        }
        let twice = encode("gzip", &encode(coding, json));
        expect_unreadable("Content-Encoding: gzip\r\n", &twice, &reason).await;
    }
    let skippable = [&b"\x50\x2a\x4d\x18\x03\0\0\0abc"[..], &encode("zstd", json)].concat();
    expect_unreadable("", &skippable, "body seems to be compressed (`zstd`)").await;
    // Patterns for bytes work even on a compressed file.
    let url = respond("Content-Type: application/gzip\r\n", &encode("gzip", json)).await;
    assert_eq!(error(&url, &asserting("[BODY] matches '(?-u)^\\\\x1f\\\\x8b' and [BODY_SIZE] > 20")).await, None);
    let found = error(&url, &asserting("not [BODY] matches '(?-u)^\\\\x1f\\\\x8b'")).await.unwrap_or_default();
    assert!(found.contains("expected otherwise"), "{found}");
}

fn utf_16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(write).collect()
}

fn utf_32(text: &str, write: fn(u32) -> [u8; 4]) -> Vec<u8> {
    text.chars().flat_map(|character| write(character.into())).collect()
}

#[tokio::test]
async fn wide_text_without_a_mark_is_read_or_named() {
    let text = r#"{"status":"fatal","text":"Fatal error"}"#;
    for write in [u16::to_le_bytes, u16::to_be_bytes] {
        for headers in ["", "Content-Type: application/json\r\n", "Content-Type: application/octet-stream\r\n"] {
            let url = respond(headers, &utf_16(text, write)).await;
            assert_eq!(error(&url, &asserting("[BODY].status == fatal")).await, None, "{headers}");
            for down in [r#","must_not_contain":"Fatal error""#.to_owned(), asserting("not [BODY] contains Fatal")] {
                assert!(error(&url, &down).await.is_some(), "{headers} {down}");
            }
        }
    }
    let html = "Content-Type: text/html; charset=utf-8\r\n";
    let plain = "Content-Type: text/plain; charset=iso-8859-1\r\n";
    let octets = "Content-Type: application/octet-stream\r\n";
    let json = "Content-Type: application/json\r\n";
    let russian = "Ошибка: Fatal error";
    for (headers, body, reason) in [
        (html, utf_16(text, u16::to_le_bytes), "body seems to be `utf-16le`, but is declared as `utf-8`"),
        (plain, utf_16(text, u16::to_be_bytes), "body seems to be `utf-16be`, but is declared as `iso-8859-1`"),
        (html, utf_32(text, u32::to_le_bytes), "body seems to be `utf-32`, but is declared as `utf-8`"),
        ("", utf_32(text, u32::to_le_bytes), "body has the charset `utf-32`, which is not supported"),
        (json, utf_32(text, u32::to_be_bytes), "body has the charset `utf-32`, which is not supported"),
        (octets, utf_32(text, u32::to_be_bytes), "body has the charset `utf-32`, which is not supported"),
        (octets, utf_32(&format!("\u{feff}{text}"), u32::to_be_bytes), "body has the charset `utf-32`"),
        (html, utf_32(&format!("\u{feff}{text}"), u32::to_le_bytes), "body has the charset `utf-32`"),
        ("", utf_16(russian, u16::to_le_bytes), "body seems to be `utf-16le`, but has no byte order mark"),
        (octets, utf_16(russian, u16::to_be_bytes), "body seems to be `utf-16be`, but has no byte order mark"),
        (html, utf_32(russian, u32::to_be_bytes), "body seems to be `utf-32`, but has no byte order mark"),
        (json, b"\x05\x06F\0a\0t\0a\0l\0\x02\0".to_vec(), "body contains null bytes between characters"),
    ] {
        expect_unreadable(headers, &body, reason).await;
    }
}

#[tokio::test]
async fn harmless_null_bytes_do_not_matter() {
    for (headers, body) in [
        ("Content-Type: text/plain\r\n", &b"all is ok\0"[..]),
        ("", b"all is ok\0\0\0\0\0\0\0\0"),
        ("Content-Type: text/html; charset=utf-8\r\n", b"all is ok\0all is well\0"),
        ("Content-Type: application/octet-stream\r\n", b"\x7fELF\x02\x01\x01\0\x01\0\x02\0 all is ok \xff\xff"),
        ("Content-Type: image/png\r\n", b"\x89PNG\r\n\x1a\n\0\0\0\rI\0H\0D\0R\0 all is ok"),
    ] {
        let url = respond(headers, body).await;
        for healthy in
            [r#","must_contain":"is ok","must_not_contain":"Fatal""#, &asserting("not [BODY] contains Fatal")]
        {
            assert_eq!(error(&url, healthy).await, None, "{headers} {healthy}");
        }
    }
}

#[tokio::test]
async fn the_last_content_type_determines_the_charset() {
    let latin_1 = b"<meta charset=koi8-r>Eine St\xf6rung!".as_slice();
    for (headers, body) in [
        ("Content-Type: text/html; charset=koi8-r\r\nContent-Type: text/html; charset=iso-8859-1\r\n", latin_1),
        ("Content-Type: text/html; charset=iso-8859-1\r\nContent-Type: text/html\r\n", latin_1),
        ("Content-Type: text/html; charset=koi8-r, text/plain; charset=iso-8859-1\r\n", latin_1),
        ("Content-Type: text/html; charset=iso-8859-1\r\nContent-Type: */*\r\nContent-Type: nonsense\r\n", latin_1),
    ] {
        let url = respond(headers, body).await;
        assert_eq!(error(&url, r#","must_contain":"Eine Störung!""#).await, None, "{headers}");
        let found = error(&url, r#","must_not_contain":"Störung""#).await;
        assert_eq!(found.as_deref(), Some("response contains `Störung`"), "{headers}");
    }
    // The last charset is wrong, so only ASCII text can be searched reliably.
    let headers = "Content-Type: text/html; charset=iso-8859-1\r\nContent-Type: text/html; charset=utf-8\r\n";
    let url = respond(headers, latin_1).await;
    for undecided in [r#","must_not_contain":"Störung""#, &asserting("not [BODY] contains Störung")] {
        let error = error(&url, undecided).await.unwrap_or_default();
        assert!(error.contains("not valid in its charset"), "{undecided}: {error}");
    }
    assert_eq!(error(&url, r#","must_not_contain":"Fatal error""#).await, None);
}

#[tokio::test]
async fn repeated_keys_make_paths_ambiguous() {
    let body = br#"{"status":"ok","up":true,"list":[{"n":1},{"n":2,"n":3}],"status":"down","up":true}"#;
    let url = respond("Content-Type: application/json\r\n", body).await;
    for ambiguous in [
        "[BODY].status == ok",
        "[BODY].status == down",
        "[BODY].status != broken",
        "not [BODY].status == broken",
        "not has([BODY].status) or [BODY].status == ok",
        "len([BODY].status) < 9",
        "[BODY].status matches .",
        "not [BODY].status contains x",
    ] {
        let error = error(&url, &asserting(ambiguous)).await.unwrap_or_default();
        let reason = "an object in the body repeats the key `status` with different values";
        assert!(error.contains(reason), "{ambiguous}: {error}");
    }
    let ambiguous = error(&url, &asserting("[BODY].list[1].n < 9")).await.unwrap_or_default();
    assert!(ambiguous.contains("repeats the key `n`"), "{ambiguous}");
    for decided in ["[BODY].up == true", "not has([BODY].error)", "[BODY].list[0].n == 1", "[BODY] contains ok"] {
        assert_eq!(error(&url, &asserting(decided)).await, None, "{decided}");
    }
}
