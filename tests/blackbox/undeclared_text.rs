//! Searches of command output and WebSocket messages that contain UTF-16, compressed data, null bytes or binary data,
//! with real commands and servers.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Message;

use crate::check_kinds::{ExpectedResult, WELL, down, serve};
use crate::check_options::expect;

/// Whether a search finds a string for certain, rules it out, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Yes,
    No,
    Unclear,
}

pub(super) fn utf_16_le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn utf_16_be(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

pub(super) fn gzip(text: &str, level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(text.as_bytes()).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

pub(super) fn zlib(text: &str, level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(text.as_bytes()).expect("memory does not fail");
    encoder.finish().expect("memory does not fail")
}

/// `{"status":"ok"}` in a Zstandard frame.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x20\x0f\x79\x00\x00{\"status\":\"ok\"}";

/// `Fatal error, and more of it: Fatal error. Störung, and more of it: Fatal error` in Brotli.
const BROTLI: &[u8] = b"\x1f\x4e\x00\x48\x8c\xd3\x0d\xb5\x96\xa7\x83\x2d\x72\x1b\x9b\x2f\x7e\x7c\xc7\x69\
    \x2c\x21\x88\x20\x1c\x61\x83\xd4\xd9\x0e\xeb\x4e\x56\x41\x87\x28\xc9\xc1\x11\x05\xcd\xbb\x42\x40\x75\
    \x38\x67\x9d\x00\xe6\x41\xf9\x5e\x8d\x02";

/// Returns outputs, and strings that are searched in them.
fn searches() -> Vec<(Vec<u8>, &'static str, Expected)> {
    let words = "Fatal error, and more of it: Fatal error";
    let compressed = zlib(words, 6);
    vec![
        // UTF-16, with and without a byte order mark.
        (utf_16_le(words), "Fatal", Expected::Yes),
        (utf_16_be(words), "Fatal", Expected::Yes),
        (utf_16_le("\u{feff}Fatal\r\n"), "Fatal", Expected::Yes),
        (utf_16_be("\u{feff}Fatal\r\n"), "Fatal", Expected::Yes),
        (utf_16_le("\u{feff}all is well"), "Fatal", Expected::No),
        (utf_16_be("all is well"), "Fatal", Expected::No),
        (utf_16_le("\u{feff}Störung 障害 500"), "Störung", Expected::Yes),
        (utf_16_le("\u{feff}Störung 障害 500"), "障害", Expected::Yes),
        (utf_16_le("\u{feff}Störung 障害 500"), "Ошибка", Expected::No),
        (utf_16_le("Störung: 500"), "Störung", Expected::Yes),
        (utf_16_be("Störung: 500"), "Ошибка", Expected::No),
        (utf_16_le("Störung 障害 500"), "Störung", Expected::Yes),
        (utf_16_le("障害 500"), "障害", Expected::Yes),
        (utf_16_be("ok ──\r\n"), "ok", Expected::Yes),
        (utf_16_le("┌────────┐\r\n│ ok │\r\n"), "ok", Expected::Yes),
        (utf_16_le("• 5 € → ok ™ 😀\r\n"), "ok", Expected::Yes),
        (utf_16_le("• 5 € → ok ™ 😀\r\n"), "Fatal", Expected::No),
        (utf_16_le("\u{feff}\u{feff}Fatal"), "Fatal", Expected::Yes),
        ([utf_16_le("\u{feff}Fatal"), b"\x00\xd8\n\0".to_vec()].concat(), "Fatal", Expected::Yes),
        (utf_16_le("\u{feff}Fatal\0"), "Fatal", Expected::Yes),
        // Without a mark or bytes of binary data, it can be text in another charset.
        (utf_16_le("失敗\r\n"), "失敗", Expected::Unclear),
        // Text in another charset that is valid UTF-8 by chance.
        (b"STATE: \xcd\xa3\xd6\xb9\r\n".to_vec(), "停止", Expected::Unclear),
        (b"\xce\xb4\xd6\xaa".to_vec(), "未知", Expected::Unclear),
        ("服务器状态：正常".into(), "停止", Expected::No),
        (b"status \x1b(I4W0\x1b(B\n".to_vec(), "ｴﾗｰ", Expected::Unclear),
        (b"St\xf6rung\0".to_vec(), "Störung", Expected::Unclear),
        (b"St\xf6rung\0".to_vec(), "rung", Expected::Yes),
        (b"\xb4\xed\xce\xf3!\0".to_vec(), "错误", Expected::Unclear),
        (b"\x8f\xe1\x8aQ!\0".to_vec(), "障害", Expected::Unclear),
        (utf_16_le("KO"), "KO", Expected::Yes),
        // A part in UTF-16 or UTF-32.
        ([b"done\n".to_vec(), utf_16_le("Fatal")].concat(), "Fatal", Expected::Unclear),
        ([utf_16_le("Fatal"), b"\n".to_vec()].concat(), "Fatal", Expected::Unclear),
        ([utf_16_be("Fatal"), b"done\n".to_vec()].concat(), "done", Expected::Yes),
        (utf_16_le("Ошибка"), "Ошибка", Expected::Unclear),
        (words.chars().flat_map(|character| u32::from(character).to_le_bytes()).collect(), "Fatal", Expected::Unclear),
        (words.chars().flat_map(|character| u32::from(character).to_be_bytes()).collect(), "Fatal", Expected::Unclear),
        // Output that only starts like UTF-16.
        (b"\xff\xfeFatal error\n".to_vec(), "Fatal", Expected::Yes),
        (b"\xfe\xffFatal error".to_vec(), "Fatal", Expected::Yes),
        (b"O\0K\0Fatal error\0".to_vec(), "Fatal", Expected::Yes),
        (b"\0O\0KFatal error".to_vec(), "Fatal", Expected::Yes),
        // A mark of UTF-8, also before other data.
        ("\u{feff}Fatal".as_bytes().to_vec(), "Fatal", Expected::Yes),
        ("\u{feff}well".as_bytes().to_vec(), "Fatal", Expected::No),
        ([b"\xef\xbb\xbf".to_vec(), utf_16_le("Fatal")].concat(), "Fatal", Expected::Yes),
        ([b"\xef\xbb\xbf".to_vec(), gzip(words, 6)].concat(), "Fatal", Expected::Unclear),
        ([b"\xef\xbb\xbf\xef\xbb\xbf".to_vec(), gzip(words, 6)].concat(), "Fatal", Expected::Unclear),
        // Fields, padding and binary data.
        (b"5\x002\0Fatal error\0".to_vec(), "Fatal", Expected::Yes),
        (b"5\x002\0all is well\0".to_vec(), "Fatal", Expected::No),
        (b"5\x002\0all is well\0".to_vec(), "52", Expected::Unclear),
        (b"./a\0./b\0./Fa\0tal\0".to_vec(), "Fatal", Expected::No),
        (b"./a\0./b\0".to_vec(), "./b", Expected::Yes),
        (b"all is well\0\0\0\0\0".to_vec(), "Fatal", Expected::No),
        ((0..=255).collect(), "Fatal", Expected::No),
        ((0..=255).rev().cycle().take(1_001).collect(), "Fatal", Expected::No),
        (b"\x7fELF\x02\x01\x01\0\x01\0\x02\0F\0\0a\0t\xff\xff".to_vec(), "Fatal", Expected::No),
        // Compressed data, in which a raw occurrence counts.
        (gzip(words, 6), "Fatal", Expected::Unclear),
        (gzip(words, 0), "Fatal", Expected::Yes),
        (zlib(words, 1), "Fatal", Expected::Unclear),
        (zlib(words, 6), "Fatal", Expected::Unclear),
        (zlib(words, 9), "Fatal", Expected::Unclear),
        ([zlib(words, 6), b"\n".to_vec()].concat(), "Fatal", Expected::Unclear),
        // Smaller windows, streams that end early, and a wrong checksum.
        ([b"h\x81", &compressed[2..]].concat(), "Fatal", Expected::Unclear),
        ([b"\x18\x95", &compressed[2..]].concat(), "Fatal", Expected::Unclear),
        (compressed[..compressed.len() - 3].to_vec(), "Fatal", Expected::Unclear),
        (compressed[..compressed.len() / 2].to_vec(), "Fatal", Expected::Unclear),
        ([&compressed[..compressed.len() - 4], b"\0\0\0\0"].concat(), "Fatal", Expected::Unclear),
        (ZSTD.to_vec(), "Fatal", Expected::Unclear),
        (ZSTD.to_vec(), "status", Expected::Yes),
        (b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46".to_vec(), "Fatal", Expected::Unclear),
        (b"BZh91AY&SY\x12\x34\x56\x78".to_vec(), "Fatal", Expected::Unclear),
        (b"\x04\x22\x4d\x18\x64\x40\xa7".to_vec(), "Fatal", Expected::Unclear),
        (BROTLI.to_vec(), "Fatal", Expected::Unclear),
        ([BROTLI, b"\n"].concat(), "Fatal", Expected::Unclear),
        // Text that is not compressed, or only after its start.
        (b"x\x9cuvre".to_vec(), "Fatal", Expected::No),
        (b"x^2 + y^2 = 1".to_vec(), "Fatal", Expected::No),
        (b"H\xc7lt \xf6fter an".to_vec(), "Fatal", Expected::No),
        (b"\x1f\x8b".to_vec(), "Fatal", Expected::No),
        ([b"done\n".to_vec(), gzip(words, 6)].concat(), "Fatal", Expected::No),
        // Plain text.
        (b"all is well\n".to_vec(), "Fatal", Expected::No),
        (b"all is well\n".to_vec(), "well", Expected::Yes),
        (Vec::new(), "Fatal", Expected::No),
        // These characters in UTF-16 have the same bytes as `Fa` and `é`.
        (b"Fatal".to_vec(), "慆", Expected::No),
        ("é".as_bytes().to_vec(), "쎩", Expected::No),
        // UTF-8 is not read as text in a charset with one byte per character.
        ("Größe ok".into(), "Ã¶", Expected::No),
        // A Protobuf message that is valid deflate data by chance.
        (b"\x08\x1d\x12\x0bnode-918 ok \xaa\x0a)\xdd\xdbT\x94\xef\xa3O@".to_vec(), "Fatal", Expected::No),
    ]
}

/// Returns a check whose command writes these bytes.
pub(super) fn printing(bytes: &[u8]) -> Value {
    json!({ "type": "exec", "command": "printf", "arguments": [printf_format(bytes)], "timeout": "1m" })
}

fn printf_format(bytes: &[u8]) -> String {
    let escapes: Vec<String> = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
    escapes.concat()
}

pub(super) fn with(check: &Value, more: Value) -> Value {
    let mut check = check.clone();
    let Value::Object(more) = more else { panic!("{more}") };
    check.as_object_mut().expect("a check").extend(more);
    check
}

/// Adds a condition and its negation to a check, and states the expected results.
pub(super) fn both(check: &Value, positive: Value, negative: Value, found: Expected) -> [(Value, ExpectedResult); 2] {
    let healthy_if = |is_healthy: bool| if is_healthy { WELL } else { down("") };
    [
        (with(check, positive), healthy_if(found == Expected::Yes)),
        (with(check, negative), healthy_if(found == Expected::No)),
    ]
}

/// Adds conditions about a string to a check.
fn asserting(check: &Value, text: &str, found: Expected) -> Vec<(Value, ExpectedResult)> {
    let one = |assertion: String| json!({ "assertions": [assertion] });
    let contains = format!("[BODY] contains '{text}'");
    let searched = both(check, one(contains.clone()), one(format!("not {contains}")), found);
    let matches = format!("[BODY] matches '{text}'");
    let positive = (with(check, one(matches.clone())), searched[0].1);
    // Patterns are about characters, which are unknown in binary output. In a part in UTF-16, only Latin characters are
    // recognized.
    let is_found = found == Expected::Yes || (found == Expected::Unclear && text.is_ascii());
    let negative = is_found.then(|| (with(check, one(format!("not {matches}"))), down("")));
    searched.into_iter().chain([positive]).chain(negative).collect()
}

/// Responds to the message `N` with the output of that index.
async fn send_output(stream: impl AsyncRead + AsyncWrite + Unpin, outputs: Arc<Vec<Vec<u8>>>) -> Option<()> {
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    let number: usize = socket.next().await?.ok()?.to_text().ok()?.parse().ok()?;
    socket.send(Message::binary(outputs.get(number)?.clone())).await.ok()?;
    while socket.next().await.is_some_and(|received| received.is_ok()) {}
    Some(())
}

async fn serve_outputs(outputs: Vec<Vec<u8>>) -> u16 {
    let outputs = Arc::new(outputs);
    serve(move |stream| send_output(stream, Arc::clone(&outputs))).await
}

pub(super) fn receiving(port: u16, number: usize) -> Value {
    let url = format!("ws://127.0.0.1:{port}/");
    json!({
        "type": "websocket",
        "endpoint_url": url,
        "send": number.to_string(),
        "expect": "(?s-u)^.*$",
        "timeout": "1m",
    })
}

#[tokio::test]
async fn commands_are_healthy_only_if_the_search_is_certain() {
    let mut cases = Vec::new();
    for (output, text, found) in searches() {
        let check = printing(&output);
        cases.extend(both(&check, json!({ "must_contain": text }), json!({ "must_not_contain": text }), found));
        cases.extend(asserting(&check, text, found));
    }
    expect(&cases).await;
}

#[tokio::test]
async fn messages_are_healthy_only_if_the_search_is_certain() {
    let port = serve_outputs(searches().into_iter().map(|(output, ..)| output).collect()).await;
    let mut cases = Vec::new();
    for (number, (_, text, found)) in searches().into_iter().enumerate() {
        cases.extend(asserting(&receiving(port, number), text, found));
    }
    expect(&cases).await;
}

/// An output, assertions about it that hold, and assertions that do not hold, with parts of the reported reasons.
type ValueCase = (Vec<u8>, Vec<&'static str>, Vec<(&'static str, &'static str)>);

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn values() -> Vec<ValueCase> {
    let compressed = "body is compressed with `gzip`";
    let part = "a part that seems to be UTF-16 or UTF-32 does";
    let invalid = "bytes that are not valid in its charset";
    vec![
        (
            utf_16_le("\u{feff}{\"up\":true,\"n\":[1,2]}\r\n"),
            vec![
                "[BODY].up == true",
                "len([BODY].n) == 2",
                "len([BODY]) == 23",
                "[BODY_SIZE] == 48",
                "not has([BODY].x)",
            ],
            vec![("[BODY].up == false", "`$.up` is true"), ("has([BODY].x)", "`$.x` is missing")],
        ),
        (
            utf_16_be("OK\r\n"),
            vec!["[BODY] == OK", "[BODY] matches '^OK\\s*$'", "not [BODY] matches '^K'", "[BODY_SIZE] == 8"],
            vec![("[BODY] != OK", "body is `OK`"), ("not [BODY] == OK", ""), ("[BODY] matches '(?-u)^OK'", "")],
        ),
        (utf_16_le("42\n"), vec!["[BODY] == 42", "[BODY] < 50", "[BODY] != 41"], vec![("[BODY] > 50", "body is `42`")]),
        (
            b"\xef\xbb\xbfOK\n".to_vec(),
            vec!["[BODY] == OK", "[BODY] matches ^OK", "len([BODY]) == 3"],
            vec![("[BODY] != OK", "")],
        ),
        (
            b"\x1b[31mFATAL\x1b[0m: disk\n".to_vec(),
            vec!["[BODY] contains 'FATAL: disk'", "[BODY] == 'FATAL: disk'", "not [BODY] matches 'disk \\d'"],
            vec![
                ("[BODY] != 'FATAL: disk'", ""),
                ("not [BODY] contains 'FATAL: disk'", ""),
                (r"not [BODY] matches '\bFATAL'", "without escape sequences"),
                ("not [BODY] matches '^FATAL'", "without escape sequences"),
                ("[BODY] matches '^FATAL'", "without escape sequences"),
            ],
        ),
        (
            b"FAILED\0".to_vec(),
            vec!["[BODY] == FAILED", "[BODY] != OK"],
            vec![("[BODY] != FAILED", "body is `FAILED`"), ("not [BODY] matches '^FAILED$'", "invisible characters")],
        ),
        (
            b"\"DOWN\"\n".to_vec(),
            vec!["[BODY] != UP", "[BODY] contains DOWN"],
            vec![("[BODY] != DOWN", "written differently"), ("[BODY] == DOWN", "written differently")],
        ),
        (
            br#"{"s":"\u001b[31mFAILED\u001b[0m","l":[1500],"e":[],"n":[{"code":"500"}]}"#.to_vec(),
            vec![
                "[BODY].s == FAILED",
                "not [BODY].l contains 500",
                "[BODY].e == []",
                "not [BODY].e matches .",
                "[BODY].l != []",
                "len([JSON $.n[?@.code == '500']]) == 1",
            ],
            vec![
                ("[BODY].s != FAILED", ""),
                ("not [BODY].s matches '^FAILED'", "without escape sequences"),
                ("[BODY].e != []", ""),
                ("len([JSON $.n[?@.code == 500]]) == 0", "a filter distinguishes"),
            ],
        ),
        (
            b"{\"s\":\"\xcd\xa3\xd6\xb9\"}".to_vec(),
            vec!["[BODY].s != Fatal"],
            vec![
                ("[BODY].s != 停止", "in another charset"),
                ("not [BODY].s contains 停止", "in another charset"),
                ("[BODY].s == 停止", "in another charset"),
            ],
        ),
        (b"42\0".to_vec(), vec!["[BODY] == 42", "[BODY] < 50"], vec![("[BODY] > 50", ""), ("[BODY] != 42", "")]),
        (b"\xff\xfe".to_vec(), vec!["[BODY] == ''", "not [BODY] contains ö"], vec![("[BODY] != ''", "")]),
        (
            utf_16_le("\u{feff}usage: (-u)"),
            vec![r"[BODY] matches 'usage: \(-u'"],
            vec![(r"not [BODY] matches 'usage: \(?-u'", "")],
        ),
        (
            b"Gr\xf6\xdfe ok\n".to_vec(),
            vec!["not [BODY] matches '(?i-u)fatal'", "[BODY] matches '(?s-u)^Gr..e'", "not [BODY] matches fatal"],
            vec![("not [BODY] matches Gr..e", invalid)],
        ),
        (
            gzip("OK", 6),
            vec!["[BODY_SIZE] > 10", "[BODY] exists", "[BODY] matches '(?-u)^\\x1f\\x8b'"],
            vec![
                ("[BODY] == OK", "it is compressed with `gzip`"),
                ("[BODY] != OK", "it is compressed with `gzip`"),
                ("not [BODY] matches OK", "it is compressed with `gzip`"),
                ("len([BODY]) > 0", compressed),
                ("not len([BODY]) > 9999", compressed),
                ("[BODY].a == 1", compressed),
                ("not has([BODY].a)", compressed),
            ],
        ),
        (
            [utf_16_le("OK"), b"\n".to_vec()].concat(),
            vec!["[BODY] contains O", "not [BODY] contains KO", "[BODY] contains OK or [BODY_SIZE] == 5"],
            vec![
                ("[BODY] contains OK", part),
                ("not [BODY] contains OK", part),
                ("not [BODY] matches '^OK'", part),
                ("not ([BODY] contains X or [BODY] contains OK)", part),
            ],
        ),
        (
            b"F\0a\0t\0a\0l\0done\n".to_vec(),
            vec!["not [BODY] matches 'Fatal error'"],
            vec![(r"not [BODY] matches 'Fatal\b'", part), ("not [BODY] matches 'Fatald'", part)],
        ),
        (b"ok\0F\0a\0t\0a\0l".to_vec(), vec![], vec![(r"not [BODY] matches '\bFatal'", part)]),
        (b"F\0a\0t\0a\0l\x001".to_vec(), vec![], vec![(r"not [BODY] matches 'Fatal\b'", part)]),
        (
            [b"log\n".to_vec(), utf_16_le("\u{feff}Fatal\n")].concat(),
            vec![],
            vec![("not [BODY] matches '(?m)^Fatal'", part), ("not [BODY] matches Fatal", part)],
        ),
        (b"\x8aF\0a\0t\0a\0l\0\n".to_vec(), vec![], vec![("not [BODY] matches Fatal", part)]),
        // In the other byte order, all of this is text, too.
        (
            b"\x01F\0a\0t\0a\0l\0\n".to_vec(),
            vec!["[BODY] contains atal"],
            vec![("not [BODY] matches Fatal", part), ("not [BODY] contains Fatal", part)],
        ),
        (b"St\xf6rung\0".to_vec(), vec![], vec![("not [BODY] matches Störung", invalid)]),
        (
            "\u{feff}Fatal".chars().flat_map(|character| u32::from(character).to_le_bytes()).collect(),
            vec!["[BODY] != OK", "not [BODY] == OK"],
            vec![("[BODY] == Fatal", part), ("[BODY] != Fatal", part), ("not [BODY] == Fatal", part)],
        ),
        (
            b"F\0a\0t\0a\0l\0\n".to_vec(),
            vec!["[BODY] != OK"],
            vec![("[BODY] != Fatal", part), ("not [BODY] == Fatal", part)],
        ),
    ]
}

#[tokio::test]
async fn values_are_read_from_converted_output() {
    let port = serve_outputs(values().into_iter().map(|(output, ..)| output).collect()).await;
    let mut cases = Vec::new();
    for (number, (output, holding, failing)) in values().into_iter().enumerate() {
        for check in [printing(&output), receiving(port, number)] {
            let asserting = |assertion: &str| with(&check, json!({ "assertions": [assertion] }));
            cases.extend(holding.iter().map(|assertion| (asserting(assertion), WELL)));
            cases.extend(failing.iter().map(|(assertion, why)| (asserting(assertion), down(why))));
        }
    }
    expect(&cases).await;
}

#[tokio::test]
async fn an_expected_message_can_be_utf_16() {
    let port = serve_outputs(vec![utf_16_le("\u{feff}ready"), utf_16_be("ready")]).await;
    let mut cases = Vec::new();
    for check in [receiving(port, 0), receiving(port, 1)] {
        cases.push((with(&check, json!({ "expect": "^ready$" })), WELL));
        cases.push((with(&check, json!({ "expect": "^never$", "timeout": "500ms" })), down("500ms")));
    }
    expect(&cases).await;
}

/// Returns a check whose command writes to both output streams.
fn printing_twice(stdout: &[u8], stderr: &[u8]) -> Value {
    let script = format!("printf '{}'; printf '{}' >&2", printf_format(stdout), printf_format(stderr));
    json!({ "type": "exec", "command": "sh", "arguments": ["-c", script], "timeout": "1m" })
}

#[tokio::test]
async fn each_output_stream_has_its_own_charset() {
    let mut cases = Vec::new();
    for (stdout, stderr, found) in [
        (b"ok\n".to_vec(), utf_16_le("Fatal"), Expected::Yes),
        (utf_16_be("\u{feff}ok"), b"Fatal\n".to_vec(), Expected::Yes),
        (utf_16_be("\u{feff}ok"), utf_16_le("Fatal\n"), Expected::Yes),
        (utf_16_be("\u{feff}ok"), b"warning\n".to_vec(), Expected::No),
        (b"ok\n".to_vec(), gzip("Fatal, Fatal, Fatal", 6), Expected::Unclear),
    ] {
        let check = printing_twice(&stdout, &stderr);
        cases.extend(both(&check, json!({ "must_contain": "Fatal" }), json!({ "must_not_contain": "Fatal" }), found));
        cases.extend(asserting(&check, "Fatal", found));
    }
    expect(&cases).await;
}

#[tokio::test]
async fn no_match_spans_two_output_streams() {
    let failing = printing_twice(b"42", b"ERROR: disk full\n");
    let split = printing_twice(b"O", b"K");
    let json = printing_twice(b"{\"up\":true}", b"Picked up JAVA_TOOL_OPTIONS\n");
    let with_assertion = |check: &Value, assertion: &str| with(check, json!({ "assertions": [assertion] }));
    let mut cases = vec![
        (with_assertion(&failing, r"not [BODY] matches '\bERROR\b'"), down("")),
        (with_assertion(&failing, "not [BODY] matches '(?m)^ERROR'"), down("")),
        (with_assertion(&failing, "not [BODY] matches '42$'"), down("")),
        (with_assertion(&failing, "[BODY] matches '^42' and [BODY] matches '(?m)^ERROR'"), WELL),
        (with_assertion(&failing, r"[BODY] matches '^42\s*$'"), down("one of the two output streams does")),
        (with_assertion(&failing, r"not [BODY] matches '^42\s*$'"), down("one of the two output streams does")),
        (with_assertion(&failing, "[BODY] matches '^[^F]*$'"), WELL),
        (with_assertion(&failing, "[BODY] matches '^[^E]*$'"), down("one of the two output streams does")),
        (with_assertion(&printing_twice(b"\n", b"FATAL\n"), r"[BODY] matches '^\s*$'"), down("")),
        (with_assertion(&printing_twice(b"5", b"0"), "[BODY] > 40"), down("it is not clear which of standard output")),
        (with_assertion(&printing_twice(b"x", b"y"), "[BODY] > 40"), down("it is not clear which of standard output")),
        (with_assertion(&failing, "[BODY] > 40 and [BODY] == 42 and not [BODY] == 41"), WELL),
        (with_assertion(&failing, "[BODY] != 42"), down("")),
        (with_assertion(&json, "[BODY].up == true and len([JSON $]) == 1"), WELL),
        (
            with_assertion(&printing_twice(b"{}", b"[]"), "not [BODY].up exists"),
            down("both standard output and standard"),
        ),
        (
            with_assertion(&printing_twice(b"ok", b"{"), "not [BODY].up exists"),
            down("neither standard output nor standard"),
        ),
        (with_assertion(&printing_twice(b"N/A", b"3"), "[BODY] < 5"), down("it is not clear which of standard output")),
        (with_assertion(&printing_twice(b"\n", b"3"), "[BODY] < 5"), WELL),
        (
            with_assertion(&printing_twice(b"{\"up\":", b"{\"level\":1}"), "not has([BODY].error)"),
            down("standard output is not JSON"),
        ),
        (with_assertion(&printing_twice(b"42\n", b""), "[BODY] > 40"), WELL),
        (with_assertion(&printing_twice(b"", b"42"), "[BODY] > 40"), WELL),
        (with_assertion(&split, "[BODY] != K"), down("one of the two output streams is")),
        (with_assertion(&split, "[BODY_SIZE] == 2"), WELL),
    ];
    cases.extend(both(&split, json!({ "must_contain": "OK" }), json!({ "must_not_contain": "OK" }), Expected::No));
    cases.extend(asserting(&split, "OK", Expected::No));
    expect(&cases).await;
}
