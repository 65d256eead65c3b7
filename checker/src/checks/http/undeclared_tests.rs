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
    let (latin_1, ..) = encoding_rs::WINDOWS_1252.encode("Störung: Fatal error. ");
    let long = json.repeat(90);
    for (body, format) in [
        (b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46".to_vec(), "xz"),
        (b"BZh91AY&SY\x12\x34".to_vec(), "bzip2"),
        (b"\x04\x22\x4d\x18\x64\x40\xa7".to_vec(), "lz4"),
        ([b"\xef\xbb\xbf", &*encode("gzip", json)].concat(), "gzip"),
        ([&*encode("deflate", json), b"\n"].concat(), "deflate"),
        (encode("deflate", &long)[..60].to_vec(), "deflate"),
        (encode("deflate", &latin_1), "deflate"),
        (encode("deflate", &utf_16("Störung: Fatal error", u16::to_le_bytes)), "deflate"),
        ([&*encode("br", &long), b"\n"].concat(), "br"),
        (encode("br", &latin_1.repeat(9)), "br"),
    ] {
        let reason = format!("body seems to be compressed (`{format}`)");
        expect_unreadable("Content-Type: application/octet-stream\r\n", &body, &reason).await;
    }
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
    let wide = "Content-Type: text/plain; charset=utf-16\r\n";
    let iso_2022 = "Content-Type: text/plain; charset=iso-2022-jp\r\n";
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
        (html, utf_16(russian, u16::to_le_bytes), "body seems to be `utf-16le`, but is declared as `utf-8`"),
        (html, utf_32(russian, u32::to_be_bytes), "body seems to be `utf-32`, but is declared as `utf-8`"),
        (octets, utf_32(russian, u32::to_be_bytes), "body has the charset `utf-32`"),
        (wide, b"Fatal error\n".to_vec(), "body seems to be `utf-8`, but is declared as `utf-16`"),
        (wide, utf_16("Fatal error\n", u16::to_be_bytes), "body seems to be `utf-16be`, but is declared as `utf-16`"),
        (
            iso_2022,
            utf_16("Fatal\n", u16::to_le_bytes),
            "body seems to be `utf-16le`, but is declared as `iso-2022-jp`",
        ),
    ] {
        expect_unreadable(headers, &body, reason).await;
    }
}

/// Whether a search finds a string for certain, rules it out, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Yes,
    No,
    Unclear,
}

#[tokio::test]
async fn a_search_is_healthy_only_if_it_is_certain() {
    let wide = |text: &str| utf_16(text, u16::to_le_bytes);
    let marked = |text: &str, rest: &[u8]| [b"\xff\xfe".to_vec(), wide(text), rest.to_vec()].concat();
    let mixed = [b"log start\r\n".to_vec(), wide("Fatal error\r\n")].concat();
    let gbk = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    for (content_type, body, text, expected) in [
        // Fields that null bytes separate are not UTF-16.
        ("text/plain", b"5\x002\0Fatal error\0".to_vec(), "Fatal", Expected::Yes),
        ("", b"5\x002\0Fatal error\0".to_vec(), "Fatal", Expected::Yes),
        ("application/octet-stream", b"1\x002\0Fatal error!\0".to_vec(), "Fatal", Expected::Yes),
        ("text/plain", b"5\x002\0all is well\0".to_vec(), "Fatal", Expected::No),
        ("text/plain", b"status: up\0a\0done\0".to_vec(), "done", Expected::Yes),
        ("text/plain", b"line ok\n\0\0\0line two\n".to_vec(), "line ok", Expected::Yes),
        ("", b"PK\x03\x04\x14\0\0\0\x08\0\x21\x54a\0".to_vec(), "PK", Expected::Yes),
        // A part of the body is UTF-16, or follows UTF-16.
        ("text/plain", mixed.clone(), "Fatal", Expected::Unclear),
        ("text/plain", mixed.clone(), "log start", Expected::Yes),
        ("text/plain", mixed.clone(), "Severe", Expected::No),
        ("application/octet-stream", mixed.clone(), "Fatal", Expected::Unclear),
        ("text/html; charset=utf-8", mixed.clone(), "Fatal", Expected::Unclear),
        ("text/plain; charset=iso-8859-1", mixed.clone(), "Fatal", Expected::Unclear),
        ("text/plain; charset=gbk", mixed.clone(), "Fatal", Expected::Unclear),
        ("text/plain", [b"\xef\xbb\xbf".to_vec(), mixed].concat(), "Fatal", Expected::Unclear),
        ("text/plain", [wide("ok\r\n"), b"Fatal".to_vec()].concat(), "Fatal", Expected::Yes),
        ("text/plain", marked("ok\r\n", b"Fatal error\r\n"), "Fatal", Expected::Unclear),
        ("text/plain", marked("ok\r\n", b"Fatal error\n"), "Fatal", Expected::Unclear),
        ("text/plain", marked("ok\r\n", b"Fatal error\n"), "ok", Expected::Yes),
        ("application/octet-stream", wide("Fatal error\0"), "Fatal", Expected::Unclear),
        (
            "application/octet-stream",
            [utf_32("Fatal", u32::to_le_bytes), b"ok".to_vec()].concat(),
            "Fatal",
            Expected::Unclear,
        ),
        ("application/json", b"\x05\x06F\0a\0t\0a\0l\0\x02\0".to_vec(), "Fatal", Expected::Unclear),
        // All of the body is UTF-16.
        ("", wide("Ошибка: Fatal error"), "Ошибка", Expected::Yes),
        ("application/octet-stream", utf_16("Ошибка: 500", u16::to_be_bytes), "Fatal", Expected::No),
        ("text/plain", wide("┌────┐\r\n│ ok │ 5 €\r\n"), "ok", Expected::Yes),
        ("text/plain", [b"\xef\xbb\xbf".to_vec(), wide("Fatal error")].concat(), "Fatal", Expected::Yes),
        ("audio/mpegurl", wide("#EXTM3U Fatal"), "Fatal", Expected::Yes),
        ("image/png", encode("gzip", b"Fatal error"), "Fatal", Expected::Unclear),
        // A legacy charset that is not declared, or declared wrongly.
        ("text/plain", gbk("STATE: 停止\r\n"), "停止", Expected::Unclear),
        ("text/html", gbk("<p>未知"), "未知", Expected::Unclear),
        ("text/plain; charset=iso-8859-1", gbk("<p>错误"), "错误", Expected::Unclear),
        ("text/plain; charset=iso-8859-1", "Störung".into(), "Störung", Expected::Unclear),
        ("text/plain", "服务器状态：正常".into(), "停止", Expected::No),
        ("text/plain", "A · B".into(), "路", Expected::Unclear),
        // UTF-8 that is declared is not another charset, and text that is UTF-8 is not Latin-1.
        ("text/html; charset=utf-8", "A · B".into(), "路", Expected::No),
        ("application/json", r#"{"s":"A · B"}"#.into(), "路", Expected::No),
        ("text/html", "<meta charset=utf-8>A · B".into(), "路", Expected::No),
        ("text/html; charset=utf-8", "Größe".into(), "Ã¶", Expected::No),
        ("text/plain", "Größe, it’s".into(), "â€™", Expected::No),
        // JSON is UTF-8, and ASCII text is the same in many charsets.
        ("application/json; charset=utf-16", br#"{"s":"Fatal"}"#.to_vec(), "Fatal", Expected::Yes),
        ("application/json; charset=utf-16", br#"{"s":"ok"}"#.to_vec(), "Fatal", Expected::No),
        ("text/plain; charset=cp850", b"ok".to_vec(), "ok", Expected::Yes),
        ("text/plain; charset=x-maccyrillic", b"ok".to_vec(), "Fatal", Expected::No),
    ] {
        let headers = if content_type.is_empty() { String::new() } else { format!("Content-Type: {content_type}\r\n") };
        let url = respond(&headers, &body).await;
        for (condition, is_healthy) in [
            (format!(r#","must_contain":"{text}""#), expected == Expected::Yes),
            (format!(r#","must_not_contain":"{text}""#), expected == Expected::No),
            (asserting(&format!("[BODY] contains '{text}'")), expected == Expected::Yes),
            (asserting(&format!("not [BODY] contains '{text}'")), expected == Expected::No),
            (asserting(&format!("[BODY] matches '{text}'")), expected == Expected::Yes),
            (asserting(&format!("not [BODY] matches '{text}'")), expected == Expected::No),
        ] {
            let error = error(&url, &condition).await;
            assert_eq!(error.is_none(), is_healthy, "{headers} {condition} {body:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn the_charset_of_json_is_certain_only_without_another_declaration() {
    let (gbk, ..) = encoding_rs::GB18030.encode("停止");
    let body = [b"{\"s\":\"", &*gbk, b"\"}"].concat();
    let different = asserting("[BODY].s != 停止 and not [BODY].s contains 停止");
    for (content_type, is_healthy) in [
        ("application/json", true),
        ("application/json; charset=utf-8", true),
        ("application/json; charset=gbk", false),
    ] {
        let url = respond(&format!("Content-Type: {content_type}\r\n"), &body).await;
        assert_eq!(error(&url, &different).await.is_none(), is_healthy, "{content_type}");
        assert!(error(&url, &asserting("[BODY].s == 停止")).await.is_some(), "{content_type}");
    }
}

#[tokio::test]
async fn invisible_characters_do_not_hide_a_value() {
    for (body, holding, failing) in [
        (&b"\x1b[31mFAILED\x1b[0m\n"[..], "[BODY] == FAILED", "[BODY] != FAILED"),
        (b"FAILED\0", "[BODY] == FAILED", "[BODY] != FAILED"),
        (b"\xef\xbb\xbf\xef\xbb\xbfFAILED", "[BODY] matches ^FAILED$", "[BODY] != FAILED"),
        (b"\xff\xfe\xff\xfeK\0O\0", "[BODY] == KO", "[BODY] != KO"),
        (b"\x1b[1mFATAL\x1b[0m: disk", "[BODY] contains 'FATAL: disk'", "not [BODY] matches '^FATAL: '"),
        (b"\x1b[1mFATAL\x1b[0m: disk", "[BODY] contains FATAL", "[BODY] matches '^FATAL: '"),
        (b"42\0", "[BODY] < 50", "[BODY] > 50"),
        (b"ERR\xc2\x9b31mOR", "[BODY] == ERROR", "not [BODY] contains ERROR"),
        (b"\"DOWN\"", "[BODY] != UP", "[BODY] != DOWN"),
        (b"<p>0\xc2\xa012", r"not [BODY] matches '\\d \\d'", "[BODY] != '<p>0 12'"),
        (b"Fatal\xc2\xa0error", "[BODY] contains 'Fatal error'", "not [BODY] contains 'Fatal error'"),
    ] {
        let url = respond("Content-Type: text/plain\r\n", body).await;
        assert_eq!(error(&url, &asserting(holding)).await, None, "{holding} {body:?}");
        assert!(error(&url, &asserting(failing)).await.is_some(), "{failing} {body:?}");
    }
    let latin_1 = respond("Content-Type: text/plain; charset=iso-8859-1\r\n", b"St\xf6rung").await;
    assert_eq!(error(&latin_1, &asserting("[BODY] matches '(?-u)St\\\\xf6rung'")).await, None);
    assert!(error(&latin_1, &asserting("not [BODY] matches '(?-u)St\\\\xf6rung'")).await.is_some());
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
